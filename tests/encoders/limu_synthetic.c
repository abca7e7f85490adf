#include "tests/encoders/limu_synthetic.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/compare.h"
#include "tests/support/paths.h"

static const struct {
  const char *name;
  int rows, columns; /* columns 0: a vector */
} tensors[] = {
    {"transformer.embed.lin.weight", 72, 6},
    {"transformer.embed.lin.bias", 72, 0},
    {"transformer.embed.pos_embed.weight", 120, 72},
    {"transformer.embed.norm.gamma", 72, 0},
    {"transformer.embed.norm.beta", 72, 0},
    {"transformer.attn.proj_q.weight", 72, 72},
    {"transformer.attn.proj_q.bias", 72, 0},
    {"transformer.attn.proj_k.weight", 72, 72},
    {"transformer.attn.proj_k.bias", 72, 0},
    {"transformer.attn.proj_v.weight", 72, 72},
    {"transformer.attn.proj_v.bias", 72, 0},
    {"transformer.proj.weight", 72, 72},
    {"transformer.proj.bias", 72, 0},
    {"transformer.norm1.gamma", 72, 0},
    {"transformer.norm1.beta", 72, 0},
    {"transformer.pwff.fc1.weight", 144, 72},
    {"transformer.pwff.fc1.bias", 144, 0},
    {"transformer.pwff.fc2.weight", 72, 144},
    {"transformer.pwff.fc2.bias", 72, 0},
    {"transformer.norm2.gamma", 72, 0},
    {"transformer.norm2.beta", 72, 0},
    {"fc.weight", 72, 72},
    {"fc.bias", 72, 0},
    {"linear.weight", 72, 72},
    {"linear.bias", 72, 0},
    {"norm.gamma", 72, 0},
    {"norm.beta", 72, 0},
    {"decoder.weight", 6, 72},
    {"decoder.bias", 6, 0},
};
enum { TENSORS = sizeof tensors / sizeof *tensors };

/* Which formula depends on the name; the first that matches counts. */
static float fill_value(const char *name, int columns, uint32_t i) {
  double u = babel_fill(name, i);
  size_t length = strlen(name);
  if (strstr(name, "pos_embed.weight")) return (float)(0.5 * u);
  if (columns) return (float)(u * sqrt(3.0 / columns));
  if (length > 5 && !strcmp(name + length - 5, "gamma")) return (float)(1 + 0.1 * u);
  return (float)(0.1 * u);
}

static void add_tensor(babel_safetensors_writer *writer, const limu_synthetic *how, int t, float *data) {
  char name[128];
  bool longer = how->reshape && !strcmp(how->reshape, tensors[t].name);
  int rows = tensors[t].rows + longer, columns = tensors[t].columns;
  const int64_t shape[2] = {rows, columns};
  for (int i = 0; i < rows * (columns ? columns : 1); i++)
    data[i] = fill_value(tensors[t].name, columns, (uint32_t)i);
  if (how->spoil && !strcmp(how->spoil, tensors[t].name)) data[1] = NAN;
  snprintf(name, sizeof name, "%s%s", how->prefix ? how->prefix : "", tensors[t].name);
  cr_assert_eq(babel_safetensors_writer_floats(writer, name, data, columns ? 2 : 1, shape), BABEL_OK);
}

static bool left_out(const limu_synthetic *how, const char *name) {
  if (how->omit_decoder && strncmp(name, "transformer.", 12)) return true;
  return how->omit && !strcmp(name, how->omit);
}

const char *limu_synthetic_write(const limu_synthetic *how) {
  static char path[1100];
  static const char *folder;
  static int number;
  enum { MOST = 145 * 72 };
  float *data = calloc((size_t)TENSORS * MOST, sizeof *data); /* the writer borrows until commit */
  const int64_t one = 1;
  babel_safetensors_writer *writer;
  cr_assert_eq(babel_safetensors_writer_create(&writer), BABEL_OK);
  for (int t = 0; t < TENSORS; t++)
    if (!left_out(how, tensors[t].name)) add_tensor(writer, how, t, data + t * MOST);
  if (how->extra) cr_assert_eq(babel_safetensors_writer_floats(writer, how->extra, data, 1, &one), BABEL_OK);
  if (!folder) folder = babel_scratch();
  snprintf(path, sizeof path, "%s/limu_%d.safetensors", folder, number++);
  cr_assert_eq(babel_safetensors_writer_commit(writer, path), BABEL_OK, "%s", babel_error_last()->sentence);
  babel_safetensors_writer_destroy(writer);
  free(data);
  return path;
}

void limu_synthetic_input(float x[120 * 6]) {
  babel_fill_floats("input", x, 120 * 6, 1);
}
