#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/ntu_skeleton.h"
#include "data/utd_mhad.h"
#include "encoders/encoder.h"
#include "encoders/shift_gcn_net.h"
#include "encoders/skeleton_prep.h"
#include "tests/encoders/skeleton_file.h"
#include "tests/encoders/skeleton_synthetic.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"

enum { WIDTH = BABEL_SHIFT_GCN_WIDTH, CLASSES = BABEL_SHIFT_GCN_CLASSES };

#define REAL_WEIGHTS "shift_gcn/ntu_joint_xsub.pt"

TestSuite(encoders_shift_gcn, .init = skeleton_init);

static babel_encoder *create(const char *weights) {
  babel_encoder *encoder;
  cr_assert_eq(babel_encoder_create(&encoder, "shift_gcn", &(babel_encoder_options){.weights = weights}),
               BABEL_OK, "%s", babel_error_last()->sentence);
  return encoder;
}

static void recording(babel_sample *sample, int frames) {
  cr_assert_eq(babel_sample_create(sample, babel_modality_find("skeleton"), frames, 60), BABEL_OK);
  sample->joints = BABEL_JOINTS_KINECT1_20;
  for (int i = 0; i < frames * 60; i++)
    sample->x[i] = 0.3 * babel_fill("recording", (uint32_t)i) + (i % 3 == 2 ? 3 : 0);
}

Test(encoders_shift_gcn, a_file_of_302_entries_is_imported_with_or_without_prefix) {
  int count;
  char path[1100];
  babel_sample sample;
  float plain[316], prefixed[316], *outputs[2] = {plain, NULL};
  recording(&sample, 9);
  snprintf(path, sizeof path, "%s", skeleton_file_shift_gcn(&(skeleton_file){0}, &count));
  cr_assert_eq(count, 302);
  babel_encoder *encoder = create(path);
  cr_assert_eq(strlen(encoder->weights_sha256), 64);
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_OK);
  babel_encoder_destroy(encoder);
  skeleton_file how = {.prefix = "skeleton_model.", .extra = "imu_model.embed.weight"};
  snprintf(path, sizeof path, "%s", skeleton_file_shift_gcn(&how, NULL));
  encoder = create(path);
  outputs[0] = prefixed;
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_OK);
  cr_assert_eq(memcmp(plain, prefixed, sizeof plain), 0);
  babel_encoder_destroy(encoder);
  babel_sample_destroy(&sample);
}

