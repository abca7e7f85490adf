/* The retention report on banks whose answers are known: every class has a feature of its own, so that whatever is aligned finds its class. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "eval/retention.h"
#include "growth/phase.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"
#include "core/file.h"

enum { CLASSES = 5, WIDTH = 8 };

static void make_bank(babel_bank *bank, const char *modality, const char *dataset, int first, int rows) {
  cr_assert_eq(babel_bank_create(bank, modality, rows, 0, 1, WIDTH), BABEL_OK);
  strcpy(bank->dataset, dataset);
  for (int i = 0; i < rows; i++) {
    char key[32];
    snprintf(key, sizeof key, "k%d", first + i);
    bank->keys[i] = strdup(key);
    bank->recordings[i] = strdup(key);
    bank->labels[i] = (first + i) % CLASSES;
    for (int c = 0; c < WIDTH; c++)
      bank->features[i * WIDTH + c] = (float)(2 * babel_fill(modality, (uint32_t)(bank->labels[i] * WIDTH + c)) + 0.6 * babel_fill("noise", (uint32_t)((first + i) * WIDTH + c)));
  }
  char path[1024];
  static int number;
  snprintf(path, sizeof path, "%s/retention%d.safetensors", babel_scratch(), number++);
  cr_assert_eq(babel_bank_write(bank, path), BABEL_OK, "%s", babel_error_last()->sentence);
}

typedef struct {
  babel_bank bank[6]; /* pairs (imu, skeleton), (skeleton, lidar) of another set, (imu, video) of the first set's later half */
  babel_retention_set set[3];
  babel_trunk trunk;
  babel_earlier_pair earlier[3];
} world;

static void grow(world *w, int p) {
  babel_phase_options options = {.bank = {w->set[p].bank[0], w->set[p].bank[1]}, .earlier = w->earlier, .earlier_count = p};
  char folder[1024];
  snprintf(folder, sizeof folder, "%s/phase%d", babel_scratch(), p);
  cr_assert_eq(babel_folder_create(folder), BABEL_OK);
  options.out = folder;
  cr_assert_eq(babel_phase_run(&w->trunk, &options), BABEL_OK, "%s", babel_error_last()->sentence);
}

static void create(world *w) {
  babel_config config;
  memset(w, 0, sizeof *w);
  babel_log_set_level(BABEL_LOG_QUIET);
  make_bank(&w->bank[0], "imu", "one", 0, 60);
  make_bank(&w->bank[1], "skeleton", "one", 0, 60);
  make_bank(&w->bank[2], "skeleton", "two", 100, 50);
  make_bank(&w->bank[3], "lidar", "two", 100, 50);
  make_bank(&w->bank[4], "imu", "one", 40, 20);
  make_bank(&w->bank[5], "video", "one", 40, 20);
  for (int p = 0; p < 3; p++) {
    w->set[p] = (babel_retention_set){.bank = {&w->bank[2 * p], &w->bank[2 * p + 1]}};
    w->earlier[p] = (babel_earlier_pair){.bank = {&w->bank[2 * p], &w->bank[2 * p + 1]}};
  }
  babel_config_preset(&config, BABEL_PRESET_OURS);
  config.embed_dim = 32;
  config.hidden = 24;
  config.batch = 16;
  config.max_steps = 150;
  config.grow_steps = 100;
  config.variants = 0;
  config.lr = 3e-3;
  config.input_dropout = 0.1;
  config.checkpoint_seconds = 0;
  cr_assert_eq(babel_trunk_create(&w->trunk, babel_ops_cpu(), &config), BABEL_OK);
}

static void destroy(world *w) {
  babel_trunk_destroy(&w->trunk);
  for (int i = 0; i < 6; i++) babel_bank_destroy(&w->bank[i]);
}

static double value(const babel_retention *r, const char *measure, const char *from, const char *to, bool emergent) {
  const babel_measure *m = babel_retention_find(r, measure, from, to);
  cr_assert_not_null(m, "%s %s %s", measure, from, to);
  cr_assert_eq(m->emergent, emergent, "%s %s", from, to);
  return m->value;
}

static void forget_chance(const char *path) {
  babel_file file;
  cr_assert_eq(babel_file_open(&file, path), BABEL_OK);
  char *text = strndup((const char *)file.data, file.size), *line;
  babel_file_close(&file);
  while ((line = strstr(text, "    \"chance\""))) memmove(line, strchr(line, '\n') + 1, strlen(strchr(line, '\n')));
  cr_assert_eq(babel_file_write_text(path, text), BABEL_OK);
  free(text);
}

