#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/file.h"
#include "data/utd_mhad.h"
#include "sim/utd_mhad.h"
#include "tests/support/paths.h"

#define BIT(i) (1u << ((i) - 1))

/* FOLDER/name under one scratch folder; a ring of four. */
static const char *scratch(const char *name) {
  static char ring[4][1100];
  static const char *folder;
  static int at;
  if (!folder) folder = babel_scratch();
  at = (at + 1) % 4;
  snprintf(ring[at], sizeof ring[at], "%s/%s", folder, name);
  return ring[at];
}

static int entries(const char *folder) {
  DIR *stream = opendir(folder);
  int count = 0;
  if (!stream) return -1;
  for (struct dirent *entry; (entry = readdir(stream));) count += entry->d_name[0] != '.';
  closedir(stream);
  return count;
}

#define FEATURES 480

/* Mean, deviation, minimum, maximum of every column; a skeleton is taken relative to its first hip centre. */
static int statistics(const babel_sample *sample, double *out) {
  int width = sample->width, is_skeleton = width == 60;
  for (int j = 0; j < width; j++) {
    double sum = 0, squares = 0, low = 1e9, high = -1e9, origin = is_skeleton ? sample->x[9 + j % 3] : 0;
    for (int i = 0; i < sample->rows; i++) {
      double x = sample->x[i * width + j] - origin;
      sum += x / sample->rows;
      squares += x * x / sample->rows;
      low = fmin(low, x);
      high = fmax(high, x);
    }
    out[j] = sum;
    out[width + j] = sqrt(fmax(squares - sum * sum, 0));
    out[2 * width + j] = low;
    out[3 * width + j] = high;
  }
  return 4 * width;
}

static void standardise(double (*x)[FEATURES], int rows, int width) {
  for (int j = 0; j < width; j++) {
    double mean = 0, square = 0;
    for (int i = 0; i < rows; i++) mean += x[i][j] / rows;
    for (int i = 0; i < rows; i++) square += (x[i][j] - mean) * (x[i][j] - mean) / rows;
    for (int i = 0; i < rows; i++) x[i][j] = (x[i][j] - mean) / (sqrt(square) + 1e-9);
  }
}

static double distance(const double *a, const double *b, int width) {
  double sum = 0;
  for (int j = 0; j < width; j++) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return sum;
}

/* One sample a class from one subject, nearest neighbour for all other subjects; averaged over the eight. Percent. */
static double one_shot(const babel_dataset *set, double (*x)[FEATURES], int width) {
  int right = 0, all = 0;
  for (int support = 1; support <= 8; support++)
    for (int q = 0; q < set->count; q++) {
      double best = INFINITY;
      int label = -1;
      if (set->trials[q].subject == support) continue;
      for (int s = 0; s < set->count; s++) {
        if (set->trials[s].subject != support) continue;
        double d = distance(x[q], x[s], width);
        if (d < best) best = d, label = set->trials[s].label;
      }
      right += label == set->trials[q].label;
      all++;
    }
  return 100.0 * right / all;
}

/* Mean distance to the same action of another subject, over that to other actions of other subjects. */
static double contrast(const babel_dataset *set, double (*x)[FEATURES], int width) {
  double same = 0, other = 0;
  int same_count = 0, other_count = 0;
  for (int a = 0; a < set->count; a++)
    for (int b = a + 1; b < set->count; b++) {
      if (set->trials[a].subject == set->trials[b].subject) continue;
      double d = sqrt(distance(x[a], x[b], width));
      if (set->trials[a].label == set->trials[b].label)
        same += d, same_count++;
      else
        other += d, other_count++;
    }
  return same / same_count / (other / other_count);
}

