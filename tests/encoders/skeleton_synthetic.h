/* The deterministic fill rule as a source of weights, and the reference checks of the two skeleton networks.
 */
#ifndef BABEL_TESTS_ENCODERS_SKELETON_SYNTHETIC_H
#define BABEL_TESTS_ENCODERS_SKELETON_SYNTHETIC_H

#include "encoders/skeleton_planes.h"
#include "encoders/weight_source.h"

/* Sanitized products run 20 times slower and pass the same code at every length: there the long cases are cut
 * short. */
#ifdef __SANITIZE_ADDRESS__
#define SKELETON_SANITIZED 1
#else
#define SKELETON_SANITIZED 0
#endif

/* For TestSuite(.init): no log lines, and one thread: these networks enter dozens of parallel regions, whose
 * barriers stand still when other tests hold the processors. What threads change is tested on its own. */
void skeleton_init(void);

/* Values by the rule of the encoder specifications; "A" is the graph of the NTU layout. */
babel_weight_source skeleton_fill_source(void);

/* Network input by the rule: key "input", stored (3, frames, joints, persons), turned to (persons, frames,
 * joints, 3). Malloced. */
float *skeleton_fill_input(int frames, int joints, int persons);

/* Sums and squares of unit outputs, added up over the persons that pass by. */
typedef struct {
  double sum[16], square[16];
} skeleton_unit_totals;
babel_unit_observer skeleton_watch(skeleton_unit_totals *totals);

/* |value - expected| <= tolerance * max(1, |expected|), with both in the message. */
void skeleton_expect(const char *what, double value, double expected, double tolerance);
double skeleton_sum(const float *x, int n);
double skeleton_norm(const float *x, int n);

/* 64-byte-aligned memory full of NaN: nothing may depend on what scratch memory held. */
void *skeleton_scratch(size_t bytes);

#endif
