#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "kernels/attention.h"
#include "tests/support/compare.h"

/* Everything in double, rows of `stride` values; y and dy compact. */
typedef struct {
  babel_attention_shape shape;
  size_t size, model, square; /* of q, k, v; of y; of p */
  double *q, *k, *v, *dy, *y, *p, *dq, *dk, *dv;
} oracle;

static void forward(oracle *o) {
  const babel_attention_shape a = o->shape;
  for (int h = 0; h < a.heads; h++)
    for (int i = 0; i < a.steps; i++) {
      double *p = o->p + ((size_t)h * a.steps + i) * a.steps, sum = 0;
      for (int j = 0; j < a.steps; j++) {
        double score = 0;
        for (int c = h * a.width; c < (h + 1) * a.width; c++)
          score += o->q[i * a.stride + c] * o->k[j * a.stride + c];
        p[j] = exp((double)a.scale * score);
        sum += p[j];
      }
      for (int j = 0; j < a.steps; j++) p[j] /= sum;
      for (int c = h * a.width; c < (h + 1) * a.width; c++) {
        double y = 0;
        for (int j = 0; j < a.steps; j++) y += p[j] * o->v[j * a.stride + c];
        o->y[i * a.heads * a.width + c] = y;
      }
    }
}

static void backward(oracle *o) {
  const babel_attention_shape a = o->shape;
  memset(o->dq, 0, o->size * sizeof(double));
  memset(o->dk, 0, o->size * sizeof(double));
  memset(o->dv, 0, o->size * sizeof(double));
  for (int h = 0; h < a.heads; h++)
    for (int i = 0; i < a.steps; i++) {
      const double *p = o->p + ((size_t)h * a.steps + i) * a.steps, *dy = o->dy + i * a.heads * a.width;
      double dp[512], mean = 0;
      for (int j = 0; j < a.steps; j++) {
        dp[j] = 0;
        for (int c = h * a.width; c < (h + 1) * a.width; c++) dp[j] += dy[c] * o->v[j * a.stride + c];
        mean += p[j] * dp[j];
      }
      for (int j = 0; j < a.steps; j++)
        for (int c = h * a.width; c < (h + 1) * a.width; c++) {
          double ds = (double)a.scale * p[j] * (dp[j] - mean);
          o->dq[i * a.stride + c] += ds * o->k[j * a.stride + c];
          o->dk[j * a.stride + c] += ds * o->q[i * a.stride + c];
          o->dv[j * a.stride + c] += p[j] * dy[c];
        }
    }
}

