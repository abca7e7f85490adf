/* A locale with a decimal comma: public bug reports say that numbers are cut at the point under one. */
#ifndef BABEL_TESTS_SUPPORT_COMMA_LOCALE_H
#define BABEL_TESTS_SUPPORT_COMMA_LOCALE_H

#include <stdbool.h>

/* Makes one under $TMPDIR and switches this process to it; afterwards printf("%.1f", 0.5) gives "0,5". False where
 * the machine has no `localedef` or no locale sources: then the case calls cr_skip. */
bool babel_comma_locale(void);

#endif
