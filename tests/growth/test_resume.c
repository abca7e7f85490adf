/* Interrupted and continued: the same bits as without interruption. */
#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/log.h"
#include "tests/growth/phase_banks.h"

/* A run that stops itself when the watch callback sees step `stop_at`. */
typedef struct {
  babel_bank banks[2];
  babel_config config;
  volatile sig_atomic_t stop;
  int64_t stop_at, first, last; /* first: the first step that was watched */
} job;

static babel_status watch(void *user, const babel_trunk *trunk, int64_t step, int epoch, FILE *lines) {
  job *j = user;
  if (!j->first) j->first = step;
  j->last = step;
  fprintf(lines, "{\"step\": %lld, \"epoch\": %d, \"retrieval\": %.17g}\n", (long long)step, epoch, phase_retrieval(trunk, j->banks));
  if (step == j->stop_at) j->stop = 1;
  return BABEL_OK;
}

static void make(job *j) {
  memset(j, 0, sizeof *j);
  babel_log_set_level(BABEL_LOG_QUIET);
  omp_set_num_threads(2);
  for (int v = 0; v < 2; v++) phase_bank(&j->banks[v], v, 70, 3, 1);
  j->config = phase_config();
  j->config.variants = 3;
}

static void done(job *j) {
  for (int v = 0; v < 2; v++) babel_bank_destroy(&j->banks[v]);
}

static babel_phase_options options_of(job *j, const char *folder) {
  babel_phase_options options = phase_options(j->banks, folder);
  options.user = j;
  options.watch = watch;
  options.stop = &j->stop;
  return options;
}

static babel_status run(job *j, const babel_phase_options *options, int64_t stop_at) {
  babel_trunk trunk;
  j->stop = 0;
  j->stop_at = stop_at;
  j->first = j->last = 0;
  cr_assert_eq(babel_trunk_create(&trunk, babel_ops_cpu(), &j->config), BABEL_OK);
  babel_status status = babel_phase_run(&trunk, options);
  babel_trunk_destroy(&trunk);
  return status;
}

static void run_well(job *j, const babel_phase_options *options) {
  cr_assert_eq(run(j, options, -1), BABEL_OK, "%s", babel_error_last()->sentence);
}

static void interrupt(job *j, const babel_phase_options *options, int64_t at) {
  cr_assert_eq(run(j, options, at), BABEL_ERR_INTERRUPTED);
  cr_assert(strstr(babel_error_last()->sentence, "--resume"));
  cr_assert_eq(j->last, at);
}

static const char *const results[] = {"trunk.safetensors", "metrics.jsonl", "watch.jsonl"};

static void assert_same(const char *a, const char *b) {
  for (int i = 0; i < 3; i++) cr_assert(phase_same_file(a, b, results[i]), "%s differs", results[i]);
}

static bool exists(const char *folder, const char *name) {
  char path[1200];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return babel_file_exists(path);
}

Test(growth_resume, a_continued_run_gives_the_same_bits_however_often_it_stopped) {
  job j;
  make(&j);
  babel_phase_options whole = options_of(&j, "whole");
  run_well(&j, &whole);
  const int64_t stops[][4] = {{4}, {40}, {56}, {4, 8, 28, 44}};
  for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
    char folder[32];
    snprintf(folder, sizeof folder, "parts%zu", i);
    babel_phase_options parts = options_of(&j, folder);
    for (int k = 0; k < 4 && stops[i][k]; k++) {
      interrupt(&j, &parts, stops[i][k]);
      if (k) cr_assert_eq(j.first, stops[i][k - 1] + 4, "continued where it stopped, not from the start");
      cr_assert(exists(parts.out, "state.safetensors") && !exists(parts.out, "trunk.safetensors"));
      parts.resume = true;
    }
    run_well(&j, &parts);
    assert_same(whole.out, parts.out);
    cr_assert(!exists(parts.out, "state.safetensors") && !exists(parts.out, "state.previous.safetensors"));
  }
  done(&j);
}

/* Lines written after the state was saved are written again, once. */
Test(growth_resume, lines_beyond_the_state_are_cut) {
  job j;
  make(&j);
  babel_phase_options whole = options_of(&j, "whole"), parts = options_of(&j, "parts");
  run_well(&j, &whole);
  interrupt(&j, &parts, 24);
  for (int i = 1; i < 3; i++) {
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", parts.out, results[i]);
    FILE *file = fopen(path, "ab");
    fprintf(file, "{\"step\": 30, \"half a li");
    fclose(file);
  }
  parts.resume = true;
  run_well(&j, &parts);
  assert_same(whole.out, parts.out);
  done(&j);
}

Test(growth_resume, missing_lines_are_noticed) {
  job j;
  make(&j);
  babel_phase_options parts = options_of(&j, "parts");
  interrupt(&j, &parts, 24);
  char path[1200];
  snprintf(path, sizeof path, "%s/metrics.jsonl", parts.out);
  cr_assert_eq(truncate(path, 10), 0);
  parts.resume = true;
  cr_assert_eq(run(&j, &parts, -1), BABEL_ERR_STATE);
  cr_assert(strstr(babel_error_last()->sentence, path), "%s", babel_error_last()->sentence);
  cr_assert_eq(unlink(path), 0);
  cr_assert_eq(run(&j, &parts, -1), BABEL_ERR_STATE);
  done(&j);
}

typedef enum { CUT, EMPTY, FLIP_HEADER, FLIP_START, FLIP_END, GONE, DAMAGES } damage;

