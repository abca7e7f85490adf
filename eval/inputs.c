#include "eval/inputs.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "eval/fusion.h"
#include "eval/members.h"

static babel_status take_floats(float **pointer, size_t count) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, count, sizeof(float)));
  *pointer = memory;
  return BABEL_OK;
}

static babel_status copy_side(babel_paired *paired, int s) {
  const babel_bank *bank = paired->bank[s];
  size_t stride = (size_t)bank->steps * (size_t)bank->width;
  void *memory;
  BABEL_TRY(take_floats(&paired->features[s], (size_t)paired->n * stride));
  for (int i = 0; i < paired->n; i++) memcpy(paired->features[s] + (size_t)i * stride, bank->features + (size_t)paired->rows[s][i] * stride, stride * sizeof(float));
  if (!bank->lengths) return BABEL_OK;
  BABEL_TRY(babel_alloc(&memory, (size_t)paired->n, sizeof(int)));
  paired->lengths[s] = memory;
  for (int i = 0; i < paired->n; i++) paired->lengths[s][i] = babel_bank_length(bank, paired->rows[s][i], 0);
  return BABEL_OK;
}

babel_status babel_paired_create(babel_paired *paired, const babel_bank *const banks[2]) {
  babel_status status;
  void *memory;
  memset(paired, 0, sizeof *paired);
  paired->bank[0] = banks[0];
  paired->bank[1] = banks[1];
  BABEL_TRY(babel_bank_pair(banks[0], banks[1], NULL, 0, &paired->rows[0], &paired->rows[1], &paired->n));
  BABEL_TRY_OR(babel_alloc(&memory, (size_t)paired->n, sizeof *paired->keys), fail);
  paired->keys = memory;
  BABEL_TRY_OR(babel_alloc(&memory, (size_t)paired->n, sizeof(int)), fail);
  paired->labels = memory;
  for (int i = 0; i < paired->n; i++) {
    paired->keys[i] = banks[0]->keys[paired->rows[0][i]];
    paired->labels[i] = banks[0]->labels[paired->rows[0][i]];
  }
  for (int s = 0; s < 2; s++) BABEL_TRY_OR(copy_side(paired, s), fail);
  return BABEL_OK;
fail:
  babel_paired_destroy(paired);
  return status;
}

void babel_paired_destroy(babel_paired *paired) {
  if (!paired) return;
  for (int s = 0; s < 2; s++) {
    free(paired->rows[s]);
    free(paired->features[s]);
    free(paired->lengths[s]);
  }
  free(paired->keys);
  free(paired->labels);
  memset(paired, 0, sizeof *paired);
}

void babel_inputs_destroy(babel_inputs *inputs) {
  if (!inputs) return;
  for (int i = 0; i < BABEL_INPUT_COUNT; i++) free(inputs->x[i]);
  memset(inputs, 0, sizeof *inputs);
}

/* weight 0: no sums. */
static babel_status fuse(babel_inputs *inputs, int n, double weight) {
  const float *x[2] = {inputs->x[BABEL_INPUT_A], inputs->x[BABEL_INPUT_B]};
  int widths[2] = {inputs->width[BABEL_INPUT_A], inputs->width[BABEL_INPUT_B]};
  const double weights[2] = {1, weight};
  inputs->width[BABEL_INPUT_CONCAT] = widths[0] + widths[1];
  BABEL_TRY(take_floats(&inputs->x[BABEL_INPUT_CONCAT], (size_t)n * (size_t)(widths[0] + widths[1])));
  BABEL_TRY(babel_fuse_concat(inputs->x[BABEL_INPUT_CONCAT], x, widths, NULL, 2, n));
  if (!(weight > 0)) return BABEL_OK;
  for (int input = BABEL_INPUT_SUM; input <= BABEL_INPUT_WEIGHTED; input++) {
    inputs->width[input] = widths[0];
    BABEL_TRY(take_floats(&inputs->x[input], (size_t)n * (size_t)widths[0]));
    BABEL_TRY(babel_fuse_sum(inputs->x[input], x, input == BABEL_INPUT_SUM ? NULL : weights, 2, n, widths[0]));
  }
  return BABEL_OK;
}

babel_status babel_inputs_copy(babel_inputs *y, const babel_inputs *x, int n) {
  memset(y, 0, sizeof *y);
  for (int input = 0; input < BABEL_INPUT_COUNT; input++) {
    size_t count = (size_t)n * (size_t)x->width[input];
    if (!x->x[input]) continue;
    babel_status status = take_floats(&y->x[input], count);
    if (status != BABEL_OK) {
      babel_inputs_destroy(y);
      return status;
    }
    memcpy(y->x[input], x->x[input], count * sizeof(float));
    y->width[input] = x->width[input];
  }
  return BABEL_OK;
}

