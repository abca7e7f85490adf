#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/backend.h"
#include "cli/encoder_options.h"
#include "cli/progress.h"
#include "cli/ranks.h"
#include "cli/run_folder.h"
#include "cli/schedule.h"
#include "core/file.h"
#include "core/log.h"
#include "data/split.h"
#include "eval/watch.h"
#include "growth/joined.h"
#include "growth/manifest.h"
#include "growth/phase.h"
#include "growth/phase_state.h"
#include "growth/shelf.h"
#include "growth/trunk_parts.h"

static const babel_option options[] = {
    {"bank", "FILE", "a feature bank; stands twice"},
    {"from", "FILE", "grow this trunk on: a new modality against one that it knows (or two that it knows). Settings are the trunk's, but for --preset, --config and --set"},
    {"schedule", "FILE", "run all phases of this schedule (babel plan), each into a folder of its own in DIR, with the retention report"},
    {"banks", "DIR", "--schedule: folder of the banks, splits and draws that it names (default: beside it)"},
    {"earlier", "FILE", "a bank or split of an earlier phase that has moved (rehearsal looks for them by checksum); may stand several times"},
    {"allow-disconnected", NULL, "both modalities may be new to a trunk that has others"},
    {"out", "DIR", "folder for trunk.safetensors, metrics.jsonl and the state of an unfinished run"},
    {"split", "FILE", "train on one part of this split file (default: all pairs)"},
    {"part", "NAME", "train, holdout or test (default train, with --split)"},
    {"seed", "N", "short for --set seed=N"},
    {"watch", "NAME=FILE", "score the training-free heads on these draws while training (labelled upper bound); may stand several times"},
    {"resume", NULL, "continue an interrupted run with the same bits; a finished one is left as it is"},
    {"force", NULL, "overwrite what is in DIR; with --resume: continue although machine, threads or program differ"},
    {"emulate", "NAME", "tf32 or bf16: compute on the CPU with operands rounded as a device rounds them"},
    {"dry-run", NULL, "print steps, memory and predicted time, and stop"},
    BABEL_CONFIG_OPTIONS,
    {NULL, NULL, NULL},
};

enum { MOST_WATCHES = 4 };

typedef struct {
  babel_shelf shelf;
  babel_earlier_pair earlier[BABEL_MAX_SOURCES / 2];
  int watch_count;
  char watch_names[MOST_WATCHES][32];
  babel_draws draws[MOST_WATCHES];
  babel_progress_line line;
  babel_phase_options phase;
  int lock;
} grow_job;

static void show(void *user, const babel_progress *p) {
  grow_job *job = user;
  bool last = p->step == p->steps;
  if (!babel_progress_due(&job->line, last)) return;
  const babel_step_report *r = &p->report;
  double left = p->seconds / (double)(p->step - p->first_step) * (double)(p->steps - p->step);
  babel_progress_print(&job->line, last, "step %lld/%lld  epoch %d  loss %.3f %.3f  w %.2f %.2f  1/tau %.1f  batch top-1 %.0f%% %.0f%%  %s %.0f s",
      (long long)p->step, (long long)p->steps, p->epoch, (double)r->loss[0], (double)r->loss[1], (double)r->weights[0], (double)r->weights[1],
      exp((double)r->log_scale), 100.0 * r->hits[0] / p->batch, 100.0 * r->hits[1] / p->batch, last ? "took" : "left", last ? p->seconds : left);
}

static babel_status watch(void *user, const babel_trunk *trunk, int64_t step, int epoch, FILE *lines) {
  grow_job *job = user;
  for (int i = 0; i < job->watch_count; i++) BABEL_TRY(babel_watch_score(trunk, job->phase.bank, &job->draws[i], job->watch_names[i], step, epoch, lines));
  return BABEL_OK;
}

static babel_status read_watches(const babel_args *args, grow_job *job) {
  const char *values[MOST_WATCHES + 1];
  int count = babel_args_values(args, "watch", values, MOST_WATCHES + 1);
  if (count > MOST_WATCHES) return BABEL_FAIL(BABEL_ERR_ARG, "--watch stands more than %d times", MOST_WATCHES);
  for (int i = 0; i < count; i++) {
    const char *equals = strchr(values[i], '=');
    if (!equals || equals == values[i] || equals - values[i] > 31) return BABEL_FAIL(BABEL_ERR_ARG, "--watch %s: expected NAME=FILE", values[i]);
    snprintf(job->watch_names[i], sizeof job->watch_names[i], "%.*s", (int)(equals - values[i]), values[i]);
    BABEL_TRY(babel_draws_read(&job->draws[i], equals + 1));
    job->watch_count++;
  }
  return BABEL_OK;
}

