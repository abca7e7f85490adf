/* Small comma-separated text files: splits, draws, keys. One header line, then rows of as many fields; blank lines are
 * skipped, blanks around a field too; a field may stand in double quotes, doubled quotes inside ("" for one). UTF-8
 * byte-order mark and CR LF are accepted. Sentences name file and line. */
#ifndef BABEL_DATA_CSV_H
#define BABEL_DATA_CSV_H

#include "core/file.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_CSV_FIELDS 12

typedef struct {
  babel_file file;
  babel_lines lines;
  char line[4096];
  int columns;                    /* of the header */
  char *fields[BABEL_CSV_FIELDS]; /* of the current row: point into `line` */
} babel_csv;

/* Reads the header, which must be `header` or, where `longer` is not NULL, that. */
babel_status babel_csv_open(babel_csv *csv, const char *path, const char *header, const char *longer);
void babel_csv_close(babel_csv *csv); /* accepts a zeroed one */

/* The next row into fields; false at the end of the file or with a failure in *status. */
bool babel_csv_next(babel_csv *csv, babel_status *status);

/* Field i as a whole number in low..high; `what` names it in the sentence. */
babel_status babel_csv_int(const babel_csv *csv, int i, const char *what, int low, int high, int *value);

#ifdef __cplusplus
}
#endif
#endif
