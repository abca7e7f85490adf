#include "eval/oneshot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "eval/heads.h"

#define TIE 1e-12

enum { DEVICE_JOBS = 64 };

const char *babel_head_name(babel_head head) {
  static const char *const names[BABEL_HEAD_COUNT] = {"nearest", "ridge", "mlp", "transductive"};
  return (unsigned)head < BABEL_HEAD_COUNT ? names[head] : "unknown";
}

uint64_t babel_head_seed(int seed, int draw) {
  return (uint64_t)(uint32_t)seed << 32 | (uint32_t)draw;
}

/* A problem with the memory behind it. labels[c] is the label of class c: ascending, so that a tie goes to the lowest. */
typedef struct {
  babel_head_problem problem;
  int *rows, *target, *labels;
  double *gram, *norm, *support, *row, *scores;
  babel_arena arena;
} work;

static int ascending(const void *a, const void *b) {
  int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

static int class_of(const work *w, int label) {
  const int *found = bsearch(&label, w->labels, (size_t)w->problem.classes, sizeof(int), ascending);
  return found ? (int)(found - w->labels) : -1;
}

static babel_status check_rows(const babel_points *points, const int *rows, int count) {
  for (int i = 0; i < count; i++)
    if (rows[i] < 0 || rows[i] >= points->rows)
      return BABEL_FAIL(BABEL_ERR_SHAPE, "an episode names row %d of %d embeddings", rows[i], points->rows);
  return BABEL_OK;
}

static babel_status allocate(work *w, int n, int q, int d) {
  size_t samples = (size_t)n + (size_t)q, total = 0;
  struct {
    int **to;
    size_t count;
  } whole[] = {{&w->rows, samples}, {&w->target, (size_t)n}, {&w->labels, (size_t)n}};
  struct {
    double **to;
    size_t count;
  } real[] = {{&w->gram, samples * (size_t)n}, {&w->norm, samples}, {&w->support, ((size_t)n + 3) / 4 * 4 * (size_t)d}, {&w->row, (size_t)d},
              {&w->scores, (size_t)q * (size_t)n}};
  void *piece;
  for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) total += babel_arena_need(whole[i].count, sizeof(int));
  for (size_t i = 0; i < sizeof real / sizeof *real; i++) total += babel_arena_need(real[i].count, sizeof(double));
  BABEL_TRY(babel_arena_create(&w->arena, total));
  for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
    BABEL_TRY(babel_arena_take(&w->arena, whole[i].count * sizeof(int), &piece));
    *whole[i].to = piece;
  }
  for (size_t i = 0; i < sizeof real / sizeof *real; i++) {
    BABEL_TRY(babel_arena_take(&w->arena, real[i].count * sizeof(double), &piece));
    *real[i].to = piece;
  }
  return BABEL_OK;
}

/* Row `row` of the points in double; refuses what is not a number. */
static babel_status load(double *out, const babel_points *points, int row) {
  const float *x = points->x + (size_t)row * (size_t)points->width;
  for (int j = 0; j < points->width; j++) {
    out[j] = (double)x[j];
    if (!isfinite(x[j]))
      return BABEL_FAIL(BABEL_ERR_VALUE, "embedding row %d, column %d is %g: expected a finite number", row, j, (double)x[j]);
  }
  return BABEL_OK;
}

/* out[0..3] = inner products of x with four rows, `step` apart: four sums in flight instead of one. */
static void inner(double out[4], const double *x, const double *rows, size_t step, int d) {
  const double *r0 = rows, *r1 = rows + step, *r2 = r1 + step, *r3 = r2 + step;
  double a = 0, b = 0, c = 0, e = 0;
#pragma omp simd reduction(+ : a, b, c, e)
  for (int j = 0; j < d; j++) {
    a += x[j] * r0[j];
    b += x[j] * r1[j];
    c += x[j] * r2[j];
    e += x[j] * r3[j];
  }
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = e;
}

