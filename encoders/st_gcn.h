/* ST-GCN as a frozen encoder: sample -> persons (encoders/skeleton_prep.h) -> network
 * (encoders/st_gcn_net.h). "pooled_scores" (316): mean over time, joints and persons (256), then the
 * classifier's 60 scores of it "scores" (60) Option skeleton_pad: 0 = native frames, the persons who are
 * there; 1 = zeros up to 300 frames and 2 persons, as in pre-training. PAPER-GAP: what BABEL did for UTD-MHAD
 * is unpublished. Padding costs 9 times the work for a trial of 67 frames, so native frames are the default.
 * Random weights are allowed and labelled. */
#ifndef BABEL_ENCODERS_ST_GCN_H
#define BABEL_ENCODERS_ST_GCN_H

#include "encoders/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const babel_encoder_row babel_st_gcn_row;

#ifdef __cplusplus
}
#endif
#endif
