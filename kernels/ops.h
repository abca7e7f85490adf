/* The backend table: everything above kernels/ computes through these functions and nothing else.
 *
 * Calls that a step makes for two towers or two directions take a list of jobs: the CPU loops over it, a GPU launches once.
 * Buffers are memory of the backend (ops->alloc); nothing here allocates, synchronises or reads a value back, except where
 * said. Scalars that change from step to step (learning rate, step, log scale, weights) are read through pointers into
 * backend memory. Rows are contiguous, row-major, float32. Outputs are written with "=" unless "+=" is said.
 * Sizes are checked before any pointer is used: BABEL_ERR_SHAPE. An empty slot is BABEL_ERR_UNSUPPORTED.
 *
 * The contract of each operation (formula, shapes, aliasing, source) stands in its own header: kernels/<noun>.h. */
#ifndef BABEL_KERNELS_OPS_H
#define BABEL_KERNELS_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct babel_stream babel_stream; /* NULL on the CPU */
typedef struct babel_recording babel_recording;

/* What changes from step to step, in backend memory. */
typedef struct {
  int64_t step;         /* 0-based */
  float lr;             /* of this step */
  float trunk_lr;       /* of the trunk's towers and the prototype (policy `slow`); = lr otherwise */
  float ema_momentum;   /* mu of this step */
  float bias1, bias2;   /* AdamW: 1 - beta1^(step+1), 1 - beta2^(step+1) */
} babel_step_state;

/* kernels/linear.h */
typedef struct {
  float *y;                 /* (n, out) = x w^T + b, or += (accumulate); then ReLU when relu */
  const float *x, *w, *b;   /* (n, in), (out, in), (out) or NULL */
  int n, in, out, relu, accumulate;
} babel_linear_fwd_job;
typedef struct {
  float *dx;                /* (n, in) = dy w, then zeroed where y_prev[i % mask_rows] <= 0 */
  const float *dy, *w;      /* (n, out), (out, in) */
  const float *y_prev;      /* (mask_rows, in): this layer's input, when it came out of a ReLU; NULL = no mask */
  int n, in, out, mask_rows;
} babel_linear_bwd_data_job;
typedef struct {
  float *dw, *db;           /* (out, in), (out) or NULL: = or += (accumulate) dy^T x, column sums of dy */
  const float *dy, *x;      /* (n, out), (n, in) */
  int n, in, out, accumulate;
} babel_linear_bwd_weight_job;

/* kernels/l2norm.h */
typedef struct {
  float *y, *inv;           /* (n, d), (n) */
  const float *x;           /* (n, d) */
  int n, d;
} babel_l2norm_fwd_job;
typedef struct {
  float *dx;                /* (n, d) */
  const float *dy, *y, *inv; /* (n, d), (rows, d), (rows): row i uses y[i % rows]: stacked cotangents */
  int n, d, rows;
} babel_l2norm_bwd_job;

/* kernels/shuffle.h: the order in which the next epoch visits its pairs. */
typedef struct {
  int *order;               /* (2, n): epoch e's permutation stands at order + (e % 2) n */
  int *workspace;           /* (2, n) */
  uint64_t seed;
  int n, steps_per_epoch;
} babel_shuffle_job;

/* kernels/batch_choice.h: which rows of the banks make up the batch of a step. */
typedef struct {
  int *rows;                /* (samples, steps) rows of a bank (pair_count, versions, steps, width) */
  int *lengths;             /* (samples) valid time steps, or NULL */
  int *pairs;               /* (samples) which pair, or NULL */
  const int *order;         /* (2, pair_count) from shuffle; NULL = pairs are drawn with replacement */
  int *partners;            /* (3, batch) workspace: pairs are permuted within the batch; NULL = they are not */
  const int *known_lengths; /* (pair_count, versions) or NULL = steps */
  uint64_t seed;
  int samples, pair_count, versions, steps;
  int batch, first;         /* with order: samples of the whole batch, and which of them is this job's first */
  int steps_per_epoch;      /* with order */
  int draw, draws;          /* without: the first number that this job draws, out of so many a step */
} babel_batch_choice_job;

