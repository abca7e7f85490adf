/* For benches: after its checked run a call of babel_device_table can be run again many times, recorded as one graph, and timed without the
 * host's part. One at a time. */
#ifndef BABEL_TESTS_SUPPORT_DEVICE_TIMER_H
#define BABEL_TESTS_SUPPORT_DEVICE_TIMER_H

#include <stdbool.h>

#include "kernels/ops.h"

/* From now on each call is run `runs` times more; 0 = no more. */
void babel_device_timer_set(int runs);
/* Of one run of the last call. */
double babel_device_timer_seconds(void);

/* For device_table.c: whether the call is to be timed; then *s is the stream to give it to, again and again until _again says no. */
bool babel_device_timer_begin(const babel_ops *ops, babel_stream **s);
bool babel_device_timer_again(void);
babel_status babel_device_timer_end(babel_status status);

#endif
