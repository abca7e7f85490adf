/* Whole training steps: batch of 256 with dropout, as a phase runs them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/growth/bench.h"
#include "bench/growth/step_bench.h"

static babel_status run(void *context) {
  return babel_step_run(&((babel_step_bench *)context)->plan, 1);
}

static babel_status wait(void *context) {
  babel_step_plan *plan = &((babel_step_bench *)context)->plan;
  return plan->ops->synchronize(plan->stream);
}

static double loss_of(babel_step_plan *plan, const float weights[2]) {
  babel_step_report report = {0};
  if (babel_step_report_read(plan, &report) != BABEL_OK) return NAN;
  return (double)weights[0] * (double)report.loss[0] + (double)weights[1] * (double)report.loss[1] +
         (!babel_step_distils(plan) ? 0 : plan->config.distill_weight * (double)report.kd);
}

/* Parameters `length` further along the gradient. */
static babel_status move(babel_step_plan *plan, const float *start, const float *gradient, double length, float *moved) {
  for (int64_t i = 0; i < plan->count; i++) moved[i] = start[i] + (float)(length * (double)gradient[i]);
  BABEL_TRY(plan->ops->upload(plan->params, moved, (size_t)plan->count * sizeof *moved, plan->stream));
  return babel_step_gradients(plan);
}

static babel_status slope_error(babel_step_plan *plan, float *start, float *gradient, float *moved, double *error) {
  const size_t bytes = (size_t)plan->count * sizeof *start;
  double squares = 0, loss[2];
  float weights[2];
  BABEL_TRY(babel_step_gradients(plan));
  BABEL_TRY(plan->ops->download(start, plan->params, bytes, plan->stream));
  BABEL_TRY(babel_step_plan_gradient(plan, gradient));
  BABEL_TRY(plan->ops->download(weights, plan->weights, sizeof weights, plan->stream));
  for (int64_t i = 0; i < plan->count; i++) squares += (double)gradient[i] * (double)gradient[i];
  const double length = 0.02 / sqrt(squares);
  for (int side = 0; side < 2; side++) {
    BABEL_TRY(move(plan, start, gradient, side ? -length : length, moved));
    loss[side] = loss_of(plan, weights);
  }
  *error = fabs((loss[0] - loss[1]) / (2 * length) - squares) / squares;
  return plan->ops->upload(plan->params, start, bytes, plan->stream);
}

/* The slope of the loss along its gradient, by central differences and as the gradient says: in float good to some 1e-3. The exact check
 * of the gradient is a test (tests/growth/test_step.c). */
static double check(void *context) {
  babel_step_plan *plan = &((babel_step_bench *)context)->plan;
  float *floats = malloc(3 * (size_t)plan->count * sizeof *floats);
  double error = NAN;
  if (floats && slope_error(plan, floats, floats + plan->count, floats + 2 * plan->count, &error) != BABEL_OK) error = NAN;
  free(floats);
  return error;
}

static void measure(babel_bench *bench, const babel_step_shape *shape) {
  babel_step_bench context;
  if (!babel_bench_wants(bench, "step", "%s %d/%d", shape->name, shape->in[0], shape->in[1])) return;
  babel_bench_must(babel_step_bench_create(&context, bench->step_ops, shape, -1));
  babel_bench_row row = {.bytes = 4.0 * 7 * (double)context.plan.count, .flops = babel_step_bench_flops(&context), .run = run, .wait = wait, .check = check,
                         .limit = 5e-2, .at_least = 60, .context = &context};
  babel_bench_measure(bench, &row);
  const babel_bench_result *result = &bench->results.row[bench->results.count - 1];
  if (result->iters)
    printf("#   %.2f GFLOP of matrix products; half of the steps took %.1f to %.1f us\n", row.flops * 1e-9, result->quartile1 * 1e6, result->quartile3 * 1e6);
  babel_step_bench_destroy(&context);
}

void babel_bench_step(babel_bench *bench) {
  const babel_step_shape *shape;
  for (int i = 0; (shape = babel_step_shape_at(i)); i++) measure(bench, shape);
}
