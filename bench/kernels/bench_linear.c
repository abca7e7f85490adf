/* Linear layers at the shapes of a training step: batch 256 forward, 512 stacked cotangents backward. The library: oneDNN, on a device cuBLASLt. */
#include <math.h>

#include "bench/kernels/bench.h"
#include "kernels/cpu/gemm.h"

#ifdef BABEL_BENCH_CUBLASLT
#include "bench/cublaslt.h"
#else
typedef void babel_cublaslt;
#endif

typedef enum { FORWARD, BACKWARD_DATA, BACKWARD_WEIGHT } pass;

typedef struct {
  const babel_ops *ops;
  pass pass;
  int n, in, out, mask_rows;
  float *x, *w, *b, *dy, *result, *db;
  babel_cublaslt *library; /* on a device that has it */
} layer;

static babel_status run(void *context) {
  layer *l = context;
  switch (l->pass) {
  case FORWARD:
    return l->ops->linear_fwd(&(babel_linear_fwd_job){.y = l->result,
                                                      .x = l->x,
                                                      .w = l->w,
                                                      .b = l->b,
                                                      .n = l->n,
                                                      .in = l->in,
                                                      .out = l->out,
                                                      .relu = 1},
                              1, NULL);
  case BACKWARD_DATA:
    return l->ops->linear_bwd_data(&(babel_linear_bwd_data_job){.dx = l->result,
                                                                .dy = l->dy,
                                                                .w = l->w,
                                                                .y_prev = l->x,
                                                                .n = l->n,
                                                                .in = l->in,
                                                                .out = l->out,
                                                                .mask_rows = l->mask_rows},
                                   1, NULL);
  default:
    return l->ops->linear_bwd_weight(
        &(babel_linear_bwd_weight_job){
            .dw = l->result, .db = l->db, .dy = l->dy, .x = l->x, .n = l->n, .in = l->in, .out = l->out},
        1, NULL);
  }
}

static babel_status vendor(void *context) {
  layer *l = context;
  switch (l->pass) {
  case FORWARD:
    return babel_gemm_dnnl(&(babel_gemm){.c = l->result,
                                         .a = l->x,
                                         .b = l->w,
                                         .m = l->n,
                                         .n = l->out,
                                         .k = l->in,
                                         .transpose_b = true,
                                         .bias = l->b,
                                         .relu = true});
  case BACKWARD_DATA:
    return babel_gemm_dnnl(&(babel_gemm){.c = l->result,
                                         .a = l->dy,
                                         .b = l->w,
                                         .m = l->n,
                                         .n = l->in,
                                         .k = l->out,
                                         .mask = l->x,
                                         .mask_rows = l->mask_rows});
  default: /* without the column sums */
    return babel_gemm_dnnl(&(babel_gemm){
        .c = l->result, .a = l->dy, .b = l->x, .m = l->out, .n = l->in, .k = l->n, .transpose_a = true});
  }
}

/* The same on a device: without the mask, without the column sums. */
#ifdef BABEL_BENCH_CUBLASLT
static babel_status vendor_on_device(void *context) {
  return babel_cublaslt_run(((layer *)context)->library);
}

static bool has_library(const babel_bench *bench, layer *l) {
  const babel_cublaslt_shape shapes[] = {
      [FORWARD] = {.m = l->n, .n = l->out, .k = l->in, .transpose_b = true, .bias = true, .relu = true},
      [BACKWARD_DATA] = {.m = l->n, .n = l->in, .k = l->out},
      [BACKWARD_WEIGHT] = {.m = l->out, .n = l->in, .k = l->n, .transpose_a = true}};
  return bench->peak_flops > 0 && babel_cublaslt_create(&l->library, bench->step_ops, bench->precision, &shapes[l->pass]) == BABEL_OK;
}
#else
static babel_status vendor_on_device(void *context) {
  return BABEL_ERR_UNSUPPORTED;
}

static bool has_library(const babel_bench *bench, layer *l) {
  return false;
}

static void babel_cublaslt_destroy(babel_cublaslt *product) {
}
#endif

