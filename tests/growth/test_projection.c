/* Gradient projection: second moments, their leading eigenvectors, and what a step leaves alone. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "growth/trunk_parts.h"
#include "tests/growth/phase_banks.h"
#include "tests/growth/protected_inputs.h"
#include "tests/growth/step_rig.h"
#include "tests/support/compare.h"
#include "tests/support/device_ops.h"

static void must(babel_status status) {
  cr_assert_eq(status, BABEL_OK, "%s", babel_error_last()->sentence);
}

/* ---- eigenvectors ---------------------------------------------------------------------------------------------------------------------------- */

Test(growth_projection, basis_is_the_fewest_directions_that_hold_the_energy) {
  enum { WIDTH = 5 };
  static const double energy[] = {0.5, 0.79, 0.81, 0.949, 0.951, 1};
  static const int ranks[] = {1, 1, 2, 2, 3, 4};
  const float values[WIDTH] = {0, 3, 80, 2, 15}; /* shares 0.8, 0.95, 0.98, 1 */
  float matrix[WIDTH * WIDTH] = {0}, *v;
  int rank;
  for (int i = 0; i < WIDTH; i++) matrix[i * WIDTH + i] = values[i];
  for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
    must(babel_moments_basis(matrix, WIDTH, energy[i], &v, &rank));
    cr_assert_eq(rank, ranks[i], "%g: %d", energy[i], rank);
    static const int order[] = {2, 4, 1, 3};
    for (int k = 0; k < rank; k++)
      for (int c = 0; c < WIDTH; c++) cr_assert_float_eq(fabsf(v[k * WIDTH + c]), c == order[k] ? 1.f : 0.f, 1e-6f);
    free(v);
  }
  must(babel_moments_basis((float[WIDTH * WIDTH]){0}, WIDTH, 0.99, &v, &rank));
  cr_assert(!rank && !v);
}

/* ---- a step ---------------------------------------------------------------------------------------------------------------------------------- */

static const step_case cases[] = {{.name = "folded", .projected = 1},
                                  {.name = "apart", .projected = 1, .layers = 1},
                                  {.name = "unfolded", .projected = 1, .layers = 2},
                                  {.name = "projection behind, four layers", .projected = 1, .post = 1, .concept_layers = 4, .proto_layers = 3},
                                  {.name = "time steps", .projected = 1, .steps = {3, 1}, .layers = 2}};
enum { CASES = sizeof cases / sizeof *cases };

/* Largest change of W x over the protected inputs of all projected layers, next to that over other inputs. */
static void changes(const step_rig *rig, const float *from, const float *to, double *kept, double *other) {
  const babel_step_plan *plan = &rig->plan;
  const struct { const char *name; const babel_mlp *mlp; int64_t at; } known[] = {
      {"module", &rig->towers[0]->module, plan->side[0].module_at}, {"post", &rig->towers[0]->post, plan->side[0].post_at}, {"prototype", &rig->trunk.prototype, plan->prototype_at}};
  *kept = *other = 0;
  for (int m = 0; m < 3; m++)
    for (int k = 0; k < known[m].mlp->layers; k++)
      for (int i = 0; i <= PROTECTED_INPUTS; i++) {
        int width = known[m].mlp->widths[k];
        float x[64];
        protected_input(known[m].name, k, i, width, x); /* the last one is not protected */
        for (int o = 0; o < known[m].mlp->widths[k + 1]; o++) {
          double change = 0;
          int64_t at = known[m].at + known[m].mlp->weight_at[k] + (int64_t)o * width;
          for (int c = 0; c < width; c++) change += ((double)to[at + c] - (double)from[at + c]) * (double)x[c];
          double *most = i < PROTECTED_INPUTS ? kept : other;
          *most = fmax(*most, fabs(change));
        }
      }
}

static float *copy_of(const float *x, int64_t count) {
  float *copy = malloc((size_t)count * sizeof *copy);
  cr_assert_not_null(copy);
  return memcpy(copy, x, (size_t)count * sizeof *copy);
}

