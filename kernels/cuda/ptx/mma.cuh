/* Tensor-core products of one warp, d = a b + c in fp32: PTX ISA, mma.sync.aligned, .row.col; and the rounding of their operands. Which lane
 * holds what: fragments.h. All 32 lanes must call.
 * The order of k is free as long as a and b agree: it is summed over. The device adds with truncation: sums that must be right to
 * 1e-6 are kept short and added up outside (Ootomo and Yokota 2022, "Recovering single precision accuracy from Tensor Cores"). */
#ifndef BABEL_KERNELS_CUDA_PTX_MMA_CUH
#define BABEL_KERNELS_CUDA_PTX_MMA_CUH

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/ptx/fragments.h"

#define BABEL_FRAGMENT(operand, elements, row, column, confirmed) BABEL_FRAGMENT_FUNCTION(BABEL_DEVICE, operand, row, column)
BABEL_FRAGMENTS(BABEL_FRAGMENT)

/* d may be c. Of a TF32 operand the low 13 bits are ignored. */
BABEL_DEVICE void babel_mma_tf32(float d[4], const uint32_t a[4], const uint32_t b[2], const float c[4]) {
#ifdef BABEL_SIMDEV
  simdev_mma_tf32_16x8x8(d, a, b, c);
#else
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};"
               : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
#endif
}

BABEL_DEVICE void babel_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2], const float c[4]) {
#ifdef BABEL_SIMDEV
  simdev_mma_bf16_16x8x16(d, a, b, c);
#else
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};"
               : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
#endif
}

/* x to the nearest TF32, ties away from zero, as cvt.rna.tf32.f32, but the low 13 bits are left for the tensor core to ignore: one
 * instruction on sm_90 and two on sm_80 in place of five. The maximum keeps NaN a NaN: what a device computes is 0x7fffffff. */
BABEL_DEVICE uint32_t babel_round_tf32(float x) {
#ifdef BABEL_SIMDEV
  return simdev_cvt_rna_tf32(x);
#else
  const uint32_t bits = __float_as_uint(x);
  return (uint32_t)max((int)(bits + 0x1000u), (int)bits);
#endif
}

/* x = big + small to 2^-21 of x, the operands of 3xTF32: big is x cut off, small the rest to the nearest TF32. NaN is a NaN in `big`; what
 * `small` is then does not matter. The compiler knows that the tensor core cuts off by itself and hands it the register of x: right where x
 * came in the order of a fragment (ldmatrix). ELSEWHERE: big is computed, in a register of its own, which is cheaper than moving x. */
template <bool ELSEWHERE>
BABEL_DEVICE void babel_split_tf32(uint32_t *big, uint32_t *small, float x) {
  const uint32_t cut = __float_as_uint(x) & 0xffffe000u;
  const float rest = x - __uint_as_float(cut);
  *big = ELSEWHERE ? __float_as_uint(x - rest) : cut;
  *small = __float_as_uint(rest) + 0x1000u;
}

/* Two values to the nearest bf16, ties to even. */
BABEL_DEVICE uint32_t babel_pack_bf16(float low, float high) {
#ifdef BABEL_SIMDEV
  return simdev_cvt_rn_bf16x2(high, low);
#else
  uint32_t packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
#endif
}

#endif
