/* One training step: the plan (what lies where) and the step itself.
 *
 * Two towers are aligned, side 0 = a (the junction where there is one), side 1 = b; further sides are towers of the trunk that are only held
 * to their teacher on rows of their own (rehearsal: algorithm.md section 16) or to each other (replay: the mean over the earlier phases of their symmetric
 * contrastive loss, in place of the distillation), a tower at most once, and it may be a's or b's. A tower is a chain
 * of linear layers: its alignment module C, the prototype U, and the projection of post_proj=linear. All trainable values lie in one flat array,
 *   [ C of each tower | post of each tower | U, or with proto_policy=none U_a | U_b | log_scale ],
 * as do their gradients and AdamW's two moments, so that optimiser, EMA and checkpoint are single calls.
 *
 * One forward and one stacked backward give the cotangents of both directions, L_ab and L_ba, and of the distillation (direction 2), on the
 * junction's side or on the rehearsed rows, never on both
 * (Eq. 6); everything behind the loss is linear. The two layers at which C meets U are one (folded: step_fold.h). How the weighted gradient (Eq. 5)
 * comes of the directions is the backend's choice (ops->sum_cotangents):
 *   summed     where operations cost: cotangents are summed up with their weights, each weight matrix sees one product; the gradients whose norms
 *              count are computed beside that.
 *   else       where launches cost: the gradients of every direction, each in a flat array of its own, in lists of products beside the cotangents of
 *              the layers below; their norms are taken there, and AdamW weighs them as it reads them.
 * With chunks (step_chunk.h) the pair's rows pass in parts, and the buffers below are of one part; then nothing is folded or
 * summed, nor with ranks on the CPU.
 * Cotangents of direction d stand at cot[k] + d cot_step[k]. Before cot[joined] a side's directions lie behind each other; from there on both sides'
 * rows of one direction do, so that the shared prototype sees one matrix a direction. */
#ifndef BABEL_GROWTH_STEP_H
#define BABEL_GROWTH_STEP_H

#include "comm/comm_device.h"
#include "growth/trunk.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_MAX_CHAIN = 3 * BABEL_MAX_LAYERS, /* C, U, the projection */
       BABEL_MAX_SIDES = 2 + BABEL_MAX_TOWERS,
       BABEL_MAX_SOURCES = 64,
       BABEL_STEP_WINDOW = 1024, /* states of coming steps that a plan holds */
       BABEL_STEP_BLOCK = 10 };  /* steps that are recorded as one */

/* Where a rehearsed side's rows first .. first + rows - 1 come from. */
typedef struct {
  int side, first, rows;
  const float *bank; /* backend: (bank_rows, in) */
  int bank_rows;
  bool standardised; /* the bank's rows already are */
  int skip, whole_first, whole; /* with ranks: rows of it that lower ranks have, its first row and its rows on all ranks together */
} babel_step_source;

/* How a part of the network learns. */
typedef enum { BABEL_LEARNS, BABEL_LEARNS_SLOWLY, /* at state->trunk_lr */ BABEL_LEARNS_PROJECTED, /* projection.h */ BABEL_FROZEN } babel_learning;

/* What a plan is asked for. */
typedef struct {
  int m, adaptive, teacher_side; /* teacher_side: 0 or 1, distilled on its own rows; -1 = none */
  bool overlap;                  /* samples of the pair overlap, and leave each other's denominators */
  bool still;                    /* the teacher stays what it was at the start; else it follows with state->ema_momentum */
  int sides;                     /* 2, and the rehearsed ones */
  babel_tower *towers[BABEL_MAX_SIDES];
  int steps[BABEL_MAX_SIDES];    /* time steps */
  int rows[BABEL_MAX_SIDES];     /* samples of the rehearsed sides; of the pair it is m */
  int replayed;                  /* pairs of the rehearsed sides' sources that have a contrastive loss in place of a teacher: sources 2 p and 2 p + 1 each
                                    hold the same samples; 0 = distillation */
  int replay_rows;               /* samples of each */
  babel_comm *comm;              /* ranks that share the batch (step_ranks.h); NULL = alone */
  babel_learning module[2], prototype; /* a frozen module needs a frozen prototype: nothing passes back through that side */
} babel_step_request;

