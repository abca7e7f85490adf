/* A step in chunks against the whole batch at once: the same losses, weights, gradients and parameters, on the CPU or on a device. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/growth/step_pair.h"
#include "tests/support/device_ops.h"

static void must(babel_status status) {
  cr_assert_eq(status, BABEL_OK, "%s", babel_error_last()->sentence);
}

static const babel_ops *backend(void) {
#ifdef BABEL_HAS_CUDA
  if (babel_test_on_device()) {
    must(babel_cuda_open(0));
    return babel_ops_cuda(BABEL_PRECISION_FP32);
  }
#endif
  return babel_ops_cpu();
}

static void compare(const step_pair *pair, const char *name, int step) {
  babel_step_report report[2];
  float *grads[2], *params[2];
  for (int i = 0; i < 2; i++) {
    const babel_step_plan *plan = &pair->side[i].plan;
    must(babel_step_report_read(plan, &report[i]));
    grads[i] = malloc((size_t)plan->count * sizeof **grads);
    must(babel_step_plan_gradient(plan, grads[i]));
    params[i] = step_pair_floats(&pair->side[i], plan->params, plan->count);
  }
  for (int d = 0; d < 2; d++) {
    cr_assert(fabsf(report[1].loss[d] - report[0].loss[d]) <= 2e-6f * (1 + report[0].loss[d]), "%s, step %d: loss %.9g, as a whole %.9g", name, step,
              (double)report[1].loss[d], (double)report[0].loss[d]);
    cr_assert(fabsf(report[1].norms[d] - report[0].norms[d]) <= 1e-5f * report[0].norms[d], "%s, step %d: norm", name, step);
    cr_assert_eq(report[1].hits[d], report[0].hits[d], "%s, step %d", name, step);
  }
  cr_assert(fabsf(report[1].kd - report[0].kd) <= 1e-6f, "%s, step %d: distillation %g, as a whole %g", name, step, (double)report[1].kd, (double)report[0].kd);
  const babel_step_plan *plan = &pair->side[0].plan;
  for (int i = 0; i < plan->adamw_count; i++) {
    int64_t at = plan->adamw[i].p - plan->params, n = plan->adamw[i].n;
    double here = step_pair_distance(grads[1] + at, grads[0] + at, n);
    if (n == 1) here *= fabs((double)grads[0][at]) / (fabs((double)grads[0][at]) + 0.1); /* the temperature's is a difference of large sums */
    cr_assert(here <= 1e-5, "%s, step %d: gradient %d of %lld numbers: %g", name, step, i, (long long)n, here);
  }
  cr_assert(step_pair_distance(params[1], params[0], plan->count) <= 1e-6, "%s, step %d: parameters", name, step);
  for (int i = 0; i < 2; i++) {
    free(grads[i]);
    free(params[i]);
  }
}

Test(growth_step_chunk, chunks_have_the_gradient_of_the_whole) {
  static const pair_case cases[] = {
      {"chunks of 8", .m = 24, .chunk = 8}, {"chunks of 1", .m = 6, .chunk = 1}, {"with dropout", .m = 24, .chunk = 6, .dropout = 0.5},
      {"teacher on a", .m = 24, .chunk = 8, .teacher = 1}, {"teacher on b, projection", .m = 12, .chunk = 4, .teacher = 2, .post = 1, .dropout = 0.3},
      {"time steps", .m = 12, .chunk = 4, .steps = {5, 3}, .dropout = 0.3}, {"teacher and time steps", .m = 12, .chunk = 6, .teacher = 1, .steps = {4, 3}},
      {"norms over both towers", .m = 12, .chunk = 4, .scope = 1}, {"relative norms", .m = 12, .chunk = 4, .relative = 1},
      {"negatives alone below", .m = 12, .chunk = 4, .negatives = 1}, {"a chunk as large as the batch", .m = 12, .chunk = 12},
      {"a last chunk of 3", .m = 24, .chunk = 7, .dropout = 0.4}, {"a last chunk of 1, teacher on a", .m = 13, .chunk = 4, .teacher = 1, .dropout = 0.3},
      {"a last chunk of 2, teacher on b, time steps, projection", .m = 12, .chunk = 5, .teacher = 2, .post = 1, .steps = {3, 4}, .dropout = 0.3},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    step_pair pair;
    step_pair_create(&pair, &cases[i], backend());
    for (int step = 0; step < 3; step++) {
      step_pair_align(&pair);
      step_pair_prepare(&pair, step);
      for (int k = 0; k < 2; k++) must(babel_step_run(&pair.side[k].plan, 1));
      compare(&pair, cases[i].name, step);
    }
    step_pair_destroy(&pair);
  }
}

Test(growth_step_chunk, soft_targets_and_masked_windows_are_refused) {
  babel_config config;
  babel_trunk trunk;
  babel_tower *towers[2];
  babel_step_plan plan;
  babel_config_preset(&config, BABEL_PRESET_OURS);
  config.embed_dim = 24;
  config.hidden = 16;
  config.chunk = 5;
  config.targets = BABEL_TARGETS_NEIGHBOURS;
  must(babel_trunk_create(&trunk, babel_ops_cpu(), &config));
  for (int s = 0; s < 2; s++) must(babel_trunk_add_tower(&trunk, s ? "b" : "a", 7));
  for (int s = 0; s < 2; s++) towers[s] = &trunk.towers[s];
  babel_step_request request = babel_step_pair(towers, (const int[]){1, 1}, 12, -1, 1);
  cr_assert_eq(babel_step_plan_create(&plan, &trunk, &request), BABEL_ERR_ARG);
  cr_assert(strstr(babel_error_last()->sentence, "chunks of 5: expected targets: pairs"), "%s", babel_error_last()->sentence);
  trunk.config.targets = BABEL_TARGETS_PAIRS;
  request.overlap = true;
  cr_assert_eq(babel_step_plan_create(&plan, &trunk, &request), BABEL_ERR_ARG);
  cr_assert(strstr(babel_error_last()->sentence, "expected mask_overlaps: false"), "%s", babel_error_last()->sentence);
  babel_trunk_destroy(&trunk);
}

/* What it is for: memory that does not grow with the square of the batch. */
Test(growth_step_chunk, memory_of_a_large_batch_stays_small) {
  size_t bytes[2];
  for (int chunked = 0; chunked < 2; chunked++) {
    babel_config config;
    babel_trunk trunk;
    babel_tower *towers[2];
    babel_step_plan plan;
    babel_config_preset(&config, BABEL_PRESET_OURS);
    config.chunk = chunked ? 64 : 0;
    must(babel_trunk_create(&trunk, babel_ops_cpu(), &config));
    for (int s = 0; s < 2; s++) must(babel_trunk_add_tower(&trunk, s ? "b" : "a", 70));
    for (int s = 0; s < 2; s++) towers[s] = &trunk.towers[s];
    const babel_step_request request = babel_step_pair(towers, (const int[]){1, 1}, 4096, -1, 1);
    must(babel_step_plan_create(&plan, &trunk, &request));
    bytes[chunked] = plan.bytes;
    babel_step_plan_destroy(&plan);
    babel_trunk_destroy(&trunk);
  }
  cr_assert_lt(4 * bytes[1], bytes[0], "%zu bytes in chunks, %zu as a whole", bytes[1], bytes[0]);
}
