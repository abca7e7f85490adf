/* What every pointer of every job points to, and which of it is written: the contracts of kernels/ops.h as a list. */
#include "tests/support/device_table.h"

#include <string.h>

#include "tests/support/device_call.h"
#include "tests/support/device_timer.h"

enum { MOST_JOBS = 128 };

static const babel_ops *device; /* the table of the CUDA backend */
static babel_device_call call;

#define FLOATS(pointer, count, use) babel_device_floats(&call, &(pointer), (int64_t)(count), BABEL_##use)
#define BYTES(pointer, bytes, use) babel_device_bytes(&call, &(pointer), (int64_t)(bytes), BABEL_##use)

/* Runs the operation on what was sent, for a bench many times more, and fetches the results of the first run: `s` is in scope. */
#define RUN(noun, ...)                                                                       \
  {                                                                                          \
    BABEL_TRY(babel_device_send(&call));                                                     \
    babel_status status_of_ = device->noun(__VA_ARGS__);                                     \
    babel_status first_ = babel_device_end(&call, status_of_, #noun);                        \
    if (first_ == BABEL_OK && babel_device_timer_begin(device, &s)) {                        \
      do status_of_ = device->noun(__VA_ARGS__);                                             \
      while (status_of_ == BABEL_OK && babel_device_timer_again());                          \
      first_ = babel_device_timer_end(status_of_);                                           \
    }                                                                                        \
    babel_device_release(&call);                                                             \
    return first_;                                                                           \
  }

/* An operation on a list of jobs. LIST: the pointers of job j; what follows: the arguments behind the number of jobs. */
#define JOBS(noun, type, LIST, ...)                                                                        \
  {                                                                                                        \
    static type copies[MOST_JOBS];                                                                         \
    if (n > MOST_JOBS) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "more than %d jobs in a test", MOST_JOBS); \
    if (n > 0) memcpy(copies, jobs, (size_t)n * sizeof *jobs);                                             \
    babel_device_begin(&call, device);                                                                     \
    for (type *j = copies; j < copies + (n > 0 ? n : 0); j++) LIST                                         \
    RUN(noun, copies, n, __VA_ARGS__)                                                                      \
  }

/* The same for a single job. */
#define JOB(noun, type, LIST)          \
  {                                    \
    type copy = *job, *j = &copy;      \
    babel_device_begin(&call, device); \
    LIST                               \
    RUN(noun, j, s)                    \
  }

static babel_status linear_fwd(const babel_linear_fwd_job *jobs, int n, babel_stream *s)
JOBS(linear_fwd, babel_linear_fwd_job, {
  FLOATS(j->y, (int64_t)j->n * j->out, WRITTEN);
  FLOATS(j->x, (int64_t)j->n * j->in, READ);
  FLOATS(j->w, (int64_t)j->out * j->in, READ);
  FLOATS(j->b, j->out, READ);
}, s)

static babel_status linear_bwd_data(const babel_linear_bwd_data_job *jobs, int n, babel_stream *s)
JOBS(linear_bwd_data, babel_linear_bwd_data_job, {
  FLOATS(j->dx, (int64_t)j->n * j->in, WRITTEN);
  FLOATS(j->dy, (int64_t)j->n * j->out, READ);
  FLOATS(j->w, (int64_t)j->out * j->in, READ);
  FLOATS(j->y_prev, (int64_t)j->mask_rows * j->in, READ);
}, s)

static babel_status linear_bwd_weight(const babel_linear_bwd_weight_job *jobs, int n, babel_stream *s)
JOBS(linear_bwd_weight, babel_linear_bwd_weight_job, {
  FLOATS(j->dw, (int64_t)j->out * j->in, WRITTEN);
  FLOATS(j->db, j->out, WRITTEN);
  FLOATS(j->dy, (int64_t)j->n * j->out, READ);
  FLOATS(j->x, (int64_t)j->n * j->in, READ);
}, s)