Test(growth_projection, a_step_against_the_projected_gradient_leaves_protected_outputs_alone) {
  for (int i = 0; i < CASES; i++) {
    step_rig rig;
    double kept, other;
    step_rig_create(&rig, &cases[i]);
    babel_step_plan *plan = &rig.plan;
    float *before = copy_of(plan->params, plan->count), *after = copy_of(plan->params, plan->count), *g = copy_of(plan->params, plan->count);
    must(babel_step_gradients(plan));
    for (int projected = 0; projected < 2; projected++) {
      if (projected) must(babel_projection_gradient(&rig.projection, plan));
      must(babel_step_plan_gradient(plan, g));
      for (int64_t at = 0; at < plan->count; at++) after[at] = before[at] - g[at];
      changes(&rig, before, after, &kept, &other);
      if (projected) cr_assert(kept < 1e-5 * other && other > 1e-3, "%s: %g of %g", cases[i].name, kept, other);
      else cr_assert_gt(kept, 0.05 * other, "%s: without projection %g of %g", cases[i].name, kept, other);
    }
    free(before);
    free(after);
    free(g);
    step_rig_destroy(&rig);
  }
}

Test(growth_projection, adamw_steps_leave_protected_outputs_and_biases_alone) {
  for (int i = 0; i < CASES; i++) {
    step_rig rig;
    double kept, other;
    step_rig_create(&rig, &cases[i]);
    babel_step_plan *plan = &rig.plan;
    float *before = copy_of(plan->params, plan->count);
    for (int step = 0; step < 10; step++) must(babel_step_run(plan, 1));
    changes(&rig, before, plan->params, &kept, &other);
    cr_assert(kept < 1e-4 * other && other > 1e-3, "%s: %g of %g", cases[i].name, kept, other);
    const babel_mlp *u = &rig.trunk.prototype, *c = &rig.towers[0]->module;
    for (int k = 0; k < u->layers; k++)
      cr_assert(!memcmp(before + plan->prototype_at + u->bias_at[k], plan->params + plan->prototype_at + u->bias_at[k], (size_t)u->widths[k + 1] * sizeof(float)));
    cr_assert(!memcmp(before + c->bias_at[0], plan->params + c->bias_at[0], (size_t)c->widths[1] * sizeof(float)));
    int64_t right = plan->side[1].module_at + c->bias_at[c->layers - 1];
    cr_assert(memcmp(before + right, plan->params + right, sizeof(float)), "%s: the new tower learns", cases[i].name);
    free(before);
    step_rig_destroy(&rig);
  }
}

/* ---- phases ------------------------------------------------------------------------------------------------------------------------------------ */

enum { PAIRS = 60 };

typedef struct {
  babel_bank bank[3]; /* imu, skeleton, lidar */
  babel_config config;
  babel_trunk trunk;
  char path[1200];
} world;

static babel_status phase(world *w, int a, int b, const char *folder) {
  babel_phase_options options = phase_options((babel_bank[]){w->bank[a], w->bank[b]}, folder);
  snprintf(w->path, sizeof w->path, "%s/trunk.safetensors", options.out);
  w->trunk.config = w->config;
  return babel_phase_run(&w->trunk, &options);
}

static void create(world *w, int policy, int steps) {
  memset(w, 0, sizeof *w);
  babel_log_set_level(BABEL_LOG_QUIET);
  for (int v = 0; v < 3; v++) phase_bank(&w->bank[v], v, PAIRS, 0, steps);
  w->config = phase_config();
  w->config.proto_policy = policy;
  w->config.grow_steps = 40;
  w->config.max_steps = 120;
  must(babel_trunk_create(&w->trunk, babel_ops_cpu(), &w->config));
  must(phase(w, 0, 1, "first"));
}

static void destroy(world *w) {
  babel_trunk_destroy(&w->trunk);
  for (int v = 0; v < 3; v++) babel_bank_destroy(&w->bank[v]);
}