/* kernels/input_gather.h: row gather + standardise + inverted dropout, the first thing a step does. */
typedef struct {
  float *y;                 /* (n, d) */
  const float *bank;        /* (bank_rows, d) */
  const int *rows;          /* (n) row numbers into bank */
  const float *mean, *inv_std; /* (d) both or both NULL */
  int n, d, bank_rows;
  float dropout;            /* in [0, 1): y = x * keep / (1 - dropout) */
  uint64_t seed;            /* Philox, stream BABEL_RNG_DROPOUT, index ((step * 2 + side) * n + row) * d + column */
  int side;                 /* 0 or 1 */
  int first, whole;         /* the rows are rows first .. of a batch of `whole`, in whose index n and row are these; whole 0 = n rows, from 0 on */
} babel_input_gather_job;

/* kernels/segment_mean.h: pooling of sequences behind the tower. */
typedef struct {
  float *pooled;            /* (n, d) written by fwd; (stacked n, d) read by bwd */
  float *sequence;          /* (n, steps, d) read by fwd; (stacked n, steps, d) written by bwd */
  const int *lengths;       /* (n) valid steps, or NULL */
  int n, steps, d, stacked; /* stacked: 1 in fwd */
} babel_segment_mean_job;

/* kernels/contrastive.h: Eq. (3)-(4), both directions from one logit tile. */
typedef struct {
  float *loss;              /* (2): L_ab (anchor a, row softmax), L_ba (anchor b, column softmax), means over the batch */
  float *dna, *dnb;         /* (m, d) twice: the cotangents of L_ab, then of L_ba; NULL, NULL = forward only */
  int64_t dna_step, dnb_step; /* floats from the one to the other; 0 = m d */
  float *dlog_scale;        /* (2) or NULL */
  int *hits;                /* (2) or NULL: anchors whose best candidate is their own partner (a tie is no hit) */
  const float *na, *nb;     /* (m, d) unit rows */
  const float *log_scale;   /* (1): logits = exp(log_scale) * na nb^T */
  const float *targets_a, *targets_b; /* (m, m) rows sum to 1: soft targets of each direction, or both NULL = own partner */
  const uint8_t *masked;    /* (m, m) or NULL: nonzero entries off the diagonal leave both denominators */
  float *workspace;         /* babel_contrastive_workspace(m, d) floats */
  int m, d, negatives_only; /* negatives_only: the positive leaves the denominator (decoupled loss) */
  int normalise;            /* na, nb are rows of any length: the loss is that of na / ||na||, dna and dnb are cotangents of na itself */
} babel_contrastive_job;

/* kernels/contrastive_panel.h: the same loss out of panels of rows, for batches whose logits are too many to be kept. */
enum { BABEL_CONTRASTIVE_PANEL_NUMBERS = 7 };
typedef struct {
  float *s;                 /* (rows, m) cosines of rows first .. first + rows - 1 of a with all rows of b; `cotangents`: then cotangents of L_ab */
  float *other;             /* (rows, m) written by `cotangents`: those of L_ba */
  float *anchors;           /* (2, BABEL_CONTRASTIVE_PANEL_NUMBERS, m) what is known of every anchor of a, then of b */
  float *loss, *dlog_scale; /* (2) each, by `finish`; dlog_scale or NULL */
  int *hits;                /* (2) or NULL */
  const float *log_scale;
  int first, rows, m, negatives_only;
  int one_way;              /* `sums` leaves the anchors of b as they are */
} babel_contrastive_panel_job;

/* kernels/neighbour_targets.h: soft targets, a mask, or both, of a batch from a graph of similar samples and from what overlaps. */
typedef struct {
  float *targets;           /* (m, m) or NULL: rows sum to 1, first index = anchor */
  uint8_t *masked;          /* (m, m) or NULL: neighbours, unless they are targets, and overlapping windows */
  const int *neighbours;    /* (n, k) samples, -1 = none */
  const float *weights;     /* (n, k) */
  const int *windows;       /* (n, 3) recording, its first row in the sample, the row behind its last; NULL = nothing overlaps */
  const int *rows;          /* (m) samples of the batch */
  int m, n, k;
  float weight;             /* of the neighbours, in [0, 1] */
} babel_neighbour_targets_job;

