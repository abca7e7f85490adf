/* Published values of a block of features: sum, L2 norm, first three and last number. */
#ifndef BABEL_TESTS_ENCODERS_KNOWN_BLOCK_H
#define BABEL_TESTS_ENCODERS_KNOWN_BLOCK_H

typedef struct {
  const char *what;
  int n;
  double sum, l2, first[3], last;
} known_block;

/* Each number to `tolerance`, relative to max(1, |value|). */
void known_block_check(const known_block *known, const double *x, double tolerance);
void known_block_check_floats(const known_block *known, const float *x, double tolerance);
void known_near(const char *what, const char *part, double found, double expected, double tolerance);

#endif
