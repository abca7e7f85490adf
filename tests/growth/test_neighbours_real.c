/* The published neighbour graph of the 613 training trials of UTD-MHAD, with the features that are quick to make: 397 IMU columns and the 552
 * hand-made skeleton columns. With the whole skeleton features only where a bank of them is given: BABEL_SKELETON_MOTION_BANK. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "data/split.h"
#include "data/utd_mhad.h"
#include "encoders/encoder.h"
#include "encoders/imu_motion.h"
#include "encoders/skeleton_motion.h"
#include "growth/neighbours.h"
#include "tests/support/paths.h"

/* Features are stored in single precision: S moves by up to 3e-8 against the published ones (measured), their sums by less than 1e-7 of them. */
#define S_LIMIT 3e-7
#define SUM_LIMIT 1e-6

enum { TRAINING = 613, WIDTH_A = BABEL_IMU_MOTION_WIDTH, WIDTH_B = BABEL_SKELETON_MOTION_STATISTICS };

typedef struct {
  babel_split split;
  const char **keys;
  babel_bank banks[2];
  int *rows[2];
  float *mean[2], *inv_std[2];
} rig;

static const char *real(const char *folder, const char *key, const char *kind, char path[1200]) {
  const char *base = babel_real_data("utd_mhad");
  if (!base) cr_skip("no real recordings here");
  snprintf(path, 1200, "%s/%s/%s_%s.mat", base, folder, key, kind);
  return path;
}

static babel_encoder *open_imu(void) {
  const char *weights = babel_real_weights("limu_bert/hhar.pt");
  babel_encoder *encoder;
  babel_encoder_options options = {.weights = weights};
  if (!weights) cr_skip("no LIMU-BERT weights here");
  cr_assert_eq(babel_encoder_create(&encoder, "imu_motion", &options), BABEL_OK, "%s", babel_error_last()->sentence);
  return encoder;
}

static void encode_imu(babel_bank *bank, const babel_encoder *encoder) {
  int failed = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : failed)
  for (int i = 0; i < TRAINING; i++) {
    char path[1200];
    babel_sample sample = {0};
    float *to[4] = {bank->features + (size_t)i * WIDTH_A};
    int lengths[4];
    failed += babel_utd_read_inertial(&sample, real("Inertial", bank->keys[i], "inertial", path)) != BABEL_OK ||
              babel_encoder_run(encoder, &sample, to, lengths) != BABEL_OK;
    babel_sample_destroy(&sample);
  }
  cr_assert_eq(failed, 0);
}

static void encode_skeleton(babel_bank *bank) {
  int failed = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : failed)
  for (int i = 0; i < TRAINING; i++) {
    char path[1200];
    babel_sample sample = {0};
    double statistics[WIDTH_B];
    failed += babel_utd_read_skeleton(&sample, real("Skeleton", bank->keys[i], "skeleton", path)) != BABEL_OK ||
              babel_skeleton_motion_statistics(statistics, sample.x, sample.rows) != BABEL_OK;
    for (int j = 0; j < WIDTH_B; j++) bank->features[(size_t)i * WIDTH_B + (size_t)j] = (float)statistics[j];
    babel_sample_destroy(&sample);
  }
  cr_assert_eq(failed, 0);
}

static void name_rows(babel_bank *bank, const char **keys) {
  for (int i = 0; i < TRAINING; i++) {
    bank->keys[i] = strdup(keys[i]);
    cr_assert_eq(sscanf(keys[i], "a%*d_s%d_t%*d", &bank->subjects[i]), 1);
  }
}

static void take_statistics(rig *r) {
  int constant;
  for (int s = 0; s < 2; s++) {
    size_t width = (size_t)r->banks[s].width;
    r->mean[s] = malloc(width * sizeof(float));
    r->inv_std[s] = malloc(width * sizeof(float));
    cr_assert_eq(babel_bank_statistics(&r->banks[s], r->rows[s], TRAINING, r->mean[s], r->inv_std[s], &constant), BABEL_OK);
    cr_assert_eq(constant, 0);
  }
}