/* kernels/cosine_distill.h: L_kd = mean(1 - cos(e, t)). */
enum { BABEL_COSINE_DISTILL_PARTS = 129 };
typedef struct {
  float *loss, *de;         /* (1), (n, d) = weight * dL/de */
  double *parts;            /* (BABEL_COSINE_DISTILL_PARTS) workspace of a device, zeros before its first use: a count, partial sums */
  const float *e, *t;       /* (n, d) student, teacher; not normalised */
  float weight;
  int n, d;
} babel_cosine_distill_job;

/* kernels/adaptive.h: Eq. (5)-(7). */
enum { BABEL_ADAPTIVE_CHUNKS = 64, BABEL_ADAPTIVE_PARTS = 1 + 4 * BABEL_ADAPTIVE_CHUNKS };
typedef struct {
  float *weights, *norms;   /* (2): w_ab, w_ba; (2): g_a, g_b */
  int *guarded;             /* (1) += 1 when a norm was not finite and 0.5/0.5 was used; or NULL */
  double *parts;            /* workspace: BABEL_ADAPTIVE_PARTS, zeros before its first use */
  const float *grad[2];     /* (count[d]) gradient of direction d's loss, over the parameters whose norm counts */
  const float *param[2];    /* (count[d]) those parameters, for grad_norm=relative, or both NULL */
  int64_t count[2];
  int mode;                 /* 0 off (0.5/0.5), 1 on, 2 inverted */
} babel_adaptive_job;
typedef struct {
  float *y;                 /* (n) = weights[0] x0 + weights[1] x1 (+ x2 when not NULL); y may alias any x */
  const float *weights, *x0, *x1, *x2;
  int64_t n;
} babel_combine_job;

/* kernels/adamw.h, kernels/sgd.h */
typedef struct {
  float *p, *m, *v;         /* (n) */
  const float *g[3];        /* (n) each: the gradient is g[0], or with weights their weighted sum, g[2] with weight 1 and only where there is one */
  const float *weights;     /* (2) w_ab, w_ba of Eq. (5), or NULL */
  int64_t n;
  float weight_decay;
  float low, high;          /* p is clamped to [low, high] after the update when low < high */
  int trunk;                /* uses state->trunk_lr */
  float *teacher;           /* (n) = mu teacher + (1 - mu) p, mu = state->ema_momentum, p as updated; or NULL */
} babel_adamw_job;
typedef struct {
  float *p, *momentum;      /* (n) */
  const float *g;
  const float *lr;          /* (1) */
  int64_t n;
  float mu, weight_decay;
} babel_sgd_job;

/* kernels/softmax_xent.h: labels, for the classifier heads. */
typedef struct {
  float *loss, *dz;         /* (1) mean, (n, c) or NULL */
  const float *z;           /* (n, c) */
  const int *labels;        /* (n) in 0..c-1 */
  int n, c;
} babel_softmax_xent_job;

/* kernels/rank.h: what has to be looked at closely to rank a row's partner, or its best, among many. */
typedef struct {
  int *above, *close;       /* (n) */
  int *which;               /* (n, most) */
  const float *y;           /* (n, columns) */
  int own;                  /* column of row 0's partner, row i's is own + i; -1 = the largest of each row in place of a partner */
  float margin;
  int n, columns, most;
} babel_rank_job;