static babel_status read_inputs(const babel_args *args, grow_job *job) {
  const char *banks[3], *split = babel_args_value(args, "split"), *part = babel_args_value(args, "part");
  int count = babel_args_values(args, "bank", banks, 3);
  if (count != 2) return BABEL_FAIL(BABEL_ERR_ARG, "--bank stands %d times, expected two banks", count);
  for (int s = 0; s < 2; s++) BABEL_TRY(babel_shelf_bank(&job->shelf, banks[s], &job->phase.bank[s]));
  if (!strcmp(job->phase.bank[0]->modality, job->phase.bank[1]->modality))
    return BABEL_FAIL(BABEL_ERR_ARG, "%s and %s both hold %s: a pair needs two modalities", banks[0], banks[1], job->phase.bank[0]->modality);
  BABEL_TRY(read_watches(args, job));
  if (!split && part) return BABEL_FAIL(BABEL_ERR_ARG, "--part %s needs --split", part);
  if (!split) return BABEL_OK;
  const babel_split *found;
  job->phase.part = part ? part : "train";
  BABEL_TRY(babel_shelf_keys(&job->shelf, split, job->phase.part, &job->phase.keys, &job->phase.key_count));
  BABEL_TRY(babel_shelf_split(&job->shelf, split, &found));
  job->phase.split_path = found->path;
  job->phase.split_sha256 = found->sha256;
  return BABEL_OK;
}

static babel_status check_finished(const char *path, const babel_config *config) {
  babel_trunk trunk;
  char *now = NULL, *then = NULL;
  babel_status status;
  BABEL_TRY(babel_trunk_read(&trunk, babel_ops_cpu(), path));
  BABEL_TRY_OR(babel_config_json(config, &now), done);
  BABEL_TRY_OR(babel_config_json(&trunk.config, &then), done);
  if (strcmp(now, then)) status = BABEL_FAIL(BABEL_ERR_STATE, "%s was grown with another configuration; give another --out, or --force", path);
  else babel_note("%s is complete", path);
done:
  free(now);
  free(then);
  babel_trunk_destroy(&trunk);
  return status;
}

/* What is in the folder already, and whether the user wants it kept. *finished: nothing is left to do. */
static babel_status check_folder(const babel_args *args, const char *out, const babel_config *config, bool *finished) {
  static const char *const names[] = {"trunk.safetensors", "state.safetensors", "state.previous.safetensors"};
  bool resume = babel_args_flag(args, "resume"), force = babel_args_flag(args, "force");
  char path[1024];
  *finished = false;
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", out, names[i]);
    if (!babel_file_exists(path)) continue;
    if (!resume && !force) return BABEL_FAIL(BABEL_ERR_STATE, "%s exists: continue with --resume, or overwrite with --force", path);
    if (resume && !i && !force) {
      *finished = true;
      BABEL_TRY(check_finished(path, config));
      babel_phase_state_sweep(out); /* of a run that was killed between its trunk and its end */
      babel_phase_state_remove(out);
      return BABEL_OK;
    }
    if (!resume && unlink(path)) return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be removed: %s", path, strerror(errno));
  }
  return BABEL_OK;
}

static double seconds_now(void) {
  babel_progress_line line;
  babel_progress_begin(&line, true);
  return line.began;
}

/* The trunk to grow: the one of --from with this configuration, or an empty one. */
static babel_status open_trunk(const babel_args *args, const babel_ops *ops, const babel_config *config, grow_job *job, babel_trunk *trunk) {
  const char *from = babel_args_value(args, "from"), *extra[BABEL_MAX_GIVEN];
  char missing[1200];
  if (!from) return babel_trunk_create(trunk, ops, config);
  BABEL_TRY(babel_trunk_read(trunk, ops, from));
  trunk->config = *config;
  bool rehearses = config->proto_policy == BABEL_POLICY_REHEARSAL_KD;
  if ((!rehearses && config->proto_policy != BABEL_POLICY_REPLAY) || config->trunk == BABEL_TRUNK_FREEZE) return BABEL_OK;
  int count = babel_args_values(args, "earlier", extra, BABEL_MAX_GIVEN);
  BABEL_TRY(babel_earlier_find(&job->shelf, trunk, extra, count, job->earlier, &job->phase.earlier_count, missing, sizeof missing));
  job->phase.earlier = job->earlier;
  if (!*missing) return BABEL_OK;
  if (!rehearses) return BABEL_FAIL(BABEL_ERR_ARG, "proto_policy: replay needs the banks of the earlier phases: %s; --earlier FILE names one that has moved", missing);
  babel_warn("%s; proto_policy becomes gauss_kd, which needs no earlier data", missing);
  trunk->config.proto_policy = BABEL_POLICY_GAUSS_KD;
  return BABEL_OK;
}

