/* A phase on a device: its batches are the CPU's, and steps recorded together are steps. Runs on a device: device_run.c. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "growth/phase_data.h"
#include "tests/growth/phase_banks.h"

static const babel_ops *device(void) {
  babel_log_set_level(BABEL_LOG_QUIET);
  cr_assert_eq(babel_cuda_open(0), BABEL_OK, "%s", babel_error_last()->sentence);
  return babel_ops_cuda(BABEL_PRECISION_FP32);
}

static void must(babel_status status) {
  cr_assert_eq(status, BABEL_OK, "%s", babel_error_last()->sentence);
}

static void same_ints(const babel_step_plan *plan, const int *there, const int *here, int n, const char *name, int64_t step) {
  int *got = malloc((size_t)n * sizeof *got);
  must(plan->ops->download(got, there, (size_t)n * sizeof *got, plan->stream));
  cr_assert_eq(memcmp(got, here, (size_t)n * sizeof *got), 0, "%s of step %lld", name, (long long)step);
  free(got);
}

/* 50 pairs in batches of 16: epochs of three steps. From `first`, past the end of an epoch. */
static void check_batches(int64_t first, bool shuffled, int batch, int steps) {
  babel_bank banks[2];
  babel_phase_data data;
  babel_trunk trunk;
  babel_tower *towers[2];
  babel_step_plan plan;
  babel_step_state states[80] = {{0}};
  const babel_ops *ops = device();
  for (int v = 0; v < 2; v++) phase_bank(&banks[v], v, 50, 3, v ? 1 : 4);
  babel_config config = phase_config();
  config.batch = batch;
  config.variants = 3;
  config.shuffle_pairs = shuffled;
  babel_phase_options options = phase_options(banks, "device_batches");
  must(babel_phase_data_create(&data, ops, &config, &options));
  must(babel_phase_data_upload(&data, &options));
  must(babel_trunk_create(&trunk, ops, &config));
  for (int v = 0; v < 2; v++) must(babel_trunk_add_tower(&trunk, banks[v].modality, banks[v].width));
  for (int v = 0; v < 2; v++) towers[v] = &trunk.towers[v];
  must(babel_step_plan_create(&plan, &trunk, (babel_step_request[]){babel_step_pair(towers, data.steps, data.batch, -1, 1)}));
  babel_phase_data_plan(&data, &config, &plan);
  must(babel_phase_data_begin(&data, &config, first));
  must(babel_step_plan_begin(&plan, first));
  for (int i = 0; i < steps; i++) states[i] = (babel_step_state){.step = first + i, .lr = 1e-3f, .trunk_lr = 1e-3f, .bias1 = 0.5f, .bias2 = 0.5f};
  must(babel_step_plan_schedule(&plan, states, first, first + steps));
  for (int64_t step = first; step < first + steps; step++) {
    const int together = step % 3 == 0 && step + BABEL_STEP_BLOCK <= first + steps ? BABEL_STEP_BLOCK : 1; /* blocks too: the last one's are seen */
    must(babel_step_run(&plan, together));
    step += together - 1;
    must(babel_phase_data_batch(&data, &config, step, &plan.host));
    for (int s = 0; s < 2; s++) same_ints(&plan, plan.in.rows[s], plan.host.rows[s], plan.side[s].rows, "rows", step);
    same_ints(&plan, plan.in.lengths[0], plan.host.lengths[0], batch, "lengths", step);
  }
  babel_step_plan_destroy(&plan);
  babel_trunk_destroy(&trunk);
  babel_phase_data_destroy(&data);
  for (int v = 0; v < 2; v++) babel_bank_destroy(&banks[v]);
}

Test(growth_phase_device, batches_are_those_of_the_cpu) {
  check_batches(0, false, 16, 9);
  check_batches(7, false, 16, 9);
  check_batches(5, true, 16, 9);
  check_batches(0, false, 4, 60); /* epochs of 12 steps: their orders are made aside */
  check_batches(17, true, 4, 40);
}

static babel_status look(void *user, const babel_trunk *trunk, int64_t step, int epoch, FILE *lines) {
  ++*(int *)user;
  return BABEL_OK;
}

/* Watched after every step, no two can be recorded together. */
Test(growth_phase_device, a_block_of_steps_has_the_bits_of_single_steps) {
  babel_bank banks[2];
  float *params[2];
  int64_t count = 0;
  const babel_ops *ops = device();
  for (int v = 0; v < 2; v++) phase_bank(&banks[v], v, 40, 3, 1);
  for (int watched = 0; watched < 2; watched++) {
    babel_trunk trunk;
    int looks = 0;
    babel_config config = phase_config();
    config.batch = 40;
    config.max_steps = 27;
    config.watch_epochs = 1;
    babel_phase_options options = phase_options(banks, watched ? "device_single" : "device_block");
    options.watch = watched ? look : NULL;
    options.user = &looks;
    options.progress = NULL;
    must(babel_trunk_create(&trunk, ops, &config));
    must(babel_phase_run(&trunk, &options));
    cr_assert_eq(looks, watched ? 27 : 0);
    count = trunk.prototype.count;
    params[watched] = malloc((size_t)count * sizeof(float));
    must(ops->download(params[watched], trunk.prototype.params, (size_t)count * sizeof(float), NULL));
    babel_trunk_destroy(&trunk);
  }
  cr_assert_eq(memcmp(params[0], params[1], (size_t)count * sizeof(float)), 0);
  for (int v = 0; v < 2; v++) {
    free(params[v]);
    babel_bank_destroy(&banks[v]);
  }
}
