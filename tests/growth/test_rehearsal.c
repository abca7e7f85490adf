/* Sides that are only held to their teacher: their gradient against central differences in double, on every layout of the step. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "growth/step.h"
#include "tests/support/compare.h"
#include "tests/support/device_ops.h"

enum { M = 9, SIDES = 4, BANK_ROWS = 11 };
static const int widths[3] = {7, 13, 5};
static int rehearsed_rows[SIDES] = {0, 0, 6, 4};

typedef struct {
  babel_ops ops;
  babel_trunk trunk;
  babel_tower *towers[3];
  float bank[3][BANK_ROWS * 13];
  babel_step_plan plan;
} rig;

typedef struct {
  const char *name;
  int layers, policy, learning; /* learning of junction's module and prototype */
  int adaptive, post, replay, chunk;
} layout;

/* towers a, b, c; the pair is (a, b), rehearsed are a and c. */
static void create(rig *r, const layout *l, int sides) {
  babel_config config;
  memset(r, 0, sizeof *r);
  babel_config_preset(&config, BABEL_PRESET_OURS);
  config.embed_dim = 24;
  config.hidden = 16;
  config.input_dropout = 0.3;
  config.post_proj = l->post;
  config.proto_policy = l->policy;
  config.chunk = l->chunk;
  r->ops = *babel_test_ops();
  if (l->layers) r->ops.sum_cotangents = 0; /* step_rig.h */
  if (l->layers == 2) r->ops.fold_layers = 0;
  cr_assert_eq(babel_trunk_create(&r->trunk, &r->ops, &config), BABEL_OK);
  for (int i = 0; i < 3; i++) cr_assert_eq(babel_trunk_add_tower(&r->trunk, (char[]){(char)('a' + i), 0}, widths[i]), BABEL_OK);
  for (int i = 0; i < 3; i++) {
    r->towers[i] = &r->trunk.towers[i];
    babel_fill_floats((char[]){(char)('p' + i), 0}, r->bank[i], (size_t)(BANK_ROWS * widths[i]), 2);
  }
  babel_step_request request = babel_step_pair(r->towers, (const int[]){1, 1}, M, -1, l->adaptive);
  request.still = true;
  request.sides = sides;
  request.module[0] = request.prototype = (babel_learning)l->learning;
  request.towers[2] = r->towers[0];
  request.towers[3] = r->towers[2];
  if (l->replay && sides > 2) rehearsed_rows[2] = 4, request.replayed = 1, request.replay_rows = 4;
  for (int s = 2; s < sides; s++) {
    request.steps[s] = 1;
    request.rows[s] = rehearsed_rows[s];
  }
  cr_assert_eq(babel_step_plan_create(&r->plan, &r->trunk, &request), BABEL_OK, "%s", babel_error_last()->sentence);
  for (int s = 0; s < 2; s++) {
    r->plan.bank[s] = r->bank[s];
    r->plan.bank_rows[s] = BANK_ROWS;
    for (int i = 0; i < M; i++) r->plan.in.rows[s][i] = BANK_ROWS - 1 - i;
  }
  for (int s = 2; s < sides; s++) {
    r->plan.source[r->plan.sources++] = (babel_step_source){.side = s, .rows = rehearsed_rows[s], .bank = r->bank[s == 2 ? 0 : 2], .bank_rows = BANK_ROWS};
    for (int i = 0; i < rehearsed_rows[s]; i++) r->plan.in.rows[s][i] = 2 * i % BANK_ROWS;
  }
  *r->plan.in.state = (babel_step_state){.step = 3, .lr = 1e-3f, .trunk_lr = 1e-4f, .ema_momentum = 0.9f, .bias1 = 0.3439f, .bias2 = 0.07763184f};
}

static void destroy(rig *r) {
  babel_step_plan_destroy(&r->plan);
  babel_trunk_destroy(&r->trunk);
}