Test(eval_retention, pairs_emergent_pairs_and_drift) {
  world w;
  babel_retention before, after;
  babel_results results = {0};
  create(&w);
  grow(&w, 0);
  cr_assert_eq(babel_retention_measure(&before, &w.trunk, w.set, 1, true), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(before.count, 10, "two directions, five measures each; no draws, no one-shot");
  grow(&w, 1);
  grow(&w, 2);
  cr_assert_eq(babel_retention_measure(&after, &w.trunk, w.set, 3, true), BABEL_OK, "%s", babel_error_last()->sentence);
  /* chance is 20 %: the classes are found across every pair, also across those never trained together */
  cr_assert_gt(value(&after, "class_top1", "imu", "skeleton", false), 80);
  cr_assert_gt(value(&after, "class_top1", "lidar", "skeleton", false), 80);
  cr_assert_gt(value(&after, "class_top1", "imu", "lidar", true), 60);
  cr_assert_null(babel_retention_find(&after, "recall1", "imu", "lidar"), "samples of two data sets are not synchronised");
  value(&after, "recall1", "skeleton", "video", true); /* the same data set: the keys that both have */
  cr_assert_float_eq(babel_retention_find(&after, "class_top1", "imu", "skeleton")->chance, 20, 1e-9);
  cr_assert_float_eq(babel_retention_find(&after, "class_top1", "imu", "lidar")->chance, 20, 1e-9);
  cr_assert_float_eq(babel_retention_find(&after, "recall5", "imu", "skeleton")->chance, 500.0 / 60, 1e-9);
  cr_assert_float_eq(babel_retention_find(&after, "median_rank", "imu", "skeleton")->chance, 30.5, 1e-9);
  babel_retention apart;
  cr_assert_eq(babel_retention_measure(&apart, &w.trunk, w.set, 3, false), BABEL_OK);
  cr_assert_null(babel_retention_find(&apart, "class_top1", "imu", "lidar"), "labels of two data sets that have nothing to do with each other");
  value(&apart, "class_top1", "skeleton", "video", true);
  babel_retention_destroy(&apart);
  cr_assert_eq(babel_retention_rows(&results, &before, &after, &w.trunk, "last", "rehearsal_kd"), BABEL_OK, "%s", babel_error_last()->sentence);
  int drifts = 0;
  for (int i = 0; i < results.count; i++) {
    const babel_result *r = &results.rows[i];
    bool old = r->modalities.count == 2 && strcmp(r->modalities.names[0], "lidar") && strcmp(r->modalities.names[1], "lidar") &&
               strcmp(r->modalities.names[0], "video") && strcmp(r->modalities.names[1], "video");
    if (!strcmp(r->measure, "drift")) {
      drifts++;
      cr_assert(r->after > 0.5 && r->after < 1.000001, "%g", r->after);
      cr_assert(isnan(r->chance));
    } else {
      cr_assert_eq(isnan(r->before), !old, "%s %s", r->measure, r->modalities.names[0]);
      if (old && !strcmp(r->measure, "class_top1")) cr_assert(fabs(r->retained - 100 * r->after / r->before) < 1e-3);
    }
  }
  cr_assert_eq(drifts, 2);
  char path[1024];
  babel_results back;
  snprintf(path, sizeof path, "%s/retention.json", babel_scratch());
  cr_assert_eq(babel_results_write(&results, path), BABEL_OK);
  cr_assert_eq(babel_results_read(&back, path), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(back.count, results.count);
  for (int i = 0; i < back.count; i++) {
    cr_assert_eq(back.rows[i].emergent, results.rows[i].emergent);
    cr_assert_str_eq(back.rows[i].phase, "last");
    cr_assert_eq(back.rows[i].after, results.rows[i].after);
  }
  babel_results_destroy(&back);
  forget_chance(path);
  cr_assert_eq(babel_results_read(&back, path), BABEL_OK, "a file from before it was there: %s", babel_error_last()->sentence);
  for (int i = 0; i < back.count; i++) cr_assert(isnan(back.rows[i].chance));
  babel_results_destroy(&back);
  babel_results_destroy(&results);
  babel_retention_destroy(&before);
  babel_retention_destroy(&after);
  destroy(&w);
}
