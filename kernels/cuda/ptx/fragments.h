/* Which element of a matrix which lane holds: one table for the kernels (ptx/mma.cuh, ptx/ldmatrix.cuh) and for the simulated device that
 * executes their instructions. PTX ISA, "Warp-level matrix instructions", matrix fragments of mma.m16n8k8 (.tf32), of mma.m16n8k16 (.bf16)
 * and of ldmatrix. With g = lane / 4 and t = lane % 4, lane holds as its element e the element (row, column):
 *
 *   a (16 x k), b (k x 8), c and d (16 x 8). bf16: two elements a register, 2 r in the low half and 2 r + 1 in the high half of register r.
 *   ldmatrix_x4: four matrices of 8 rows by 16 bytes, below each other, here (32 x 4) floats; lane 8 i + r names row r of matrix i.
 *
 * A slip in this table would go unseen where both sides share it. tests/simdev/kernels/values.cu multiplies by a layout of its own, and the
 * last column says on which device the program's results were right with it (bench/results/). */
#ifndef BABEL_KERNELS_CUDA_PTX_FRAGMENTS_H
#define BABEL_KERNELS_CUDA_PTX_FRAGMENTS_H

/*          operand       elements  row                column             confirmed on a device */
#define BABEL_FRAGMENTS(FRAGMENT)                                                               \
  FRAGMENT(tf32_a,        4,        g + e % 2 * 8,     t + e / 2 * 4,     "H100, H200")         \
  FRAGMENT(tf32_b,        2,        t + e * 4,         g,                 "H100, H200")         \
  FRAGMENT(bf16_a,        8,        g + e / 2 % 2 * 8, 2 * t + e % 2 + e / 4 * 8, "H100, H200") \
  FRAGMENT(bf16_b,        4,        2 * t + e % 2 + e / 2 * 8, g,         "H100, H200")         \
  FRAGMENT(accumulator,   4,        g + e / 2 * 8,     2 * t + e % 2,     "H100, H200")         \
  FRAGMENT(ldmatrix_x4,   4,        g + e * 8,         t,                 "H100, H200")

typedef struct {
  int row, column;
} babel_fragment_place;

/* babel_fragment_<operand>(lane, e), one function a line of the table; QUALIFIERS: where it runs. */
#define BABEL_FRAGMENT_FUNCTION(QUALIFIERS, operand, ROW, COLUMN)        \
  QUALIFIERS babel_fragment_place babel_fragment_##operand(int lane, int e) { \
    const int g = lane / 4, t = lane % 4;                                \
    const babel_fragment_place place = {ROW, COLUMN};                    \
    return place;                                                        \
  }

#endif
