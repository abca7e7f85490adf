#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "tests/support/comma_locale.h"
#include "tests/support/paths.h"

static char folder[900];

static const char *in_folder(const char *name) {
  static char path[1000];
  if (!*folder) snprintf(folder, sizeof folder, "%s", babel_scratch());
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static int entries_in_folder(void) {
  int count = 0;
  DIR *list = opendir(folder);
  while (readdir(list)) count++;
  closedir(list);
  return count - 2;
}

static bool holds(const char *name, const char *text) {
  babel_file file;
  if (babel_file_open(&file, in_folder(name)) != BABEL_OK) return false;
  bool same = file.size == strlen(text) && !memcmp(file.data, text, file.size);
  babel_file_close(&file);
  return same;
}

/* ---- reading ---- */

Test(core_file, what_is_not_a_readable_file_is_refused_by_name) {
  babel_file file;
  char long_path[2000];
  cr_assert_eq(babel_file_open(&file, in_folder("none")), BABEL_ERR_IO);
  cr_assert(strstr(babel_error_last()->sentence, "/none") && strstr(babel_error_last()->sentence, "No such file"));
  cr_assert_eq(babel_file_open(&file, folder), BABEL_ERR_IO);
  cr_assert(strstr(babel_error_last()->sentence, "folder"));
  cr_assert_eq(babel_file_write_text(in_folder("empty"), ""), BABEL_OK);
  cr_assert_eq(babel_file_open(&file, in_folder("empty")), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "empty"));
  memset(long_path, 'x', sizeof long_path - 1);
  long_path[sizeof long_path - 1] = 0;
  cr_assert_eq(babel_file_open(&file, long_path), BABEL_ERR_ARG);
  babel_file_close(&file);
  babel_file_close(NULL);
}

Test(core_file, pipe_is_refused_without_waiting_for_a_writer, .timeout = 10) {
  babel_file file;
  cr_assert_eq(mkfifo(in_folder("pipe"), 0600), 0);
  cr_assert_eq(babel_file_open(&file, in_folder("pipe")), BABEL_ERR_IO);
}

