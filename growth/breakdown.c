#include "growth/breakdown.h"

#include <math.h>
#include <stdlib.h>

#include "core/arena.h"

typedef struct {
  babel_phase_data *data;
  const babel_phase_options *options;
  const babel_step_plan *plan;
  int64_t step;
  float *row; /* as long as the wider of the two */
  float largest; /* |standardised feature|, so far, and where it is */
  int64_t largest_step;
  int largest_side, largest_row;
  const char *largest_key;
} search;

/* Looks at one row of the batch. */
static babel_status look(search *at, int s, int i) {
  const babel_phase_data *data = at->data;
  const babel_bank *bank = at->options->bank[s];
  int width = data->width[s], row = at->plan->host.rows[s][i];
  const char *key = bank->keys[data->source[s][row / data->steps[s] / data->variants]];
  BABEL_TRY(data->ops->download(at->row, data->rows[s] + (size_t)row * (size_t)width, (size_t)width * sizeof(float), at->plan->stream));
  for (int c = 0; c < width; c++) {
    float mean = at->plan->mean[s] ? data->mean[s][c] : 0, inv_std = at->plan->mean[s] ? data->inv_std[s][c] : 1;
    float x = at->row[c], y = (x - mean) * inv_std;
    if (!isfinite(y))
      return BABEL_FAIL(BABEL_ERR_VALUE,
                        "training broke down at step %lld: %s, row %d of the batch (sample %s): feature %d is %g, and %g standardised (mean %g); "
                        "the state saved before is kept",
                        (long long)at->step + 1, bank->modality, i / data->steps[s], key, c, (double)x, (double)y, (double)mean);
    if (fabsf(y) <= at->largest) continue;
    at->largest = fabsf(y);
    at->largest_step = at->step + 1;
    at->largest_side = s;
    at->largest_row = i / data->steps[s];
    at->largest_key = key;
  }
  return BABEL_OK;
}

static babel_status look_through(search *at, const babel_config *config, int64_t last) {
  babel_phase_data *data = at->data;
  for (; at->step < last; at->step++) {
    BABEL_TRY(babel_phase_data_batch(data, config, at->step, &at->plan->host));
    for (int s = 0; s < 2; s++)
      for (int i = 0; i < data->batch * data->steps[s]; i++) BABEL_TRY(look(at, s, i));
  }
  return BABEL_OK;
}

babel_status babel_breakdown_explain(babel_phase_data *data, const babel_config *config, const babel_phase_options *options, const babel_step_plan *plan,
                                     int64_t first, int64_t last) {
  babel_error why = babel_error_take();
  search at = {.data = data, .options = options, .plan = plan, .step = first, .largest = -1};
  void *memory;
  BABEL_TRY(babel_alloc(&memory, (size_t)(data->width[0] > data->width[1] ? data->width[0] : data->width[1]), sizeof(float)));
  at.row = memory;
  babel_status status = look_through(&at, config, last);
  free(memory);
  if (status != BABEL_OK) return status;
  babel_error_put(&why);
  if (!at.largest_key) return why.status;
  return BABEL_FAIL(why.status, "%s. All features of steps %lld to %lld are finite; the largest is %g standardised: %s, step %lld, row %d of the batch (sample %s)",
                    why.sentence, (long long)first + 1, (long long)last, (double)at.largest, options->bank[at.largest_side]->modality,
                    (long long)at.largest_step, at.largest_row, at.largest_key);
}
