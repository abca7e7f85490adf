#include "kernels/ops.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

#include <math.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Oracle, in double, from Eq. (3)-(4). Direction 0: anchor a_i, candidates b_j; direction 1: anchor b_i, candidates a_j. */
typedef struct {
  int m, d, negatives_only;
  double *na, *nb, log_scale;
  const float *targets[2];
  const uint8_t *masked;
  double loss[2], dlog_scale[2], *dna, *dnb; /* (2m, d) */
  int hits[2], way;
} oracle;

static double cosine(const oracle *o, int way, int anchor, int candidate) {
  const double *a = o->na + (size_t)(way ? candidate : anchor) * o->d,
               *b = o->nb + (size_t)(way ? anchor : candidate) * o->d;
  double sum = 0;
  for (int c = 0; c < o->d; c++) sum += a[c] * b[c];
  return sum;
}

static bool is_candidate(const oracle *o, int way, int anchor, int j) {
  if (j == anchor) return !o->negatives_only;
  return !o->masked || !o->masked[way ? (size_t)j * o->m + anchor : (size_t)anchor * o->m + j];
}

static double target(const oracle *o, int way, int anchor, int j) {
  if (o->targets[way]) return (double)o->targets[way][(size_t)anchor * o->m + j];
  return j == anchor;
}

/* The cotangent of one logit; sum = sum over the candidates' exponentials. The entry with more than half of the probability:
 * by the others, so that the oracle keeps its digits too. */
static double cotangent(const oracle *o, int way, int anchor, int j, const double *e, double sum) {
  double others = 0, aim = target(o, way, anchor, j);
  if (e[j] <= sum / 2) return (e[j] / sum - aim) / o->m;
  for (int k = 0; k < o->m; k++) others += k == j ? 0 : e[k];
  return ((1 - aim) - others / sum) / o->m;
}

static void one_anchor(oracle *o, int way, int i, double *s, double *e) {
  const double scale = exp(o->log_scale);
  const int m = o->m;
  double top = -INFINITY, rival = -INFINITY, sum = 0, aim = 0, others = 0;
  for (int j = 0; j < m; j++) {
    s[j] = scale * cosine(o, way, i, j);
    aim += target(o, way, i, j) == 0 ? 0 : target(o, way, i, j) * s[j];
    if (is_candidate(o, way, i, j)) top = fmax(top, s[j]);
    if (j != i && is_candidate(o, way, i, j)) rival = fmax(rival, s[j]);
  }
  o->hits[way] += s[i] > rival;
  if (top == -INFINITY) return;
  for (int j = 0; j < m; j++) {
    e[j] = is_candidate(o, way, i, j) ? exp(s[j] - top) : 0;
    sum += e[j];
    others += s[j] == top ? 0 : e[j];
  }
  o->loss[way] += (top - aim + (sum < 2 ? log1p(others) : log(sum))) / m;
  for (int j = 0; j < m && o->dna; j++) {
    double g = cotangent(o, way, i, j, e, sum);
    o->dlog_scale[way] += g * (s[j] - top);
    const int a = way ? j : i, b = way ? i : j;
    for (int c = 0; c < o->d; c++) {
      o->dna[((size_t)way * m + a) * o->d + c] += g * scale * o->nb[(size_t)b * o->d + c];
      o->dnb[((size_t)way * m + b) * o->d + c] += g * scale * o->na[(size_t)a * o->d + c];
    }
  }
}

static void run_oracle(oracle *o) {
  double *s = malloc(2 * (size_t)o->m * sizeof *s);
  cr_assert_not_null(s);
  for (int way = 0; way < 2; way++) {
    o->loss[way] = o->dlog_scale[way] = o->hits[way] = 0;
    for (int i = 0; i < o->m; i++) one_anchor(o, way, i, s, s + o->m);
  }
  free(s);
}

/* One job, its buffers and its oracle. */
typedef struct {
  buffers b;
  babel_contrastive_job job;
  oracle o;
  float log_scale, *dna, *dnb, *loss, *dlog_scale;
  uint8_t *masked;
  int hits[2];
} trial;