Test(core_file, kind_knows_the_usual_wrong_downloads) {
  static const struct {
    const char *bytes, *word;
    size_t size;
  } cases[] = {{"PK\3\4....", "zip", 8}, {"\x93NUMPY\1", "NumPy", 7}, {"MATLAB 5.0 MAT-file", "5.0", 19}, {"MATLAB 7.3 MAT-file", "7.3", 19},
               {"\x89HDF\r\n", "HDF5", 6}, {"\x89PNG\r\n", "PNG", 6}, {"version https://git-lfs.github.com/spec/v1", "Git-LFS", 42},
               {"<!DOCTYPE html>", "HTML", 15}, {"\x80\2}q", "pickle", 4}, {"\x80\4\x95", "pickle", 3}, {"\x1f\x8b\x08", "gzip", 3}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_assert(strstr(babel_file_kind(cases[i].bytes, cases[i].size), cases[i].word), "%s", cases[i].word);
  cr_assert_str_eq(babel_file_kind("PK\3", 3), "");
  cr_assert_str_eq(babel_file_kind("1.0 2.0", 7), "");
  cr_assert_str_eq(babel_file_kind("", 0), "");
}

/* ---- writing ---- */

Test(core_file, commit_replaces_and_leaves_no_temporary_file) {
  babel_file_writer writer;
  cr_assert_eq(babel_file_write_text(in_folder("a"), "old"), BABEL_OK);
  cr_assert_eq(babel_file_create(&writer, in_folder("a")), BABEL_OK);
  cr_assert_eq(babel_file_write(&writer, "new text", 8), BABEL_OK);
  cr_assert(holds("a", "old"), "untouched before commit");
  cr_assert_eq(babel_file_commit(&writer), BABEL_OK);
  cr_assert(holds("a", "new text"));
  cr_assert_eq(entries_in_folder(), 1);
  babel_file_abort(&writer); /* committed: nothing to do */
  cr_assert(holds("a", "new text"));
  cr_assert_eq(babel_file_commit(&writer), BABEL_ERR_STATE, "a second commit");
}

Test(core_file, abort_leaves_the_old_file) {
  babel_file_writer writer, zeroed = {0};
  cr_assert_eq(babel_file_write_text(in_folder("a"), "old"), BABEL_OK);
  cr_assert_eq(babel_file_create(&writer, in_folder("a")), BABEL_OK);
  cr_assert_eq(babel_file_write(&writer, "new", 3), BABEL_OK);
  babel_file_abort(&writer);
  cr_assert(holds("a", "old"));
  cr_assert_eq(entries_in_folder(), 1);
  babel_file_abort(&zeroed);
  babel_file_abort(NULL);
}

Test(core_file, a_sweep_removes_what_killed_writers_left_and_nothing_else) {
  static const char *const names[] = {"a", "a.tmp.12", "a.tmp.7", "ab.tmp.7", "b.tmp.7", "a.tmp.", "a.tmp.7x", ".tmp.7"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) cr_assert_eq(babel_file_write_text(in_folder(names[i]), "x"), BABEL_OK);
  babel_file_sweep(in_folder(""), "a");
  cr_assert(!babel_file_exists(in_folder("a.tmp.12")) && !babel_file_exists(in_folder("a.tmp.7")));
  cr_assert_eq(entries_in_folder(), 6);
  babel_file_sweep(in_folder(""), NULL);
  cr_assert(!babel_file_exists(in_folder("ab.tmp.7")) && !babel_file_exists(in_folder("b.tmp.7")));
  cr_assert_eq(entries_in_folder(), 4);
  babel_file_sweep(in_folder("nothing"), NULL);
}

Test(core_file, failed_rename_leaves_the_old_state) {
  babel_file_writer writer;
  cr_assert_eq(babel_file_create(&writer, in_folder("taken")), BABEL_OK);
  cr_assert_eq(mkdir(in_folder("taken"), 0700), 0, "a folder takes the name meanwhile");
  cr_assert_eq(mkdir(in_folder("taken/full"), 0700), 0);
  cr_assert_eq(babel_file_write(&writer, "x", 1), BABEL_OK);
  cr_assert_eq(babel_file_commit(&writer), BABEL_ERR_IO);
  cr_assert(strstr(babel_error_last()->sentence, "taken"));
  cr_assert_eq(entries_in_folder(), 1, "the temporary file is gone");
  cr_assert(babel_file_exists(in_folder("taken/full")));
}

Test(core_file, folders_and_devices_are_never_replaced) {
  babel_file_writer writer;
  char pipe[1024];
  struct stat info;
  snprintf(pipe, sizeof pipe, "%s", in_folder("pipe"));
  cr_assert_eq(mkfifo(pipe, 0600), 0);
  const char *const paths[] = {pipe, "/dev/null", in_folder(".")};
  for (int i = 0; i < 3; i++) {
    cr_assert_eq(babel_file_create(&writer, paths[i]), BABEL_ERR_IO, "%s", paths[i]);
    cr_assert(strstr(babel_error_last()->sentence, paths[i]) && strstr(babel_error_last()->sentence, "device"));
  }
  cr_assert(!stat(pipe, &info) && S_ISFIFO(info.st_mode) && !stat("/dev/null", &info) && S_ISCHR(info.st_mode));
  cr_assert_eq(entries_in_folder(), 1, "no temporary file");
}

Test(core_file, a_probe_tells_and_leaves_nothing) {
  cr_assert_eq(babel_file_probe(in_folder("new")), BABEL_OK);
  cr_assert_eq(entries_in_folder(), 0);
  cr_assert_eq(babel_file_probe(in_folder("none/new")), BABEL_ERR_IO);
  cr_assert_eq(babel_file_write_text(in_folder("old"), "x"), BABEL_OK);
  cr_assert_eq(babel_file_probe(in_folder("old")), BABEL_OK);
  babel_file file;
  cr_assert_eq(babel_file_open(&file, in_folder("old")), BABEL_OK);
  cr_assert(file.size == 1 && *file.data == 'x', "what was there stays");
  babel_file_close(&file);
}

Test(core_file, missing_and_forbidden_folders_are_named) {
  babel_file_writer writer;
  cr_assert_eq(babel_file_write_text(in_folder("none/a"), "x"), BABEL_ERR_IO);
  cr_assert(strstr(babel_error_last()->sentence, "none/a"));
  cr_assert_eq(babel_file_create(&writer, "/proc/babel"), BABEL_ERR_IO, "where not even root may write");
  babel_file_abort(&writer);
  if (geteuid() != 0) { /* root may write anywhere else */
    cr_assert_eq(babel_file_write_text(in_folder("a"), "old"), BABEL_OK);
    chmod(folder, 0500);
    cr_assert_eq(babel_file_write_text(in_folder("a"), "new"), BABEL_ERR_IO);
    cr_assert(holds("a", "old"));
    chmod(folder, 0700);
  }
}

/* A limit on the size of files stands in for a full disk: writes fail in the middle. */
Test(core_file, full_disk_leaves_the_old_file) {
  static char much[1 << 20];
  struct rlimit limit = {65536, 65536};
  babel_file_writer writer;
  cr_assert_eq(babel_file_write_text(in_folder("a"), "old"), BABEL_OK);
  cr_assert_eq(babel_file_create(&writer, in_folder("a")), BABEL_OK);
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &limit);
  cr_assert_eq(babel_file_write(&writer, much, sizeof much), BABEL_ERR_IO);
  cr_assert(strstr(babel_error_last()->sentence, "/a"));
  cr_assert_eq(babel_file_commit(&writer), BABEL_ERR_IO, "an earlier failed write is not forgotten");
  cr_assert(holds("a", "old"));
  cr_assert_eq(entries_in_folder(), 1);
  cr_assert_eq(babel_file_create(&writer, in_folder("a")), BABEL_OK);
  fwrite(much, 1, sizeof much, writer.stream); /* a caller that writes to the stream itself */
  cr_assert_eq(babel_file_commit(&writer), BABEL_ERR_IO);
  cr_assert(holds("a", "old"));
  cr_assert_eq(entries_in_folder(), 1);
}

