/* Comparison that NaN cannot pass, and buffers with guard bands. */
#ifndef BABEL_TESTS_SUPPORT_COMPARE_H
#define BABEL_TESTS_SUPPORT_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when !(|a - b| <= atol + rtol |b|) holds nowhere. On failure prints where (label, index, both values) to stderr. */
bool babel_close(const char *label, const float *a, const double *b, size_t n, double atol, double rtol);

/* 1 - 2 sum(xy) / sum(x^2 + y^2) in double, NaN when anything is NaN: one wrong scale shows here. */
double babel_global_error(const float *a, const double *b, size_t n);

/* n floats, all NaN, between two guard bands; babel_guard_check is false when something wrote outside. */
float *babel_guarded(size_t n);
bool babel_guard_check(const float *buffer, size_t n);
void babel_guarded_free(float *buffer);

/* Deterministic test numbers in [-1, 1): the fill rule of the encoder specifications, seed = FNV-1a-32(key). */
double babel_fill(const char *key, uint32_t i);
void babel_fill_floats(const char *key, float *x, size_t n, double scale);

#endif
