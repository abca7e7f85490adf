/* One anchor's softmax, put together from the parts that the tiles left, in the order of the tiles. The rules are those of
 * kernels/cpu/contrastive.c. */
#ifndef BABEL_KERNELS_CUDA_CONTRASTIVE_ANCHOR_CUH
#define BABEL_KERNELS_CUDA_CONTRASTIVE_ANCHOR_CUH

#include "kernels/cuda/contrastive_tile.cuh"

#define CONTRASTIVE_TOGETHER 8 /* parts that are read at once: a thread waits once for all of them */

typedef struct {
  float own, rival, top; /* logits: of the partner, of the best other candidate, and what is subtracted before the exponential */
  bool rival_leads;
  int peak;              /* the rival, when its cotangent needs the sum of all others; else -1 */
  float others, lean;    /* sums over the other candidates, the peak left out */
  float own_exp, total;  /* total 0: no candidate */
} contrastive_anchor;

/* Sums over all candidates but the partner, relative to the rival, which they leave out; the tile in which it first stands, or -1. LEAN: `lean` too. */
template <bool LEAN>
BABEL_DEVICE int contrastive_add_parts(contrastive_anchor *anchor, const contrastive_plan *plan, int way, int i) {
  const float2 *parts = plan->part[way] + i;
  const float *leans = plan->lean[way] + i;
  float rival = -INFINITY, others = 0, lean = 0;
  int tile = -1;
  for (int t0 = 0; t0 < plan->tiles; t0 += CONTRASTIVE_TOGETHER) {
    float2 part[CONTRASTIVE_TOGETHER];
    float part_lean[CONTRASTIVE_TOGETHER], top = rival;
    int best = -1;
    BABEL_UNROLL
    for (int u = 0; u < CONTRASTIVE_TOGETHER; u++) {
      const size_t at = (size_t)(t0 + u) * plan->pitch;
      part[u] = t0 + u < plan->tiles ? parts[at] : make_float2(-INFINITY, 0);
      part_lean[u] = LEAN && t0 + u < plan->tiles ? leans[at] : 0;
    }
    BABEL_UNROLL
    for (int u = 0; u < CONTRASTIVE_TOGETHER; u++) {
      if (!(part[u].x > top)) continue;
      top = part[u].x;
      best = t0 + u;
    }
    if (rival > -INFINITY && best >= 0) { /* the rival of the tiles before is one of the others now */
      const float shift = rival - top, weight = expf(shift);
      lean = weight * (lean + shift * (others + 1));
      others = weight * (others + 1);
    }
    BABEL_UNROLL
    for (int u = 0; u < CONTRASTIVE_TOGETHER; u++) {
      const bool some = part[u].x > -INFINITY;
      const float shift = some ? part[u].x - top : 0, weight = expf(shift), sum = part[u].y + (some && t0 + u != best ? 1 : 0);
      others += weight * sum;
      if (LEAN) lean += weight * (part_lean[u] + shift * sum);
    }
    rival = top;
    if (best >= 0) tile = best;
  }
  anchor->others = others;
  anchor->lean = lean;
  anchor->rival = rival;
  return tile;
}

template <bool SOFT, bool LEAN>
BABEL_DEVICE contrastive_anchor contrastive_merge(const contrastive_plan *plan, int way, int i) {
  contrastive_anchor anchor;
  anchor.own = plan->logits[way][(size_t)i * plan->pitch + i];
  const int tile = contrastive_add_parts<LEAN>(&anchor, plan, way, i);
  anchor.rival_leads = plan->job.negatives_only || anchor.rival > anchor.own;
  anchor.top = anchor.rival_leads ? anchor.rival : anchor.own;
  if (anchor.top == -INFINITY) anchor.top = 0;
  const bool aside = SOFT && anchor.rival_leads && tile >= 0;
  anchor.peak = aside ? tile * TILE + plan->rival_at[way][(size_t)tile * plan->pitch + i] : -1;
  if (anchor.rival > -INFINITY && !aside) anchor.others += 1;
  if (!anchor.rival_leads) { /* sums relative to the partner */
    const float shift = anchor.rival > -INFINITY ? anchor.rival - anchor.top : 0, weight = expf(shift);
    anchor.lean = weight * (anchor.lean + shift * anchor.others);
    anchor.others *= weight;
  }
  anchor.own_exp = plan->job.negatives_only ? 0 : expf(anchor.own - anchor.top);
  anchor.total = anchor.others + anchor.own_exp + (aside ? 1 : 0);
  return anchor;
}

#endif
