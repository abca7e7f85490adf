#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/safetensors.h"
#include "encoders/st_gcn_net.h"
#include "tests/encoders/skeleton_synthetic.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"

enum { WIDTH = 256, CLASSES = 60, JOINTS = 25 };

TestSuite(encoders_st_gcn_net, .init = skeleton_init);

static void create_synthetic(babel_st_gcn_net *net) {
  babel_weight_source source = skeleton_fill_source();
  cr_assert_eq(babel_st_gcn_net_create(net, &babel_st_gcn_ntu, &source), BABEL_OK);
}

/* All persons of the rule's input: pooled (persons, width), their mean, its scores. */
static void run_all(const babel_st_gcn_net *net, int frames, int persons, float *pooled, float *mean,
                    float *scores, skeleton_unit_totals *totals) {
  int joints = net->shape.joints, width = babel_st_gcn_net_width(&net->shape);
  float *x = skeleton_fill_input(frames, joints, persons);
  void *scratch = skeleton_scratch(babel_st_gcn_net_scratch(&net->shape, frames));
  babel_unit_observer watch = skeleton_watch(totals);
  for (int m = 0; m < persons; m++)
    cr_assert_eq(
        babel_st_gcn_net_run(net, x + m * frames * joints * 3, frames, pooled + m * width, scratch, &watch),
        BABEL_OK);
  for (int c = 0; c < width; c++) {
    double sum = 0;
    for (int m = 0; m < persons; m++) sum += (double)pooled[m * width + c];
    mean[c] = (float)(sum / persons);
  }
  babel_st_gcn_net_scores(net, mean, scores);
  free(x), free(scratch);
}

typedef struct {
  int at;
  double value;
} single;

static void expect_singles(const char *what, const float *x, const single *s, size_t n) {
  for (size_t i = 0; i < n; i++) skeleton_expect(what, (double)x[s[i].at], s[i].value, 1e-6);
}

/* References: the public network in double. */
Test(encoders_st_gcn_net, synthetic_weights_give_the_reference_numbers_inside_and_at_the_end) {
  static const double units[10][2] = {
      {12059.0344, 67.2950074}, {17764.1238, 85.7510084}, {22173.2508, 102.910707}, {26017.4615, 112.907511},
      {17378.8381, 94.0505149}, {20249.8624, 103.723648}, {24151.8582, 114.552771}, {19522.9343, 105.282019},
      {23862.8696, 118.744672}, {27970.3742, 129.770654}};
  static const single pool[] = {{0, 0.401067987}, {1, 0.320987816}, {2, 0.0901974576}, {255, 0.453078095}};
  static const single score[] = {{0, -0.607397599}, {1, -0.121854635},  {2, -0.00657127562},
                                 {20, 0.446940096}, {30, -0.398668542}, {58, -0.671802166},
                                 {59, -0.144836716}};
  babel_st_gcn_net net;
  float pooled[WIDTH], mean[WIDTH], scores[CLASSES];
  skeleton_unit_totals totals;
  create_synthetic(&net);
  run_all(&net, 64, 1, pooled, mean, scores, &totals);
  for (int l = 0; l < 10; l++) {
    skeleton_expect("sum of a unit", totals.sum[l], units[l][0], 1e-6);
    skeleton_expect("norm of a unit", sqrt(totals.square[l]), units[l][1], 1e-6);
  }
  skeleton_expect("pooled sum", skeleton_sum(mean, WIDTH), 69.9259355, 1e-6);
  skeleton_expect("pooled norm", skeleton_norm(mean, WIDTH), 6.05566504, 1e-6);
  expect_singles("pooled", mean, pool, sizeof pool / sizeof *pool);
  skeleton_expect("scores sum", skeleton_sum(scores, CLASSES), -1.65556432, 2e-6);
  skeleton_expect("scores norm", skeleton_norm(scores, CLASSES), 2.67805148, 1e-6);
  expect_singles("scores", scores, score, sizeof score / sizeof *score);
  babel_st_gcn_net_destroy(&net);
}

Test(encoders_st_gcn_net, full_length_with_two_persons_gives_the_reference_numbers) {
  if (SKELETON_SANITIZED) cr_skip_test("34 GFLOP");
  static const single score[] = {{0, -0.646765153}, {1, -0.115637028}, {20, 0.461924341}, {59, -0.110309661}};
  babel_st_gcn_net net;
  float pooled[2 * WIDTH], mean[WIDTH], scores[CLASSES];
  skeleton_unit_totals totals;
  create_synthetic(&net);
  run_all(&net, 300, 2, pooled, mean, scores, &totals);
  skeleton_expect("pooled sum", skeleton_sum(mean, WIDTH), 72.3710956, 1e-6);
  skeleton_expect("pooled norm", skeleton_norm(mean, WIDTH), 6.34258191, 1e-6);
  skeleton_expect("scores sum", skeleton_sum(scores, CLASSES), -1.36853711, 2e-6);
  skeleton_expect("scores norm", skeleton_norm(scores, CLASSES), 2.79773082, 1e-6);
  expect_singles("scores", scores, score, sizeof score / sizeof *score);
  babel_st_gcn_net_destroy(&net);
}

static void as_doubles(const babel_safetensors *st, const char *name, double *out, int count) {
  const babel_tensor *tensor = babel_safetensors_find(st, name);
  int64_t all = 0;
  cr_assert(tensor && babel_tensor_count(tensor, &all) == BABEL_OK && all == count, "%s", name);
  for (int i = 0; i < count; i++) out[i] = babel_tensor_get(tensor, i);
}