static double *filled(const char *key, size_t n, double scale) {
  double *x = malloc(n * sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = (double)(float)(babel_fill(key, (uint32_t)i) * scale);
  return x;
}

static oracle make_oracle(babel_attention_shape a, double size_of_scores) {
  oracle o = {.shape = a};
  o.size = (size_t)a.steps * a.stride;
  o.model = (size_t)a.steps * a.heads * a.width;
  o.square = (size_t)a.heads * a.steps * a.steps;
  o.q = filled("q", o.size, size_of_scores);
  o.k = filled("k", o.size, 1);
  o.v = filled("v", o.size, 1);
  o.dy = filled("dy", o.model, 1);
  o.y = malloc(o.model * sizeof(double));
  o.p = malloc(o.square * sizeof(double));
  o.dq = malloc(o.size * sizeof(double));
  o.dk = malloc(o.size * sizeof(double));
  o.dv = malloc(o.size * sizeof(double));
  forward(&o);
  backward(&o);
  return o;
}

static void free_oracle(oracle *o) {
  double *all[] = {o->q, o->k, o->v, o->dy, o->y, o->p, o->dq, o->dk, o->dv};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static float *single(const double *x, size_t n) {
  float *y = babel_guarded(n);
  for (size_t i = 0; i < n; i++) y[i] = (float)x[i];
  return y;
}

/* Columns that belong to no head must stay as they were: NaN from the poison. */
static bool gaps_untouched(const float *x, const babel_attention_shape *a) {
  for (int t = 0; t < a->steps; t++)
    for (int c = a->heads * a->width; c < a->stride; c++)
      if (!isnan(x[t * a->stride + c])) return false;
  return true;
}

static bool close_in_heads(const char *label, const float *x, const double *want, const oracle *o,
                           double atol) {
  float *copy = single(want, o->size);
  for (int t = 0; t < o->shape.steps; t++)
    memcpy(copy + (size_t)t * o->shape.stride, x + (size_t)t * o->shape.stride,
           (size_t)o->shape.heads * o->shape.width * sizeof *x);
  bool close = babel_close(label, copy, want, o->size, atol, 1e-5);
  babel_guarded_free(copy);
  return close;
}

static void check_shape(babel_attention_shape a, double size_of_scores) {
  oracle o = make_oracle(a, size_of_scores);
  size_t space = babel_attention_workspace(&a);
  float *q = single(o.q, o.size), *k = single(o.k, o.size), *v = single(o.v, o.size),
        *dy = single(o.dy, o.model);
  float *y = babel_guarded(o.model), *p = babel_guarded(o.square), *workspace = babel_guarded(space);
  float *again = babel_guarded(o.model), *dq = babel_guarded(o.size), *dk = babel_guarded(o.size),
        *dv = babel_guarded(o.size);
  cr_assert_eq(babel_attention_fwd_cpu(y, p, workspace, q, k, v, &a, NULL), BABEL_OK);
  cr_assert_eq(babel_attention_fwd_cpu(again, NULL, workspace, q, k, v, &a, NULL), BABEL_OK);
  cr_assert(babel_close("y", y, o.y, o.model, 2e-6, 1e-5), "%d steps, %d x %d", a.steps, a.heads, a.width);
  cr_assert(babel_close("p", p, o.p, o.square, 1e-6, 2e-5));
  cr_assert_eq(memcmp(y, again, o.model * sizeof *y), 0, "differs when p is not wanted");
  cr_assert(babel_guard_check(y, o.model) && babel_guard_check(p, o.square) &&
            babel_guard_check(workspace, space));

  cr_assert_eq(babel_attention_bwd_cpu(dq, dk, dv, workspace, dy, q, k, v, p, &a, NULL), BABEL_OK);
  cr_assert(gaps_untouched(dq, &a) && gaps_untouched(dk, &a) && gaps_untouched(dv, &a));
  cr_assert(close_in_heads("dq", dq, o.dq, &o, 5e-6));
  cr_assert(close_in_heads("dk", dk, o.dk, &o, 2e-5));
  cr_assert(close_in_heads("dv", dv, o.dv, &o, 2e-5));
  cr_assert(babel_guard_check(dq, o.size) && babel_guard_check(dk, o.size) && babel_guard_check(dv, o.size));
  cr_assert(babel_guard_check(workspace, space));
  float *all[] = {q, k, v, dy, y, p, workspace, again, dq, dk, dv};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) babel_guarded_free(all[i]);
  free_oracle(&o);
}

Test(kernels_attention, fwd_and_bwd_match_formula) {
  static const babel_attention_shape shapes[] = {
      {1, 1, 1, 1, 1, 0},        {2, 2, 3, 9, 0.7f, 0},        {23, 1, 24, 24, 0.2f, 0},      {24, 3, 18, 54, 0.2357f, 0},
      {25, 4, 25, 103, 0.2f, 0}, {120, 4, 18, 72, 0.2357f, 0}, {120, 4, 18, 216, 0.2357f, 0}, {257, 2, 50, 100, 0.14f, 0},
  };
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_shape(shapes[i], 2);
}

Test(kernels_attention, heads_given_out_one_by_one_give_the_same_bits) {
  const babel_attention_shape all = {25, 4, 18, 216, 0.2357f, 0}, one = {25, 1, 18, 216, 0.2357f, 72};
  enum { STEPS = 25, Y = STEPS * 72, QKV = STEPS * 216, P = 4 * STEPS * STEPS };
  float *qkv = babel_guarded(QKV), *workspace = babel_guarded(babel_attention_workspace(&all)), *p = babel_guarded(P);
  float *y[2] = {babel_guarded(Y), babel_guarded(Y)}, *d[2] = {babel_guarded(QKV), babel_guarded(QKV)};
  babel_fill_floats("qkv", qkv, QKV, 2);
  cr_assert_eq(babel_attention_fwd_cpu(y[0], p, workspace, qkv, qkv + 72, qkv + 144, &all, NULL), BABEL_OK);
  cr_assert_eq(babel_attention_bwd_cpu(d[0], d[0] + 72, d[0] + 144, workspace, y[0], qkv, qkv + 72, qkv + 144, p, &all, NULL), BABEL_OK);
  for (int h = 0; h < 4; h++) {
    const float *q = qkv + h * 18;
    float *ph = p + h * STEPS * STEPS, *dq = d[1] + h * 18;
    cr_assert_eq(babel_attention_fwd_cpu(y[1] + h * 18, ph, workspace, q, q + 72, q + 144, &one, NULL), BABEL_OK);
    cr_assert_eq(babel_attention_bwd_cpu(dq, dq + 72, dq + 144, workspace, y[1] + h * 18, q, q + 72, q + 144, ph, &one, NULL), BABEL_OK);
  }
  cr_assert_eq(memcmp(y[0], y[1], Y * sizeof(float)), 0);
  cr_assert_eq(memcmp(d[0], d[1], QKV * sizeof(float)), 0);
  float *buffers[] = {qkv, workspace, p, y[0], y[1], d[0], d[1]};
  for (size_t i = 0; i < 7; i++) babel_guarded_free(buffers[i]);
}

Test(kernels_attention, large_scores_do_not_overflow) {
  oracle o = make_oracle((babel_attention_shape){30, 2, 18, 36, 1, 0}, 10);
  size_t space = babel_attention_workspace(&o.shape);
  for (size_t i = 0; i < o.size; i++) o.q[i] = (double)(float)(o.q[i] * 20);
  float *q = single(o.q, o.size), *k = single(o.k, o.size), *v = single(o.v, o.size),
        *y = babel_guarded(o.model);
  float *workspace = babel_guarded(space);
  cr_assert_eq(babel_attention_fwd_cpu(y, NULL, workspace, q, k, v, &o.shape, NULL), BABEL_OK);
  for (size_t i = 0; i < o.model; i++)
    cr_assert(fabsf(y[i]) <= 1.0001f, "an average of values leaves their range");
  float *all[] = {q, k, v, y, workspace};
  for (size_t i = 0; i < 5; i++) babel_guarded_free(all[i]);
  free_oracle(&o);
}

static double objective(oracle *o) {
  double sum = 0;
  forward(o);
  for (size_t i = 0; i < o->model; i++) sum += o->y[i] * o->dy[i];
  return sum;
}

static void check_slopes(oracle *o, double *x, const double *want) {
  for (size_t i = 0; i < o->size; i++) {
    double kept = x[i], h = 1e-5;
    x[i] = kept + h;
    double above = objective(o);
    x[i] = kept - h;
    double below = objective(o);
    x[i] = kept;
    cr_assert_float_eq((above - below) / (2 * h), want[i], 1e-8);
  }
}

Test(kernels_attention, oracle_backward_agrees_with_differences) {
  oracle o = make_oracle((babel_attention_shape){7, 2, 3, 8, 0.7f, 0}, 2);
  check_slopes(&o, o.q, o.dq);
  check_slopes(&o, o.k, o.dk);
  check_slopes(&o, o.v, o.dv);
  free_oracle(&o);
}

Test(kernels_attention, bad_sizes_are_refused) {
  static const babel_attention_shape bad[] = {
      {0, 1, 1, 1, 1, 0}, {1, 0, 1, 1, 1, 0}, {1, 1, 0, 1, 1, 0}, {4, 4, 18, 71, 1, 0}, {4, 4, 18, 72, 1, 71}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cr_assert_eq(babel_attention_fwd_cpu(NULL, NULL, NULL, NULL, NULL, NULL, &bad[i], NULL), BABEL_ERR_SHAPE);
    cr_assert_eq(babel_attention_bwd_cpu(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, &bad[i], NULL),
                 BABEL_ERR_SHAPE);
  }
}