Test(core_file, folders_are_made_with_their_parents) {
  struct stat info;
  cr_assert_eq(babel_folder_create(in_folder("x/y//z")), BABEL_OK);
  cr_assert(stat(in_folder("x/y/z"), &info) == 0 && S_ISDIR(info.st_mode));
  cr_assert_eq(babel_folder_create(in_folder("x/y/z/")), BABEL_OK, "again");
  cr_assert_eq(babel_folder_create("/"), BABEL_OK);
  cr_assert_eq(babel_folder_create(""), BABEL_ERR_ARG);
  cr_assert_eq(babel_file_write_text(in_folder("file"), "x"), BABEL_OK);
  cr_assert_eq(babel_folder_create(in_folder("file")), BABEL_ERR_IO);
  cr_assert_eq(babel_folder_create(in_folder("file/below")), BABEL_ERR_IO);
}

/* ---- lines ---- */

static babel_file as_file(const char *text, size_t size) {
  return (babel_file){.data = (const unsigned char *)text, .size = size, .path = "text.txt"};
}

Test(core_file, lines_skip_the_mark_and_accept_both_ends) {
  static const char text[] = "\xEF\xBB\xBFone\r\n\ntwo \r\nthr\ree\nlast";
  static const char *const expected[] = {"one", "", "two ", "thr\ree", "last"};
  babel_file file = as_file(text, sizeof text - 1);
  babel_lines lines = {.file = &file};
  babel_status status = BABEL_ERR_IO;
  char line[16];
  for (int i = 0; i < 5; i++) {
    cr_assert(babel_lines_next(&lines, line, sizeof line, &status));
    cr_assert_eq(status, BABEL_OK);
    cr_assert_str_eq(line, expected[i]);
    cr_assert_eq(lines.number, i + 1);
  }
  cr_assert_not(babel_lines_next(&lines, line, sizeof line, &status));
  cr_assert_eq(status, BABEL_OK, "the end is no error");
}

