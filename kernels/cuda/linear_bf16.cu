/* Operands rounded to bf16: one product of 16 values of k, half as many instructions: a small tile would spend its time on copies. */
#define LINEAR_PRECISION LINEAR_BF16
#define LINEAR_ENTRY(op) babel_linear_##op##_cuda_bf16
#define LINEAR_LARGE 64, 64, 64, 4, 2, 3
#define LINEAR_SMALL LINEAR_LARGE
#include "kernels/cuda/linear_launch.cuh"