Test(encoders_shift_gcn, damaged_files_are_refused_with_the_name_of_the_tensor) {
  static const struct {
    skeleton_file how;
    const char *word;
  } cases[] = {{{.omit = "l5.residual.bn.running_var"}, "l5.residual.bn.running_var"},
               {{.spoil = "l9.gcn1.bn.weight"}, "l9.gcn1.bn.weight"},
               {{.spoil = "l3.gcn1.shift_in"}, "l3.gcn1.shift_in"},
               {{.spoil = "l10.gcn1.shift_out"}, "l10.gcn1.shift_out"},
               {{.omit = "l1.gcn1.shift_in"}, "l1.gcn1.shift_in"},
               {{.extra = "l11.tcn1.bn.weight"}, "l11.tcn1.bn.weight"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_encoder *encoder;
    const char *path = skeleton_file_shift_gcn(&cases[i].how, NULL);
    cr_assert_eq(babel_encoder_create(&encoder, "shift_gcn", &(babel_encoder_options){.weights = path}),
                 BABEL_ERR_FORMAT, "case %zu", i);
    cr_assert(strstr(babel_error_last()->sentence, cases[i].word) &&
                  strstr(babel_error_last()->sentence, path),
              "%s", babel_error_last()->sentence);
  }
  babel_encoder *encoder;
  cr_assert_eq(babel_encoder_create(&encoder, "shift_gcn", &(babel_encoder_options){.random_weights = true}),
               BABEL_ERR_UNSUPPORTED);
}

/* What the encoder promises: pooled vector of person 0 and its scores, scores of the two-person mean; both
 * from one run. */
Test(encoders_shift_gcn, outputs_are_those_of_person_0_and_of_the_mean_with_an_empty_slot) {
  babel_encoder *encoder = create(skeleton_file_shift_gcn(&(skeleton_file){0}, NULL));
  babel_shift_gcn_net net;
  babel_weight_source source = skeleton_fill_source();
  babel_sample sample;
  babel_skeleton_input input;
  float both[316], scores[CLASSES], alone[CLASSES], pooled[2][WIDTH], expected[CLASSES],
      *outputs[2] = {both, scores};
  int lengths[2] = {0, 0};
  recording(&sample, 13);
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, lengths), BABEL_OK);
  cr_assert(lengths[0] == 1 && lengths[1] == 1);
  outputs[0] = NULL, outputs[1] = alone; /* the second time the empty slot is known */
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_OK);
  cr_assert_eq(memcmp(scores, alone, sizeof scores), 0);
  cr_assert_eq(babel_shift_gcn_net_create(&net, &source), BABEL_OK);
  cr_assert_eq(babel_skeleton_prepare_shift_gcn(&input, &sample), BABEL_OK);
  void *scratch = skeleton_scratch(babel_shift_gcn_net_scratch(13));
  for (int m = 0; m < 2; m++)
    cr_assert_eq(babel_shift_gcn_net_run(&net, m ? NULL : input.x, 13, m, pooled[m], scratch, NULL),
                 BABEL_OK);
  babel_shift_gcn_net_scores(&net, pooled[0], expected);
  cr_assert(!memcmp(both, pooled[0], sizeof pooled[0]) && !memcmp(both + WIDTH, expected, sizeof expected));
  for (int c = 0; c < WIDTH; c++) pooled[1][c] = 0.5f * (pooled[0][c] + pooled[1][c]);
  babel_shift_gcn_net_scores(&net, pooled[1], expected);
  cr_assert_eq(memcmp(scores, expected, sizeof expected), 0);
  free(scratch);
  babel_skeleton_input_destroy(&input);
  babel_sample_destroy(&sample);
  babel_shift_gcn_net_destroy(&net);
  babel_encoder_destroy(encoder);
}

Test(encoders_shift_gcn, samples_in_parallel_give_the_same_bits) {
  enum { N = 8 };
  babel_encoder *encoder = create(skeleton_file_shift_gcn(&(skeleton_file){0}, NULL));
  babel_sample samples[N];
  float serial[N][316 + CLASSES], parallel[N][316 + CLASSES];
  int failed = 0;
  for (int i = 0; i < N; i++) {
    recording(&samples[i], 8 + i / 2);
    float *outputs[2] = {serial[i], serial[i] + 316};
    cr_assert_eq(babel_encoder_run(encoder, &samples[i], outputs, NULL), BABEL_OK);
  }
  babel_encoder_destroy(encoder);
  encoder = create(skeleton_file_shift_gcn(&(skeleton_file){0}, NULL)); /* nothing cached */
#pragma omp parallel for schedule(dynamic) num_threads(4) reduction(+ : failed)
  for (int i = 0; i < N; i++) {
    float *outputs[2] = {parallel[i], parallel[i] + 316};
    failed += babel_encoder_run(encoder, &samples[i], outputs, NULL) != BABEL_OK;
  }
  cr_assert_eq(failed, 0);
  cr_assert_eq(memcmp(serial, parallel, sizeof serial), 0);
  for (int i = 0; i < N; i++) babel_sample_destroy(&samples[i]);
  babel_encoder_destroy(encoder);
}

static int best_of(const float *scores) {
  int best = 0;
  for (int k = 1; k < CLASSES; k++)
    if (scores[k] > scores[best]) best = k;
  return best;
}

static double probability(const float *scores, int class) {
  double sum = 0;
  for (int k = 0; k < CLASSES; k++) sum += exp((double)scores[k] - (double)scores[class]);
  return 1 / sum;
}

/* Line `row` of the reference file: name, true class, predicted class, 60 scores. */
static void reference_scores(int row, double scores[CLASSES]) {
  FILE *file = fopen(babel_real_weights("shift_gcn/reference_scores_ntu.csv"), "r");
  char line[4096];
  cr_assert_not_null(file);
  for (int i = -1; i <= row; i++) cr_assert_not_null(fgets(line, sizeof line, file));
  fclose(file);
  const char *at = line + strlen(line);
  for (int k = CLASSES - 1; k >= 0; k--) {
    while (*--at != ',') cr_assert_gt(at, line);
    scores[k] = atof(at + 1);
  }
}

