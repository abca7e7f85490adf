#include "growth/phase.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/range.h"
#include "growth/breakdown.h"
#include "growth/manifest.h"
#include "growth/phase_data.h"
#include "growth/phase_state.h"
#include "layers/schedule.h"

enum { REPORT_STEPS = 10 };

typedef struct {
  const babel_phase_options *options;
  babel_trunk *trunk;
  babel_tower *towers[2];
  babel_phase_data data;
  babel_step_plan plan;
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

static void facts_of(const babel_phase_data *data, const babel_config *config, babel_phase_plan *facts) {
  *facts = (babel_phase_plan){.pairs = data->pairs, .batch = data->batch, .variants = data->variants, .steps_per_epoch = data->steps_per_epoch,
                              .steps = config->max_steps};
  for (int s = 0; s < 2; s++) {
    facts->constant[s] = data->constant[s];
    facts->zero_rows[s] = data->zero_rows[s];
    facts->equal_rows[s] = data->equal_rows[s];
    facts->bytes += (size_t)data->pairs * (size_t)data->variants * (size_t)data->steps[s] * (size_t)data->width[s] * sizeof(float);
  }
}

/* Towers for both banks, with the statistics of their original training samples. */
static babel_status add_towers(phase_run *run) {
  for (int s = 0; s < 2; s++) {
    const babel_bank *bank = run->options->bank[s];
    BABEL_TRY(babel_trunk_add_tower(run->trunk, bank->modality, bank->width));
  }
  for (int s = 0; s < 2; s++) {
    run->towers[s] = babel_trunk_tower(run->trunk, run->options->bank[s]->modality);
    BABEL_TRY(babel_trunk_set_statistics(run->trunk, run->towers[s], run->data.mean[s], run->data.inv_std[s]));
    const char *provenance = run->options->bank[s]->provenance;
    free(run->towers[s]->provenance);
    run->towers[s]->provenance = strdup(provenance ? provenance : "{}");
    if (!run->towers[s]->provenance) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a provenance text");
  }
  return BABEL_OK;
}

static babel_status prepare(phase_run *run) {
  BABEL_RANGE("prepare");
  const babel_config *config = &run->trunk->config;
  BABEL_TRY(babel_config_check(config));
  if (run->trunk->tower_count)
    return BABEL_FAIL(BABEL_ERR_STATE, "a first phase starts from an empty trunk; this one has %d towers", run->trunk->tower_count);
  BABEL_TRY(babel_phase_data_create(&run->data, run->trunk->ops, config, run->options));
  facts_of(&run->data, config, &run->facts);
  BABEL_TRY(add_towers(run));
  BABEL_TRY(babel_step_plan_create(&run->plan, run->trunk, run->towers, run->data.steps, run->data.batch, -1,
                                   config->adaptive_first_phase ? config->adaptive : 0));
  run->facts.bytes += run->plan.bytes;
  run->facts.parameters = run->plan.count;
  memcpy(run->facts.graph_sha256, run->data.graph.sha256, sizeof run->facts.graph_sha256);
  run->schedule = (babel_schedule){.steps = config->max_steps, .warmup = (int64_t)(config->warmup_epochs * run->data.steps_per_epoch + 0.5),
      .lr_start = config->lr_warmup_start, .lr_peak = config->lr, .lr_end = config->lr_final, .trunk_factor = 1,
      .momentum = config->ema_momentum, .beta1 = config->beta1, .beta2 = config->beta2};
  return BABEL_OK;
}

static void release(phase_run *run) {
  if (run->metrics) fclose(run->metrics);
  if (run->watch) fclose(run->watch);
  babel_step_plan_destroy(&run->plan);
  babel_phase_data_destroy(&run->data);
  free(run->inputs);
  free(run->environment);
}

babel_status babel_phase_prepare(const babel_config *config, const babel_phase_options *options, babel_phase_plan *plan) {
  babel_trunk trunk;
  BABEL_TRY(babel_trunk_create(&trunk, babel_ops_cpu(), config));
  phase_run run = {.options = options, .trunk = &trunk};
  babel_status status = prepare(&run);
  *plan = run.facts;
  release(&run);
  babel_trunk_destroy(&trunk);
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
  babel_phase_state state = {.step = step, .inputs = run->inputs, .environment = run->environment};
  BABEL_TRY(flush_lines(run->metrics, run->options->out, "metrics.jsonl", &state.metrics_bytes));
  BABEL_TRY(flush_lines(run->watch, run->options->out, "watch.jsonl", &state.watch_bytes));
  BABEL_TRY(babel_phase_state_save(run->options->out, &run->plan, &state));
  run->saved = now();
  return BABEL_OK;
}

static babel_status start(phase_run *run, int64_t *step) {
  BABEL_RANGE("start");
  const babel_phase_options *options = run->options;
  babel_phase_state state = {0};
  bool found = false;
  BABEL_TRY(babel_phase_data_upload(&run->data, options));
  for (int s = 0; s < 2; s++) {
    run->plan.bank[s] = run->data.rows[s];
    run->plan.bank_rows[s] = run->data.pairs * run->data.variants * run->data.steps[s];
  }
  run->plan.graph = run->data.graph_weights;
  run->plan.graph_size = run->data.graph.n;
  BABEL_TRY(babel_manifest_inputs(&run->trunk->config, options, &run->facts, &run->inputs));
  BABEL_TRY(babel_manifest_environment(run->trunk->ops, &run->environment));
  state.inputs = run->inputs;
  state.environment = run->environment;
  babel_phase_state_sweep(options->out);
  if (!options->resume) babel_phase_state_remove(options->out);
  if (options->resume) BABEL_TRY(babel_phase_state_load(options->out, &run->plan, &state, options->force, &found));
  if (options->resume && found) babel_note("%s: continued at step %lld of %lld", options->out, (long long)state.step, (long long)run->schedule.steps);
  BABEL_TRY(open_lines(options->out, "metrics.jsonl", found ? state.metrics_bytes : 0, &run->metrics));
  BABEL_TRY(open_lines(options->out, "watch.jsonl", found ? state.watch_bytes : 0, &run->watch));
  *step = run->first_step = run->sound = found ? state.step : 0;
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
  int failed = !line || json_dumpf(line, run->metrics, JSON_REAL_PRECISION(9)) || fputc('\n', run->metrics) == EOF;
  json_decref(line);
  return failed ? BABEL_FAIL(BABEL_ERR_IO, "%s/metrics.jsonl: cannot be written", run->options->out) : BABEL_OK;
}

static babel_status report(phase_run *run, int64_t done, const babel_step_state *state) {
  BABEL_RANGE("report");
  babel_progress progress = {.step = done, .steps = run->schedule.steps, .epoch = (int)((done - 1) / run->data.steps_per_epoch),
      .pairs = run->data.pairs, .batch = run->data.batch, .seconds = now() - run->began, .first_step = run->first_step};
  babel_step_report *r = &progress.report;
  BABEL_TRY(babel_step_report_read(&run->plan, r));
  if (!isfinite(r->loss[0]) || !isfinite(r->loss[1]))
    return BABEL_FAIL(BABEL_ERR_VALUE, "training broke down: the loss is not finite at step %lld (learning rate %g); the state saved before is kept",
                      (long long)done, (double)state->lr);
  BABEL_TRY(write_metrics(run, &progress, (double)state->lr));
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

static babel_status watch(phase_run *run, int64_t done) {
  const babel_config *config = &run->trunk->config;
  int64_t every = (int64_t)config->watch_epochs * run->data.steps_per_epoch;
  if (!run->options->watch || !every || (done % every && done != run->schedule.steps)) return BABEL_OK;
  BABEL_TRY(babel_step_plan_store(&run->plan, run->trunk, run->towers, false));
  return run->options->watch(run->options->user, run->trunk, done, (int)(done / run->data.steps_per_epoch), run->watch);
}

/* One step with what it needs from here: schedule, row numbers, their upload. */
static babel_status take(phase_run *run, int64_t step) {
  BABEL_RANGE("step");
  const babel_step_inputs *in = &run->plan.host;
  babel_schedule_at(&run->schedule, step, in->state);
  babel_phase_data_batch(&run->data, &run->trunk->config, step, in);
  BABEL_TRY(babel_step_plan_send(&run->plan));
  return babel_step_run(&run->plan);
}

static babel_status loop(phase_run *run, int64_t step) {
  const babel_config *config = &run->trunk->config;
  const babel_phase_options *options = run->options;
  while (step < run->schedule.steps) {
    const babel_step_inputs *in = &run->plan.host;
    BABEL_TRY(take(run, step));
    step++;
    if (step % REPORT_STEPS == 0 || step == run->schedule.steps) BABEL_TRY(explained(run, step, report(run, step, in->state)));
    BABEL_TRY(watch(run, step));
    bool stop = options->stop && *options->stop;
    if (step < run->schedule.steps && (stop || (config->checkpoint_seconds > 0 && now() - run->saved > config->checkpoint_seconds)))
      BABEL_TRY(explained(run, step, save(run, step)));
    if (step < run->schedule.steps && stop)
      return BABEL_FAIL(BABEL_ERR_INTERRUPTED, "%s: interrupted at step %lld of %lld; continue with --resume", options->out, (long long)step,
                        (long long)run->schedule.steps);
  }
  return BABEL_OK;
}

static babel_status finish(phase_run *run) {
  BABEL_RANGE("finish");
  babel_trunk *trunk = run->trunk;
  char path[1024];
  int64_t bytes;
  BABEL_TRY(babel_step_plan_store(&run->plan, trunk, run->towers, false));
  BABEL_TRY(flush_lines(run->metrics, run->options->out, "metrics.jsonl", &bytes));
  BABEL_TRY(flush_lines(run->watch, run->options->out, "watch.jsonl", &bytes));
  free(trunk->manifest);
  trunk->manifest = NULL;
  BABEL_TRY(babel_manifest_text(trunk->ops, &trunk->config, run->options, &run->facts, &trunk->manifest));
  free(trunk->history);
  trunk->history = NULL;
  BABEL_TRY(babel_manifest_history(run->options, &run->facts, &trunk->history));
  snprintf(path, sizeof path, "%s/trunk.safetensors", run->options->out);
  BABEL_TRY(babel_trunk_write(trunk, path));
  babel_phase_state_remove(run->options->out);
  return BABEL_OK;
}

babel_status babel_phase_run(babel_trunk *trunk, const babel_phase_options *options) {
  BABEL_RANGE("growth phase");
  phase_run run = {.options = options, .trunk = trunk};
  int64_t step;
  babel_status status = prepare(&run);
  if (status == BABEL_OK) status = start(&run, &step);
  if (status == BABEL_OK) status = loop(&run, step);
  if (status == BABEL_OK) status = finish(&run);
  release(&run);
  return status;
}