static void damage_file(const char *folder, const char *name, damage how) {
  char path[1200];
  size_t size;
  char *bytes = phase_bytes(folder, name, &size);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (how == FLIP_HEADER) strstr(bytes + 8, "batch")[0] ^= 1; /* inside the inputs: must not pass for another configuration */
  if (how == FLIP_START) bytes[size / 8] ^= 1;
  if (how == FLIP_END) bytes[size - 3] ^= 0x10;
  if (how == CUT) size /= 2;
  if (how == EMPTY) size = 0;
  if (how == GONE) {
    cr_assert_eq(unlink(path), 0);
  } else {
    FILE *file = fopen(path, "wb");
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
  }
  free(bytes);
}

Test(growth_resume, a_damaged_state_falls_back_to_the_one_before_it) {
  job j;
  make(&j);
  babel_phase_options whole = options_of(&j, "whole");
  run_well(&j, &whole);
  for (int how = 0; how < DAMAGES; how++)
    for (int both = 0; both < 2; both++) {
      char folder[32];
      snprintf(folder, sizeof folder, "damaged%d%d", how, both);
      babel_phase_options parts = options_of(&j, folder);
      interrupt(&j, &parts, 16);
      parts.resume = true;
      interrupt(&j, &parts, 36);
      damage_file(parts.out, "state.safetensors", (damage)how);
      if (both) damage_file(parts.out, "state.previous.safetensors", (damage)how);
      run_well(&j, &parts);
      cr_assert_eq(j.first, both ? 4 : 20, "damage %d", how);
      char aside[1100];
      snprintf(aside, sizeof aside, "%s/state.safetensors.damaged", parts.out);
      cr_assert_eq(babel_file_exists(aside), how != GONE, "nothing is thrown away");
      assert_same(whole.out, parts.out);
    }
  done(&j);
}

/* A damaged newest state must not push the good one out at the next save. */
Test(growth_resume, a_damaged_state_never_replaces_a_good_one) {
  job j;
  make(&j);
  babel_phase_options parts = options_of(&j, "parts");
  interrupt(&j, &parts, 16);
  parts.resume = true;
  interrupt(&j, &parts, 36);
  damage_file(parts.out, "state.safetensors", CUT);
  interrupt(&j, &parts, 28);
  damage_file(parts.out, "state.safetensors", CUT);
  run_well(&j, &parts);
  cr_assert_eq(j.first, 20, "the state of step 16 was still there");
  done(&j);
}

Test(growth_resume, another_configuration_bank_or_list_of_pairs_is_refused) {
  job j;
  make(&j);
  babel_phase_options parts = options_of(&j, "parts");
  interrupt(&j, &parts, 16);
  parts.resume = true;
  for (int force = 0; force < 2; force++) {
    parts.force = force;
    babel_config before = j.config;
    j.config.lr = 1e-4;
    cr_assert_eq(run(&j, &parts, -1), BABEL_ERR_STATE);
    cr_assert(strstr(babel_error_last()->sentence, "configuration"), "%s", babel_error_last()->sentence);
    j.config = before;
    j.config.hidden = 25; /* other shapes too */
    cr_assert_eq(run(&j, &parts, -1), BABEL_ERR_STATE);
    j.config = before;
    j.banks[0].sha256[0] ^= 1;
    cr_assert_eq(run(&j, &parts, -1), BABEL_ERR_STATE);
    j.banks[0].sha256[0] ^= 1;
  }
  const char *keys[70];
  for (int i = 0; i < 70; i++) keys[i] = j.banks[0].keys[i == 0 ? 1 : i == 1 ? 0 : i];
  parts.keys = keys;
  parts.key_count = 70;
  cr_assert_eq(run(&j, &parts, -1), BABEL_ERR_STATE, "the same pairs in another order are another run");
  done(&j);
}

Test(growth_resume, another_number_of_threads_needs_force) {
  job j;
  make(&j);
  babel_phase_options parts = options_of(&j, "parts");
  interrupt(&j, &parts, 16);
  parts.resume = true;
  omp_set_num_threads(1);
  cr_assert_eq(run(&j, &parts, -1), BABEL_ERR_STATE);
  cr_assert(strstr(babel_error_last()->sentence, "threads"), "%s", babel_error_last()->sentence);
  parts.force = true;
  run_well(&j, &parts);
  cr_assert_eq(j.first, 20, "continued, not begun anew");
  omp_set_num_threads(2);
  done(&j);
}

Test(growth_resume, a_new_start_forgets_older_states_and_half_written_files) {
  job j;
  make(&j);
  babel_phase_options whole = options_of(&j, "whole"), parts = options_of(&j, "parts");
  run_well(&j, &whole);
  interrupt(&j, &parts, 16);
  parts.resume = true;
  interrupt(&j, &parts, 36);
  parts.resume = false;
  static const char *const leftovers[] = {"state.safetensors.tmp.77", "trunk.safetensors.tmp.4711"};
  for (int i = 0; i < 2; i++) {
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", parts.out, leftovers[i]);
    cr_assert_eq(babel_file_write_text(path, "half"), BABEL_OK);
  }
  interrupt(&j, &parts, 4);
  cr_assert(!exists(parts.out, "state.previous.safetensors") && !exists(parts.out, leftovers[0]) && !exists(parts.out, leftovers[1]));
  parts.resume = true;
  run_well(&j, &parts);
  assert_same(whole.out, parts.out);
  done(&j);
}

Test(growth_resume, resume_without_a_state_begins_at_the_start) {
  job j;
  make(&j);
  babel_phase_options whole = options_of(&j, "whole"), parts = options_of(&j, "parts");
  run_well(&j, &whole);
  parts.resume = true;
  run_well(&j, &parts);
  cr_assert_eq(j.first, 4);
  assert_same(whole.out, parts.out);
  done(&j);
}
