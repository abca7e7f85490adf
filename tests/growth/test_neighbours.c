/* The neighbour graph against a double oracle written from its definition, and what its own statistics say. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "growth/neighbours.h"
#include "tests/support/compare.h"

enum { MOST = 96, WIDEST = 24 };

/* Two banks of `n + 3` rows; pair i stands in row (17 i + 2) mod (n + 3) of the first (n + 3 no multiple of 17) and in row n + 2 - i of the second. */
typedef struct {
  babel_bank banks[2];
  int *rows[2], n;
  float *mean[2], *inv_std[2];
  babel_neighbour_options options;
} rig;

static void make(rig *r, const char *key, int n, int width_a, int width_b, int k) {
  const int widths[2] = {width_a, width_b};
  char text[40];
  memset(r, 0, sizeof *r);
  r->n = n;
  r->options = (babel_neighbour_options){.k = k, .width = 0.3, .scale = {1, 1.4}};
  for (int s = 0; s < 2; s++) {
    babel_bank *bank = &r->banks[s];
    cr_assert_eq(babel_bank_create(bank, s ? "skeleton" : "imu", n + 3, 0, 1, widths[s]), BABEL_OK);
    r->rows[s] = malloc((size_t)n * sizeof(int));
    r->mean[s] = malloc((size_t)widths[s] * sizeof(float));
    r->inv_std[s] = malloc((size_t)widths[s] * sizeof(float));
    snprintf(text, sizeof text, "%s %d", key, s);
    babel_fill_floats(text, bank->features, (size_t)(n + 3) * (size_t)widths[s], 2);
    babel_fill_floats("mean", r->mean[s], (size_t)widths[s], 0.3);
    babel_fill_floats("scale", r->inv_std[s], (size_t)widths[s], 0.4);
    for (int j = 0; j < widths[s]; j++) r->inv_std[s][j] += 1;
    for (int i = 0; i < n; i++) r->rows[s][i] = s ? n + 2 - i : (i * 17 + 2) % (n + 3);
    for (int i = 0; i < n + 3; i++) bank->subjects[i] = 77; /* rows that are no pair */
  }
  for (int i = 0; i < n; i++)
    for (int s = 0; s < 2; s++) r->banks[s].subjects[r->rows[s][i]] = i % 4;
}

static void destroy(rig *r) {
  for (int s = 0; s < 2; s++) {
    babel_bank_destroy(&r->banks[s]);
    free(r->rows[s]);
    free(r->mean[s]);
    free(r->inv_std[s]);
  }
}

static float *feature(const rig *r, int side, int pair) {
  return r->banks[side].features + (size_t)r->rows[side][pair] * (size_t)r->banks[side].width;
}

static babel_status create(babel_neighbours *graph, rig *r) {
  const babel_bank *const banks[2] = {&r->banks[0], &r->banks[1]};
  return babel_neighbours_create(graph, banks, r->rows, r->n, r->mean, r->inv_std, &r->options);
}

/* ---- the oracle ------------------------------------------------------------------------------------------------------------------------- */

typedef struct {
  double s[MOST][MOST];
  int list[MOST][MOST], count[MOST]; /* candidates by falling S, smaller number first among equals */
} oracle;

static void scale_to(double *x, int n, double length) {
  double squares = 0;
  for (int j = 0; j < n; j++) squares += x[j] * x[j];
  for (int j = 0; j < n; j++) x[j] = squares > 0 ? x[j] / sqrt(squares) * length : 0;
}

/* sides: 1 = the first modality alone, 2 = the second alone, 3 = both. */
static void solve(oracle *o, const rig *r, int sides) {
  static double u[MOST][2 * WIDEST];
  int total = 0;
  for (int i = 0; i < r->n; i++) {
    total = 0;
    for (int s = 0; s < 2; s++) {
      if (!(sides >> s & 1)) continue;
      int width = r->banks[s].width;
      const float *x = feature(r, s, i);
      for (int j = 0; j < width; j++) u[i][total + j] = ((double)x[j] - (double)r->mean[s][j]) * (double)r->inv_std[s][j];
      scale_to(u[i] + total, width, sides == 3 ? r->options.scale[s] : 1);
      total += width;
    }
    scale_to(u[i], total, 1);
  }
  for (int i = 0; i < r->n; i++) {
    o->count[i] = 0;
    for (int j = 0; j < r->n; j++) {
      o->s[i][j] = 0;
      for (int c = 0; c < total; c++) o->s[i][j] += u[i][c] * u[j][c];
      if (i == j || (r->options.other_subjects && r->banks[0].subjects[r->rows[0][i]] == r->banks[0].subjects[r->rows[0][j]])) continue;
      int at = o->count[i]++;
      for (; at > 0 && o->s[i][o->list[i][at - 1]] < o->s[i][j]; at--) o->list[i][at] = o->list[i][at - 1];
      o->list[i][at] = j;
    }
  }
}

