/* Embeddings of a bank's samples; of a sensor with several towers (`wifi`, `wifi2`: algorithm.md section 6.2) those of the first, or with wifi_members: mean
 *   n = unit(sum over the towers of their unit embeddings)
 * where the others' features of the very same samples are at hand. The sensor's name, without digits at its end, is its first tower's, the primary. */
#ifndef BABEL_EVAL_MEMBERS_H
#define BABEL_EVAL_MEMBERS_H

#include "growth/trunk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether `other` counts beside `bank` for its rows (n; NULL = all): the bank is a primary tower's, `other` a further tower's that the trunk knows, of the same
 * data set, and it holds their keys. */
bool babel_member_fits(const babel_trunk *trunk, const babel_bank *bank, const int *rows, int n, const babel_bank *other);

/* x: (n, embed_dim), unit rows. rows NULL = all. others (count): where further towers are looked for; those that do not fit are left out, and of a tower that
 * stands twice the second. The sentences of babel_trunk_embed and babel_fuse_sum. */
babel_status babel_members_embed(const babel_trunk *trunk, const babel_bank *bank, const int *rows, int n, const babel_bank *const *others, int count,
                                 babel_output output, float *x);

#ifdef __cplusplus
}
#endif
#endif