typedef struct {
  int in, out, relu;            /* relu: between layers of one MLP */
  int64_t weight_at, bias_at;   /* into the flat arrays; -1: the fold */
  const float *weight, *bias, *teacher_weight, *teacher_bias; /* (out, in), (out); teacher's NULL without one */
  float *dweight, *dbias;       /* gradients; summed only */
} babel_chain_layer;

/* C's last layer (middle, in) and U's first (out, middle) as one layer M (out, in): step_fold.h. */
typedef struct {
  int in, middle, out;
  int64_t first_at, first_bias_at, second_at, second_bias_at; /* into the flat arrays */
  float *weight, *bias, *teacher_weight, *teacher_bias, *dweight, *dbias;
  float *own_weight[3], *own_bias[3]; /* dM, dv of each direction, summed: of those whose norm counts; NULL = not needed */
} babel_layer_fold;

typedef struct {
  int layers, module_layers;    /* the first module_layers are C's; folded: without its last, then comes the fold */
  int samples, steps, rows;     /* that pass at a time, of this rank: samples, time steps T, samples T; alone and without chunks samples = m */
  int skip, whole;              /* samples of lower ranks, of all ranks */
  int first, stacked;           /* directions: 0 and 1, the side that is distilled 2 too; a rehearsed one 2 alone */
  int twin;                     /* rehearsed: the side of the pair with the same tower; -1 = none */
  bool taught, rehearsed, frozen; /* has a teacher; has a gradient in direction 2; nothing passes back */
  babel_chain_layer layer[BABEL_MAX_CHAIN];
  babel_layer_fold fold;
  float *ahead;                         /* act[0] of the step that comes next; NULL where none looks ahead */
  float *act[BABEL_MAX_CHAIN + 1];      /* act[0] = input (rows, in), act[k + 1] = output of layer k */
  float *cot[BABEL_MAX_CHAIN + 1];      /* cot[k + 1] = dL/d(output of layer k), (rows, width) for each direction */
  int64_t cot_step[BABEL_MAX_CHAIN + 1]; /* floats from direction to direction */
  float *combined[BABEL_MAX_CHAIN + 1]; /* weighted sum of the cotangents, (rows, width); summed only */
  float *pooled, *pooled_cot;           /* (samples, embed), (stacked samples, embed); only with time steps */
  float *middle;                        /* folded, not summed: output of C's last layer, (rows, embed); NULL where the prototype stands still */
  float *own[2];                        /* summed: gradient of C for direction 0, 1; only its norm is used; NULL = not needed */
  float *teacher_act[2], *teacher;      /* ping-pong (rows, widest); teacher embedding (samples, embed); only where taught */
  int64_t module_at, module_count;      /* C in the flat arrays */
  int64_t post_at, post_count;          /* the projection; count 0 = none */
  int64_t prototype_at;
} babel_chain;

/* What changes from step to step. A plan with choices makes it itself, on the backend: kernels/batch_choice.h. */
typedef struct {
  babel_step_state *state;      /* (1) */
  int *rows[BABEL_MAX_SIDES], *lengths[BABEL_MAX_SIDES]; /* (rows) into the banks, (samples) valid time steps; lengths NULL = all valid. On the
                                                            host of all ranks together, on the backend from this rank's first one on */
  int *graph_rows;              /* (m) which pairs the batch holds; NULL when plain */
} babel_step_inputs;

/* What a step says, for logs. */
typedef struct {
  float loss[2], kd, weights[2], norms[2], log_scale;
  float kd_of[BABEL_MAX_SIDES]; /* mean over the rows of a side; kd: over all distilled rows */
  int hits[2], guarded;
} babel_step_report;