static void make(rig *r) {
  char path[1200];
  int count;
  memset(r, 0, sizeof *r);
  babel_log_set_level(BABEL_LOG_QUIET);
  babel_encoder *encoder = open_imu();
  snprintf(path, sizeof path, "%s/configs/splits/utd_mhad_613_248.csv", BABEL_SOURCE_DIR);
  cr_assert_eq(babel_split_read(&r->split, path), BABEL_OK);
  cr_assert_eq(babel_split_keys(&r->split, BABEL_PART_TRAIN, &r->keys, &count), BABEL_OK);
  cr_assert_eq(count, TRAINING);
  real("Inertial", r->keys[0], "inertial", path);
  cr_assert_eq(babel_bank_create(&r->banks[0], "imu", TRAINING, 0, 1, WIDTH_A), BABEL_OK);
  cr_assert_eq(babel_bank_create(&r->banks[1], "skeleton", TRAINING, 0, 1, WIDTH_B), BABEL_OK);
  for (int s = 0; s < 2; s++) {
    name_rows(&r->banks[s], r->keys);
    r->rows[s] = malloc(TRAINING * sizeof(int));
    for (int i = 0; i < TRAINING; i++) r->rows[s][i] = i;
  }
  encode_imu(&r->banks[0], encoder);
  encode_skeleton(&r->banks[1]);
  babel_encoder_destroy(encoder);
  take_statistics(r);
}

static void destroy(rig *r) {
  for (int s = 0; s < 2; s++) {
    babel_bank_destroy(&r->banks[s]);
    free(r->rows[s]);
    free(r->mean[s]);
    free(r->inv_std[s]);
  }
  free(r->keys);
  babel_split_destroy(&r->split);
}

static void near(const char *what, double found, double expected, double limit) {
  cr_assert(fabs(found - expected) <= limit * fmax(1, fabs(expected)), "%s: %.10g, expected %.10g", what, found, expected);
}

typedef struct {
  const char *key;
  double s;
} neighbour;

static void check_first_row(const rig *r, const babel_neighbours *g, const neighbour *list, double limit) {
  cr_assert_str_eq(r->keys[0], "a1_s1_t2");
  for (int a = 0; a <= g->k; a++) {
    if (a < g->k) cr_assert_str_eq(r->keys[g->neighbours[a]], list[a].key, "neighbour %d is %s", a, r->keys[g->neighbours[a]]);
    near(a < g->k ? list[a].key : "the first one not taken", g->similarity[a], list[a].s, limit);
  }
}

/* Of M, row 1 and whole; of the kept S. */
static void add_up(const babel_neighbours *g, double sums[3]) {
  memset(sums, 0, 3 * sizeof *sums);
  for (int i = 0; i < g->n; i++) {
    for (int j = 0; j < g->n; j++) {
      sums[1] += (double)g->weights[i * g->n + j];
      if (!i) sums[0] += (double)g->weights[j];
    }
    for (int a = 0; a < g->k; a++) sums[2] += g->similarity[i * (g->k + 1) + a];
  }
}

static void create(babel_neighbours *g, const rig *r, int k, bool other_subjects) {
  const babel_bank *const banks[2] = {&r->banks[0], &r->banks[1]};
  babel_neighbour_options options = {.k = k, .width = 0.3, .scale = {1, 1.4}, .other_subjects = other_subjects};
  cr_assert_eq(babel_neighbours_create(g, banks, r->rows, TRAINING, r->mean, r->inv_std, &options), BABEL_OK, "%s", babel_error_last()->sentence);
}

static int mutual_edges(const babel_neighbours *g) {
  return (int)lround(g->mutual * g->n * g->k);
}

static const neighbour quick[] = {
    {"a1_s1_t4", 0.94231412}, {"a1_s1_t3", 0.8992087},  {"a1_s3_t1", 0.71860338}, {"a1_s3_t4", 0.70766525}, {"a1_s5_t3", 0.68675204}, {"a1_s3_t3", 0.68541589},
    {"a1_s2_t1", 0.67879088}, {"a1_s5_t4", 0.66466726}, {"a1_s2_t3", 0.66289794}, {"a1_s5_t2", 0.65324311}, {"a1_s3_t2", 0.63886208}, {"a1_s5_t1", 0.63363946},
    {"a1_s4_t2", 0.63218305}, {"a1_s2_t2", 0.63195252}, {"a1_s2_t4", 0.61887739}, {NULL, 0.59117289}};

static void check_statistics(const rig *r) {
  static const double expected[2][3] = {{38.163766, 158.29037, 0.41935619}, {-48.066257, 92.897626, 0.096845627}};
  for (int s = 0; s < 2; s++) {
    double means = 0, deviations = 0, first = ((double)r->banks[s].features[0] - (double)r->mean[s][0]) * (double)r->inv_std[s][0];
    for (int j = 0; j < r->banks[s].width; j++) {
      means += (double)r->mean[s][j];
      deviations += 1 / (double)r->inv_std[s][j] - 1e-6;
    }
    near("sum of the means", means, expected[s][0], SUM_LIMIT);
    near("sum of the deviations", deviations, expected[s][1], SUM_LIMIT);
    near("first standardised value", first, expected[s][2], S_LIMIT);
  }
}