static bool chosen(const oracle *o, int i, int j, int k) {
  for (int a = 0; a < k && a < o->count[i]; a++)
    if (o->list[i][a] == j) return true;
  return false;
}

static void check_lists(const babel_neighbours *g, const oracle *o, const babel_neighbour_options *options) {
  const int k = options->k, n = g->n;
  for (int i = 0; i < n; i++) {
    for (int a = 0; a <= k; a++) {
      double s = g->similarity[i * (k + 1) + a];
      if (a < k) cr_assert_eq(g->neighbours[i * k + a], a < o->count[i] ? o->list[i][a] : -1, "pair %d, neighbour %d", i, a);
      if (a < o->count[i]) cr_assert_float_eq(s, o->s[i][o->list[i][a]], 1e-13, "pair %d, S %d", i, a);
      else cr_assert(isnan(s));
    }
    for (int j = 0; j < n; j++) {
      double expected = chosen(o, i, j, k) ? fmax(exp((o->s[i][j] - 1) / options->width), (double)FLT_MIN) : 0;
      cr_assert(fabs((double)g->weights[i * n + j] - expected) <= 1e-6 * expected, "weight %d %d: %g, expected %g", i, j, (double)g->weights[i * n + j], expected);
    }
  }
}

/* mutual, gap, agreement. */
static void check_statistics(const babel_neighbours *g, const oracle *both, const rig *r) {
  static oracle alone[2];
  const int k = g->k, n = g->n;
  double edges = 0, mutual = 0, near = 0, far = 0, squares = 0, others = 0, single = 0, shared = 0;
  for (int s = 0; s < 2; s++) solve(&alone[s], r, 1 << s);
  for (int i = 0; i < n; i++)
    for (int a = 0; a < both->count[i]; a++) {
      int j = both->list[i][a];
      double value = both->s[i][j];
      if (a < k) {
        edges++;
        near += value;
        mutual += chosen(both, j, i, k);
      } else {
        others++;
        far += value;
        squares += value * value;
      }
      if (!chosen(&alone[0], i, j, k)) continue;
      single++;
      shared += chosen(&alone[1], i, j, k);
    }
  double mean = others > 0 ? far / others : 0, deviation = others > 0 ? sqrt(squares / others - mean * mean) : 0;
  cr_assert_float_eq(g->mutual, edges > 0 ? mutual / edges : 0, 1e-12);
  cr_assert_float_eq(g->gap, edges > 0 && deviation > 0 ? (near / edges - mean) / deviation : 0, 1e-9);
  cr_assert_float_eq(g->agreement, single > 0 ? shared / single : 0, 1e-12);
}

static void check_sum(const babel_neighbours *g) {
  size_t list = (size_t)(g->n * g->k) * sizeof(int), weights = (size_t)(g->n * g->n) * sizeof(float);
  char *bytes = malloc(list + weights), hex[65];
  memcpy(bytes, g->neighbours, list);
  memcpy(bytes + list, g->weights, weights);
  babel_sha256(bytes, list + weights, hex);
  cr_assert_str_eq(g->sha256, hex);
  free(bytes);
}

static void check(rig *r) {
  static oracle o;
  babel_neighbours g;
  cr_assert_eq(create(&g, r), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(g.n == r->n && g.k == r->options.k);
  solve(&o, r, 3);
  check_lists(&g, &o, &r->options);
  check_statistics(&g, &o, r);
  check_sum(&g);
  babel_neighbours_destroy(&g);
}

Test(growth_neighbours, matches_the_definition_on_random_sets) {
  static const struct {
    int n, a, b, k;
    double width, scale[2];
  } cases[] = {{2, 3, 5, 1, 0.3, {1, 1.4}}, {7, 1, 17, 6, 0.3, {1, 1.4}}, {33, 10, 14, 5, 0.05, {2, 0.5}}, {64, 8, 9, 15, 0.3, {1, 1.4}}, {96, 24, 24, 1, 1, {0.1, 3}},
               {40, 5, 6, 4, 0.3, {1, 0}}};
  rig r;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int others = 0; others < 2; others++) {
      make(&r, "random", cases[i].n, cases[i].a, cases[i].b, cases[i].k);
      r.options = (babel_neighbour_options){.k = cases[i].k, .width = cases[i].width, .scale = {cases[i].scale[0], cases[i].scale[1]}, .other_subjects = others};
      check(&r);
      destroy(&r);
    }
}

