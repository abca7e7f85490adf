#include "tests/kernels/buffers.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

static float *add(buffers *b, float *data, size_t n, bool input) {
  cr_assert_lt(b->count, BUFFERS);
  b->item[b->count].data = data;
  b->item[b->count].n = n;
  b->item[b->count].input = input;
  b->count++;
  return data;
}

float *buffers_output(buffers *b, size_t n) {
  return add(b, babel_guarded(n), n, false);
}

float *buffers_input(buffers *b, const char *key, size_t n, double scale) {
  float *data = add(b, babel_guarded(n), n, true);
  babel_fill_floats(key, data, n, scale);
  return data;
}

float *buffers_state(buffers *b, const char *key, size_t n, double scale) {
  float *data = add(b, babel_guarded(n), n, false);
  babel_fill_floats(key, data, n, scale);
  return data;
}

double *buffers_double(buffers *b, size_t n) {
  cr_assert_lt(b->double_count, BUFFERS);
  double *data = calloc(n ? n : 1, sizeof *data);
  cr_assert_not_null(data);
  return b->doubles[b->double_count++] = data;
}

double *buffers_widen(buffers *b, const float *x, size_t n) {
  double *data = buffers_double(b, n);
  for (size_t i = 0; i < n; i++) data[i] = (double)x[i];
  return data;
}

void buffers_free(buffers *b) {
  for (int i = 0; i < b->count; i++) {
    babel_guarded_free(b->item[i].data);
    free(b->item[i].start);
    free(b->item[i].kept);
  }
  for (int i = 0; i < b->double_count; i++) free(b->doubles[i]);
  *b = (buffers){.count = 0};
}

void buffers_threads(int threads) {
  omp_set_num_threads(threads);
}

static void copy(float **to, const float *from, size_t n) {
  if (!*to) *to = malloc((n ? n : 1) * sizeof **to);
  cr_assert_not_null(*to);
  memcpy(*to, from, n * sizeof *from);
}

void buffers_start(buffers *b) {
  for (int i = 0; i < b->count; i++) copy(&b->item[i].start, b->item[i].data, b->item[i].n);
}

void buffers_rewind(buffers *b) {
  for (int i = 0; i < b->count; i++) {
    copy(&b->item[i].kept, b->item[i].data, b->item[i].n);
    memcpy(b->item[i].data, b->item[i].start, b->item[i].n * sizeof(float));
  }
}

bool buffers_agree(buffers *b) {
  for (int i = 0; i < b->count; i++) {
    const float *expected = b->item[i].input ? b->item[i].start : b->item[i].kept;
    if (memcmp(b->item[i].data, expected, b->item[i].n * sizeof(float))) return false;
    if (!babel_guard_check(b->item[i].data, b->item[i].n)) return false;
  }
  return true;
}

double relative_error(const float *a, const double *b, size_t n) {
  double gap = 0, size = 0;
  for (size_t i = 0; i < n; i++) {
    double here = fabs((double)a[i] - b[i]);
    if (!(here <= gap)) gap = isnan(here) ? INFINITY : here;
    if (fabs(b[i]) > size) size = fabs(b[i]);
  }
  return gap == 0 ? 0 : gap / size;
}

double central_difference(double (*f)(void *context), void *context, double *x) {
  const double at = *x, h = 1e-5;
  *x = at + h;
  double above = f(context);
  *x = at - h;
  double below = f(context);
  *x = at;
  return (above - below) / (2 * h);
}
