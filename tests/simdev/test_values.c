/* The simulated device computes what CUDA defines: collectives, atomics, tensor-core products, ldmatrix; and it counts what it says. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda/ptx/fragments.h"
#include "tests/simdev/kernel.h"

enum { VALUES = 16, SEEDS = 4 };
void warp_values(int *out);
void atomic_values(int *out, unsigned long long *wide);
void mma_values(float *d, const float *a, const float *b, const float *c, int bf16);
void ldmatrix_values(uint32_t *out);
void block_order(int *out, int blocks);
void counted(void);
unsigned wide_grid(int blocks, unsigned thread);

Test(simdev_values, shuffles_votes_and_barriers_with_votes) {
  for (int seed = 0; seed < SEEDS; seed++) {
    int out[32][VALUES];
    simdev_seed((unsigned long long)seed);
    warp_values(out[0]);
    for (int lane = 0; lane < 32; lane++) {
      const int *v = out[lane];
      unsigned thirds = 0;
      for (int i = 0; i < 32; i += 3) thirds |= 1u << i;
      cr_expect_eq(v[0], 107);
      cr_expect_eq(v[1], 100 + (lane < 3 ? lane : lane - 3));
      cr_expect_eq(v[2], 100 + (lane > 28 ? lane : lane + 3));
      cr_expect_eq(v[3], 100 + (lane ^ 9));
      cr_expect_eq(v[4], 100 + lane / 8 * 8 + 5);
      cr_expect_eq(v[5], 100 + (lane % 4 < 2 ? lane + 2 : lane));
      cr_expect_eq((unsigned)v[6], thirds);
      cr_expect_eq(v[7], 1);
      cr_expect_eq(v[8], 0);
      cr_expect_eq((unsigned)v[9], lane < 16 ? 0x0000ffffu : 0xaaaa0000u);
      cr_expect_eq(v[10], 8);
      cr_expect_eq(v[11], 1);
      cr_expect_eq(v[12], 0);
      cr_expect_eq(v[13], 1);
      cr_expect_eq(v[14], lane % 16 ? lane - 1 : lane);
    }
  }
}

Test(simdev_values, atomics) {
  for (int seed = 0; seed < SEEDS; seed++) {
    int out[8];
    unsigned long long wide;
    simdev_seed((unsigned long long)seed);
    atomic_values(out, &wide);
    cr_expect_eq(out[0], 3 * 63 * 64 / 2);
    cr_expect_eq(out[1], 63);
    cr_expect_eq(out[2], -63);
    cr_expect_eq((unsigned)out[3], 0xffffffffu);
    cr_expect_eq(out[4], 192);
    cr_expect(out[5] >= 1 && out[5] <= 64);
    cr_expect_eq(out[6], 77);
    cr_expect_eq((unsigned)out[7], 0xffffffffu, "unsigned maximum");
    cr_expect_eq(wide, 192ull << 33);
  }
}

/* x to `bits` explicit mantissa bits, to nearest; halfway cases do not occur here. */
static double rounded(double x, int bits) {
  int exponent;
  const double m = frexp(x, &exponent);
  return ldexp(nearbyint(ldexp(m, bits + 1)), exponent - bits - 1);
}

