/* The toy study of algorithm.md section 5.4 as a regression test (invariant 11): 27 classes, a hidden state of 8 numbers, three noisy views A, B, C; A and B
 * are aligned, then C grows through B on shifted data. What protects the trunk must show, and what does not must fail to. Seen here, A > B before and after:
 * none 92.6, 64.2; ema_teacher 86.4, 83.3; rehearsal_kd 86.4, 87.0; freeze 86.4, 86.4; A > C, never paired: 56, 58, 69, 67 (chance 3.7). */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/log.h"
#include "eval/retention.h"
#include "growth/phase.h"
#include "sim/latent.h"
#include "tests/support/paths.h"

enum { CLASSES = 27, TRAIN = 48, TEST = 6, WIDTH = 32, ROWS = CLASSES * (TRAIN + TEST) };

static const babel_latent_world world = {.seed = 7, .size = 8, .class_spread = 1, .subject_spread = 0, .instance_spread = 0.35};

static void make_bank(babel_bank *bank, const char *view_name, const char *dataset, double shift) {
  const babel_latent_view view = {.name = view_name, .width = WIDTH, .hidden = 24, .gain = 1.6, .offset = 1, .variation = 1, .noise = 0.2};
  babel_latent_sensor sensor;
  char path[1024], key[32];
  static int number;
  cr_assert_eq(babel_latent_sensor_create(&sensor, &world, &view), BABEL_OK);
  cr_assert_eq(babel_bank_create(bank, view_name, ROWS, 0, 1, WIDTH), BABEL_OK);
  strcpy(bank->dataset, dataset);
  for (int i = 0; i < ROWS; i++) {
    double z[BABEL_LATENT_MOST];
    snprintf(key, sizeof key, "%s%d", i < CLASSES * TRAIN ? "train" : "test", i);
    bank->keys[i] = strdup(key);
    bank->recordings[i] = strdup(key);
    bank->labels[i] = i % CLASSES;
    babel_latent_state(&world, dataset, shift, bank->labels[i], 0, i, z);
    babel_latent_show(&sensor, z, dataset, i, bank->features + (size_t)i * WIDTH);
  }
  babel_latent_sensor_destroy(&sensor);
  snprintf(path, sizeof path, "%s/toy%d.safetensors", babel_scratch(), number++);
  cr_assert_eq(babel_bank_write(bank, path), BABEL_OK, "%s", babel_error_last()->sentence);
}

typedef struct {
  babel_bank bank[4]; /* A, B; B, C of the shifted set */
  const char *train[CLASSES * TRAIN], *test[CLASSES * TEST];
  babel_retention_set set[2];
  babel_earlier_pair earlier;
} toy;

static void create(toy *t) {
  babel_log_set_level(BABEL_LOG_QUIET);
  make_bank(&t->bank[0], "a", "ab", 0);
  make_bank(&t->bank[1], "b", "ab", 0);
  make_bank(&t->bank[2], "b", "bc", 0.5);
  make_bank(&t->bank[3], "c", "bc", 0.5);
  for (int i = 0; i < CLASSES * TRAIN; i++) t->train[i] = t->bank[0].keys[i];
  for (int i = 0; i < CLASSES * TEST; i++) t->test[i] = t->bank[0].keys[CLASSES * TRAIN + i];
  for (int p = 0; p < 2; p++)
    t->set[p] = (babel_retention_set){.bank = {&t->bank[2 * p], &t->bank[2 * p + 1]}, .keys = t->test, .key_count = CLASSES * TEST};
  t->earlier = (babel_earlier_pair){.bank = {&t->bank[0], &t->bank[1]}, .keys = t->train, .key_count = CLASSES * TRAIN};
}

typedef struct {
  double before, kept, grown, emergent; /* A > B before and after, B > C, A > C [%] */
} outcome;

static double top1(const babel_retention *r, const char *from, const char *to) {
  const babel_measure *m = babel_retention_find(r, "class_top1", from, to);
  cr_assert_not_null(m);
  return m->value;
}

static outcome grow(const toy *t, int policy, double weight, int freeze) {
  babel_config config;
  babel_trunk trunk;
  babel_retention now;
  outcome o = {0};
  char folder[1024];
  babel_config_preset(&config, BABEL_PRESET_PAPER);
  config.embed_dim = 64;
  config.hidden = 64;
  config.batch = 128;
  config.max_steps = 300;
  config.grow_steps = 400;
  config.lr = config.lr_final = 3e-4; /* no decay */
  config.variants = 0;
  config.checkpoint_seconds = 0;
  config.standardise = 1;
  config.proto_policy = policy;
  config.distill_weight = weight;
  config.trunk = freeze;
  cr_assert_eq(babel_trunk_create(&trunk, babel_ops_cpu(), &config), BABEL_OK);
  for (int p = 0; p < 2; p++) {
    babel_phase_options options = {.bank = {t->set[p].bank[0], t->set[p].bank[1]}, .keys = t->train, .key_count = CLASSES * TRAIN, .earlier = &t->earlier, .earlier_count = p};
    snprintf(folder, sizeof folder, "%s/run", babel_scratch());
    cr_assert_eq(babel_folder_create(folder), BABEL_OK);
    options.out = folder;
    cr_assert_eq(babel_phase_run(&trunk, &options), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(babel_retention_measure(&now, &trunk, t->set, p + 1, true), BABEL_OK, "%s", babel_error_last()->sentence);
    if (!p) o.before = top1(&now, "a", "b");
    else o = (outcome){o.before, top1(&now, "a", "b"), top1(&now, "b", "c"), top1(&now, "a", "c")};
    babel_retention_destroy(&now);
  }
  babel_trunk_destroy(&trunk);
  return o;
}

Test(eval_toy_growth, what_protects_the_trunk_shows_and_what_does_not_fails) {
  static toy t; /* large */
  create(&t);
  outcome none = grow(&t, BABEL_POLICY_NONE, 0, 0), ema = grow(&t, BABEL_POLICY_EMA_TEACHER, 5, 0);
  outcome rehearsal = grow(&t, BABEL_POLICY_REHEARSAL_KD, 5, 0), frozen = grow(&t, BABEL_POLICY_REHEARSAL_KD, 5, 1);
  const struct {
    const char *name;
    const outcome *o;
  } safe[] = {{"ema_teacher", &ema}, {"rehearsal_kd", &rehearsal}, {"freeze", &frozen}};
  cr_assert_gt(ema.before, 60, "aligned at all: %g", ema.before);
  for (size_t i = 0; i < sizeof safe / sizeof *safe; i++) {
    const outcome *o = safe[i].o;
    cr_assert_gt(o->kept, o->before - 5, "%s: A > B fell from %g to %g", safe[i].name, o->before, o->kept);
    cr_assert_gt(o->grown, 50, "%s: B > C %g", safe[i].name, o->grown);
    cr_assert_gt(o->emergent, 10 * 100.0 / CLASSES, "%s: A > C, never paired, %g", safe[i].name, o->emergent);
  }
  cr_assert_eq(frozen.kept, frozen.before);
  cr_assert_lt(none.kept, none.before - 20, "none: %g, before %g", none.kept, none.before);
  for (int i = 0; i < 4; i++) babel_bank_destroy(&t.bank[i]);
}
