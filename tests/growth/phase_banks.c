#include "tests/growth/phase_banks.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"

enum { HIDDEN = 5 };

static double hidden(int pair, int k) {
  return babel_fill("hidden", (uint32_t)(pair * HIDDEN + k));
}

/* Column j of view `view` shows a curved mixture of what is hidden. */
static float shown(int view, int pair, int j, double noise, uint32_t at) {
  char key[32];
  double sum = 0;
  snprintf(key, sizeof key, "mixture %d", view);
  for (int k = 0; k < HIDDEN; k++) sum += babel_fill(key, (uint32_t)(j * HIDDEN + k)) * hidden(pair, k);
  snprintf(key, sizeof key, "noise %d", view);
  return (float)(3 + tanh(2 * sum) + noise * babel_fill(key, at));
}

void phase_bank(babel_bank *bank, int view, int pairs, int variants, int steps) {
  static int number;
  char path[1024], key[16];
  static const char *const names[] = {"imu", "skeleton", "lidar"};
  static const int widths[] = {10, 14, 12};
  int width = widths[view];
  cr_assert_eq(babel_bank_create(bank, names[view], pairs, variants, steps, width), BABEL_OK, "%s", babel_error_last()->sentence);
  snprintf(bank->dataset, sizeof bank->dataset, "made \"up\"");
  for (int i = 0; i < pairs; i++) {
    snprintf(key, sizeof key, "s%d", i);
    bank->keys[i] = strdup(key);
    bank->recordings[i] = strdup(key);
    bank->labels[i] = i % 4;
    bank->subjects[i] = i % 3;
    for (int v = -1; v < variants; v++) {
      float *to = v < 0 ? bank->features + (size_t)i * (size_t)(steps * width)
                        : bank->augmented + ((size_t)i * (size_t)variants + (size_t)v) * (size_t)(steps * width);
      for (int c = 0; c < steps * width; c++) to[c] = shown(view, i, c % width, 0.1, (uint32_t)((i * (variants + 1) + v + 1) * steps * width + c));
      if (bank->lengths) bank->lengths[i * (variants + 1) + v + 1] = 1 + (i + v + 1) % steps;
    }
  }
  snprintf(path, sizeof path, "%s/bank%d.safetensors", babel_scratch(), number++);
  cr_assert_eq(babel_bank_write(bank, path), BABEL_OK, "%s", babel_error_last()->sentence);
}

babel_config phase_config(void) {
  babel_config config;
  babel_config_preset(&config, BABEL_PRESET_OURS);
  config.embed_dim = 32;
  config.hidden = 24;
  config.batch = 32;
  config.max_steps = 60;
  config.input_dropout = 0.2;
  config.variants = 0;
  config.lr = 3e-3;
  config.watch_epochs = 2;
  config.checkpoint_seconds = 0;
  return config;
}

babel_phase_options phase_options(const babel_bank banks[2], const char *folder) {
  static char paths[32][1024];
  static int number;
  char *path = paths[number++ % 32];
  snprintf(path, 1024, "%s/%s", babel_scratch(), folder);
  cr_assert_eq(babel_folder_create(path), BABEL_OK);
  return (babel_phase_options){.bank = {&banks[0], &banks[1]}, .out = path};
}

char *phase_bytes(const char *folder, const char *name, size_t *size) {
  char path[1200];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  cr_assert_not_null(file, "%s", path);
  cr_assert_eq(fseek(file, 0, SEEK_END), 0);
  *size = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*size + 1);
  cr_assert_not_null(bytes);
  cr_assert_eq(fread(bytes, 1, *size, file), *size);
  bytes[*size] = 0;
  fclose(file);
  return bytes;
}

bool phase_same_file(const char *folder_a, const char *folder_b, const char *name) {
  size_t a, b;
  char *x = phase_bytes(folder_a, name, &a), *y = phase_bytes(folder_b, name, &b);
  bool same = a == b && a > 0 && !memcmp(x, y, a);
  free(x);
  free(y);
  return same;
}

double phase_retrieval(const babel_trunk *trunk, const babel_bank banks[2]) {
  int n = banks[0].rows, width = trunk->config.embed_dim, hits = 0;
  float *e[2];
  for (int s = 0; s < 2; s++) {
    e[s] = malloc((size_t)n * (size_t)width * sizeof **e);
    cr_assert_eq(babel_trunk_embed(trunk, banks[s].modality, banks[s].features, n, banks[s].steps, NULL, BABEL_OUTPUT_ALIGNED, e[s]), BABEL_OK);
  }
  for (int i = 0; i < n; i++) {
    int best = -1;
    double most = -2;
    for (int j = 0; j < n; j++) {
      double cosine = 0;
      for (int c = 0; c < width; c++) cosine += (double)e[0][i * width + c] * (double)e[1][j * width + c];
      if (cosine > most) best = j;
      if (cosine > most) most = cosine;
    }
    hits += best == i;
  }
  free(e[0]);
  free(e[1]);
  return (double)hits / n;
}