Test(simdev_values, products_of_rounded_operands) {
  for (int bf16 = 0; bf16 < 2; bf16++) {
    const int k = bf16 ? 16 : 8, bits = bf16 ? 7 : 10;
    float a[16 * 16], b[16 * 8], c[128], d[128];
    srand(3);
    for (int i = 0; i < 16 * k; i++) a[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    for (int i = 0; i < 8 * k; i++) b[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    for (int i = 0; i < 128; i++) c[i] = (float)i;
    mma_values(d, a, b, c, bf16);
    for (int i = 0; i < 16; i++) {
      for (int j = 0; j < 8; j++) {
        double sum = c[8 * i + j];
        for (int l = 0; l < k; l++) sum += rounded(a[k * i + l], bits) * rounded(b[8 * l + j], bits);
        cr_expect(fabs(sum - d[8 * i + j]) <= 1e-5 * (1 + fabs(sum)), "%d, (%d, %d): %g, not %g", bf16, i, j, d[8 * i + j], sum);
      }
    }
  }
}

#define FRAGMENT(operand, elements, row, column, confirmed) BABEL_FRAGMENT_FUNCTION(static, operand, row, column)
BABEL_FRAGMENTS(FRAGMENT)

Test(simdev_values, every_element_of_a_matrix_has_one_lane) {
  const struct {
    const char *name;
    babel_fragment_place (*place)(int lane, int e);
    int elements, rows, columns;
  } operands[] = {{"tf32_a", babel_fragment_tf32_a, 4, 16, 8},           {"tf32_b", babel_fragment_tf32_b, 2, 8, 8},
                  {"bf16_a", babel_fragment_bf16_a, 8, 16, 16},          {"bf16_b", babel_fragment_bf16_b, 4, 16, 8},
                  {"accumulator", babel_fragment_accumulator, 4, 16, 8}, {"ldmatrix_x4", babel_fragment_ldmatrix_x4, 4, 32, 4}};
  for (size_t o = 0; o < sizeof operands / sizeof *operands; o++) {
    int count[16 * 16] = {0};
    cr_assert_eq(32 * operands[o].elements, operands[o].rows * operands[o].columns);
    for (int lane = 0; lane < 32; lane++)
      for (int e = 0; e < operands[o].elements; e++) {
        const babel_fragment_place at = operands[o].place(lane, e);
        cr_assert(at.row >= 0 && at.row < operands[o].rows && at.column >= 0 && at.column < operands[o].columns, "%s", operands[o].name);
        cr_assert_eq(count[at.row * operands[o].columns + at.column]++, 0, "%s: (%d, %d) twice", operands[o].name, at.row, at.column);
      }
  }
}

Test(simdev_values, ldmatrix_plain_and_transposed) {
  uint32_t out[32][8];
  ldmatrix_values(out[0]);
  for (unsigned lane = 0; lane < 32; lane++) {
    for (unsigned i = 0; i < 4; i++) {
      const unsigned plain = 64 * i + 8 * (lane / 4) + 2 * (lane % 4), turned = 64 * i + 8 * (2 * (lane % 4)) + lane / 4;
      cr_expect_eq(out[lane][i], plain | (plain + 1) << 16);
      cr_expect_eq(out[lane][4 + i], turned | (turned + 8) << 16);
    }
  }
}

Test(simdev_values, seed_shuffles_blocks_and_repeats) {
  enum { BLOCKS = 40 };
  int first[BLOCKS], again[BLOCKS], other[BLOCKS], seen[BLOCKS] = {0};
  simdev_seed(0);
  block_order(first, BLOCKS);
  for (int i = 0; i < BLOCKS; i++) cr_expect_eq(first[i], i);
  simdev_seed(5);
  block_order(first, BLOCKS);
  simdev_seed(5);
  block_order(again, BLOCKS);
  simdev_seed(6);
  block_order(other, BLOCKS);
  cr_expect_arr_eq(first, again, sizeof first);
  cr_expect_arr_neq(first, other, sizeof first);
  for (int i = 0; i < BLOCKS; i++) seen[first[i]]++;
  for (int i = 0; i < BLOCKS; i++) cr_expect_eq(seen[i], 1);
}

/* Column `n` (0-based) of the table row of a kernel. */
static double column(const char *table, const char *kernel, int n) {
  const char *row = strstr(table, kernel);
  cr_assert(row, "no row %s in\n%s", kernel, table);
  row += strlen(kernel);
  for (int i = 1; i < n; i++) {
    row += strspn(row, " ");
    row += strcspn(row, " ");
  }
  return atof(row);
}

/* Columns: 0 kernel, 1 launches ... 7 shared bytes; then bytes, requests, each, ratio of loads, stores, shared loads, shared stores; 24 calls of fmaf. */
Test(simdev_values, counters_are_exact) {
  char *table;
  size_t size;
  FILE *out = open_memstream(&table, &size);
  simdev_counters(1);
  counted();
  simdev_counters_report(out);
  fclose(out);
  const char *unpadded = "counted_unpadded_kernel ", *padded = "counted_padded_kernel ", *vectors = "counted_vectors_kernel ";
  cr_expect_eq(column(table, unpadded, 7), 4096);
  cr_expect_eq(column(table, unpadded, 16), 4096); /* shared loads: bytes, requests, wavefronts each, ratio */
  cr_expect_eq(column(table, unpadded, 17), 32);
  cr_expect_eq(column(table, unpadded, 18), 32);
  cr_expect_eq(column(table, unpadded, 19), 32);
  cr_expect_eq(column(table, unpadded, 23), 1); /* its stores: by rows */
  cr_expect_eq(column(table, padded, 18), 1);
  cr_expect_eq(column(table, unpadded, 12), 128); /* global stores: 32 words in a row: 4 sectors */
  cr_expect_eq(column(table, unpadded, 14), 4);
  cr_expect_eq(column(table, unpadded, 15), 1);
  cr_expect_eq(column(table, padded, 14), 8); /* every second word */
  cr_expect_eq(column(table, padded, 15), 2);
  cr_expect_eq(column(table, vectors, 8), 31 * 4); /* 31 words from the second of a row on: 4 sectors, as many as needed */
  cr_expect_eq(column(table, vectors, 9), 1);
  cr_expect_eq(column(table, vectors, 10), 4);
  cr_expect_eq(column(table, vectors, 12), 31 * 16);
  cr_expect_eq(column(table, vectors, 14), 16);
  cr_expect_eq(column(table, unpadded, 24), 0);
  cr_expect_eq(column(table, padded, 24), 32);
  const char *kernels[] = {unpadded, padded, vectors};
  double launches = 0, read = 0, written = 0, requests = 0, sectors = 0, wavefronts = 0, fused = 0;
  for (int i = 0; i < 3; i++) {
    launches += column(table, kernels[i], 1);
    read += column(table, kernels[i], 8);
    fused += column(table, kernels[i], 24);
    requests += column(table, kernels[i], 9) + column(table, kernels[i], 13);
    written += column(table, kernels[i], 12);
    sectors += column(table, kernels[i], 9) * column(table, kernels[i], 10) + column(table, kernels[i], 13) * column(table, kernels[i], 14);
    wavefronts += column(table, kernels[i], 17) * column(table, kernels[i], 18) + column(table, kernels[i], 21) * column(table, kernels[i], 22);
  }
  simdev_totals all;
  simdev_counters_totals(&all); /* the sum of the table */
  cr_expect_eq((double)all.launches, launches);
  cr_expect_eq((double)all.bytes_read, read);
  cr_expect_eq((double)all.bytes_written, written);
  cr_expect_eq((double)all.requests, requests);
  cr_expect_eq((double)all.fused, fused);
  cr_expect_float_eq((double)all.sectors, sectors, 1);
  cr_expect_float_eq((double)all.wavefronts, wavefronts, 1);
  free(table);
}

/* All blocks alive at once: 33,792 fibers, 26 grid barriers; one more block than fits is refused. */
Test(simdev_values, a_grid_of_an_h100_is_resident) {
  cr_expect_eq(wide_grid(132, 7), 7u * 13 * 14 / 2);
  cr_expect_eq(wide_grid(132 * 8 + 1, 1), 0u, "more than are resident");
}
