#include "growth/phase_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/log.h"

static const char format[] = "babel-state 1";
enum { PIECES = 5 };

static void state_path(const char *folder, int previous, char path[1024]) {
  snprintf(path, 1024, "%s/state%s.safetensors", folder, previous ? ".previous" : "");
}

/* The arrays of a plan that a run cannot be continued without. */
static void list_pieces(const babel_step_plan *plan, const char *names[PIECES], float *arrays[PIECES], int64_t counts[PIECES]) {
  const char *all[PIECES] = {"params", "moment1", "moment2", "guarded", "teacher"};
  float *from[PIECES] = {plan->params, plan->moment1, plan->moment2, (float *)plan->guarded, plan->teacher_params};
  for (int i = 0; i < PIECES; i++) {
    names[i] = all[i];
    arrays[i] = from[i];
    counts[i] = i == 3 ? 1 : plan->count;
  }
}

static babel_status add_number(babel_safetensors_writer *writer, const char *key, int64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%lld", (long long)value);
  return babel_safetensors_writer_metadata(writer, key, text);
}

static babel_status fill(babel_safetensors_writer *writer, const babel_step_plan *plan, const babel_phase_state *state, void *copies[PIECES]) {
  const char *names[PIECES];
  float *arrays[PIECES];
  int64_t counts[PIECES];
  list_pieces(plan, names, arrays, counts);
  for (int i = 0; i < PIECES; i++) {
    babel_tensor tensor = {.dtype = i == 3 ? BABEL_I32 : BABEL_F32, .rank = 1, .shape = {counts[i]}};
    if (!arrays[i]) continue;
    BABEL_TRY(babel_alloc(&copies[i], (size_t)counts[i], sizeof(float)));
    BABEL_TRY(plan->ops->download(copies[i], arrays[i], (size_t)counts[i] * sizeof(float), plan->stream));
    tensor.data = copies[i];
    BABEL_TRY(babel_safetensors_writer_add(writer, names[i], &tensor));
  }
  BABEL_TRY(babel_safetensors_writer_metadata(writer, "format", format));
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

static babel_status compare(const babel_safetensors *st, const babel_phase_state *state, bool force) {
  const char *inputs = babel_safetensors_metadata(st, "inputs"), *environment = babel_safetensors_metadata(st, "environment");
  if (!inputs || strcmp(inputs, state->inputs))
    return BABEL_FAIL(BABEL_ERR_STATE, "%s: the interrupted run had another configuration, other banks or another split; start anew in "
                      "another folder or with --force", st->file.path);
  if (environment && !strcmp(environment, state->environment)) return BABEL_OK;
  if (!force)
    return BABEL_FAIL(BABEL_ERR_STATE, "%s: the interrupted run had other threads, another processor, library or commit (%s), now %s: the "
                      "same bits cannot be promised; --resume --force continues all the same", st->file.path,
                      environment ? environment : "none", state->environment);
  babel_warn("%s: continued on another machine, program or number of threads: results can differ in the last digits", st->file.path);
  return BABEL_OK;
}

static babel_status restore(const babel_safetensors *st, const babel_step_plan *plan, babel_phase_state *state) {
  const char *names[PIECES];
  float *arrays[PIECES];
  int64_t counts[PIECES];
  const babel_tensor *tensors[PIECES] = {0};
  const char *found = babel_safetensors_metadata(st, "format");
  if (!found || strcmp(found, format)) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected \"%s\"", st->file.path, format);
  list_pieces(plan, names, arrays, counts);
  for (int i = 0; i < PIECES; i++) /* all are looked at before one is copied */
    if (arrays[i]) BABEL_TRY(babel_safetensors_require(st, names[i], i == 3 ? BABEL_I32 : BABEL_F32, 1, &counts[i], &tensors[i]));
  BABEL_TRY(read_number(st, "step", &state->step));
  BABEL_TRY(read_number(st, "metrics_bytes", &state->metrics_bytes));
  BABEL_TRY(read_number(st, "watch_bytes", &state->watch_bytes));
  for (int i = 0; i < PIECES; i++)
    if (arrays[i]) BABEL_TRY(plan->ops->upload(arrays[i], tensors[i]->data, (size_t)counts[i] * sizeof(float), plan->stream));
  return BABEL_OK;
}

babel_status babel_phase_state_load(const char *folder, const babel_step_plan *plan, babel_phase_state *state, bool force, bool *found) {
  char path[1024];
  babel_status status = BABEL_OK;
  *found = false;
  for (int previous = 0; previous < 2; previous++) {
    babel_safetensors st;
    state_path(folder, previous, path);
    if (!babel_file_exists(path)) continue;
    status = babel_safetensors_open(&st, path);
    if (status == BABEL_OK) {
      status = compare(&st, state, force);
      if (status == BABEL_OK) status = restore(&st, plan, state);
      babel_safetensors_close(&st);
      if (status == BABEL_OK) {
        *found = true;
        return BABEL_OK;
      }
      if (status == BABEL_ERR_STATE) return status;
    }
    babel_warn("%s; falling back to the state before it", babel_error_last()->sentence);
  }
  if (status == BABEL_OK) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: no state in it can be read; start anew with --force", folder);
}

void babel_phase_state_remove(const char *folder) {
  char path[1024];
  for (int previous = 0; previous < 2; previous++) {
    state_path(folder, previous, path);
    unlink(path);
  }
}
