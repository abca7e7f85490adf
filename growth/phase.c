#include "growth/phase.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/log.h"
#include "core/range.h"
#include "growth/breakdown.h"
#include "growth/manifest.h"
#include "growth/phase_data.h"
#include "growth/phase_state.h"
#include "growth/policy.h"
#include "growth/projection.h"
#include "growth/rehearsal.h"
#include "growth/step_ranks.h"
#include "layers/schedule.h"

enum { REPORT_STEPS = 10 };
enum { SAVE = 1, STOP }; /* what a rank wishes between two steps */

typedef struct {
  babel_phase_options own;           /* the caller's, with the junction first */
  const babel_phase_options *options; /* own */
  babel_trunk *trunk;
  babel_tower *towers[2];
  float *statistics[2][2];           /* host: mean and inv_std of towers that are known */
  char from[65];                     /* sha256 of the trunk's file at the start */
  babel_phase_kind kind;
  babel_policy_plan policy;
  babel_rehearsal rehearsal;
  babel_phase_data data;
  babel_step_plan plan;
  babel_projection projection;
  babel_schedule schedule;
  babel_phase_plan facts;
  char *inputs, *environment;
  FILE *metrics, *watch;
  double began, saved; /* [s] */
  int64_t first_step, sound; /* sound: after so many steps everything was finite */
} phase_run;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void facts_of(const phase_run *run, int64_t steps, babel_phase_plan *facts) {
  const babel_phase_data *data = &run->data;
  *facts = (babel_phase_plan){.kind = run->kind, .pairs = data->pairs, .batch = data->batch, .variants = data->variants,
                              .steps_per_epoch = data->steps_per_epoch, .steps = steps};
  for (int s = 0; s < 2; s++) {
    facts->known[s] = run->own.mean[s] != NULL;
    snprintf(facts->modality[s], sizeof facts->modality[s], "%s", run->options->bank[s]->modality);
    facts->constant[s] = data->constant[s];
    facts->zero_rows[s] = data->zero_rows[s];
    facts->equal_rows[s] = data->equal_rows[s];
    facts->bytes += (size_t)data->pairs * (size_t)data->variants * (size_t)data->steps[s] * (size_t)data->width[s] * sizeof(float);
  }
}

/* Junction first; what is known of it: the statistics that its tower stands on. */
static babel_status take_roles(phase_run *run, const babel_phase_options *options) {
  const char *const modality[2] = {options->bank[0]->modality, options->bank[1]->modality};
  bool swap;
  run->own = *options;
  run->options = &run->own;
  run->own.known = run->trunk->tower_count;
  memcpy(run->from, run->trunk->sha256, sizeof run->from);
  run->own.from_sha256 = run->from;
  BABEL_TRY(babel_phase_kind_of(run->trunk, &run->trunk->config, modality, options->allow_disconnected, &run->kind, &swap));
  for (int s = 0; s < 2; s++) run->own.bank[s] = options->bank[swap ? 1 - s : s];
  for (int s = 0; s < 2; s++) {
    const babel_bank *bank = run->own.bank[s];
    const babel_tower *tower = babel_trunk_tower(run->trunk, bank->modality);
    if (!tower) continue;
    if (tower->in != bank->width)
      return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: %s of width %d, but the trunk's tower takes %d", bank->path, bank->modality, bank->width, tower->in);
    BABEL_TRY(babel_encoders_agree(tower->provenance, bank));
    const float *from[2] = {tower->mean, tower->inv_std};
    for (int i = 0; i < 2; i++) {
      void *memory;
      BABEL_TRY(babel_alloc(&memory, (size_t)tower->in, sizeof(float)));
      run->statistics[s][i] = memory;
      BABEL_TRY(run->trunk->ops->download(memory, from[i], (size_t)tower->in * sizeof(float), NULL));
    }
    if (!s && run->trunk->config.neighbour_graph) run->own.graph_trunk = run->trunk;
    run->own.mean[s] = run->statistics[s][0];
    run->own.inv_std[s] = run->statistics[s][1];
  }
  return BABEL_OK;
}

