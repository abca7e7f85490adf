#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "core/rng.h"
#include "eval/heads.h"
#include "eval/panel.h"
#include "tests/support/compare.h"

/* The plain head in double: every parameter of W1 (hidden, d) is stored, stepped and decayed. */
typedef struct {
  int d, hidden, classes;
  double *w1, *b1, *w2, *b2; /* one block of `count` */
  size_t count;
} plain;

static double start(uint64_t seed, uint64_t index, int fan_in) {
  uint32_t word = babel_rng_word(seed, BABEL_RNG_HEAD, index) >> 8;
  return (2 * (word / 16777216.0) - 1) / sqrt(fan_in);
}

static plain plain_create(int d, int hidden, int classes, uint64_t seed) {
  plain p = {.d = d, .hidden = hidden, .classes = classes};
  p.count = (size_t)hidden * d + hidden + (size_t)classes * hidden + classes;
  p.w1 = malloc(p.count * sizeof(double));
  p.b1 = p.w1 + (size_t)hidden * d;
  p.w2 = p.b1 + hidden;
  p.b2 = p.w2 + (size_t)classes * hidden;
  for (size_t i = 0; i < p.count; i++) p.w1[i] = start(seed, i, i < (size_t)(hidden * d + hidden) ? d : hidden);
  return p;
}

/* Hidden units behind ReLU into h, probabilities into p. */
static void plain_forward(const plain *net, const double *x, double *h, double *p) {
  double most = -INFINITY, sum = 0;
  for (int j = 0; j < net->hidden; j++) {
    const double *w = net->w1 + (size_t)j * net->d;
    double z = net->b1[j];
#pragma omp simd reduction(+ : z)
    for (int i = 0; i < net->d; i++) z += w[i] * x[i];
    h[j] = z > 0 ? z : 0;
  }
  for (int c = 0; c < net->classes; c++) {
    p[c] = net->b2[c];
    for (int j = 0; j < net->hidden; j++) p[c] += net->w2[c * net->hidden + j] * h[j];
    most = fmax(most, p[c]);
  }
  for (int c = 0; c < net->classes; c++) sum += p[c] = exp(p[c] - most);
  for (int c = 0; c < net->classes; c++) p[c] /= sum;
}

/* g += gradient of -log p[target] / batch; g has the layout of the parameters. */
static void plain_backward(const plain *net, const double *x, int target, int batch, double *g, double *h, double *p) {
  double *g1 = g, *gb1 = g1 + (size_t)net->hidden * net->d, *g2 = gb1 + net->hidden, *gb2 = g2 + (size_t)net->classes * net->hidden;
  plain_forward(net, x, h, p);
  for (int c = 0; c < net->classes; c++) {
    p[c] = (p[c] - (c == target)) / batch;
    gb2[c] += p[c];
    for (int j = 0; j < net->hidden; j++) g2[c * net->hidden + j] += p[c] * h[j];
  }
  for (int j = 0; j < net->hidden; j++) {
    double dh = 0;
    for (int c = 0; c < net->classes; c++) dh += p[c] * net->w2[c * net->hidden + j];
    if (!(h[j] > 0)) continue;
    gb1[j] += dh;
    for (int i = 0; i < net->d; i++) g1[(size_t)j * net->d + i] += dh * x[i];
  }
}

static void plain_train(plain *net, const double *x, const int *target, int n, const babel_config *config, uint64_t seed) {
  double *g = malloc(net->count * sizeof(double)), *v = calloc(net->count, sizeof(double));
  double *h = malloc(net->hidden * sizeof(double)), *p = malloc(net->classes * sizeof(double));
  int *order = malloc(n * sizeof(int)), batch = config->head_batch < n ? config->head_batch : n;
  for (int e = 0; e < config->head_epochs; e++) {
    double lr = config->head_lr * (1 + cos(M_PI * e / config->head_epochs)) / 2;
    babel_rng_permutation(seed, BABEL_RNG_HEAD, BABEL_HEAD_SHUFFLE + (uint64_t)e * n, n, order);
    for (int at = 0; at < n; at += batch) {
      int b = n - at < batch ? n - at : batch;
      for (size_t i = 0; i < net->count; i++) g[i] = 0;
      for (int r = 0; r < b; r++) plain_backward(net, x + (size_t)order[at + r] * net->d, target[order[at + r]], b, g, h, p);
      for (size_t i = 0; i < net->count; i++) {
        v[i] = config->head_momentum * v[i] + g[i] + config->head_weight_decay * net->w1[i];
        net->w1[i] -= lr * v[i];
      }
    }
  }
  free(g), free(v), free(h), free(p), free(order);
}

typedef struct {
  babel_head_problem problem;
  float *x;
  double *wide; /* sqrt(512) x in the order of the samples */
  int *rows, *target;
  double *gram, *norm;
} fixture;

