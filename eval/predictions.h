/* Every single answer as a line of CSV: what was asked, of which row of the results, and what came out.
 * Header: dataset,protocol,modalities,features,preset,head,fusion,scoring,seed,draw,key,true,predicted,score,credit
 * (modalities joined by '+'; score of the predicted class; credit 1, 0 or 1/k in a tie of k; both with six decimals). */
#ifndef BABEL_EVAL_PREDICTIONS_H
#define BABEL_EVAL_PREDICTIONS_H

#include "core/file.h"
#include "eval/oneshot.h"
#include "eval/results.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  babel_file_writer writer;
} babel_predictions;

/* Atomic: the file appears with commit. */
babel_status babel_predictions_create(babel_predictions *out, const char *path);
/* row: the description (its numbers are not used); keys: (rows) of the points. */
babel_status babel_predictions_add(babel_predictions *out, const babel_result *row, int seed, int draw, const char *const *keys,
                                   const babel_oneshot *result);
babel_status babel_predictions_commit(babel_predictions *out);
void babel_predictions_abort(babel_predictions *out); /* accepts a zeroed or committed one */

#ifdef __cplusplus
}
#endif
#endif
