#include "growth/phase_state.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/log.h"

static const char format[] = "babel-state 1";
/* The arrays of a plan that a run cannot be continued without; the teacher's only where there is one. */
enum { PIECES = 5, GUARDED = 3 };
static const char *const piece_names[PIECES] = {"params", "moment1", "moment2", "guarded", "teacher"};

static void state_path(const char *folder, int previous, char path[1024]) {
  snprintf(path, 1024, "%s/state%s.safetensors", folder, previous ? ".previous" : "");
}

static void list_pieces(const babel_step_plan *plan, float *arrays[PIECES], int64_t counts[PIECES]) {
  float *from[PIECES] = {plan->params, plan->moment1, plan->moment2, (float *)plan->guarded, plan->teacher_params};
  for (int i = 0; i < PIECES; i++) {
    arrays[i] = from[i];
    counts[i] = i == GUARDED ? 1 : plan->count;
  }
}

/* Over everything in the file: a flipped bit must not end up in the result, nor be taken for another configuration. */
static void checksum(const babel_phase_state *state, const void *const data[PIECES], const int64_t counts[PIECES], char hex[65]) {
  const int64_t numbers[3] = {state->step, state->metrics_bytes, state->watch_bytes};
  babel_sha256_state sum;
  babel_sha256_begin(&sum);
  babel_sha256_add(&sum, numbers, sizeof numbers);
  babel_sha256_add(&sum, state->inputs, strlen(state->inputs) + 1);
  babel_sha256_add(&sum, state->environment, strlen(state->environment) + 1);
  for (int i = 0; i < PIECES; i++)
    if (data[i]) babel_sha256_add(&sum, data[i], (size_t)counts[i] * sizeof(float));
  babel_sha256_end(&sum, hex);
}

static babel_status check_finite(const float *x, int64_t n, const char *name, int64_t step) {
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(x[i]))
      return BABEL_FAIL(BABEL_ERR_VALUE, "training broke down: %s hold NaN or infinity after step %lld; the state saved before is kept", name, (long long)step);
  return BABEL_OK;
}

static babel_status add_number(babel_safetensors_writer *writer, const char *key, int64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%lld", (long long)value);
  return babel_safetensors_writer_metadata(writer, key, text);
}

static babel_status fill(babel_safetensors_writer *writer, const babel_step_plan *plan, const babel_phase_state *state, void *copies[PIECES]) {
  float *arrays[PIECES];
  int64_t counts[PIECES];
  char hex[65];
  list_pieces(plan, arrays, counts);
  for (int i = 0; i < PIECES; i++) {
    babel_tensor tensor = {.dtype = i == GUARDED ? BABEL_I32 : BABEL_F32, .rank = 1, .shape = {counts[i]}};
    if (!arrays[i]) continue;
    BABEL_TRY(babel_alloc(&copies[i], (size_t)counts[i], sizeof(float)));
    BABEL_TRY(plan->ops->download(copies[i], arrays[i], (size_t)counts[i] * sizeof(float), plan->stream));
    if (tensor.dtype == BABEL_F32) BABEL_TRY(check_finite(copies[i], counts[i], piece_names[i], state->step));
    tensor.data = copies[i];
    BABEL_TRY(babel_safetensors_writer_add(writer, piece_names[i], &tensor));
  }
  checksum(state, (const void *const *)copies, counts, hex);
  BABEL_TRY(babel_safetensors_writer_metadata(writer, "format", format));
  BABEL_TRY(babel_safetensors_writer_metadata(writer, "sha256", hex));
  BABEL_TRY(add_number(writer, "step", state->step));
  BABEL_TRY(add_number(writer, "metrics_bytes", state->metrics_bytes));
  BABEL_TRY(add_number(writer, "watch_bytes", state->watch_bytes));
  BABEL_TRY(babel_safetensors_writer_metadata(writer, "inputs", state->inputs));
  return babel_safetensors_writer_metadata(writer, "environment", state->environment);
}

babel_status babel_phase_state_save(const char *folder, const babel_step_plan *plan, const babel_phase_state *state) {
  babel_safetensors_writer *writer = NULL;
  void *copies[PIECES] = {0};
  char path[1024], previous[1024];
  babel_status status;
  state_path(folder, 0, path);
  state_path(folder, 1, previous);
  BABEL_TRY(babel_safetensors_writer_create(&writer));
  BABEL_TRY_OR(fill(writer, plan, state, copies), done);
  if (rename(path, previous) && errno != ENOENT) {
    status = BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be renamed: %s", path, strerror(errno));
    goto done;
  }
  status = babel_safetensors_writer_commit(writer, path);
done:
  babel_safetensors_writer_destroy(writer);
  for (int i = 0; i < PIECES; i++) free(copies[i]);
  return status;
}

static babel_status read_number(const babel_safetensors *st, const char *key, int64_t *value) {
  const char *text = babel_safetensors_metadata(st, key);
  if (!text || !babel_parse_int(text, value) || *value < 0)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected a whole number under \"%s\"", st->file.path, key);
  return BABEL_OK;
}

