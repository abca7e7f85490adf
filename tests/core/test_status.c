#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "core/status.h"

Test(core_status, failure_keeps_status_file_line_and_sentence) {
  cr_assert_eq(babel_error_last()->status, BABEL_OK);
  int line = __LINE__ + 1;
  babel_status status = BABEL_FAIL(BABEL_ERR_IO, "%s: expected %d, found %d", "x.mat", 3, 4);
  const babel_error *error = babel_error_last();
  cr_assert_eq(status, BABEL_ERR_IO);
  cr_assert_eq(error->status, BABEL_ERR_IO);
  cr_assert_eq(error->line, line);
  cr_assert_str_eq(error->file, "tests/core/test_status.c", "no build path: %s", error->file);
  cr_assert_str_eq(error->sentence, "x.mat: expected 3, found 4");
}

static babel_status relay(babel_status inner, int *reached) {
  BABEL_TRY(inner);
  *reached = 1;
  return BABEL_OK;
}

static babel_status relay_or(babel_status inner, int *cleaned) {
  babel_status status = BABEL_OK;
  BABEL_TRY_OR(inner, fail);
  return BABEL_OK;
fail:
  *cleaned = 1;
  return status;
}

Test(core_status, try_relays_failures_and_lets_success_pass) {
  int reached = 0, cleaned = 0;
  cr_assert_eq(relay(BABEL_ERR_VALUE, &reached), BABEL_ERR_VALUE);
  cr_assert_eq(reached, 0);
  cr_assert_eq(relay(BABEL_OK, &reached), BABEL_OK);
  cr_assert_eq(reached, 1);
  cr_assert_eq(relay_or(BABEL_OK, &cleaned), BABEL_OK);
  cr_assert_eq(cleaned, 0);
  cr_assert_eq(relay_or(BABEL_ERR_SHAPE, &cleaned), BABEL_ERR_SHAPE);
  cr_assert_eq(cleaned, 1);
}

Test(core_status, context_is_put_in_front) {
  babel_status status = BABEL_FAIL(BABEL_ERR_SHAPE, "5 rows");
  cr_assert_eq(babel_fail_context("bank %s: ", "imu"), BABEL_ERR_SHAPE);
  cr_assert_str_eq(babel_error_last()->sentence, "bank imu: 5 rows");
  cr_assert_eq(status, babel_error_last()->status);
}

Test(core_status, new_sentence_may_quote_the_old_one) {
  babel_status status = BABEL_FAIL(BABEL_ERR_IO, "disk");
  status = BABEL_FAIL(BABEL_ERR_STATE, "cannot go on: %s (twice: %s)", babel_error_last()->sentence, babel_error_last()->sentence);
  cr_assert_eq(status, BABEL_ERR_STATE);
  cr_assert_str_eq(babel_error_last()->sentence, "cannot go on: disk (twice: disk)");
}

Test(core_status, endless_sentences_are_cut_and_terminated) {
  char much[3000];
  memset(much, 'x', sizeof much - 1);
  much[sizeof much - 1] = 0;
  babel_status status = BABEL_FAIL(BABEL_ERR_IO, "%s", much);
  size_t most = sizeof babel_error_last()->sentence - 1;
  cr_assert_eq(strlen(babel_error_last()->sentence), most);
  cr_assert_eq(babel_fail_context("%s", much), status);
  cr_assert_eq(strlen(babel_error_last()->sentence), most);
  status = BABEL_FAIL(BABEL_ERR_IO, "end");
  babel_fail_context("%s", much);
  cr_assert_eq(strlen(babel_error_last()->sentence), most);
  cr_assert_eq(status, BABEL_ERR_IO);
}

Test(core_status, take_clears_and_put_restores) {
  babel_status status = BABEL_FAIL(BABEL_ERR_VALUE, "row 3");
  babel_error taken = babel_error_take();
  cr_assert_eq(taken.status, status);
  cr_assert_eq(babel_error_last()->status, BABEL_OK);
  cr_assert_str_eq(babel_error_last()->sentence, "");
  babel_error_put(&taken);
  cr_assert_eq(babel_error_last()->status, BABEL_ERR_VALUE);
  cr_assert_str_eq(babel_error_last()->sentence, "row 3");
}

static void *fail_elsewhere(void *seen) {
  *(babel_status *)seen = babel_error_last()->status;
  return BABEL_FAIL(BABEL_ERR_MEMORY, "other thread") == BABEL_ERR_MEMORY ? seen : NULL;
}

Test(core_status, records_are_per_thread) {
  pthread_t thread;
  babel_status seen = BABEL_ERR_STATE, status = BABEL_FAIL(BABEL_ERR_IO, "this thread");
  cr_assert_eq(pthread_create(&thread, NULL, fail_elsewhere, &seen), 0);
  pthread_join(thread, NULL);
  cr_assert_eq(seen, BABEL_OK);
  cr_assert_eq(babel_error_last()->status, status);
  cr_assert_str_eq(babel_error_last()->sentence, "this thread");
}

Test(core_status, every_status_has_a_name_of_its_own) {
  for (int i = 0; i < BABEL_STATUS_COUNT; i++) {
    cr_assert(babel_status_name((babel_status)i) && *babel_status_name((babel_status)i));
    for (int j = 0; j < i; j++) cr_assert_str_neq(babel_status_name((babel_status)i), babel_status_name((babel_status)j));
  }
  cr_assert_str_eq(babel_status_name(BABEL_STATUS_COUNT), "unknown status");
  cr_assert_str_eq(babel_status_name((babel_status)-1), "unknown status");
}
