#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "growth/step.h"
#include "tests/growth/step_rig.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

/* Largest error of a layer's gradient over the largest value in it; norm of the whole error over the norm of the gradient; error of losses,
 * weights and norms. Measured: 1.6e-6, 7.6e-7, 4e-7. */
#define LAYER_LIMIT 8e-6
#define GRADIENT_LIMIT 4e-6
#define VALUE_LIMIT 2e-6

static void run_gradients(step_rig *rig) {
  cr_assert_eq(babel_step_gradients(&rig->plan), BABEL_OK, "%s", babel_error_last()->sentence);
}

static double *three_gradients(const step_oracle *o) {
  double *g = calloc(3 * o->count, sizeof *g);
  cr_assert_not_null(g);
  for (int which = 0; which < (o->teacher_side < 0 ? 2 : 3); which++) oracle_gradient(o, which, g + (size_t)which * o->count);
  return g;
}

static double norm_of(const double *x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
  return sqrt(sum);
}

/* Eq. (6): norms of the anchors' gradients, over their own module or both. */
static void oracle_norms(const step_oracle *o, const double *g, const step_case *c, double norms[2]) {
  for (int d = 0; d < 2; d++) {
    size_t at = c->scope ? 0 : o->module_at[d], count = c->scope ? o->module_count[0] + o->module_count[1] : o->module_count[d];
    norms[d] = norm_of(g + (size_t)d * o->count + at, count);
    if (c->relative) norms[d] /= norm_of(o->params + at, count);
  }
}

static void close_value(const char *name, const char *what, double found, double expected) {
  cr_assert(fabs(found - expected) <= VALUE_LIMIT * fabs(expected) + 1e-7, "%s: %s is %.9g, expected %.9g", name, what, found, expected);
}

static double largest(const double *x, size_t n) {
  double most = 0;
  for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
  return most;
}

/* malloced */
static float *gradient_of(const babel_step_plan *plan) {
  float *grads = malloc((size_t)plan->count * sizeof *grads);
  cr_assert_not_null(grads);
  cr_assert_eq(babel_step_plan_gradient(plan, grads), BABEL_OK);
  return grads;
}

/* Every layer on its own: a wrong small one must not hide behind a large one. */
static void compare_gradients(const char *name, const step_rig *rig, const double *expected) {
  const step_oracle *o = &rig->oracle;
  float *grads = gradient_of(&rig->plan);
  for (int s = 0; s < 2; s++)
    for (int k = 0; k < o->layers; k++) {
      size_t out = (size_t)o->widths[s][k + 1], weights = (size_t)o->widths[s][k] * out, at = o->weight_at[s][k];
      double scale = largest(expected + at, weights), gap = 0;
      for (size_t i = at; i < at + weights + out; i++) gap = fmax(gap, fabs((double)grads[i] - expected[i]));
      for (size_t i = at; i < at + weights + out; i++) cr_assert(isfinite(grads[i]) && isfinite(expected[i]), "%s", name);
      cr_assert(gap <= LAYER_LIMIT * scale, "%s: side %d, layer %d: %g", name, s, k, gap / scale);
    }
  double scale = expected[o->scale_at], found = (double)grads[o->scale_at], gap = 0;
  cr_assert(fabs(found - scale) <= GRADIENT_LIMIT * (fabs(scale) + 0.1), "%s: scale %g, expected %g", name, found, scale);
  for (size_t i = 0; i < o->count; i++) gap += pow((double)grads[i] - expected[i], 2);
  double error = sqrt(gap) / norm_of(expected, o->count);
  cr_assert(error <= GRADIENT_LIMIT, "%s: %g", name, error);
  free(grads);
}