static void advise(const babel_trunk *trunk, const grow_job *job) {
  const char *a = job->phase.bank[0]->modality, *b = job->phase.bank[1]->modality;
  char what[128], text[512];
  if (babel_comm_rank(job->phase.comm) || !babel_bridge_stuck(trunk, a, b)) return;
  snprintf(what, sizeof what, "a bridge from %s to %s", a, b);
  babel_bridge_advice(text, sizeof text, what);
  babel_warn("%s", text);
}

/* trunk: freeze promises that no older embedding changes: all that was in the file that was grown on, but for the temperature. */
static babel_status check_frozen(const babel_trunk *trunk, const char *from) {
  babel_trunk before;
  babel_trunk_difference *differences = NULL;
  int count = 0;
  BABEL_TRY(babel_trunk_read(&before, trunk->ops, from));
  babel_status status = babel_trunk_compare(&before, trunk, &differences, &count);
  for (int i = 0; i < count && status == BABEL_OK; i++) {
    const babel_trunk_difference *d = &differences[i];
    if (!d->identical && !d->moment && d->only_in != 2 && strcmp(d->name, "log_scale"))
      status = BABEL_FAIL(BABEL_ERR_STATE, "%s: trunk: freeze has changed an older tower: %s", trunk->path, d->name);
  }
  if (status == BABEL_OK) printf("embeddings of the %d older modalities: bit-identical (checked)\n", before.tower_count);
  free(differences);
  babel_trunk_destroy(&before);
  return status;
}

/* Settings of a trunk that is grown on: its own, but for those of the command line; its shape is what it is. */
static babel_status settings(const babel_args *args, babel_config *config) {
  const char *from = babel_args_value(args, "from");
  babel_trunk trunk;
  if (!from) return babel_read_config(args, config);
  BABEL_TRY(babel_trunk_read(&trunk, babel_ops_cpu(), from));
  babel_config then = trunk.config;
  babel_trunk_destroy(&trunk);
  *config = then;
  BABEL_TRY(babel_args_value(args, "preset") || babel_args_value(args, "config") ? babel_read_config(args, config) : babel_read_settings(args, config));
  return babel_trunk_fits(&then, config, from);
}

/* Times ten steps of a throw-away run of the same shapes. */
static babel_status dry_run(const babel_args *args, const babel_ops *ops, const babel_config *config, grow_job *job) {
  enum { PROBE_STEPS = 12 };
  const char *base = getenv("TMPDIR");
  char folder[960], path[1024];
  static const char *const names[] = {"trunk.safetensors", "metrics.jsonl", "watch.jsonl"};
  babel_phase_options probe = job->phase;
  babel_phase_plan plan;
  babel_trunk trunk = {0};
  babel_config brief = *config;
  babel_status status = open_trunk(args, ops, config, job, &trunk);
  probe.earlier = job->phase.earlier;
  probe.earlier_count = job->phase.earlier_count;
  if (status == BABEL_OK) status = babel_phase_prepare(&trunk, &probe, &plan);
  if (status == BABEL_OK) advise(&trunk, job);
  babel_trunk_destroy(&trunk);
  BABEL_TRY(status);
  brief.max_steps = brief.grow_steps = PROBE_STEPS;
  brief.checkpoint_seconds = 0;
  snprintf(folder, sizeof folder, "%s/babel_dry_run_XXXXXX", base && *base ? base : "/tmp");
  if (!mkdtemp(folder)) return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be created: %s", folder, strerror(errno));
  probe.out = folder;
  probe.resume = false;
  probe.watch = NULL;
  probe.progress = NULL;
  status = open_trunk(args, ops, &brief, job, &trunk);
  double began = seconds_now();
  if (status == BABEL_OK) status = babel_phase_run(&trunk, &probe);
  double seconds = (seconds_now() - began) / PROBE_STEPS;
  babel_trunk_destroy(&trunk);
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    unlink(path);
  }
  rmdir(folder);
  BABEL_TRY(status);
  printf("phase       %s: %s, %s\npairs       %d\nbatch       %d, %d steps an epoch\nsteps       %lld\nvariants    %d a pair\nparameters  %lld\nmemory      %.0f MB\n"
         "time        about %.0f s here (%.1f ms a step, measured over %d)\n",
         babel_phase_kind_name(plan.kind), plan.modality[0], plan.modality[1], plan.pairs, plan.batch, plan.steps_per_epoch, (long long)plan.steps,
         plan.variants, (long long)plan.parameters, (double)plan.bytes / 1e6, seconds * (double)plan.steps, seconds * 1e3, PROBE_STEPS);
  return BABEL_OK;
}