static babel_status l2norm_fwd(const babel_l2norm_fwd_job *jobs, int n, babel_stream *s)
JOBS(l2norm_fwd, babel_l2norm_fwd_job, {
  FLOATS(j->y, (int64_t)j->n * j->d, WRITTEN);
  FLOATS(j->inv, j->n, WRITTEN);
  FLOATS(j->x, (int64_t)j->n * j->d, READ);
}, s)

static babel_status l2norm_bwd(const babel_l2norm_bwd_job *jobs, int n, babel_stream *s)
JOBS(l2norm_bwd, babel_l2norm_bwd_job, {
  FLOATS(j->dx, (int64_t)j->n * j->d, WRITTEN);
  FLOATS(j->dy, (int64_t)j->n * j->d, READ);
  FLOATS(j->y, (int64_t)j->rows * j->d, READ);
  FLOATS(j->inv, j->rows, READ);
}, s)

static babel_status shuffle(const babel_shuffle_job *job, const babel_step_state *state, babel_stream *s) {
  babel_shuffle_job copy = *job;
  const int64_t bytes = 2 * (int64_t)job->n * (int64_t)sizeof(int);
  babel_device_begin(&call, device);
  BYTES(copy.order, bytes, WRITTEN);
  BYTES(copy.workspace, bytes, WRITTEN);
  BYTES(state, sizeof *state, READ);
  RUN(shuffle, &copy, state, s)
}

static babel_status batch_choice(const babel_batch_choice_job *jobs, int n, const babel_step_state *before, babel_step_state *state,
                                 const babel_step_state *schedule, int schedule_size, babel_stream *s)
JOBS(batch_choice, babel_batch_choice_job, {
  const int64_t size = sizeof(int);
  BYTES(j->rows, size * j->samples * j->steps, WRITTEN);
  BYTES(j->lengths, size * j->samples, WRITTEN);
  BYTES(j->pairs, size * j->samples, WRITTEN);
  BYTES(j->order, 2 * size * j->pair_count, READ);
  BYTES(j->partners, 3 * size * j->batch, WRITTEN);
  BYTES(j->known_lengths, size * j->pair_count * j->versions, READ);
  if (j == copies) BYTES(before, sizeof *before, READ);
  if (j == copies) BYTES(state, sizeof *state, WRITTEN);
  if (j == copies) BYTES(schedule, schedule_size * (int64_t)sizeof *schedule, READ);
}, before, state, schedule, schedule_size, s)

static babel_status input_gather(const babel_input_gather_job *jobs, int n, const babel_step_state *state, babel_stream *s)
JOBS(input_gather, babel_input_gather_job, {
  FLOATS(j->y, (int64_t)j->n * j->d, WRITTEN);
  FLOATS(j->bank, (int64_t)j->bank_rows * j->d, READ);
  BYTES(j->rows, (int64_t)j->n * (int64_t)sizeof(int), READ);
  FLOATS(j->mean, j->d, READ);
  FLOATS(j->inv_std, j->d, READ);
  if (j == copies) BYTES(state, sizeof *state, READ);
}, state, s)

static babel_status segment_mean(const babel_segment_mean_job *job, babel_stream *s, int backward) {
  babel_segment_mean_job copy = *job;
  int64_t rows = (int64_t)job->n * job->stacked;
  babel_device_begin(&call, device);
  babel_device_floats(&call, &copy.pooled, rows * job->d, backward ? BABEL_READ : BABEL_WRITTEN);
  babel_device_floats(&call, &copy.sequence, rows * job->steps * job->d, backward ? BABEL_WRITTEN : BABEL_READ);
  BYTES(copy.lengths, (int64_t)job->n * (int64_t)sizeof(int), READ);
  if (backward) RUN(segment_mean_bwd, &copy, s)
  RUN(segment_mean_fwd, &copy, s)
}

static babel_status segment_mean_fwd(const babel_segment_mean_job *job, babel_stream *s) {
  return segment_mean(job, s, 0);
}

static babel_status segment_mean_bwd(const babel_segment_mean_job *job, babel_stream *s) {
  return segment_mean(job, s, 1);
}