/* Pairs 0, 4, 8, .. are copies of one another, and so on: equal S to the bit, of which the smaller numbers are taken. */
Test(growth_neighbours, among_equals_the_smaller_row_number_comes_first) {
  rig r;
  babel_neighbours g;
  make(&r, "ties", 20, 6, 7, 3);
  for (int i = 4; i < 20; i++)
    for (int s = 0; s < 2; s++) memcpy(feature(&r, s, i), feature(&r, s, i % 4), (size_t)r.banks[s].width * sizeof(float));
  cr_assert_eq(create(&g, &r), BABEL_OK);
  for (int i = 0; i < 20; i++)
    for (int a = 0, expected = i % 4; a < 3; a++, expected += 4) {
      if (expected == i) expected += 4; /* not its own neighbour */
      cr_assert_eq(g.neighbours[i * 3 + a], expected, "pair %d, neighbour %d is %d", i, a, g.neighbours[i * 3 + a]);
    }
  babel_neighbours_destroy(&g);
  check(&r);
  destroy(&r);
}

Test(growth_neighbours, fewer_candidates_than_neighbours_leave_holes) {
  rig r;
  babel_neighbours g;
  make(&r, "few", 9, 6, 7, 4);
  r.options.other_subjects = true;
  for (int i = 0; i < 9; i++) r.banks[0].subjects[r.rows[0][i]] = i < 7 ? 3 : 5; /* two candidates for the first seven */
  check(&r);
  cr_assert_eq(create(&g, &r), BABEL_OK);
  cr_assert(g.neighbours[0] >= 7 && g.neighbours[1] >= 7 && g.neighbours[2] == -1 && g.neighbours[3] == -1);
  cr_assert(g.neighbours[8 * 4 + 3] >= 0, "the last has seven candidates");
  babel_neighbours_destroy(&g);
  for (int i = 0; i < 9; i++) r.banks[0].subjects[r.rows[0][i]] = 1; /* none for anybody */
  check(&r);
  cr_assert_eq(create(&g, &r), BABEL_OK);
  for (int i = 0; i < 9 * 4; i++) cr_assert_eq(g.neighbours[i], -1);
  for (int i = 0; i < 9 * 9; i++) cr_assert_eq(g.weights[i], 0);
  cr_assert(g.mutual == 0 && g.gap == 0 && g.agreement == 0);
  babel_neighbours_destroy(&g);
  destroy(&r);
}

Test(growth_neighbours, rows_of_zeros_are_similar_to_nobody) {
  rig r;
  babel_neighbours g;
  make(&r, "zeros", 12, 6, 7, 4);
  for (int s = 0; s < 2; s++) memcpy(feature(&r, s, 5), r.mean[s], (size_t)r.banks[s].width * sizeof(float)); /* both members */
  memcpy(feature(&r, 1, 8), r.mean[1], (size_t)r.banks[1].width * sizeof(float));                             /* one of them */
  check(&r);
  cr_assert_eq(create(&g, &r), BABEL_OK);
  for (int a = 0; a < 5; a++) cr_assert_eq(g.similarity[5 * 5 + a], 0);
  for (int a = 0; a < 4; a++) cr_assert_eq(g.neighbours[5 * 4 + a], a);
  cr_assert_gt(g.similarity[8 * 5], 0.1);
  babel_neighbours_destroy(&g);
  destroy(&r);
}

static bool same(const babel_neighbours *a, const babel_neighbours *b) {
  size_t n = (size_t)a->n, k = (size_t)a->k;
  return a->n == b->n && a->k == b->k && !memcmp(a->neighbours, b->neighbours, n * k * sizeof(int)) &&
         !memcmp(a->similarity, b->similarity, n * (k + 1) * sizeof(double)) && !memcmp(a->weights, b->weights, n * n * sizeof(float)) &&
         !memcmp(&a->mutual, &b->mutual, sizeof a->mutual) && !memcmp(&a->gap, &b->gap, sizeof a->gap) && a->agreement == b->agreement &&
         !strcmp(a->sha256, b->sha256);
}

Test(growth_neighbours, what_subjects_are_called_does_not_matter) {
  static const int names[4] = {-7, 1000000, 0, 3};
  rig r;
  babel_neighbours a, b;
  make(&r, "subjects", 40, 6, 7, 5);
  r.options.other_subjects = true;
  cr_assert_eq(create(&a, &r), BABEL_OK);
  for (int i = 0; i < 40; i++) r.banks[0].subjects[r.rows[0][i]] = names[i % 4];
  cr_assert_eq(create(&b, &r), BABEL_OK);
  cr_assert(same(&a, &b));
  babel_neighbours_destroy(&b);
  r.options.other_subjects = false;
  cr_assert_eq(create(&b, &r), BABEL_OK);
  cr_assert(!same(&a, &b));
  babel_neighbours_destroy(&a);
  babel_neighbours_destroy(&b);
  destroy(&r);
}