static void unit_rows(float *x, int m, int d) {
  for (int i = 0; i < m; i++) {
    double sum = 0;
    for (int c = 0; c < d; c++) sum += (double)x[i * d + c] * (double)x[i * d + c];
    for (int c = 0; c < d; c++) x[i * d + c] = (float)((double)x[i * d + c] / sqrt(sum));
  }
}

/* b leans towards its own a by `together`. */
static trial make(int m, int d, double scale, double together) {
  trial t = {.log_scale = (float)log(scale)};
  size_t size = (size_t)m * d;
  float *na = buffers_input(&t.b, "na", size, 1), *nb = buffers_input(&t.b, "nb", size, 1);
  unit_rows(na, m, d);
  unit_rows(nb, m, d);
  for (size_t i = 0; i < size; i++)
    nb[i] = (float)((double)nb[i] * (1 - together) + together * (double)na[i]);
  unit_rows(nb, m, d);
  t.dna = buffers_output(&t.b, 2 * size);
  t.dnb = buffers_output(&t.b, 2 * size);
  t.loss = buffers_output(&t.b, 2);
  t.dlog_scale = buffers_output(&t.b, 2);
  t.job = (babel_contrastive_job){.loss = t.loss,
                                  .dna = t.dna,
                                  .dnb = t.dnb,
                                  .dlog_scale = t.dlog_scale,
                                  .na = na,
                                  .nb = nb,
                                  .workspace = buffers_output(&t.b, babel_contrastive_workspace(m, d)),
                                  .m = m,
                                  .d = d};
  return t;
}

/* Soft targets: `own` on the partner, the rest on up to four neighbours that are not masked. */
static void soften(trial *t, float own) {
  const int m = t->job.m;
  for (int way = 0; way < 2; way++) {
    float *rows = buffers_input(&t->b, "targets", (size_t)m * m, 0);
    for (int i = 0; i < m; i++) {
      float rest = 1 - own;
      for (int k = 1; k <= 4 && k < m; k++) {
        int j = (i + (way ? 3 : 2) * k) % m;
        bool out = t->masked && t->masked[way ? (size_t)j * m + i : (size_t)i * m + j];
        if (j == i || out || rows[(size_t)i * m + j] != 0) continue;
        rows[(size_t)i * m + j] = rest / 2;
        rest -= rest / 2;
      }
      rows[(size_t)i * m + i] = own + rest;
    }
    *(way ? &t->job.targets_b : &t->job.targets_a) = t->o.targets[way] = rows;
  }
}

static void mask(trial *t) {
  size_t size = (size_t)t->job.m * t->job.m;
  t->masked = malloc(size);
  cr_assert_not_null(t->masked);
  for (size_t i = 0; i < size; i++)
    t->masked[i] = babel_fill("mask", (uint32_t)i) < -0.6 ? 200 : 0; /* 20 %, own pairs too */
  t->job.masked = t->o.masked = t->masked;
}

/* Rows of n become unit rows; inv: 1 / their length. */
static void normalise(double *n, double *inv, int m, int d) {
  for (int i = 0; i < m; i++) {
    double sum = 0;
    for (int c = 0; c < d; c++) sum += n[i * d + c] * n[i * d + c];
    inv[i] = 1 / sqrt(sum);
    for (int c = 0; c < d; c++) n[i * d + c] *= inv[i];
  }
}

/* Cotangents of unit rows become those of the rows as they were; both ways. */
static void lengthen(double *cot, const double *n, const double *inv, int m, int d) {
  for (int r = 0; r < 2 * m; r++) {
    const double *u = n + (size_t)(r % m) * d;
    double *g = cot + (size_t)r * d, dot = 0;
    for (int c = 0; c < d; c++) dot += g[c] * u[c];
    for (int c = 0; c < d; c++) g[c] = inv[r % m] * (g[c] - dot * u[c]);
  }
}

