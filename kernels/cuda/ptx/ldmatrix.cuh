/* Fragments from shared memory, four at once: PTX ISA, ldmatrix.sync.aligned.m8n8.x4.shared.b16. All 32 lanes must call.
 *
 * An 8 x 8 matrix of 16-bit values is 8 rows of 16 bytes: here 8 rows of 4 floats. Lane 8 i + r gives the address of row r of matrix i,
 * a multiple of 16; register i of lane l receives float l % 4 of row l / 4 of matrix i. Confirmed on a device: yes (H200, bench/results/h200.md). */
#ifndef BABEL_KERNELS_CUDA_PTX_LDMATRIX_CUH
#define BABEL_KERNELS_CUDA_PTX_LDMATRIX_CUH

#include "kernels/cuda/device.cuh"

BABEL_DEVICE void babel_ldmatrix_x4(float d[4], const float *row) {
#ifdef BABEL_SIMDEV
  uint32_t bits[4];
  simdev_ldmatrix_x4(bits, row, 0);
  for (int i = 0; i < 4; i++) d[i] = __uint_as_float(bits[i]);
#else
  uint32_t bits[4];
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(bits[0]), "=r"(bits[1]), "=r"(bits[2]), "=r"(bits[3])
               : "r"((uint32_t)__cvta_generic_to_shared(row))
               : "memory");
  BABEL_UNROLL
  for (int i = 0; i < 4; i++) d[i] = __uint_as_float(bits[i]);
#endif
}

#endif
