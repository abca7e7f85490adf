#include "cli/schedule.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/backend.h"
#include "cli/encoder_options.h"
#include "cli/progress.h"
#include "cli/ranks.h"
#include "cli/retention_table.h"
#include "cli/run_folder.h"
#include "core/file.h"
#include "core/log.h"
#include "eval/oneshot.h"
#include "eval/retention.h"
#include "growth/joined.h"
#include "growth/phase_list.h"
#include "growth/phase_state.h"
#include "growth/shelf.h"

typedef struct {
  const babel_args *args;
  const char *out;
  const babel_ops *ops;
  babel_phase_list list;
  babel_shelf shelf;
  babel_draws draws[BABEL_MOST_PHASES];
  babel_config config;             /* of the phase at hand */
  babel_phase_options options;     /* the same */
  babel_earlier_pair earlier[BABEL_MOST_PHASES];
  babel_retention_set sets[BABEL_MOST_PHASES];
  babel_retention first, before;   /* first: of every measure, what it was when it could first be taken */
  babel_results results;
  babel_progress_line line;
  int at;                          /* number of the phase at hand */
  int64_t later[BABEL_MOST_PHASES]; /* steps of all phases behind phase i */
  bool stuck[BABEL_MOST_PHASES];   /* joins two components, with a policy that holds both where they are */
  int lock;
  babel_comm *comm;                /* of several ranks, rank 0 reads and writes the folder and measures */
} schedule_job;

/* Preset, then the schedule's settings, then the phase's, then those of the command line. */
static babel_status configure(schedule_job *job, int i) {
  const babel_phase_list *list = &job->list;
  const babel_args *args = job->args;
  bool own = babel_args_value(args, "preset") || babel_args_value(args, "config");
  if (own) BABEL_TRY(babel_read_config(args, &job->config));
  else babel_config_preset(&job->config, list->preset < 0 ? BABEL_PRESET_OURS : (babel_preset)list->preset);
  BABEL_TRY(babel_phase_list_settings(list, i, &job->config));
  return babel_read_settings(args, &job->config);
}

static babel_status phase_folder(const schedule_job *job, int i, char folder[1024]) {
  if ((size_t)snprintf(folder, 1024, "%s/%02d_%s", job->out, i + 1, job->list.phase[i].name) >= 1024)
    return BABEL_FAIL(BABEL_ERR_ARG, "%s: the path is too long", job->out);
  return BABEL_OK;
}

/* Before any work: all keys of the draws are there. */
static babel_status check_draws(const schedule_job *job, int i) {
  babel_episodes episodes;
  for (int s = 0; s < 2 && *job->list.phase[i].draws; s++) {
    const babel_bank *bank = job->options.bank[s];
    BABEL_TRY(babel_episodes_from_draws(&episodes, &job->draws[i], (const char *const *)bank->keys, bank->rows));
    babel_episodes_destroy(&episodes);
  }
  return BABEL_OK;
}

/* --set max_steps and --set grow_steps, as all of the command line, lie over what the schedule says. */
static bool steps_are_given(const babel_args *args) {
  const char *values[BABEL_MAX_GIVEN];
  int count = babel_args_values(args, "set", values, BABEL_MAX_GIVEN);
  for (int i = 0; i < count; i++)
    if (!strncmp(values[i], "max_steps=", 10) || !strncmp(values[i], "grow_steps=", 11)) return true;
  return false;
}