typedef struct babel_ops {
  const char *name; /* "cpu", "cuda" */
  const struct babel_ops *exact; /* the table, on the same memory, whose linear products do not round their operands; NULL = this one */
  int fold_layers;  /* 1: two linear layers without a ReLU between them are worth one product a step that makes them one; else 0 */
  int sum_cotangents; /* 1: operations cost more than launches, so cotangents are summed up before they meet a weight matrix; else 0 */
  int one_by_one; /* 1: every launch is waited for, so that an error names its kernel; nothing should be recorded; else 0 */
  void (*describe)(char *text, size_t size); /* processor, threads, library versions: what equal bits depend on */

  babel_status (*alloc)(void **memory, size_t bytes); /* zero-filled, 64-byte aligned or better */
  void (*free)(void *memory);
  babel_status (*upload)(void *to, const void *host, size_t bytes, babel_stream *s);   /* synchronous for the caller */
  babel_status (*download)(void *host, const void *from, size_t bytes, babel_stream *s); /* synchronous */
  babel_status (*copy)(void *to, const void *from, size_t bytes, babel_stream *s);
  babel_status (*synchronize)(babel_stream *s);

  /* kernels/record.h; all NULL where a call costs nothing */
  babel_status (*stream_create)(babel_stream **s, int background);
  void (*stream_destroy)(babel_stream *s);
  babel_status (*stream_follow)(babel_stream *s, babel_stream *other);
  babel_status (*record_begin)(babel_stream *s);
  babel_status (*record_end)(babel_recording **recording, babel_stream *s);
  babel_status (*replay)(const babel_recording *recording, babel_stream *s);
  void (*recording_destroy)(babel_recording *recording);

  babel_status (*linear_fwd)(const babel_linear_fwd_job *jobs, int n, babel_stream *s);
  babel_status (*linear_bwd_data)(const babel_linear_bwd_data_job *jobs, int n, babel_stream *s);
  babel_status (*linear_bwd_weight)(const babel_linear_bwd_weight_job *jobs, int n, babel_stream *s);
  babel_status (*l2norm_fwd)(const babel_l2norm_fwd_job *jobs, int n, babel_stream *s);
  babel_status (*l2norm_bwd)(const babel_l2norm_bwd_job *jobs, int n, babel_stream *s);
  babel_status (*shuffle)(const babel_shuffle_job *job, const babel_step_state *state, babel_stream *s);
  babel_status (*batch_choice)(const babel_batch_choice_job *jobs, int n, const babel_step_state *before, babel_step_state *state,
                               const babel_step_state *schedule, int schedule_size, babel_stream *s);
  babel_status (*input_gather)(const babel_input_gather_job *jobs, int n, const babel_step_state *state, babel_stream *s);
  babel_status (*segment_mean_fwd)(const babel_segment_mean_job *job, babel_stream *s);
  babel_status (*segment_mean_bwd)(const babel_segment_mean_job *job, babel_stream *s);
  babel_status (*neighbour_targets)(const babel_neighbour_targets_job *job, babel_stream *s);
  babel_status (*contrastive)(const babel_contrastive_job *job, babel_stream *s);
  babel_status (*contrastive_panel_sums)(const babel_contrastive_panel_job *job, babel_stream *s);
  babel_status (*contrastive_panel_finish)(const babel_contrastive_panel_job *job, babel_stream *s);
  babel_status (*contrastive_panel_cotangents)(const babel_contrastive_panel_job *job, babel_stream *s);
  babel_status (*cosine_distill)(const babel_cosine_distill_job *jobs, int n, babel_stream *s);
  babel_status (*adaptive)(const babel_adaptive_job *job, babel_stream *s);
  babel_status (*combine)(const babel_combine_job *jobs, int n, babel_stream *s);
  babel_status (*adamw)(const babel_adamw_job *jobs, int n, float beta1, float beta2, float eps,
                        const babel_step_state *state, babel_stream *s);
  babel_status (*sgd)(const babel_sgd_job *jobs, int n, babel_stream *s);
  babel_status (*softmax_xent)(const babel_softmax_xent_job *jobs, int n, babel_stream *s);
  babel_status (*rank)(const babel_rank_job *job, babel_stream *s);
} babel_ops;

const babel_ops *babel_ops_cpu(void);

/* Operands of the linear products on a device; everything else, and all sums, are float32. */
typedef enum {
  BABEL_PRECISION_TF32, /* rounded to 10 bits of mantissa */
  BABEL_PRECISION_FP32, /* as they are, in three TF32 products */
  BABEL_PRECISION_BF16  /* rounded to 7 bits of mantissa */
} babel_precision;

/* Only in a program built with CUDA (BABEL_HAS_CUDA). Before anything else: finds the device, numbered from 0, checks it and takes it for this
 * thread. One sentence and BABEL_ERR_UNSUPPORTED without a driver or a device, or with one older than compute capability 8.0. */
babel_status babel_cuda_open(int device);
babel_status babel_cuda_devices(int *count); /* 1 at least, or the same refusal */
const babel_ops *babel_ops_cuda(babel_precision precision); /* one_by_one where the environment says CUDA_LAUNCH_BLOCKING=1 */

/* Floats of workspace that a contrastive job needs. */
size_t babel_contrastive_workspace(int m, int d);

#ifdef __cplusplus
}
#endif
#endif
