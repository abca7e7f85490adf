#include "eval/members.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "eval/fusion.h"

static int row_of(const int *rows, int i) {
  return rows ? rows[i] : i;
}

bool babel_member_fits(const babel_trunk *trunk, const babel_bank *bank, const int *rows, int n, const babel_bank *other) {
  const char *name = bank->modality;
  const babel_tower *tower = babel_trunk_tower(trunk, other->modality);
  if (isdigit((unsigned char)name[strlen(name) - 1]) || !strcmp(name, other->modality) || !babel_same_sensor(name, other->modality)) return false;
  if (!tower || tower->in != other->width || strcmp(bank->dataset, other->dataset)) return false;
  for (int i = 0; i < n; i++)
    if (babel_bank_row(other, bank->keys[row_of(rows, i)]) < 0) return false;
  return true;
}

/* Rows of `bank`, or of `other` with the keys that these rows have in `bank`. */
static babel_status embed(const babel_trunk *trunk, const babel_bank *bank, const int *rows, int n, const babel_bank *other, babel_output output, float *x) {
  const size_t stride = (size_t)other->steps * (size_t)other->width;
  void *features, *lengths = NULL;
  BABEL_TRY(babel_alloc(&features, (size_t)n * stride, sizeof(float)));
  babel_status status = other->lengths ? babel_alloc(&lengths, (size_t)n, sizeof(int)) : BABEL_OK;
  for (int i = 0; i < n && status == BABEL_OK; i++) {
    size_t row = (size_t)(other == bank ? row_of(rows, i) : babel_bank_row(other, bank->keys[row_of(rows, i)]));
    memcpy((float *)features + (size_t)i * stride, other->features + row * stride, stride * sizeof(float));
    if (lengths) ((int *)lengths)[i] = babel_bank_length(other, (int)row, 0);
  }
  if (status == BABEL_OK) status = babel_trunk_embed(trunk, other->modality, features, n, other->steps, lengths, output, x);
  free(features);
  free(lengths);
  return status;
}

babel_status babel_members_embed(const babel_trunk *trunk, const babel_bank *bank, const int *rows, int n, const babel_bank *const *others, int count,
                                 babel_output output, float *x) {
  const int width = trunk->config.embed_dim;
  const babel_bank *used[BABEL_MAX_TOWERS] = {bank};
  const float *parts[BABEL_MAX_TOWERS];
  void *memory;
  int found = 1;
  if (!n) return BABEL_OK;
  for (int i = 0; i < count && trunk->config.wifi_members == BABEL_MEMBERS_MEAN; i++) {
    bool known = false;
    for (int k = 0; k < found; k++) known |= !strcmp(used[k]->modality, others[i]->modality);
    if (!known && babel_member_fits(trunk, bank, rows, n, others[i])) used[found++] = others[i];
  }
  if (found == 1) return embed(trunk, bank, rows, n, bank, output, x);
  const size_t size = (size_t)n * (size_t)width;
  BABEL_TRY(babel_alloc(&memory, (size_t)found * size, sizeof(float)));
  babel_status status = BABEL_OK;
  for (int k = 0; k < found && status == BABEL_OK; k++) {
    float *part = (float *)memory + (size_t)k * size;
    status = embed(trunk, bank, rows, n, used[k], output, part);
    parts[k] = part;
  }
  if (status == BABEL_OK) status = babel_fuse_sum(x, parts, NULL, found, n, width);
  free(memory);
  return status;
}