/* Banks, keys and test set of phase i; everything that was before it is rehearsed. */
static babel_status gather(schedule_job *job, int i) {
  const babel_phase_entry *phase = &job->list.phase[i];
  babel_phase_options *o = &job->options;
  babel_retention_set *set = &job->sets[i];
  const babel_split *split;
  *o = (babel_phase_options){.earlier = job->earlier, .earlier_count = i, .allow_disconnected = job->list.allow_disconnected, .steps = phase->steps,
                             .epochs = phase->epochs, .stop = &babel_stop, .user = job, .comm = job->comm};
  if (babel_args_flag(job->args, "allow-disconnected")) o->allow_disconnected = true;
  if (steps_are_given(job->args)) o->steps = 0, o->epochs = 0;
  for (int s = 0; s < 2; s++) BABEL_TRY(babel_shelf_bank(&job->shelf, phase->bank[s], &o->bank[s]));
  *set = (babel_retention_set){.bank = {o->bank[0], o->bank[1]}};
  if (*phase->split) {
    BABEL_TRY(babel_shelf_split(&job->shelf, phase->split, &split));
    BABEL_TRY(babel_shelf_keys(&job->shelf, phase->split, phase->part, &o->keys, &o->key_count));
    BABEL_TRY(babel_shelf_keys(&job->shelf, *phase->test ? phase->test : phase->split, "test", &set->keys, &set->key_count));
    o->split_path = split->path;
    o->split_sha256 = split->sha256;
    o->part = phase->part;
  }
  if (*phase->draws) {
    if (!job->draws[i].count) BABEL_TRY(babel_draws_read(&job->draws[i], phase->draws));
    set->draws = &job->draws[i];
  }
  job->earlier[i] = (babel_earlier_pair){.bank = {o->bank[0], o->bank[1]}, .keys = o->keys, .key_count = o->key_count};
  return BABEL_OK;
}

/* Which phase a sentence is about. */
static babel_status in_phase(const schedule_job *job, int i, babel_status status) {
  if (status == BABEL_OK || status == BABEL_ERR_INTERRUPTED) return status;
  return babel_fail_context("%s: line %d: phase %d (%s): ", job->list.path, job->list.phase[i].line, i + 1, job->list.phase[i].name);
}

static babel_status fit(const schedule_job *job, babel_trunk *trunk, int i) {
  if (i) BABEL_TRY(babel_trunk_fits(&trunk->config, &job->config, "the trunk"));
  trunk->config = job->config;
  return BABEL_OK;
}

static babel_status open_schedule(schedule_job *job, const babel_args *args, const char *path) {
  *job = (schedule_job){.args = args, .lock = -1};
  BABEL_TRY(babel_phase_list_read(&job->list, path, babel_args_value(args, "banks")));
  BABEL_TRY(in_phase(job, 0, configure(job, 0)));
  return babel_backend_choose(args, (babel_precision)job->config.precision, &job->ops);
}

static void close_schedule(schedule_job *job) {
  for (int i = 0; i < BABEL_MOST_PHASES; i++) babel_draws_destroy(&job->draws[i]);
  babel_retention_destroy(&job->first);
  babel_retention_destroy(&job->before);
  babel_results_destroy(&job->results);
  babel_shelf_destroy(&job->shelf);
  if (job->lock >= 0) close(job->lock);
}

/* ---- babel plan -------------------------------------------------------------------------------------------------------------------------- */

static bool is_stuck(const schedule_job *job, const babel_phase_plan *p, int i) {
  return p->kind == BABEL_PHASE_BRIDGE && babel_policy_holds(&job->config) && !babel_retention_connected(job->sets, i, p->modality[0], p->modality[1]);
}

static void advise(const schedule_job *job, int i, char text[512]) {
  char what[128];
  snprintf(what, sizeof what, "phase %d, %s,", i + 1, job->list.phase[i].name);
  babel_bridge_advice(text, 512, what);
}

/* Goes through all phases without training: everything that can be known before work is checked. */
static babel_status check_all(schedule_job *job, babel_phase_plan plans[BABEL_MOST_PHASES]) {
  babel_trunk trunk;
  babel_status status = BABEL_OK;
  BABEL_TRY(babel_trunk_create(&trunk, job->ops, &job->config));
  for (int i = 0; i < job->list.count && status == BABEL_OK; i++) {
    status = configure(job, i);
    if (status == BABEL_OK) status = fit(job, &trunk, i);
    if (status == BABEL_OK) status = gather(job, i);
    job->options.planning = true;
    if (status == BABEL_OK) status = babel_phase_prepare(&trunk, &job->options, &plans[i]);
    if (status == BABEL_OK) status = check_draws(job, i);
    job->stuck[i] = status == BABEL_OK && is_stuck(job, &plans[i], i);
    status = in_phase(job, i, status);
  }
  babel_trunk_destroy(&trunk);
  return status;
}

