#include "kernels/emulate.h"
#include "tests/kernels/buffers.h"

#include <math.h>
#include <string.h>

Test(kernels_emulate, rounding_keeps_ten_or_seven_bits) {
  const struct {
    float x, tf32, bf16;
  } cases[] = {{1, 1, 1}, {-1.5f, -1.5f, -1.5f}, {0, 0, 0}, {0x1.002p0f, 0x1.004p0f, 1}, {-0x1.002p0f, -0x1.004p0f, -1}, {0x1.0ffp0f, 0x1.1p0f, 0x1.1p0f},
               {0x1.01p0f, 0x1.01p0f, 0x1p0f}, {0x1.03p0f, 0x1.03p0f, 0x1.04p0f}, {0x1.fffffep-1f, 1, 1}, {0x1p-126f, 0x1p-126f, 0x1p-126f},
               {INFINITY, INFINITY, INFINITY}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cr_assert_eq(babel_round_tf32(cases[i].x), cases[i].tf32, "%a: %a", (double)cases[i].x, (double)babel_round_tf32(cases[i].x));
    cr_assert_eq(babel_round_bf16(cases[i].x), cases[i].bf16, "%a: %a", (double)cases[i].x, (double)babel_round_bf16(cases[i].x));
  }
  cr_assert(isnan(babel_round_tf32(NAN)) && isnan(babel_round_bf16(NAN)));
}

/* Products of rounded operands: as exact as the CPU's own, once the operands are rounded; the bias and its gradient are not. */
Test(kernels_emulate, products_are_those_of_rounded_operands) {
  enum { N = 9, IN = 31, OUT = 17 };
  for (int precision = BABEL_PRECISION_TF32; precision <= BABEL_PRECISION_BF16; precision++) {
    float (*round)(float) = precision == BABEL_PRECISION_TF32 ? babel_round_tf32 : babel_round_bf16;
    float x[N * IN], w[OUT * IN], b[OUT], dy[N * OUT], y[N * OUT], dx[N * IN], dw[OUT * IN], db[OUT];
    float rx[N * IN], rw[OUT * IN], rdy[N * OUT], expected[OUT * IN];
    babel_fill_floats("x", x, N * IN, 1);
    babel_fill_floats("w", w, OUT * IN, 1);
    babel_fill_floats("b", b, OUT, 1);
    babel_fill_floats("dy", dy, N * OUT, 1);
    const babel_ops *ops = babel_ops_emulate((babel_precision)precision), *cpu = babel_ops_cpu();
    bool rounds = precision != BABEL_PRECISION_FP32;
    cr_assert_eq(ops == cpu, !rounds);
    for (int i = 0; i < N * IN; i++) rx[i] = rounds ? round(x[i]) : x[i];
    for (int i = 0; i < OUT * IN; i++) rw[i] = rounds ? round(w[i]) : w[i];
    for (int i = 0; i < N * OUT; i++) rdy[i] = rounds ? round(dy[i]) : dy[i];
    cr_assert_eq(ops->linear_fwd(&(babel_linear_fwd_job){.y = y, .x = x, .w = w, .b = b, .n = N, .in = IN, .out = OUT}, 1, NULL), BABEL_OK);
    cr_assert_eq(cpu->linear_fwd(&(babel_linear_fwd_job){.y = expected, .x = rx, .w = rw, .b = b, .n = N, .in = IN, .out = OUT}, 1, NULL), BABEL_OK);
    cr_assert_eq(memcmp(y, expected, sizeof y), 0);
    cr_assert_eq(ops->linear_bwd_data(&(babel_linear_bwd_data_job){.dx = dx, .dy = dy, .w = w, .n = N, .in = IN, .out = OUT}, 1, NULL), BABEL_OK);
    cr_assert_eq(cpu->linear_bwd_data(&(babel_linear_bwd_data_job){.dx = expected, .dy = rdy, .w = rw, .n = N, .in = IN, .out = OUT}, 1, NULL), BABEL_OK);
    cr_assert_eq(memcmp(dx, expected, sizeof dx), 0);
    cr_assert_eq(ops->linear_bwd_weight(&(babel_linear_bwd_weight_job){.dw = dw, .db = db, .dy = dy, .x = x, .n = N, .in = IN, .out = OUT}, 1, NULL), BABEL_OK);
    cr_assert_eq(cpu->linear_bwd_weight(&(babel_linear_bwd_weight_job){.dw = expected, .dy = rdy, .x = rx, .n = N, .in = IN, .out = OUT}, 1, NULL), BABEL_OK);
    cr_assert_eq(memcmp(dw, expected, sizeof dw), 0);
    for (int o = 0; o < OUT; o++) {
      double sum = 0;
      for (int i = 0; i < N; i++) sum += (double)dy[i * OUT + o];
      cr_assert_float_eq(db[o], sum, 1e-6);
    }
  }
}
