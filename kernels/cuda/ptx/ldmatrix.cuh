/* Fragments from shared memory, four registers at once: PTX ISA, ldmatrix.sync.aligned.m8n8.x4.shared.b16. All 32 lanes must call. Lane 8 i + r
 * gives the address of row r of matrix i, 4 floats, a multiple of 16 bytes; who receives what: ldmatrix_x4 in fragments.h. */
#ifndef BABEL_KERNELS_CUDA_PTX_LDMATRIX_CUH
#define BABEL_KERNELS_CUDA_PTX_LDMATRIX_CUH

#include "kernels/cuda/ptx/mma.cuh"

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

/* Where the row begins that a lane names, so that register e receives element e of tf32_a, a (16 x 8) with k along the rows of shared memory. */
BABEL_DEVICE babel_fragment_place babel_ldmatrix_a(int lane) { return babel_fragment_tf32_a(lane % 8 * 4, lane / 8); }

/* The same for b^T, two fragments tf32_b beside each other, (16 x 8): registers 0, 1 of columns 0 to 7, registers 2, 3 of columns 8 to 15. */
BABEL_DEVICE babel_fragment_place babel_ldmatrix_b(int lane) {
  const babel_fragment_place b = babel_fragment_tf32_b(lane % 8 * 4, lane / 8 % 2), place = {b.column + lane / 16 * 8, b.row};
  return place;
}

#endif