static void remove_folder(const char *folder) {
  static const char *const names[] = {"trunk.safetensors", "metrics.jsonl", "watch.jsonl"};
  char path[1100];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    unlink(path);
  }
  rmdir(folder);
}

/* Reports come every ten steps: between the first and the second there is nothing but steps. */
typedef struct {
  double at[2];
} stopwatch;

static void note_time(void *user, const babel_progress *p) {
  stopwatch *watch = user;
  if (p->step <= 20) watch->at[p->step > 10] = p->seconds;
}

/* Seconds a step of each phase, from 20 steps of the whole schedule. */
static babel_status probe(schedule_job *job, double seconds[BABEL_MOST_PHASES]) {
  const char *base = getenv("TMPDIR");
  char folder[960];
  babel_trunk trunk;
  babel_status status = BABEL_OK;
  snprintf(folder, sizeof folder, "%s/babel_plan_XXXXXX", base && *base ? base : "/tmp");
  if (!mkdtemp(folder)) return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be created", folder);
  babel_progress_line line;
  babel_progress_begin(&line, false);
  BABEL_TRY(configure(job, 0));
  BABEL_TRY(babel_trunk_create(&trunk, job->ops, &job->config));
  for (int i = 0; i < job->list.count && status == BABEL_OK; i++) {
    stopwatch watch = {{0}};
    if (line.terminal || babel_progress_due(&line, false)) babel_progress_print(&line, false, "phase %d of %d: 20 steps of %s, to measure their time", i + 1, job->list.count, job->list.phase[i].name);
    status = configure(job, i);
    trunk.config = job->config;
    trunk.config.checkpoint_seconds = 0;
    if (status == BABEL_OK) status = gather(job, i);
    job->options.out = folder;
    job->options.epochs = 0;
    job->options.steps = 20;
    job->options.user = &watch;
    job->options.progress = note_time;
    if (status == BABEL_OK) status = babel_phase_run(&trunk, &job->options);
    seconds[i] = (watch.at[1] - watch.at[0]) / 10;
    status = in_phase(job, i, status);
  }
  if (line.terminal) babel_progress_print(&line, true, "%s", status == BABEL_OK ? "measured" : "");
  babel_trunk_destroy(&trunk);
  remove_folder(folder);
  return status;
}

static void print_plan(const schedule_job *job, const babel_phase_plan *plans, const double *seconds) {
  double total = 0;
  printf("%-3s %-22s %-13s %-12s %-12s %8s %6s %9s %10s %10s\n", "#", "phase", "type", "junction", "branch", "pairs", "batch", "steps", "memory", "time");
  for (int i = 0; i < job->list.count; i++) {
    const babel_phase_plan *p = &plans[i];
    double time = seconds[i] * (double)p->steps;
    total += time;
    bool junction = p->kind == BABEL_PHASE_GROW || p->kind == BABEL_PHASE_BRIDGE || (p->kind == BABEL_PHASE_AUGMENT && p->known[0]);
    printf("%-3d %-22s %-13s %-12s %-12s %8d %6d %9lld %7.0f MB %8.1f s\n", i + 1, job->list.phase[i].name, babel_phase_kind_name(p->kind),
           junction ? p->modality[0] : "-", junction ? p->modality[1] : "", p->pairs, p->batch, (long long)p->steps, (double)p->bytes / 1e6, time);
    if (!junction) printf("    %-22s %s, %s\n", "", p->modality[0], p->modality[1]);
  }
  printf("all phases: about %.0f s here, without evaluation\n", total);
  for (int i = 0; i < job->list.count; i++) {
    char text[512];
    advise(job, i, text);
    if (job->stuck[i]) printf("note: %s\n", text);
  }
}

static babel_status plan(const babel_args *args) {
  static schedule_job job; /* large */
  static babel_phase_plan plans[BABEL_MOST_PHASES];
  double seconds[BABEL_MOST_PHASES] = {0};
  if (args->positional_count != 1) return BABEL_FAIL(BABEL_ERR_ARG, "babel plan: expected one schedule, found %d", args->positional_count);
  babel_log_set_level(BABEL_LOG_QUIET);
  babel_status status = open_schedule(&job, args, args->positional[0]);
  if (status == BABEL_OK) status = check_all(&job, plans);
  if (status == BABEL_OK) status = probe(&job, seconds);
  if (status == BABEL_OK) print_plan(&job, plans, seconds);
  close_schedule(&job);
  return status;
}

