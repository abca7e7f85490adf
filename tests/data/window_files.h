/* Small folders of the window sets for the tests: well-formed files with plain numbers. */
#ifndef BABEL_TESTS_DATA_WINDOW_FILES_H
#define BABEL_TESTS_DATA_WINDOW_FILES_H

/* FOLDER/subject{S}_{radar,kinect}_data_{PART}.csv of `movements` movements of `frames` frames each. Frame f of the file has 2 + f % 3 points:
 * point p at x = p, y = f / 1000, z = 0.5 p, velocity f % 7 - 3, intensity 10 + p; Kinect: x = joint, y = f, z = 1 + joint / 100. */
void mars_write(const char *folder, int subject, const char *part, int movements, int frames);
/* The four files of mmEgo in FOLDER: actions 1..actions, snippets 5 and 8, `frames` frames each, written in falling order of their numbers 2, 4, ..; frame i
 * of the file has 3 points (x 0.01 i, y p, z 0.1 p, intensity 20 + p, velocity 0.5 - p); joint j at (j, i, 1); IMU row k: acceleration (9.80665, k, 0),
 * rate (0, 0, k % 4). */
void mmego_write(const char *folder, int actions, int frames);
/* Packs FILE into FILE.xz and removes it. */
void xz_pack(const char *file);

#endif