typedef struct {
  const babel_ops *ops;
  babel_stream *stream, *branch; /* branch: for what need not wait; both NULL on the CPU */
  babel_stream *aside;          /* for what need not be there when a recorded block ends; NULL where nothing is recorded */
  babel_config config;
  int m, embed;
  int chunk;                    /* pairs that pass at a time; m = all */
  int first, again, accumulate; /* of a part: its first pair; pairs at its start that the part before has passed; gradients are added to those before */
  int teacher_side;             /* 0 or 1: distilled on its own rows; -1 = none */
  bool teacher_folded;          /* folded, and the teacher is still: M of the teachers is there already */
  int adaptive;                 /* 0 off, 1 on, 2 inverted */
  bool folded, summed;          /* see above */
  int sides;
  babel_chain side[BABEL_MAX_SIDES];
  int rehearsed_rows, rehearsed_samples; /* of the sides from 2 on, here, and of all ranks; their rows lie behind each other from layer 1 on */
  int64_t count;                /* trainable values, log_scale last */
  int64_t prototype_at, prototype_count, scale_at; /* the shared U, or with proto_policy=none U_a and U_b */
  int shared;                   /* first layer of the chains that is the same one */
  int joined;                   /* see above: shared + 1; folded, not summed: shared */
  float *params, *moment1, *moment2, *teacher_params; /* (count); teacher: NULL without one */
  float *grads[3];              /* (count) summed: [0], the gradient; else of each direction, [2] NULL without a teacher */
  const struct babel_projection *projection; /* borrowed, set by whoever made it; NULL = none */
  babel_adamw_job *adamw;       /* host list */
  int adamw_count;
  babel_step_inputs in, ahead;  /* on the backend: of a step; of the one that comes next, where a block of steps looks ahead */
  babel_step_inputs host;       /* the copies that babel_step_plan_send sends to `in` */
  size_t input_bytes;
  const float *bank[BABEL_MAX_SIDES], *mean[BABEL_MAX_SIDES], *inv_std[BABEL_MAX_SIDES]; /* backend: (bank_rows, in), statistics or NULL */
  int bank_rows[BABEL_MAX_SIDES];               /* of the pair; the rehearsed sides have sources */
  babel_step_source source[BABEL_MAX_SOURCES];
  int sources;
  babel_batch_choice_job choice[2 + BABEL_MAX_SOURCES]; /* which rows a step takes; 0 choices = those that are sent to plan->in before each step */
  int choices;
  babel_shuffle_job shuffle;    /* the order of the coming epoch; NULL order = none */
  babel_step_state *schedule;   /* (BABEL_STEP_WINDOW) step t's at t % BABEL_STEP_WINDOW */
  babel_step_state *epoch;      /* (1) backend: begins the epoch behind which an order is made aside */
  int64_t next;                 /* number of the next step, with choices */
  const int *graph;             /* (graph_size, graph_k) neighbours, backend; NULL = targets: pairs */
  const float *graph_weights;   /* (graph_size, graph_k) */
  const int *graph_windows;     /* (graph_size, 3), with request.overlap */
  int graph_size, graph_k;
  float *targets;               /* (m, m); NULL unless targets: neighbours */
  uint8_t *masked;              /* (m, m); NULL unless targets: mask, or request.overlap */
  babel_step_report *report;    /* backend; the next six point into it; log_scale is left out: it is a parameter */
  float *loss, *kd_of, *weights, *norms; /* (2) (sides) (2) (2) */
  int *hits, *guarded;          /* (2) (1) */
  float *dlog_scale;            /* (2) */
  double *kd_parts;             /* workspace of the distillation losses */
  double *adaptive_parts;       /* workspace of the norms */
  float *replay_cot[2], *replay_loss, *replay_weights, *replay_workspace; /* (2, replay_rows, embed) cotangents of both directions; (2); (2) backend; NULL without */
  struct babel_step_chunks *chunks; /* host; NULL without */
  float *workspace;
  babel_comm *comm;             /* NULL = alone, as are the next three */
  babel_device_comm *devices;   /* NULL where things pass between ranks through the host */
  float *gathered[2], *gathered_cot[2]; /* embeddings of the whole batch (most, embed), their cotangents (2, most, embed); cotangents NULL where not needed */
  float *panel[2], *panel_other[2], *panel_inv[2]; /* of this rank's rows of either side: (rows, m), (rows, m), (rows); NULL where every rank computes the whole loss */
  float *panel_anchors;         /* (3, BABEL_CONTRASTIVE_PANEL_NUMBERS, m): of b, of a, of b again */
  float *staging;               /* host: what passes through it; NULL where backend memory is the host's */
  babel_recording *recording, *block; /* of a step, and of BABEL_STEP_BLOCK of them, on a backend that has such */
  babel_step_request request;
  void *memory;                 /* one backend block behind all of it */
  size_t bytes;
} babel_step_plan;