/* Noisy unit rows of `classes` kinds; sample i is row (5 i + 3) mod (n + q), so that row numbers matter. */
static fixture make(int n, int q, int d, int classes, double noise) {
  fixture f;
  int samples = n + q;
  f.x = malloc((size_t)samples * d * sizeof(float));
  f.wide = malloc((size_t)samples * d * sizeof(double));
  f.rows = malloc(samples * sizeof(int));
  f.target = malloc(n * sizeof(int));
  f.gram = calloc((size_t)samples * n, sizeof(double));
  f.norm = malloc(samples * sizeof(double));
  for (int s = 0; s < samples; s++) {
    double square = 0;
    f.rows[s] = (int)((7919LL * s + 3) % samples);
    float *row = f.x + (size_t)f.rows[s] * d;
    for (int i = 0; i < d; i++) {
      row[i] = (float)(babel_fill("kind", (uint32_t)(s % classes * d + i)) + noise * babel_fill("noise", (uint32_t)(s * d + i)));
      square += (double)row[i] * row[i];
    }
    for (int i = 0; i < d; i++) {
      row[i] = (float)(row[i] / sqrt(square));
      f.wide[(size_t)s * d + i] = sqrt(512) * row[i];
    }
    if (s < n) f.target[s] = s % classes;
    f.norm[s] = 1;
  }
  for (int s = 0; s < samples; s++)
    for (int t = 0; t < n; t++)
      for (int i = 0; i < d; i++) f.gram[(size_t)s * n + t] += f.wide[(size_t)s * d + i] * f.wide[(size_t)t * d + i] / 512;
  f.problem = (babel_head_problem){n, q, d, classes, f.x, f.rows, f.target, f.gram, f.norm};
  return f;
}

static void drop(fixture *f) {
  free(f->x), free(f->wide), free(f->rows), free(f->target), free(f->gram), free(f->norm);
}

/* The CPU's form, then the form of a device with the CPU's table of operations. */
static void train(double *scores, const fixture *f, const babel_config *config, uint64_t seed, bool device) {
  const babel_mlp_head head = {scores, &f->problem, seed};
  if (device) cr_assert_eq(babel_head_mlp_device(&head, 1, config, babel_ops_cpu()), BABEL_OK, "%s", babel_error_last()->sentence);
  else cr_assert_eq(babel_head_mlp(scores, &f->problem, config, seed), BABEL_OK, "%s", babel_error_last()->sentence);
}

static void compare_form(int n, int q, int d, int classes, babel_config config, uint64_t seed, double noise, bool device) {
  fixture f = make(n, q, d, classes, noise);
  plain net = plain_create(d, config.head_hidden, classes, seed);
  double *scores = malloc((size_t)q * classes * sizeof(double)), *again = malloc((size_t)q * classes * sizeof(double)), worst = 0;
  double *h = malloc(config.head_hidden * sizeof(double)), *p = malloc(classes * sizeof(double));
  plain_train(&net, f.wide, f.target, n, &config, seed);
  for (int i = 0; i < q * classes; i++) scores[i] = again[i] = NAN;
  train(scores, &f, &config, seed, device);
  train(again, &f, &config, seed, device);
  for (int r = 0; r < q; r++) {
    int mine = 0, theirs = 0;
    plain_forward(&net, f.wide + (size_t)(n + r) * d, h, p);
    for (int c = 0; c < classes; c++) {
      double gap = fabs(scores[r * classes + c] - p[c]);
      cr_assert(gap <= 1e-4, "query %d class %d: %.9g, expected %.9g", r, c, scores[r * classes + c], p[c]);
      worst = fmax(worst, gap);
      mine = scores[r * classes + c] > scores[r * classes + mine] ? c : mine;
      theirs = p[c] > p[theirs] ? c : theirs;
      cr_assert_eq(scores[r * classes + c], again[r * classes + c], "a second run gives the same bits");
    }
    cr_assert_eq(mine, theirs);
  }
  fprintf(stderr, "mlp head%s n %d d %d hidden %d: largest gap of a probability %.2g\n", device ? " of a device" : "", n, d, config.head_hidden, worst);
  free(scores), free(again), free(h), free(p), free(net.w1);
  drop(&f);
}

static void compare(int n, int q, int d, int classes, babel_config config, uint64_t seed, double noise) {
  compare_form(n, q, d, classes, config, seed, noise, false);
  compare_form(n, q, d, classes, config, seed, noise, true);
}

static babel_config ours(void) {
  babel_config config;
  babel_config_preset(&config, BABEL_PRESET_OURS);
  return config;
}

Test(eval_head_mlp, span_of_the_support_equals_the_full_space) {
  babel_config c = ours();
  c.head_hidden = 40;
  compare(27, 50, 96, 27, c, 1, 0.7);
  c.head_epochs = 300;
  compare(33, 40, 61, 27, c, (uint64_t)3 << 32 | 9, 0.7); /* classes with two samples; batches of 16, 16 and 1 */
}

