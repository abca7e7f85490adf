/* Panels against the whole (kernels/contrastive.h), which has an oracle of its own. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/contrastive.h"
#include "kernels/contrastive_panel.h"
#include "tests/support/compare.h"
#include "tests/support/device_ops.h"

typedef struct {
  int m, d, panel, negatives_only;
  float log_scale, *a, *b, *cot[2][2]; /* unit rows; cotangents of tower, way */
  float loss[2], slope[2];
  int hits[2];
} problem;

static float *floats(size_t n) {
  float *x = calloc(n, sizeof *x);
  cr_assert_not_null(x);
  return x;
}

/* Partners are near each other; one in five is far from its own and near another's. */
static void fill(problem *p) {
  size_t size = (size_t)p->m * (size_t)p->d;
  p->a = floats(size);
  p->b = floats(size);
  babel_fill_floats("a", p->a, size, 1);
  babel_fill_floats("b", p->b, size, 1);
  for (int i = 0; i < p->m; i++) {
    double squares[2] = {0, 0};
    int of = i % 5 ? i : (i + 3) % p->m;
    for (int c = 0; c < p->d; c++) p->b[i * p->d + c] = 0.3f * p->b[i * p->d + c] + p->a[of * p->d + c];
    for (int c = 0; c < p->d; c++) squares[1] += (double)p->b[i * p->d + c] * (double)p->b[i * p->d + c];
    for (int c = 0; c < p->d; c++) p->b[i * p->d + c] /= (float)sqrt(squares[1]);
  }
  for (int i = 0; i < p->m; i++) {
    double squares = 0;
    for (int c = 0; c < p->d; c++) squares += (double)p->a[i * p->d + c] * (double)p->a[i * p->d + c];
    for (int c = 0; c < p->d; c++) p->a[i * p->d + c] /= (float)sqrt(squares);
  }
  for (int k = 0; k < 4; k++) p->cot[k / 2][k % 2] = floats(size);
}

static void release(problem *p) {
  free(p->a);
  free(p->b);
  for (int k = 0; k < 4; k++) free(p->cot[k / 2][k % 2]);
}

static void must(babel_status status) {
  cr_assert_eq(status, BABEL_OK, "%s", babel_error_last()->sentence);
}

static void cosines(const problem *p, int first, int rows, float *s) {
  babel_linear_fwd_job job = {.y = s, .x = p->a + (size_t)first * (size_t)p->d, .w = p->b, .n = rows, .in = p->d, .out = p->m};
  must(babel_test_ops()->linear_fwd(&job, 1, NULL));
}

static void by_panels(problem *p) {
  const babel_ops *ops = babel_test_ops();
  const size_t m = (size_t)p->m, d = (size_t)p->d;
  float *s = floats(2 * (size_t)p->panel * m), *anchors = floats(2 * BABEL_CONTRASTIVE_PANEL_NUMBERS * m);
  babel_contrastive_panel_job job = {.s = s, .other = s + (size_t)p->panel * m, .anchors = anchors, .loss = p->loss, .dlog_scale = p->slope, .hits = p->hits,
                                     .log_scale = &p->log_scale, .m = p->m, .negatives_only = p->negatives_only};
  memset(anchors, 0xff, 2 * BABEL_CONTRASTIVE_PANEL_NUMBERS * m * sizeof *anchors);
  for (int pass = 0; pass < 2; pass++) {
    for (int first = 0; first < p->m; first += p->panel) {
      job.first = first;
      job.rows = p->m - first < p->panel ? p->m - first : p->panel;
      cosines(p, first, job.rows, s);
      must(pass ? ops->contrastive_panel_cotangents(&job, NULL) : ops->contrastive_panel_sums(&job, NULL));
      for (int way = 0; way < 2 && pass; way++) {
        const float *cot = way ? job.other : s;
        babel_linear_bwd_data_job near = {.dx = p->cot[0][way] + (size_t)first * d, .dy = cot, .w = p->b, .n = job.rows, .in = p->d, .out = p->m, .mask_rows = job.rows};
        babel_linear_bwd_weight_job far = {.dw = p->cot[1][way], .dy = cot, .x = p->a + (size_t)first * d, .n = job.rows, .in = p->d, .out = p->m, .accumulate = first > 0};
        must(ops->linear_bwd_data(&near, 1, NULL));
        must(ops->linear_bwd_weight(&far, 1, NULL));
      }
    }
    if (!pass) must(ops->contrastive_panel_finish(&job, NULL));
  }
  free(s);
  free(anchors);
}