static const babel_option plan_options[] = {
    {"banks", "DIR", "folder of the banks, splits and draws that the schedule names (default: beside it)"},
    {"seed", "N", "short for --set seed=N"},
    {"allow-disconnected", NULL, "both modalities of a phase may be new to a trunk that has others"},
    BABEL_CONFIG_OPTIONS,
    {NULL, NULL, NULL},
};

const babel_command babel_plan_command = {
    .name = "plan",
    .plain = true,
    .usage = "SCHEDULE [options]",
    .sentence = "shows what a schedule of growth phases would do, before any work",
    .details = "Type, junction and branch of every phase, pairs, steps, memory, and the time that it would take here (from a few steps of each). What is\n"
               "wrong in the schedule is one sentence with the phase.",
    .examples = "  babel plan configs/schedules/order_i.yaml --banks sim_banks\n",
    .options = plan_options,
    .run = plan,
};

/* ---- babel grow --schedule ----------------------------------------------------------------------------------------------------------------- */

static void show(void *user, const babel_progress *p) {
  schedule_job *job = user;
  bool last = p->step == p->steps;
  if (!babel_progress_due(&job->line, last)) return;
  const babel_step_report *r = &p->report;
  double pace = p->seconds / (double)(p->step - p->first_step), left = pace * (double)(p->steps - p->step);
  babel_progress_print(&job->line, last, "phase %d/%d %s  step %lld/%lld  loss %.3f %.3f  kd %.4f  w %.2f %.2f  batch top-1 %.0f%% %.0f%%  %s %.0f s, all phases left %.0f s",
      job->at + 1, job->list.count, job->list.phase[job->at].name, (long long)p->step, (long long)p->steps, (double)r->loss[0], (double)r->loss[1],
      (double)r->kd, (double)r->weights[0], (double)r->weights[1], 100.0 * r->hits[0] / p->batch, 100.0 * r->hits[1] / p->batch,
      last ? "took" : "left", last ? p->seconds : left, left + pace * (double)job->later[job->at]);
}

/* Whether the folder holds this phase, finished, on this trunk; then it is taken over. */
static babel_status take_over(schedule_job *job, int i, const char *folder, babel_trunk *trunk, bool *done) {
  char path[1100], *now_config = NULL, *then_config = NULL;
  babel_trunk found;
  json_t *manifest = NULL;
  babel_status status;
  *done = false;
  snprintf(path, sizeof path, "%s/trunk.safetensors", folder);
  if (!babel_file_exists(path)) return BABEL_OK;
  if (!babel_args_flag(job->args, "resume")) return BABEL_FAIL(BABEL_ERR_STATE, "%s exists: continue with --resume, or overwrite with --force", path);
  BABEL_TRY(babel_trunk_read(&found, job->ops, path));
  BABEL_TRY_OR(babel_config_json(&job->config, &now_config), fail);
  BABEL_TRY_OR(babel_config_json(&found.config, &then_config), fail);
  manifest = json_loads(found.manifest, 0, NULL);
  const char *from = json_string_value(json_object_get(manifest, "from"));
  if (strcmp(now_config, then_config) || strcmp(from ? from : "", trunk->sha256)) {
    status = BABEL_FAIL(BABEL_ERR_STATE, "%s was grown with another configuration or on another trunk; give another --out, or --force", path);
    goto fail;
  }
  babel_trunk_destroy(trunk);
  *trunk = found;
  *done = true;
  babel_phase_state_sweep(folder);
  babel_phase_state_remove(folder);
  babel_note("%s is complete", path);
  memset(&found, 0, sizeof found);
fail:
  free(now_config);
  free(then_config);
  json_decref(manifest);
  babel_trunk_destroy(&found);
  return status;
}

