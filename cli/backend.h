/* --backend: which table of operations a command computes with. */
#ifndef BABEL_CLI_BACKEND_H
#define BABEL_CLI_BACKEND_H

#include "cli/command.h"
#include "kernels/ops.h"

/* Whether the word is one that this program has: BABEL_ERR_ARG, BABEL_ERR_UNSUPPORTED. Looks for no device. */
babel_status babel_backend_check(const babel_args *args);

/* cpu, cuda, or auto: CUDA where the program has it and the machine has a device that fits, else the CPU. Opens the device.
 * --emulate, where a command has it: the CPU with rounded operands (kernels/emulate.h).
 * BABEL_ERR_UNSUPPORTED in one sentence when cuda is asked for by name and there is none. */
babel_status babel_backend_choose(const babel_args *args, babel_precision precision, const babel_ops **ops);

/* Of ranks on one machine each takes a device of its own; where there are fewer devices, they take turns. */
void babel_backend_rank(int local_rank);

/* "cpu" or "cpu, cuda": for --version. */
const char *babel_backend_names(void);

#endif
