/* The CPU's table of operations with the operands of the linear products rounded as a device rounds them: what a precision does to a result,
 * told without a device. Sums stay float32, in the CPU's order; biases and their gradients are not rounded. Layers are not folded, because a
 * device does not fold them. For one thread at a time. */
#ifndef BABEL_KERNELS_EMULATE_H
#define BABEL_KERNELS_EMULATE_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* FP32: nothing is rounded. */
const babel_ops *babel_ops_emulate(babel_precision precision);

/* x to 10 bits of mantissa, halves away from zero, as cvt.rna.tf32.f32 does; to 7 bits, halves to even, as cvt.rn.bf16.f32. NaN and infinity stay. */
float babel_round_tf32(float x);
float babel_round_bf16(float x);

#ifdef __cplusplus
}
#endif
#endif