Test(growth_neighbours, the_number_of_threads_changes_no_bit) {
  rig r;
  babel_neighbours a, b;
  make(&r, "threads", 90, 20, 23, 15);
  omp_set_num_threads(1);
  cr_assert_eq(create(&a, &r), BABEL_OK);
  for (int threads = 2; threads <= 5; threads++) {
    omp_set_num_threads(threads);
    cr_assert_eq(create(&b, &r), BABEL_OK);
    cr_assert(same(&a, &b), "%d threads", threads);
    babel_neighbours_destroy(&b);
  }
  babel_neighbours_destroy(&a);
  destroy(&r);
}

/* A neighbour whose weight is too small for a float stays an edge: a mask asks only whether there is one. */
Test(growth_neighbours, a_neighbour_far_away_keeps_a_weight_above_zero) {
  rig r;
  babel_neighbours g;
  make(&r, "narrow", 30, 6, 7, 4);
  r.options.width = 1e-4;
  cr_assert_eq(create(&g, &r), BABEL_OK);
  for (int i = 0; i < 30; i++)
    for (int a = 0; a < 4; a++) cr_assert_gt(g.weights[i * 30 + g.neighbours[i * 4 + a]], 0);
  cr_assert_gt(g.mutual, 0);
  babel_neighbours_destroy(&g);
  destroy(&r);
}

static void refused(rig *r, babel_status expected) {
  babel_neighbours g;
  cr_assert_eq(create(&g, r), expected);
  cr_assert(!g.neighbours && !g.weights && !g.similarity);
  babel_error_take();
}

Test(growth_neighbours, senseless_requests_are_refused) {
  rig r;
  make(&r, "bad", 10, 3, 4, 0);
  refused(&r, BABEL_ERR_ARG);
  r.options.k = 10;
  refused(&r, BABEL_ERR_ARG);
  r.options.k = 9;
  r.options.width = 0;
  refused(&r, BABEL_ERR_ARG);
  r.options.width = (double)NAN;
  refused(&r, BABEL_ERR_ARG);
  r.options.width = 0.3;
  r.n = 20001;
  refused(&r, BABEL_ERR_UNSUPPORTED);
  r.n = 10;
  r.banks[1].steps = 2;
  refused(&r, BABEL_ERR_UNSUPPORTED);
  r.banks[1].steps = 1;
  check(&r);
  destroy(&r);
}

/* ---- is there anything to be found? ------------------------------------------------------------------------------------------------------ */

static bool doubted(rig *r, char *sentence) {
  babel_neighbours g;
  cr_assert_eq(create(&g, r), BABEL_OK);
  bool doubtful = babel_neighbours_doubtful(&g, sentence, 512);
  babel_neighbours_destroy(&g);
  return doubtful;
}

Test(growth_neighbours, unrelated_sensors_are_doubted_and_repeated_activities_are_not) {
  char sentence[512] = "";
  rig r;
  make(&r, "unrelated", 90, 12, 12, 8);
  cr_assert(doubted(&r, sentence));
  cr_assert_not_null(strstr(sentence, "chance 9.0 %"), "%s", sentence);
  for (int i = 0; i < 90; i++) /* nine activities that both sensors tell apart, and noise of their own */
    for (int s = 0; s < 2; s++)
      for (int j = 0; j < 12; j++) feature(&r, s, i)[j] = (float)(3 * babel_fill("activity", (uint32_t)((i % 9) * 24 + s * 12 + j))) + feature(&r, s, i)[j] * 0.2f;
  cr_assert(!doubted(&r, sentence));
  destroy(&r);
}

Test(growth_neighbours, doubt_begins_below_four_times_chance_and_a_quarter) {
  static const struct {
    double agreement;
    int k;
    bool doubtful;
  } cases[] = {{0.039, 1, true}, {0.041, 1, false}, {0.24, 10, true}, {0.26, 10, false}, {0, 1, true}};
  char sentence[512];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_neighbours g = {.n = 101, .k = cases[i].k, .agreement = cases[i].agreement};
    cr_assert_eq(babel_neighbours_doubtful(&g, sentence, sizeof sentence), cases[i].doubtful, "case %zu", i);
  }
}
