/* The motion clock and the two encoders built on it, against the published known answers of three real trials, and on recordings whose
 * answer is plain. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/utd_mhad.h"
#include "encoders/encoder.h"
#include "encoders/imu_motion.h"
#include "encoders/motion_clock.h"
#include "encoders/skeleton_motion.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"

/* Sum, L2 norm, first three and last value of one block. */
typedef struct {
  const char *name;
  int at, n;
  double sum, l2, first[3], last;
} block;

typedef struct {
  const char *key;
  int rows, frames;
  double first_weight, cuts[9], positions[3], skeleton_weight, skeleton_positions[3], resampled[2], resampled_skeleton[2];
  block blocks[13];
} answer;

static const answer answers[] = {
    {"a1_s1_t1", 160, 48, 1.0629839, {0, 28.643345, 41.358775, 56.786106, 72.426235, 97.47378, 114.07672, 128.89523, 160},
     {0.86428953, 3.36728, 158.2712}, 0.25630975, {1.8241951, 6.4737495, 45.820075}, {-138.83001, 33.810799}, {2420.1128, 89.825348},
     {{"base", 0, 30, 3.5273281, 8.0775462, {-0.55685731, -0.091331537, -0.55058597}, 0.082646942},
      {"eseg8", 30, 48, -9.8530189, 8.0511269, {-0.95362208, -0.22416649, -0.44942208}, -0.05463054},
      {"eshape8", 78, 48, -0.55908926, 4.0095528, {-0.56385287, -0.18877525, 0.14376666}, -0.021922949},
      {"eang8", 126, 24, 0.34881585, 3.27672, {-0.50816341, -0.65956707, 1.2579441}, -0.19387066},
      {"fft", 150, 42, 6.1837647, 1.7577965, {0.30494767, 0.29622756, 0.14306519}, 0.0097537259},
      {"angr", 192, 9, 8.1587971, 4.2424046, {0.63803869, 0.68826518, 0.81901058}, -1.5052039},
      {"corr", 201, 15, -2.0131384, 1.4519536, {0.49121393, -0.35218754, -0.45362189}, -0.49387334},
      {"acf", 216, 30, 7.505006, 3.2050838, {0.95681335, 0.94138279, 0.76276127}, -0.59091551},
      {"epos", 246, 7, 3.3728762, 1.3993557, {0.17902091, 0.25849235, 0.35491316}, 0.80559521},
      {"lw", 253, 144, 23.070023, 3.775423, {-0.65255346, -0.047662094, -0.54452351}, 0.43865058},
      {"edseg8", 0, 480, 1.7436737, 6.2655617, {0.0040836703, -0.00016768904, -0.001803043}, 0.0033044075},
      {"eang", 480, 72, -55.652998, 6.8333265, {-0.98689381, -0.89619569, -0.6711444}, -0.77479726},
      {"gw", 316, 1024, 629.64527, 39.976886, {0.064803138, 0.55876631, 0.23714924}, 0.040828615}}},
    {"a8_s3_t2", 152, 59, 0.88389331, {0, 17.255444, 28.841203, 43.425409, 53.060094, 69.421064, 91.31249, 120.85627, 152},
     {1.0780229, 4.3139053, 149.94921}, 0.23697613, {2.523902, 4.9903348, 56.294865}, {-193.20286, 58.896793}, {2291.6692, 88.580081},
     {{"base", 0, 30, 6.9065391, 17.632356, {-0.53634006, -0.39621773, -0.44381394}, 0.32248313},
      {"eseg8", 30, 48, -11.281374, 10.709701, {-1.3989247, -0.80144884, -0.79663794}, 0.090136806},
      {"eshape8", 78, 48, 0.32868121, 3.5361693, {-0.80465109, -0.37801465, -0.32912735}, 0.022273252},
      {"eang8", 126, 24, -1.235403, 2.8034867, {0.21708535, -1.0423363, 0.69063648}, 0.76722265},
      {"fft", 150, 42, 13.352673, 2.9560593, {0.3273848, 0.20789504, 0.10853574}, 0.041223652},
      {"angr", 192, 9, 7.1231502, 3.5305648, {0.19651218, 0.60392322, 0.7606089}, -0.12174138},
      {"corr", 201, 15, 1.0796842, 0.72612588, {0.27651689, 0.30427024, 0.16644086}, -0.26911174},
      {"acf", 216, 30, 1.8876649, 1.7821865, {0.75911592, 0.33944053, 0.42502912}, -0.45977099},
      {"epos", 246, 7, 2.7906051, 1.2058369, {0.11352266, 0.18974476, 0.28569348}, 0.79510707},
      {"lw", 253, 144, 25.041912, 3.7063789, {-0.81933109, -0.057410418, -0.35555836}, 0.37847713},
      {"edseg8", 0, 480, 11.688478, 6.2716601, {-0.0019254778, -0.00014489667, 0.00043825517}, -0.0090115308},
      {"eang", 480, 72, -54.623506, 6.7335905, {-0.96962629, -0.82212205, -0.65002119}, -0.83424424},
      {"gw", 316, 1024, 639.53671, 40.28306, {0.3807629, 0.97565752, 0.12695275}, 0.0033123321}}},
    {"a27_s7_t4", 187, 72, 1.3240004, {0, 37.021933, 51.798301, 67.396134, 91.046079, 112.95879, 125.47969, 149.70513, 187},
     {0.79322908, 3.421203, 185.07056}, 0.23715537, {3.1143016, 6.8130004, 68.632806}, {-84.518767, 17.582497}, {2178.4935, 86.19989},
     {{"base", 0, 30, -0.54149256, 4.2955093, {-0.86420169, -0.21499523, 0.42225493}, 0.065045498},
      {"eseg8", 30, 48, -5.9760362, 4.1607429, {-0.96742165, 0.098150553, 0.38666478}, 0.0067004825},
      {"eshape8", 78, 48, -1.1749791, 4.0754391, {-0.26374114, 0.80013034, -0.090937689}, 0.0071261573},
      {"eang8", 126, 24, -0.75539189, 1.0944591, {0.10052282, 0.0094655455, 0.36505102}, 0.31311425},
      {"fft", 150, 42, 2.5967537, 0.71955067, {0.075312152, 0.24868476, 0.035642926}, 0.014714372},
      {"angr", 192, 9, 1.8403549, 1.1287554, {0.058537419, 0.068161711, 0.39402697}, -0.068747319},
      {"corr", 201, 15, -0.41450392, 1.3135763, {-0.77836796, 0.29882261, -0.003810535}, 0.65056652},
      {"acf", 216, 30, 7.1589636, 2.4302684, {0.75176454, 0.95191203, 0.45325553}, -0.22772532},
      {"epos", 246, 7, 3.3978933, 1.3924479, {0.19797825, 0.27699626, 0.36040714}, 0.80056217},
      {"lw", 253, 144, 22.432007, 3.3543408, {-0.35829559, 0.15483, 0.23860561}, 0.23099124},
      {"edseg8", 0, 480, -15.089072, 8.4153273, {-5.6973875e-05, 0.00023357978, -0.0051415708}, 0.037841933},
      {"eang", 480, 72, -56.26392, 6.7873104, {-0.99773761, -0.98781636, -0.71466589}, -0.85701604},
      {"gw", 316, 1024, 477.56886, 33.229938, {0.34927067, 0.63326329, 1.0211259}, 0.0024815316}}},
};
enum { ANSWERS = sizeof answers / sizeof *answers };