static const struct {
  const char *name;
  int class;
  double probability, pooled_sum, pooled_norm, scores_sum, scores_norm, score, first;
} files[] = {
    {"ntu_rgbd/S001C001P001R001A011.skeleton", 10, 0.999868, 98.1782, 9.16135, 0.0273, 39.8899, 20.86835,
     5.82881},
    {"ntu_rgbd/S001C003P008R002A058.skeleton", 57, 0.999999, 123.3464, 11.22772, -0.3632, 42.3138, 25.29131,
     -9.58827},
    {"ntu_rgbd/S002C001P003R001A003.skeleton", 2, 0.999994, 74.2284, 7.34906, -0.0247, 29.7181, 20.20656,
     6.49034},
    {"ntu_rgbd/S003C001P015R001A034.skeleton", 33, 0.999848, 74.8771, 7.12498, 0.1793, 26.8924, 16.13140,
     3.95550},
    {"ntu_rgbd/S004C002P003R001A017.skeleton", 16, 0.999058, 118.8545, 9.44245, -0.3405, 28.8104, 14.58732,
     1.71611},
};

static void pooled_mean(const babel_shift_gcn_net *net, const babel_sample *sample, float *mean) {
  float pooled[2][WIDTH];
  babel_skeleton_input input;
  cr_assert_eq(babel_skeleton_prepare_shift_gcn(&input, sample), BABEL_OK);
  void *scratch = skeleton_scratch(babel_shift_gcn_net_scratch(300));
  for (int m = 0; m < 2; m++)
    cr_assert_eq(babel_shift_gcn_net_run(net, input.x + m * 300 * 75, 300, m, pooled[m], scratch, NULL),
                 BABEL_OK);
  for (int c = 0; c < WIDTH; c++) mean[c] = 0.5f * (pooled[0][c] + pooled[1][c]);
  free(scratch);
  babel_skeleton_input_destroy(&input);
}

Test(encoders_shift_gcn, real_weights_recognise_five_real_sequences_with_the_reference_scores) {
  const char *weights = babel_real_weights(REAL_WEIGHTS);
  if (!weights || !babel_real_data(files[0].name)) cr_skip_test("no real data or weights");
  babel_encoder *encoder = create(weights);
  babel_shift_gcn_net net;
  char sha256[65];
  cr_assert_eq(babel_shift_gcn_net_load(&net, weights, sha256), BABEL_OK);
  cr_assert_str_eq(sha256, encoder->weights_sha256);
  for (int i = 0; i < (SKELETON_SANITIZED ? 1 : (int)(sizeof files / sizeof *files)); i++) {
    babel_ntu_skeleton skeleton;
    babel_sample sample;
    float scores[CLASSES], mean[WIDTH], *outputs[2] = {NULL, scores};
    double expected[CLASSES];
    cr_assert_eq(babel_ntu_read(&skeleton, babel_real_data(files[i].name)), BABEL_OK);
    cr_assert_eq(babel_ntu_sample(&sample, &skeleton), BABEL_OK);
    cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_OK);
    cr_assert_eq(best_of(scores), files[i].class, "%s: class %d", files[i].name, best_of(scores));
    cr_assert_float_eq(probability(scores, files[i].class), files[i].probability, 2e-6);
    cr_assert_float_eq(skeleton_sum(scores, CLASSES), files[i].scores_sum, 2e-4);
    cr_assert_float_eq(skeleton_norm(scores, CLASSES), files[i].scores_norm, 1e-4);
    cr_assert_float_eq((double)scores[files[i].class], files[i].score, 4e-5);
    cr_assert_float_eq((double)scores[0], files[i].first, 4e-5);
    reference_scores(i, expected);
    cr_assert(
        babel_close("scores", scores, expected, CLASSES, 8e-5, 0)); /* the file is rounded to 4 digits */
    if (!SKELETON_SANITIZED) { /* the encoder gives away no mean of both persons */
      pooled_mean(&net, &sample, mean);
      cr_assert_float_eq(skeleton_sum(mean, WIDTH), files[i].pooled_sum, 2e-4);
      cr_assert_float_eq(skeleton_norm(mean, WIDTH), files[i].pooled_norm, 2e-5);
    }
    babel_sample_destroy(&sample);
    babel_ntu_destroy(&skeleton);
  }
  babel_shift_gcn_net_destroy(&net);
  babel_encoder_destroy(encoder);
}