/* gram and norm of all samples. `support` has zero rows behind its n, up to a multiple of four. */
static babel_status multiply(work *w, const babel_points *points) {
  int n = w->problem.n, d = w->problem.d;
  double products[4];
  for (int s = 0; s < n; s++) BABEL_TRY(load(w->support + (size_t)s * (size_t)d, points, w->rows[s]));
  for (int i = 0; i < n + w->problem.q; i++) {
    double *gram = w->gram + (size_t)i * (size_t)n;
    BABEL_TRY(load(w->row, points, w->rows[i]));
    inner(products, w->row, w->row, 0, d);
    w->norm[i] = sqrt(products[0]);
    for (int s = 0; s < n; s += 4) {
      inner(products, w->row, w->support + (size_t)s * (size_t)d, (size_t)d, d);
      for (int k = 0; k < 4 && s + k < n; k++) gram[s + k] = products[k];
    }
  }
  return BABEL_OK;
}

static babel_status prepare(work *w, const babel_points *points, const babel_episode *episode) {
  int n = episode->support_count, q = episode->query_count, classes = 0;
  memset(w, 0, sizeof *w);
  if (n < 1 || q < 1 || points->width < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "an episode needs support, queries and columns, found %d, %d and %d", n, q, points->width);
  BABEL_TRY(check_rows(points, episode->support, n));
  BABEL_TRY(check_rows(points, episode->query, q));
  BABEL_TRY(allocate(w, n, q, points->width));
  memcpy(w->rows, episode->support, (size_t)n * sizeof(int));
  memcpy(w->rows + n, episode->query, (size_t)q * sizeof(int));
  for (int s = 0; s < n; s++) w->labels[s] = points->labels[w->rows[s]];
  qsort(w->labels, (size_t)n, sizeof(int), ascending);
  for (int s = 0; s < n; s++)
    if (!s || w->labels[s] != w->labels[classes - 1]) w->labels[classes++] = w->labels[s];
  w->problem = (babel_head_problem){.n = n, .q = q, .d = points->width, .classes = classes, .x = points->x, .rows = w->rows,
                                    .target = w->target, .gram = w->gram, .norm = w->norm};
  for (int s = 0; s < n; s++) w->target[s] = class_of(w, points->labels[w->rows[s]]);
  return multiply(w, points);
}

static babel_prediction judge(const work *w, const double *score, int row, int truth) {
  int best = 0, tied = 0, mine = class_of(w, truth);
  double most = score[0];
  bool hit = false;
  for (int c = 1; c < w->problem.classes; c++) most = score[c] > most ? score[c] : most;
  for (int c = w->problem.classes - 1; c >= 0; c--) {
    if (score[c] < most - TIE) continue;
    tied++;
    hit |= c == mine;
    best = c;
  }
  return (babel_prediction){.row = row, .truth = truth, .predicted = w->labels[best], .score = (float)score[best],
                            .credit = hit ? 1.0f / (float)tied : 0, .tied = tied};
}

static babel_status answer(babel_oneshot *result, work *w, const babel_points *points, babel_head head) {
  void *memory;
  double sum = 0;
  BABEL_TRY(babel_alloc(&memory, (size_t)w->problem.q, sizeof(babel_prediction)));
  result->predictions = memory;
  result->count = w->problem.q;
  for (int i = 0; i < w->problem.q; i++) {
    int row = w->rows[w->problem.n + i];
    const double *score = w->scores + (size_t)i * (size_t)w->problem.classes;
    for (int c = 0; c < w->problem.classes; c++)
      if (!isfinite(score[c])) return BABEL_FAIL(BABEL_ERR_VALUE, "head %s: a score is not finite: it diverged", babel_head_name(head));
    result->predictions[i] = judge(w, score, row, points->labels[row]);
    sum += (double)result->predictions[i].credit;
  }
  result->accuracy = 100 * sum / w->problem.q;
  return BABEL_OK;
}

