#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/safetensors.h"
#include "encoders/shift_gcn_net.h"
#include "tests/encoders/skeleton_synthetic.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"

enum { WIDTH = BABEL_SHIFT_GCN_WIDTH, CLASSES = BABEL_SHIFT_GCN_CLASSES, JOINTS = BABEL_SHIFT_GCN_JOINTS };

TestSuite(encoders_shift_gcn_net, .init = skeleton_init);

static void create_synthetic(babel_shift_gcn_net *net) {
  babel_weight_source source = skeleton_fill_source();
  cr_assert_eq(babel_shift_gcn_net_create(net, &source), BABEL_OK);
}

/* Both persons of the rule's input: pooled (2, 256) and the scores of their mean. */
static void run_both(const babel_shift_gcn_net *net, int frames, float *pooled, float *scores,
                     skeleton_unit_totals *totals) {
  float *x = skeleton_fill_input(frames, JOINTS, 2), mean[WIDTH];
  void *scratch = skeleton_scratch(babel_shift_gcn_net_scratch(frames));
  babel_unit_observer watch = skeleton_watch(totals);
  for (int m = 0; m < 2; m++)
    cr_assert_eq(babel_shift_gcn_net_run(net, x + m * frames * JOINTS * 3, frames, m, pooled + m * WIDTH,
                                         scratch, &watch),
                 BABEL_OK);
  for (int c = 0; c < WIDTH; c++) mean[c] = 0.5f * (pooled[c] + pooled[WIDTH + c]);
  babel_shift_gcn_net_scores(net, mean, scores);
  free(x), free(scratch);
}

/* Sums over a hundred thousand positive values: relative. The public network in float32 gave the references.
 */
Test(encoders_shift_gcn_net, synthetic_weights_give_the_reference_numbers) {
  static const struct {
    int unit;
    double sum, norm;
  } units[] = {{1, 39143.43, 144.6998},
               {4, 318343.5, 937.1921},
               {5, 252467.9, 920.7286},
               {8, 684456.9, 2538.842},
               {10, 2114738, 6527.896}};
  babel_shift_gcn_net net;
  float pooled[2 * WIDTH], scores[CLASSES], mean[WIDTH];
  skeleton_unit_totals totals;
  create_synthetic(&net);
  run_both(&net, 64, pooled, scores, &totals);
  for (int c = 0; c < WIDTH; c++) mean[c] = 0.5f * (pooled[c] + pooled[WIDTH + c]);
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    skeleton_expect("sum of a unit", totals.sum[units[i].unit], units[i].sum, 2e-6);
    skeleton_expect("norm of a unit", sqrt(totals.square[units[i].unit]), units[i].norm, 2e-6);
  }
  skeleton_expect("pooled sum", skeleton_sum(mean, WIDTH), 2643.4226, 2e-6);
  skeleton_expect("pooled norm", skeleton_norm(mean, WIDTH), 216.81905, 2e-6);
  skeleton_expect("pooled[0]", (double)mean[0], 2.650883, 5e-6);
  skeleton_expect("pooled[1]", (double)mean[1], 10.293436, 5e-6);
  skeleton_expect("pooled[255]", (double)mean[255], 3.107363, 5e-6);
  skeleton_expect("scores sum", skeleton_sum(scores, CLASSES), -9.701781, 1e-5);
  skeleton_expect("scores norm", skeleton_norm(scores, CLASSES), 94.319638, 2e-6);
  static const struct {
    int at;
    double value;
  } single[] = {{0, 10.676428}, {1, -6.445571}, {2, -5.243239}, {59, 10.661216}};
  for (size_t i = 0; i < sizeof single / sizeof *single; i++)
    skeleton_expect("a score", (double)scores[single[i].at], single[i].value, 5e-6);
  babel_shift_gcn_net_destroy(&net);
}

static void as_doubles(const babel_safetensors *st, const char *name, double *out, int count) {
  const babel_tensor *tensor = babel_safetensors_find(st, name);
  int64_t all = 0;
  cr_assert(tensor && babel_tensor_count(tensor, &all) == BABEL_OK && all == count, "%s", name);
  for (int i = 0; i < count; i++) out[i] = babel_tensor_get(tensor, i);
}

/* 21 -> 10 -> 5 frames: both strides drop an odd last frame or meet a length that is no multiple of a vector.
 */
