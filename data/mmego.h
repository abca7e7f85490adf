/* mmEgo (github.com/yenanjing/mmEgo, Resource/Sample_data): a mmWave radar and an IMU worn on the head beside an Azure Kinect, 10 Hz, 13 actions.
 *
 * A folder holds flat copies of the per-frame MAT files, little-endian float32, each plain or packed by xz:
 *   frames.csv              action,snippet,frame_no,n_points,point_offset,imu_rows,imu_offset,foot_contact_left,foot_contact_right: a line a frame
 *   radar_points_f32.bin    (points, 5): x y z [m], intensity, radial velocity [m/s]     (pc_xyziv_ti2)
 *   keypoints_f32.bin       (frames, 32, 3) [m], in the frame of reference of the points (pc_xyz_key_2)
 *   imu_f32.bin             (rows, 15), 20 rows a frame: columns 9-11 acceleration [m/s^2], 12-14 angular rate [rad/s] (imu_save_l)
 *
 * -x points up. Points become (y, -z, -x), z up, and their heights count from each window's median, because the radar moves with the head; joints
 * become (z, -x, -y), y up. Of all ways to turn -x up this one keeps the shoulders away from -x: the skeleton networks turn them onto +x by the shortest
 * rotation, which from the opposite side goes over head or back as chance has it (raw one-shot of shift_gcn 40 % instead of 64 %). IMU: means of 4 rows (50 Hz), acceleration / 9.80665. A run is one (action, snippet), its frames in the order of their
 * numbers, gaps ignored. Key of a window: "a{ACTION}_r{SNIPPET}_f{FIRST}", two digits each; label = action - 1, subject = snippet. */
#ifndef BABEL_DATA_MMEGO_H
#define BABEL_DATA_MMEGO_H

#include "data/window_set.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_MMEGO_ACTIONS 13
extern const char *const babel_mmego_action_names[BABEL_MMEGO_ACTIONS];

/* The registry's functions (data/registry.h); reading is babel_window_set_read. Scanning reads everything. */
bool babel_mmego_here(const char *folder);
babel_status babel_mmego_scan(babel_dataset *set, const char *folder);
babel_status babel_mmego_check(babel_check_report *report, const char *folder);

#ifdef __cplusplus
}
#endif
#endif
