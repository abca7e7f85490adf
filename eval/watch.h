/* Scores of the training-free heads while a phase runs, for the labelled upper bound "best epoch on query" (algorithm.md 9.2): never used to
 * choose anything. One JSON line a call and protocol:
 *   {"protocol", "step", "epoch", "scores": {"imu": {"nearest": [one accuracy a draw, %], "ridge": [..]}, "skeleton": .., "imu+skeleton": ..}}
 * "a+b" is the fusion by sum, "a*b" by weighted sum, "a|b" by concatenation. */
#ifndef BABEL_EVAL_WATCH_H
#define BABEL_EVAL_WATCH_H

#include <stdio.h>

#include "data/split.h"
#include "growth/trunk.h"

#ifdef __cplusplus
extern "C" {
#endif

babel_status babel_watch_score(const babel_trunk *trunk, const babel_bank *const banks[2], const babel_draws *draws, const char *protocol,
                               int64_t step, int epoch, FILE *lines);

#ifdef __cplusplus
}
#endif
#endif
