/* The two-way contrastive loss (kernels/contrastive.h) without its m x m logits: a panel of rows at a time, twice. Hard targets, no masks.
 *
 * With c_ij = na[i] . nb[j] of unit rows and s_ij = exp(log_scale) c_ij:
 *   for each panel, from the first row on: c by linear_fwd, then `sums`: of every anchor i of a (way 0: row i) and j of b (way 1: column j, over the
 *     panels so far) its own logit, the largest other one r, sum of exp(s - r) and of exp(s - r) (s - r) over the others
 *   `finish`: losses, slopes of the temperature and hits as contrastive.h has them; of every anchor what its cotangents need
 *   for each panel again: c by linear_fwd, then `cotangents`:
 *     s[i][j] = dL_ab/dc_ij, other[i][j] = dL_ba/dc_ij   (exp(log_scale) / m (p - t), the own partner's from the sum of the others' p)
 *   whose products with na and nb are the cotangents of these (linear_bwd_data, linear_bwd_weight).
 * Memory: 2 rows m floats and 14 m, in place of 2 m m.
 * `anchors`, number k of anchor i of that way at (way 7 + k) m + i: own, rival, sum, lean; top, factor, cotangent of the own partner.
 * Or `one_way`: who shares the rows of both sides with others takes a panel of its rows of a, and one of its rows of b against all of a with the two
 * ways' anchors exchanged, and exchanges the four numbers of its anchors with the others before `finish`.
 * Panels come in ascending order, each row in one of them. Sums of a panel in float32, of the anchors in double, in a fixed order.
 * BABEL_ERR_SHAPE when m is below 2, rows below 1 or the panel does not lie within the m rows. */
#ifndef BABEL_KERNELS_CONTRASTIVE_PANEL_H
#define BABEL_KERNELS_CONTRASTIVE_PANEL_H

#include <math.h>
#include <stdbool.h>

#include "core/rng.h"
#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_PANEL_OWN, BABEL_PANEL_RIVAL, BABEL_PANEL_SUM, BABEL_PANEL_LEAN, BABEL_PANEL_TOP, BABEL_PANEL_FACTOR, BABEL_PANEL_OWN_COT };

/* What every backend refuses. */
static inline babel_status babel_contrastive_panel_check(const babel_contrastive_panel_job *job) {
  if (job->m < 2 || job->rows < 1 || job->first < 0 || job->rows > job->m - job->first)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "contrastive_panel: rows %d to %d of %d", job->first, job->first + job->rows - 1, job->m);
  return BABEL_OK;
}

static inline BABEL_HOST_DEVICE float *babel_panel_numbers(const babel_contrastive_panel_job *job, int way, int number) {
  return job->anchors + ((int64_t)way * BABEL_CONTRASTIVE_PANEL_NUMBERS + number) * job->m;
}

/* What `finish` does for one anchor; sums += loss, slope, hit. share = exp(log_scale) / m. The rules are those of contrastive.h for the own partner. */
static inline BABEL_HOST_DEVICE void babel_contrastive_panel_anchor(const babel_contrastive_panel_job *job, int way, int i, double share, double sums[3]) {
  const double own = (double)babel_panel_numbers(job, way, BABEL_PANEL_OWN)[i];
  const double rival = (double)babel_panel_numbers(job, way, BABEL_PANEL_RIVAL)[i];
  const double sum = (double)babel_panel_numbers(job, way, BABEL_PANEL_SUM)[i];
  const bool rival_leads = job->negatives_only || rival > own;
  const double top = rival_leads ? rival : own, shift = rival_leads ? 0 : rival - top, weight = exp(shift), others = weight * sum;
  const double lean = weight * ((double)babel_panel_numbers(job, way, BABEL_PANEL_LEAN)[i] + shift * sum);
  const double own_exp = job->negatives_only ? 0 : exp(own - top), total = others + own_exp;
  sums[0] += (top - own) + log1p(others + own_exp - 1);
  sums[1] += (top - own) + (lean + (own_exp > 0 ? own_exp * (own - top) : 0)) / total;
  sums[2] += own > rival;
  babel_panel_numbers(job, way, BABEL_PANEL_TOP)[i] = (float)top;
  babel_panel_numbers(job, way, BABEL_PANEL_FACTOR)[i] = (float)(share / total);
  babel_panel_numbers(job, way, BABEL_PANEL_OWN_COT)[i] = (float)(-others / total * share);
}

babel_status babel_contrastive_panel_sums_cpu(const babel_contrastive_panel_job *job, babel_stream *s);
babel_status babel_contrastive_panel_finish_cpu(const babel_contrastive_panel_job *job, babel_stream *s);
babel_status babel_contrastive_panel_cotangents_cpu(const babel_contrastive_panel_job *job, babel_stream *s);
babel_status babel_contrastive_panel_sums_cuda(const babel_contrastive_panel_job *job, babel_stream *s);
babel_status babel_contrastive_panel_finish_cuda(const babel_contrastive_panel_job *job, babel_stream *s);
babel_status babel_contrastive_panel_cotangents_cuda(const babel_contrastive_panel_job *job, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