static void near(const char *what, double found, double expected, double tolerance) {
  cr_assert_leq(fabs(found - expected), tolerance * fmax(1, fabs(expected)), "%s: %.10g, expected %.10g", what, found, expected);
}

static void check_block(const char *key, const block *b, const double *x, double tolerance) {
  char what[64];
  double sum = 0, squares = 0;
  for (int i = 0; i < b->n; i++) {
    sum += x[b->at + i];
    squares += x[b->at + i] * x[b->at + i];
  }
  snprintf(what, sizeof what, "%s %s", key, b->name);
  near(what, sum, b->sum, tolerance);
  near(what, sqrt(squares), b->l2, tolerance);
  for (int i = 0; i < 3; i++) near(what, x[b->at + i], b->first[i], tolerance);
  near(what, x[b->at + b->n - 1], b->last, tolerance);
}

static babel_sample trial(const char *folder, const char *key, const char *kind) {
  char name[96];
  babel_sample sample;
  snprintf(name, sizeof name, "utd_mhad/%s/%s_%s.mat", folder, key, kind);
  const char *path = babel_real_data(name);
  if (!path) cr_skip("no real recordings here");
  babel_status status = *kind == 'i' ? babel_utd_read_inertial(&sample, path) : babel_utd_read_skeleton(&sample, path);
  cr_assert_eq(status, BABEL_OK, "%s", babel_error_last()->sentence);
  return sample;
}

