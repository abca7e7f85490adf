/* A sensor with two towers: which bank counts, and the mean of both. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/members.h"
#include "eval/retention.h"
#include "tests/support/compare.h"

enum { ROWS = 20, WIDTH = 16, CLASSES = 4 };

static void must(babel_status status) {
  cr_assert_eq(status, BABEL_OK, "%s", babel_error_last()->sentence);
}

/* Keys k0, k1, ..; reversed: the last one first. */
static void make_bank(babel_bank *bank, const char *modality, const char *dataset, int rows, int width, bool reversed) {
  must(babel_bank_create(bank, modality, rows, 0, 1, width));
  strcpy(bank->dataset, dataset);
  for (int i = 0; i < rows; i++) {
    int sample = reversed ? rows - 1 - i : i;
    char key[32];
    snprintf(key, sizeof key, "k%d", sample);
    bank->keys[i] = strdup(key);
    bank->recordings[i] = strdup(key);
    bank->labels[i] = sample % CLASSES;
    for (int c = 0; c < width; c++) bank->features[i * width + c] = (float)babel_fill(modality, (uint32_t)(sample * width + c));
  }
}

typedef struct {
  babel_bank wifi, wifi2, skeleton;
  babel_trunk trunk;
} world;

static void create(world *w, int members) {
  babel_config config;
  memset(w, 0, sizeof *w);
  babel_config_preset(&config, BABEL_PRESET_OURS);
  config.embed_dim = WIDTH;
  config.hidden = 12;
  config.wifi_members = members;
  must(babel_trunk_create(&w->trunk, babel_ops_cpu(), &config));
  make_bank(&w->wifi, "wifi", "one", ROWS, 7, false);
  make_bank(&w->wifi2, "wifi2", "one", ROWS, 9, true);
  make_bank(&w->skeleton, "skeleton", "one", ROWS, 5, false);
  must(babel_trunk_add_tower(&w->trunk, "wifi", 7));
  must(babel_trunk_add_tower(&w->trunk, "wifi2", 9));
  must(babel_trunk_add_tower(&w->trunk, "skeleton", 5));
}

static void destroy(world *w) {
  babel_trunk_destroy(&w->trunk);
  babel_bank_destroy(&w->wifi);
  babel_bank_destroy(&w->wifi2);
  babel_bank_destroy(&w->skeleton);
}

static void alone(const world *w, const babel_bank *bank, float *x) {
  must(babel_trunk_embed(&w->trunk, bank->modality, bank->features, ROWS, 1, NULL, BABEL_OUTPUT_FEATURE, x));
}

Test(eval_members, mean_is_the_unit_sum_of_the_same_samples) {
  static const int rows[] = {3, 19, 0, 7};
  enum { N = sizeof rows / sizeof *rows };
  world w;
  float first[ROWS * WIDTH], second[ROWS * WIDTH], found[N * WIDTH];
  double expected[N * WIDTH];
  create(&w, BABEL_MEMBERS_MEAN);
  alone(&w, &w.wifi, first);
  alone(&w, &w.wifi2, second);
  for (int i = 0; i < N; i++) {
    double norm = 0;
    for (int c = 0; c < WIDTH; c++) {
      double sum = (double)first[rows[i] * WIDTH + c] + (double)second[(ROWS - 1 - rows[i]) * WIDTH + c];
      expected[i * WIDTH + c] = sum;
      norm += sum * sum;
    }
    for (int c = 0; c < WIDTH; c++) expected[i * WIDTH + c] /= sqrt(norm);
  }
  const babel_bank *others[] = {&w.skeleton, &w.wifi, &w.wifi2, &w.wifi2}; /* the second one does not count twice */
  must(babel_members_embed(&w.trunk, &w.wifi, rows, N, others, 4, BABEL_OUTPUT_FEATURE, found));
  cr_assert(babel_close("mean", found, expected, N * WIDTH, 1e-6, 1e-6));
  destroy(&w);
}