/* Of the standardised rows, valid time steps, in double. */
static void check_first_layer(const world *w, int v) {
  const babel_bank *bank = &w->bank[v];
  const babel_tower *t = babel_trunk_tower(&w->trunk, bank->modality);
  const int width = bank->width;
  for (int i = 0; i < width; i++)
    for (int j = 0; j < width; j++) {
      double sum = 0;
      int rows = 0;
      for (int r = 0; r < PAIRS; r++)
        for (int step = 0; step < (bank->lengths ? bank->lengths[r] : 1); step++, rows++) {
          const float *x = bank->features + ((size_t)r * (size_t)bank->steps + (size_t)step) * (size_t)width;
          sum += ((double)x[i] - (double)t->mean[i]) * (double)t->inv_std[i] * ((double)x[j] - (double)t->mean[j]) * (double)t->inv_std[j];
        }
      cr_assert_float_eq(t->moments.of[0][i * width + j], sum / rows, 1e-5, "%s (%d, %d)", bank->modality, i, j);
    }
}

Test(growth_projection, moments_are_those_of_the_training_rows_and_add_up_over_phases) {
  for (int steps = 1; steps <= 3; steps += 2) {
    world w;
    create(&w, BABEL_POLICY_GRAD_PROJ, steps);
    for (int v = 0; v < 2; v++) check_first_layer(&w, v);
    const babel_moments *u = &w.trunk.moments;
    cr_assert(u->layers == 2 && u->width[0] == 32 && u->width[1] == 24);
    /* Its input is the modules' output: without time steps the mean square is what the towers' outputs have. */
    float first = w.trunk.towers[1].moments.of[0][0], prototype = u->of[1][0];
    must(phase(&w, 1, 2, "second"));
    check_first_layer(&w, 2);
    cr_assert_float_eq(w.trunk.towers[1].moments.of[0][0], 2 * first, 1e-4);
    cr_assert_gt(w.trunk.moments.of[1][0], prototype);
    destroy(&w);
  }
}

static void embed(const world *w, int v, float *to) {
  must(babel_trunk_embed(&w->trunk, w->bank[v].modality, w->bank[v].features, PAIRS, 1, NULL, BABEL_OUTPUT_FEATURE, to));
}

/* Mean cosine of a modality's embeddings before and after a growth phase. */
static double kept(int policy, double energy) {
  world w;
  float before[PAIRS * 32], after[PAIRS * 32];
  double sum = 0;
  create(&w, policy, 1);
  w.config.proj_energy = energy;
  embed(&w, 0, before);
  must(phase(&w, 1, 2, "kept"));
  embed(&w, 0, after);
  for (int i = 0; i < PAIRS * 32; i++) sum += (double)before[i] * (double)after[i] / PAIRS;
  destroy(&w);
  return sum;
}

Test(growth_projection, a_phase_keeps_what_plain_training_moves) {
  double plain = kept(BABEL_POLICY_PLAIN, 0.99), projected = kept(BABEL_POLICY_GRAD_PROJ, 0.99), all = kept(BABEL_POLICY_GRAD_PROJ, 1);
  cr_assert(plain < projected && projected <= all + 1e-6 && all > 0.9999, "%g %g %g", plain, projected, all);
}

Test(growth_projection, moments_are_in_the_file_and_go_with_towers) {
  world w;
  babel_trunk back, part;
  babel_trunk_difference *differences;
  int count;
  create(&w, BABEL_POLICY_GRAD_PROJ, 1);
  must(babel_trunk_read(&back, babel_ops_cpu(), w.path));
  must(babel_trunk_compare(&w.trunk, &back, &differences, &count));
  int moments = 0;
  for (int i = 0; i < count; i++) {
    cr_assert(differences[i].identical, "%s", differences[i].name);
    moments += differences[i].moment;
  }
  cr_assert_eq(moments, 2 * 3 + 2);
  free(differences);
  must(babel_trunk_extract(&part, &back, (const char *const[]){"skeleton"}, 1));
  cr_assert(part.towers[0].moments.layers == 3 && part.moments.layers == 2);
  babel_trunk_destroy(&part);
  must(babel_trunk_merge(&part, &back, &back));
  cr_assert(!part.moments.layers && !part.towers[0].moments.layers);
  babel_trunk_destroy(&part);
  babel_trunk_destroy(&back);
  destroy(&w);
}

