/* Phases on a trunk that knows something already: kinds, policies, what they leave alone. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "tests/growth/phase_banks.h"

enum { PAIRS = 60 };

typedef struct {
  babel_bank bank[3]; /* imu, skeleton, lidar */
  babel_config config;
  babel_trunk trunk;
  char folder[1100];
} world;

static babel_status phase(world *w, int a, int b, const char *folder) {
  babel_bank pair[2] = {w->bank[a], w->bank[b]};
  babel_phase_options options = phase_options(pair, folder);
  babel_earlier_pair earlier = {.bank = {&w->bank[0], &w->bank[1]}};
  if (w->trunk.tower_count) options.earlier = &earlier, options.earlier_count = 1;
  snprintf(w->folder, sizeof w->folder, "%s", options.out);
  w->trunk.config = w->config;
  return babel_phase_run(&w->trunk, &options);
}

static void create(world *w, int policy) {
  memset(w, 0, sizeof *w);
  babel_log_set_level(BABEL_LOG_QUIET);
  for (int v = 0; v < 3; v++) phase_bank(&w->bank[v], v, PAIRS, 0, 1);
  w->config = phase_config();
  w->config.proto_policy = policy;
  w->config.grow_steps = 40;
  w->config.max_steps = 120;
  cr_assert_eq(babel_trunk_create(&w->trunk, babel_ops_cpu(), &w->config), BABEL_OK);
  cr_assert_eq(phase(w, 0, 1, "first"), BABEL_OK, "%s", babel_error_last()->sentence);
}

static void destroy(world *w) {
  babel_trunk_destroy(&w->trunk);
  for (int v = 0; v < 3; v++) babel_bank_destroy(&w->bank[v]);
}

static void embed(const world *w, int v, float *to) {
  cr_assert_eq(babel_trunk_embed(&w->trunk, w->bank[v].modality, w->bank[v].features, PAIRS, 1, NULL, BABEL_OUTPUT_FEATURE, to), BABEL_OK, "%s",
               babel_error_last()->sentence);
}

static float *module_copy(const world *w, int tower) {
  size_t bytes = (size_t)w->trunk.towers[tower].module.count * sizeof(float);
  return memcpy(malloc(bytes), w->trunk.towers[tower].module.params, bytes);
}

static bool module_moved(const world *w, int tower, const float *before) {
  return memcmp(before, w->trunk.towers[tower].module.params, (size_t)w->trunk.towers[tower].module.count * sizeof(float)) != 0;
}

/* ---- kinds ------------------------------------------------------------------------------------------------------------------------------ */

Test(growth_grow, kind_and_junction_follow_from_what_the_trunk_knows) {
  static const struct {
    const char *a, *b;
    babel_phase_kind kind;
    bool swap, allowed;
  } cases[] = {{"imu", "lidar", BABEL_PHASE_GROW, false, false},      {"lidar", "imu", BABEL_PHASE_GROW, true, false},
               {"skeleton", "imu", BABEL_PHASE_BRIDGE, true, false},  {"imu", "skeleton", BABEL_PHASE_BRIDGE, false, false},
               {"wifi", "mmwave", BABEL_PHASE_DISCONNECTED, false, true}, {"wifi", "wifi2", BABEL_PHASE_AUGMENT, false, false},
               {"imu2", "imu", BABEL_PHASE_AUGMENT, true, false}};
  world w;
  create(&w, BABEL_POLICY_PLAIN);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_phase_kind kind;
    bool swap;
    const char *const names[2] = {cases[i].a, cases[i].b};
    cr_assert_eq(babel_phase_kind_of(&w.trunk, &w.config, names, cases[i].allowed, &kind, &swap), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(kind, cases[i].kind, "%s, %s: %s", names[0], names[1], babel_phase_kind_name(kind));
    cr_assert_eq(swap, cases[i].swap, "%s, %s", names[0], names[1]);
  }
  destroy(&w);
}

Test(growth_grow, phases_that_make_no_sense_are_refused) {
  world w;
  babel_phase_kind kind;
  bool swap;
  create(&w, BABEL_POLICY_PLAIN);
  cr_assert_eq(babel_phase_kind_of(&w.trunk, &w.config, (const char *const[]){"wifi", "mmwave"}, false, &kind, &swap), BABEL_ERR_ARG);
  cr_assert_not_null(strstr(babel_error_last()->sentence, "--allow-disconnected"));
  cr_assert_eq(babel_phase_kind_of(&w.trunk, &w.config, (const char *const[]){"imu", "imu"}, false, &kind, &swap), BABEL_ERR_ARG);
  w.config.trunk = BABEL_TRUNK_FREEZE;
  cr_assert_eq(babel_phase_kind_of(&w.trunk, &w.config, (const char *const[]){"imu", "skeleton"}, false, &kind, &swap), BABEL_ERR_ARG);
  cr_assert_not_null(strstr(babel_error_last()->sentence, "both are known"));
  w.config.trunk = BABEL_TRUNK_TRAIN;
  w.config.proto_policy = BABEL_POLICY_REHEARSAL_KD;
  w.trunk.config = w.config;
  babel_phase_options options = phase_options((babel_bank[]){w.bank[1], w.bank[2]}, "refused");
  cr_assert_eq(babel_phase_run(&w.trunk, &options), BABEL_ERR_ARG, "no earlier banks");
  destroy(&w);
}