/* What the file says, once its checksum holds. */
static babel_status verify(const babel_safetensors *st, babel_phase_state *saved, const void *data[PIECES]) {
  const char *found = babel_safetensors_metadata(st, "format"), *sum = babel_safetensors_metadata(st, "sha256");
  int64_t counts[PIECES] = {0};
  char hex[65];
  *saved = (babel_phase_state){.inputs = babel_safetensors_metadata(st, "inputs"), .environment = babel_safetensors_metadata(st, "environment")};
  if (!found || strcmp(found, format) || !sum || !saved->inputs || !saved->environment)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected the state of a run (\"%s\")", st->file.path, format);
  BABEL_TRY(read_number(st, "step", &saved->step));
  BABEL_TRY(read_number(st, "metrics_bytes", &saved->metrics_bytes));
  BABEL_TRY(read_number(st, "watch_bytes", &saved->watch_bytes));
  for (int i = 0; i < PIECES; i++) {
    const babel_tensor *tensor = babel_safetensors_find(st, piece_names[i]);
    if (!tensor) continue;
    BABEL_TRY(babel_safetensors_require(st, piece_names[i], i == GUARDED ? BABEL_I32 : BABEL_F32, 1, (const int64_t[]){-1}, &tensor));
    counts[i] = tensor->shape[0];
    data[i] = tensor->data;
  }
  checksum(saved, data, counts, hex);
  return strcmp(sum, hex) ? BABEL_FAIL(BABEL_ERR_FORMAT, "%s: its checksum does not match its contents", st->file.path) : BABEL_OK;
}

static babel_status compare(const char *path, const babel_phase_state *saved, const babel_phase_state *state, bool force) {
  if (strcmp(saved->inputs, state->inputs))
    return BABEL_FAIL(BABEL_ERR_STATE, "%s: the interrupted run had another configuration, other banks or another split; start anew in "
                      "another folder or with --force", path);
  if (!strcmp(saved->environment, state->environment)) return BABEL_OK;
  if (!force)
    return BABEL_FAIL(BABEL_ERR_STATE, "%s: the interrupted run had other threads, another processor, library or commit (%s), now %s: the "
                      "same bits cannot be promised; --resume --force continues all the same", path, saved->environment, state->environment);
  babel_warn("%s: continued on another machine, program or number of threads: results can differ in the last digits", path);
  return BABEL_OK;
}

/* Equal inputs have equal shapes, so only the presence of the arrays is left to check. */
static babel_status restore(const babel_safetensors *st, const babel_step_plan *plan, babel_phase_state *state, bool force) {
  float *arrays[PIECES];
  int64_t counts[PIECES];
  const void *data[PIECES] = {0};
  const babel_tensor *tensor;
  babel_phase_state saved;
  BABEL_TRY(verify(st, &saved, data));
  BABEL_TRY(compare(st->file.path, &saved, state, force));
  list_pieces(plan, arrays, counts);
  for (int i = 0; i < PIECES; i++) /* all are looked at before one is copied */
    if (arrays[i]) BABEL_TRY(babel_safetensors_require(st, piece_names[i], i == GUARDED ? BABEL_I32 : BABEL_F32, 1, &counts[i], &tensor));
  for (int i = 0; i < PIECES; i++)
    if (arrays[i]) BABEL_TRY(plan->ops->upload(arrays[i], data[i], (size_t)counts[i] * sizeof(float), plan->stream));
  state->step = saved.step;
  state->metrics_bytes = saved.metrics_bytes;
  state->watch_bytes = saved.watch_bytes;
  return BABEL_OK;
}

/* *found when the state at `path` was taken over. BABEL_OK without it: there is none, or it is damaged and now out of the way, so that it
 * cannot push a good one aside. */
static babel_status load_one(const char *path, const babel_step_plan *plan, babel_phase_state *state, bool force, bool *found, bool *damaged) {
  babel_safetensors st;
  if (!babel_file_exists(path)) return BABEL_OK;
  babel_status status = babel_safetensors_open(&st, path);
  if (status == BABEL_OK) {
    status = restore(&st, plan, state, force);
    babel_safetensors_close(&st);
  }
  *found = status == BABEL_OK;
  if (status == BABEL_OK || status == BABEL_ERR_STATE || status == BABEL_ERR_IO || status == BABEL_ERR_MEMORY) return status;
  babel_error error = babel_error_take();
  char aside[1088];
  snprintf(aside, sizeof aside, "%s.damaged", path);
  babel_warn("damaged, set aside as %s: %s", aside, error.sentence);
  *damaged = true;
  return rename(path, aside) ? BABEL_FAIL(BABEL_ERR_IO, "%s: damaged, and cannot be set aside: %s", path, strerror(errno)) : BABEL_OK;
}

babel_status babel_phase_state_load(const char *folder, const babel_step_plan *plan, babel_phase_state *state, bool force, bool *found) {
  char path[1024];
  bool damaged = false;
  *found = false;
  for (int previous = 0; previous < 2 && !*found; previous++) {
    state_path(folder, previous, path);
    BABEL_TRY(load_one(path, plan, state, force, found, &damaged));
  }
  if (damaged && !*found) babel_warn("%s: no state that can be read is left: the run begins anew", folder);
  return BABEL_OK;
}

void babel_phase_state_sweep(const char *folder) {
  babel_file_sweep(folder, "state.safetensors");
  babel_file_sweep(folder, "trunk.safetensors");
}

void babel_phase_state_remove(const char *folder) {
  char path[1024];
  for (int previous = 0; previous < 2; previous++) {
    state_path(folder, previous, path);
    unlink(path);
  }
}