static void run(trial *t) {
  const int m = t->job.m, d = t->job.d;
  const size_t size = (size_t)m * d;
  t->job.log_scale = &t->log_scale;
  t->job.hits = t->hits;
  RUN_TWICE(&t->b, babel_test_ops()->contrastive(&t->job, NULL));
  t->o.m = m;
  t->o.d = d;
  t->o.negatives_only = t->job.negatives_only;
  t->o.na = buffers_widen(&t->b, t->job.na, size);
  t->o.nb = buffers_widen(&t->b, t->job.nb, size);
  t->o.log_scale = (double)t->log_scale;
  t->o.dna = buffers_double(&t->b, 2 * size);
  t->o.dnb = buffers_double(&t->b, 2 * size);
  double *inv = buffers_double(&t->b, 2 * (size_t)m);
  if (t->job.normalise) normalise(t->o.na, inv, m, d);
  if (t->job.normalise) normalise(t->o.nb, inv + m, m, d);
  run_oracle(&t->o);
  if (t->job.normalise) lengthen(t->o.dna, t->o.na, inv, m, d);
  if (t->job.normalise) lengthen(t->o.dnb, t->o.nb, inv + m, m, d);
}

/* Errors of the logits are about 1e-7 of the scale and come back as relative errors of every probability. Per direction, so
 * that a direction with small gradients counts too. Measured at scale 1, 14, 100: 4e-7, 1e-6, 7e-6. */
static void compare(trial *t, const char *what) {
  const size_t size = (size_t)t->job.m * t->job.d;
  const double scale = exp((double)t->log_scale), limit = 1e-6 + 4e-7 * scale;
  for (int way = 0; way < 2; way++) {
    double expected = t->o.loss[way], slope = t->o.dlog_scale[way];
    cr_assert(fabs((double)t->loss[way] - expected) <= 3e-7 * scale * fabs(expected) + 3e-7 * fabs(expected),
              "%s, loss %d: %.9g, expected %.9g", what, way, (double)t->loss[way], expected);
    cr_assert(fabs((double)t->dlog_scale[way] - slope) <= 3 * limit * fabs(slope) + 1e-7 * scale,
              "%s, dlog_scale %d: %.9g, expected %.9g", what, way, (double)t->dlog_scale[way], slope);
    cr_assert_eq(t->hits[way], t->o.hits[way], "%s, hits %d: %d, expected %d", what, way, t->hits[way],
                 t->o.hits[way]);
    double a = relative_error(t->dna + way * (t->job.dna_step ? (size_t)t->job.dna_step : size), t->o.dna + way * size, size);
    double b = relative_error(t->dnb + way * (t->job.dnb_step ? (size_t)t->job.dnb_step : size), t->o.dnb + way * size, size);
    cr_assert(a <= limit && b <= limit, "%s, direction %d: dna %g, dnb %g, limit %g", what, way, a, b, limit);
  }
}

static void release(trial *t) {
  buffers_free(&t->b);
  free(t->masked);
}

static const int sizes[] = {2, 31, 32, 33, 256, 257};
#define SIZES (sizeof sizes / sizeof *sizes)

Test(kernels_contrastive, losses_and_gradients_match_formula) {
  static const double scales[] = {1, 1 / 0.07, 100};
  for (size_t k = 0; k < 6 * SIZES; k++) {
    int m = sizes[k / 6], d = k % 2 ? 512 : 7;
    double scale = scales[k / 2 % 3];
    if (m > 33 && d == 512 && scale < 99) continue;
    char what[64];
    snprintf(what, sizeof what, "m %d, d %d, scale %g", m, d, scale);
    trial t = make(m, d, scale, 0.2);
    run(&t);
    compare(&t, what);
    release(&t);
  }
}

Test(kernels_contrastive, directions_may_lie_apart) {
  enum { M = 33, D = 20, SIZE = M * D };
  for (int k = 0; k < 4; k++) {
    trial t = make(M, D, 1 / 0.07, 0.3);
    const int gap_a = k & 1 ? 3 : 0, gap_b = k & 1 ? 0 : 8;
    t.job.dna_step = SIZE + gap_a;
    t.job.dnb_step = SIZE + gap_b;
    t.job.normalise = k / 2;
    t.job.dna = t.dna = buffers_output(&t.b, 2 * SIZE + 8);
    t.job.dnb = t.dnb = buffers_output(&t.b, 2 * SIZE + 8);
    run(&t);
    compare(&t, "apart");
    for (int i = 0; i < gap_a; i++) cr_assert(isnan(t.dna[SIZE + i]));
    for (int i = 0; i < gap_b; i++) cr_assert(isnan(t.dnb[SIZE + i]));
    release(&t);
  }
}

