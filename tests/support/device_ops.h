/* The backend that a test runs on: environment BABEL_TEST_BACKEND, cpu (default), cuda (= cuda:fp32), cuda:tf32 or cuda:bf16.
 *
 * The CUDA table given here works on memory of the host: for each call it copies what the jobs point to onto the device, between guard bands
 * (none on the simulated device, which finds what lies outside itself, reads too) and at the same distance from a 64-byte boundary, runs the
 * kernel, waits, and copies back what the kernel may write. It fails when a guard band, an input or a gap changed. So one test source serves
 * both backends. Pieces that overlap on the host do so on the device. */
#ifndef BABEL_TESTS_SUPPORT_DEVICE_OPS_H
#define BABEL_TESTS_SUPPORT_DEVICE_OPS_H

#include <stdbool.h>

#include "kernels/ops.h"

/* Ends the program when the environment asks for a backend that this program or this machine does not have. */
const babel_ops *babel_test_ops(void);

/* Whether what jobs point to lies on a device: values there (row numbers, lengths, bias corrections) are refused by the CPU alone. */
bool babel_test_on_device(void);

/* `cpu` for an operation whose operands are not rounded, else the limit of the precision in use. */
double babel_test_limit(double cpu, double tf32, double bf16);

#endif
