#include "tests/data/utd_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/file.h"
#include "tests/data/mat_bytes.h"

void utd_make_folders(const char *folder) {
  static const char *const names[] = {"Inertial", "Skeleton", "Depth"};
  for (int i = 0; i < 3; i++) {
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    if (babel_folder_create(path) != BABEL_OK) abort();
  }
}

static double six_decimals(double x) {
  return round(x * 1e6) / 1e6;
}

void utd_write_inertial(const char *folder, const char *key, int rows) {
  char path[1200];
  double *x = calloc((size_t)rows * 6, sizeof *x);
  if (!x) abort();
  for (int i = 0; i < rows; i++) {
    x[2 * rows + i] = six_decimals(1 + i / 4096.0);
    for (int c = 3; c < 6; c++) x[c * rows + i] = six_decimals(4.0 / 131.0 * (1000 * c + i));
  }
  snprintf(path, sizeof path, "%s/Inertial/%s_inertial.mat", folder, key);
  mat_write_doubles(path, "d_iner", 2, (uint32_t[]){(uint32_t)rows, 6}, x);
  free(x);
}

void utd_write_skeleton(const char *folder, const char *key, int frames) {
  char path[1200];
  double *x = calloc((size_t)frames * 60, sizeof *x);
  if (!x) abort();
  for (int f = 0; f < frames; f++)
    for (int j = 0; j < 20; j++) {
      x[f * 60 + j] = j / 100.0;
      x[f * 60 + 20 + j] = f / 100.0;
      x[f * 60 + 40 + j] = 3 + j / 1000.0 + f / 100000.0;
    }
  snprintf(path, sizeof path, "%s/Skeleton/%s_skeleton.mat", folder, key);
  mat_write_doubles(path, "d_skel", 3, (uint32_t[]){20, 3, (uint32_t)frames}, x);
  free(x);
}

void utd_write_depth(const char *folder, const char *key, int frames, int as_doubles) {
  char path[1200];
  size_t count = (size_t)frames * 240 * 320;
  uint16_t *x = malloc(count * sizeof *x);
  double *wide = malloc(count * sizeof *wide);
  if (!x || !wide) abort();
  for (size_t i = 0; i < count; i++) {
    x[i] = (uint16_t)((i % 240 * 7 + i / 240 % 320 * 3 + i / 76800) % 4000);
    wide[i] = x[i];
  }
  mat_spec spec = {.name = "d_depth", .rank = 3, .dims = {240, 320, (uint32_t)frames}};
  spec.type = as_doubles ? 9 : 4;
  spec.values = as_doubles ? (void *)wide : x;
  spec.value_bytes = count * (as_doubles ? sizeof *wide : sizeof *x);
  mat_bytes file = mat_header();
  mat_append(&file, mat_packed(mat_matrix(&spec), -1));
  snprintf(path, sizeof path, "%s/Depth/%s_depth.mat", folder, key);
  mat_save(path, file);
  mat_free(&file);
  free(x);
  free(wide);
}