static void linear(const double *params, const babel_mlp *mlp, int64_t at, int k, double *x) {
  double y[32];
  for (int o = 0; o < mlp->widths[k + 1]; o++) {
    y[o] = params[at + mlp->bias_at[k] + o];
    for (int i = 0; i < mlp->widths[k]; i++) y[o] += params[at + mlp->weight_at[k] + o * mlp->widths[k] + i] * x[i];
    if (k + 1 < mlp->layers && y[o] < 0) y[o] = 0;
  }
  memcpy(x, y, (size_t)mlp->widths[k + 1] * sizeof *y);
}

/* The embedding of one input row of side s, in double. */
static void embed(const rig *r, const double *params, int s, const float *row, double *x) {
  const babel_tower *tower = r->plan.request.towers[s];
  for (int i = 0; i < tower->in; i++) x[i] = (double)row[i];
  for (int k = 0; k < tower->module.layers; k++) linear(params, &tower->module, r->plan.side[s].module_at, k, x);
  for (int k = 0; k < r->trunk.prototype.layers; k++) linear(params, &r->trunk.prototype, r->plan.side[s].prototype_at, k, x);
  for (int k = 0; k < tower->post.layers; k++) linear(params, &tower->post, r->plan.side[s].post_at, k, x);
}

/* L_kd over all rehearsed rows. */
static double distance(const rig *r, const double *params, const double *teacher) {
  double sum = 0;
  for (int s = 2; s < SIDES; s++)
    for (int i = 0; i < rehearsed_rows[s]; i++) {
      double e[32], t[32], et = 0, ee = 0, tt = 0;
      const float *row = r->plan.side[s].act[0] + i * r->plan.side[s].layer[0].in;
      embed(r, params, s, row, e);
      embed(r, teacher, s, row, t);
      for (int c = 0; c < 24; c++) et += e[c] * t[c], ee += e[c] * e[c], tt += t[c] * t[c];
      sum += 1 - et / sqrt(ee * tt);
    }
  return sum / (rehearsed_rows[2] + rehearsed_rows[3]);
}

/* (L_ab + L_ba) / 2 over the rehearsed rows, Eq. (3)-(4). */
static double contrast(const rig *r, const double *params, const double *teacher) {
  double e[2][4][32], scale = exp(params[r->plan.scale_at]), loss = 0;
  for (int s = 0; s < 2; s++)
    for (int i = 0; i < 4; i++) {
      double squares = 0;
      embed(r, params, 2 + s, r->plan.side[2 + s].act[0] + i * r->plan.side[2 + s].layer[0].in, e[s][i]);
      for (int c = 0; c < 24; c++) squares += e[s][i][c] * e[s][i][c];
      for (int c = 0; c < 24; c++) e[s][i][c] /= sqrt(squares);
    }
  for (int s = 0; s < 2; s++)
    for (int i = 0; i < 4; i++) {
      double sum = 0, own = 0;
      for (int j = 0; j < 4; j++) {
        double dot = 0;
        for (int c = 0; c < 24; c++) dot += e[s][i][c] * e[1 - s][j][c];
        sum += exp(scale * dot);
        if (i == j) own = scale * dot;
      }
      loss += (log(sum) - own) / 4 / 2;
    }
  return loss;
}

static double *widened(const float *from, int64_t n) {
  double *to = malloc((size_t)n * sizeof *to);
  for (int64_t i = 0; i < n; i++) to[i] = (double)from[i];
  return to;
}