/* The pair alone. */
static inline babel_step_request babel_step_pair(babel_tower *const towers[2], const int steps[2], int m, int teacher_side, int adaptive) {
  return (babel_step_request){.m = m, .adaptive = adaptive, .teacher_side = teacher_side, .sides = 2, .towers = {towers[0], towers[1]},
                              .steps = {steps[0], steps[1]}};
}

/* Whether an anchor is to find its partner alone, among all of the batch. */
static inline bool babel_step_plain(const babel_step_plan *plan) {
  return plan->config.targets == BABEL_TARGETS_PAIRS && !plan->request.overlap;
}

/* Whether there is a direction 2: a side that is distilled, or sides that are rehearsed. */
static inline bool babel_step_distils(const babel_step_plan *plan) {
  return plan->teacher_side >= 0 || plan->sides > 2;
}

/* Allocates everything for batches of request->m pairs, copies the parameters out of the trunk, and those of whom is taught into their teachers.
 * BABEL_ERR_ARG when m < 2, BABEL_ERR_SHAPE when a size or a tower does not fit. */
babel_status babel_step_plan_create(babel_step_plan *plan, const babel_trunk *trunk, const babel_step_request *request);
void babel_step_plan_destroy(babel_step_plan *plan); /* accepts a zeroed one */

/* Trained values back into the trunk; deploy_teacher (policy ema_deploy): the EMA prototype instead of the online one. */
babel_status babel_step_plan_store(const babel_step_plan *plan, babel_trunk *trunk, bool deploy_teacher);

/* plan->host -> plan->in, one copy. */
babel_status babel_step_plan_send(const babel_step_plan *plan);

/* With choices. `step` is the next one to run. */
babel_status babel_step_plan_begin(babel_step_plan *plan, int64_t step);
/* The states of steps first .. end - 1, at most up to the end of the window that `first` is in. */
babel_status babel_step_plan_schedule(const babel_step_plan *plan, const babel_step_state *states, int64_t first, int64_t end);

/* The next step's state and rows, on the backend; the order of the coming epoch is made beside the step, when it begins one, and where epochs are longer
 * than a block of steps beside several blocks (babel_step_run). */
babel_status babel_step_choose(const babel_step_plan *plan);

/* `steps` steps: with choices one after another, else 1. Reads plan->in; leaves losses, weights, norms and hits of the last one on the backend. A
 * backend that records notes a step down, and a block of them, in which a step's inputs are made beside the step before, and repeats it: the plan's own fields (pointers, sizes, configuration) must stay as they
 * are from then on. */
babel_status babel_step_run(babel_step_plan *plan, int steps);

/* The forward and backward half alone, on what plan->in holds: nothing is chosen or updated. For tests and benches. */
babel_status babel_step_gradients(babel_step_plan *plan);
/* The gradient that the last step took, Eq. (5): (count) floats of the host. */
babel_status babel_step_plan_gradient(const babel_step_plan *plan, float *gradient);

/* With ranks a collective. */
babel_status babel_step_report_read(const babel_step_plan *plan, babel_step_report *report);

#ifdef __cplusplus
}
#endif
#endif