Test(growth_projection, a_trunk_without_moments_is_refused_and_another_policy_drops_them) {
  world w;
  create(&w, BABEL_POLICY_PLAIN, 1);
  cr_assert_eq(w.trunk.moments.layers, 0);
  w.config.proto_policy = BABEL_POLICY_GRAD_PROJ;
  cr_assert_eq(phase(&w, 1, 2, "refused"), BABEL_ERR_STATE);
  cr_assert_not_null(strstr(babel_error_last()->sentence, "second moments of what skeleton was fed"), "%s", babel_error_last()->sentence);
  destroy(&w);
  create(&w, BABEL_POLICY_GRAD_PROJ, 1);
  w.config.proto_policy = BABEL_POLICY_PLAIN;
  must(phase(&w, 1, 2, "plain"));
  cr_assert(!w.trunk.moments.layers && !w.trunk.towers[0].moments.layers);
  w.config.proto_policy = BABEL_POLICY_GRAD_PROJ;
  cr_assert_eq(phase(&w, 0, 2, "bridge"), BABEL_ERR_STATE);
  destroy(&w);
}

/* Nothing is known before it, whatever its kind is. */
Test(growth_projection, two_towers_of_one_sensor_may_come_first) {
  static const int policies[] = {BABEL_POLICY_GRAD_PROJ, BABEL_POLICY_REHEARSAL_KD};
  for (int i = 0; i < 2; i++) {
    world w;
    create(&w, policies[i], 1);
    babel_trunk_destroy(&w.trunk);
    strcpy(w.bank[1].modality, "imu2");
    must(babel_trunk_create(&w.trunk, babel_ops_cpu(), &w.config));
    must(phase(&w, 0, 1, i ? "augment rehearsal" : "augment projection"));
    cr_assert_eq(w.trunk.moments.layers, i ? 0 : 2);
    destroy(&w);
  }
}

Test(growth_projection, a_bridge_holds_both_sides) {
  world w;
  create(&w, BABEL_POLICY_GRAD_PROJ, 1);
  must(phase(&w, 1, 2, "grow"));
  w.config.proj_energy = 1;
  float before[3][PAIRS * 32], after[PAIRS * 32];
  for (int v = 0; v < 3; v++) embed(&w, v, before[v]);
  must(phase(&w, 0, 2, "bridge"));
  for (int v = 0; v < 3; v++) {
    embed(&w, v, after);
    for (int i = 0; i < PAIRS * 32; i++) cr_assert_float_eq(before[v][i], after[i], 2e-2f, "%d: %g %g", v, (double)before[v][i], (double)after[i]);
  }
  destroy(&w);
}

static void stop_at_20(void *user, const babel_progress *p) {
  if (p->step == 20) *(volatile sig_atomic_t *)user = 1;
}

Test(growth_projection, interrupted_growth_ends_with_the_same_bits) {
  world w;
  volatile sig_atomic_t stop = 0;
  create(&w, BABEL_POLICY_GRAD_PROJ, 1);
  babel_bank pair[2] = {w.bank[1], w.bank[2]};
  babel_phase_options options[2] = {phase_options(pair, "whole"), phase_options(pair, "parts")};
  for (int run = 0; run < 3; run++) {
    babel_trunk trunk;
    babel_phase_options *o = &options[run > 0];
    must(babel_trunk_read(&trunk, babel_ops_cpu(), w.path));
    o->stop = &stop;
    o->user = (void *)&stop;
    o->progress = run == 1 ? stop_at_20 : NULL;
    o->resume = run == 2;
    stop = 0;
    cr_assert_eq(babel_phase_run(&trunk, o), run == 1 ? BABEL_ERR_INTERRUPTED : BABEL_OK, "run %d: %s", run, babel_error_last()->sentence);
    babel_trunk_destroy(&trunk);
  }
  cr_assert(phase_same_file(options[0].out, options[1].out, "trunk.safetensors"));
  destroy(&w);
}
