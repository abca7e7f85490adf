/* skeleton_motion: what preset `best` sees of a Kinect v1 skeleton, 1,892 numbers: two passes of Shift-GCN (1,340) and hand-made joint statistics
 * on the motion clock (552). s (F, 20, 3) [m], y up, 30 Hz.
 *
 * | block  | columns   | definition
 * | gc     | 316       | Shift-GCN on the frames as they are: 256 pooled, 60 scores (encoders/shift_gcn.h)
 * | gw     | 256 + 768 | Shift-GCN on 48 frames resampled on the motion clock: 256 pooled, then the means of the three thirds of its 12 output steps
 * | edseg8 | 480       | means over 8 segments of equal motion of D (60)
 * | eang   | 72        | the same of A (9)
 * Joint statistics: coordinates smoothed over 5 frames (only if F >= 9); L = mean distance shoulder centre - hip centre; p = (joint - hip centre) / L;
 * turned about y so that the mean of (right - left shoulder) lies in x; P = the 19 joints other than the hip centre, then (hip centre - its mean over the
 * first 5 frames) / L; weights sum |P_f - P_(f-1)| / mean + 0.1; D = P - mean of its first max(2, F / 20) frames; A = cosines at nine joints.
 * Outputs: "motion" (1,892), "statistics" (552), "pretrained" (1,340), "phase_free" (2,150 = "motion" and `pf`). Statistics in double.
 *
 * pf (258), no position in time at all, for windows of a repeated movement: mean of P (60), its population deviation (60), mean |V| (60) and deviation
 * of V (60), V = 30 (P_f - P_(f-1)) over F - 1 rows; mean (9) and deviation (9) of A.
 * Kinect v2 (25) and Azure Kinect (32): gc sees all joints (encoders/skeleton_prep.h); everything else those of Kinect v1 = 3, 20, 1, 0, 4..19 of 25. */
#ifndef BABEL_ENCODERS_SKELETON_MOTION_H
#define BABEL_ENCODERS_SKELETON_MOTION_H

#include "encoders/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_SKELETON_MOTION_STATISTICS = 552, BABEL_SKELETON_MOTION_PRETRAINED = 1340, BABEL_SKELETON_MOTION_WIDTH = 1892,
       BABEL_SKELETON_MOTION_FREE = 258, BABEL_SKELETON_MOTION_FREE_WIDTH = 2150,
       BABEL_SKELETON_MOTION_FRAMES = 48 };

extern const babel_encoder_row babel_skeleton_motion_row;

/* edseg8, then eang. frames >= 4. */
babel_status babel_skeleton_motion_statistics(double *out, const double *s, int frames);
/* pf. frames >= 2. */
babel_status babel_skeleton_motion_free(double *out, const double *s, int frames);

#ifdef __cplusplus
}
#endif
#endif
