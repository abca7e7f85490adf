/* Run by mpirun: every rank takes the same steps twice, alone and with the others, and compares. Criterion puts each case into a process of its own,
 * which MPI does not like: so this is a plain program. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "growth/step_ranks.h"
#include "kernels/ops.h"
#include "tests/support/compare.h"

/* Relative errors of the losses; of both norms, both weights of Eq. (5) and the gradient as a whole; of the parameters as a whole after one step.
 * Measured with 2 and 4 ranks: gradient 2.5e-6, parameters 7.6e-9. */
#define LOSS_LIMIT 1e-6
#define GRADIENT_LIMIT 1e-5
#define WEIGHT_LIMIT 1e-6

enum { BATCH = 32, BANK = 96, EMBED = 24, REHEARSED = 2 };

typedef struct {
  const char *name;
  int teacher;   /* 1 + side */
  int rehearsed; /* rows of each source: of "right", which is a side too, and of "old"; two sources each, so that parts cross them, or */
  bool replayed; /* one each, as a pair with a contrastive loss of its own */
  int steps, scope, pooled;
} ranks_case;

typedef struct {
  babel_step_plan plan;
  void *memory[8];
  int pieces;
} shared_plan;

static babel_comm *comm;
static babel_ops ops;
static int failures;

static void fail(const char *name, const char *what, double found, double limit) {
  fprintf(stderr, "rank %d: %s: %s: %g, limit %g\n", babel_comm_rank(comm), name, what, found, limit);
  failures++;
}

static void need(babel_status status) {
  if (status == BABEL_OK) return;
  fprintf(stderr, "rank %d: %s\n", babel_comm_rank(comm), babel_error_last()->sentence);
  exit(babel_comm_close(comm, status, NULL) == BABEL_OK ? 0 : 1);
}

static float *bank(shared_plan *p, const char *key, int width, int steps) {
  size_t n = (size_t)BANK * (size_t)width * (size_t)steps;
  void *memory;
  float *host = malloc(n * sizeof *host);
  babel_fill_floats(key, host, n, 2);
  need(ops.alloc(&memory, n * sizeof(float)));
  need(ops.upload(memory, host, n * sizeof(float), NULL));
  free(host);
  return p->memory[p->pieces++] = memory;
}

static const int widths[3] = {11, 14, 9};

/* The plan of a case, of this rank alone or of all. */
static void prepare(shared_plan *p, const babel_trunk *trunk, babel_tower *const towers[3], const ranks_case *c, babel_comm *with) {
  int steps[2] = {c->pooled ? 3 : 1, 1};
  babel_step_request request = babel_step_pair(towers, steps, BATCH, c->teacher - 1, BABEL_ADAPTIVE_ON);
  babel_step_plan *plan = &p->plan;
  p->pieces = 0;
  request.comm = with;
  for (int i = 0; i < (c->rehearsed ? REHEARSED : 0); i++) {
    request.sides = 2 + REHEARSED;
    request.towers[2 + i] = towers[i ? 2 : 1];
    request.steps[2 + i] = 1;
    request.rows[2 + i] = (c->replayed ? 1 : 2) * c->rehearsed;
  }
  if (c->replayed) request.replayed = 1, request.replay_rows = c->rehearsed;
  need(babel_step_plan_create(plan, trunk, &request));
  for (int s = 0; s < 2; s++) {
    plan->bank[s] = bank(p, s ? "bank b" : "bank a", widths[s], steps[s]);
    plan->bank_rows[s] = BANK * steps[s];
  }
  for (int i = 0; i < (c->rehearsed ? REHEARSED : 0); i++)
    for (int k = 0; k < (c->replayed ? 1 : 2); k++) {
      int width = widths[i ? 2 : 1];
      plan->source[plan->sources++] = (babel_step_source){.side = 2 + i, .first = k * c->rehearsed, .rows = c->rehearsed,
                                                         .bank = bank(p, i ? "bank old" : "bank b earlier", width, 1), .bank_rows = BANK};
    }
  babel_step_share_sources(plan);
}

static void release(shared_plan *p) {
  for (int i = 0; i < p->pieces; i++) ops.free(p->memory[i]);
  babel_step_plan_destroy(&p->plan);
}

/* The batch of a step, the same in both plans. */
static void send(babel_step_plan *plan, int64_t step) {
  const babel_step_inputs *in = &plan->host;
  const double b1 = pow(0.9, (double)step + 1), b2 = pow(0.999, (double)step + 1);
  *in->state = (babel_step_state){.step = step, .lr = 1e-3f, .trunk_lr = 1e-4f, .ema_momentum = 0.99f, .bias1 = (float)(1 - b1), .bias2 = (float)(1 - b2)};
  for (int s = 0; s < plan->sides; s++) {
    const babel_chain *c = &plan->side[s];
    for (int i = 0; i < c->whole; i++) {
      int sample = (int)babel_rng_below(7, BABEL_RNG_VARIANT, (uint64_t)(step * 4 + (s < 2 ? 0 : 1)) * 1000 + (uint64_t)i, BANK);
      for (int t = 0; t < c->steps; t++) in->rows[s][i * c->steps + t] = sample * c->steps + t;
      if (in->lengths[s]) in->lengths[s][i] = 1 + i % c->steps;
      if (!s && in->graph_rows) in->graph_rows[i] = sample;
    }
  }
  need(babel_step_plan_send(plan));
}