static babel_status grow(const babel_args *args, const babel_config *config, const char *out, grow_job *job) {
  babel_trunk trunk = {0};
  const babel_ops *ops;
  bool finished = false;
  BABEL_TRY(babel_backend_choose(args, (babel_precision)config->precision, &ops));
  BABEL_TRY(read_inputs(args, job));
  if (babel_args_flag(args, "dry-run")) return dry_run(args, ops, config, job);
  bool leads = !babel_comm_rank(job->phase.comm);
  if (leads) BABEL_TRY(babel_run_folder_lock(out, &job->lock));
  if (leads) BABEL_TRY(check_folder(args, out, config, &finished));
  BABEL_TRY(babel_comm_broadcast(job->phase.comm, &finished, sizeof finished));
  if (finished) return BABEL_OK;
  babel_progress_begin(&job->line, babel_args_flag(args, "quiet"));
  babel_status status = open_trunk(args, ops, config, job, &trunk);
  if (status == BABEL_OK) advise(&trunk, job);
  if (status == BABEL_OK) status = babel_phase_run(&trunk, &job->phase);
  if (status == BABEL_OK && leads) {
    printf("%s: ", trunk.path);
    for (int i = 0; i < trunk.tower_count; i++) printf("%s%s", i ? " + " : "", trunk.towers[i].name);
    printf(", seed %d, sha256 %.12s\n", config->seed, trunk.sha256);
    const char *from = babel_args_value(args, "from");
    if (from && config->trunk == BABEL_TRUNK_FREEZE) status = check_frozen(&trunk, from);
  }
  babel_trunk_destroy(&trunk);
  return status;
}

static babel_status run(const babel_args *args) {
  const char *out;
  babel_config config;
  static grow_job job; /* large */
  job = (grow_job){.lock = -1};
  const char *schedule = babel_args_value(args, "schedule");
  BABEL_TRY(babel_args_require(args, "out", &out));
  if (schedule && (babel_args_value(args, "bank") || babel_args_value(args, "from")))
    return BABEL_FAIL(BABEL_ERR_ARG, "--schedule names its banks itself and starts from an empty trunk: not with --bank or --from");
  if (schedule) return babel_schedule_run(args, schedule, out);
  BABEL_TRY(settings(args, &config));
  job.phase = (babel_phase_options){.out = out, .resume = babel_args_flag(args, "resume"), .force = babel_args_flag(args, "force"), .stop = &babel_stop,
                                    .allow_disconnected = babel_args_flag(args, "allow-disconnected"), .user = &job, .progress = show,
                                    .watch = babel_args_value(args, "watch") ? watch : NULL};
  BABEL_TRY(babel_ranks_join(&job.phase.comm));
  babel_status status = job.phase.comm && babel_args_flag(args, "dry-run") ? BABEL_FAIL(BABEL_ERR_ARG, "--dry-run is for one process alone, not for several ranks")
                                                                          : grow(args, &config, out, &job);
  status = babel_ranks_leave(job.phase.comm, status);
  for (int i = 0; i < job.watch_count; i++) babel_draws_destroy(&job.draws[i]);
  babel_shelf_destroy(&job.shelf);
  if (job.lock >= 0) close(job.lock);
  return status;
}

const babel_command babel_grow_command = {
    .name = "grow",
    .usage = "--bank A --bank B --out DIR [options] | --schedule FILE --out DIR [options]",
    .sentence = "aligns two modalities: a growth phase",
    .details = "Reads two feature banks, pairs their samples by key and trains their alignment modules and the prototype. With --from it grows a trunk on: the\n"
               "modality that the trunk knows is the junction, and proto_policy says what protects the others. An interrupted run (Ctrl-C, kill, power)\n"
               "continues with --resume and ends with the same bits. Settings: babel config.\n"
               "Started by mpirun -n K (or srun), K processes share every batch and compute what one would: K must divide the batch. Rank 0 writes. A rank that\n"
               "dies or gives no answer for 20 s (BABEL_RANK_SECONDS) ends the run; another K goes on with --resume --force. docs/scaling.md says when K helps.",
    .examples = "  babel grow --bank imu.safetensors --bank skeleton.safetensors --split utd_mhad_613_248.csv --out run\n"
                "  babel grow --bank imu.safetensors --bank skeleton.safetensors --preset paper --set variants=16 --seed 1 --out run1\n"
                "  babel grow --from run/trunk.safetensors --bank wifi.safetensors --bank skeleton2.safetensors --set trunk=freeze --out run2\n"
                "  babel grow --schedule configs/schedules/order_i.yaml --banks sim_banks --out run\n"
                "  babel grow --bank a.safetensors --bank b.safetensors --out run --dry-run\n"
                "  mpirun -n 2 babel grow --bank a.safetensors --bank b.safetensors --out run\n",
    .options = options,
    .stops = true,
    .run = run,
};
