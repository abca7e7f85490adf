/* Runs the program `babel` in a scratch folder, for tests of what a user sees. */
#ifndef BABEL_TESTS_CASES_PROGRAM_H
#define BABEL_TESTS_CASES_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/core/containers.h"

/* Makes the scratch folder the current one, so that files go by short names. */
void enter_scratch(void);
/* The bytes become the file `name`; they are freed. */
void save(const char *name, bytes *content);
void save_text(const char *name, const char *text);
/* A NumPy array: descr "<f4", shape "(4, 6)", fortran order or not, header version and alignment of the data. */
void save_npy(const char *name, const char *descr, const char *shape, bool fortran, int version, size_t align, const void *data, size_t size);
/* Float rows of version 1. */
void save_rows(const char *name, const float *x, int rows, int columns);
/* Standard normal numbers from a counter: the same for the same seed. */
void fill_normal(float *x, size_t count, unsigned seed);

/* Runs `babel ARGUMENTS`. The case fails when it ends by a signal or prints a sanitizer's report. Returns the exit status. */
int run(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What the last run wrote. */
const char *output(void);
const char *errors(void);

/* The last run ended with `code` and one error line that holds the word. */
void refused(int code, int found, const char *word);
/* `babel inspect` printed this tensor: shape as text, sum, first and last value. */
void shows(const char *name, const char *shape, double sum, double first, double last);

#endif