/* Towers for what is new, with the statistics of their original training samples. */
static babel_status add_towers(phase_run *run) {
  for (int s = 0; s < 2; s++) {
    const babel_bank *bank = run->options->bank[s];
    if (!run->own.mean[s]) BABEL_TRY(babel_trunk_add_tower(run->trunk, bank->modality, bank->width));
  }
  for (int s = 0; s < 2; s++) {
    const char *provenance = run->options->bank[s]->provenance;
    babel_tower *tower = run->towers[s] = babel_trunk_tower(run->trunk, run->options->bank[s]->modality);
    if (run->own.mean[s]) continue;
    BABEL_TRY(babel_trunk_set_statistics(run->trunk, tower, run->data.mean[s], run->data.inv_std[s]));
    tower->provenance = strdup(provenance ? provenance : "{}");
    if (!tower->provenance) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a provenance text");
  }
  return BABEL_OK;
}

/* The step's sides: the pair, and whatever holds the trunk. */
static babel_status plan_step(phase_run *run) {
  const babel_config *config = &run->trunk->config;
  babel_policy_plan *policy = &run->policy;
  *policy = babel_policy_of(config, run->own.known ? run->kind : BABEL_PHASE_FIRST, run->own.mean[0] != NULL); /* two towers of one sensor may come first */
  babel_step_request request = babel_step_pair(run->towers, run->data.steps, run->data.batch, policy->teacher_side, policy->adaptive);
  request.comm = run->own.comm;
  request.overlap = run->data.windows.overlap;
  request.still = policy->still;
  request.prototype = policy->prototype;
  for (int s = 0; s < 2; s++) request.module[s] = policy->module[s];
  BABEL_TRY(babel_rehearsal_create(&run->rehearsal, run->trunk, run->options, policy->rehearsal, &request));
  BABEL_TRY(babel_step_plan_create(&run->plan, run->trunk, &request));
  if (!run->own.planning) BABEL_TRY(babel_projection_create(&run->projection, &run->plan, run->trunk));
  if (run->projection.layers) run->plan.projection = &run->projection;
  run->facts.bytes += run->plan.bytes + run->rehearsal.bytes + run->projection.bytes;
  run->facts.parameters = run->plan.count;
  return BABEL_OK;
}

static babel_status prepare(phase_run *run, const babel_phase_options *options) {
  BABEL_RANGE("prepare");
  const babel_config *config = &run->trunk->config;
  BABEL_TRY(babel_config_check(config));
  BABEL_TRY(take_roles(run, options));
  BABEL_TRY(babel_phase_data_create(&run->data, run->trunk->ops, config, run->options));
  int64_t steps = run->own.known ? config->grow_steps : config->max_steps;
  if (options->epochs > 0) steps = (int64_t)fmax(1, rint(options->epochs * run->data.steps_per_epoch));
  if (options->steps) steps = options->steps;
  facts_of(run, steps, &run->facts);
  BABEL_TRY(add_towers(run));
  BABEL_TRY(plan_step(run));
  memcpy(run->facts.graph_sha256, run->data.graph.sha256, sizeof run->facts.graph_sha256);
  run->schedule = (babel_schedule){.steps = steps, .warmup = (int64_t)(config->warmup_epochs * run->data.steps_per_epoch + 0.5),
      .lr_start = config->lr_warmup_start, .lr_peak = config->lr, .lr_end = config->lr_final, .trunk_factor = config->trunk_lr,
      .momentum = config->ema_momentum, .constant_momentum = config->ema_schedule == BABEL_EMA_CONSTANT, .beta1 = config->beta1, .beta2 = config->beta2};
  return BABEL_OK;
}

static void release(phase_run *run) {
  if (run->metrics) fclose(run->metrics);
  if (run->watch) fclose(run->watch);
  babel_step_plan_destroy(&run->plan);
  babel_projection_destroy(&run->projection);
  babel_rehearsal_destroy(&run->rehearsal);
  babel_phase_data_destroy(&run->data);
  for (int i = 0; i < 4; i++) free(run->statistics[i / 2][i % 2]);
  free(run->inputs);
  free(run->environment);
}

babel_status babel_phase_prepare(babel_trunk *trunk, const babel_phase_options *options, babel_phase_plan *plan) {
  phase_run run = {.trunk = trunk};
  babel_status status = prepare(&run, options);
  *plan = run.facts;
  release(&run);
  return status;
}

/* Line files are cut to what the state knows of, so that a continued run repeats no line. */
static babel_status open_lines(const char *folder, const char *name, int64_t keep, FILE **file) {
  char path[1024];
  struct stat found = {0};
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (keep && (stat(path, &found) || found.st_size < keep))
    return BABEL_FAIL(BABEL_ERR_STATE, "%s: the interrupted run had written %lld bytes, found %lld: it cannot be continued; start anew with --force",
                      path, (long long)keep, (long long)found.st_size);
  *file = fopen(path, keep ? "r+e" : "we");
  if (!*file || ftruncate(fileno(*file), keep) || fseek(*file, 0, SEEK_END))
    return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
  return BABEL_OK;
}

