/* Each operand as the sum of two TF32 values: three products, about as exact as fp32 (linear_multiply_fp32). Fewer rows a warp: registers. */
#define LINEAR_PRECISION LINEAR_FP32
#define LINEAR_ENTRY(op) babel_linear_##op##_cuda_fp32
#define LINEAR_LARGE 64, 64, 64, 2, 2, 3
#define LINEAR_SMALL 64, 32, 64, 2, 4, 3
#include "kernels/cuda/linear_launch.cuh"