Test(kernels_contrastive, rows_of_any_length_are_normalised_on_the_way) {
  static const int shapes[][2] = {{2, 5}, {33, 20}, {40, 131}, {64, 512}};
  for (size_t k = 0; k < 12; k++) {
    const int m = shapes[k / 3][0], d = shapes[k / 3][1];
    trial t = make(m, d, k % 3 == 2 ? 100 : 1 / 0.07, 0.3);
    for (int i = 0; i < 2 * m; i++) { /* lengths from 0.14 to 7.4 */
      float *row = (float *)(uintptr_t)(i < m ? t.job.na : t.job.nb) + (size_t)(i % m) * d;
      const float length = (float)exp(2 * babel_fill("length", (uint32_t)i));
      for (int c = 0; c < d; c++) row[c] *= length;
    }
    if (k % 3) soften(&t, 0.5f);
    t.job.normalise = 1;
    char what[64];
    snprintf(what, sizeof what, "rows of any length, m %d, d %d", m, d);
    run(&t);
    compare(&t, what);
    release(&t);
  }
}

/* Zeros have no direction: logits 0, a finite cotangent. */
Test(kernels_contrastive, a_row_of_zeros_stays_finite) {
  trial t = make(33, 20, 10, 0.3);
  memset((float *)(uintptr_t)t.job.na + 4 * 20, 0, 20 * sizeof(float));
  t.job.normalise = 1;
  t.job.log_scale = &t.log_scale;
  cr_assert_eq(babel_test_ops()->contrastive(&t.job, NULL), BABEL_OK);
  cr_assert(isfinite(t.loss[0]) && isfinite(t.loss[1]));
  double size = 0;
  for (int i = 0; i < 2 * 33 * 20; i++) cr_assert(isfinite(t.dna[i]) && isfinite(t.dnb[i]));
  for (int c = 0; c < 20; c++) size += fabs((double)t.dna[4 * 20 + c]);
  cr_assert_gt(size, 1e8); /* divided by BABEL_L2NORM_EPS */
  release(&t);
}

static void check_shape(int m, int d, float own) {
  char what[64];
  snprintf(what, sizeof what, "m %d, d %d", m, d);
  trial t = make(m, d, 1 / 0.07, 0.3);
  if (own < 1) soften(&t, own);
  run(&t);
  compare(&t, what);
  release(&t);
}

Test(kernels_contrastive, large_batches_and_wide_rows_match_formula) {
  check_shape(300, 9, 0.5f);
  check_shape(2, 1024, 1);
  check_shape(35, 1023, 1);
}

/* The largest that a device must take. Seconds on a processor, a minute on the simulated device: with BABEL_TEST_LONG alone. */
Test(kernels_contrastive, largest_batch_of_the_widest_rows_matches_formula) {
#ifdef BABEL_SIMDEV
  const bool slow = true;
#else
  const bool slow = !babel_test_on_device();
#endif
  if (slow && !getenv("BABEL_TEST_LONG")) cr_skip_test("long");
  check_shape(1024, 1024, 1);
}

/* One float behind a 16-byte boundary; two floats, that is 8 bytes, for the workspace. */
Test(kernels_contrastive, buffers_may_begin_at_any_float) {
  enum { M = 33, D = 20, SIZE = M * D };
  for (int unaligned = 0; unaligned < 5; unaligned++) {
    trial t = make(M, D, 1 / 0.07, 0.3);
    const size_t workspace = babel_contrastive_workspace(M, D);
    float *na = buffers_input(&t.b, "", SIZE + 1, 0), *nb = buffers_input(&t.b, "", SIZE + 1, 0);
    memcpy(na + (unaligned == 1), t.job.na, SIZE * sizeof *na);
    memcpy(nb + (unaligned == 2), t.job.nb, SIZE * sizeof *nb);
    t.job.na = na + (unaligned == 1);
    t.job.nb = nb + (unaligned == 2);
    if (unaligned == 3) t.job.dnb = t.dnb = buffers_output(&t.b, 2 * SIZE + 1) + 1;
    if (unaligned == 4) t.job.workspace = buffers_output(&t.b, workspace + 2) + 2;
    run(&t);
    compare(&t, "unaligned");
    release(&t);
  }
}