static void check_case(const step_case *c) {
  step_rig rig;
  double loss[3], norms[2], w[2];
  step_rig_create(&rig, c);
  if (c->teacher) /* away from the student, else L_kd and its gradient are 0 */
    for (int64_t i = 0; i < rig.plan.count; i++) rig.plan.teacher_params[i] += (float)(0.05 * babel_fill("teacher", (uint32_t)i));
  run_gradients(&rig);
  step_rig_follow(&rig);
  const step_oracle *o = &rig.oracle;
  double *g = three_gradients(o), *expected = calloc(o->count, sizeof *expected);
  oracle_losses(o, loss);
  oracle_norms(o, g, c, norms);
  for (int d = 0; d < 2; d++) w[d] = norms[c->inverted ? d : 1 - d] / (norms[0] + norms[1]);
  if (c->adaptive_off) w[0] = w[1] = 0.5;
  babel_step_report report;
  cr_assert_eq(babel_step_report_read(&rig.plan, &report), BABEL_OK);
  for (int d = 0; d < 2; d++) {
    close_value(c->name, "loss", (double)report.loss[d], loss[d]);
    close_value(c->name, "weight", (double)report.weights[d], w[d]);
    if (!c->adaptive_off) close_value(c->name, "norm", (double)report.norms[d], norms[d]);
  }
  if (c->teacher) close_value(c->name, "L_kd", (double)report.kd, loss[ORACLE_KD]);
  for (size_t i = 0; i < o->count; i++) expected[i] = w[0] * g[i] + w[1] * g[o->count + i] + 5 * g[2 * o->count + i];
  compare_gradients(c->name, &rig, expected);
  free(g);
  free(expected);
  step_rig_destroy(&rig);
}

static void check_cases(const step_case *cases, size_t n) {
  for (size_t i = 0; i < 3 * n; i++) {
    step_case c = cases[i / 3];
    c.layers = i % 3;
    if (c.layers == 0 && babel_test_on_device()) continue; /* whose directions are apart */
    check_case(&c);
  }
}
#define CHECK(cases) check_cases(cases, sizeof cases / sizeof *cases)

/* Invariant 5: the oracle has three gradients, each of its own backward pass, and adds them up. */
Test(growth_step, gradient_equals_three_weighted_passes) {
  const step_case cases[] = {
      {.name = "plain"}, {"widths 1 and 7", .in = {1, 7}}, {"widths 60 and 72", .in = {60, 72}}, {"widths 316 and 513", .in = {316, 513}},
      {"batch of 2", .m = 2}, {"batch of 33", .m = 33}, {"odd widths", .embed = 31, .hidden = 33, .m = 17},
      {"four and four layers", .concept_layers = 4, .proto_layers = 4}, {"two and three layers", .concept_layers = 2, .proto_layers = 3},
      {"features as they are", .plain_features = 1}, {"half of the input hidden", .dropout = 0.5, .m = 33},
      {"hot", .tau = 1}, {"cold", .tau = 0.01},
  };
  CHECK(cases);
}

Test(growth_step, gradient_holds_for_every_switch_of_the_weights) {
  const step_case cases[] = {
      {"norms over both towers", .scope = 1}, {"relative norms", .relative = 1}, {"relative norms over both", .scope = 1, .relative = 1},
      {"inverted", .inverted = 1}, {"inverted over both", .inverted = 1, .scope = 1}, {"half each", .adaptive_off = 1},
      {"negatives alone below", .negatives = 1}, {"negatives alone, batch of 2", .negatives = 1, .m = 2},
      {"temperature fixed", .fixed_temperature = 1}, {"soft targets", .targets = BABEL_TARGETS_NEIGHBOURS, .m = 20},
      {"soft targets, negatives alone", .targets = BABEL_TARGETS_NEIGHBOURS, .negatives = 1, .tau = 0.5},
      {"neighbours masked", .targets = BABEL_TARGETS_MASK, .m = 20}, {"windows masked", .overlaps = 1, .m = 20}, {"soft targets, windows masked", .targets = BABEL_TARGETS_NEIGHBOURS, .overlaps = 1, .m = 20},
      {"neighbours and windows masked", .targets = BABEL_TARGETS_MASK, .overlaps = 1, .m = 20},
  };
  CHECK(cases);
}

Test(growth_step, gradient_holds_with_projection_sequences_and_teacher) {
  const step_case cases[] = {
      {"projection", .post = 1}, {"projection, norms over both", .post = 1, .scope = 1},
      {"time steps on a", .steps = {5, 1}}, {"time steps on b", .steps = {1, 4}, .ragged = 1},
      {"ragged time steps on both", .steps = {5, 3}, .ragged = 1}, {"projection and time steps", .post = 1, .steps = {3, 3}, .ragged = 1},
      {"teacher on a", .teacher = 1}, {"teacher on b", .teacher = 2}, {"teacher and projection", .teacher = 1, .post = 1},
      {"teacher, norms over both", .teacher = 2, .scope = 1, .relative = 1}, {"teacher and time steps", .teacher = 1, .steps = {4, 3}, .ragged = 1},
      {"teacher on b with time steps there", .teacher = 2, .steps = {1, 3}, .ragged = 1}, {"teacher and hidden inputs", .teacher = 1, .dropout = 0.3},
      {"teacher, weights half each", .teacher = 2, .adaptive_off = 1},
  };
  CHECK(cases);
}

