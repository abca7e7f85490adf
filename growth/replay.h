/* Which pairs of an earlier phase are kept for replay. */
#ifndef BABEL_GROWTH_REPLAY_H
#define BABEL_GROWTH_REPLAY_H

#include "growth/phase.h"

#ifdef __cplusplus
extern "C" {
#endif

/* rows[2] (pairs): the first `keep` of both become the chosen ones, keep < pairs. At random: by (seed, BABEL_RNG_REHEARSAL). Herding (Welling 2009): greedily, pair
 * by pair, the one that brings the mean of those chosen nearest to the mean of all, in the features of both modalities side by side, standardised as the
 * towers do; ties: the smaller number. */
babel_status babel_replay_choose(const babel_trunk *trunk, const babel_earlier_pair *pair, int *const rows[2], int pairs, int keep);

#ifdef __cplusplus
}
#endif
#endif