/* One case: the features take longest. */
Test(growth_neighbours_real, the_graph_of_613_training_trials_is_the_published_one) {
  char sentence[512];
  double sums[3];
  babel_neighbours g;
  rig r;
  make(&r);
  check_statistics(&r);

  create(&g, &r, 15, false);
  check_first_row(&r, &g, quick, S_LIMIT);
  add_up(&g, sums);
  near("sum of row 1", sums[0], 5.7829026, SUM_LIMIT);
  near("sum of M", sums[1], 3261.02, SUM_LIMIT);
  near("sum of the kept S", sums[2], 6038.5849, SUM_LIMIT);
  cr_assert_eq(mutual_edges(&g), 7088, "%d", mutual_edges(&g));
  cr_assert(!babel_neighbours_doubtful(&g, sentence, sizeof sentence), "agreement %g", g.agreement);
  babel_neighbours_destroy(&g);

  create(&g, &r, 12, true);
  check_first_row(&r, &g, quick + 2, S_LIMIT);
  add_up(&g, sums);
  near("sum of row 1, other subjects", sums[0], 3.9624713, SUM_LIMIT);
  near("sum of M, other subjects", sums[1], 2132.0685, SUM_LIMIT);
  for (int i = 0; i < TRAINING; i++)
    for (int a = 0; a < 12; a++) cr_assert_neq(r.banks[0].subjects[g.neighbours[i * 12 + a]], r.banks[0].subjects[i]);
  babel_neighbours_destroy(&g);
  destroy(&r);
}

static const neighbour whole[] = {
    {"a1_s1_t4", 0.90797}, {"a1_s1_t3", 0.75040}, {"a1_s3_t2", 0.74534}, {"a1_s3_t3", 0.74403}, {"a1_s2_t3", 0.72691}, {"a1_s3_t4", 0.72633},
    {"a1_s3_t1", 0.72221}, {"a1_s2_t4", 0.68829}, {"a1_s2_t2", 0.66661}, {"a1_s2_t1", 0.66118}, {"a1_s4_t2", 0.60344}, {"a1_s5_t3", 0.57593},
    {"a1_s5_t2", 0.56591}, {"a1_s5_t1", 0.55610}, {"a1_s5_t4", 0.55362}, {NULL, 0.52563}};

/* Replaces the 552 columns by all 1,892 of the given bank. */
static void use_whole_features(rig *r, const char *path) {
  babel_bank *bank = &r->banks[1];
  babel_bank_destroy(bank);
  free(r->mean[1]);
  free(r->inv_std[1]);
  cr_assert_eq(babel_bank_read(bank, path), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(bank->width, BABEL_SKELETON_MOTION_WIDTH);
  for (int i = 0; i < TRAINING; i++) cr_assert_geq(r->rows[1][i] = babel_bank_row(bank, r->keys[i]), 0);
  free(r->mean[0]);
  free(r->inv_std[0]);
  take_statistics(r);
}

Test(growth_neighbours_real, with_all_skeleton_features_it_is_the_one_of_preset_best) {
  const char *path = getenv("BABEL_SKELETON_MOTION_BANK");
  double sums[3];
  babel_neighbours g;
  rig r;
  if (!path || !*path) cr_skip("BABEL_SKELETON_MOTION_BANK names no bank");
  make(&r);
  use_whole_features(&r, path);
  create(&g, &r, 15, false);
  check_first_row(&r, &g, whole, 2e-4);
  add_up(&g, sums);
  near("sum of row 1", sums[0], 5.43, 2e-3);
  near("sum of M", sums[1], 3052.62, 2e-4);
  near("mutual edges", mutual_edges(&g), 7300, 0.01);
  babel_neighbours_destroy(&g);
  create(&g, &r, 12, true);
  for (int a = 0; a < 12; a++) cr_assert_str_eq(r.keys[g.neighbours[a]], whole[a + 2].key);
  add_up(&g, sums);
  near("sum of M, other subjects", sums[1], 2007.72, 2e-4);
  babel_neighbours_destroy(&g);
  destroy(&r);
}
