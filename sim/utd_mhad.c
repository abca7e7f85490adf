#include "sim/utd_mhad.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "data/utd_mhad.h"
#include "sim/imu.h"
#include "sim/kinect.h"
#include "sim/mat_write.h"
#include "sim/noise.h"

#define KEYS (BABEL_UTD_ACTIONS * BABEL_UTD_SUBJECTS * BABEL_UTD_TRIALS)
enum { MIN_ROWS = 107, MAX_ROWS = 326, MIN_FRAMES = 41, MAX_FRAMES = 125 };

static int clamp(int value, int low, int high) {
  return value < low ? low : value > high ? high : value;
}

/* Rows at the sensor's 50 Hz; frames by the real set's ratio, median 2.625, never under 2.38 (most cameras drop frames). */
static void lengths_of(const babel_motion *motion, uint64_t seed, int *rows, int *frames) {
  char name[32];
  snprintf(name, sizeof name, "%s lengths", motion->key);
  babel_noise noise = babel_noise_begin(seed, name);
  double ratio = fmax(2.625 * exp(0.04 * babel_noise_next(&noise)), 2.38);
  *rows = clamp((int)lrint(50 * motion->seconds) + 1, MIN_ROWS, MAX_ROWS);
  *frames = clamp((int)floor(*rows / ratio), MIN_FRAMES, MAX_FRAMES);
}

static babel_status write_trial(const char *folder, uint64_t seed, babel_utd_id id) {
  double imu[MAX_ROWS * BABEL_SIM_IMU_WIDTH], columns[MAX_ROWS * BABEL_SIM_IMU_WIDTH], joints[MAX_FRAMES * BABEL_BODY_JOINTS * 3];
  char path[1152];
  babel_motion motion;
  int rows, frames;
  babel_motion_create(&motion, seed, id.action, id.subject, id.trial);
  lengths_of(&motion, seed, &rows, &frames);
  babel_sim_imu(&motion, seed, rows, imu);
  babel_sim_kinect(&motion, seed, frames, joints);
  for (int i = 0; i < rows; i++) /* MATLAB stores columns */
    for (int j = 0; j < BABEL_SIM_IMU_WIDTH; j++) columns[j * rows + i] = imu[i * BABEL_SIM_IMU_WIDTH + j];
  snprintf(path, sizeof path, "%s/Inertial/%s_inertial.mat", folder, motion.key);
  BABEL_TRY(babel_mat_write(path, "d_iner", 2, (const int[]){rows, BABEL_SIM_IMU_WIDTH}, columns));
  snprintf(path, sizeof path, "%s/Skeleton/%s_skeleton.mat", folder, motion.key);
  return babel_mat_write(path, "d_skel", 3, (const int[]){BABEL_BODY_JOINTS, 3, frames}, joints);
}

static bool selected(uint32_t mask, int number) {
  return !mask || (mask >> (number - 1) & 1);
}

static int list_trials(const babel_sim_utd_options *options, babel_utd_id ids[KEYS]) {
  int count = 0;
  for (int action = 1; action <= BABEL_UTD_ACTIONS; action++)
    for (int subject = 1; subject <= BABEL_UTD_SUBJECTS; subject++)
      for (int trial = 1; trial <= BABEL_UTD_TRIALS; trial++) {
        babel_utd_id id = {action, subject, trial};
        if (selected(options->actions, action) && selected(options->subjects, subject) && selected(options->trials, trial) &&
            !babel_utd_never_recorded(id))
          ids[count++] = id;
      }
  return count;
}

static babel_status write_trials(const char *folder, uint64_t seed, const babel_utd_id *ids, int count) {
  babel_error first = {BABEL_OK, 0, "", ""};
  bool failed = false;
#pragma omp parallel for schedule(dynamic, 4)
  for (int i = 0; i < count; i++) {
    bool stop;
#pragma omp atomic read
    stop = failed;
    if (stop || write_trial(folder, seed, ids[i]) == BABEL_OK) continue;
#pragma omp critical
    {
      babel_error error = babel_error_take();
      if (first.status == BABEL_OK) first = error;
    }
#pragma omp atomic write
    failed = true;
  }
  if (first.status != BABEL_OK) babel_error_put(&first);
  return first.status;
}

