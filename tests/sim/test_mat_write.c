#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <zlib.h>

#include "core/file.h"
#include "data/mat.h"
#include "sim/mat_write.h"
#include "tests/support/paths.h"

static const char *path_of(const char *name) {
  static char path[1200];
  static const char *folder;
  if (!folder) folder = babel_scratch();
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

/* The bytes against the layout of the format, with zlib alone. */
Test(sim_mat_write, bytes_follow_the_format) {
  const double data[6] = {1, -2, 3.5, 4, 5e300, -0.0};
  unsigned char raw[256];
  uLongf size = sizeof raw;
  babel_file file;
  const char *path = path_of("a.mat");
  cr_assert_eq(babel_mat_write(path, "d_iner", 2, (const int[]){3, 2}, data), BABEL_OK);
  cr_assert_eq(babel_file_open(&file, path), BABEL_OK);
  cr_assert(!memcmp(file.data, "MATLAB 5.0 MAT-file", 19));
  cr_assert(!memcmp(file.data + 116, "\0\0\0\0\0\0\0\0\0\1IM\17\0\0\0", 16));
  uint32_t packed;
  memcpy(&packed, file.data + 132, 4);
  cr_assert_eq(128 + 8 + packed, file.size, "the walk over the elements ends at the end of the file");
  cr_assert_eq(uncompress(raw, &size, file.data + 136, packed), Z_OK);
  static const unsigned char expected[] = {14, 0, 0, 0, 104, 0, 0, 0,                           /* matrix */
                                           6,  0, 0, 0, 8,   0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,   /* class double, real */
                                           5,  0, 0, 0, 8,   0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0,   /* 3 x 2 */
                                           1,  0, 0, 0, 6,   0, 0, 0, 'd', '_', 'i', 'n', 'e', 'r', 0, 0,
                                           9,  0, 0, 0, 48,  0, 0, 0};
  cr_assert_eq(size, sizeof expected + sizeof data);
  cr_assert(!memcmp(raw, expected, sizeof expected) && !memcmp(raw + sizeof expected, data, sizeof data));
  babel_file_close(&file);
}

Test(sim_mat_write, our_reader_gets_the_values_back) {
  double data[4 * 3 * 5];
  babel_mat mat;
  const babel_mat_variable *variable;
  const char *path = path_of("b.mat");
  for (int i = 0; i < 60; i++) data[i] = i * 0.37 - 5;
  cr_assert_eq(babel_mat_write(path, "x", 3, (const int[]){4, 3, 5}, data), BABEL_OK);
  cr_assert_eq(babel_mat_open(&mat, path), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_mat_require(&mat, "x", &variable), BABEL_OK);
  cr_assert(variable->rank == 3 && variable->shape[0] == 4 && variable->shape[1] == 3 && variable->shape[2] == 5);
  cr_assert(!memcmp(variable->data, data, sizeof data));
  babel_mat_close(&mat);
}

Test(sim_mat_write, refuses_bad_shapes_names_and_places) {
  const double one = 1;
  const char *path = path_of("c.mat");
  cr_assert_eq(babel_mat_write(path, "x", 1, (const int[]){1}, &one), BABEL_ERR_ARG);
  cr_assert_eq(babel_mat_write(path, "x", 9, (const int[]){1, 1, 1, 1, 1, 1, 1, 1, 1}, &one), BABEL_ERR_ARG);
  cr_assert_eq(babel_mat_write(path, "x", 2, (const int[]){0, 1}, &one), BABEL_ERR_ARG);
  cr_assert_eq(babel_mat_write(path, "x", 2, (const int[]){1 << 20, 1 << 20}, &one), BABEL_ERR_ARG);
  cr_assert_eq(babel_mat_write(path, "", 2, (const int[]){1, 1}, &one), BABEL_ERR_ARG);
  cr_assert_eq(babel_mat_write(path, "a_name_of_more_than_thirty_one_characters", 2, (const int[]){1, 1}, &one), BABEL_ERR_ARG);
  cr_assert(!babel_file_exists(path));
  cr_assert_eq(babel_mat_write(path_of("absent/c.mat"), "x", 2, (const int[]){1, 1}, &one), BABEL_ERR_IO);
}

Test(sim_mat_write, a_full_disk_is_an_error_and_leaves_no_file) {
  static double data[20000];
  const struct rlimit full = {4096, RLIM_INFINITY}, free_again = {RLIM_INFINITY, RLIM_INFINITY};
  const char *path = path_of("d.mat");
  for (int i = 0; i < 20000; i++) data[i] = i * 0.123;
  signal(SIGXFSZ, SIG_IGN); /* so that the write fails instead of the process */
  setrlimit(RLIMIT_FSIZE, &full);
  babel_status status = babel_mat_write(path, "x", 2, (const int[]){20000, 1}, data);
  setrlimit(RLIMIT_FSIZE, &free_again);
  cr_assert_eq(status, BABEL_ERR_IO);
  cr_assert(strstr(babel_error_last()->sentence, "d.mat"));
  cr_assert(!babel_file_exists(path));
}