static void sums(const double *x, size_t n, double out[2]) {
  out[0] = out[1] = 0;
  for (size_t i = 0; i < n; i++) {
    out[0] += x[i];
    out[1] += x[i] * x[i];
  }
  out[1] = sqrt(out[1]);
}

Test(encoders_motion, the_clock_of_real_imu_trials_is_the_published_one) {
  for (int i = 0; i < ANSWERS; i++) {
    const answer *a = &answers[i];
    babel_sample sample = trial("Inertial", a->key, "inertial");
    babel_motion_clock clock;
    double cuts[9], positions[120], rows[120 * 6], found[2];
    cr_assert_eq(sample.rows, a->rows);
    cr_assert_eq(babel_motion_clock_create(&clock, sample.rows), BABEL_OK);
    babel_motion_clock_imu(&clock, sample.x);
    near("sum of w", clock.cumulative[sample.rows], 2.2 * sample.rows, 1e-8);
    near("w_1", clock.weights[0], a->first_weight, 6e-8);
    babel_motion_clock_cuts(&clock, 8, cuts);
    for (int j = 0; j <= 8; j++) near("cut", cuts[j], a->cuts[j], 1e-7);
    babel_motion_clock_positions(&clock, 120, positions);
    near("position 0", positions[0], a->positions[0], 6e-8);
    near("position 1", positions[1], a->positions[1], 6e-8);
    near("position 119", positions[119], a->positions[2], 1e-7);
    babel_motion_clock_resample(&clock, sample.x, 6, 120, rows);
    sums(rows, 720, found);
    near("120 rows, sum", found[0], a->resampled[0], 6e-8);
    near("120 rows, L2", found[1], a->resampled[1], 6e-8);
    babel_motion_clock_destroy(&clock);
    babel_sample_destroy(&sample);
  }
}

Test(encoders_motion, the_clock_of_real_skeletons_is_the_published_one) {
  for (int i = 0; i < ANSWERS; i++) {
    const answer *a = &answers[i];
    babel_sample sample = trial("Skeleton", a->key, "skeleton");
    babel_motion_clock clock;
    double positions[48], frames[48 * 60], found[2], *scratch = malloc((size_t)sample.rows * 60 * sizeof *scratch);
    cr_assert_eq(sample.rows, a->frames);
    cr_assert_eq(babel_motion_clock_create(&clock, sample.rows), BABEL_OK);
    babel_motion_clock_skeleton(&clock, sample.x, 20, scratch);
    near("sum of w", clock.cumulative[sample.rows], 1.2 * sample.rows, 1e-7);
    near("w_1", clock.weights[0], a->skeleton_weight, 6e-8);
    babel_motion_clock_positions(&clock, 48, positions);
    near("position 0", positions[0], a->skeleton_positions[0], 1e-7);
    near("position 1", positions[1], a->skeleton_positions[1], 1e-7);
    near("position 47", positions[47], a->skeleton_positions[2], 1e-7);
    babel_motion_clock_resample(&clock, sample.x, 60, 48, frames);
    sums(frames, 48 * 60, found);
    near("48 frames, sum", found[0], a->resampled_skeleton[0], 1e-7);
    near("48 frames, L2", found[1], a->resampled_skeleton[1], 1e-7);
    free(scratch);
    babel_motion_clock_destroy(&clock);
    babel_sample_destroy(&sample);
  }
}

