#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "encoders/encoder.h"
#include "encoders/imu_input.h"
#include "encoders/limu_bert_net.h"
#include "tests/encoders/limu_synthetic.h"
#include "tests/support/compare.h"

enum { STEPS = 120, HIDDEN = 72, CHANNELS = 6 };

static double *signal(int rows) {
  double *x = malloc((size_t)(rows * CHANNELS + 1) * sizeof *x);
  for (int i = 0; i < rows * CHANNELS; i++) x[i] = babel_fill("signal", (uint32_t)i) + 0.01 * i / CHANNELS;
  return x;
}

static babel_sample recording(int rows) {
  babel_sample sample;
  double *x = signal(rows);
  cr_assert_eq(babel_sample_create(&sample, babel_modality_find("imu"), rows, CHANNELS), BABEL_OK);
  memcpy(sample.x, x, (size_t)(rows * CHANNELS) * sizeof *x);
  free(x);
  return sample;
}

Test(encoders_limu_bert, stretching_interpolates_end_to_end) {
  static const int lengths[] = {1, 2, 3, 107, 119, 120, 121, 326, 2000};
  for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++) {
    int rows = lengths[n];
    double *x = signal(rows), want[STEPS * CHANNELS];
    float *out = babel_guarded(STEPS * CHANNELS);
    for (int i = 0; i < STEPS; i++)
      for (int c = 0; c < CHANNELS; c++) {
        double at = i * (rows - 1) / 119.0, below = floor(at), above = fmin(below + 1, rows - 1);
        want[i * CHANNELS + c] =
            (1 - (at - below)) * x[(int)below * CHANNELS + c] + (at - below) * x[(int)above * CHANNELS + c];
      }
    babel_imu_stretch(out, STEPS, x, rows);
    cr_assert(babel_close("stretch", out, want, STEPS * CHANNELS, 1e-7, 1e-7), "%d rows", rows);
    cr_assert(babel_guard_check(out, STEPS * CHANNELS));
    for (int i = 0; rows == STEPS && i < STEPS * CHANNELS; i++)
      cr_assert_eq(out[i], (float)x[i], "not a copy");
    for (int c = 0; c < CHANNELS; c++)
      cr_assert_float_eq(out[119 * CHANNELS + c], x[(rows - 1) * CHANNELS + c], 1e-6);
    babel_guarded_free(out);
    free(x);
  }
}

/* Cumulative sum at a position between rows. */
static double cumulative(const double *x, int rows, int c, double at) {
  double sum = 0;
  int whole = (int)floor(at);
  for (int i = 0; i < whole; i++) sum += x[i * CHANNELS + c];
  return whole < rows ? sum + (at - whole) * x[whole * CHANNELS + c] : sum;
}

Test(encoders_limu_bert, bins_are_differences_of_the_interpolated_cumulative_sum) {
  static const int lengths[][2] = {{1, 0},    {2, 0},    {3, 1},     {4, 1},     {5, 2},
                                   {107, 42}, {160, 64}, {299, 119}, {300, 120}, {326, 120}};
  for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++) {
    int rows = lengths[n][0], bins = lengths[n][1];
    double *x = signal(rows), want[STEPS * CHANNELS];
    float *out = babel_guarded(STEPS * CHANNELS);
    for (int i = 0; i < bins; i++)
      for (int c = 0; c < CHANNELS; c++)
        want[i * CHANNELS + c] =
            (cumulative(x, rows, c, 2.5 * (i + 1)) - cumulative(x, rows, c, 2.5 * i)) / 2.5;
    cr_assert_eq(babel_imu_bins(out, STEPS, x, rows), bins, "%d rows", rows);
    cr_assert(babel_close("bins", out, want, (size_t)(bins * CHANNELS), 1e-6, 1e-6), "%d rows", rows);
    cr_assert(babel_guard_check(out, STEPS * CHANNELS));
    for (int i = bins * CHANNELS; i < STEPS * CHANNELS; i++)
      cr_assert(isnan(out[i]), "wrote an incomplete bin");
    babel_guarded_free(out);
    free(x);
  }
}

