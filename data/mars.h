/* MARS (github.com/SizheAn/MARS, synced_data/woutlier): points of a mmWave radar with the 25 joints of a Kinect v2, 10 Hz.
 *
 * A folder holds subject{S}_radar_data_{PART}.csv and subject{S}_kinect_data_{PART}.csv, S 1..4, PART train, validate or test, each plain or
 * packed by xz; any of the twelve pairs may be absent. Radar: header, then a line a point: Frame #,# Obj,X,Y,Z,Doppler,Intensity,Abs Time
 * (x right, y away from the radar, z up [m], [m/s]); a frame ends where `Frame #` changes. Kinect: header, then a line a frame: 25 X, 25 Y,
 * 25 Z [m], the i-th line for the i-th frame of the radar.
 *
 * The movements stand one after the other; a jump of more than 150 in `Frame #` is the border (10 of them, subject 4: 9).
 * Key of a window: "s{S}_{PART}_m{MOVEMENT}_f{FIRST}", first frame of the movement; label = movement - 1. */
#ifndef BABEL_DATA_MARS_H
#define BABEL_DATA_MARS_H

#include "data/window_set.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_MARS_MOVEMENTS 10
extern const char *const babel_mars_movement_names[BABEL_MARS_MOVEMENTS];

/* The registry's functions (data/registry.h); reading is babel_window_set_read. Scanning reads every file: the borders are inside them. */
bool babel_mars_here(const char *folder);
babel_status babel_mars_scan(babel_dataset *set, const char *folder);
babel_status babel_mars_check(babel_check_report *report, const char *folder);

#ifdef __cplusplus
}
#endif
#endif