Test(encoders_motion, statistics_of_real_trials_are_the_published_ones) {
  for (int i = 0; i < ANSWERS; i++) {
    babel_sample imu = trial("Inertial", answers[i].key, "inertial"), skeleton = trial("Skeleton", answers[i].key, "skeleton");
    double statistics[253], joints[552];
    cr_assert_eq(babel_imu_motion_statistics(statistics, imu.x, imu.rows), BABEL_OK);
    for (int b = 0; b < 9; b++) check_block(answers[i].key, &answers[i].blocks[b], statistics, 6e-8);
    cr_assert_eq(babel_skeleton_motion_statistics(joints, skeleton.x, skeleton.rows), BABEL_OK);
    for (int b = 10; b < 12; b++) check_block(answers[i].key, &answers[i].blocks[b], joints, 1e-7);
    babel_sample_destroy(&imu);
    babel_sample_destroy(&skeleton);
  }
}

/* R = 140 puts bin 7 exactly on 2.5 Hz: it belongs to the upper band. */
Test(encoders_motion, a_bin_on_the_border_of_two_bands_goes_to_the_upper_one) {
  babel_sample sample = trial("Inertial", "a2_s3_t2", "inertial");
  double statistics[253], found[2];
  cr_assert_eq(sample.rows, 140);
  cr_assert_eq(babel_imu_motion_statistics(statistics, sample.x, sample.rows), BABEL_OK);
  sums(statistics + 150, 42, found);
  near("fft sum", found[0], 8.0447667, 6e-8);
  near("fft L2", found[1], 2.10015, 1e-6);
  near("band 3 column 1", statistics[150 + 12], 0.067847440, 6e-8);
  near("band 4 column 1", statistics[150 + 18], 0.017613720, 6e-8);
  babel_sample_destroy(&sample);
}

static void check_pretrained(const char *name, const char *weights, const char *folder, const char *kind, int width, int b, int at, double tolerance) {
  const char *path = babel_real_weights(weights);
  babel_encoder *encoder;
  if (!path) cr_skip("no published weights here");
  cr_assert_eq(babel_encoder_create(&encoder, name, &(babel_encoder_options){.weights = path}), BABEL_OK, "%s", babel_error_last()->sentence);
  for (int i = 0; i < ANSWERS; i++) {
    babel_sample sample = trial(folder, answers[i].key, kind);
    float *all = malloc((size_t)width * sizeof *all), *part = malloc((size_t)encoder->outputs[2].width * sizeof *part);
    double *x = malloc((size_t)width * sizeof *x);
    cr_assert_eq(encoder->outputs[0].width, width);
    float *outputs[4] = {all, NULL, part};
    cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_OK, "%s", babel_error_last()->sentence);
    for (int j = 0; j < width; j++) x[j] = (double)all[j];
    block moved = answers[i].blocks[b];
    moved.at = at;
    check_block(answers[i].key, &moved, x, tolerance);
    int offset = width == 397 ? 253 : 0;
    for (int j = 0; j < encoder->outputs[2].width; j++) cr_assert_eq(part[j], all[offset + j]);
    free(all);
    free(part);
    free(x);
    babel_sample_destroy(&sample);
  }
  babel_encoder_destroy(encoder);
}

Test(encoders_motion, limu_bert_on_the_motion_clock_gives_the_published_values) {
  check_pretrained("imu_motion", "limu_bert/hhar.pt", "Inertial", "inertial", 397, 9, 253, 1e-5);
}

