/* A schedule of phases: planned or run. */
#ifndef BABEL_CLI_SCHEDULE_H
#define BABEL_CLI_SCHEDULE_H

#include "cli/command.h"
#include "kernels/ops.h"

/* babel grow --schedule. Each phase in a folder of its own, OUT/NN_NAME; OUT/trunk.safetensors is the last one's; OUT/results.json holds the retention
 * report, OUT/schedule.json what was run. */
babel_status babel_schedule_run(const babel_args *args, const char *schedule, const char *out);

#endif
