#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/utd_mhad.h"
#include "encoders/imu_stats.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"

enum { WIDTH = 78, CHANNELS = 6 };

static babel_sample recording(int rows, double scale) {
  babel_sample sample;
  cr_assert_eq(babel_sample_create(&sample, babel_modality_find("imu"), rows, CHANNELS), BABEL_OK);
  for (int i = 0; i < rows * CHANNELS; i++) sample.x[i] = scale * babel_fill("imu", (uint32_t)i);
  return sample;
}

/* Slot by slot from the definition: out[6 k + c]. */
static void oracle(double *out, const double *x, int rows) {
  for (int c = 0; c < CHANNELS; c++) {
    double sum = 0, squares = 0, low = INFINITY, high = -INFINITY, steps = 0;
    for (int i = 0; i < rows; i++) sum += x[i * CHANNELS + c];
    for (int i = 0; i < rows; i++) {
      double v = x[i * CHANNELS + c];
      squares += pow(v - sum / rows, 2);
      if (v < low) low = v;
      if (v > high) high = v;
    }
    for (int i = 1; i < rows; i++) steps += fabs(x[i * CHANNELS + c] - x[(i - 1) * CHANNELS + c]);
    out[c] = sum / rows;
    out[6 + c] = sqrt(squares / rows);
    out[12 + c] = low;
    out[18 + c] = high;
    out[24 + c] = steps / (rows - 1);
    for (int segment = 0; segment < 8; segment++) {
      int longer = rows % 8, size = rows / 8 + (segment < longer);
      int first = segment * (rows / 8) + (segment < longer ? segment : longer);
      double mean = 0;
      for (int i = first; i < first + size; i++) mean += x[i * CHANNELS + c] / size;
      out[30 + 6 * segment + c] = mean;
    }
  }
}

static babel_encoder *create(void) {
  babel_encoder *encoder;
  cr_assert_eq(babel_encoder_create(&encoder, "imu_stats", &(babel_encoder_options){0}), BABEL_OK);
  return encoder;
}

Test(encoders_imu_stats, features_follow_the_definition_for_any_remainder_of_rows) {
  babel_encoder *encoder = create();
  cr_assert(encoder->output_count == 1 && encoder->outputs[0].width == WIDTH &&
            encoder->outputs[0].steps == 1);
  for (int rows = 8; rows < 120; rows += rows < 20 ? 1 : 33) {
    babel_sample sample = recording(rows, 3);
    double want[WIDTH], exact[WIDTH];
    float *found = babel_guarded(WIDTH);
    int length = 0;
    oracle(want, sample.x, rows);
    babel_imu_stats(exact, sample.x, rows);
    for (int i = 0; i < WIDTH; i++) cr_assert_float_eq(exact[i], want[i], 1e-13);
    cr_assert_eq(babel_encoder_run(encoder, &sample, &found, &length), BABEL_OK);
    cr_assert(babel_close("imu_stats", found, want, WIDTH, 1e-7, 1e-7));
    cr_assert(babel_guard_check(found, WIDTH) && length == 1);
    babel_guarded_free(found);
    babel_sample_destroy(&sample);
  }
  babel_encoder_destroy(encoder);
}

Test(encoders_imu_stats, fewer_rows_than_segments_are_refused) {
  babel_encoder *encoder = create();
  float out[WIDTH], *outputs[] = {out};
  babel_sample sample = recording(7, 1);
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_ERR_SHAPE);
  cr_assert(strstr(babel_error_last()->sentence, "at least 8 rows"));
  babel_sample_destroy(&sample);
  babel_encoder_destroy(encoder);
}

/* Eight significant digits, the last one free by one. */
static bool agrees(double found, double printed) {
  double unit = pow(10, floor(log10(fabs(printed))) - 7);
  return fabs(found - printed) <= 1.01 * unit;
}

Test(encoders_imu_stats, real_trials_give_the_known_answers) {
  static const struct {
    const char *file;
    int rows;
    double sum, norm, first[3], last;
  } trials[] = {
      {"a1_s1_t1", 160, -5.315603, 10.763977, {-0.55685731, -0.091331537, -0.55058597}, -0.18191394},
      {"a8_s3_t2", 152, -3.3109095, 19.498222, {-0.53634006, -0.39621773, -0.44381394}, -0.14206658},
      {"a27_s7_t4", 187, -5.9346238, 5.6272462, {-0.86420169, -0.21499523, 0.42225493}, 0.030654771},
  };
  for (size_t t = 0; t < sizeof trials / sizeof *trials; t++) {
    char name[96];
    double x[WIDTH], sum = 0, squares = 0;
    babel_sample sample;
    snprintf(name, sizeof name, "utd_mhad/Inertial/%s_inertial.mat", trials[t].file);
    const char *path = babel_real_data(name);
    if (!path) cr_skip("no UTD-MHAD here");
    cr_assert_eq(babel_utd_read_inertial(&sample, path), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(sample.rows, trials[t].rows);
    babel_imu_stats(x, sample.x, sample.rows);
    for (int i = 0; i < WIDTH; i++) {
      sum += x[i];
      squares += x[i] * x[i];
    }
    cr_assert(agrees(sum, trials[t].sum), "%s: sum %.9g", trials[t].file, sum);
    cr_assert(agrees(sqrt(squares), trials[t].norm), "%s: norm %.9g", trials[t].file, sqrt(squares));
    for (int i = 0; i < 3; i++)
      cr_assert(agrees(x[i], trials[t].first[i]), "%s: [%d] %.9g", trials[t].file, i, x[i]);
    cr_assert(agrees(x[WIDTH - 1], trials[t].last), "%s: last %.9g", trials[t].file, x[WIDTH - 1]);
    babel_sample_destroy(&sample);
  }
}