static babel_status flush_lines(FILE *file, const char *folder, const char *name, int64_t *bytes) {
  if (fflush(file) || ferror(file) || fsync(fileno(file)) || (*bytes = ftell(file)) < 0)
    return BABEL_FAIL(BABEL_ERR_IO, "%s/%s: cannot be written: %s", folder, name, strerror(errno));
  return BABEL_OK;
}

static babel_status save(phase_run *run, int64_t step) {
  BABEL_RANGE("checkpoint");
  BABEL_TRY(babel_comm_busy(run->options->comm));
  babel_phase_state state = {.step = step, .inputs = run->inputs, .environment = run->environment};
  BABEL_TRY(flush_lines(run->metrics, run->options->out, "metrics.jsonl", &state.metrics_bytes));
  BABEL_TRY(flush_lines(run->watch, run->options->out, "watch.jsonl", &state.watch_bytes));
  BABEL_TRY(babel_phase_state_save(run->options->out, &run->plan, &state));
  run->saved = now();
  return BABEL_OK;
}

/* Rank 0 alone reads and writes the folder. */
static bool leads(const phase_run *run) {
  return !babel_comm_rank(run->options->comm);
}

/* What an interrupted run has left in the folder, and the files of this one. *step: steps done. */
static babel_status take_folder(phase_run *run, int64_t *step) {
  const babel_phase_options *options = run->options;
  babel_phase_state state = {.inputs = run->inputs, .environment = run->environment};
  bool found = false;
  BABEL_TRY(babel_comm_busy(options->comm));
  babel_phase_state_sweep(options->out);
  if (!options->resume) babel_phase_state_remove(options->out);
  if (options->resume) BABEL_TRY(babel_phase_state_load(options->out, &run->plan, &state, options->force, &found));
  if (options->resume && found) babel_note("%s: continued at step %lld of %lld", options->out, (long long)state.step, (long long)run->schedule.steps);
  BABEL_TRY(open_lines(options->out, "metrics.jsonl", found ? state.metrics_bytes : 0, &run->metrics));
  BABEL_TRY(open_lines(options->out, "watch.jsonl", found ? state.watch_bytes : 0, &run->watch));
  *step = found ? state.step : 0;
  return BABEL_OK;
}

static babel_status start(phase_run *run, int64_t *step) {
  BABEL_RANGE("start");
  const babel_phase_options *options = run->options;
  BABEL_TRY(babel_phase_data_upload(&run->data, options));
  babel_phase_data_plan(&run->data, &run->trunk->config, &run->plan);
  BABEL_TRY(babel_rehearsal_upload(&run->rehearsal, &run->trunk->config, &run->plan));
  BABEL_TRY(babel_manifest_inputs(&run->trunk->config, options, &run->facts, &run->inputs));
  BABEL_TRY(babel_manifest_environment(run->trunk->ops, options->comm, &run->environment));
  BABEL_TRY(babel_comm_same(options->comm, run->inputs, "the configuration, a bank or the split"));
  if (!options->force) BABEL_TRY(babel_comm_same(options->comm, run->environment, "the machine, its libraries or threads"));
  if (leads(run)) BABEL_TRY(take_folder(run, step));
  BABEL_TRY(babel_comm_broadcast(options->comm, step, sizeof *step));
  BABEL_TRY(babel_step_broadcast(&run->plan));
  run->first_step = run->sound = *step;
  BABEL_TRY(babel_phase_data_begin(&run->data, &run->trunk->config, *step));
  BABEL_TRY(babel_step_plan_begin(&run->plan, *step));
  run->began = run->saved = now();
  return BABEL_OK;
}