static double element(const layer *l, int i, int j) {
  double sum = l->pass == FORWARD ? (double)l->b[j] : 0;
  switch (l->pass) {
  case FORWARD:
    for (int c = 0; c < l->in; c++)
      sum += (double)l->x[(size_t)i * l->in + c] * (double)l->w[(size_t)j * l->in + c];
    return fmax(sum, 0);
  case BACKWARD_DATA:
    for (int o = 0; o < l->out; o++)
      sum += (double)l->dy[(size_t)i * l->out + o] * (double)l->w[(size_t)o * l->in + j];
    return l->x[(size_t)(i % l->mask_rows) * l->in + j] <= 0 ? 0 : sum;
  default:
    for (int r = 0; r < l->n; r++)
      sum += (double)l->dy[(size_t)r * l->out + i] * (double)l->x[(size_t)r * l->in + j];
    return sum;
  }
}

static double check(void *context) {
  layer *l = context;
  const int rows = l->pass == BACKWARD_WEIGHT ? l->out : l->n, columns = l->pass == FORWARD ? l->out : l->in;
  double gap = 0, size = 0;
  for (int i = 0; i < rows; i += 5)
    for (int j = i % 7; j < columns; j += 7) {
      double expected = element(l, i, j);
      babel_bench_gap(&gap, (double)l->result[(size_t)i * columns + j], expected);
      size = fmax(size, fabs(expected));
    }
  return gap / size;
}

static void measure(babel_bench *bench, pass pass, const char *op, int n, int in, int out) {
  if (!babel_bench_wants(bench, op, "%dx%d->%d", n, in, out)) return;
  const size_t nx = (size_t)n * in, nw = (size_t)in * out, ny = (size_t)n * out;
  layer l = {.ops = bench->ops,
             .pass = pass,
             .n = n,
             .in = in,
             .out = out,
             .mask_rows = pass == BACKWARD_DATA ? n / 2 : n};
  l.x = babel_bench_floats(bench, nx, 1);
  l.w = babel_bench_floats(bench, nw, 1);
  l.b = babel_bench_floats(bench, (size_t)out, 1);
  l.dy = babel_bench_floats(bench, ny, 1);
  l.db = babel_bench_floats(bench, (size_t)out, 1);
  l.result = babel_bench_floats(bench, pass == FORWARD ? ny : pass == BACKWARD_DATA ? nx : nw, 1);
  babel_bench_row row = {.bytes = 4.0 * (double)(nx + nw + ny),
                         .flops = 2.0 * n * in * out,
                         .run = run,
                         .check = check,
                         .limit = bench->limit,
                         .vendor = !bench->device ? vendor : has_library(bench, &l) ? vendor_on_device : NULL,
                         .context = &l};
  babel_bench_measure(bench, &row);
  babel_cublaslt_destroy(l.library);
}

/* First layers at the widths of the features (aligned and ragged ones), then those of every tower and of the prototype. */
void babel_bench_linear(babel_bench *bench) {
  static const int first[] = {60, 72, 78, 144, 316, 397, 512, 513, 900, 1024, 1892}, inner[][2] = {{256, 256}, {256, 512}, {512, 256}};
  enum { FIRST = sizeof first / sizeof *first, INNER = sizeof inner / sizeof *inner };
  for (int i = 0; i < FIRST; i++) measure(bench, FORWARD, "linear_fwd", 256, first[i], 256);
  for (int i = 0; i < INNER - 1; i++) measure(bench, FORWARD, "linear_fwd", 256, inner[i][0], inner[i][1]);
  measure(bench, FORWARD, "linear_fwd", 16, 512, 256); /* a head */
  for (int i = 0; i < INNER; i++) measure(bench, BACKWARD_DATA, "linear_bwd_data", 512, inner[i][0], inner[i][1]);
  for (int i = 0; i < FIRST; i++) measure(bench, BACKWARD_WEIGHT, "linear_bwd_weight", 256, first[i], 256);
  for (int i = 0; i < INNER - 1; i++) measure(bench, BACKWARD_WEIGHT, "linear_bwd_weight", 256, inner[i][0], inner[i][1]);
}
