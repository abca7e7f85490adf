/* The table behind babel_test_ops: operations of the CUDA backend on memory of the host. */
#ifndef BABEL_TESTS_SUPPORT_DEVICE_TABLE_H
#define BABEL_TESTS_SUPPORT_DEVICE_TABLE_H

#include "kernels/ops.h"

/* NULL, and the reason in babel_error_last, in a program without CUDA or on a machine without a device. */
const babel_ops *babel_device_table(babel_precision precision);

#endif