Test(encoders_shift_gcn_net, odd_lengths_match_our_own_pytorch_module_in_double) {
  babel_shift_gcn_net net;
  babel_safetensors st;
  float pooled[2 * WIDTH], scores[CLASSES], first[CLASSES];
  double expected[2 * WIDTH], sums[10], norms[10];
  skeleton_unit_totals totals;
  cr_assert_eq(babel_safetensors_open(&st, babel_fixture("shift_gcn_t21.safetensors")), BABEL_OK);
  create_synthetic(&net);
  run_both(&net, 21, pooled, scores, &totals);
  babel_shift_gcn_net_scores(&net, pooled, first);
  as_doubles(&st, "unit_sums", sums, 10);
  as_doubles(&st, "unit_norms", norms, 10);
  for (int l = 0; l < 10; l++) {
    skeleton_expect("sum of a unit", totals.sum[l + 1], sums[l], 1e-6);
    skeleton_expect("norm of a unit", sqrt(totals.square[l + 1]), norms[l], 1e-6);
  }
  as_doubles(&st, "pooled", expected, 2 * WIDTH);
  cr_assert(
      babel_close("pooled", pooled, expected, 2 * WIDTH, 3e-5, 0)); /* measured 4e-6, largest value 30 */
  as_doubles(&st, "scores", expected, CLASSES);
  cr_assert(babel_close("scores", scores, expected, CLASSES, 3e-5, 0));
  as_doubles(&st, "first_scores", expected, CLASSES);
  cr_assert(babel_close("scores of person 0", first, expected, CLASSES, 3e-5, 0));
  babel_safetensors_close(&st);
  babel_shift_gcn_net_destroy(&net);
}

Test(encoders_shift_gcn_net, threads_and_scratch_contents_change_no_bit) {
  babel_shift_gcn_net net;
  float *x = skeleton_fill_input(21, JOINTS, 1), pooled[4][WIDTH];
  void *scratch = skeleton_scratch(babel_shift_gcn_net_scratch(21));
  create_synthetic(&net);
  cr_assert_eq(babel_shift_gcn_net_run(&net, x, 21, 0, pooled[0], scratch, NULL), BABEL_OK);
  cr_assert_eq(babel_shift_gcn_net_run(&net, x, 21, 0, pooled[1], scratch, NULL), BABEL_OK);
  void *more = NULL;
  for (int threads = 2; threads < 4; threads++) {
    omp_set_num_threads(threads);
    free(more);
    more = skeleton_scratch(babel_shift_gcn_net_scratch(21)); /* its size depends on the number of threads */
    cr_assert_eq(babel_shift_gcn_net_run(&net, x, 21, 0, pooled[threads], more, NULL), BABEL_OK);
  }
  for (int i = 1; i < 4; i++) cr_assert_eq(memcmp(pooled[0], pooled[i], sizeof pooled[0]), 0, "run %d", i);
  free(x), free(scratch), free(more);
  babel_shift_gcn_net_destroy(&net);
}

Test(encoders_shift_gcn_net, an_empty_slot_is_a_row_of_zeros_and_both_slots_differ) {
  babel_shift_gcn_net net;
  float zeros[8 * JOINTS * 3] = {0}, a[WIDTH], b[WIDTH], c[WIDTH];
  void *scratch = skeleton_scratch(babel_shift_gcn_net_scratch(8));
  create_synthetic(&net);
  cr_assert_eq(babel_shift_gcn_net_run(&net, NULL, 8, 1, a, scratch, NULL), BABEL_OK);
  cr_assert_eq(babel_shift_gcn_net_run(&net, zeros, 8, 1, b, scratch, NULL), BABEL_OK);
  cr_assert_eq(babel_shift_gcn_net_run(&net, zeros, 8, 0, c, scratch, NULL), BABEL_OK);
  cr_assert_eq(memcmp(a, b, sizeof a), 0);
  cr_assert_neq(memcmp(a, c, sizeof a), 0);
  cr_assert_gt(skeleton_norm(a, WIDTH), 0);
  free(scratch);
  babel_shift_gcn_net_destroy(&net);
}

Test(encoders_shift_gcn_net, impossible_lengths_and_slots_are_refused) {
  babel_shift_gcn_net net;
  float x[4 * JOINTS * 3] = {0}, pooled[WIDTH];
  void *scratch = skeleton_scratch(babel_shift_gcn_net_scratch(4));
  create_synthetic(&net);
  cr_assert_eq(babel_shift_gcn_net_run(&net, x, 4, 0, pooled, scratch, NULL), BABEL_OK);
  cr_assert_eq(babel_shift_gcn_net_run(&net, x, 3, 0, pooled, scratch, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_shift_gcn_net_run(&net, x, 100001, 0, pooled, scratch, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_shift_gcn_net_run(&net, x, 4, 2, pooled, scratch, NULL), BABEL_ERR_ARG);
  cr_assert_eq(babel_shift_gcn_net_scratch(3), 0);
  free(scratch);
  babel_shift_gcn_net_destroy(&net);
}