static const layout layouts[] = {{"folded", 0, BABEL_POLICY_REHEARSAL_KD, BABEL_LEARNS, BABEL_ADAPTIVE_ON, 0, 0, 0},
                                 {"apart", 1, BABEL_POLICY_REHEARSAL_KD, BABEL_LEARNS, BABEL_ADAPTIVE_ON, 0, 0, 0},
                                 {"unfolded", 2, BABEL_POLICY_REHEARSAL_KD, BABEL_LEARNS, BABEL_ADAPTIVE_ON, 0, 0, 0},
                                 {"folded, projection", 0, BABEL_POLICY_REHEARSAL_KD, BABEL_LEARNS, BABEL_ADAPTIVE_OFF, 1, 0, 0},
                                 {"apart, projection", 1, BABEL_POLICY_REHEARSAL_KD, BABEL_LEARNS, BABEL_ADAPTIVE_OFF, 1, 0, 0},
                                 {"unfolded, projection", 2, BABEL_POLICY_REHEARSAL_KD, BABEL_LEARNS, BABEL_ADAPTIVE_OFF, 1, 0, 0},
                                 {"folded, replay", 0, BABEL_POLICY_REPLAY, BABEL_LEARNS, BABEL_ADAPTIVE_ON, 0, 1, 0},
                                 {"apart, replay", 1, BABEL_POLICY_REPLAY, BABEL_LEARNS, BABEL_ADAPTIVE_ON, 0, 1, 0},
                                 {"unfolded, replay", 2, BABEL_POLICY_REPLAY, BABEL_LEARNS, BABEL_ADAPTIVE_ON, 0, 1, 0}};

/* The teacher turned away a little, so that the loss and its gradient are not 0. */
static void turn(rig *r) {
  float *shift = malloc((size_t)r->plan.count * sizeof *shift);
  babel_fill_floats("turned", shift, (size_t)r->plan.count, 0.2);
  for (int64_t i = 0; i < r->plan.count; i++) r->plan.teacher_params[i] *= 1 + shift[i];
  free(shift);
}

Test(growth_rehearsal, gradient_is_the_pairs_own_and_that_of_the_distillation) {
  for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
    rig with, without;
    babel_step_report report;
    create(&with, &layouts[l], SIDES);
    create(&without, &layouts[l], 2);
    const bool replay = layouts[l].replay;
    double (*loss)(const rig *, const double *, const double *) = replay ? contrast : distance;
    const double lambda = replay ? 1 : 5;
    if (!replay) turn(&with);
    cr_assert_eq(babel_step_gradients(&with.plan), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(babel_step_gradients(&without.plan), BABEL_OK);
    cr_assert_eq(babel_step_report_read(&with.plan, &report), BABEL_OK);
    int64_t n = with.plan.count, pair = without.plan.count;
    float *g = malloc((size_t)n * sizeof *g), *alone = malloc((size_t)pair * sizeof *alone);
    cr_assert_eq(babel_step_plan_gradient(&with.plan, g), BABEL_OK);
    cr_assert_eq(babel_step_plan_gradient(&without.plan, alone), BABEL_OK);
    double *params = widened(with.plan.params, n), *teacher = replay ? NULL : widened(with.plan.teacher_params, n), error = 0, size = 0;
    if (!replay) {
      cr_assert(fabs((double)report.kd - distance(&with, params, teacher)) < 1e-6, "%s: %g", layouts[l].name, (double)report.kd);
      cr_assert_gt(report.kd, 0.001f);
    }
    for (int64_t i = 0; i < n - 1; i += 3) {
      double h = 1e-5, at = params[i], rise;
      params[i] = at + h;
      rise = loss(&with, params, teacher);
      params[i] = at - h;
      rise -= loss(&with, params, teacher);
      params[i] = at;
      double expected = lambda * rise / (2 * h);
      int64_t extra = (with.towers[2]->module.count + with.towers[2]->post.count), module = with.towers[0]->module.count + with.towers[1]->module.count;
      int64_t posts = with.towers[0]->post.count + with.towers[1]->post.count, third = with.towers[2]->module.count;
      int64_t there = i < module ? i : i < module + third ? -1 : i < module + third + posts ? i - third : i < module + extra + posts ? -1 : i - extra;
      if (there >= 0) expected += (double)alone[there];
      error += (expected - (double)g[i]) * (expected - (double)g[i]);
      size += expected * expected;
    }
    cr_assert(sqrt(error / size) < 1e-4, "%s: relative error %g", layouts[l].name, sqrt(error / size));
    free(g);
    free(alone);
    free(params);
    free(teacher);
    destroy(&with);
    destroy(&without);
  }
}

