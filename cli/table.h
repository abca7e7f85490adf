/* The readable table of results. */
#ifndef BABEL_CLI_TABLE_H
#define BABEL_CLI_TABLE_H

#include <stdbool.h>

#include "eval/results.h"

/* Rows first.. of a list, grouped by protocol. headline: only nearest class embedding and transductive, last step (and MLP for presets paper and release). */
void babel_print_table(const babel_results *results, int first, bool headline);
/* The same as Markdown. */
void babel_print_markdown(const babel_results *results, bool headline);

#endif