Test(kernels_contrastive, soft_targets_masks_and_decoupled_denominators_match_formula) {
  for (int options = 1; options < 8; options++)
    for (size_t k = 0; k < 5; k++) {
      char what[64];
      snprintf(what, sizeof what, "m %d, soft %d, masked %d, negatives only %d", sizes[k], options & 1,
               options >> 1 & 1, options >> 2);
      trial t = make(sizes[k], 20, k % 2 ? 100 : 1 / 0.07, 0.3);
      if (options & 2) mask(&t);
      if (options & 1) soften(&t, 0.3f);
      t.job.negatives_only = options >> 2;
      run(&t);
      compare(&t, what);
      release(&t);
    }
}

/* At scale 100 a good pair has 1 - p_ii around 1e-6, and p_ii - 1 in float would keep one or two digits of it: row by row. */
static void check_rows(trial *t, double limit) {
  const int m = t->job.m, d = t->job.d;
  for (int r = 0; r < m; r++) {
    double a = relative_error(t->dna + (size_t)r * d, t->o.dna + (size_t)r * d, (size_t)d);
    double b = relative_error(t->dnb + (size_t)(m + r) * d, t->o.dnb + (size_t)(m + r) * d, (size_t)d);
    cr_assert(a <= limit && b <= limit, "row %d: %g, %g", r, a, b);
  }
}

Test(kernels_contrastive, gradients_of_confident_pairs_keep_their_digits) {
  for (int soft = 0; soft < 2; soft++) {
    trial t = make(soft ? 64 : 256, 512, 100, 0.25);
    if (soft) soften(&t, 1);
    run(&t);
    cr_assert_lt(t.o.loss[0], 1e-3);
    cr_assert_gt(t.o.loss[0], 1e-12);
    compare(&t, soft ? "one-hot as soft targets" : "confident");
    for (int way = 0; way < 2; way++)
      cr_assert_float_eq(t.dlog_scale[way], t.o.dlog_scale[way], 3e-4 * fabs(t.o.dlog_scale[way]));
    check_rows(&t, 1e-4); /* measured 2.1e-5; p_ii - 1 gives more than 1 */
    release(&t);
  }
}

/* The confident entry need not be the own partner: targets one place further, embeddings too. */
Test(kernels_contrastive, confident_partners_off_the_diagonal_keep_their_digits_too) {
  enum { M = 64, D = 512 };
  trial t = make(M, D, 100, 0.25);
  float *nb = (float *)(uintptr_t)t.job.nb, first[D];
  memcpy(first, nb, sizeof first);
  memmove(nb, nb + D, (size_t)(M - 1) * D * sizeof *nb); /* b row i now belongs to a row i + 1 */
  memcpy(nb + (size_t)(M - 1) * D, first, sizeof first);
  for (int way = 0; way < 2; way++) {
    float *rows = buffers_input(&t.b, "targets", M * M, 0);
    for (int i = 0; i < M; i++) rows[i * M + (way ? i + 1 : i + M - 1) % M] = 1;
    *(way ? &t.job.targets_b : &t.job.targets_a) = t.o.targets[way] = rows;
  }
  run(&t);
  cr_assert_lt(t.o.loss[0], 1e-3);
  cr_assert_eq(t.hits[0], 0);
  compare(&t, "shifted partners");
  check_rows(&t, 1e-4);
  release(&t);
}

