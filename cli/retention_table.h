/* The retention report on the terminal. */
#ifndef BABEL_CLI_RETENTION_TABLE_H
#define BABEL_CLI_RETENTION_TABLE_H

#include "eval/results.h"

/* Of the rows of phase "all": one-shot accuracy of every modality, class top-1 of every ordered pair, when first measured and at the end. */
void babel_print_retention(const babel_results *results);

#endif