static float *fetch(const babel_step_plan *plan, const float *from) {
  float *host = malloc((size_t)plan->count * sizeof *host);
  need(ops.download(host, from, (size_t)plan->count * sizeof *host, plan->stream));
  return host;
}

static void copy_state(const babel_step_plan *to, const babel_step_plan *from) {
  float *const pairs[4][2] = {{to->params, from->params}, {to->moment1, from->moment1}, {to->moment2, from->moment2}, {to->teacher_params, from->teacher_params}};
  for (int i = 0; i < 4; i++)
    if (pairs[i][0]) need(ops.copy(pairs[i][0], pairs[i][1], (size_t)to->count * sizeof(float), to->stream));
  need(ops.synchronize(to->stream));
}

static void near(const char *name, const char *what, double found, double expected, double limit) {
  double error = fabs(found - expected) / (fabs(expected) + 1e-6);
  if (!(error <= limit)) fail(name, what, error, limit);
}

static double error_of(const float *x, const float *y, int64_t n) {
  double gap = 0, norm = 0;
  for (int64_t i = 0; i < n; i++) {
    gap += pow((double)x[i] - (double)y[i], 2);
    norm += pow((double)y[i], 2);
  }
  return sqrt(gap / norm);
}

static void compare_reports(const char *name, const babel_step_plan *shared, const babel_step_plan *alone) {
  babel_step_report r, e;
  need(babel_step_report_read(shared, &r));
  need(babel_step_report_read(alone, &e));
  for (int d = 0; d < 2; d++) {
    near(name, "loss", (double)r.loss[d], (double)e.loss[d], LOSS_LIMIT);
    near(name, "norm", (double)r.norms[d], (double)e.norms[d], GRADIENT_LIMIT);
    near(name, "weight of a direction", (double)r.weights[d], (double)e.weights[d], GRADIENT_LIMIT);
    if (r.hits[d] != e.hits[d]) fail(name, "hits", r.hits[d], e.hits[d]);
  }
  if (alone->teacher_params) near(name, "distillation", (double)r.kd, (double)e.kd, 5 * LOSS_LIMIT);
}

static void compare_step(const ranks_case *c, const babel_step_plan *shared, const babel_step_plan *alone) {
  float *g = malloc((size_t)alone->count * sizeof *g), *expected = malloc((size_t)alone->count * sizeof *g);
  compare_reports(c->name, shared, alone);
  need(babel_step_plan_gradient(shared, g));
  need(babel_step_plan_gradient(alone, expected));
  double error = error_of(g, expected, alone->count);
  if (!(error <= GRADIENT_LIMIT)) fail(c->name, "gradient", error, GRADIENT_LIMIT);
  float *w = fetch(shared, shared->params), *after = fetch(alone, alone->params);
  double most = error_of(w, after, alone->count);
  if (!(most <= WEIGHT_LIMIT)) fail(c->name, "parameters after one step", most, WEIGHT_LIMIT);
  if (getenv("BABEL_TEST_VERBOSE") && !babel_comm_rank(comm)) printf("%-28s step %3d: gradient %.1e, parameters %.1e\n", c->name, (int)alone->host.state->step, error, most);
  float *first = fetch(shared, shared->params);
  need(babel_comm_broadcast(comm, first, (size_t)shared->count * sizeof *first));
  if (memcmp(first, w, (size_t)shared->count * sizeof *first)) fail(c->name, "parameters differ between the ranks", 1, 0);
  free(first);
  free(g);
  free(expected);
  free(w);
  free(after);
}

static void configure(const ranks_case *c, babel_config *config) {
  babel_config_preset(config, BABEL_PRESET_OURS);
  config->embed_dim = EMBED;
  config->hidden = 16;
  config->input_dropout = 0.2;
  config->grad_scope = c->scope;
}

/* BABEL_TEST_NCCL=0 or 1: whether the devices must be joined by it. */
static void check_way(const char *name, const babel_step_plan *plan) {
  const char *wish = getenv("BABEL_TEST_NCCL");
  if (wish && (plan->devices != NULL) != atoi(wish)) fail(name, "joined by NCCL", plan->devices != NULL, atoi(wish));
}