static babel_status forget(const schedule_job *job, const char *folder) {
  static const char *const names[] = {"trunk.safetensors", "state.safetensors", "state.previous.safetensors"};
  char path[1100];
  for (size_t i = 0; i < sizeof names / sizeof *names && babel_args_flag(job->args, "force") && !babel_args_flag(job->args, "resume"); i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    if (babel_file_exists(path) && unlink(path)) return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be removed", path);
  }
  return BABEL_OK;
}

static const char *policy_name(const babel_config *config, char text[64]) {
  const babel_config_key *key;
  if (config->trunk == BABEL_TRUNK_FREEZE) return "freeze";
  for (int i = 0; (key = babel_config_key_at(i)); i++)
    if (!strcmp(key->key, "proto_policy")) babel_config_value_text(config, key, text, 64);
  return text;
}

/* What is measured for the first time is remembered for the last table. */
static babel_status remember_first(schedule_job *job, const babel_retention *now) {
  babel_retention *first = &job->first;
  for (int i = 0; i < now->count; i++) {
    const babel_measure *m = &now->measures[i];
    if (babel_retention_find(first, m->measure, m->from, m->to)) continue;
    babel_measure *grown = realloc(first->measures, (size_t)(first->count + 1) * sizeof *grown);
    if (!grown) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for measures");
    first->measures = grown;
    first->measures[first->count++] = *m;
  }
  return BABEL_OK;
}

static babel_status measure(schedule_job *job, const babel_trunk *trunk, int i) {
  babel_retention after;
  char text[64], path[1100];
  BABEL_TRY(babel_retention_measure(&after, trunk, job->sets, i + 1, job->list.shared_labels));
  babel_status status = babel_retention_rows(&job->results, &job->before, &after, trunk, job->list.phase[i].name, policy_name(&job->config, text));
  if (status == BABEL_OK) status = remember_first(job, &after);
  if (status == BABEL_OK && i + 1 == job->list.count)
    status = babel_retention_rows(&job->results, &job->first, &after, trunk, "all", policy_name(&job->config, text));
  babel_retention_destroy(&job->before);
  job->before = after;
  snprintf(path, sizeof path, "%s/results.json", job->out);
  return status == BABEL_OK ? babel_results_write(&job->results, path) : status;
}

static bool leads(const schedule_job *job) {
  return !babel_comm_rank(job->comm);
}

static babel_status open_folder(schedule_job *job, int i, const char *folder, babel_trunk *trunk, bool *done) {
  BABEL_TRY(babel_folder_create(folder));
  BABEL_TRY(forget(job, folder));
  return take_over(job, i, folder, trunk, done);
}

/* What rank 0 has taken over. */
static babel_status read_finished(const schedule_job *job, const char *folder, babel_trunk *trunk) {
  char path[1100];
  babel_trunk found;
  snprintf(path, sizeof path, "%s/trunk.safetensors", folder);
  BABEL_TRY(babel_trunk_read(&found, job->ops, path));
  babel_trunk_destroy(trunk);
  *trunk = found;
  return BABEL_OK;
}

static void announce(const schedule_job *job, const babel_phase_plan *p, int i) {
  char text[512];
  advise(job, i, text);
  if (job->stuck[i] && leads(job)) babel_warn("%s", text);
  babel_note("phase %d of %d, %s: %s, %s and %s, %d pairs, %lld steps", i + 1, job->list.count, job->list.phase[i].name, babel_phase_kind_name(p->kind),
             p->modality[0], p->modality[1], p->pairs, (long long)p->steps);
}

static babel_status run_phase(schedule_job *job, const babel_phase_plan *plans, babel_trunk *trunk, int i) {
  char folder[1024];
  bool done = false;
  BABEL_TRY(configure(job, i));
  BABEL_TRY(fit(job, trunk, i));
  BABEL_TRY(gather(job, i));
  BABEL_TRY(phase_folder(job, i, folder));
  if (leads(job)) BABEL_TRY(open_folder(job, i, folder, trunk, &done));
  BABEL_TRY(babel_comm_broadcast(job->comm, &done, sizeof done));
  if (done && !leads(job)) BABEL_TRY(read_finished(job, folder, trunk));
  job->at = i;
  job->options.out = folder;
  job->options.resume = babel_args_flag(job->args, "resume");
  job->options.force = babel_args_flag(job->args, "force");
  job->options.progress = show;
  babel_progress_begin(&job->line, babel_args_flag(job->args, "quiet"));
  if (!done) announce(job, &plans[i], i);
  if (!done) BABEL_TRY(babel_phase_run(trunk, &job->options));
  BABEL_TRY(babel_comm_busy(job->comm));
  return leads(job) ? measure(job, trunk, i) : BABEL_OK;
}

