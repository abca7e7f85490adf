/* Where tests find files: fixtures of the repository, real data of the machine, a scratch folder. */
#ifndef BABEL_TESTS_SUPPORT_PATHS_H
#define BABEL_TESTS_SUPPORT_PATHS_H

/* tests/fixtures/NAME. Returned text lives in a small ring of static buffers. */
const char *babel_fixture(const char *name);

/* $BABEL_DATA/NAME (default ../shared/data beside the source tree), or NULL when it does not exist. Weights: $BABEL_WEIGHTS
 * (default ../shared/weights). A test program whose every case needs real data returns 77 from main when this is NULL;
 * else the case calls cr_skip. */
const char *babel_real_data(const char *name);
const char *babel_real_weights(const char *name);

/* A fresh empty folder under $TMPDIR that is removed when the process ends. */
const char *babel_scratch(void);

#endif
