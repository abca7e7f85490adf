#include "kernels/contrastive_panel.h"

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/vexp.h"

/* exp(z), and exp(z) z, which is 0 where z is -infinity. */
static babel_floats exponential(babel_floats z, babel_floats *lean) {
  babel_floats e = babel_vexps(z);
  *lean = e * babel_select(z < BABEL_VEXP_LOW, babel_splat(BABEL_VEXP_LOW), z);
  return e;
}

/* Anchor first + r of a: its row is complete. */
static void sum_row(const babel_contrastive_panel_job *job, int r, float scale) {
  const int m = job->m, i = job->first + r;
  float *s = job->s + (int64_t)r * m;
  const float own = s[i];
  s[i] = -INFINITY;
  const float rival = scale * babel_largest(s, m);
  babel_floats sum = {0}, leaning = {0};
  for (int j = 0; j < m; j += BABEL_LANES) {
    babel_floats lean, e = exponential(babel_load(s + j, m - j, -INFINITY) * scale - rival, &lean);
    sum += e;
    leaning += lean;
  }
  s[i] = own;
  babel_panel_numbers(job, 0, BABEL_PANEL_OWN)[i] = babel_panel_numbers(job, 1, BABEL_PANEL_OWN)[i] = scale * own;
  babel_panel_numbers(job, 0, BABEL_PANEL_RIVAL)[i] = rival;
  babel_panel_numbers(job, 0, BABEL_PANEL_SUM)[i] = babel_sum_of(sum);
  babel_panel_numbers(job, 0, BABEL_PANEL_LEAN)[i] = babel_sum_of(leaning);
}

/* The panel's logits of columns j .., the own partner's and what is beyond the last column -infinity. */
static babel_floats column_logits(const babel_contrastive_panel_job *job, int r, int j, float scale) {
  babel_floats z = babel_load(job->s + (int64_t)r * job->m + j, job->m - j, -INFINITY) * scale;
  const int own = job->first + r - j;
  if (own >= 0 && own < BABEL_LANES) z[own] = -INFINITY;
  return z;
}

/* Anchors j .. of b: this panel's part of their columns. */
static void sum_columns(const babel_contrastive_panel_job *job, int j, float scale) {
  const int left = job->m - j;
  float *rivals = babel_panel_numbers(job, 1, BABEL_PANEL_RIVAL) + j, *sums = babel_panel_numbers(job, 1, BABEL_PANEL_SUM) + j, *leans = babel_panel_numbers(job, 1, BABEL_PANEL_LEAN) + j;
  const babel_floats none = babel_splat(-INFINITY);
  babel_floats rival = job->first ? babel_load(rivals, left, -INFINITY) : none, sum = job->first ? babel_load(sums, left, 0) : babel_splat(0);
  babel_floats leaning = job->first ? babel_load(leans, left, 0) : babel_splat(0), top = rival;
  for (int r = 0; r < job->rows; r++) top = babel_max(column_logits(job, r, j, scale), top);
  babel_floats shift = babel_select(rival > none, rival - top, babel_splat(0)), weight = babel_vexps(shift);
  leaning = weight * (leaning + shift * sum);
  sum *= weight;
  for (int r = 0; r < job->rows; r++) {
    babel_floats lean, e = exponential(babel_select(top > none, column_logits(job, r, j, scale) - top, none), &lean);
    sum += e;
    leaning += lean;
  }
  babel_store(rivals, top, left);
  babel_store(sums, sum, left);
  babel_store(leans, leaning, left);
}

babel_status babel_contrastive_panel_sums_cpu(const babel_contrastive_panel_job *job, babel_stream *s) {
  BABEL_TRY(babel_contrastive_panel_check(job));
  const float scale = (float)exp((double)*job->log_scale);
#pragma omp parallel if (BABEL_PARALLEL((int64_t)job->rows * job->m))
  {
#pragma omp for schedule(static)
    for (int r = 0; r < job->rows; r++) sum_row(job, r, scale);
#pragma omp for schedule(static)
    for (int j = 0; j < (job->one_way ? 0 : job->m); j += BABEL_LANES) sum_columns(job, j, scale);
  }
  return BABEL_OK;
}

babel_status babel_contrastive_panel_finish_cpu(const babel_contrastive_panel_job *job, babel_stream *s) {
  BABEL_TRY(babel_contrastive_panel_check(job));
  const double share = exp((double)*job->log_scale) / job->m;
  for (int way = 0; way < 2; way++) {
    double sums[3] = {0, 0, 0};
    for (int i = 0; i < job->m; i++) babel_contrastive_panel_anchor(job, way, i, share, sums);
    job->loss[way] = (float)(sums[0] / job->m);
    if (job->dlog_scale) job->dlog_scale[way] = (float)(sums[1] / job->m);
    if (job->hits) job->hits[way] = (int)sums[2];
  }
  return BABEL_OK;
}

static void cotangent_row(const babel_contrastive_panel_job *job, int r, float scale) {
  const int m = job->m, i = job->first + r;
  float *s = job->s + (int64_t)r * m, *other = job->other + (int64_t)r * m;
  const float *tops = babel_panel_numbers(job, 1, BABEL_PANEL_TOP), *factors = babel_panel_numbers(job, 1, BABEL_PANEL_FACTOR);
  const float top = babel_panel_numbers(job, 0, BABEL_PANEL_TOP)[i], factor = babel_panel_numbers(job, 0, BABEL_PANEL_FACTOR)[i];
  for (int j = 0; j < m; j += BABEL_LANES) {
    const babel_floats z = babel_load(s + j, m - j, 0) * scale;
    babel_store(other + j, babel_vexps(z - babel_load(tops + j, m - j, 0)) * babel_load(factors + j, m - j, 0), m - j);
    babel_store(s + j, babel_vexps(z - top) * factor, m - j);
  }
  s[i] = babel_panel_numbers(job, 0, BABEL_PANEL_OWN_COT)[i];
  other[i] = babel_panel_numbers(job, 1, BABEL_PANEL_OWN_COT)[i];
}

babel_status babel_contrastive_panel_cotangents_cpu(const babel_contrastive_panel_job *job, babel_stream *s) {
  BABEL_TRY(babel_contrastive_panel_check(job));
  const float scale = (float)exp((double)*job->log_scale);
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL((int64_t)job->rows * job->m))
  for (int r = 0; r < job->rows; r++) cotangent_row(job, r, scale);
  return BABEL_OK;
}