static babel_encoder *create(babel_encoder_options options) {
  babel_encoder *encoder;
  options.weights = limu_synthetic_write(&(limu_synthetic){0});
  cr_assert_eq(babel_encoder_create(&encoder, "limu_bert", &options), BABEL_OK, "%s",
               babel_error_last()->sentence);
  return encoder;
}

/* The network's output for these rows, by the network's own function, which its own test checks. */
static int network(float *h, const babel_sample *sample, const babel_encoder_options *o) {
  babel_limu_bert_net net;
  char sha256[65];
  float x[STEPS * CHANNELS], *scratch = malloc(babel_limu_bert_net_scratch() * sizeof *scratch);
  int rows = STEPS;
  if (o->imu_window)
    rows = babel_imu_bins(x, STEPS, sample->x, sample->rows);
  else
    babel_imu_stretch(x, STEPS, sample->x, sample->rows);
  for (int i = 0; o->imu_degrees && i < rows * CHANNELS; i++)
    if (i % CHANNELS >= 3) x[i] = (float)((double)x[i] * 180 / M_PI);
  cr_assert_eq(babel_limu_bert_net_load(&net, limu_synthetic_write(&(limu_synthetic){0}), sha256), BABEL_OK);
  cr_assert_eq(babel_limu_bert_net_run(&net, x, rows, o->imu_block ? o->imu_block : 1, h, NULL, scratch),
               BABEL_OK);
  babel_limu_bert_net_destroy(&net);
  free(scratch);
  return rows;
}

/* Mean, deviation or everything, in double. Returns the number of values. */
static size_t pooled(double *want, const float *h, int rows, int pool) {
  memset(want, 0, STEPS * HIDDEN * sizeof *want);
  for (int i = 0; pool == 2 && i < rows * HIDDEN; i++) want[i] = (double)h[i];
  for (int j = 0; pool < 2 && j < HIDDEN; j++) {
    double squares = 0;
    for (int i = 0; i < rows; i++) want[j] += (double)h[i * HIDDEN + j] / rows;
    for (int i = 0; i < rows; i++) squares += pow((double)h[i * HIDDEN + j] - want[j], 2);
    want[HIDDEN + j] = sqrt(squares / rows);
  }
  return pool == 2 ? STEPS * HIDDEN : pool ? HIDDEN : 2 * HIDDEN;
}

static void check_options(babel_encoder_options options, int rows, const char *name,
                          const char *preprocessing, int length) {
  babel_encoder *encoder = create(options);
  babel_sample sample = recording(rows);
  float h[STEPS * HIDDEN];
  double want[STEPS * HIDDEN];
  int steps = network(h, &sample, &options), found_length = 0;
  size_t size = pooled(want, h, steps, options.imu_pool);
  float *found = babel_guarded(size), *again = babel_guarded(size);
  cr_assert_eq((size_t)(encoder->outputs[0].width * encoder->outputs[0].steps), size);
  cr_assert_str_eq(encoder->outputs[0].name, name);
  cr_assert_str_eq(encoder->preprocessing, preprocessing);
  cr_assert_eq(strlen(encoder->weights_sha256), 64);
  cr_assert_eq(babel_encoder_run(encoder, &sample, &found, &found_length), BABEL_OK, "%s",
               babel_error_last()->sentence);
  cr_assert_eq(babel_encoder_run(encoder, &sample, &again, NULL), BABEL_OK);
  cr_assert(babel_close(preprocessing, found, want, size, 1e-6, 1e-6));
  cr_assert_eq(memcmp(found, again, size * sizeof *found), 0);
  cr_assert(babel_guard_check(found, size));
  cr_assert_eq(found_length, length);
  babel_guarded_free(found);
  babel_guarded_free(again);
  babel_sample_destroy(&sample);
  babel_encoder_destroy(encoder);
}

