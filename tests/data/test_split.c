#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "data/split.h"
#include "data/utd_mhad.h"
#include "tests/support/paths.h"

static const char *stored(const char *name) {
  static char path[1200];
  snprintf(path, sizeof path, "%s/configs/splits/%s", BABEL_SOURCE_DIR, name);
  return path;
}

static const char *save(const char *name, const char *text) {
  static char path[1200], folder[1000];
  if (!*folder) snprintf(folder, sizeof folder, "%s", babel_scratch());
  snprintf(path, sizeof path, "%s/%s", folder, name);
  cr_assert_eq(babel_file_write_text(path, text), BABEL_OK);
  return path;
}

static void assert_sentence(babel_status got, const char *path, const char *words) {
  const char *sentence = babel_error_last()->sentence;
  cr_assert_eq(got, BABEL_ERR_FORMAT, "%s", sentence);
  cr_assert(strstr(sentence, path) && strstr(sentence, words), "expected \"%s\" in: %s", words, sentence);
}

Test(data_split, the_stored_split_has_613_33_and_215_keys) {
  static const int expected[] = {613, 33, 215};
  babel_split split;
  cr_assert_eq(babel_split_read(&split, stored("utd_mhad_613_248.csv")), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(split.count, 861);
  cr_assert_str_eq(split.sha256, "a28bf16adfa32be1793b7e903d9d6f75b44c71b2c50e7b77c0a6f5e008beb53e");
  for (int part = 0; part < 3; part++) {
    const char **keys;
    int count;
    cr_assert_eq(babel_split_keys(&split, (babel_part)part, &keys, &count), BABEL_OK);
    cr_assert_eq(count, expected[part]);
    for (int i = 0; i < count; i++) { /* subjects 7 and 8 are the test part */
      int subject = strstr(keys[i], "_s")[2] - '0';
      cr_assert_eq(subject >= 7, part == BABEL_PART_TEST, "%s", keys[i]);
    }
    free(keys);
  }
  babel_split_destroy(&split);
}

Test(data_split, the_stored_folds_leave_two_subjects_out) {
  static const char *const names[] = {"12", "34", "56"};
  for (int i = 0; i < 3; i++) {
    char name[40];
    babel_split split;
    snprintf(name, sizeof name, "utd_mhad_fold_%s.csv", names[i]);
    cr_assert_eq(babel_split_read(&split, stored(name)), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(split.count, 861);
    for (int k = 0; k < split.count; k++)
      cr_assert_eq(strchr(names[i], strstr(split.keys[k], "_s")[2]) != NULL, split.parts[k] == BABEL_PART_TEST);
    babel_split_destroy(&split);
  }
}

Test(data_split, the_stored_draws_hold_one_support_key_a_class) {
  static const struct {
    const char *name;
    int rows;
  } cases[] = {{"paper", 2480}, {"strict", 1345}, {"fold_12", 1345}, {"fold_34", 1350}, {"fold_56", 1345}};
  for (int i = 0; i < 5; i++) {
    char name[48];
    babel_draws draws;
    int rows = 0;
    snprintf(name, sizeof name, "utd_mhad_draws_%s.csv", cases[i].name);
    cr_assert_eq(babel_draws_read(&draws, stored(name)), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(draws.count, 10);
    for (int d = 0; d < 10; d++) {
      bool seen[28] = {false};
      cr_assert_eq(draws.draws[d].support_count, 27);
      for (int k = 0; k < 27; k++) seen[atoi(draws.draws[d].support[k] + 1)] = true;
      for (int a = 1; a <= 27; a++) cr_assert(seen[a], "%s draw %d class %d", name, d, a);
      rows += 27 + draws.draws[d].query_count;
    }
    cr_assert_eq(rows, cases[i].rows);
    babel_draws_destroy(&draws);
  }
  babel_draws draws;
  cr_assert_eq(babel_draws_read(&draws, stored("utd_mhad_draws_paper.csv")), BABEL_OK);
  cr_assert_str_eq(draws.draws[0].support[0], "a1_s7_t3");
  babel_draws_destroy(&draws);
}

static int rows_of(const babel_split *split, babel_part part) {
  int count = 0;
  for (int i = 0; i < split->count; i++) count += split->parts[i] == part;
  return count;
}

Test(data_split, the_stored_splits_of_windows_and_depth_trials_have_their_counts) {
  static const struct {
    const char *name;
    int train, holdout, test;
  } cases[] = {{"mars.csv", 1438, 0, 514},         {"mars_apart.csv", 1438, 425, 89},         {"mmego.csv", 312, 0, 303},
               {"mmego_apart.csv", 312, 188, 115}, {"utd_mhad_lidar.csv", 155, 7, 54},        {"utd_mhad_lidar_fold_12.csv", 154, 8, 54},
               {"utd_mhad_lidar_fold_34.csv", 154, 8, 54}, {"utd_mhad_lidar_fold_56.csv", 152, 10, 54}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_split split;
    cr_assert_eq(babel_split_read(&split, stored(cases[i].name)), BABEL_OK, "%s", babel_error_last()->sentence);
    int train = rows_of(&split, BABEL_PART_TRAIN), holdout = rows_of(&split, BABEL_PART_HOLDOUT), test = rows_of(&split, BABEL_PART_TEST);
    cr_assert(train == cases[i].train && holdout == cases[i].holdout && test == cases[i].test, "%s: %d, %d, %d", cases[i].name, train, holdout, test);
    babel_split_destroy(&split);
  }
}

/* The movement of a window of MARS, the action of one of mmEgo. */
static int class_of(const char *key) {
  return atoi(key[0] == 's' ? strstr(key, "_m") + 2 : key + 1);
}

/* Support from one part, one window a class; all windows of the other part as queries. */
Test(data_split, the_stored_draws_of_windows_cross_from_one_part_to_the_other) {
  static const struct {
    const char *name, *parts[2];
    int classes, queries[2]; /* of even and odd draws */
  } cases[] = {{"mars_draws.csv", {"_validate_", "_test_"}, 9, {256, 258}}, {"mmego_draws.csv", {"_r08_", "_r10_"}, 13, {149, 154}}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_draws draws;
    cr_assert_eq(babel_draws_read(&draws, stored(cases[i].name)), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(draws.count, 20);
    for (int d = 0; d < 20; d++) {
      const babel_draw *draw = &draws.draws[d];
      cr_assert(draw->support_count == cases[i].classes && draw->query_count == cases[i].queries[d % 2], "%s draw %d: %d and %d", cases[i].name, d,
                draw->support_count, draw->query_count);
      for (int k = 0; k < draw->support_count; k++) cr_assert(class_of(draw->support[k]) == k + 1 && strstr(draw->support[k], cases[i].parts[d % 2]));
      for (int k = 0; k < draw->query_count; k++) cr_assert(strstr(draw->query[k], cases[i].parts[1 - d % 2]));
    }
    babel_draws_destroy(&draws);
  }
}

/* From one test subject to the other, both ways. */
Test(data_split, the_stored_draws_of_depth_trials_have_27_trials_on_each_side) {
  static const char *const endings[] = {"", "_fold_12", "_fold_34", "_fold_56"};
  for (int i = 0; i < 4; i++) {
    char name[60];
    babel_draws draws;
    snprintf(name, sizeof name, "utd_mhad_draws_lidar%s.csv", endings[i]);
    cr_assert_eq(babel_draws_read(&draws, stored(name)), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(draws.count, 2);
    for (int d = 0; d < 2; d++) {
      cr_assert(draws.draws[d].support_count == 27 && draws.draws[d].query_count == 27);
      for (int k = 0; k < 27; k++) cr_assert_str_eq(draws.draws[d].support[k], draws.draws[1 - d].query[k]);
    }
    babel_draws_destroy(&draws);
  }
}

Test(data_split, a_changed_stored_file_is_refused_and_a_users_own_is_taken) {
  babel_split split;
  babel_draws draws;
  const char *text = "key,part\nx,train\n", *path = save("utd_mhad_613_248.csv", text);
  assert_sentence(babel_split_read(&split, path), path, "differs from the stored file");
  cr_assert_null(split.keys);
  path = save("utd_mhad_draws_strict.csv", "draw,role,key\n0,support,a\n0,query,b\n");
  assert_sentence(babel_draws_read(&draws, path), path, "another name");
  path = save("mine.csv", text);
  cr_assert_eq(babel_split_read(&split, path), BABEL_OK);
  char sum[65];
  babel_sha256(text, strlen(text), sum);
  cr_assert(split.count == 1 && !strcmp(split.keys[0], "x") && !strcmp(split.sha256, sum) && !strcmp(split.path, path));
  babel_split_destroy(&split);
}

Test(data_split, text_may_come_with_a_byte_order_mark_carriage_returns_quotes_and_blank_lines) {
  babel_split split;
  const char *path = save("windows.csv", "\xEF\xBB\xBFkey,part\r\n\r\n\"a \"\"b\"\",c\" , test \r\n  plain,\"train\"");
  cr_assert_eq(babel_split_read(&split, path), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(split.count, 2);
  cr_assert_str_eq(split.keys[0], "a \"b\",c");
  cr_assert_str_eq(split.keys[1], "plain");
  cr_assert(split.parts[0] == BABEL_PART_TEST && split.parts[1] == BABEL_PART_TRAIN);
  babel_split_destroy(&split);
}

Test(data_split, faulty_splits_are_refused_with_their_line) {
  static const char *const cases[][2] = {{"key;part\n", "expected the header \"key,part\", found \"key;part\""},
                                         {"key\n", "header"},
                                         {"key,part,more\n", "header"},
                                         {"key,par\n", "header"},
                                         {"key,part\n", "no keys"},
                                         {"key,part\na,train\nb\n", "line 3: expected 2 fields, found 1"},
                                         {"key,part\na,train,1\n", "line 2: expected 2 fields, found 3"},
                                         {"key,part\na,1,2,3,4,5,6,7,8,9,10\n", "line 2"},
                                         {"key,part\na,trian\n", "line 2: expected the part train, holdout or test, found \"trian\""},
                                         {"key,part\n,train\n", "line 2: the key is empty"},
                                         {"key,part\n\"a,train\n", "line 2: expected 2 fields, found stray quotes"},
                                         {"key,part\n\"a\"b,train\n", "stray quotes"},
                                         {"key,part\na,train\nb,test\na,test\nb,test\n", "key a stands twice, as row 1 and row 3"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_split split;
    const char *path = save("faulty.csv", cases[i][0]);
    assert_sentence(babel_split_read(&split, path), path, cases[i][1]);
    cr_assert(!split.keys && !split.count);
  }
}

Test(data_split, draws_may_stand_in_any_order) {
  babel_draws draws;
  const char *path = save("draws.csv", "draw,role,key\n1,query,c\n0,support,a\n1,support,b\n0,query,b\n0,query,c\n");
  cr_assert_eq(babel_draws_read(&draws, path), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(draws.count, 2);
  cr_assert(draws.draws[0].support_count == 1 && draws.draws[0].query_count == 2 && draws.draws[1].query_count == 1);
  cr_assert_str_eq(draws.draws[0].query[1], "c");
  cr_assert_str_eq(draws.draws[1].support[0], "b");
  babel_draws_destroy(&draws);
}

Test(data_split, faulty_draws_are_refused) {
  static const char *const cases[][2] = {{"draw,role,key\n", "no draws"},
                                         {"draw,role,key\n0,support,a\n", "draw 0 has 1 support and 0 query"},
                                         {"draw,role,key\n0,query,a\n", "draw 0 has 0 support"},
                                         {"draw,role,key\n0,support,a\n0,query,a\n", "draw 0 holds the key a twice"},
                                         {"draw,role,key\n0,support,a\n0,support,a\n0,query,b\n", "holds the key a twice"},
                                         {"draw,role,key\n0,support,a\n0,query,b\n2,support,a\n2,query,b\n", "draw 1 has 0 support"},
                                         {"draw,role,key\n0,support,a\n0,query,b\n9,query,b\n", "draw 9 in a file of 3 rows"},
                                         {"draw,role,key\n-1,support,a\n", "line 2: expected a draw"},
                                         {"draw,role,key\n0.5,support,a\n", "line 2: expected a draw"},
                                         {"draw,role,key\n99999999999,support,a\n", "line 2: expected a draw"},
                                         {"draw,role,key\n0,Support,a\n", "line 2: expected the role"},
                                         {"draw,key,role\n0,a,query\n", "header"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_draws draws;
    const char *path = save("faulty_draws.csv", cases[i][0]);
    assert_sentence(babel_draws_read(&draws, path), path, cases[i][1]);
    cr_assert(!draws.draws && !draws.count);
  }
}