/* As ranks share it: a panel of each one's rows of a, one of its rows of b, the anchors' numbers of all. */
static void by_rows_of_both(problem *p) {
  const babel_ops *ops = babel_test_ops();
  const size_t m = (size_t)p->m, d = (size_t)p->d, block = BABEL_CONTRASTIVE_PANEL_NUMBERS * m;
  float *s = floats(4 * (size_t)p->panel * m), *anchors = floats(3 * block), *known = floats(block); /* of b, of a, of b; those of b at first */
  const float *unit[2] = {p->a, p->b};
  babel_contrastive_panel_job job[2];
  for (int side = 0; side < 2; side++) {
    float *mine = s + (size_t)(2 * side * p->panel) * m;
    job[side] = (babel_contrastive_panel_job){.s = mine, .other = mine + (size_t)p->panel * m, .anchors = anchors + (side ? 0 : block), .loss = p->loss, .dlog_scale = p->slope,
                                              .hits = p->hits, .log_scale = &p->log_scale, .m = p->m, .negatives_only = p->negatives_only, .one_way = 1};
  }
  for (int pass = 0; pass < 2; pass++) {
    for (int first = 0; first < p->m; first += p->panel) {
      const int rows = p->m - first < p->panel ? p->m - first : p->panel;
      for (int side = 1; side >= 0; side--) {
        job[side].first = first;
        job[side].rows = rows;
        babel_linear_fwd_job product = {.y = job[side].s, .x = unit[side] + (size_t)first * d, .w = unit[1 - side], .n = rows, .in = p->d, .out = p->m};
        must(ops->linear_fwd(&product, 1, NULL));
        memcpy(known, anchors + 2 * block, block * sizeof *known);
        must(pass ? ops->contrastive_panel_cotangents(&job[side], NULL) : ops->contrastive_panel_sums(&job[side], NULL));
        for (size_t k = m; k < 4 * m && !pass; k++) cr_assert_eq(known[k], anchors[2 * block + k], "one way alone: number %zu of b's anchors has changed", k / m);
        for (int way = 0; way < 2 && pass; way++) {
          babel_linear_bwd_data_job near = {.dx = p->cot[side][way] + (size_t)first * d, .dy = way == side ? job[side].s : job[side].other, .w = unit[1 - side], .n = rows,
                                            .in = p->d, .out = p->m, .mask_rows = rows};
          must(ops->linear_bwd_data(&near, 1, NULL));
        }
      }
    }
    if (pass) continue;
    memcpy(anchors + 2 * block, anchors, block * sizeof *anchors);
    must(ops->contrastive_panel_finish(&job[0], NULL));
    memcpy(anchors, anchors + 2 * block, block * sizeof *anchors);
  }
  free(s);
  free(anchors);
  free(known);
}

static void check_by(void (*compute)(problem *p), int m, int d, int panel, float scale, int negatives_only) {
  problem p = {.m = m, .d = d, .panel = panel, .negatives_only = negatives_only, .log_scale = logf(scale)};
  const size_t size = (size_t)m * (size_t)d;
  fill(&p);
  compute(&p);
  float *whole[2] = {floats(2 * size), floats(2 * size)}, *workspace = floats(babel_contrastive_workspace(m, d)), loss[2], slope[2];
  int hits[2];
  babel_contrastive_job job = {.loss = loss, .dna = whole[0], .dnb = whole[1], .dlog_scale = slope, .hits = hits, .na = p.a, .nb = p.b, .log_scale = &p.log_scale,
                               .workspace = workspace, .m = m, .d = d, .negatives_only = negatives_only};
  must(babel_contrastive_cpu(&job, NULL));
  for (int way = 0; way < 2; way++) {
    cr_assert(fabsf(p.loss[way] - loss[way]) <= 2e-6f * (1 + fabsf(loss[way])), "loss %d: %.9g, as a whole %.9g", way, (double)p.loss[way], (double)loss[way]);
    cr_assert(fabsf(p.slope[way] - slope[way]) <= 1e-5f * (1 + fabsf(slope[way])), "slope %d: %.9g, as a whole %.9g", way, (double)p.slope[way], (double)slope[way]);
    cr_assert_eq(p.hits[way], hits[way]);
    for (int tower = 0; tower < 2; tower++) {
      double gap = 0, squares = 0;
      for (size_t k = 0; k < size; k++) {
        double whole_one = (double)whole[tower][(size_t)way * size + k], other = (double)p.cot[tower][way][k] - whole_one;
        gap += other * other;
        squares += whole_one * whole_one;
      }
      cr_assert(sqrt(gap / squares) <= 5e-6, "m = %d, scale %g, tower %d, way %d: %g", m, (double)scale, tower, way, sqrt(gap / squares));
    }
  }
  free(whole[0]);
  free(whole[1]);
  free(workspace);
  release(&p);
}

static void check(int m, int d, int panel, float scale, int negatives_only) {
  check_by(by_panels, m, d, panel, scale, negatives_only);
}

Test(kernels_contrastive_panel, rows_of_both_sides_give_what_the_whole_gives) {
  check_by(by_rows_of_both, 2, 3, 1, 14, 0);
  check_by(by_rows_of_both, 37, 9, 10, 14, 0);
  check_by(by_rows_of_both, 130, 20, 65, 30, 0);
  check_by(by_rows_of_both, 40, 12, 20, 100, 0);
  check_by(by_rows_of_both, 29, 8, 8, 14, 1);
}

Test(kernels_contrastive_panel, panels_give_what_the_whole_gives) {
  check(2, 3, 1, 14, 0);
  check(37, 9, 10, 14, 0);
  check(37, 9, 37, 1, 0);
  check(64, 31, 16, 14, 0);
  check(130, 20, 33, 30, 0);
}

Test(kernels_contrastive_panel, at_scale_100) {
  check(40, 12, 7, 100, 0);
}

Test(kernels_contrastive_panel, the_partner_left_out_of_the_denominator) {
  check(29, 8, 8, 14, 1);
  check(29, 8, 8, 100, 1);
}

Test(kernels_contrastive_panel, more_pairs_than_one_launch_takes) {
  if (!getenv("BABEL_TEST_LONG")) cr_skip_test("long");
  check(3000, 24, 256, 14, 0);
}

Test(kernels_contrastive_panel, panels_outside_the_batch_are_refused) {
  babel_contrastive_panel_job good = {.m = 8, .rows = 4, .first = 4}, job = good;
  job.m = 1;
  cr_assert_eq(babel_test_ops()->contrastive_panel_finish(&job, NULL), BABEL_ERR_SHAPE);
  job = good;
  job.rows = 5;
  cr_assert_eq(babel_test_ops()->contrastive_panel_sums(&job, NULL), BABEL_ERR_SHAPE);
  job = good;
  job.first = -1;
  cr_assert_eq(babel_test_ops()->contrastive_panel_cotangents(&job, NULL), BABEL_ERR_SHAPE);
}