Test(kernels_contrastive, forty_equal_rows_tie_and_stay_finite) {
  for (int only_a = 0; only_a < 2; only_a++) {
    enum { M = 73, D = 257 };
    trial t = make(M, D, 100, 0.5);
    for (int side = 0; side < 2 - only_a; side++) {
      float *x = (float *)(uintptr_t)(side ? t.job.nb : t.job.na);
      for (int i = 0; i < 40; i++) memcpy(x + (size_t)i * D, t.job.na, D * sizeof *x);
    }
    run(&t);
    if (only_a) { /* one anchor of the 40 may be right, none of the 40 candidates can */
      compare(&t, "equal rows of a");
      cr_assert_eq(t.hits[1], M - 40);
    } else { /* the gradient vanishes but for the rounding of the logits */
      cr_assert_float_eq(t.loss[0], t.o.loss[0], 1e-5);
      cr_assert_float_eq(t.loss[0], log(40) * 40 / M, 1e-5);
      for (int i = 0; i < 2 * M * D; i++) cr_assert(fabsf(t.dna[i]) < 1e-5f && fabsf(t.dnb[i]) < 1e-5f);
      for (int way = 0; way < 2; way++) cr_assert_eq(t.hits[way], M - 40);
    }
    release(&t);
  }
}

/* Invariant 2 of algorithm.md section 13: equal inputs of both sides. */
Test(kernels_contrastive, equal_sides_give_equal_directions) {
  trial t = make(33, 60, 1 / 0.07, 0);
  memcpy((float *)(uintptr_t)t.job.nb, t.job.na, 33 * 60 * sizeof(float));
  run(&t);
  cr_assert_float_eq(t.loss[0], t.loss[1], 1e-6 * (double)t.loss[0]);
  cr_assert_float_eq(t.dlog_scale[0], t.dlog_scale[1], 1e-6);
  cr_assert_lt(relative_error(t.dna, buffers_widen(&t.b, t.dnb + 33 * 60, 33 * 60), 33 * 60), 2e-6);
  cr_assert_lt(relative_error(t.dnb, buffers_widen(&t.b, t.dna + 33 * 60, 33 * 60), 33 * 60), 2e-6);
  release(&t);
}

/* Invariant 3: constant off-diagonal cosine c gives log(1 + (m - 1) exp((c - 1) / tau)). */
Test(kernels_contrastive, equal_cosines_give_the_closed_form) {
  enum { M = 33, D = 34 };
  static const double cosines[] = {0, 0.3, 0.9, 0.999};
  for (int k = 0; k < 4; k++) {
    trial t = make(M, D, 1 / 0.07, 0);
    for (int side = 0; side < 2; side++) {
      float *x = (float *)(uintptr_t)(side ? t.job.nb : t.job.na);
      for (int i = 0; i < M * D; i++)
        x[i] = (float)(i % D == M ? sqrt(cosines[k]) : i % D == i / D ? sqrt(1 - cosines[k]) : 0);
    }
    run(&t);
    double expected = log1p((M - 1) * exp((cosines[k] - 1) / 0.07));
    cr_assert_float_eq(t.loss[0], expected, 4e-6 * expected);
    cr_assert_float_eq(t.loss[1], expected, 4e-6 * expected);
    cr_assert_eq(t.hits[0], M);
    release(&t);
  }
}

Test(kernels_contrastive, outputs_that_nobody_wants_may_be_null) {
  trial t = make(31, 20, 1 / 0.07, 0.3);
  run(&t);
  float loss[2] = {NAN, NAN};
  babel_contrastive_job forward = {.loss = loss,
                                   .na = t.job.na,
                                   .nb = t.job.nb,
                                   .log_scale = &t.log_scale,
                                   .workspace = t.job.workspace,
                                   .m = 31,
                                   .d = 20};
  cr_assert_eq(babel_test_ops()->contrastive(&forward, NULL), BABEL_OK);
  cr_assert_eq(loss[0], t.loss[0]);
  cr_assert_eq(loss[1], t.loss[1]);
  float dlog_scale[2] = {NAN, NAN};
  forward.dlog_scale = dlog_scale;
  cr_assert_eq(babel_test_ops()->contrastive(&forward, NULL), BABEL_OK);
  cr_assert_eq(dlog_scale[0], t.dlog_scale[0]);
  cr_assert_eq(dlog_scale[1], t.dlog_scale[1]);
  release(&t);
}

Test(kernels_contrastive, an_anchor_without_candidates_counts_as_zero) {
  trial t = make(2, 7, 10, 0.3);
  uint8_t masked[4] = {0, 1, 0, 0}; /* a_0 may not see b_1, b_1 may not see a_0 */
  t.job.masked = t.o.masked = masked;
  t.job.negatives_only = 1;
  run(&t);
  compare(&t, "no candidates");
  for (int c = 0; c < 7; c++) {
    cr_assert_eq(t.dna[c], 0);
    cr_assert_eq(t.dnb[2 * 7 + 7 + c], 0);
  }
  release(&t);
}

