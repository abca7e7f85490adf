/* A tiny evaluation whose every number can be worked out: two banks of 30 samples and trunks that are known matrices.
 *
 * Samples "k0".."k29", label i mod 4, in another order in the second bank. Parts of the split: 0-11 train, 12-17 hold-out, 18-29 test.
 * Bank "imu" has 3 columns, "skeleton" 5. Seed s of a trunk embeds side a as unit(P z), P (4, columns) from babel_fill, z the standardised
 * features: hidden units in pairs of opposite sign make the towers linear. */
#ifndef BABEL_TESTS_EVAL_EVAL_RIG_H
#define BABEL_TESTS_EVAL_EVAL_RIG_H

#include "eval/evaluate.h"
#include "eval/inputs.h"

enum { RIG_SAMPLES = 30, RIG_CLASSES = 4, RIG_EMBED = 4, RIG_SEEDS = 3, RIG_DRAWS = 3, RIG_TRAIN = 12, RIG_TEST = 18, RIG_WIDEST = 80 };

typedef struct {
  babel_bank banks[2];
  babel_split split;
  babel_draws draws[2]; /* of three draws each: four support samples of the test part, six of the others as queries */
  babel_trunk trunks[RIG_SEEDS];
} eval_rig;

void eval_rig_create(eval_rig *r);
void eval_rig_destroy(eval_rig *r);

/* Sample i of a side as the banks hold it: (columns). */
const float *eval_rig_features(const eval_rig *r, int side, int sample);

/* What an input should be, in double, all rows: kind RAW, ALIGNED, ENSEMBLE (of the first `seeds` trunks) or PLUS_RAW of trunk `seed`. Returns
 * its width, 0 where there is no such input. By sample number. */
int eval_rig_input(const eval_rig *r, int kind, int input, int seed, int seeds, double x[RIG_SAMPLES][RIG_WIDEST]);

/* Protocol "made_up", features "aligned", head nearest, raw rows; one fold with the first draws and the first two trunks. */
babel_evaluation eval_rig_evaluation(const eval_rig *r);

#endif