static babel_status run(babel_oneshot_job *job, work *w, const babel_config *config, unsigned heads) {
  for (int head = 0; head < BABEL_HEAD_COUNT; head++) {
    babel_status status = BABEL_OK;
    if (!(heads & 1u << head)) continue;
    if (head == BABEL_HEAD_NEAREST) status = babel_head_nearest(w->scores, &w->problem);
    if (head == BABEL_HEAD_RIDGE) status = babel_head_ridge(w->scores, &w->problem);
    if (head == BABEL_HEAD_MLP) status = babel_head_mlp(w->scores, &w->problem, config, job->seed);
    if (head == BABEL_HEAD_TRANSDUCTIVE) status = babel_head_transductive(w->scores, &w->problem);
    BABEL_TRY(status);
    BABEL_TRY(answer(&job->results[head], w, job->points, (babel_head)head));
  }
  return BABEL_OK;
}

/* The mlp heads of jobs that are prepared, on a device; failed = the job that a failure is of. */
static babel_status run_on_device(babel_oneshot_job *jobs, work *prepared, int count, const babel_config *config, const babel_ops *ops, int *failed) {
  babel_mlp_head heads[DEVICE_JOBS];
  int wanted = 0;
  *failed = 0;
  for (int i = 0; i < count; i++)
    if (jobs[i].heads & 1u << BABEL_HEAD_MLP) heads[wanted++] = (babel_mlp_head){prepared[i].scores, &prepared[i].problem, jobs[i].seed};
  BABEL_TRY(babel_head_mlp_device(heads, wanted, config, ops));
  for (int i = 0; i < count; i++) {
    *failed = i;
    if (jobs[i].heads & 1u << BABEL_HEAD_MLP) BABEL_TRY(answer(&jobs[i].results[BABEL_HEAD_MLP], &prepared[i], jobs[i].points, BABEL_HEAD_MLP));
  }
  return BABEL_OK;
}

/* At most DEVICE_JOBS of them with a device, whose heads all train together. */
static babel_status run_group(babel_oneshot_job *jobs, int count, const babel_config *config, const babel_ops *device) {
  work kept[DEVICE_JOBS] = {0};
  int failed = count; /* the first job that failed, so that the sentence does not depend on the threads */
  babel_error error;
#pragma omp parallel for schedule(dynamic, 1)
  for (int i = 0; i < count; i++) {
    work mine = {0}, *w = device ? &kept[i] : &mine;
    babel_status status = prepare(w, jobs[i].points, jobs[i].episode);
    if (status == BABEL_OK) status = run(&jobs[i], w, config, device ? jobs[i].heads & ~(1u << BABEL_HEAD_MLP) : jobs[i].heads);
    babel_error here = {0};
    if (status != BABEL_OK) here = babel_error_take();
    babel_arena_destroy(&mine.arena);
    if (status == BABEL_OK) continue;
#pragma omp critical(babel_oneshot)
    if (i < failed) {
      failed = i;
      error = here;
    }
  }
  if (device && failed == count) {
    if (run_on_device(jobs, kept, count, config, device, &failed) == BABEL_OK) failed = count;
    else error = babel_error_take();
  }
  for (int i = 0; i < count && device; i++) babel_arena_destroy(&kept[i].arena);
  if (failed == count) return BABEL_OK;
  babel_error_put(&error);
  return error.status;
}

babel_status babel_oneshot_run(babel_oneshot_job *jobs, int count, const babel_config *config, const babel_ops *ops) {
  const bool device = ops && ops->record_begin;
  const int group = device ? DEVICE_JOBS : count;
  babel_status status = BABEL_OK;
  for (int i = 0; i < count; i++) memset(jobs[i].results, 0, sizeof jobs[i].results);
  for (int at = 0; at < count && status == BABEL_OK; at += group)
    status = run_group(jobs + at, count - at < group ? count - at : group, config, device ? ops : NULL);
  if (status != BABEL_OK) babel_oneshot_destroy(jobs, count);
  return status;
}

void babel_oneshot_destroy(babel_oneshot_job *jobs, int count) {
  for (int i = 0; i < count; i++)
    for (int head = 0; head < BABEL_HEAD_COUNT; head++) {
      free(jobs[i].results[head].predictions);
      memset(&jobs[i].results[head], 0, sizeof jobs[i].results[head]);
    }
}