/* Rank of `class` among the scores, 0 = first. */
static int rank_of(const float *scores, int class) {
  int rank = 0;
  for (int k = 0; k < CLASSES; k++) rank += scores[k] > scores[class];
  return rank;
}

/* Trial 1 of the eight subjects: how often the class is the first guess, and among the first five. */
static void count_guesses(const babel_encoder *encoder, int action, int class, bool as_ntu, int *first,
                          int *five) {
  int firsts = 0, fives = 0, failed = 0;
#pragma omp parallel for schedule(dynamic) num_threads(2) reduction(+ : firsts, fives, failed)
  for (int subject = 1; subject <= 8; subject++) {
    char name[96], path[1024];
    float both[316], scores[CLASSES], *outputs[2] = {as_ntu ? NULL : both, as_ntu ? scores : NULL};
    babel_sample sample, ntu;
    snprintf(name, sizeof name, "utd_mhad/Skeleton/a%d_s%d_t1_skeleton.mat", action, subject);
#pragma omp critical
    snprintf(path, sizeof path, "%s", babel_real_data(name));
    failed += babel_utd_read_skeleton(&sample, path) != BABEL_OK;
    failed += babel_sample_create(&ntu, sample.modality, sample.rows, 75) != BABEL_OK;
    ntu.joints = BABEL_JOINTS_NTU_25;
    babel_skeleton_map_kinect1(ntu.x, sample.x, sample.rows);
    for (int t = 0; t < sample.rows; t++)
      memcpy(ntu.x + t * 75 + 3, sample.x + t * 60 + 6, 3 * sizeof(double));
    failed += babel_encoder_run(encoder, as_ntu ? &ntu : &sample, outputs, NULL) != BABEL_OK;
    int rank = rank_of(as_ntu ? scores : both + WIDTH, class);
    firsts += rank == 0;
    fives += rank < 5;
    babel_sample_destroy(&sample);
    babel_sample_destroy(&ntu);
  }
  cr_assert_eq(failed, 0);
  *first = firsts;
  *five = fives;
}

/* UTD-MHAD, actions that NTU knows too. The published counts were taken with Kinect's own spine joint in
 * place of the midpoint, as NTU sequences of 300 frames, from the two-person mean; the counts of preset
 * `ours` beside them are our own. */
Test(encoders_shift_gcn, real_weights_name_actions_of_another_data_set_as_often_as_the_reference) {
  if (SKELETON_SANITIZED) cr_skip_test("70 GFLOP");
  static const struct {
    int action, class, first, five, ours_first, ours_five;
  } actions[] = {{3, 22, 6, 8, 7, 8}, {4, 9, 8, 8, 6, 8},  {5, 6, 8, 8, 8, 8},
                 {6, 39, 0, 7, 0, 6}, {24, 8, 3, 8, 3, 8}, {25, 7, 4, 8, 5, 8}};
  const char *weights = babel_real_weights(REAL_WEIGHTS);
  if (!weights || !babel_real_data("utd_mhad/Skeleton/a3_s1_t1_skeleton.mat"))
    cr_skip_test("no real data or weights");
  babel_encoder *encoder = create(weights);
  for (int i = 0; i < 6; i++) {
    int first, five;
    count_guesses(encoder, actions[i].action, actions[i].class, false, &first, &five);
    cr_assert(first == actions[i].ours_first && five == actions[i].ours_five, "action %d, ours: %d, %d",
              actions[i].action, first, five);
    if (i != 3) continue; /* 300 frames each: the action with the most telling counts */
    count_guesses(encoder, actions[i].action, actions[i].class, true, &first, &five);
    cr_assert(first == actions[i].first && five == actions[i].five, "action %d, reference: %d, %d",
              actions[i].action, first, five);
  }
  babel_encoder_destroy(encoder);
}