/* All actions and subjects, trial 4: holds the three keys that were never recorded. */
Test(sim_utd_mhad, set_is_whole_and_learnable_but_not_trivial) {
  static double x[216][FEATURES];
  const babel_sim_utd_options options = {.seed = 1, .trials = BIT(4)};
  const char *folder = scratch("set"), *modalities[2] = {"imu", "skeleton"};
  babel_check_report report;
  babel_dataset set;
  int count = 0;
  cr_assert_eq(babel_sim_utd_mhad(folder, &options, &count), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(count, 213, "216 less the three never recorded");
  cr_assert(babel_sim_is_simulated(folder));
  cr_assert_eq(babel_utd_check(&report, folder), BABEL_OK);
  cr_assert_eq(report.pairs, 213);
  cr_assert_eq(report.damaged.count, 0, "%s", report.damaged.count ? report.damaged.lines[0] : "");
  babel_check_report_destroy(&report);

  cr_assert_eq(babel_utd_scan(&set, folder), BABEL_OK);
  cr_assert_eq(set.count, 213);
  for (int m = 0; m < 2; m++) {
    int width = 0;
    double ratio = 0;
    for (int i = 0; i < set.count; i++) {
      babel_sample sample;
      cr_assert_eq(babel_utd_read(&set, set.trials[i].key, modalities[m], &sample), BABEL_OK, "%s", babel_error_last()->sentence);
      cr_assert(m ? sample.rows >= 41 && sample.rows <= 125 : sample.rows >= 107 && sample.rows <= 326);
      if (!m) { /* the members' lengths fit each other as the real set's do */
        babel_sample partner;
        cr_assert_eq(babel_utd_read(&set, set.trials[i].key, "skeleton", &partner), BABEL_OK);
        double r = (double)sample.rows / partner.rows;
        cr_assert(r >= 2.38 && r <= 4.51, "%s: N / F = %g", set.trials[i].key, r);
        ratio += r / set.count;
        babel_sample_destroy(&partner);
      }
      width = statistics(&sample, x[i]);
      babel_sample_destroy(&sample);
    }
    if (!m) cr_assert(fabs(ratio - 2.65) < 0.05, "mean N / F = %g", ratio);
    standardise(x, set.count, width);
    double accuracy = one_shot(&set, x, width), closeness = contrast(&set, x, width);
    cr_assert(accuracy > 35 && accuracy < 95, "%s: one-shot %g %%, chance 3.7 %%", modalities[m], accuracy);
    cr_assert(closeness < 0.85, "%s: the same action is %g times as far as another", modalities[m], closeness);
  }
  babel_dataset_destroy(&set);
}

/* Digest of all files of a set of four trials. */
static void digest(const char *folder, char hex[65]) {
  static const char *names[] = {"Inertial/a1_s1_t1_inertial", "Inertial/a1_s2_t1_inertial", "Inertial/a22_s1_t1_inertial",
                                "Inertial/a22_s2_t1_inertial", "Skeleton/a1_s1_t1_skeleton", "Skeleton/a1_s2_t1_skeleton",
                                "Skeleton/a22_s1_t1_skeleton", "Skeleton/a22_s2_t1_skeleton"};
  babel_sha256_state state;
  babel_sha256_begin(&state);
  for (int i = 0; i < 8; i++) {
    char path[1200];
    babel_file file;
    snprintf(path, sizeof path, "%s/%s.mat", folder, names[i]);
    cr_assert_eq(babel_file_open(&file, path), BABEL_OK, "%s", babel_error_last()->sentence);
    babel_sha256_add(&state, file.data, file.size);
    babel_file_close(&file);
  }
  babel_sha256_end(&state, hex);
}

Test(sim_utd_mhad, bytes_depend_on_the_seed_alone) {
  char one[65], many[65], other[65];
  babel_sim_utd_options options = {.seed = 3, .actions = BIT(1) | BIT(22), .subjects = BIT(1) | BIT(2), .trials = BIT(1)};
  int count = 0;
  omp_set_num_threads(1);
  cr_assert_eq(babel_sim_utd_mhad(scratch("one"), &options, &count), BABEL_OK);
  cr_assert_eq(count, 4);
  cr_assert_eq(entries(scratch("one/Inertial")), 4);
  cr_assert_eq(entries(scratch("one")), 3, "two folders and the marker");
  omp_set_num_threads(5);
  cr_assert_eq(babel_sim_utd_mhad(scratch("many"), &options, NULL), BABEL_OK);
  options.seed = 4;
  cr_assert_eq(babel_sim_utd_mhad(scratch("other"), &options, NULL), BABEL_OK);
  digest(scratch("one"), one);
  digest(scratch("many"), many);
  digest(scratch("other"), other);
  cr_assert_str_eq(one, many);
  cr_assert_str_neq(one, other);
}

Test(sim_utd_mhad, marker_says_what_this_is) {
  const babel_sim_utd_options options = {.seed = 12345, .actions = BIT(3), .subjects = BIT(1), .trials = BIT(1)};
  babel_file file;
  cr_assert_eq(babel_sim_utd_mhad(scratch("marked"), &options, NULL), BABEL_OK);
  cr_assert_eq(babel_file_open(&file, scratch("marked/SIMULATED")), BABEL_OK);
  cr_assert(memmem(file.data, file.size, "SIMULATED", 9) && memmem(file.data, file.size, "seed: 12345\n", 12));
  cr_assert(memmem(file.data, file.size, "trials: 1\n", 10) && memmem(file.data, file.size, BABEL_VERSION, strlen(BABEL_VERSION)));
  babel_file_close(&file);
  cr_assert(!babel_sim_is_simulated(scratch("elsewhere")));
}

Test(sim_utd_mhad, never_overwrites_and_takes_an_empty_folder) {
  const babel_sim_utd_options options = {.seed = 1, .actions = BIT(3), .subjects = BIT(1), .trials = BIT(1)};
  char own[1100];
  cr_assert_eq(babel_folder_create(scratch("mine")), BABEL_OK);
  cr_assert_eq(babel_file_write_text(scratch("mine/thesis.txt"), "text"), BABEL_OK);
  cr_assert_eq(babel_sim_utd_mhad(scratch("mine"), &options, NULL), BABEL_ERR_STATE);
  cr_assert_eq(entries(scratch("mine")), 1);
  cr_assert_eq(babel_sim_utd_mhad(scratch("mine/thesis.txt"), &options, NULL), BABEL_ERR_STATE);
  cr_assert_eq(entries(scratch("mine")), 1);
  cr_assert_eq(babel_folder_create(scratch("empty")), BABEL_OK);
  snprintf(own, sizeof own, "%s//", scratch("empty"));
  cr_assert_eq(babel_sim_utd_mhad(own, &options, NULL), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(entries(scratch("empty")), 3);
  cr_assert_eq(babel_sim_utd_mhad(scratch("new/deep/set"), &options, NULL), BABEL_OK);
}

Test(sim_utd_mhad, refuses_a_selection_of_nothing) {
  const babel_sim_utd_options missing = {.seed = 1, .actions = BIT(8), .subjects = BIT(1), .trials = BIT(4)};
  const babel_sim_utd_options beyond = {.seed = 1, .actions = BIT(28)};
  cr_assert_eq(babel_sim_utd_mhad(scratch("nothing"), &missing, NULL), BABEL_ERR_ARG);
  cr_assert_eq(babel_sim_utd_mhad(scratch("nothing"), &beyond, NULL), BABEL_ERR_ARG);
  cr_assert_eq(babel_sim_utd_mhad("", &beyond, NULL), BABEL_ERR_ARG);
  cr_assert(!babel_file_exists(scratch("nothing")));
}

Test(sim_utd_mhad, a_full_disk_leaves_nothing_behind) {
  const babel_sim_utd_options options = {.seed = 1, .actions = BIT(3), .subjects = BIT(1)};
  const struct rlimit full = {6000, RLIM_INFINITY}, free_again = {RLIM_INFINITY, RLIM_INFINITY};
  cr_assert_eq(babel_folder_create(scratch("full")), BABEL_OK);
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &full);
  babel_status status = babel_sim_utd_mhad(scratch("full/set"), &options, NULL);
  setrlimit(RLIMIT_FSIZE, &free_again);
  cr_assert_eq(status, BABEL_ERR_IO);
  cr_assert(strstr(babel_error_last()->sentence, ".mat"));
  cr_assert_eq(entries(scratch("full")), 0);
}
