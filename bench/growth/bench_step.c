/* Whole training steps: batch of 256 with dropout, as a phase runs them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/growth/bench.h"
#include "bench/growth/step_bench.h"

static babel_status run(void *context) {
  return babel_step_bench_run(context);
}

static double loss_of(const babel_step_plan *plan, const float weights[2]) {
  return (double)weights[0] * (double)plan->loss[0] + (double)weights[1] * (double)plan->loss[1] +
         (plan->teacher_side < 0 ? 0 : plan->config.distill_weight * (double)*plan->kd_loss);
}

/* The slope of the loss along its gradient, by central differences and as the gradient says: in float good to some 1e-3. The exact check
 * of the gradient is a test (tests/growth/test_step.c). */
static double check(void *context) {
  babel_step_bench *bench = context;
  const babel_step_plan *plan = &bench->plan;
  size_t n = (size_t)plan->count;
  float *start = malloc(n * sizeof *start), *gradient = malloc(n * sizeof *gradient), weights[2];
  double squares = 0, loss[2], length;
  if (!start || !gradient || babel_step_gradients(plan) != BABEL_OK) {
    free(start);
    free(gradient);
    return NAN;
  }
  memcpy(start, plan->params, n * sizeof *start);
  memcpy(gradient, plan->grads, n * sizeof *gradient);
  memcpy(weights, plan->weights, sizeof weights);
  for (size_t i = 0; i < n; i++) squares += (double)gradient[i] * (double)gradient[i];
  length = 0.02 / sqrt(squares);
  for (int side = 0; side < 2; side++) {
    for (size_t i = 0; i < n; i++) plan->params[i] = start[i] + (float)((side ? -length : length) * (double)gradient[i]);
    if (babel_step_gradients(plan) != BABEL_OK) squares = NAN;
    loss[side] = loss_of(plan, weights);
  }
  memcpy(plan->params, start, n * sizeof *start);
  free(start);
  free(gradient);
  return fabs((loss[0] - loss[1]) / (2 * length) - squares) / squares;
}

void babel_bench_step(babel_bench *bench) {
  const babel_step_shape *shape;
  if (!babel_bench_wants(bench, "step")) return;
  for (int i = 0; (shape = babel_step_shape_at(i)); i++) {
    babel_step_bench context;
    if (babel_step_bench_create(&context, bench->ops, shape, 0.5) != BABEL_OK) {
      fprintf(stderr, "bench: %s\n", babel_error_last()->sentence);
      exit(2);
    }
    babel_bench_row row = {.op = shape->distill ? "step-distilled" : "step", .bytes = 4.0 * 7 * (double)context.plan.count,
                           .flops = babel_step_bench_flops(&context), .run = run, .check = check, .limit = 5e-2, .at_least = 60, .context = &context};
    snprintf(row.shape, sizeof row.shape, "256 x %d/%d, %.2f GFLOP", shape->in[0], shape->in[1], row.flops * 1e-9);
    int failed = bench->failed;
    babel_bench_measure(bench, &row);
    if (bench->failed == failed) printf("#   half of the steps took %.1f to %.1f us\n", bench->quartiles[0] * 1e6, bench->quartiles[1] * 1e6);
    babel_step_bench_destroy(&context);
  }
}
