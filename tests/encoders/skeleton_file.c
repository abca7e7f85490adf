#include "tests/encoders/skeleton_file.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/safetensors.h"
#include "encoders/shift_gcn_net.h"
#include "encoders/st_gcn_net.h"
#include "tests/encoders/skeleton_synthetic.h"
#include "tests/support/paths.h"

typedef struct {
  const skeleton_file *how;
  babel_safetensors_writer *writer;
  void *kept[512]; /* data stay until the file is written */
  int count, kept_count;
} recorder;

static void *keep(recorder *r, size_t size) {
  cr_assert_lt(r->kept_count, 512);
  return r->kept[r->kept_count++] = calloc(1, size);
}

static bool is(const char *wish, const char *name) {
  return wish && !strcmp(wish, name);
}

static void add(recorder *r, const char *name, const babel_tensor *tensor) {
  char full[128];
  if (is(r->how->omit, name)) return;
  snprintf(full, sizeof full, "%s%s", r->how->prefix ? r->how->prefix : "", name);
  cr_assert_eq(babel_safetensors_writer_add(r->writer, full, tensor), BABEL_OK);
  r->count++;
}

/* int64 tensor of one axis, or a scalar. */
static int64_t *add_integers(recorder *r, const char *name, int count) {
  int64_t *values = keep(r, (size_t)(count ? count : 1) * sizeof *values);
  babel_tensor tensor = {values, BABEL_I64, count ? 1 : 0, {count}};
  add(r, name, &tensor);
  return values;
}

static babel_status record(void *context, const char *name, int rank, const int64_t *shape, float *out) {
  recorder *r = context;
  babel_weight_source rule = skeleton_fill_source();
  babel_tensor tensor = {.dtype = BABEL_F32, .rank = rank};
  int64_t count = 1;
  char tracked[128];
  for (int k = 0; k < rank; k++) count *= tensor.shape[k] = shape[k];
  BABEL_TRY(rule.take(NULL, name, rank, shape, out));
  float *data = keep(r, (size_t)count * sizeof *data);
  memcpy(data, out, (size_t)count * sizeof *data);
  if (is(r->how->spoil, name)) data[count / 2] = NAN;
  tensor.data = data;
  add(r, name, &tensor);
  const char *end = strstr(name, "running_var");
  if (end) {
    snprintf(tracked, sizeof tracked, "%.*snum_batches_tracked", (int)(end - name), name);
    add_integers(r, tracked, 0);
  }
  return BABEL_OK;
}

static void begin(recorder *r, const skeleton_file *how) {
  *r = (recorder){.how = how};
  cr_assert_eq(babel_safetensors_writer_create(&r->writer), BABEL_OK);
}

static const char *finish(recorder *r, int *count) {
  static char path[1100];
  static const float value = 1;
  if (r->how->extra) {
    babel_tensor one = {&value, BABEL_F32, 1, {1}};
    cr_assert_eq(babel_safetensors_writer_add(r->writer, r->how->extra, &one), BABEL_OK);
  }
  snprintf(path, sizeof path, "%s/weights.safetensors", babel_scratch());
  cr_assert_eq(babel_safetensors_writer_commit(r->writer, path), BABEL_OK);
  babel_safetensors_writer_destroy(r->writer);
  for (int i = 0; i < r->kept_count; i++) free(r->kept[i]);
  if (count) *count = r->count;
  return path;
}

/* The published tables: element (v, c) of the shifted vector reads flat element (v * C + c +- c * C) mod 25
 * C. */
static void add_table(recorder *r, const char *name, int channels, int sign) {
  int64_t all = 25 * channels, *table = add_integers(r, name, (int)all);
  for (int64_t i = 0; i < all; i++) table[i] = (i + sign * (i % channels) * channels + all * channels) % all;
  if (is(r->how->spoil, name)) table[all / 2] = (table[all / 2] + 1) % all;
}

const char *skeleton_file_shift_gcn(const skeleton_file *how, int *count) {
  static const int in[10] = {3, 64, 64, 64, 64, 128, 128, 128, 256, 256},
                   out[10] = {64, 64, 64, 64, 128, 128, 128, 256, 256, 256};
  recorder r;
  begin(&r, how);
  babel_weight_source source = {&r, record};
  babel_shift_gcn_net net;
  cr_assert_eq(babel_shift_gcn_net_create(&net, &source), BABEL_OK);
  babel_shift_gcn_net_destroy(&net);
  for (int l = 0; l < 10; l++) {
    char name[64];
    snprintf(name, sizeof name, "l%d.gcn1.shift_in", l + 1);
    add_table(&r, name, in[l], 1);
    snprintf(name, sizeof name, "l%d.gcn1.shift_out", l + 1);
    add_table(&r, name, out[l], -1);
  }
  return finish(&r, count);
}

const char *skeleton_file_st_gcn(const skeleton_file *how, int *count) {
  recorder r;
  begin(&r, how);
  babel_weight_source source = {&r, record};
  babel_st_gcn_net net;
  cr_assert_eq(babel_st_gcn_net_create(&net, &babel_st_gcn_ntu, &source), BABEL_OK);
  babel_st_gcn_net_destroy(&net);
  return finish(&r, count);
}
