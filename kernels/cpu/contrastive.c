#include "kernels/contrastive.h"

#include <math.h>
#include <stddef.h>

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/vexp.h"
#include "kernels/l2norm.h"

/* Workspace: the logit tile (m, m), rows anchored at a, and its transpose, rows anchored at b. Each row
 * becomes its own cotangent in place. Both directions then run the same code on contiguous rows.
 * Behind them the unit rows of a and b and their 1 / norm, where rows are normalised.
 * A device pads the tile to whole tiles of its own and keeps 5 numbers more for each tile of an anchor, its 1 / norm, 16-byte aligned, and the scale. */
size_t babel_contrastive_workspace(int m, int d) {
  if (m < 1 || d < 1) return 0;
  const size_t tiles = ((size_t)m + BABEL_CONTRASTIVE_TILE - 1) / BABEL_CONTRASTIVE_TILE, padded = tiles * BABEL_CONTRASTIVE_TILE;
  return 2 * padded * padded + 10 * padded * tiles + 2 * padded + 5 + 2 * (size_t)m * ((size_t)d + 1);
}

typedef struct {
  double loss, dlog_scale;
  int hits;
} anchor_sums;

/* sum_j t_j s_j in double, over the targets that are not 0: masked logits are -infinity. */
static double aim_at(const float *target, const float *logits, int m) {
  babel_doubles sum = {0};
  for (int j = 0; j < m; j += BABEL_LANES) {
    babel_floats t = babel_load(target + j, m - j, 0), s = babel_load(logits + j, m - j, 0);
    s = babel_select(t != 0, s, babel_splat(0));
    sum += __builtin_convertvector(t, babel_doubles) * __builtin_convertvector(s, babel_doubles);
  }
  double all = 0;
  for (int l = 0; l < BABEL_LANES; l++) all += sum[l];
  return all;
}

static int first_equal(const float *x, float value, int m) {
  int j = 0;
  while (j < m && x[j] != value) j++;
  return j;
}

/* x = exp(x - top). Returns the sum; *lean = sum of exp(x - top) (x - top), -infinity counting as 0. */
static double exponentials(float *x, float top, int m, double *lean) {
  babel_floats sum = {0}, leaning = {0};
  for (int j = 0; j < m; j += BABEL_LANES) {
    babel_floats z = babel_load(x + j, m - j, -INFINITY) - top, e = babel_vexps(z);
    babel_store(x + j, e, m - j);
    sum += e;
    leaning += e * babel_select(z < BABEL_VEXP_LOW, babel_splat(BABEL_VEXP_LOW), z);
  }
  *lean = (double)babel_sum_of(leaning);
  return (double)babel_sum_of(sum);
}

/* One anchor: logits become share * dL/ds, share = exp(log_scale) / m, when share is not 0. */
static void anchor(float *logits, const float *target, int i, int m, float share, bool negatives_only,
                   anchor_sums *sums) {
  const float own = logits[i];
  const double aim = target ? aim_at(target, logits, m) : (double)own;
  logits[i] = -INFINITY;
  const float rival = babel_largest(logits, m);
  const bool rival_leads = negatives_only || rival > own;
  sums->hits += own > rival;
  float top = rival_leads ? rival : own;
  if (top == -INFINITY) top = 0;

  /* With soft targets a rival may be the entry whose cotangent needs the sum of all others: set aside. */
  int peak = target && rival_leads && rival > -INFINITY ? first_equal(logits, rival, m) : m;
  if (peak < m) logits[peak] = -INFINITY;
  double lean, others = exponentials(logits, top, m, &lean);
  const double own_exp = negatives_only ? 0 : (double)babel_vexp(own - top), peak_exp = peak < m ? 1 : 0;
  const double total = others + own_exp + peak_exp;
  if (total == 0) { /* no candidate */
    for (int j = 0; j < m; j++) logits[j] = 0;
    return;
  }
  sums->loss += ((double)top - aim) + log1p(others + own_exp + peak_exp - 1);
  sums->dlog_scale +=
      ((double)top - aim) + (lean + (own_exp > 0 ? own_exp * ((double)own - (double)top) : 0)) / total;
  if (share == 0) return;

  const float factor = (float)((double)share / total);
  if (target) {
#pragma omp simd
    for (int j = 0; j < m; j++) logits[j] = logits[j] * factor - share * target[j];
    if (peak < m)
      logits[peak] = (float)((1 - (double)target[peak] - (others + own_exp) / total) * (double)share);
    logits[i] =
        (float)((rival_leads ? own_exp / total - (double)target[i] : 1 - (double)target[i] - others / total) *
                (double)share);
  } else {
#pragma omp simd
    for (int j = 0; j < m; j++) logits[j] *= factor;
    logits[i] = (float)(-others / total * (double)share);
  }
}

/* Rows i0.. of the tile: times the scale, masked entries to -infinity, and the same into the transpose. */
#define BLOCK 16