/* The pair in chunks of three and of five, the rehearsed rows beside the first of them. */
Test(growth_rehearsal, chunks_have_the_gradient_of_the_whole) {
  for (size_t l = 0; l < 2 * (sizeof layouts / sizeof *layouts); l++) {
    rig r[2];
    const layout whole = layouts[l / 2];
    layout chunked = whole;
    float *g[2];
    babel_step_report report[2];
    chunked.chunk = l % 2 ? 5 : 3;
    for (int i = 0; i < 2; i++) {
      create(&r[i], i ? &chunked : &whole, SIDES);
      if (!chunked.replay) turn(&r[i]);
      cr_assert_eq(babel_step_gradients(&r[i].plan), BABEL_OK, "%s", babel_error_last()->sentence);
      cr_assert_eq(babel_step_report_read(&r[i].plan, &report[i]), BABEL_OK);
      g[i] = malloc((size_t)r[i].plan.count * sizeof *g[i]);
      cr_assert_eq(babel_step_plan_gradient(&r[i].plan, g[i]), BABEL_OK);
    }
    double gap = 0, size = 0;
    for (int64_t k = 0; k < r[0].plan.count; k++) {
      gap += pow((double)g[1][k] - (double)g[0][k], 2);
      size += (double)g[0][k] * (double)g[0][k];
    }
    cr_assert(sqrt(gap / size) < 1e-5, "%s: relative error %g", chunked.name, sqrt(gap / size));
    cr_assert_float_eq(report[1].kd, report[0].kd, 1e-6);
    for (int i = 0; i < 2; i++) {
      free(g[i]);
      destroy(&r[i]);
    }
  }
}

Test(growth_rehearsal, still_teacher_equals_the_student_at_first_and_never_moves) {
  for (int layers = 0; layers < 3; layers++) {
    rig r;
    babel_step_report report;
    create(&r, &(layout){.name = "", .layers = layers, .policy = BABEL_POLICY_REHEARSAL_KD, .adaptive = BABEL_ADAPTIVE_ON}, SIDES);
    double *before = widened(r.plan.teacher_params, r.plan.count);
    cr_assert_eq(babel_step_run(&r.plan, 1), BABEL_OK);
    cr_assert_eq(babel_step_report_read(&r.plan, &report), BABEL_OK);
    cr_assert_eq(report.kd, 0);
    for (int step = 0; step < 3; step++) cr_assert_eq(babel_step_run(&r.plan, 1), BABEL_OK);
    cr_assert_eq(babel_step_report_read(&r.plan, &report), BABEL_OK);
    cr_assert_gt(report.kd, 0);
    for (int64_t i = 0; i < r.plan.count; i++) cr_assert_eq((double)r.plan.teacher_params[i], before[i]);
    free(before);
    destroy(&r);
  }
}