static json_t *plan_json(const schedule_job *job, const babel_phase_plan *plans) {
  json_t *phases = json_array();
  char folder[1024];
  for (int i = 0; i < job->list.count; i++) {
    const babel_phase_entry *e = &job->list.phase[i];
    const babel_phase_plan *p = &plans[i];
    if (phase_folder(job, i, folder) != BABEL_OK) *folder = 0;
    json_array_append_new(phases, json_pack("{s:s, s:s, s:s, s:s, s:s, s:[s, s], s:s, s:s, s:s, s:i, s:I}", "name", e->name, "folder", strrchr(folder, '/') + 1,
                          "kind", babel_phase_kind_name(p->kind), "a", p->modality[0], "b", p->modality[1], "banks", e->bank[0], e->bank[1], "split",
                          e->split, "part", e->part, "draws", e->draws, "pairs", p->pairs, "steps", (json_int_t)p->steps));
  }
  return json_pack("{s:s, s:s, s:o}", "name", job->list.name, "schedule", job->list.path, "phases", phases);
}

static babel_status write_plan(const schedule_job *job, const babel_phase_plan *plans) {
  char path[1100];
  json_t *object = plan_json(job, plans);
  char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
  json_decref(object);
  if (!text) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for the schedule");
  snprintf(path, sizeof path, "%s/schedule.json", job->out);
  babel_status status = babel_file_write_text(path, text);
  free(text);
  return status;
}

/* What a killed run has left half-written beside the phases. */
static void sweep(const char *out) {
  static const char *const names[] = {"schedule.json", "results.json", "trunk.safetensors"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) babel_file_sweep(out, names[i]);
}

static babel_status run_all(schedule_job *job) {
  static babel_phase_plan plans[BABEL_MOST_PHASES];
  char path[1100];
  babel_trunk trunk = {0};
  babel_log_level level = babel_log_get_level();
  babel_log_set_level(BABEL_LOG_QUIET); /* the phases say it again */
  babel_status status = check_all(job, plans);
  babel_log_set_level(level);
  BABEL_TRY(status);
  for (int i = job->list.count - 2; i >= 0; i--) job->later[i] = job->later[i + 1] + plans[i + 1].steps;
  if (leads(job)) BABEL_TRY(babel_run_folder_lock(job->out, &job->lock));
  if (leads(job)) sweep(job->out);
  if (leads(job)) BABEL_TRY(write_plan(job, plans));
  BABEL_TRY(configure(job, 0));
  BABEL_TRY(babel_trunk_create(&trunk, job->ops, &job->config));
  for (int i = 0; i < job->list.count && status == BABEL_OK; i++) {
    status = in_phase(job, i, run_phase(job, plans, &trunk, i));
  }
  snprintf(path, sizeof path, "%s/trunk.safetensors", job->out);
  if (status == BABEL_OK && leads(job)) status = babel_trunk_write(&trunk, path);
  if (status == BABEL_OK && leads(job)) {
    babel_print_retention(&job->results);
    printf("%s: %d modalities, seed %d, sha256 %.12s\n", trunk.path, trunk.tower_count, job->config.seed, trunk.sha256);
  }
  babel_trunk_destroy(&trunk);
  return status;
}

babel_status babel_schedule_run(const babel_args *args, const char *schedule, const char *out) {
  static schedule_job job; /* large */
  babel_comm *comm;
  BABEL_TRY(babel_ranks_join(&comm));
  babel_status status = open_schedule(&job, args, schedule);
  job.out = out;
  job.comm = comm;
  if (status == BABEL_OK) status = run_all(&job);
  close_schedule(&job);
  return babel_ranks_leave(comm, status);
}