Test(eval_members, primary_alone_where_nothing_else_fits) {
  world w;
  babel_bank few;
  float first[ROWS * WIDTH], second[ROWS * WIDTH], found[ROWS * WIDTH];
  const babel_bank *others[] = {&w.wifi, &w.wifi2};
  create(&w, BABEL_MEMBERS_PRIMARY);
  alone(&w, &w.wifi, first);
  alone(&w, &w.wifi2, second);
  must(babel_members_embed(&w.trunk, &w.wifi, NULL, ROWS, others, 2, BABEL_OUTPUT_FEATURE, found));
  cr_assert(!memcmp(found, first, sizeof found), "wifi_members: primary");
  w.trunk.config.wifi_members = BABEL_MEMBERS_MEAN;
  must(babel_members_embed(&w.trunk, &w.wifi2, NULL, ROWS, others, 2, BABEL_OUTPUT_FEATURE, found));
  cr_assert(!memcmp(found, second, sizeof found), "a further tower stays itself");
  make_bank(&few, "wifi2", "one", ROWS - 1, 9, false);
  others[1] = &few;
  cr_assert(!babel_member_fits(&w.trunk, &w.wifi, NULL, ROWS, &few), "a key is missing");
  must(babel_members_embed(&w.trunk, &w.wifi, NULL, ROWS, others, 2, BABEL_OUTPUT_FEATURE, found));
  cr_assert(!memcmp(found, first, sizeof found));
  cr_assert(babel_member_fits(&w.trunk, &w.wifi, NULL, ROWS - 1, &few), "the rows that are asked for have theirs");
  strcpy(w.wifi2.dataset, "two");
  cr_assert(!babel_member_fits(&w.trunk, &w.wifi, NULL, ROWS, &w.wifi2), "another data set");
  strcpy(w.wifi2.dataset, "one");
  cr_assert(!babel_member_fits(&w.trunk, &w.skeleton, NULL, ROWS, &w.wifi2), "another sensor");
  w.trunk.tower_count = 1;
  cr_assert(!babel_member_fits(&w.trunk, &w.wifi, NULL, ROWS, &w.wifi2), "no tower");
  w.trunk.tower_count = 3;
  babel_bank_destroy(&few);
  destroy(&w);
}

/* In the pair with the skeleton the sensor is the mean of its towers; in the pair of the towers each is itself. */
Test(eval_members, retention_takes_the_mean_but_not_against_its_own_member) {
  world w;
  babel_retention now[2];
  for (int members = 0; members < 2; members++) {
    create(&w, members);
    babel_retention_set sets[2] = {{.bank = {&w.skeleton, &w.wifi}}, {.bank = {&w.wifi, &w.wifi2}}};
    must(babel_retention_measure(&now[members], &w.trunk, sets, 2, false));
    float mean[ROWS * WIDTH], *found = now[members].embeddings[0];
    const babel_bank *others[] = {&w.wifi2};
    must(babel_members_embed(&w.trunk, &w.wifi, NULL, ROWS, others, 1, BABEL_OUTPUT_ALIGNED, mean));
    cr_assert(!memcmp(found, mean, sizeof mean), "%d", members);
    destroy(&w);
  }
  cr_assert(memcmp(now[0].embeddings[0], now[1].embeddings[0], sizeof(float[ROWS * WIDTH])));
  cr_assert(!memcmp(now[0].embeddings[1], now[1].embeddings[1], sizeof(float[ROWS * WIDTH])), "wifi2");
  for (int i = 0; i < 2; i++) {
    const babel_measure *m[2] = {babel_retention_find(&now[0], "class_top1", i ? "wifi2" : "wifi", i ? "wifi" : "wifi2"),
                                 babel_retention_find(&now[1], "class_top1", i ? "wifi2" : "wifi", i ? "wifi" : "wifi2")};
    cr_assert(m[0] && m[1]);
    cr_assert_eq(m[0]->value, m[1]->value);
  }
  for (int i = 0; i < 2; i++) babel_retention_destroy(&now[i]);
}
