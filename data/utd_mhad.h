/* UTD-MHAD (datasets/utd_mhad.md): files a{A}_s{S}_t{T}_{inertial,skeleton,depth}.mat in Inertial/, Skeleton/, Depth/.
 *
 * Key of a trial: "a{A}_s{S}_t{T}", A action 1..27, S subject 1..8, T trial 1..4; label = A - 1. 861 of the 864 were
 * recorded. One sample = one whole trial; the members of a pair cover the same interval end to end. */
#ifndef BABEL_DATA_UTD_MHAD_H
#define BABEL_DATA_UTD_MHAD_H

#include <stdint.h>

#include "data/dataset.h"
#include "data/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_UTD_ACTIONS 27
#define BABEL_UTD_SUBJECTS 8
#define BABEL_UTD_TRIALS 4
#define BABEL_UTD_DEPTH_ROWS 240
#define BABEL_UTD_DEPTH_COLUMNS 320

/* Also the bits of babel_trial.members. */
typedef enum { BABEL_UTD_INERTIAL, BABEL_UTD_SKELETON, BABEL_UTD_DEPTH, BABEL_UTD_KINDS } babel_utd_kind;

typedef struct {
  int action, subject, trial; /* from 1 */
} babel_utd_id;

extern const char *const babel_utd_action_names[BABEL_UTD_ACTIONS];

/* Parses a bare file name. False with a reason in *why: not such a name, leading zeros, a number out of range. */
bool babel_utd_parse_name(const char *name, babel_utd_id *id, babel_utd_kind *kind, const char **why);
/* "a1_s2_t3" into key. Returns key. */
const char *babel_utd_key(babel_utd_id id, char key[16]);
/* True for the three keys that nobody ever recorded. */
bool babel_utd_never_recorded(babel_utd_id id);

/* d_iner (N, 6) -> sample (N, 6): acceleration [g], angular rate [rad/s] = file value [deg/s] * pi / 180. At least 60 rows;
 * |acceleration| at most 8.01 g; |angular rate| at most 1001 deg/s and on the sensor's grid of 4/131 deg/s. */
babel_status babel_utd_read_inertial(babel_sample *sample, const char *path);
/* d_skel (20, 3, F) -> sample (F, 60), joint-major, x y z [m]. At least 20 frames; z in 1..5 m. */
babel_status babel_utd_read_skeleton(babel_sample *sample, const char *path);

typedef struct {
  int frames;
  uint16_t *mm; /* (frames, 240, 320) [mm], 0 = no reading; owned */
} babel_utd_depth;
/* d_depth (240, 320, F), stored as uint16 or as doubles that are whole numbers of 0..65535. */
babel_status babel_utd_read_depth(babel_utd_depth *depth, const char *path);
void babel_utd_depth_destroy(babel_utd_depth *depth); /* accepts a zeroed one */

/* d_depth as points, sample (points, 4) of modality lidar: frame, x (right), y (up), z [m]; of the pixels of 0.5 to 5 m, row by row, z = mm / 1000,
 * x = (column - 160) z / 285.63, y = (120 - row) z / 285.63, rows and columns from 0. BABEL_ERR_VALUE when no pixel is in that range. */
babel_status babel_utd_read_points(babel_sample *sample, const char *path);

/* Path of a member of a listed trial. BABEL_ERR_ARG when it is too long. */
babel_status babel_utd_path(const babel_dataset *set, const char *key, babel_utd_kind kind, char path[1024]);

/* The registry's functions (data/registry.h). */
bool babel_utd_here(const char *folder);
babel_status babel_utd_scan(babel_dataset *set, const char *folder);
babel_status babel_utd_read(const babel_dataset *set, const char *key, const char *modality, babel_sample *sample);
/* Reads all files in parallel; also holds depth against skeleton frames, and the units of the set as a whole: |angular rate|
 * must pass 30 deg/s somewhere and the mean |acceleration| must be 0.7..1.6 g. */
babel_status babel_utd_check(babel_check_report *report, const char *folder);

#ifdef __cplusplus
}
#endif
#endif