/* 19 -> 10 -> 5 frames. */
Test(encoders_st_gcn_net, odd_lengths_match_our_own_pytorch_module_in_double) {
  babel_st_gcn_net net;
  babel_safetensors st;
  float pooled[2 * WIDTH], mean[WIDTH], scores[CLASSES];
  double expected[2 * WIDTH], sums[10], norms[10];
  skeleton_unit_totals totals;
  cr_assert_eq(babel_safetensors_open(&st, babel_fixture("st_gcn_t19.safetensors")), BABEL_OK);
  create_synthetic(&net);
  run_all(&net, 19, 2, pooled, mean, scores, &totals);
  as_doubles(&st, "unit_sums", sums, 10);
  as_doubles(&st, "unit_norms", norms, 10);
  for (int l = 0; l < 10; l++) {
    skeleton_expect("sum of a unit", totals.sum[l], sums[l], 1e-6);
    skeleton_expect("norm of a unit", sqrt(totals.square[l]), norms[l], 1e-6);
  }
  as_doubles(&st, "pooled", expected, 2 * WIDTH);
  cr_assert(babel_close("pooled", pooled, expected, 2 * WIDTH, 1e-6, 1e-6));
  as_doubles(&st, "scores", expected, CLASSES);
  cr_assert(babel_close("scores", scores, expected, CLASSES, 2e-6, 1e-6));
  babel_safetensors_close(&st);
  babel_st_gcn_net_destroy(&net);
}

Test(encoders_st_gcn_net, a_small_real_file_with_33_joints_gives_the_reference_scores) {
  static const babel_st_gcn_shape shape = {
      .joints = 33,
      .classes = 5,
      .units = 5,
      .unit = {{3, 32, 1}, {32, 32, 1}, {32, 32, 1}, {32, 16, 1}, {16, 16, 2}}};
  static const double expected[5] = {-21.73849, -0.6909225, -3.148667, 13.80649, 11.845};
  const char *path = babel_real_weights("st_gcn/linxuelai_epoch75_33joint.pt");
  babel_st_gcn_net net;
  float pooled[16], mean[16], scores[5];
  char sha256[65];
  skeleton_unit_totals totals;
  if (!path) cr_skip_test("no real weights");
  cr_assert_eq(babel_st_gcn_net_load(&net, &shape, path, sha256), BABEL_OK, "%s",
               babel_error_last()->sentence);
  cr_assert_eq(strlen(sha256), 64);
  run_all(&net, 60, 1, pooled, mean, scores, &totals);
  cr_assert(babel_close("scores", scores, expected, 5, 1.5e-5, 0));
  babel_st_gcn_net_destroy(&net);
  /* The NTU shape does not fit this file, and the sentence says where. */
  cr_assert_eq(babel_st_gcn_net_load(&net, &babel_st_gcn_ntu, path, sha256), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "(3, 25, 25)"), "%s", babel_error_last()->sentence);
}

Test(encoders_st_gcn_net, random_weights_depend_on_the_seed_alone) {
  babel_st_gcn_net net;
  float *x = skeleton_fill_input(9, JOINTS, 1), pooled[3][WIDTH], scores[CLASSES];
  void *scratch = skeleton_scratch(babel_st_gcn_net_scratch(&babel_st_gcn_ntu, 9));
  static const uint64_t seeds[3] = {5, 5, 6};
  for (int i = 0; i < 3; i++) {
    cr_assert_eq(babel_st_gcn_net_random(&net, seeds[i]), BABEL_OK);
    omp_set_num_threads(i + 1); /* nor on the number of threads */
    void *room = skeleton_scratch(babel_st_gcn_net_scratch(&babel_st_gcn_ntu, 9));
    cr_assert_eq(babel_st_gcn_net_run(&net, x, 9, pooled[i], room, NULL), BABEL_OK);
    babel_st_gcn_net_scores(&net, pooled[i], scores);
    free(room);
    babel_st_gcn_net_destroy(&net);
  }
  cr_assert_eq(memcmp(pooled[0], pooled[1], sizeof pooled[0]), 0);
  cr_assert_neq(memcmp(pooled[0], pooled[2], sizeof pooled[0]), 0);
  double norm = skeleton_norm(pooled[0], WIDTH), scores_norm = skeleton_norm(scores, CLASSES);
  cr_assert(norm > 0.1 && norm < 1e4 && scores_norm > 0.1 && scores_norm < 1e5, "pooled %g, scores %g", norm,
            scores_norm);
  free(x), free(scratch);
}

Test(encoders_st_gcn_net, impossible_shapes_and_lengths_are_refused) {
  babel_weight_source source = skeleton_fill_source();
  babel_st_gcn_net net;
  babel_st_gcn_shape bad = babel_st_gcn_ntu;
  bad.unit[3].in = 32;
  cr_assert_eq(babel_st_gcn_net_create(&net, &bad, &source), BABEL_ERR_SHAPE);
  bad = babel_st_gcn_ntu, bad.units = 11;
  cr_assert_eq(babel_st_gcn_net_create(&net, &bad, &source), BABEL_ERR_SHAPE);
  bad = babel_st_gcn_ntu, bad.unit[2].stride = 3;
  cr_assert_eq(babel_st_gcn_net_create(&net, &bad, &source), BABEL_ERR_SHAPE);
  float x[3], pooled[WIDTH];
  cr_assert_eq(babel_st_gcn_net_run(&(babel_st_gcn_net){.shape = babel_st_gcn_ntu}, x, 0, pooled, NULL, NULL),
               BABEL_ERR_SHAPE);
  cr_assert_eq(
      babel_st_gcn_net_run(&(babel_st_gcn_net){.shape = babel_st_gcn_ntu}, x, 100001, pooled, NULL, NULL),
      BABEL_ERR_SHAPE);
  cr_assert_eq(babel_st_gcn_net_scratch(&babel_st_gcn_ntu, 0), 0);
}
