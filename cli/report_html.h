/* A run as one HTML file with pictures. */
#ifndef BABEL_CLI_REPORT_HTML_H
#define BABEL_CLI_REPORT_HTML_H

#include "core/status.h"

/* run: the folder of a phase or of a schedule. Writes RUN/report.html, which opens offline, and RUN/report/ with the numbers (.tsv) and the gnuplot scripts
 * (.gp) behind its pictures (.svg), so that they can be restyled. BABEL_ERR_UNSUPPORTED when gnuplot is not there. */
babel_status babel_report_html(const char *run);

#endif
