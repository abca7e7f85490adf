/* LIMU-BERT as a frozen encoder: window -> network (encoders/limu_bert_net.h) -> pooling over time.
 *
 * Options (babel_encoder_options; zero = preset `ours`):
 *   imu_window 0  the recording stretched to 120 rows end to end, whatever its length
 *              1  50 Hz -> 20 Hz: bins of 2.5 rows, complete bins only, the first 120; shorter recordings use the first
 *                 positions; at least 3 rows
 *   imu_degrees 1 angular rate in deg/s: not what the pre-training data used; the paper's figures point to it
 *   imu_block     1..4 (0 = 1)
 *   imu_pool   0  "mean_deviation" (144): 72 means over time, then 72 population deviations
 *              1  "mean" (72)
 *              2  "sequence" (120 x 72), steps behind the length are zero
 * A user's own array (samples()): up to 120 rows are the network's steps as they are; a longer recording goes through
 * imu_window as a trial does. Nothing is ever read past position 119. */
#ifndef BABEL_ENCODERS_LIMU_BERT_H
#define BABEL_ENCODERS_LIMU_BERT_H

#include "encoders/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const babel_encoder_row babel_limu_bert_row;

#ifdef __cplusplus
}
#endif
#endif