Test(encoders_limu_bert, options_choose_window_unit_block_and_pooling) {
  check_options((babel_encoder_options){0}, 160, "mean_deviation",
                "stretched to 120 rows, rad/s, block 1, mean + deviation over time", 1);
  check_options((babel_encoder_options){0}, 107, "mean_deviation",
                "stretched to 120 rows, rad/s, block 1, mean + deviation over time", 1);
  check_options((babel_encoder_options){.imu_window = 1, .imu_degrees = 1, .imu_block = 4, .imu_pool = 1},
                160, "mean", "20 Hz, bins of 2.5 rows, deg/s, block 4, mean over time", 1);
  check_options((babel_encoder_options){.imu_window = 1, .imu_block = 2, .imu_pool = 2}, 101, "sequence",
                "20 Hz, bins of 2.5 rows, rad/s, block 2, every time step", 40);
  check_options((babel_encoder_options){.imu_block = 3, .imu_pool = 2}, 326, "sequence",
                "stretched to 120 rows, rad/s, block 3, every time step", STEPS);
}

Test(encoders_limu_bert, options_out_of_range_are_refused) {
  static const babel_encoder_options bad[] = {{.imu_window = 2}, {.imu_window = -1}, {.imu_degrees = 2},
                                              {.imu_block = 5},  {.imu_block = -1},  {.imu_pool = 3},
                                              {.imu_pool = -1}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    babel_encoder *encoder;
    babel_encoder_options options = bad[i];
    options.random_weights = true;
    cr_assert_eq(babel_encoder_create(&encoder, "limu_bert", &options), BABEL_ERR_ARG, "case %zu", i);
  }
}

Test(encoders_limu_bert, recordings_too_short_for_a_bin_or_of_other_width_are_refused) {
  babel_encoder *encoder = create((babel_encoder_options){.imu_window = 1});
  float out[2 * HIDDEN], *outputs[] = {out}, *none[] = {NULL};
  babel_sample sample = recording(2);
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_encoder_run(encoder, &sample, none, NULL), BABEL_ERR_SHAPE);
  babel_sample_destroy(&sample);
  sample = recording(3);
  cr_assert_eq(babel_encoder_run(encoder, &sample, none, NULL), BABEL_OK);
  sample.width = 9;
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_ERR_SHAPE);
  babel_sample_destroy(&sample);
  sample = recording(121);
  sample.as_is = 1;
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_ERR_SHAPE);
  cr_assert(strstr(babel_error_last()->sentence, "120 positions"));
  babel_sample_destroy(&sample);
  babel_encoder_destroy(encoder);
}

static void destroy_samples(babel_sample *samples, int count) {
  for (int i = 0; i < count; i++) babel_sample_destroy(&samples[i]);
  free(samples);
}

/* Up to 120 rows are the network's steps; longer arrays are stretched like a trial. */
Test(encoders_limu_bert, users_arrays_of_any_length_follow_the_stated_rule) {
  static const int lengths[] = {1, 2, 119, 120, 121, 2000};
  babel_log_set_level(BABEL_LOG_WARN);
  babel_encoder *encoder = create((babel_encoder_options){.imu_pool = 2, .imu_block = 4});
  for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++) {
    int rows = lengths[n], steps = rows > STEPS ? STEPS : rows, count, length;
    double *x = signal(rows);
    babel_tensor array = {.data = x, .dtype = BABEL_F64, .rank = 2, .shape = {rows, CHANNELS}};
    babel_sample *samples;
    float in[STEPS * CHANNELS], h[STEPS * HIDDEN], *found = babel_guarded(STEPS * HIDDEN);
    float *scratch = malloc(babel_limu_bert_net_scratch() * sizeof *scratch);
    babel_limu_bert_net net;
    char sha256[65];
    cr_assert_eq(encoder->row->samples(encoder, &array, &samples, &count), BABEL_OK, "%s",
                 babel_error_last()->sentence);
    cr_assert(count == 1 && samples[0].rows == rows);
    cr_assert_eq(babel_encoder_run(encoder, samples, &found, &length), BABEL_OK);
    cr_assert_eq(length, steps);
    if (rows > STEPS) babel_imu_stretch(in, STEPS, x, rows);
    for (int i = 0; rows <= STEPS && i < rows * CHANNELS; i++) in[i] = (float)x[i];
    cr_assert_eq(babel_limu_bert_net_load(&net, encoder->options.weights, sha256), BABEL_OK);
    cr_assert_eq(babel_limu_bert_net_run(&net, in, steps, 4, h, NULL, scratch), BABEL_OK);
    cr_assert_eq(memcmp(found, h, (size_t)(steps * HIDDEN) * sizeof *h), 0, "%d rows", rows);
    for (int i = steps * HIDDEN; i < STEPS * HIDDEN; i++) cr_assert_eq(found[i], 0);
    cr_assert(babel_guard_check(found, STEPS * HIDDEN));
    babel_limu_bert_net_destroy(&net);
    destroy_samples(samples, count);
    babel_guarded_free(found);
    free(scratch);
    free(x);
  }
  babel_encoder_destroy(encoder);
}

