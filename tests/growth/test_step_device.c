/* The step on a device against the step on the CPU, from common parameters: the table of the CUDA backend itself, so that host code which
 * touches memory of the backend is found. Runs on a device: device_run.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/growth/step_pair.h"

#define LOSS_LIMIT 1e-6
#define GRADIENT_LIMIT 1e-5
#define PARAMETER_LIMIT 1e-6

static const babel_ops *open_device(babel_precision precision) {
  cr_assert_eq(babel_cuda_open(0), BABEL_OK, "%s", babel_error_last()->sentence);
  return babel_ops_cuda(precision);
}

static void must(babel_status status) {
  cr_assert_eq(status, BABEL_OK, "%s", babel_error_last()->sentence);
}

static double array_distance(const step_pair *pair, const float *device, const float *cpu, int64_t count) {
  float *a = step_pair_floats(&pair->side[PAIR_DEVICE], device, count), *b = step_pair_floats(&pair->side[PAIR_CPU], cpu, count);
  double found = step_pair_distance(a, b, count);
  free(a);
  free(b);
  return found;
}

/* The worst matrix with its bias: a small one must not hide behind a large one. */
static double worst_gradient(const step_pair *pair) {
  const babel_step_plan *plan = &pair->side[PAIR_DEVICE].plan;
  float *grads[2];
  double worst = 0;
  for (int i = 0; i < 2; i++) {
    grads[i] = malloc((size_t)plan->count * sizeof **grads);
    cr_assert_not_null(grads[i]);
    must(babel_step_plan_gradient(&pair->side[i].plan, grads[i]));
  }
  for (int i = 0; i < plan->adamw_count; i++) {
    int64_t at = plan->adamw[i].p - plan->params, count = plan->adamw[i].n;
    double here = step_pair_distance(grads[PAIR_DEVICE] + at, grads[PAIR_CPU] + at, count);
    /* The temperature's is a difference of logits of about 10: relative to a hundredth of these when it is small. */
    if (count == 1) here *= fabs((double)grads[PAIR_CPU][at]) / (fabs((double)grads[PAIR_CPU][at]) + 0.1);
    worst = fmax(worst, here);
  }
  for (int i = 0; i < 2; i++) free(grads[i]);
  return worst;
}

static void check_at(step_pair *pair, int step, double limits[3]) {
  babel_step_report report[2];
  step_pair_align(pair);
  step_pair_prepare(pair, step);
  for (int i = 0; i < 2; i++) must(babel_step_run(&pair->side[i].plan, 1));
  for (int i = 0; i < 2; i++) must(babel_step_report_read(&pair->side[i].plan, &report[i]));
  const char *name = pair->wanted.name;
  for (int d = 0; d < 2; d++) {
    double loss = (double)report[0].loss[d];
    cr_assert(fabs((double)report[1].loss[d] - loss) <= limits[0] * (1 + loss), "%s, step %d: loss %.9g, on the CPU %.9g", name, step, (double)report[1].loss[d], loss);
    cr_assert(fabsf(report[1].weights[d] - report[0].weights[d]) <= (float)limits[1], "%s, step %d: weight", name, step);
  }
  cr_assert(fabsf(report[1].kd - report[0].kd) <= 1e-6f + (float)limits[0] * report[0].kd, "%s, step %d: distillation %g, on the CPU %g", name, step,
            (double)report[1].kd, (double)report[0].kd);
  double gradient = worst_gradient(pair);
  cr_assert(gradient <= limits[1], "%s, step %d: gradient %g, %d flips", name, step, gradient, step_pair_flips(pair));
  const babel_step_plan *a = &pair->side[PAIR_DEVICE].plan, *b = &pair->side[PAIR_CPU].plan;
  double params = array_distance(pair, a->params, b->params, a->count);
  cr_assert(params <= limits[2], "%s, step %d: parameters %g", name, step, params);
  if (a->teacher_params) cr_assert(array_distance(pair, a->teacher_params, b->teacher_params, a->count) <= limits[2], "%s: teacher", name);
}

/* From the start, and from where `more` steps on the CPU have led. */
static void check_case(const pair_case *c, const babel_ops *device, int more, double limits[3]) {
  step_pair pair;
  step_pair_create(&pair, c, device);
  check_at(&pair, 0, limits);
  for (int step = 1; step <= more; step++) {
    step_pair_prepare(&pair, step);
    must(babel_step_run(&pair.side[PAIR_CPU].plan, 1));
  }
  check_at(&pair, more + 1, limits);
  step_pair_destroy(&pair);
}

Test(growth_step_device, fp32_gives_the_cpus_losses_gradients_and_parameters) {
  static const pair_case cases[] = {
      {"plain", .m = 12}, {"batch of 2", .m = 2}, {"batch of 33 with dropout", .m = 33, .dropout = 0.5}, {"odd widths", .in = {1, 60}, .embed = 31, .hidden = 33, .m = 17},
      {"time steps", .steps = {5, 3}}, {"projection", .post = 1}, {"teacher on a", .teacher = 1}, {"teacher on b, projection", .teacher = 2, .post = 1, .dropout = 0.3},
      {"teacher and time steps", .teacher = 1, .steps = {4, 3}}, {"soft targets", .targets = BABEL_TARGETS_NEIGHBOURS, .m = 20},
      {"neighbours masked", .targets = BABEL_TARGETS_MASK, .m = 20}, {"windows masked", .overlaps = 1, .m = 20}, {"soft targets, windows masked", .targets = BABEL_TARGETS_NEIGHBOURS, .overlaps = 1, .m = 20}, {"norms over both towers", .scope = 1}, {"relative norms", .relative = 1},
      {"negatives alone below", .negatives = 1}, {"four layers", .concept_layers = 4}, {"projected", .projected = 1},
  };
  double limits[3] = {LOSS_LIMIT, GRADIENT_LIMIT, PARAMETER_LIMIT};
  const babel_ops *device = open_device(BABEL_PRECISION_FP32);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_case(&cases[i], device, 20, limits);
}