static babel_status neighbour_targets(const babel_neighbour_targets_job *job, babel_stream *s)
JOB(neighbour_targets, babel_neighbour_targets_job, {
  FLOATS(j->targets, (int64_t)j->m * j->m, WRITTEN);
  BYTES(j->masked, (int64_t)j->m * j->m, WRITTEN);
  BYTES(j->neighbours, (int64_t)j->n * j->k * (int64_t)sizeof(int), READ);
  FLOATS(j->weights, (int64_t)j->n * j->k, READ);
  BYTES(j->windows, 3 * (int64_t)j->n * (int64_t)sizeof(int), READ);
  BYTES(j->rows, (int64_t)j->m * (int64_t)sizeof(int), READ);
})

static babel_status contrastive(const babel_contrastive_job *job, babel_stream *s)
JOB(contrastive, babel_contrastive_job, {
  int64_t size = (int64_t)j->m * j->d;
  FLOATS(j->loss, 2, WRITTEN);
  FLOATS(j->dna, (j->dna_step ? j->dna_step : size) + size, WRITTEN);
  FLOATS(j->dnb, (j->dnb_step ? j->dnb_step : size) + size, WRITTEN);
  FLOATS(j->dlog_scale, 2, WRITTEN);
  BYTES(j->hits, 2 * sizeof(int), WRITTEN);
  FLOATS(j->na, size, READ);
  FLOATS(j->nb, size, READ);
  FLOATS(j->log_scale, 1, READ);
  FLOATS(j->targets_a, (int64_t)j->m * j->m, READ);
  FLOATS(j->targets_b, (int64_t)j->m * j->m, READ);
  BYTES(j->masked, (int64_t)j->m * j->m, READ);
  if (j->m > 0 && j->d > 0) FLOATS(j->workspace, babel_contrastive_workspace(j->m, j->d), WRITTEN);
})

static babel_status cosine_distill(const babel_cosine_distill_job *jobs, int n, babel_stream *s)
JOBS(cosine_distill, babel_cosine_distill_job, {
  FLOATS(j->loss, 1, WRITTEN);
  BYTES(j->parts, BABEL_COSINE_DISTILL_PARTS * sizeof(double), WRITTEN);
  FLOATS(j->de, (int64_t)j->n * j->d, WRITTEN);
  FLOATS(j->e, (int64_t)j->n * j->d, READ);
  FLOATS(j->t, (int64_t)j->n * j->d, READ);
}, s)

static babel_status adaptive(const babel_adaptive_job *job, babel_stream *s)
JOB(adaptive, babel_adaptive_job, {
  FLOATS(j->weights, 2, WRITTEN);
  FLOATS(j->norms, 2, WRITTEN);
  BYTES(j->guarded, sizeof(int), WRITTEN);
  BYTES(j->parts, BABEL_ADAPTIVE_PARTS * sizeof(double), WRITTEN);
  for (int d = 0; d < 2; d++) {
    FLOATS(j->grad[d], j->count[d], READ);
    FLOATS(j->param[d], j->count[d], READ);
  }
})

static babel_status combine(const babel_combine_job *jobs, int n, babel_stream *s)
JOBS(combine, babel_combine_job, {
  FLOATS(j->y, j->n, WRITTEN);
  FLOATS(j->weights, 2, READ);
  FLOATS(j->x0, j->n, READ);
  FLOATS(j->x1, j->n, READ);
  FLOATS(j->x2, j->n, READ);
}, s)

static babel_status adamw(const babel_adamw_job *jobs, int n, float beta1, float beta2, float eps, const babel_step_state *state, babel_stream *s)
JOBS(adamw, babel_adamw_job, {
  FLOATS(j->p, j->n, WRITTEN);
  FLOATS(j->m, j->n, WRITTEN);
  FLOATS(j->v, j->n, WRITTEN);
  for (int i = 0; i < 3; i++) FLOATS(j->g[i], j->n, READ);
  FLOATS(j->weights, 2, READ);
  FLOATS(j->teacher, j->n, WRITTEN);
  if (j == copies) BYTES(state, sizeof *state, READ);
}, beta1, beta2, eps, state, s)

