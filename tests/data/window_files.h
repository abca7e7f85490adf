/* Small folders of the window sets for the tests: well-formed files with plain numbers. */
#ifndef BABEL_TESTS_DATA_WINDOW_FILES_H
#define BABEL_TESTS_DATA_WINDOW_FILES_H

/* FOLDER/subject{S}_{radar,kinect}_data_{PART}.csv of `movements` movements of `frames` frames each. Frame f of the file has 2 + f % 3 points:
 * point p at x = p, y = f / 1000, z = 0.5 p, velocity f % 7 - 3, intensity 10 + p; Kinect: x = joint, y = f, z = 1 + joint / 100. */
void mars_write(const char *folder, int subject, const char *part, int movements, int frames);
/* Packs FILE into FILE.xz and removes it. */
void xz_pack(const char *file);

#endif
