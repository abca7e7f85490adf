#include "tests/encoders/skeleton_synthetic.h"

#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/log.h"
#include "encoders/skeleton_graph.h"
#include "kernels/plane_linear.h"
#include "tests/support/compare.h"

void skeleton_init(void) {
  babel_log_set_level(BABEL_LOG_QUIET);
  omp_set_num_threads(1);
}

typedef struct {
  double level, spread;
} fill_rule;

/* Which rule a tensor follows; the first that matches counts. */
static fill_rule rule_of(const char *name, int rank, int64_t fan_in) {
  size_t length = strlen(name);
  if (strstr(name, "running_mean")) return (fill_rule){0, 0.1};
  if (strstr(name, "running_var")) return (fill_rule){1, 0.5};
  if (strstr(name, "edge_importance")) return (fill_rule){1, 0.1};
  if (strstr(name, "xpos")) return (fill_rule){0, 0};
  if (strstr(name, "ypos")) return (fill_rule){0, 3};
  if (rank >= 2) return (fill_rule){0, sqrt(3.0 / (double)fan_in)};
  if (length > 6 && !strcmp(name + length - 6, "weight")) return (fill_rule){1, 0.1};
  return (fill_rule){0, 0.1};
}

static babel_status fill(void *context, const char *name, int rank, const int64_t *shape, float *out) {
  int64_t count = 1;
  for (int k = 0; k < rank; k++) count *= shape[k];
  if (!strcmp(name, "A")) return babel_skeleton_graph_adjacency(&babel_skeleton_graph_ntu, out);
  fill_rule rule = rule_of(name, rank, count / shape[0]);
  for (int64_t i = 0; i < count; i++)
    out[i] = (float)(rule.level + rule.spread * babel_fill(name, (uint32_t)i));
  return BABEL_OK;
}

babel_weight_source skeleton_fill_source(void) {
  return (babel_weight_source){NULL, fill};
}

float *skeleton_fill_input(int frames, int joints, int persons) {
  float *x = malloc((size_t)(persons * frames * joints * 3) * sizeof *x);
  cr_assert_not_null(x);
  for (int c = 0; c < 3; c++)
    for (int t = 0; t < frames; t++)
      for (int v = 0; v < joints; v++)
        for (int m = 0; m < persons; m++)
          x[((m * frames + t) * joints + v) * 3 + c] =
              (float)babel_fill("input", (uint32_t)(((c * frames + t) * joints + v) * persons + m));
  return x;
}

static void see(void *user, int unit, const float *planes, int channels, int joints, int frames) {
  skeleton_unit_totals *totals = user;
  size_t pitch = babel_plane_pitch(joints * frames);
  for (int c = 0; c < channels; c++, planes += pitch)
    for (int i = 0; i < joints * frames; i++) {
      totals->sum[unit] += (double)planes[i];
      totals->square[unit] += (double)planes[i] * (double)planes[i];
    }
}

babel_unit_observer skeleton_watch(skeleton_unit_totals *totals) {
  memset(totals, 0, sizeof *totals);
  return (babel_unit_observer){see, totals};
}

void skeleton_expect(const char *what, double value, double expected, double tolerance) {
  double scale = fabs(expected) > 1 ? fabs(expected) : 1;
  cr_assert(fabs(value - expected) <= tolerance * scale, "%s: %.9g, the reference is %.9g", what, value,
            expected);
}

double skeleton_sum(const float *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += (double)x[i];
  return sum;
}

double skeleton_norm(const float *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
  return sqrt(sum);
}

void *skeleton_scratch(size_t bytes) {
  void *memory;
  cr_assert_neq(bytes, 0);
  cr_assert_eq(babel_alloc(&memory, bytes, 1), BABEL_OK);
  memset(memory, 0xff, bytes);
  return memory;
}
