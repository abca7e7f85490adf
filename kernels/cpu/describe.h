/* babel_ops.describe of the CPU backend. */
#ifndef BABEL_KERNELS_CPU_DESCRIBE_H
#define BABEL_KERNELS_CPU_DESCRIBE_H

#include <stddef.h>

void babel_describe_cpu(char *text, size_t size);

#endif