Test(eval_head_mlp, strong_decay_and_odd_sizes_equal_the_full_space) {
  babel_config c = ours();
  c.head_hidden = 17;
  c.head_batch = 3;
  c.head_epochs = 60;
  c.head_lr = 0.02;
  c.head_weight_decay = 0.2; /* W1_0 fades: a_t matters */
  c.head_momentum = 0.5;
  compare(7, 11, 5, 3, c, 5, 0.5);
  c.head_batch = 100; /* more than there are */
  compare(7, 11, 5, 3, c, 5, 0.5);
  c.head_hidden = 64; /* the distance of rows is moved off this power of two */
  compare(4, 1, 1, 2, c, 5, 0.5);
  compare(1, 3, 9, 1, c, 6, 0.5);
}

Test(eval_head_mlp, paper_size_equals_the_full_space) {
  babel_config c = ours();
  c.head_epochs = 30;
  compare(27, 221, 512, 27, c, 2, 1.5);
}

Test(eval_head_mlp, learns_what_can_be_learnt) {
  fixture f = make(27, 54, 128, 27, 0.5);
  babel_config c = ours();
  double *scores = malloc(54 * 27 * sizeof(double));
  int right = 0;
  cr_assert_eq(babel_head_mlp(scores, &f.problem, &c, 0), BABEL_OK);
  for (int r = 0; r < 54; r++) {
    int best = 0;
    double sum = 0;
    for (int k = 0; k < 27; k++) {
      best = scores[r * 27 + k] > scores[r * 27 + best] ? k : best;
      sum += scores[r * 27 + k];
    }
    cr_assert_float_eq(sum, 1, 1e-12);
    right += best == (27 + r) % 27;
  }
  cr_assert_geq(right, 52);
  free(scores);
  drop(&f);
}

Test(eval_head_mlp, sizes_below_one_are_refused) {
  fixture f = make(3, 2, 4, 3, 0.5);
  double scores[6];
  babel_config c = ours();
  c.head_hidden = 0;
  cr_assert_eq(babel_head_mlp(scores, &f.problem, &c, 0), BABEL_ERR_ARG);
  c = ours();
  c.head_batch = 0;
  cr_assert_eq(babel_head_mlp(scores, &f.problem, &c, 0), BABEL_ERR_ARG);
  c = ours();
  c.head_epochs = 0;
  cr_assert_eq(babel_head_mlp(scores, &f.problem, &c, 0), BABEL_ERR_ARG);
  drop(&f);
}

/* Every number of rows (all tiles), both layouts of a, depths and columns around a panel. */
Test(eval_head_mlp, panel_product_matches_the_formula) {
  static const int depths[] = {1, 27, 33}, widths[] = {1, 16, 17, 64};
  for (int m = 1; m <= 19; m++)
    for (int t = 0; t < 24; t++) {
      int k = depths[t % 3], columns = widths[t / 3 % 4], turned = t / 12;
      size_t ldy = babel_panel_stride(columns), ldb = ldy + 3;
      float *a = malloc((size_t)m * k * sizeof(float)), *b = malloc((size_t)k * ldb * sizeof(float)), *y = babel_guarded((size_t)m * ldy);
      double *expected = malloc((size_t)m * ldy * sizeof(double));
      babel_fill_floats("a", a, (size_t)m * k, 1);
      babel_fill_floats("b", b, (size_t)k * ldb, 1);
      size_t whole = babel_panel_round(columns);
      for (int i = 0; i < m; i++)
        for (size_t j = 0; j < ldy; j++) {
          y[i * ldy + j] = (float)(i + 0.5 * (double)j);
          expected[i * ldy + j] = i + 0.5 * (double)j;
          for (int l = 0; l < k && j < whole; l++) expected[i * ldy + j] += (double)(turned ? a[l * m + i] : a[i * k + l]) * b[l * ldb + j];
        }
      babel_panel_multiply(y, ldy, a, turned ? 1 : k, turned ? m : 1, b, ldb, m, k, columns);
      cr_assert(babel_close("panel product", y, expected, (size_t)m * ldy, 1e-5, 1e-5), "m %d k %d columns %d", m, k, columns);
      cr_assert(babel_guard_check(y, (size_t)m * ldy));
      babel_guarded_free(y);
      free(a), free(b), free(expected);
    }
}

Test(eval_head_mlp, panel_transpose_moves_every_element_and_clears_the_rest) {
  for (int m = 1; m <= 17; m++)
    for (int columns = 1; columns <= 34; columns += 11) {
      size_t ldx = babel_panel_stride(columns), ldy = babel_panel_round(m), rows = babel_panel_round(columns);
      float *x = malloc((size_t)m * ldx * sizeof(float)), *y = babel_guarded(rows * ldy);
      babel_fill_floats("x", x, (size_t)m * ldx, 1);
      babel_panel_transpose(y, ldy, x, ldx, m, columns);
      for (int j = 0; j < columns; j++)
        for (int i = 0; i < (int)ldy; i++) cr_assert_eq(y[j * ldy + i], i < m ? x[i * ldx + j] : 0);
      cr_assert(babel_guard_check(y, rows * ldy));
      babel_guarded_free(y);
      free(x);
    }
}
