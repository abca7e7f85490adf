/* One training step on made-up data at the sizes of the paper, as bench_step and serve_step run it: batch of 256, embed 512, hidden 256. */
#ifndef BABEL_BENCH_GROWTH_STEP_BENCH_H
#define BABEL_BENCH_GROWTH_STEP_BENCH_H

#include "growth/step.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char *name;
  int in[2];     /* a (the junction in growth phases), b */
  bool distill;  /* a teacher on side a, lambda 5 */
  babel_preset preset; /* `best` with a made-up graph of neighbours */
  int earlier;   /* rehearsal_kd on the pairs of so many earlier phases of the paper's order */
} babel_step_shape;

const babel_step_shape *babel_step_shape_at(int i); /* NULL past the end */

typedef struct {
  babel_trunk trunk;
  babel_step_plan plan;
  float *bank[BABEL_MAX_TOWERS], *graph_weights; /* backend; a bank of each tower */
  int *graph;  /* backend; NULL: targets are pairs */
  int *order;  /* backend: kernels/shuffle.h */
} babel_step_bench;

/* dropout: of the features, in [0, 1); negative: the preset's. */
babel_status babel_step_bench_create(babel_step_bench *bench, const babel_ops *ops, const babel_step_shape *shape, double dropout);
void babel_step_bench_destroy(babel_step_bench *bench);

/* Floating-point operations of the matrix products of one step, 2 a multiply-add. */
double babel_step_bench_flops(const babel_step_bench *bench);

#ifdef __cplusplus
}
#endif
#endif
