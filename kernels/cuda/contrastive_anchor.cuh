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

/* Over all candidates but the partner: the rival, where it first stands, and sums relative to it that leave it out. */
BABEL_DEVICE void contrastive_add_parts(contrastive_anchor *anchor, const contrastive_plan *plan, int way, int i) {
  double others = 0, lean = 0;
  float rival = -INFINITY;
  int peak = -1;
  for (int t = 0; t < plan->tiles; t++) {
    const size_t at = (size_t)t * plan->pitch + i;
    const float2 part = plan->part[way][at];
    const float part_rival = part.x, shift = part_rival > rival ? rival - part_rival : part_rival - rival;
    const double sum = (double)part.y, part_lean = (double)plan->lean[way][at], one = rival > -INFINITY ? 1 : 0;
    const double weight = (double)expf(shift);
    if (part_rival > rival) {
      lean = one > 0 ? weight * (lean + (double)shift * (others + one)) + part_lean : lean + part_lean;
      others = one > 0 ? weight * (others + one) + sum : others + sum;
      rival = part_rival;
      peak = plan->job.targets_a ? t * TILE + plan->rival_at[way][at] : -1;
    } else if (part_rival > -INFINITY) {
      lean += weight * (part_lean + (double)shift * (sum + 1));
      others += weight * (sum + 1);
    } else { /* no candidate: 0, or NaN */
      lean += part_lean;
      others += sum;
    }
  }
  anchor->others = others;
  anchor->lean = lean;
  anchor->rival = rival;
  anchor->peak = peak;
}

BABEL_DEVICE contrastive_anchor contrastive_merge(const contrastive_plan *plan, int way, int i) {
  contrastive_anchor anchor;
  contrastive_add_parts(&anchor, plan, way, i);
  anchor.own = plan->logits[way][(size_t)i * plan->pitch + i];
  anchor.rival_leads = plan->job.negatives_only || anchor.rival > anchor.own;
  anchor.top = anchor.rival_leads ? anchor.rival : anchor.own;
  if (anchor.top == -INFINITY) anchor.top = 0;
  if (!anchor.rival_leads) anchor.peak = -1;
  if (anchor.rival > -INFINITY && anchor.peak < 0) anchor.others += 1;
  if (!anchor.rival_leads) { /* sums relative to the partner */
    const float shift = anchor.rival > -INFINITY ? anchor.rival - anchor.top : 0;
    const double weight = (double)expf(shift);
    anchor.lean = weight * (anchor.lean + (double)shift * anchor.others);
    anchor.others *= weight;
  }
  anchor.own_exp = plan->job.negatives_only ? 0 : (double)expf(anchor.own - anchor.top);
  anchor.peak_exp = anchor.peak >= 0 ? 1 : 0;
  anchor.total = anchor.others + anchor.own_exp + anchor.peak_exp;
  return anchor;
}

#endif
