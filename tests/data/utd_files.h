/* Small UTD-MHAD folders for the tests: well-formed files with plain numbers. */
#ifndef BABEL_TESTS_DATA_UTD_FILES_H
#define BABEL_TESTS_DATA_UTD_FILES_H

#include "data/utd_mhad.h"

/* Makes FOLDER/Inertial, Skeleton and Depth. */
void utd_make_folders(const char *folder);
/* FOLDER/Inertial/KEY_inertial.mat of `rows` rows: acceleration (0, 0, 1) g + 1/4096 of the row; angular rate column c =
 * 4/131 * (1000 c + row), rounded to six decimals. */
void utd_write_inertial(const char *folder, const char *key, int rows);
/* FOLDER/Skeleton/KEY_skeleton.mat: x = joint/100, y = frame/100, z = 3 + joint/1000 + frame/100000. */
void utd_write_skeleton(const char *folder, const char *key, int frames);
/* FOLDER/Depth/KEY_depth.mat: pixel = (row * 7 + column * 3 + frame) mod 4000, stored as uint16, or as doubles. */
void utd_write_depth(const char *folder, const char *key, int frames, int as_doubles);

#endif
