#include <criterion/criterion.h>
#include <string.h>

#include "eval/oneshot.h"

static const char *const keys[] = {"a3", "a1", "b1", "a2", "c1"};

Test(eval_episodes, draws_become_rows) {
  char *support0[] = {"a1", "b1"}, *query0[] = {"a2", "a3", "c1"}, *support1[] = {"c1"}, *query1[] = {"a3"};
  babel_draw list[] = {{2, 3, support0, query0}, {1, 1, support1, query1}};
  babel_draws draws = {.count = 2, .draws = list, .path = "draws.csv"};
  babel_episodes e;
  cr_assert_eq(babel_episodes_from_draws(&e, &draws, keys, 5), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(e.count, 2);
  cr_assert_eq(e.episodes[0].support_count, 2);
  cr_assert_eq(e.episodes[0].query_count, 3);
  cr_assert_eq(e.episodes[0].support[0], 1);
  cr_assert_eq(e.episodes[0].support[1], 2);
  cr_assert_eq(e.episodes[0].query[0], 3);
  cr_assert_eq(e.episodes[0].query[1], 0);
  cr_assert_eq(e.episodes[0].query[2], 4);
  cr_assert_eq(e.episodes[1].support[0], 4);
  babel_episodes_destroy(&e);
  babel_episodes_destroy(&e);
}

Test(eval_episodes, keys_without_embedding_are_named) {
  char *support[] = {"a1"}, *query[] = {"x01", "x02", "a2", "x03", "x04", "x05", "x06", "x07", "x08", "x09", "x10", "x11"};
  babel_draw list[] = {{1, 12, support, query}};
  babel_draws draws = {.count = 1, .draws = list, .path = "draws.csv"};
  babel_episodes e;
  cr_assert_eq(babel_episodes_from_draws(&e, &draws, keys, 5), BABEL_ERR_FORMAT);
  cr_assert_str_eq(babel_error_last()->sentence,
                   "draws.csv: 11 of its keys have no embedding: x01, x02, x03, x04, x05, x06, x07, x08, x09, x10, ...");
  list[0].query_count = 2;
  cr_assert_eq(babel_episodes_from_draws(&e, &draws, keys, 5), BABEL_ERR_FORMAT);
  cr_assert_str_eq(babel_error_last()->sentence, "draws.csv: 2 of its keys have no embedding: x01, x02");
  const char *const twice[] = {"a1", "a2", "a1"};
  list[0].query_count = 0;
  cr_assert_eq(babel_episodes_from_draws(&e, &draws, keys, 5), BABEL_ERR_ARG);
  cr_assert_eq(babel_episodes_from_draws(&e, &draws, twice, 3), BABEL_ERR_ARG);
  cr_assert_str_eq(babel_error_last()->sentence, "key 'a1' stands twice among the embeddings");
  cr_assert_eq(babel_episodes_from_draws(&e, &draws, keys, 0), BABEL_ERR_SHAPE);
}

Test(eval_episodes, split_gives_holdout_against_test) {
  char *names[] = {"a1", "a2", "a3", "b1", "c1"};
  babel_part parts[] = {BABEL_PART_HOLDOUT, BABEL_PART_TEST, BABEL_PART_TRAIN, BABEL_PART_HOLDOUT, BABEL_PART_TEST};
  babel_split split = {.count = 5, .keys = names, .parts = parts, .path = "split.csv"};
  babel_episodes e;
  cr_assert_eq(babel_episodes_from_split(&e, &split, keys, 5), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(e.count, 1);
  cr_assert_eq(e.episodes[0].support_count, 2);
  cr_assert_eq(e.episodes[0].query_count, 2);
  cr_assert_eq(e.episodes[0].support[0], 1);
  cr_assert_eq(e.episodes[0].support[1], 2);
  cr_assert_eq(e.episodes[0].query[0], 3);
  cr_assert_eq(e.episodes[0].query[1], 4);
  babel_episodes_destroy(&e);
  parts[0] = parts[3] = BABEL_PART_TRAIN;
  cr_assert_eq(babel_episodes_from_split(&e, &split, keys, 5), BABEL_ERR_ARG);
}