static void scale_and_turn(float *tile, float *turned, const uint8_t *masked, int m, int i0, float scale) {
  const int i1 = i0 + BLOCK < m ? i0 + BLOCK : m;
  for (int i = i0; i < i1; i++) {
    float *row = tile + (size_t)i * m;
    for (int j = 0; j < m; j++) row[j] *= scale;
    if (!masked) continue;
    const uint8_t *out = masked + (size_t)i * m;
    const float own = row[i];
    for (int j = 0; j < m; j++) row[j] = out[j] ? -INFINITY : row[j];
    row[i] = own;
  }
  for (int j = 0; j < m; j++)
    for (int i = i0; i < i1; i++) turned[(size_t)j * m + i] = tile[(size_t)i * m + j];
}

static void both_directions(const babel_contrastive_job *job, float *tile, float *turned, float scale) {
  const int m = job->m;
  const float share = job->dna ? scale / (float)m : 0;
  anchor_sums part[2 * BABEL_CHUNKS], sum[2] = {{0, 0, 0}, {0, 0, 0}};
#pragma omp parallel if (BABEL_PARALLEL((int64_t)m * m))
  {
#pragma omp for schedule(static)
    for (int i = 0; i < m; i += BLOCK) scale_and_turn(tile, turned, job->masked, m, i, scale);
#pragma omp for schedule(static)
    for (int k = 0; k < 2 * BABEL_CHUNKS; k++) {
      const bool from_b = k >= BABEL_CHUNKS;
      const babel_chunk chunk = babel_chunk_of(m, k % BABEL_CHUNKS, 1);
      const float *targets = from_b ? job->targets_b : job->targets_a;
      part[k] = (anchor_sums){0, 0, 0};
      for (int64_t i = chunk.begin; i < chunk.end; i++)
        anchor((from_b ? turned : tile) + i * m, targets ? targets + i * m : NULL, (int)i, m, share,
               job->negatives_only, part + k);
    }
  }
  for (int k = 0; k < 2 * BABEL_CHUNKS; k++) {
    anchor_sums *to = sum + k / BABEL_CHUNKS;
    to->loss += part[k].loss;
    to->dlog_scale += part[k].dlog_scale;
    to->hits += part[k].hits;
  }
  for (int way = 0; way < 2; way++) {
    job->loss[way] = (float)(sum[way].loss / m);
    if (job->dlog_scale) job->dlog_scale[way] = (float)(sum[way].dlog_scale / m);
    if (job->hits) job->hits[way] = sum[way].hits;
  }
}

static babel_status of_unit_rows(const babel_contrastive_job *job) {
  const int m = job->m, d = job->d;
  float *tile = job->workspace, *turned = tile + (size_t)m * m;
  BABEL_TRY(babel_gemm_cpu(
      &(babel_gemm){.c = tile, .a = job->na, .b = job->nb, .m = m, .n = m, .k = d, .transpose_b = true}));
  both_directions(job, tile, turned, (float)exp((double)*job->log_scale));
  if (!job->dna) return BABEL_OK;
  const babel_gemm products[4] = {
      {.c = babel_contrastive_cotangent(job, 0, 0), .a = tile, .b = job->nb, .m = m, .n = d, .k = m},
      {.c = babel_contrastive_cotangent(job, 0, 1), .a = turned, .b = job->nb, .m = m, .n = d, .k = m, .transpose_a = true},
      {.c = babel_contrastive_cotangent(job, 1, 0), .a = tile, .b = job->na, .m = m, .n = d, .k = m, .transpose_a = true},
      {.c = babel_contrastive_cotangent(job, 1, 1), .a = turned, .b = job->na, .m = m, .n = d, .k = m},
  };
  for (int i = 0; i < 4; i++) BABEL_TRY(babel_gemm_cpu(products + i));
  return BABEL_OK;
}

babel_status babel_contrastive_cpu(const babel_contrastive_job *job, babel_stream *s) {
  BABEL_TRY(babel_contrastive_check(job));
  if (!job->normalise) return of_unit_rows(job);
  const int m = job->m, d = job->d;
  const size_t size = (size_t)m * (size_t)d;
  float *a = job->workspace + 2 * (size_t)m * (size_t)m, *b = a + size, *inv_a = b + size, *inv_b = inv_a + m;
  const babel_l2norm_fwd_job norms[2] = {{.y = a, .inv = inv_a, .x = job->na, .n = m, .d = d}, {.y = b, .inv = inv_b, .x = job->nb, .n = m, .d = d}};
  BABEL_TRY(babel_l2norm_fwd_cpu(norms, 2, s));
  babel_contrastive_job unit = *job;
  unit.na = a;
  unit.nb = b;
  BABEL_TRY(of_unit_rows(&unit));
  if (!job->dna) return BABEL_OK;
  babel_l2norm_bwd_job back[4];
  for (int i = 0; i < 4; i++) {
    float *cot = babel_contrastive_cotangent(job, i / 2, i % 2);
    back[i] = (babel_l2norm_bwd_job){.dx = cot, .dy = cot, .y = i / 2 ? b : a, .inv = i / 2 ? inv_b : inv_a, .n = m, .d = d, .rows = m};
  }
  return babel_l2norm_bwd_cpu(back, 4, s);
}
