/* The three products of a linear layer as one: C (m, n) = A B over k, with what stands next to it. Host and device.
 *
 *              C            A            B           k     beside it
 *   fwd        y (n, out)   x (n, in)    w (out, in)   in    bias, accumulate, ReLU
 *   bwd_data   dx (n, in)   dy (n, out)  w (out, in)   out   zero where the mask is not positive
 *   bwd_weight dw (out, in) dy (n, out)  x (n, in)     n     accumulate, sums of A over k
 *
 * In memory a row of A or B runs along k (fwd; A of bwd_data), or one row belongs to one k (the others). */
#ifndef BABEL_KERNELS_CUDA_LINEAR_JOB_CUH
#define BABEL_KERNELS_CUDA_LINEAR_JOB_CUH

#include <limits.h>

#include "kernels/cuda/device.cuh"
#include "kernels/linear.h"

typedef struct {
  float *c;          /* (m, n) */
  const float *a, *b;
  const float *bias; /* (n) or NULL */
  const float *mask; /* (mask_rows, n) or NULL */
  float *sums;       /* (m) or NULL */
  int m, n, k, mask_rows, relu, accumulate;
  int a_pitch, b_pitch; /* floats from row to row */
  int a_step, b_step;   /* floats of one copy, 4, 2 or 1: as wide as base and pitch are aligned */
  int across;           /* tiles from left to right of C */
  uint32_t across_reciprocal, mask_reciprocal; /* linear_reciprocal of across and mask_rows */
} linear_job;

/* What one launch computes; the parameter of a kernel, under 4 KiB. What every block reads lies together at the start. */
typedef struct {
  int count, first_block[BABEL_LINEAR_JOBS_CUDA + 1]; /* of each job; INT_MAX behind the last */
  linear_job job[BABEL_LINEAR_JOBS_CUDA];
} linear_jobs;

/* 2^32 / d, rounded up (2^32 - 1 for 1): linear_divide by d without a division. */
static inline uint32_t linear_reciprocal(int d) {
  return d > 1 ? (uint32_t)((((uint64_t)1 << 32) + (uint32_t)d - 1) / (uint32_t)d) : UINT32_MAX;
}

/* x / d and x % d for 0 <= x < 2^31. The product is too large by at most x, which makes the quotient too large by at most one (d = 1: too
 * small by at most one). */
BABEL_DEVICE int linear_divide(int *remainder, int x, int d, uint32_t reciprocal) {
  int quotient = (int)(((uint64_t)(uint32_t)x * reciprocal) >> 32), rest = x - quotient * d;
  if (rest < 0) quotient--, rest += d;
  if (rest >= d) quotient++, rest -= d;
  *remainder = rest;
  return quotient;
}

static inline int linear_step(const float *rows, int pitch) {
  const uintptr_t bits = (uintptr_t)rows | (uintptr_t)pitch * sizeof(float);
  return bits % 16 == 0 ? 4 : bits % 8 == 0 ? 2 : 1;
}

static inline linear_job linear_job_aligned(linear_job job) {
  job.a_step = linear_step(job.a, job.a_pitch);
  job.b_step = linear_step(job.b, job.b_pitch);
  return job;
}

static inline linear_job linear_job_fwd(const babel_linear_fwd_job *f) {
  linear_job job = {};
  job.c = f->y, job.a = f->x, job.b = f->w, job.bias = f->b;
  job.m = f->n, job.n = f->out, job.k = job.a_pitch = job.b_pitch = f->in;
  job.relu = f->relu, job.accumulate = f->accumulate;
  return linear_job_aligned(job);
}

static inline linear_job linear_job_bwd_data(const babel_linear_bwd_data_job *d) {
  linear_job job = {};
  job.c = d->dx, job.a = d->dy, job.b = d->w, job.mask = d->y_prev, job.mask_rows = d->mask_rows;
  if (job.mask) job.mask_reciprocal = linear_reciprocal(job.mask_rows);
  job.m = d->n, job.n = job.b_pitch = d->in, job.k = job.a_pitch = d->out;
  return linear_job_aligned(job);
}

static inline linear_job linear_job_bwd_weight(const babel_linear_bwd_weight_job *w) {
  linear_job job = {};
  job.c = w->dw, job.a = w->dy, job.b = w->x, job.sums = w->db;
  job.m = job.a_pitch = w->out, job.n = job.b_pitch = w->in, job.k = w->n, job.accumulate = w->accumulate;
  return linear_job_aligned(job);
}

#endif