/* JSON has no infinity: a norm that was guarded against is null. */
static json_t *number(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

static babel_status write_metrics(phase_run *run, const babel_progress *p, double lr) {
  const babel_step_report *r = &p->report;
  double batch = p->batch;
  json_t *line = json_pack("{s:I, s:i, s:f, s:f, s:f, s:f, s:f, s:o, s:o, s:f, s:f, s:f, s:i}", "step", (json_int_t)p->step, "epoch", p->epoch, "lr", lr,
                           "loss_ab", (double)r->loss[0], "loss_ba", (double)r->loss[1], "w_ab", (double)r->weights[0], "w_ba", (double)r->weights[1],
                           "g_a", number((double)r->norms[0]), "g_b", number((double)r->norms[1]), "scale", exp((double)r->log_scale), "batch_top1_ab",
                           r->hits[0] / batch, "batch_top1_ba", r->hits[1] / batch, "guarded", r->guarded);
  if (line && run->plan.teacher_params) json_object_set_new(line, "kd", json_real((double)r->kd));
  int failed = !line || json_dumpf(line, run->metrics, JSON_REAL_PRECISION(9)) || fputc('\n', run->metrics) == EOF;
  json_decref(line);
  return failed ? BABEL_FAIL(BABEL_ERR_IO, "%s/metrics.jsonl: cannot be written", run->options->out) : BABEL_OK;
}

static babel_status report(phase_run *run, int64_t done) {
  BABEL_RANGE("report");
  babel_progress progress = {.step = done, .steps = run->schedule.steps, .epoch = (int)((done - 1) / run->data.steps_per_epoch),
      .pairs = run->data.pairs, .batch = run->data.batch, .seconds = now() - run->began, .first_step = run->first_step};
  babel_step_report *r = &progress.report;
  babel_step_state state;
  babel_schedule_at(&run->schedule, done - 1, &state);
  BABEL_TRY(babel_step_report_read(&run->plan, r));
  if (!isfinite(r->loss[0]) || !isfinite(r->loss[1]))
    return BABEL_FAIL(BABEL_ERR_VALUE, "training broke down: the loss is not finite at step %lld (learning rate %g); the state saved before is kept",
                      (long long)done, (double)state.lr);
  if (!leads(run)) return BABEL_OK;
  BABEL_TRY(write_metrics(run, &progress, (double)state.lr));
  if (run->options->progress) run->options->progress(run->options->user, &progress);
  return BABEL_OK;
}

/* Of a step that was looked at: remembers that all is well, or finds out what is not. */
static babel_status explained(phase_run *run, int64_t done, babel_status status) {
  if (status == BABEL_ERR_VALUE)
    return babel_breakdown_explain(&run->data, &run->trunk->config, run->options, &run->plan, run->sound, done);
  run->sound = done;
  return status;
}

/* Steps between two looks; 0 = never. */
static int64_t watch_steps(const phase_run *run) {
  return run->options->watch ? (int64_t)run->trunk->config.watch_epochs * run->data.steps_per_epoch : 0;
}

static babel_status watch(phase_run *run, int64_t done) {
  int64_t every = watch_steps(run);
  if (!every || !leads(run) || (done % every && done != run->schedule.steps)) return BABEL_OK;
  BABEL_TRY(babel_comm_busy(run->options->comm));
  BABEL_TRY(babel_step_plan_store(&run->plan, run->trunk, false));
  return run->options->watch(run->options->user, run->trunk, done, (int)(done / run->data.steps_per_epoch), run->watch);
}

/* Where the window of states ends that this step is in. */
static int64_t window_end(const phase_run *run, int64_t step) {
  int64_t end = (step / BABEL_STEP_WINDOW + 1) * BABEL_STEP_WINDOW;
  return end < run->schedule.steps ? end : run->schedule.steps;
}

static babel_status send_schedule(phase_run *run, int64_t step) {
  babel_step_state states[BABEL_STEP_WINDOW];
  int64_t end = window_end(run, step);
  for (int64_t t = step; t < end; t++) babel_schedule_at(&run->schedule, t, &states[t - step]);
  return babel_step_plan_schedule(&run->plan, states, step, end);
}

/* Where launches cost: the steps up to the next moment at which something is to be done between two of them. */
static int steps_at_once(const phase_run *run, int64_t step) {
  if (!run->plan.ops->record_begin || run->plan.comm) return 1;
  int64_t end = window_end(run, step), every = watch_steps(run), report = (step / REPORT_STEPS + 1) * REPORT_STEPS;
  if (report < end) end = report;
  if (every && (step / every + 1) * every < end) end = (step / every + 1) * every;
  return (int)(end - step);
}

static babel_status take(phase_run *run, int64_t *step) {
  BABEL_RANGE("steps");
  if (*step == run->first_step || *step % BABEL_STEP_WINDOW == 0) BABEL_TRY(send_schedule(run, *step));
  int steps = steps_at_once(run, *step);
  *step += steps;
  return babel_step_run(&run->plan, steps);
}

static babel_status loop(phase_run *run, int64_t step) {
  const babel_config *config = &run->trunk->config;
  const babel_phase_options *options = run->options;
  while (step < run->schedule.steps) {
    BABEL_TRY(take(run, &step));
    if (step % REPORT_STEPS == 0 || step == run->schedule.steps) BABEL_TRY(explained(run, step, report(run, step)));
    BABEL_TRY(watch(run, step));
    int wish = options->stop && *options->stop ? STOP : config->checkpoint_seconds > 0 && now() - run->saved > config->checkpoint_seconds && leads(run) ? SAVE : 0;
    BABEL_TRY(babel_comm_max(options->comm, &wish)); /* a signal reaches the ranks between different steps; and nothing is written of a step that one has not survived */
    if (step == run->schedule.steps) break;
    if (wish && leads(run)) BABEL_TRY(explained(run, step, save(run, step)));
    if (wish == STOP)
      return BABEL_FAIL(BABEL_ERR_INTERRUPTED, "%s: interrupted at step %lld of %lld; continue with --resume", options->out, (long long)step,
                        (long long)run->schedule.steps);
  }
  return BABEL_OK;
}

/* What the layers were fed: from the first phase on, or never. */
static babel_status remember_moments(phase_run *run) {
  const babel_phase_data *data = &run->data;
  if (run->trunk->config.proto_policy != BABEL_POLICY_GRAD_PROJ || (run->own.known && !run->trunk->moments.layers)) {
    babel_moments_forget(run->trunk);
    return BABEL_OK;
  }
  for (int s = 0; s < 2; s++) BABEL_TRY(babel_moments_add(run->trunk, run->options->bank[s], data->source[s], data->pairs));
  return BABEL_OK;
}

/* What the trunk will remember of a new modality when its data are gone. */
static babel_status remember(phase_run *run) {
  for (int s = 0; s < 2; s++) {
    const babel_phase_data *data = &run->data;
    const babel_bank *bank = run->options->bank[s];
    if (run->own.mean[s] || bank->steps > 1) continue;
    BABEL_TRY(babel_gauss_fit(&run->towers[s]->gauss, bank->features, data->source[s], data->pairs, bank->width, data->mean[s], data->inv_std[s]));
  }
  return BABEL_OK;
}

/* The result takes the place of the state. */
static babel_status deliver(phase_run *run) {
  const char *out = run->options->out;
  char path[1024];
  int64_t bytes;
  BABEL_TRY(flush_lines(run->metrics, out, "metrics.jsonl", &bytes));
  BABEL_TRY(flush_lines(run->watch, out, "watch.jsonl", &bytes));
  snprintf(path, sizeof path, "%s/trunk.safetensors", out);
  BABEL_TRY(babel_trunk_write(run->trunk, path));
  babel_phase_state_remove(out);
  return BABEL_OK;
}

static babel_status finish(phase_run *run) {
  BABEL_RANGE("finish");
  babel_trunk *trunk = run->trunk;
  BABEL_TRY(babel_comm_busy(run->options->comm));
  BABEL_TRY(babel_step_plan_store(&run->plan, trunk, run->policy.deploy_teacher));
  BABEL_TRY(remember(run));
  BABEL_TRY(remember_moments(run));
  free(trunk->manifest);
  trunk->manifest = NULL;
  BABEL_TRY(babel_manifest_text(trunk->ops, &trunk->config, run->options, &run->facts, &trunk->manifest));
  BABEL_TRY(babel_manifest_history(&trunk->config, run->options, &run->facts, &trunk->history));
  if (leads(run)) BABEL_TRY(deliver(run));
  return babel_comm_broadcast(run->options->comm, trunk->sha256, sizeof trunk->sha256);
}

babel_status babel_phase_run(babel_trunk *trunk, const babel_phase_options *options) {
  BABEL_RANGE("growth phase");
  phase_run run = {.trunk = trunk};
  int64_t step = 0;
  babel_status status = babel_comm_busy(options->comm);
  if (status == BABEL_OK) status = prepare(&run, options);
  if (status == BABEL_OK) status = start(&run, &step);
  if (status == BABEL_OK) status = loop(&run, step);
  if (status == BABEL_OK) status = finish(&run);
  release(&run);
  return status;
}
