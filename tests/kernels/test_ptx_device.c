/* The instructions of kernels/cuda/ptx/ that no kernel of the program uses yet do what their headers say, on a device and on the simulated one. */
#include <criterion/criterion.h>
#include <math.h>

#include "kernels/ops.h"
#include "tests/kernels/ptx_kernels.h"

/* Skips on a device without them: sm_80. */
static int open_device(void) {
  cr_assert_eq(babel_cuda_open(0), BABEL_OK, "%s", babel_error_last()->sentence);
  if (ptx_supported()) return 1;
  cr_skip_test("needs compute capability 9.0");
  return 0;
}

static void expect_ok(babel_status status) {
  cr_assert_eq(status, BABEL_OK, "%s", babel_error_last()->sentence);
}

Test(kernels_ptx_device, blocks_meet_at_a_grid_barrier) {
  float out[PTX_BLOCKS], value[PTX_BLOCKS];
  if (!open_device()) return;
  expect_ok(ptx_grid_barrier(out));
  for (int b = 0; b < PTX_BLOCKS; b++) value[b] = (float)(b + 1);
  for (int i = 0; i < PTX_ROUNDS; i++) {
    float sum = 0.0f;
    for (int b = 0; b < PTX_BLOCKS; b++) sum += value[b];
    for (int b = 0; b < PTX_BLOCKS; b++) value[b] = fmodf(sum, 1000.0f);
  }
  for (int b = 0; b < PTX_BLOCKS; b++) cr_expect_eq(out[b], value[b], "block %d: %g, expected %g", b, (double)out[b], (double)value[b]);
}

Test(kernels_ptx_device, warps_meet_at_named_barriers) {
  float out[64];
  if (!open_device()) return;
  expect_ok(ptx_named_barriers(out));
  for (int i = 0; i < 64; i++) cr_expect_eq(out[i], (float)(PTX_TILES * (PTX_TILES - 1) / 2 * (i + 1)));
}

Test(kernels_ptx_device, blocks_of_a_cluster_read_each_others_memory) {
  float out[32 * PTX_BLOCKS];
  if (!open_device()) return;
  expect_ok(ptx_cluster(out));
  for (int b = 0; b < PTX_BLOCKS; b++)
    for (int i = 0; i < 32; i++) cr_expect_eq(out[32 * b + i], (float)((b % PTX_CLUSTER + 1) % PTX_CLUSTER * 100 + i));
}

Test(kernels_ptx_device, blocks_arrive_at_another_blocks_mbarrier) {
  float out[PTX_BLOCKS / PTX_CLUSTER];
  if (!open_device()) return;
  expect_ok(ptx_remote_arrival(out));
  for (int c = 0; c < PTX_BLOCKS / PTX_CLUSTER; c++) cr_expect_eq(out[c], 32.0f * PTX_CLUSTER * (PTX_CLUSTER + 1) / 2);
}

Test(kernels_ptx_device, bulk_copies_fill_a_ring) {
  float out[PTX_TILE];
  if (!open_device()) return;
  expect_ok(ptx_bulk_ring(out));
  for (int i = 0; i < PTX_TILE; i++) cr_expect_eq(out[i], 2.0f * (float)(PTX_TILES * i + PTX_TILE * PTX_TILES * (PTX_TILES - 1) / 2));
}

Test(kernels_ptx_device, a_launch_waits_for_the_one_before_it) {
  float out[64];
  if (!open_device()) return;
  expect_ok(ptx_early_launch(out));
  for (int i = 0; i < 64; i++) cr_expect_eq(out[i], (float)(i + 3));
}
