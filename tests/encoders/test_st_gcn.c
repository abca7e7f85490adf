#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/encoder.h"
#include "encoders/skeleton_prep.h"
#include "encoders/st_gcn_net.h"
#include "tests/encoders/skeleton_file.h"
#include "tests/encoders/skeleton_synthetic.h"
#include "tests/support/compare.h"

enum { WIDTH = 256, CLASSES = 60 };

TestSuite(encoders_st_gcn, .init = skeleton_init);

static babel_encoder *create(const babel_encoder_options *options) {
  babel_encoder *encoder;
  cr_assert_eq(babel_encoder_create(&encoder, "st_gcn", options), BABEL_OK, "%s",
               babel_error_last()->sentence);
  return encoder;
}

static void recording(babel_sample *sample, int frames) {
  cr_assert_eq(babel_sample_create(sample, babel_modality_find("skeleton"), frames, 60), BABEL_OK);
  sample->joints = BABEL_JOINTS_KINECT1_20;
  for (int i = 0; i < frames * 60; i++)
    sample->x[i] = 0.3 * babel_fill("recording", (uint32_t)i) + (i % 3 == 2 ? 3 : 0);
}

Test(encoders_st_gcn, a_weight_file_is_imported_strictly_with_or_without_prefix) {
  int count;
  char path[1100];
  babel_sample sample;
  float plain[316], scores[CLASSES], prefixed[316], *outputs[2] = {plain, scores};
  recording(&sample, 9);
  snprintf(path, sizeof path, "%s", skeleton_file_st_gcn(&(skeleton_file){0}, &count));
  cr_assert_eq(count, 149 + 23); /* float tensors, num_batches_tracked */
  babel_encoder *encoder = create(&(babel_encoder_options){.weights = path});
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_OK);
  cr_assert_eq(memcmp(plain + WIDTH, scores, sizeof scores), 0);
  babel_encoder_destroy(encoder);
  snprintf(
      path, sizeof path, "%s",
      skeleton_file_st_gcn(&(skeleton_file){.prefix = "skeleton_model.", .extra = "visual.fc.weight"}, NULL));
  encoder = create(&(babel_encoder_options){.weights = path});
  outputs[0] = prefixed, outputs[1] = NULL;
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_OK);
  cr_assert_eq(memcmp(plain, prefixed, sizeof plain), 0);
  babel_encoder_destroy(encoder);
  babel_sample_destroy(&sample);
}

Test(encoders_st_gcn, damaged_files_are_refused_with_the_name_of_the_tensor) {
  static const struct {
    skeleton_file how;
    const char *word;
  } cases[] = {{{.omit = "edge_importance.9"}, "edge_importance.9"},
               {{.spoil = "st_gcn_networks.4.residual.0.weight"}, "st_gcn_networks.4.residual.0.weight"},
               {{.extra = "st_gcn_networks.3.residual.0.weight"}, "st_gcn_networks.3.residual.0.weight"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_encoder *encoder;
    const char *path = skeleton_file_st_gcn(&cases[i].how, NULL);
    cr_assert_eq(babel_encoder_create(&encoder, "st_gcn", &(babel_encoder_options){.weights = path}),
                 BABEL_ERR_FORMAT);
    cr_assert(strstr(babel_error_last()->sentence, cases[i].word), "%s", babel_error_last()->sentence);
  }
}

/* Padding is no small thing: an empty person and empty frames are not neutral. */
Test(encoders_st_gcn, padding_runs_three_hundred_frames_and_two_persons) {
  if (SKELETON_SANITIZED) cr_skip_test("68 GFLOP");
  babel_encoder *native = create(&(babel_encoder_options){.random_weights = true, .seed = 3});
  babel_encoder *padded =
      create(&(babel_encoder_options){.random_weights = true, .seed = 3, .skeleton_pad = 1});
  babel_st_gcn_net net;
  babel_sample sample;
  babel_skeleton_input input;
  float a[316], b[316], *outputs[2] = {a, NULL}, pooled[2][WIDTH], scores[CLASSES];
  recording(&sample, 12);
  cr_assert_eq(babel_st_gcn_net_random(&net, 3), BABEL_OK);
  void *scratch = skeleton_scratch(babel_st_gcn_net_scratch(&net.shape, 300));
  cr_assert_eq(babel_encoder_run(native, &sample, outputs, NULL), BABEL_OK);
  outputs[0] = b;
  cr_assert_eq(babel_encoder_run(padded, &sample, outputs, NULL), BABEL_OK);
  cr_assert_eq(babel_skeleton_prepare_st_gcn(&input, &sample, 0), BABEL_OK);
  cr_assert_eq(babel_st_gcn_net_run(&net, input.x, 12, pooled[0], scratch, NULL), BABEL_OK);
  babel_st_gcn_net_scores(&net, pooled[0], scores);
  cr_assert(!memcmp(a, pooled[0], sizeof pooled[0]) && !memcmp(a + WIDTH, scores, sizeof scores));
  float *x = calloc(2 * 300 * 75, sizeof *x);
  memcpy(x, input.x, 12 * 75 * sizeof *x);
  for (int m = 0; m < 2; m++)
    cr_assert_eq(babel_st_gcn_net_run(&net, x + m * 300 * 75, 300, pooled[m], scratch, NULL), BABEL_OK);
  for (int c = 0; c < WIDTH; c++) pooled[0][c] = (float)(((double)pooled[0][c] + (double)pooled[1][c]) / 2);
  babel_st_gcn_net_scores(&net, pooled[0], scores);
  cr_assert(!memcmp(b, pooled[0], sizeof pooled[0]) && !memcmp(b + WIDTH, scores, sizeof scores));
  cr_assert(strstr(native->preprocessing, "native") && strstr(padded->preprocessing, "300"));
  free(x), free(scratch);
  babel_skeleton_input_destroy(&input);
  babel_sample_destroy(&sample);
  babel_st_gcn_net_destroy(&net);
  babel_encoder_destroy(native), babel_encoder_destroy(padded);
}

Test(encoders_st_gcn, samples_in_parallel_give_the_same_bits) {
  enum { N = 6 };
  babel_encoder *encoder = create(&(babel_encoder_options){.random_weights = true, .seed = 1});
  float serial[N][316], parallel[N][316];
  babel_sample samples[N];
  int failed = 0;
  for (int i = 0; i < N; i++) {
    recording(&samples[i], 3 + i);
    float *outputs[2] = {serial[i], NULL};
    cr_assert_eq(babel_encoder_run(encoder, &samples[i], outputs, NULL), BABEL_OK);
  }
#pragma omp parallel for schedule(dynamic) num_threads(4) reduction(+ : failed)
  for (int i = 0; i < N; i++) {
    float *outputs[2] = {parallel[i], NULL};
    failed += babel_encoder_run(encoder, &samples[i], outputs, NULL) != BABEL_OK;
  }
  cr_assert_eq(failed, 0);
  cr_assert_eq(memcmp(serial, parallel, sizeof serial), 0);
  for (int i = 0; i < N; i++) babel_sample_destroy(&samples[i]);
  babel_encoder_destroy(encoder);
}

Test(encoders_st_gcn, unknown_padding_is_refused) {
  babel_encoder *encoder;
  cr_assert_eq(babel_encoder_create(&encoder, "st_gcn",
                                    &(babel_encoder_options){.random_weights = true, .skeleton_pad = 2}),
               BABEL_ERR_ARG);
}
