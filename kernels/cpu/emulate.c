#include "kernels/emulate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "kernels/cpu/describe.h"
#include "kernels/linear.h"

static babel_precision precision;

/* Rounded copies of two operands; they grow to the largest that came by. */
static struct {
  float *x;
  size_t size;
} copies[2];

static float from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static uint32_t to_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

float babel_round_tf32(float x) {
  return isfinite(x) ? from_bits((to_bits(x) + 0x1000u) & 0xffffe000u) : x;
}

float babel_round_bf16(float x) {
  uint32_t bits = to_bits(x);
  return isfinite(x) ? from_bits((bits + 0x7fffu + (bits >> 16 & 1)) & 0xffff0000u) : x;
}

static babel_status rounded(int which, const float *x, size_t n, const float **out) {
  if (copies[which].size < n) {
    void *memory;
    BABEL_TRY(babel_alloc(&memory, n, sizeof(float)));
    free(copies[which].x);
    copies[which].x = memory;
    copies[which].size = n;
  }
  float *to = copies[which].x;
  if (precision == BABEL_PRECISION_TF32)
    for (size_t i = 0; i < n; i++) to[i] = babel_round_tf32(x[i]);
  else
    for (size_t i = 0; i < n; i++) to[i] = babel_round_bf16(x[i]);
  *out = to;
  return BABEL_OK;
}

static babel_status linear_fwd(const babel_linear_fwd_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_linear_fwd_check(jobs, n));
  for (int i = 0; i < n; i++) {
    babel_linear_fwd_job job = jobs[i];
    BABEL_TRY(rounded(0, job.x, (size_t)job.n * (size_t)job.in, &job.x));
    BABEL_TRY(rounded(1, job.w, (size_t)job.out * (size_t)job.in, &job.w));
    BABEL_TRY(babel_linear_fwd_cpu(&job, 1, s));
  }
  return BABEL_OK;
}

static babel_status linear_bwd_data(const babel_linear_bwd_data_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_linear_bwd_data_check(jobs, n));
  for (int i = 0; i < n; i++) {
    babel_linear_bwd_data_job job = jobs[i];
    BABEL_TRY(rounded(0, job.dy, (size_t)job.n * (size_t)job.out, &job.dy));
    BABEL_TRY(rounded(1, job.w, (size_t)job.out * (size_t)job.in, &job.w));
    BABEL_TRY(babel_linear_bwd_data_cpu(&job, 1, s));
  }
  return BABEL_OK;
}

static void column_sums(const babel_linear_bwd_weight_job *job) {
  for (int o = 0; o < job->out; o++) {
    double sum = job->accumulate ? (double)job->db[o] : 0;
    for (int i = 0; i < job->n; i++) sum += (double)job->dy[(size_t)i * (size_t)job->out + (size_t)o];
    job->db[o] = (float)sum;
  }
}

static babel_status linear_bwd_weight(const babel_linear_bwd_weight_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_linear_bwd_weight_check(jobs, n));
  for (int i = 0; i < n; i++) {
    babel_linear_bwd_weight_job job = jobs[i];
    if (job.db) column_sums(&job);
    job.db = NULL;
    BABEL_TRY(rounded(0, job.dy, (size_t)job.n * (size_t)job.out, &job.dy));
    BABEL_TRY(rounded(1, job.x, (size_t)job.n * (size_t)job.in, &job.x));
    BABEL_TRY(babel_linear_bwd_weight_cpu(&job, 1, s));
  }
  return BABEL_OK;
}

static void describe(char *text, size_t size) {
  char cpu[384];
  babel_describe_cpu(cpu, sizeof cpu);
  snprintf(text, size, "%s, operands rounded to %s", cpu, precision == BABEL_PRECISION_TF32 ? "tf32" : "bf16");
}

const babel_ops *babel_ops_emulate(babel_precision wanted) {
  static babel_ops table;
  if (wanted == BABEL_PRECISION_FP32) return babel_ops_cpu();
  precision = wanted;
  table = *babel_ops_cpu();
  table.exact = babel_ops_cpu();
  table.describe = describe;
  table.sum_cotangents = 0; /* as the device */
  table.linear_fwd = linear_fwd;
  table.linear_bwd_data = linear_bwd_data;
  table.linear_bwd_weight = linear_bwd_weight;
  return &table;
}
