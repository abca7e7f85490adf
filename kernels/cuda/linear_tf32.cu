/* Operands rounded to TF32: one product. */
#define LINEAR_PRECISION LINEAR_TF32
#define LINEAR_ENTRY(op) babel_linear_##op##_cuda_tf32
#define LINEAR_LARGE 64, 64, 64, 4, 2, 3
#define LINEAR_SMALL 64, 32, 64, 4, 4, 3
#include "kernels/cuda/linear_launch.cuh"