static babel_status write_marker(const char *folder, uint64_t seed, int count) {
  char path[1152], text[1024];
  snprintf(path, sizeof path, "%s/" BABEL_SIM_MARKER, folder);
  snprintf(text, sizeof text,
           "The recordings in this folder are SIMULATED. No person and no sensor was involved.\n"
           "They have the layout, the units and the lengths of UTD-MHAD, so that the program can run without the real files.\n"
           "The 27 motions are parametric curves over the joint angles of a drawn body, with invented differences between\n"
           "subjects and trials. Results on them say nothing about real data; do not report them as UTD-MHAD.\n"
           "\n"
           "program: babel %s\nseed: %llu\ntrials: %d\n",
           BABEL_VERSION, (unsigned long long)seed, count);
  return babel_file_write_text(path, text);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk) {
  return remove(path);
}

static babel_status occupied(const char *folder) {
  return BABEL_FAIL(BABEL_ERR_STATE, "%s: exists already and is not an empty folder; name another one or delete it", folder);
}

/* Early, so that nobody waits for what publish would refuse. */
static babel_status check_target(const char *folder) {
  DIR *stream = opendir(folder);
  if (!stream) return errno == ENOENT ? BABEL_OK : occupied(folder);
  struct dirent *entry;
  bool empty = true;
  while ((entry = readdir(stream)))
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) empty = false;
  closedir(stream);
  return empty ? BABEL_OK : occupied(folder);
}

/* rename() replaces an empty folder and refuses a full one, in one step: no moment in which another program could slip in. */
static babel_status publish(const char *temporary, const char *folder) {
  if (!rename(temporary, folder)) return BABEL_OK;
  if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) return occupied(folder);
  return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be created: %s", folder, strerror(errno));
}

static babel_status create_set(const char *temporary, const char *folder, uint64_t seed, const babel_utd_id *ids, int count) {
  char path[1152];
  snprintf(path, sizeof path, "%s/Inertial", temporary);
  BABEL_TRY(babel_folder_create(path));
  snprintf(path, sizeof path, "%s/Skeleton", temporary);
  BABEL_TRY(babel_folder_create(path));
  BABEL_TRY(write_trials(temporary, seed, ids, count));
  BABEL_TRY(write_marker(temporary, seed, count));
  return publish(temporary, folder);
}

babel_status babel_sim_utd_mhad(const char *folder, const babel_sim_utd_options *options, int *count) {
  char target[960], temporary[1024];
  babel_utd_id ids[KEYS];
  size_t length = strlen(folder);
  while (length > 1 && folder[length - 1] == '/') length--; /* the temporary folder stands beside, not inside */
  if (!length || length >= sizeof target)
    return BABEL_FAIL(BABEL_ERR_ARG, "%.60s: expected the name of a folder of at most %zu characters", folder, sizeof target - 1);
  memcpy(target, folder, length);
  target[length] = 0;
  int trials = list_trials(options, ids);
  if (!trials) return BABEL_FAIL(BABEL_ERR_ARG, "%s: the chosen actions, subjects and trials hold no recording", target);
  BABEL_TRY(check_target(target));
  snprintf(temporary, sizeof temporary, "%s.tmp.%ld", target, (long)getpid());
  babel_status status = create_set(temporary, target, options->seed, ids, trials);
  if (status != BABEL_OK) nftw(temporary, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  if (status == BABEL_OK && count) *count = trials;
  return status;
}

bool babel_sim_is_simulated(const char *folder) {
  char path[1152];
  snprintf(path, sizeof path, "%.1023s/" BABEL_SIM_MARKER, folder);
  return babel_file_exists(path);
}