Test(core_file, final_newline_makes_no_empty_line_and_a_mark_alone_no_line) {
  babel_file file = as_file("a\n", 2), mark = as_file("\xEF\xBB\xBF", 3);
  babel_lines lines = {.file = &file}, none = {.file = &mark};
  babel_status status;
  char line[16];
  cr_assert(babel_lines_next(&lines, line, sizeof line, &status));
  cr_assert_not(babel_lines_next(&lines, line, sizeof line, &status));
  cr_assert_not(babel_lines_next(&none, line, sizeof line, &status));
  cr_assert_eq(status, BABEL_OK);
}

Test(core_file, overlong_and_binary_lines_are_named_with_their_number) {
  static const char text[] = "12345\n123456\n", zero[] = "a\nb\0c\n";
  babel_file file = as_file(text, sizeof text - 1), binary = as_file(zero, sizeof zero - 1);
  babel_lines lines = {.file = &file}, second = {.file = &binary};
  babel_status status;
  char line[8] = "", *small = line;
  cr_assert(babel_lines_next(&lines, small, 6, &status), "exactly size - 1 characters");
  cr_assert_str_eq(line, "12345");
  cr_assert_not(babel_lines_next(&lines, small, 6, &status));
  cr_assert_eq(status, BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "text.txt: line 2"));
  cr_assert_eq(line[6], 0, "nothing written behind the buffer");
  cr_assert(babel_lines_next(&second, line, sizeof line, &status));
  cr_assert_not(babel_lines_next(&second, line, sizeof line, &status));
  cr_assert_eq(status, BABEL_ERR_FORMAT);
}

/* ---- numbers ---- */

static void check_numbers(void) {
  static const struct {
    const char *text;
    double value;
  } good[] = {{"1", 1}, {" -1.25e-001\t", -0.125}, {"+1.0000000e+000", 1}, {"2.5E-05", 2.5e-05}, {".5", 0.5}, {"5.", 5}, {"1e-400", 0}};
  static const char *const bad[] = {"", " ", "nan", "inf", "-inf", "NaN", "infinity", "0x1p3", "0x10", "1,5", "1.5.2", "1 2", "1e", "e5", "--1",
                                    "1e400", "-1e400", "1.5f", "1\n", "."};
  double value;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    cr_assert(babel_parse_double(good[i].text, &value), "%s", good[i].text);
    cr_assert_eq(value, good[i].value, "%s", good[i].text);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) cr_assert_not(babel_parse_double(bad[i], &value), "\"%s\"", bad[i]);
}

Test(core_file, numbers_are_read_whole_or_refused) {
  check_numbers();
}

Test(core_file, numbers_are_the_same_under_a_decimal_comma) {
  if (!babel_comma_locale()) cr_skip("no comma locale on this machine");
  check_numbers();
}

Test(core_file, integers_are_read_whole_or_refused) {
  static const char *const bad[] = {"", "1.0", "1e3", "0x10", "9223372036854775808", "-9223372036854775809", "1 2", "+-1", "ten", "1,000"};
  int64_t value;
  cr_assert(babel_parse_int(" -42 ", &value) && value == -42);
  cr_assert(babel_parse_int("+007", &value) && value == 7);
  cr_assert(babel_parse_int("9223372036854775807", &value) && value == INT64_MAX);
  cr_assert(babel_parse_int("-9223372036854775808", &value) && value == INT64_MIN);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) cr_assert_not(babel_parse_int(bad[i], &value), "\"%s\"", bad[i]);
}
