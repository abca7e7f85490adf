/* One anchor's softmax, put together from the parts that the tiles left: in the order of the tiles, sums in double.
 * The rules are those of kernels/cpu/contrastive.c. */
#ifndef BABEL_KERNELS_CUDA_CONTRASTIVE_ANCHOR_CUH
#define BABEL_KERNELS_CUDA_CONTRASTIVE_ANCHOR_CUH

#include "kernels/cuda/contrastive_tile.cuh"

typedef struct {
  float own, rival, top; /* logits: of the partner, of the best other candidate, and what is subtracted before the exponential */
  bool rival_leads;
  int peak;              /* the rival, when its cotangent needs the sum of all others; else -1 */
  double others, lean;   /* sums over the other candidates, the peak left out */
  double own_exp, peak_exp, total; /* total 0: no candidate */
} contrastive_anchor;

/* The rival, and where it first stands. */
static __device__ void contrastive_find_rival(contrastive_anchor *anchor, const contrastive_plan *plan, int way, int i) {
  const contrastive_part *part = plan->part[way] + i;
  anchor->rival = -INFINITY;
  anchor->peak = -1;
  for (int t = 0; t < plan->tiles; t++) {
    const contrastive_part p = part[(size_t)t * plan->pitch];
    if (!(p.rival > anchor->rival)) continue;
    anchor->rival = p.rival;
    anchor->peak = t * TILE + p.rival_at;
  }
}

static __device__ contrastive_anchor contrastive_merge(const contrastive_plan *plan, int way, int i) {
  contrastive_anchor anchor;
  contrastive_find_rival(&anchor, plan, way, i);
  anchor.own = plan->logits[way][(size_t)i * plan->pitch + i];
  anchor.rival_leads = plan->job.negatives_only || anchor.rival > anchor.own;
  anchor.top = anchor.rival_leads ? anchor.rival : anchor.own;
  if (anchor.top == -INFINITY) anchor.top = 0;
  if (!plan->job.targets_a || !anchor.rival_leads) anchor.peak = -1;
  anchor.others = anchor.lean = 0;
  const contrastive_part *part = plan->part[way] + i;
  for (int t = 0; t < plan->tiles; t++) {
    const contrastive_part p = part[(size_t)t * plan->pitch];
    const float shift = p.rival > -INFINITY ? p.rival - anchor.top : 0, weight = expf(shift);
    const bool aside = p.rival_at < 0 || anchor.peak == t * TILE + p.rival_at;
    const double sum = (double)p.sum + (aside ? 0 : 1);
    anchor.others += (double)weight * sum;
    anchor.lean += (double)weight * ((double)p.lean + (double)shift * sum);
  }
  anchor.own_exp = plan->job.negatives_only ? 0 : (double)expf(anchor.own - anchor.top);
  anchor.peak_exp = anchor.peak >= 0 ? 1 : 0;
  anchor.total = anchor.others + anchor.own_exp + anchor.peak_exp;
  return anchor;
}

#endif