Test(kernels_contrastive, nan_reaches_the_losses) {
  for (int at = 0; at < 33; at += 8) {
    trial t = make(33, 20, 10, 0.3);
    ((float *)(uintptr_t)t.job.nb)[at * 20 + 5] = NAN;
    t.job.log_scale = &t.log_scale;
    cr_assert_eq(babel_test_ops()->contrastive(&t.job, NULL), BABEL_OK);
    cr_assert(isnan(t.loss[0]) && isnan(t.loss[1]));
    cr_assert(isnan(t.dna[0]));
    release(&t);
  }
}

static double toy_loss(void *context) {
  oracle o = *(oracle *)context;
  o.dna = NULL;
  run_oracle(&o);
  return o.loss[o.way];
}

Test(kernels_contrastive, oracle_backward_agrees_with_central_differences) {
  enum { M = 5, D = 3 };
  float targets[2][M * M];
  uint8_t masked[M * M] = {[3] = 1, [7] = 1, [12] = 1, [22] = 1};
  for (int way = 0; way < 2; way++)
    for (int i = 0; i < M * M; i++) {
      bool out = i / M != i % M && masked[way ? i % M * M + i / M : i];
      targets[way][i] = out ? 0 : i / M == i % M ? 0.25f : 0.1875f;
    }
  for (int way = 0; way < 2; way++) /* rows sum to 1: what a mask took goes to the own partner */
    for (int i = 0; i < M; i++) {
      float sum = 0;
      for (int j = 0; j < M; j++) sum += j == i ? 0 : targets[way][i * M + j];
      targets[way][i * M + i] = 1 - sum;
    }
  for (int options = 0; options < 8; options++) {
    double na[M * D], nb[M * D], dna[2 * M * D] = {0}, dnb[2 * M * D] = {0};
    for (uint32_t i = 0; i < M * D; i++) {
      na[i] = babel_fill("na", i);
      nb[i] = babel_fill("nb", i);
    }
    oracle o = {.m = M,
                .d = D,
                .na = na,
                .nb = nb,
                .log_scale = 1,
                .dna = dna,
                .dnb = dnb,
                .masked = options & 2 ? masked : NULL,
                .targets = {options & 1 ? targets[0] : NULL, options & 1 ? targets[1] : NULL},
                .negatives_only = options >> 2};
    run_oracle(&o);
    for (o.way = 0; o.way < 2; o.way++) {
      for (int i = 0; i < M * D; i++) {
        cr_assert_float_eq(central_difference(toy_loss, &o, na + i), dna[o.way * M * D + i], 1e-8,
                           "options %d", options);
        cr_assert_float_eq(central_difference(toy_loss, &o, nb + i), dnb[o.way * M * D + i], 1e-8,
                           "options %d", options);
      }
      cr_assert_float_eq(central_difference(toy_loss, &o, &o.log_scale), o.dlog_scale[o.way], 1e-8,
                         "options %d", options);
    }
  }
}

Test(kernels_contrastive, bad_arguments_are_refused_before_any_pointer) {
  const babel_ops *ops = babel_test_ops();
  float x[16] = {0};
  cr_assert_eq(ops->contrastive(&(babel_contrastive_job){.m = 1, .d = 4}, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(ops->contrastive(&(babel_contrastive_job){.m = -2, .d = 4}, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(ops->contrastive(&(babel_contrastive_job){.m = 2, .d = 0}, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(ops->contrastive(&(babel_contrastive_job){.m = 2, .d = 4, .dnb = x}, NULL), BABEL_ERR_ARG);
  cr_assert_eq(ops->contrastive(&(babel_contrastive_job){.m = 2, .d = 4, .targets_a = x}, NULL),
               BABEL_ERR_ARG);
  cr_assert_eq(babel_contrastive_workspace(0, 4), 0);
  cr_assert_geq(babel_contrastive_workspace(50000, 4), (size_t)50000 * 50000);
}