Test(growth_grow, width_and_encoder_of_a_known_modality_must_be_the_towers) {
  world w;
  babel_bank other;
  create(&w, BABEL_POLICY_PLAIN);
  phase_bank(&other, 2, PAIRS, 0, 1);
  strcpy(other.modality, "imu");
  babel_phase_options options = phase_options((babel_bank[]){other, w.bank[2]}, "other");
  cr_assert_eq(babel_phase_run(&w.trunk, &options), BABEL_ERR_SHAPE);
  cr_assert_not_null(strstr(babel_error_last()->sentence, "width 12, but the trunk's tower takes 10"));
  free(w.trunk.towers[1].provenance);
  w.trunk.towers[1].provenance = strdup("{\"encoder\": \"shift_gcn\"}");
  free(w.bank[1].provenance);
  w.bank[1].provenance = strdup("{\"encoder\": \"st_gcn\"}");
  cr_assert_eq(phase(&w, 1, 2, "encoder"), BABEL_ERR_ARG);
  cr_assert_not_null(strstr(babel_error_last()->sentence, "\"st_gcn\""));
  babel_bank_destroy(&other);
  destroy(&w);
}

/* ---- policies ---------------------------------------------------------------------------------------------------------------------------- */

/* Which of imu, skeleton and the prototype a growth phase of skeleton and lidar moves. */
Test(growth_grow, each_policy_moves_what_it_says) {
  static const struct {
    const char *name;
    int policy, trunk;
    bool imu, skeleton, prototype;
  } cases[] = {{"plain", BABEL_POLICY_PLAIN, 0, false, true, true},
               {"ema_teacher", BABEL_POLICY_EMA_TEACHER, 0, false, true, true},
               {"snapshot_teacher", BABEL_POLICY_SNAPSHOT_TEACHER, 0, false, true, true},
               {"ema_deploy", BABEL_POLICY_EMA_DEPLOY, 0, false, true, true},
               {"rehearsal_kd", BABEL_POLICY_REHEARSAL_KD, 0, true, true, true},
               {"gauss_kd", BABEL_POLICY_GAUSS_KD, 0, true, true, true},
               {"replay", BABEL_POLICY_REPLAY, 0, true, true, true},
               {"frozen", BABEL_POLICY_FROZEN, 0, false, true, false},
               {"slow", BABEL_POLICY_SLOW, 0, false, true, true},
               {"none", BABEL_POLICY_NONE, 0, false, true, false},
               {"freeze", BABEL_POLICY_REHEARSAL_KD, BABEL_TRUNK_FREEZE, false, false, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    world w;
    create(&w, cases[i].policy);
    float *imu = module_copy(&w, 0), *skeleton = module_copy(&w, 1);
    size_t bytes = (size_t)w.trunk.prototype.count * sizeof(float);
    float *prototype = memcpy(malloc(bytes), w.trunk.prototype.params, bytes);
    w.config.trunk = cases[i].trunk;
    cr_assert_eq(phase(&w, 2, 1, cases[i].name), BABEL_OK, "%s: %s", cases[i].name, babel_error_last()->sentence);
    cr_assert_eq(w.trunk.tower_count, 3);
    cr_assert_str_eq(w.trunk.towers[2].name, "lidar");
    cr_assert_eq(module_moved(&w, 0, imu), cases[i].imu, "%s: imu", cases[i].name);
    cr_assert_eq(module_moved(&w, 1, skeleton), cases[i].skeleton, "%s: skeleton", cases[i].name);
    cr_assert_eq(memcmp(prototype, w.trunk.prototype.params, bytes) != 0, cases[i].prototype, "%s: prototype", cases[i].name);
    babel_trunk back;
    char path[1200];
    snprintf(path, sizeof path, "%s/trunk.safetensors", w.folder);
    cr_assert_eq(babel_trunk_read(&back, babel_ops_cpu(), path), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(back.tower_count, 3);
    cr_assert_eq(back.towers[2].gauss.width, 12);
    babel_trunk_destroy(&back);
    free(imu);
    free(skeleton);
    free(prototype);
    destroy(&w);
  }
}

Test(growth_grow, frozen_trunk_keeps_every_older_embedding_bit_for_bit) {
  world w;
  float before[2][PAIRS * 32], after[PAIRS * 32];
  create(&w, BABEL_POLICY_REHEARSAL_KD);
  w.config.trunk = BABEL_TRUNK_FREEZE;
  for (int v = 0; v < 2; v++) embed(&w, v, before[v]);
  cr_assert_eq(phase(&w, 1, 2, "freeze"), BABEL_OK, "%s", babel_error_last()->sentence);
  for (int v = 0; v < 2; v++) {
    embed(&w, v, after);
    cr_assert_eq(memcmp(before[v], after, sizeof after), 0);
  }
  cr_assert_gt(phase_retrieval(&w.trunk, (babel_bank[]){w.bank[1], w.bank[2]}), 0.2);
  destroy(&w);
}

static double kept(int policy) {
  world w;
  create(&w, policy);
  w.config.grow_steps = 150;
  w.config.lr = 1e-3;
  double before = phase_retrieval(&w.trunk, w.bank);
  char name[32];
  snprintf(name, sizeof name, "kept %d", policy);
  cr_assert_eq(phase(&w, 1, 2, name), BABEL_OK, "%s", babel_error_last()->sentence);
  double after = phase_retrieval(&w.trunk, w.bank);
  destroy(&w);
  return after / before;
}

Test(growth_grow, rehearsal_holds_what_plain_training_loses) {
  double plain = kept(BABEL_POLICY_PLAIN), rehearsal = kept(BABEL_POLICY_REHEARSAL_KD), gauss = kept(BABEL_POLICY_GAUSS_KD), replay = kept(BABEL_POLICY_REPLAY);
  cr_assert_gt(rehearsal, 0.6, "%g %g %g", plain, rehearsal, gauss);
  cr_assert_gt(replay, 0.6, "%g", replay);
  cr_assert_gt(gauss, 0.6, "%g", gauss);
  cr_assert_lt(plain, rehearsal - 0.25, "plain %g, rehearsal %g", plain, rehearsal);
}

Test(growth_grow, bridge_is_held_on_its_own_rows_and_history_tells_all_phases) {
  world w;
  create(&w, BABEL_POLICY_REHEARSAL_KD);
  cr_assert_eq(phase(&w, 1, 2, "grow"), BABEL_OK);
  w.config.proto_policy = BABEL_POLICY_EMA_TEACHER;
  cr_assert_eq(phase(&w, 2, 0, "bridge"), BABEL_OK, "%s", babel_error_last()->sentence);
  json_t *history = json_loads(w.trunk.history, 0, NULL);
  static const char *const kinds[] = {"first", "grow", "bridge"}, *const a[] = {"imu", "skeleton", "imu"}, *const b[] = {"skeleton", "lidar", "lidar"};
  cr_assert_eq(json_array_size(history), 3);
  for (size_t i = 0; i < 3; i++) {
    json_t *entry = json_array_get(history, i);
    cr_assert_str_eq(json_string_value(json_object_get(entry, "phase")), kinds[i]);
    cr_assert_str_eq(json_string_value(json_object_get(entry, "a")), a[i]);
    cr_assert_str_eq(json_string_value(json_object_get(entry, "b")), b[i]);
    cr_assert_eq(json_array_size(json_object_get(entry, "banks")), 2);
  }
  json_decref(history);
  size_t size;
  char *lines = phase_bytes(w.folder, "metrics.jsonl", &size);
  cr_assert_not_null(strstr(lines, "\"kd\""));
  free(lines);
  destroy(&w);
}

/* ---- resume ------------------------------------------------------------------------------------------------------------------------------ */

typedef struct {
  volatile sig_atomic_t stop;
} stopper;

static void stop_at_20(void *user, const babel_progress *p) {
  if (p->step == 20) ((stopper *)user)->stop = 1;
}

Test(growth_grow, interrupted_growth_ends_with_the_same_bits) {
  char whole[1100], path[1200];
  world w;
  create(&w, BABEL_POLICY_REHEARSAL_KD);
  snprintf(path, sizeof path, "%s/trunk.safetensors", w.folder);
  babel_bank pair[2] = {w.bank[1], w.bank[2]};
  babel_earlier_pair earlier = {.bank = {&w.bank[0], &w.bank[1]}};
  babel_phase_options options[2] = {phase_options(pair, "whole"), phase_options(pair, "parts")};
  snprintf(whole, sizeof whole, "%s", options[0].out);
  stopper stop = {0};
  for (int run = 0; run < 3; run++) {
    babel_trunk trunk;
    cr_assert_eq(babel_trunk_read(&trunk, babel_ops_cpu(), path), BABEL_OK);
    babel_phase_options *o = &options[run > 0];
    o->earlier = &earlier;
    o->earlier_count = 1;
    o->user = &stop;
    o->stop = &stop.stop;
    o->progress = run == 1 ? stop_at_20 : NULL;
    o->resume = run == 2;
    if (run == 2) stop.stop = 0;
    cr_assert_eq(babel_phase_run(&trunk, o), run == 1 ? BABEL_ERR_INTERRUPTED : BABEL_OK, "run %d: %s", run, babel_error_last()->sentence);
    babel_trunk_destroy(&trunk);
  }
  cr_assert(phase_same_file(whole, options[1].out, "trunk.safetensors"));
  cr_assert(phase_same_file(whole, options[1].out, "metrics.jsonl"));
  destroy(&w);
}
