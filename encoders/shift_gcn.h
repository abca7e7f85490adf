/* Shift-GCN as a frozen encoder: sample -> prepared persons (encoders/skeleton_prep.h) -> network
 * (encoders/shift_gcn_net.h). One forward pass serves both outputs: "pooled_scores" (316): mean over time and
 * joints of person 0 (256), then the classifier's scores of that vector alone (60) "scores" (60): the
 * classifier's scores of the mean over both persons, as the network was trained NTU layout: both persons at
 * 300 frames; an absent one is a slot of zeros. Kinect v1 layout: one person, native frames; the empty second
 * slot depends on the length alone, so it is computed once a length and kept. */
#ifndef BABEL_ENCODERS_SHIFT_GCN_H
#define BABEL_ENCODERS_SHIFT_GCN_H

#include "encoders/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const babel_encoder_row babel_shift_gcn_row;

#ifdef __cplusplus
}
#endif
#endif