static void check_case(const ranks_case *c) {
  static const char *const names[3] = {"left", "right", "old"};
  babel_config config;
  babel_trunk trunk;
  babel_tower *towers[3];
  shared_plan alone, shared;
  configure(c, &config);
  need(babel_trunk_create(&trunk, &ops, &config));
  for (int s = 0; s < 3; s++) need(babel_trunk_add_tower(&trunk, names[s], widths[s]));
  for (int s = 0; s < 3; s++) towers[s] = babel_trunk_tower(&trunk, names[s]);
  for (int s = 0; s < 3; s++) {
    float mean[16], inv[16];
    babel_fill_floats("mean", mean, 16, 0.3);
    for (int i = 0; i < 16; i++) inv[i] = 1;
    need(babel_trunk_set_statistics(&trunk, towers[s], mean, inv));
  }
  prepare(&alone, &trunk, towers, c, NULL);
  prepare(&shared, &trunk, towers, c, comm);
  check_way(c->name, &shared.plan);
  for (int64_t step = 0; step <= c->steps; step++) {
    bool checked = step == 0 || step == 100 || step == 500;
    send(&alone.plan, step);
    if (checked) {
      copy_state(&shared.plan, &alone.plan);
      send(&shared.plan, step);
      need(babel_step_run(&shared.plan, 1));
    }
    need(babel_step_run(&alone.plan, 1));
    if (checked) compare_step(c, &shared.plan, &alone.plan);
  }
  release(&alone);
  release(&shared);
  babel_trunk_destroy(&trunk);
}

/* Whole numbers are summed exactly, whatever the order. */
static void check_collectives(void) {
  enum { MOST = 1001 };
  const int rank = babel_comm_rank(comm), size = babel_comm_size(comm);
  float x[MOST];
  int64_t at[size + 1];
  const int lengths[] = {1, 2, 3, 31, 32, 33, MOST};
  for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
    int n = lengths[k], wrong = 0;
    for (int i = 0; i < n; i++) x[i] = (float)((rank + 1) * (i % 1000 - 500));
    need(babel_comm_sum(comm, x, n));
    for (int i = 0; i < n; i++) wrong += x[i] != (float)(size * (size + 1) / 2 * (i % 1000 - 500));
    if (wrong) fail("sum", "wrong values", wrong, 0);
    for (int r = 0; r <= size; r++) at[r] = babel_comm_part(n, r, size);
    for (int i = 0; i < n; i++) x[i] = i >= at[rank] && i < at[rank + 1] ? (float)i : -1;
    need(babel_comm_gather(comm, x, at));
    wrong = 0;
    for (int i = 0; i < n; i++) wrong += x[i] != (float)i;
    if (wrong) fail("gather", "wrong values", wrong, 0);
  }
  int value = rank == size - 1 ? 7 : rank - 3;
  need(babel_comm_max(comm, &value));
  if (value != 7) fail("max", "value", value, 7);
  value = rank ? 0 : 41;
  need(babel_comm_broadcast(comm, &value, sizeof value));
  if (value != 41) fail("broadcast", "value", value, 41);
  need(babel_comm_same(comm, "text", "a text"));
  if (size > 1 && babel_comm_same(comm, rank == 1 ? "that" : "this", "a text") != BABEL_ERR_STATE) fail("same", "two texts pass as one", 1, 0);
  babel_error_take();
}

static void choose_backend(void) {
  ops = *babel_ops_cpu();
#ifdef BABEL_HAS_CUDA
  const char *wish = getenv("BABEL_TEST_BACKEND");
  if (!wish || strncmp(wish, "cuda", 4)) return;
  int devices;
  need(babel_cuda_devices(&devices));
  need(babel_cuda_open(babel_comm_local_rank(comm) % devices));
  ops = *babel_ops_cuda(BABEL_PRECISION_FP32);
#endif
}

int main(void) {
  static const ranks_case cases[] = {
      {.name = "pair", .steps = 500}, {.name = "a side distilled", .teacher = 1, .steps = 100}, {.name = "norms over both", .scope = 1, .steps = 100},
      {.name = "rehearsed rows", .rehearsed = 9, .steps = 100}, {.name = "replayed pair", .rehearsed = 7, .replayed = true, .steps = 100},
      {.name = "sequences", .pooled = 1, .steps = 100}, {.name = "sequences, distilled", .pooled = 1, .teacher = 1, .steps = 100},
  };
  need(babel_comm_open(&comm));
  choose_backend();
  check_collectives();
  const bool device = ops.stream_create != NULL;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ranks_case c = cases[i];
    if (device) c.steps = 0;
    check_case(&c);
  }
  babel_status status = babel_comm_close(comm, failures ? BABEL_FAIL(BABEL_ERR_VALUE, "%d comparisons failed", failures) : BABEL_OK, NULL);
  return status == BABEL_OK ? 0 : 1;
}