Test(encoders_motion, shift_gcn_on_the_motion_clock_gives_the_published_values) {
  check_pretrained("skeleton_motion", "shift_gcn/ntu_joint_xsub.pt", "Skeleton", "skeleton", 1892, 12, 316, 1e-4);
}

Test(encoders_motion, equal_weights_make_the_clock_the_plain_one) {
  babel_motion_clock clock;
  double x[12 * 2], cuts[5], means[4 * 2], scratch[13 * 2], rows[12 * 2];
  for (int i = 0; i < 24; i++) x[i] = babel_fill("clock", (uint32_t)i);
  cr_assert_eq(babel_motion_clock_create(&clock, 12), BABEL_OK);
  for (int r = 0; r < 12; r++) clock.weights[r] = 2.5;
  babel_motion_clock_wind(&clock);
  babel_motion_clock_cuts(&clock, 4, cuts);
  for (int j = 0; j <= 4; j++) cr_assert_float_eq(cuts[j], 3 * j, 1e-12);
  babel_motion_clock_means(&clock, x, 2, 4, cuts, means, scratch);
  for (int s = 0; s < 4; s++)
    for (int c = 0; c < 2; c++) cr_assert_float_eq(means[s * 2 + c], (x[6 * s + c] + x[6 * s + 2 + c] + x[6 * s + 4 + c]) / 3, 1e-12);
  babel_motion_clock_resample(&clock, x, 2, 12, rows);
  for (int i = 0; i < 24; i++) cr_assert_float_eq(rows[i], x[i], 1e-12);
  babel_motion_clock_destroy(&clock);
}

/* A recording that holds every row twice takes twice the time and shows the same motion. */
Test(encoders_motion, a_slower_recording_gives_the_same_segments) {
  enum { ROWS = 64 };
  babel_motion_clock once, twice;
  double x[ROWS], slow[2 * ROWS], a[4], b[4], cuts[5], scratch[2 * ROWS + 1];
  cr_assert_eq(babel_motion_clock_create(&once, ROWS), BABEL_OK);
  cr_assert_eq(babel_motion_clock_create(&twice, 2 * ROWS), BABEL_OK);
  for (int r = 0; r < ROWS; r++) {
    x[r] = slow[2 * r] = slow[2 * r + 1] = babel_fill("slow", (uint32_t)r);
    once.weights[r] = 1.5 + babel_fill("weight", (uint32_t)r);
    twice.weights[2 * r] = twice.weights[2 * r + 1] = once.weights[r] / 2;
  }
  babel_motion_clock_wind(&once);
  babel_motion_clock_wind(&twice);
  babel_motion_clock_cuts(&once, 4, cuts);
  babel_motion_clock_means(&once, x, 1, 4, cuts, a, scratch);
  babel_motion_clock_cuts(&twice, 4, cuts);
  babel_motion_clock_means(&twice, slow, 1, 4, cuts, b, scratch);
  for (int s = 0; s < 4; s++) cr_assert_float_eq(a[s], b[s], 1e-12);
  babel_motion_clock_destroy(&once);
  babel_motion_clock_destroy(&twice);
}

Test(encoders_motion, short_or_foreign_recordings_are_refused) {
  babel_encoder *encoder;
  babel_sample sample;
  float out[397], *outputs[4] = {out};
  cr_assert_eq(babel_encoder_create(&encoder, "imu_motion", &(babel_encoder_options){.random_weights = true}), BABEL_OK);
  cr_assert_eq(babel_sample_create(&sample, babel_modality_find("imu"), 7, 6), BABEL_OK);
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_ERR_SHAPE);
  babel_sample_destroy(&sample);
  cr_assert_eq(babel_sample_create(&sample, babel_modality_find("imu"), 8, 6), BABEL_OK); /* nothing moves at all */
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_OK);
  for (int i = 0; i < 397; i++) cr_assert(isfinite(out[i]), "column %d", i);
  babel_sample_destroy(&sample);
  babel_encoder_destroy(encoder);
}
