#include <criterion/criterion.h>
#include <string.h>

#include "core/modality.h"

/* The feature widths of the paper, per modality. */
Test(core_modality, table_holds_the_six_sensors_with_the_paper_widths) {
  static const struct {
    const char *name;
    int width;
  } rows[] = {{"imu", 72}, {"skeleton", 60}, {"video", 512}, {"wifi", 900}, {"mmwave", 1024}, {"lidar", 60}};
  int count = 0;
  while (babel_modality_at(count)) count++;
  cr_assert_eq(count, 6);
  cr_assert_null(babel_modality_at(-1));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const babel_modality *row = babel_modality_find(rows[i].name);
    cr_assert_not_null(row, "%s", rows[i].name);
    cr_assert_str_eq(row->name, rows[i].name);
    cr_assert_eq(row->paper_width, rows[i].width);
    cr_assert_eq(babel_modality_check_name(row->name), BABEL_OK);
    cr_assert(*row->axes && *row->channels && *row->unit);
    cr_assert(row->rate_hz >= 0);
  }
}

Test(core_modality, unknown_names_are_not_found) {
  cr_assert_null(babel_modality_find("IMU"));
  cr_assert_null(babel_modality_find("im"));
  cr_assert_null(babel_modality_find(""));
}

Test(core_modality, names_of_users_follow_one_rule) {
  static const char *const good[] = {"a", "uwb_2", "0", "abcdefghijklmnopqrstuvwxyz01234"}, *const bad[] = {
      "", "Imu", "im u", "i-mu", "a/b", "..", "\xc3\xa9", "abcdefghijklmnopqrstuvwxyz012345"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) cr_assert_eq(babel_modality_check_name(good[i]), BABEL_OK, "%s", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cr_assert_eq(babel_modality_check_name(bad[i]), BABEL_ERR_ARG, "%s", bad[i]);
    cr_assert(strstr(babel_error_last()->sentence, "a-z"));
  }
}