Test(growth_step, gradient_holds_at_full_size) {
  const step_case cases[] = {{"full size", .in = {144, 316}, .m = 64, .embed = 512, .hidden = 256, .dropout = 0.5, .teacher = 2}};
  CHECK(cases);
}

/* The oracle is checked too: central differences of its own losses. */
Test(growth_step, oracle_agrees_with_central_differences) {
  const step_case cases[] = {{"plain", .m = 5}, {"everything", .m = 5, .post = 1, .steps = {3, 2}, .ragged = 1, .teacher = 1},
                             {"teacher on b", .m = 5, .teacher = 2, .negatives = 1, .tau = 0.5},
                             {"soft targets", .m = 8, .targets = BABEL_TARGETS_NEIGHBOURS}, {"mask", .m = 8, .targets = BABEL_TARGETS_MASK}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    step_rig rig;
    step_rig_create(&rig, cases + i);
    for (int64_t k = 0; rig.plan.teacher_params && k < rig.plan.count; k++) rig.plan.teacher_params[k] += (float)(0.05 * babel_fill("teacher", (uint32_t)k));
    run_gradients(&rig);
    step_rig_follow(&rig);
    step_oracle *o = &rig.oracle;
    memset(o->seen, 0, sizeof o->seen);
    double *g = three_gradients(o), most = 0;
    for (size_t k = 0; k < o->count; k += k + 1 < o->count ? (o->count - 1 - k > 37 ? 37 : o->count - 1 - k) : 1) {
      double at = o->params[k], above[3], below[3], h = 1e-6;
      o->params[k] = at + h;
      oracle_losses(o, above);
      o->params[k] = at - h;
      oracle_losses(o, below);
      o->params[k] = at;
      for (int which = 0; which < 3; which++) {
        double slope = (above[which] - below[which]) / (2 * h), found = g[(size_t)which * o->count + k];
        most = fmax(most, fabs(slope));
        cr_assert(fabs(slope - found) < 1e-6 * fabs(slope) + 1e-8, "%s, loss %d, parameter %zu: %g, differences say %g", cases[i].name, which, k, found, slope);
      }
    }
    cr_assert_gt(most, 0.01, "%s: %g", cases[i].name, most);
    free(g);
    step_rig_destroy(&rig);
  }
}

/* ---- invariants of algorithm.md section 13 ---------------------------------------------------------------------------------------------- */

/* The same two towers and data with a and b exchanged. */
static void exchange(const step_rig *rig, step_rig *other) {
  babel_tower *towers[2] = {rig->towers[1], rig->towers[0]};
  const int steps[2] = {1, 1};
  memset(other, 0, sizeof *other);
  cr_assert_eq(babel_step_plan_create(&other->plan, &rig->trunk, (babel_step_request[]){babel_step_pair(towers, steps, rig->plan.m, -1, rig->plan.adaptive)}), BABEL_OK);
  for (int s = 0; s < 2; s++) {
    other->plan.bank[s] = rig->bank[1 - s];
    other->plan.bank_rows[s] = rig->plan.bank_rows[1 - s];
    memcpy(other->plan.in.rows[s], rig->plan.in.rows[1 - s], (size_t)rig->plan.m * sizeof(int));
  }
  *other->plan.in.state = *rig->plan.in.state;
}

Test(growth_step, weights_sum_to_1_and_swap_with_the_modalities) {
  step_rig rig, other;
  step_rig_create(&rig, &(step_case){"", .m = 31});
  exchange(&rig, &other);
  run_gradients(&rig);
  run_gradients(&other);
  const float *w = rig.plan.weights, *v = other.plan.weights, *g = rig.plan.norms;
  cr_assert_float_eq(w[0] + w[1], 1, 2e-7);
  cr_assert_float_eq(w[0], g[1] / (g[0] + g[1]), 2e-7);
  cr_assert_gt(fabs((double)w[0] - 0.5), 0.01, "the fixture tells the weights apart");
  for (int d = 0; d < 2; d++) {
    cr_assert_float_eq(w[d], v[1 - d], 1e-6);
    cr_assert_float_eq(rig.plan.loss[d], other.plan.loss[1 - d], 1e-6);
  }
  step_rig_destroy(&rig);
  step_rig_destroy(&other);
}

