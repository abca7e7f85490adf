/* What the engine needs of a device: the table for rows of kernels, their times, the speed of its memory. In a program without CUDA there is
 * none: babel_bench_device_open is BABEL_ERR_UNSUPPORTED, and the others are not reached. */
#ifndef BABEL_BENCH_DEVICE_H
#define BABEL_BENCH_DEVICE_H

#include "kernels/ops.h"

/* The table of the device that works on memory of the host, its precision, and the largest error of a linear product; name as in bench/backend.h. */
babel_status babel_bench_device_open(const char *name, const babel_ops **ops, babel_precision *precision, double *limit);
void babel_bench_device_timer(int runs); /* tests/support/device_timer.h */
double babel_bench_device_seconds(void);
/* Bytes read and written a second by copies that no cache holds. */
babel_status babel_bench_device_bytes(const babel_ops *ops, double *bytes);
/* FLOP/s of a product of 8,192 x 8,192 matrices by cuBLASLt in that precision; 0 where there is no such library. */
double babel_bench_device_flops(const babel_ops *ops, babel_precision precision);

#endif
