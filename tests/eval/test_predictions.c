#include <criterion/criterion.h>
#include <string.h>

#include "eval/predictions.h"
#include "tests/support/paths.h"

static babel_result description(void) {
  babel_result r = {.dataset = "utd_mhad", .protocol = "strict", .features = "aligned", .preset = "ours", .head = "nearest", .fusion = "sum",
                    .scoring = "last"};
  babel_names_add(&r.modalities, "imu");
  babel_names_add(&r.modalities, "skeleton");
  return r;
}

static const char *const keys[] = {"a1_s7_t1", "a2_s7_t1", "a3_s7_t1"};

Test(eval_predictions, lines_hold_every_answer) {
  static const char expected[] =
      "dataset,protocol,modalities,features,preset,head,fusion,scoring,seed,draw,key,true,predicted,score,credit\n"
      "utd_mhad,strict,imu+skeleton,aligned,ours,nearest,sum,last,2,9,a3_s7_t1,2,2,0.1,1\n"
      "utd_mhad,strict,imu+skeleton,aligned,ours,nearest,sum,last,2,9,a1_s7_t1,0,1,-0.25,0.333333\n";
  char path[300];
  snprintf(path, sizeof path, "%s/predictions.csv", babel_scratch());
  babel_prediction answers[] = {{2, 2, 2, 0.1f, 1, 1}, {0, 0, 1, -0.25f, 1.0f / 3, 3}};
  babel_oneshot result = {2, answers, 66};
  babel_result row = description();
  babel_predictions out;
  cr_assert_eq(babel_predictions_create(&out, path), BABEL_OK);
  cr_assert_eq(babel_predictions_add(&out, &row, 2, 9, keys, &result), BABEL_OK);
  cr_assert_not(babel_file_exists(path), "nothing before commit");
  cr_assert_eq(babel_predictions_commit(&out), BABEL_OK);
  babel_predictions_abort(&out);
  babel_file file;
  cr_assert_eq(babel_file_open(&file, path), BABEL_OK);
  cr_assert_eq(file.size, strlen(expected));
  cr_assert_eq(memcmp(file.data, expected, file.size), 0, "%.*s", (int)file.size, (const char *)file.data);
  babel_file_close(&file);
}

Test(eval_predictions, texts_that_break_a_line_are_refused) {
  char path[300];
  snprintf(path, sizeof path, "%s/predictions.csv", babel_scratch());
  const char *const bad[] = {"a,b", "a\"b", "a\nb"};
  babel_predictions out;
  babel_result row = description();
  cr_assert_eq(babel_predictions_create(&out, path), BABEL_OK);
  for (int i = 0; i < 3; i++) {
    babel_prediction answer = {i, 0, 0, 0, 0, 1};
    babel_oneshot result = {1, &answer, 0};
    cr_assert_eq(babel_predictions_add(&out, &row, 0, 0, bad, &result), BABEL_ERR_ARG);
  }
  strcpy(row.dataset, "my,set");
  cr_assert_eq(babel_predictions_add(&out, &row, 0, 0, keys, &(babel_oneshot){0}), BABEL_ERR_ARG);
  babel_predictions_abort(&out);
  cr_assert_not(babel_file_exists(path), "an aborted table leaves nothing");
  cr_assert_eq(babel_predictions_create(&out, "/nowhere/p.csv"), BABEL_ERR_IO);
  babel_predictions_abort(&out);
}