/* Which parts move, by how they learn. */
Test(growth_rehearsal, what_is_frozen_keeps_every_bit) {
  for (int layers = 0; layers < 3; layers++)
    for (int only_prototype = 0; only_prototype < 2; only_prototype++) {
      rig r;
      create(&r, &(layout){.name = "", .layers = layers, .policy = BABEL_POLICY_FROZEN, .learning = BABEL_FROZEN}, 2);
      if (only_prototype) {
        babel_step_request request = r.plan.request;
        babel_step_plan_destroy(&r.plan);
        request.module[0] = BABEL_LEARNS;
        cr_assert_eq(babel_step_plan_create(&r.plan, &r.trunk, &request), BABEL_OK);
        for (int s = 0; s < 2; s++) r.plan.bank[s] = r.bank[s], r.plan.bank_rows[s] = BANK_ROWS;
        for (int s = 0; s < 2; s++)
          for (int i = 0; i < M; i++) r.plan.in.rows[s][i] = i;
        *r.plan.in.state = (babel_step_state){.step = 3, .lr = 1e-3f, .bias1 = 0.3439f, .bias2 = 0.07763184f};
      }
      double *before = widened(r.plan.params, r.plan.count);
      cr_assert_eq(babel_step_run(&r.plan, 1), BABEL_OK, "%s", babel_error_last()->sentence);
      const struct {
        int64_t at, count;
        bool moves;
      } parts[] = {{r.plan.side[0].module_at, r.plan.side[0].module_count, only_prototype}, {r.plan.side[1].module_at, r.plan.side[1].module_count, true},
                   {r.plan.prototype_at, r.plan.prototype_count, false}};
      for (int p = 0; p < 3; p++) {
        int64_t moved = 0;
        for (int64_t i = 0; i < parts[p].count; i++) moved += (double)r.plan.params[parts[p].at + i] != before[parts[p].at + i];
        if (parts[p].moves) cr_assert_gt(moved, parts[p].count / 2, "part %d", p);
        else cr_assert_eq(moved, 0, "part %d", p);
      }
      free(before);
      destroy(&r);
    }
}

Test(growth_rehearsal, own_prototypes_learn_apart) {
  for (int layers = 0; layers < 3; layers++) {
    rig r;
    create(&r, &(layout){.name = "", .layers = layers, .policy = BABEL_POLICY_NONE, .adaptive = BABEL_ADAPTIVE_ON}, 2);
    cr_assert_neq(r.plan.side[0].prototype_at, r.plan.side[1].prototype_at);
    double *before = widened(r.plan.params, r.plan.count);
    cr_assert_eq(babel_step_gradients(&r.plan), BABEL_OK);
    float *g = malloc((size_t)r.plan.count * sizeof *g);
    cr_assert_eq(babel_step_plan_gradient(&r.plan, g), BABEL_OK);
    static float folded[1 << 16];
    for (int64_t i = 0; i < r.plan.count; i++) {
      if (!layers) folded[i] = g[i];
      else cr_assert(fabsf(folded[i] - g[i]) <= 1e-5f * (1 + fabsf(g[i])), "%lld: %g, %g", (long long)i, (double)folded[i], (double)g[i]);
    }
    cr_assert_eq(babel_step_run(&r.plan, 1), BABEL_OK);
    cr_assert_eq(babel_step_plan_store(&r.plan, &r.trunk, false), BABEL_OK);
    for (int s = 0; s < 2; s++)
      for (int64_t i = 0; i < r.trunk.prototype.count; i++)
        cr_assert_eq(r.towers[s]->own.params[i], r.plan.params[r.plan.side[s].prototype_at + i]);
    free(g);
    free(before);
    destroy(&r);
  }
}

Test(growth_rehearsal, layouts_that_make_no_sense_are_refused) {
  rig r;
  babel_step_plan plan;
  create(&r, &layouts[0], SIDES);
  babel_step_request request = r.plan.request;
  request.teacher_side = 0;
  cr_assert_eq(babel_step_plan_create(&plan, &r.trunk, &request), BABEL_ERR_ARG);
  request = r.plan.request;
  request.prototype = BABEL_FROZEN;
  cr_assert_eq(babel_step_plan_create(&plan, &r.trunk, &request), BABEL_ERR_ARG);
  request = r.plan.request;
  request.sides = 2;
  request.module[0] = BABEL_FROZEN;
  cr_assert_eq(babel_step_plan_create(&plan, &r.trunk, &request), BABEL_ERR_ARG);
  request = r.plan.request;
  request.rows[3] = 0;
  cr_assert_eq(babel_step_plan_create(&plan, &r.trunk, &request), BABEL_ERR_SHAPE);
  destroy(&r);
}