static babel_status sgd(const babel_sgd_job *jobs, int n, babel_stream *s)
JOBS(sgd, babel_sgd_job, {
  FLOATS(j->p, j->n, WRITTEN);
  FLOATS(j->momentum, j->n, WRITTEN);
  FLOATS(j->g, j->n, READ);
  FLOATS(j->lr, 1, READ);
}, s)

static babel_status softmax_xent(const babel_softmax_xent_job *jobs, int n, babel_stream *s)
JOBS(softmax_xent, babel_softmax_xent_job, {
  FLOATS(j->loss, 1, WRITTEN);
  FLOATS(j->dz, (int64_t)j->n * j->c, WRITTEN);
  FLOATS(j->z, (int64_t)j->n * j->c, READ);
  BYTES(j->labels, (int64_t)j->n * (int64_t)sizeof(int), READ);
}, s)

static void list_panel(babel_contrastive_panel_job *j) {
  const int64_t size = (int64_t)j->rows * j->m;
  FLOATS(j->s, size, WRITTEN);
  FLOATS(j->other, size, WRITTEN);
  FLOATS(j->anchors, 2 * BABEL_CONTRASTIVE_PANEL_NUMBERS * (int64_t)j->m, WRITTEN);
  FLOATS(j->loss, 2, WRITTEN);
  FLOATS(j->dlog_scale, 2, WRITTEN);
  BYTES(j->hits, 2 * sizeof(int), WRITTEN);
  FLOATS(j->log_scale, 1, READ);
}

static babel_status contrastive_panel_sums(const babel_contrastive_panel_job *job, babel_stream *s)
JOB(contrastive_panel_sums, babel_contrastive_panel_job, list_panel(j);)

static babel_status contrastive_panel_finish(const babel_contrastive_panel_job *job, babel_stream *s)
JOB(contrastive_panel_finish, babel_contrastive_panel_job, list_panel(j);)

static babel_status contrastive_panel_cotangents(const babel_contrastive_panel_job *job, babel_stream *s)
JOB(contrastive_panel_cotangents, babel_contrastive_panel_job, list_panel(j);)

static babel_status rank(const babel_rank_job *job, babel_stream *s)
JOB(rank, babel_rank_job, {
  const int64_t size = sizeof(int);
  BYTES(j->above, size * j->n, WRITTEN);
  BYTES(j->close, size * j->n, WRITTEN);
  BYTES(j->which, size * j->n * j->most, WRITTEN);
  FLOATS(j->y, (int64_t)j->n * j->columns, READ);
})

const babel_ops *babel_device_table(babel_precision precision) {
  static babel_ops table;
  if (device) return &table;
  if (babel_cuda_open(0) != BABEL_OK) return NULL;
  device = babel_ops_cuda(precision);
  table = *babel_ops_cpu(); /* its memory, and what is not listed below */
  table.fold_layers = device->fold_layers;
  table.linear_fwd = linear_fwd;
  table.linear_bwd_data = linear_bwd_data;
  table.linear_bwd_weight = linear_bwd_weight;
  table.l2norm_fwd = l2norm_fwd;
  table.l2norm_bwd = l2norm_bwd;
  table.shuffle = shuffle;
  table.batch_choice = batch_choice;
  table.input_gather = input_gather;
  table.segment_mean_fwd = segment_mean_fwd;
  table.segment_mean_bwd = segment_mean_bwd;
  table.neighbour_targets = neighbour_targets;
  table.contrastive = contrastive;
  table.cosine_distill = cosine_distill;
  table.adaptive = adaptive;
  table.combine = combine;
  table.adamw = adamw;
  table.sgd = sgd;
  table.softmax_xent = softmax_xent;
  table.rank = rank;
  table.contrastive_panel_sums = contrastive_panel_sums;
  table.contrastive_panel_finish = contrastive_panel_finish;
  table.contrastive_panel_cotangents = contrastive_panel_cotangents;
  return &table;
}