/* Rounding opens and closes ReLUs, more so with few units: the bounds of the real sizes are in the next test. Measured 8.8e-2, 1.9e-1. */
Test(growth_step_device, rounded_operands_stay_near) {
  static const pair_case c = {"rounded", .in = {72, 100}, .m = 33, .embed = 64, .hidden = 48, .teacher = 1};
  double tf32[3] = {1e-3, 2e-1, 1e-3}, bf16[3] = {1e-2, 4e-1, 1e-3};
  check_case(&c, open_device(BABEL_PRECISION_TF32), 20, tf32);
  check_case(&c, open_device(BABEL_PRECISION_BF16), 20, bf16);
}

/* The paper's sizes, at steps 0 and 101. Measured at step 0: 1.4e-6, 3.3e-2, 8.9e-2. Long: with BABEL_TEST_LONG alone. */
Test(growth_step_device, full_size_in_every_precision) {
  static const pair_case c = {"full size", .in = {144, 316}, .m = 256, .embed = 512, .hidden = 256, .usual_start = 1, .dropout = 0.5, .teacher = 2};
  double limits[3][3] = {[BABEL_PRECISION_TF32] = {1e-3, 5e-2, 1e-4}, [BABEL_PRECISION_FP32] = {LOSS_LIMIT, GRADIENT_LIMIT, PARAMETER_LIMIT},
                         [BABEL_PRECISION_BF16] = {1e-2, 2e-1, 1e-4}};
  if (!getenv("BABEL_TEST_LONG")) cr_skip_test("long");
  for (int precision = BABEL_PRECISION_TF32; precision <= BABEL_PRECISION_BF16; precision++)
    check_case(&c, open_device((babel_precision)precision), 100, limits[precision]);
}

/* The masks are those of the counter: the first layer's input has its zeros in the same places, and the same bits elsewhere. */
Test(growth_step_device, inputs_have_the_cpus_bits) {
  static const pair_case c = {"", .in = {78, 316}, .m = 20, .dropout = 0.5};
  step_pair pair;
  step_pair_create(&pair, &c, open_device(BABEL_PRECISION_FP32));
  step_pair_prepare(&pair, 7);
  for (int i = 0; i < 2; i++) must(babel_step_gradients(&pair.side[i].plan));
  for (int s = 0; s < 2; s++) {
    int64_t count = (int64_t)pair.side[0].plan.side[s].rows * pair.side[0].plan.side[s].layer[0].in;
    float *a = step_pair_floats(&pair.side[0], pair.side[0].plan.side[s].act[0], count), *b = step_pair_floats(&pair.side[1], pair.side[1].plan.side[s].act[0], count);
    cr_assert_eq(memcmp(a, b, (size_t)count * sizeof *a), 0);
    free(a);
    free(b);
  }
  step_pair_destroy(&pair);
}

Test(growth_step_device, equal_runs_have_equal_bits) {
  static const pair_case c = {"", .in = {72, 31}, .m = 33, .embed = 48, .steps = {3, 1}, .teacher = 2, .dropout = 0.5};
  float *params[2];
  for (int i = 0; i < 2; i++) {
    step_pair pair;
    step_pair_create(&pair, &c, open_device(BABEL_PRECISION_TF32));
    for (int step = 0; step < 4; step++) {
      step_pair_prepare(&pair, step);
      must(babel_step_run(&pair.side[PAIR_DEVICE].plan, 1));
    }
    params[i] = step_pair_floats(&pair.side[PAIR_DEVICE], pair.side[PAIR_DEVICE].plan.params, pair.side[PAIR_DEVICE].plan.count);
    if (i) cr_assert_eq(memcmp(params[0], params[1], (size_t)pair.side[0].plan.count * sizeof(float)), 0);
    step_pair_destroy(&pair);
  }
  free(params[0]);
  free(params[1]);
}

/* Two correct programs part, slowly. */
Test(growth_step_device, free_steps_stay_together) {
  static const pair_case c = {"", .in = {20, 30}, .m = 24};
  step_pair pair;
  step_pair_create(&pair, &c, open_device(BABEL_PRECISION_FP32));
  for (int step = 0; step < 20; step++) {
    step_pair_prepare(&pair, step);
    for (int i = 0; i < 2; i++) must(babel_step_run(&pair.side[i].plan, 1));
  }
  const babel_step_plan *a = &pair.side[PAIR_DEVICE].plan, *b = &pair.side[PAIR_CPU].plan;
  cr_assert_lt(array_distance(&pair, a->params, b->params, a->count), 1e-2);
  step_pair_destroy(&pair);
}