Test(growth_step, equal_towers_and_inputs_have_equal_losses_and_half_each) {
  for (int scope = 0; scope < 2; scope++) {
    step_rig rig;
    step_rig_create(&rig, &(step_case){"", .in = {9, 9}, .scope = scope});
    const babel_chain *side = rig.plan.side;
    memcpy(rig.plan.params + side[1].module_at, rig.plan.params + side[0].module_at, (size_t)side[0].module_count * sizeof(float));
    rig.plan.bank[1] = rig.plan.bank[0];
    run_gradients(&rig);
    cr_assert_float_eq(rig.plan.loss[0], rig.plan.loss[1], 1e-7);
    cr_assert_float_eq(rig.plan.weights[0], 0.5, 1e-6);
    cr_assert_float_eq(rig.plan.weights[1], 0.5, 1e-6);
    step_rig_destroy(&rig);
  }
}

/* Invariant 6, first half: the teacher sees the same dropped-out rows, so the distillation is 0 to the bit. */
Test(growth_step, a_new_teacher_changes_nothing_at_step_0) {
  const step_case cases[] = {{"", .teacher = 1, .dropout = 0.5}, {"", .teacher = 2, .steps = {1, 4}, .ragged = 1, .dropout = 0.5},
                             {"", .teacher = 1, .post = 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    step_rig with, without;
    step_case plain = cases[i];
    plain.teacher = 0;
    step_rig_create(&with, cases + i);
    step_rig_create(&without, &plain);
    run_gradients(&with);
    run_gradients(&without);
    cr_assert_eq(with.plan.kd_of[with.plan.teacher_side], 0);
    const babel_chain *c = &with.plan.side[cases[i].teacher - 1];
    for (int k = 1; k <= c->layers; k++) {
      int64_t size = (int64_t)c->rows * c->layer[k - 1].out;
      for (int64_t j = 0; j < size; j++) cr_assert_eq(c->cot[k][2 * c->cot_step[k] + j], 0);
    }
    double *expected = calloc((size_t)with.plan.count, sizeof *expected);
    float *grads = gradient_of(&without.plan);
    for (int64_t j = 0; j < with.plan.count; j++) expected[j] = (double)grads[j];
    free(grads);
    compare_gradients("step 0", &with, expected);
    free(expected);
    step_rig_destroy(&with);
    step_rig_destroy(&without);
  }
}

/* Invariant 6, second half. */
Test(growth_step, teacher_follows_at_mu_0_and_stays_at_mu_1) {
  for (int post = 0; post < 2; post++) {
    step_rig rig;
    step_rig_create(&rig, &(step_case){"", .teacher = 1, .post = post});
    babel_step_plan *plan = &rig.plan;
    size_t bytes = (size_t)plan->count * sizeof(float);
    float *before = malloc(bytes);
    memcpy(before, plan->teacher_params, bytes);
    plan->in.state->ema_momentum = 1;
    cr_assert_eq(babel_step_run(plan, 1), BABEL_OK);
    cr_assert_eq(memcmp(before, plan->teacher_params, bytes), 0, "unchanged at mu = 1");
    cr_assert_neq(memcmp(before, plan->params, bytes), 0, "the student moved");
    plan->in.state->ema_momentum = 0;
    cr_assert_eq(babel_step_run(plan, 1), BABEL_OK);
    const struct {
      int64_t at, count;
    } pieces[] = {{plan->side[0].module_at, plan->side[0].module_count}, {plan->prototype_at, plan->prototype_count},
                  {plan->side[0].post_at, plan->side[0].post_count}};
    for (int i = 0; i < 3; i++)
      for (int64_t k = 0; k < pieces[i].count; k++)
        cr_assert_eq(plan->teacher_params[pieces[i].at + k], plan->params[pieces[i].at + k], "equal at mu = 0");
    free(before);
    step_rig_destroy(&rig);
  }
}

/* Invariant 9, with dropout, time steps and a teacher. */
Test(growth_step, equal_runs_have_equal_bits) {
  const step_case c = {"", .in = {72, 316}, .m = 40, .embed = 64, .hidden = 48, .steps = {3, 1}, .ragged = 1, .teacher = 2, .dropout = 0.5};
  step_rig rig[2];
  for (int i = 0; i < 2; i++) {
    step_rig_create(&rig[i], &c);
    for (int step = 0; step < 4; step++) {
      rig[i].plan.in.state->step = step;
      cr_assert_eq(babel_step_run(&rig[i].plan, 1), BABEL_OK);
    }
  }
  size_t bytes = (size_t)rig[0].plan.count * sizeof(float);
  cr_assert_eq(memcmp(rig[0].plan.params, rig[1].plan.params, bytes), 0);
  cr_assert_eq(memcmp(rig[0].plan.moment2, rig[1].plan.moment2, bytes), 0);
  cr_assert_eq(memcmp(rig[0].plan.teacher_params, rig[1].plan.teacher_params, bytes), 0);
  for (int i = 0; i < 2; i++) step_rig_destroy(&rig[i]);
}

/* ---- the update ------------------------------------------------------------------------------------------------------------------------- */

/* One AdamW step from zero moments, in double: decay on matrices alone, clamp on the log scale alone. */
Test(growth_step, update_is_adamw_with_decay_on_matrices_alone) {
  step_rig rig;
  step_rig_create(&rig, &(step_case){"", .post = 1});
  babel_step_plan *plan = &rig.plan;
  for (int i = 0; i < plan->adamw_count; i++) {
    if (plan->adamw[i].weight_decay == 0) continue;
    cr_assert_eq(plan->adamw[i].weight_decay, 1e-4f);
    plan->adamw[i].weight_decay = 10; /* visible beside a step of 1e-3 */
  }
  double *before = calloc((size_t)plan->count, sizeof *before);
  for (int64_t i = 0; i < plan->count; i++) before[i] = (double)plan->params[i];
  cr_assert_eq(babel_step_run(plan, 1), BABEL_OK);
  const step_oracle *o = &rig.oracle;
  float *grads = gradient_of(plan);
  char *matrix = calloc(o->count, 1);
  for (int s = 0; s < 2; s++)
    for (int k = 0; k < o->layers; k++) memset(matrix + o->weight_at[s][k], 1, (size_t)o->widths[s][k] * (size_t)o->widths[s][k + 1]);
  double lr = 1e-3, bias1 = (double)plan->in.state->bias1, bias2 = (double)plan->in.state->bias2;
  for (int64_t i = 0; i < plan->count; i++) {
    double g = (double)grads[i], m = 0.1 * g, v = 0.02 * g * g;
    double expected = before[i] * (matrix[i] ? 1 - lr * 10 : 1) - lr * (m / bias1) / (sqrt(v / bias2) + 1e-8);
    cr_assert(fabs((double)plan->params[i] - expected) <= 2e-7 * (1 + fabs(expected)), "[%lld] is %.9g, expected %.9g", (long long)i, (double)plan->params[i], expected);
  }
  free(before);
  free(grads);
  free(matrix);
  step_rig_destroy(&rig);
}

/* Untrained towers want a lower scale, equal towers on equal inputs a higher one. */
Test(growth_step, scale_is_clamped_after_the_update) {
  for (int equal = 0; equal < 2; equal++) {
    step_rig rig;
    step_rig_create(&rig, &(step_case){"", .in = {9, 9}});
    const babel_chain *side = rig.plan.side;
    if (equal) {
      memcpy(rig.plan.params + side[1].module_at, rig.plan.params, (size_t)side[0].module_count * sizeof(float));
      rig.plan.bank[1] = rig.plan.bank[0];
    }
    rig.plan.in.state->lr = 1000; /* any gradient reaches a limit */
    cr_assert_eq(babel_step_run(&rig.plan, 1), BABEL_OK);
    cr_assert_eq(rig.plan.params[rig.plan.scale_at], equal ? (float)log(100) : 0);
    step_rig_destroy(&rig);
  }
}

Test(growth_step, fixed_temperature_leaves_the_scale_alone) {
  step_rig rig;
  step_rig_create(&rig, &(step_case){"", .fixed_temperature = 1});
  float before = rig.plan.params[rig.plan.scale_at];
  cr_assert_float_eq(before, log(1 / 0.07), 1e-6);
  for (int step = 0; step < 3; step++) cr_assert_eq(babel_step_run(&rig.plan, 1), BABEL_OK);
  cr_assert_eq(rig.plan.params[rig.plan.scale_at], before);
  step_rig_destroy(&rig);
}

Test(growth_step, training_brings_the_loss_down) {
  step_rig rig;
  step_rig_create(&rig, &(step_case){"", .m = 32, .in = {20, 30}});
  cr_assert_eq(babel_step_run(&rig.plan, 1), BABEL_OK);
  double start = (double)rig.plan.loss[0] + (double)rig.plan.loss[1];
  for (int step = 0; step < 200; step++) cr_assert_eq(babel_step_run(&rig.plan, 1), BABEL_OK);
  double end = (double)rig.plan.loss[0] + (double)rig.plan.loss[1];
  cr_assert_lt(end, 0.5 * start);
  cr_assert_eq(rig.plan.hits[0], 32);
  cr_assert_eq(rig.plan.hits[1], 32);
  step_rig_destroy(&rig);
}

/* ---- inputs, storing, refusals ---------------------------------------------------------------------------------------------------------- */

Test(growth_step, dropout_hides_its_share_and_standardisation_comes_first) {
  step_rig rig;
  step_rig_create(&rig, &(step_case){"", .in = {72, 316}, .m = 64, .dropout = 0.5});
  run_gradients(&rig);
  for (int s = 0; s < 2; s++) {
    const babel_chain *c = &rig.plan.side[s];
    int in = c->layer[0].in, hidden = 0;
    for (int i = 0; i < c->rows; i++)
      for (int j = 0; j < in; j++) {
        double raw = (double)rig.bank[s][(size_t)rig.plan.in.rows[s][i] * (size_t)in + (size_t)j];
        double z = 2 * (raw - (double)rig.towers[s]->mean[j]) * (double)rig.towers[s]->inv_std[j], found = (double)c->act[0][(size_t)i * (size_t)in + (size_t)j];
        hidden += found == 0;
        cr_assert(found == 0 || fabs(found - z) < 1e-5);
      }
    cr_assert_float_eq(hidden, 0.5 * c->rows * in, 5 * sqrt(0.25 * c->rows * in));
  }
  step_rig_destroy(&rig);
}

Test(growth_step, store_brings_every_value_back_into_the_trunk) {
  step_rig rig;
  step_rig_create(&rig, &(step_case){"", .post = 1, .teacher = 1});
  babel_step_plan *plan = &rig.plan;
  for (int64_t i = 0; i < plan->count; i++) {
    plan->params[i] = (float)i;
    plan->teacher_params[i] = -(float)i;
  }
  for (int deploy = 0; deploy < 2; deploy++) {
    cr_assert_eq(babel_step_plan_store(plan, &rig.trunk, deploy), BABEL_OK);
    for (int s = 0; s < 2; s++) {
      for (int64_t i = 0; i < rig.towers[s]->module.count; i++) cr_assert_eq(rig.towers[s]->module.params[i], (float)(plan->side[s].module_at + i));
      for (int64_t i = 0; i < rig.towers[s]->post.count; i++) cr_assert_eq(rig.towers[s]->post.params[i], (float)(plan->side[s].post_at + i));
    }
    for (int64_t i = 0; i < rig.trunk.prototype.count; i++)
      cr_assert_eq(rig.trunk.prototype.params[i], (float)(deploy ? -(plan->prototype_at + i) : plan->prototype_at + i));
    cr_assert_eq(*rig.trunk.log_scale, (float)plan->scale_at);
  }
  step_rig_destroy(&rig);
}

Test(growth_step, batches_of_one_and_towers_that_do_not_fit_are_refused) {
  step_rig rig;
  step_rig_create(&rig, &(step_case){.name = ""});
  babel_step_plan plan;
  const int steps[2] = {1, 1}, none[2] = {0, 1}, huge[2] = {1, 1 << 30};
  cr_assert_eq(babel_step_plan_create(&plan, &rig.trunk, (babel_step_request[]){babel_step_pair(rig.towers, steps, 1, -1, 1)}), BABEL_ERR_ARG);
  cr_assert_eq(babel_step_plan_create(&plan, &rig.trunk, (babel_step_request[]){babel_step_pair(rig.towers, none, 4, -1, 1)}), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_step_plan_create(&plan, &rig.trunk, (babel_step_request[]){babel_step_pair(rig.towers, huge, 4, -1, 1)}), BABEL_ERR_SHAPE);
  babel_tower other = *rig.towers[1];
  babel_tower *towers[2] = {rig.towers[0], &other};
  other.module.layers = 2;
  cr_assert_eq(babel_step_plan_create(&plan, &rig.trunk, (babel_step_request[]){babel_step_pair(towers, steps, 4, -1, 1)}), BABEL_ERR_SHAPE);
  babel_step_plan_destroy(&plan); /* a refused one is zeroed */
  step_rig_destroy(&rig);
}