babel_status babel_inputs_join(babel_inputs *y, const babel_inputs *a, const babel_inputs *b, int n) {
  memset(y, 0, sizeof *y);
  for (int input = 0; input < BABEL_INPUT_COUNT; input++) {
    int other = b->x[input] ? input : BABEL_INPUT_CONCAT;
    const float *x[2] = {a->x[input], b->x[other]};
    int widths[2] = {a->width[input], b->width[other]};
    if (!x[0] || !x[1]) continue;
    y->width[input] = widths[0] + widths[1];
    babel_status status = take_floats(&y->x[input], (size_t)n * (size_t)y->width[input]);
    if (status == BABEL_OK) status = babel_fuse_concat(y->x[input], x, widths, NULL, 2, n);
    if (status == BABEL_OK) continue;
    babel_inputs_destroy(y);
    return status;
  }
  return BABEL_OK;
}

babel_status babel_paired_embed(const babel_paired *paired, int s, const babel_trunk *trunk, babel_output output, float *x) {
  bool alone = !paired->member || babel_same_sensor(paired->bank[0]->modality, paired->bank[1]->modality);
  return babel_members_embed(trunk, paired->bank[s], paired->rows[s], paired->n, &paired->member, alone ? 0 : 1, output, x);
}

babel_status babel_inputs_aligned(babel_inputs *inputs, const babel_paired *paired, const babel_trunk *trunk) {
  babel_status status;
  memset(inputs, 0, sizeof *inputs);
  for (int s = 0; s < 2; s++) {
    const babel_bank *bank = paired->bank[s];
    const babel_tower *tower = babel_trunk_tower(trunk, bank->modality);
    if (tower && tower->in != bank->width) {
      status = BABEL_FAIL(BABEL_ERR_SHAPE, "%s: %d features a sample, but the tower %s of %s was grown with %d", bank->path, bank->width, tower->name,
                          trunk->path, tower->in);
      goto fail;
    }
    inputs->width[s] = trunk->config.embed_dim;
    BABEL_TRY_OR(take_floats(&inputs->x[s], (size_t)paired->n * (size_t)inputs->width[s]), fail);
    BABEL_TRY_OR(babel_paired_embed(paired, s, trunk, BABEL_OUTPUT_FEATURE, inputs->x[s]), fail);
  }
  BABEL_TRY_OR(fuse(inputs, paired->n, trunk->config.fusion_weight), fail);
  return BABEL_OK;
fail:
  babel_inputs_destroy(inputs);
  return status;
}

/* (n, width): the features, or the mean of a sequence's valid steps. */
static void pool(float *y, const babel_paired *paired, int s) {
  const babel_bank *bank = paired->bank[s];
  size_t width = (size_t)bank->width;
  for (int i = 0; i < paired->n; i++) {
    int length = paired->lengths[s] ? paired->lengths[s][i] : bank->steps;
    const float *x = paired->features[s] + (size_t)i * (size_t)bank->steps * width;
    for (size_t j = 0; j < width; j++) {
      double sum = 0;
      for (int t = 0; t < length; t++) sum += (double)x[(size_t)t * width + j];
      y[(size_t)i * width + j] = (float)(sum / length);
    }
  }
}

static babel_status statistics(const babel_bank *bank, const char *const *train, int count, float *mean, float *inv_std) {
  void *memory;
  int constant, known = 0;
  BABEL_TRY(babel_alloc(&memory, (size_t)count, sizeof(int)));
  int *rows = memory;
  for (int i = 0; i < count; i++)
    if ((rows[known] = babel_bank_row(bank, train[i])) >= 0) known++;
  babel_status status = known ? babel_bank_statistics(bank, rows, known, mean, inv_std, &constant)
                              : BABEL_FAIL(BABEL_ERR_FORMAT, "%s: holds none of the %d training keys of the split", bank->path, count);
  free(rows);
  return status;
}

babel_status babel_inputs_raw(babel_inputs *inputs, const babel_paired *paired, const char *const *train, int train_count) {
  float *mean = NULL, *inv_std = NULL;
  babel_status status;
  memset(inputs, 0, sizeof *inputs);
  for (int s = 0; s < 2; s++) {
    const babel_bank *bank = paired->bank[s];
    inputs->width[s] = bank->width;
    BABEL_TRY_OR(take_floats(&mean, (size_t)bank->width), fail);
    BABEL_TRY_OR(take_floats(&inv_std, (size_t)bank->width), fail);
    BABEL_TRY_OR(statistics(bank, train, train_count, mean, inv_std), fail);
    BABEL_TRY_OR(take_floats(&inputs->x[s], (size_t)paired->n * (size_t)bank->width), fail);
    pool(inputs->x[s], paired, s);
    BABEL_TRY_OR(babel_unit_rows(inputs->x[s], inputs->x[s], mean, inv_std, paired->n, bank->width), fail);
    free(mean);
    free(inv_std);
    mean = inv_std = NULL;
  }
  BABEL_TRY_OR(fuse(inputs, paired->n, 0), fail);
  return BABEL_OK;
fail:
  free(mean);
  free(inv_std);
  babel_inputs_destroy(inputs);
  return status;
}