Test(encoders_limu_bert, several_recordings_and_other_number_types_are_taken_apart_in_order) {
  static const int16_t x[2][3][6] = {{{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11, 12}, {13, 14, 15, 16, 17, 18}},
                                     {{-1, -2, -3, -4, -5, -6}, {0}, {19, 20, 21, 22, 23, 24}}};
  babel_tensor array = {.data = x, .dtype = BABEL_I16, .rank = 3, .shape = {2, 3, 6}};
  babel_encoder *encoder = create((babel_encoder_options){0});
  babel_sample *samples;
  int count;
  cr_assert_eq(encoder->row->samples(encoder, &array, &samples, &count), BABEL_OK);
  cr_assert_eq(count, 2);
  for (int n = 0; n < 2; n++)
    for (int i = 0; i < 18; i++) cr_assert_eq(samples[n].x[i], x[n][i / 6][i % 6]);
  cr_assert(samples[0].as_is && samples[1].as_is && samples[1].rows == 3);
  cr_assert_str_eq(samples[0].modality->name, "imu");
  destroy_samples(samples, count);
  babel_encoder_destroy(encoder);
}

static void array_refused(const babel_encoder *encoder, babel_tensor array, babel_status status,
                          const char *word) {
  babel_sample *samples;
  int count;
  cr_assert_eq(encoder->row->samples(encoder, &array, &samples, &count), status, "%s", word);
  cr_assert(samples == NULL && count == 0);
  cr_assert(strstr(babel_error_last()->sentence, word), "\"%s\" does not say %s",
            babel_error_last()->sentence, word);
}

Test(encoders_limu_bert, arrays_of_other_shapes_or_with_nan_are_refused_by_a_sentence) {
  double x[42] = {0}, holes[12] = {[8] = NAN};
  babel_encoder *encoder = create((babel_encoder_options){0});
  array_refused(encoder, (babel_tensor){x, BABEL_F64, 2, {0, 6}}, BABEL_ERR_SHAPE, "(0, 6)");
  array_refused(encoder, (babel_tensor){x, BABEL_F64, 3, {0, 7, 6}}, BABEL_ERR_SHAPE, "(0, 7, 6)");
  array_refused(encoder, (babel_tensor){x, BABEL_F64, 2, {6, 7}}, BABEL_ERR_SHAPE, "transposed");
  array_refused(encoder, (babel_tensor){x, BABEL_F64, 3, {1, 6, 7}}, BABEL_ERR_SHAPE, "transposed");
  array_refused(encoder, (babel_tensor){x, BABEL_F64, 2, {5, 7}}, BABEL_ERR_SHAPE, "6 columns");
  array_refused(encoder, (babel_tensor){x, BABEL_F64, 1, {42}}, BABEL_ERR_SHAPE, "(T, 6)");
  array_refused(encoder, (babel_tensor){x, BABEL_F64, 4, {1, 1, 7, 6}}, BABEL_ERR_SHAPE, "(N, T, 6)");
  array_refused(encoder, (babel_tensor){holes, BABEL_F64, 2, {2, 6}}, BABEL_ERR_VALUE, "row 1, column 2");
  babel_encoder_destroy(encoder);
}
