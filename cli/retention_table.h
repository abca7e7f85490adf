/* The retention report on the terminal. */
#ifndef BABEL_CLI_RETENTION_TABLE_H
#define BABEL_CLI_RETENTION_TABLE_H

#include <stdbool.h>

#include "eval/results.h"

/* Of the rows of phase "all": one-shot accuracy of every modality, class top-1 of every ordered pair, when first measured and at the end. */
void babel_print_retention(const babel_results *results);

/* Whether something was measured for the first time in the last phase: then nothing can have been lost. */
bool babel_retention_new(const babel_results *results, const babel_result *row);

/* What was kept [%]; NaN where nothing was measured before, or less than twice chance: then there was nothing to keep, and `retained` is the ratio of two
 * accidents. */
double babel_retention_kept(const babel_result *row);

/* Runs of one schedule under several policies and seeds, side by side: mean and population deviation over the runs of a policy. labels[i]: what run i is
 * called; NULL = its policy. */
void babel_print_policies(const babel_results *runs, const char *const *labels, int count);

#endif
