#include "sim/banks.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/rng.h"
#include "data/bank.h"
#include "sim/latent.h"

enum { CLASSES = 27, DRAWS = 10 };

/* Calibrated on the scaled sets, preset ours, so that the figures of docs/data.md hold: raw one-shot far from chance and from 100, alignment helps. */
static const babel_latent_world body = {.size = 16, .class_spread = 1, .subject_spread = 0.35, .instance_spread = 0.6};

static const babel_latent_view views[] = {
    {"imu", 72, 48, 1.6, 1, 1, 0.5},       {"skeleton", 60, 64, 1.4, 1, 1, 0.25},  {"video", 512, 96, 1.6, 1, 1, 0.8},
    {"wifi", 900, 48, 1.2, 5, 0.05, 0.035}, {"wifi2", 128, 40, 1.2, 2, 0.3, 0.2},   {"mmwave", 1024, 64, 1.6, 1, 1, 0.9},
    {"lidar", 60, 48, 1.6, 1, 1, 0.4},
};

typedef struct {
  const char *name, *pair[2];
  double shift;
  int subjects, trials, full; /* trials of each class by each subject; samples in all */
} dataset;

static const dataset datasets[] = {
    {"sim_utd_mhad", {"imu", "skeleton"}, 0, 8, 4, 861},          {"sim_kinetics", {"video", "skeleton"}, 1.5, 12, 8, 254380},
    {"sim_operanet", {"wifi", "skeleton"}, 1.5, 8, 8, 30519},     {"sim_xrf55", {"mmwave", "wifi"}, 1.5, 12, 6, 42900},
    {"sim_mmfi", {"lidar", "video"}, 1.5, 10, 6, 20660},          {"sim_ut_har", {"wifi", "wifi2"}, 1.5, 6, 4, 556},
};

static const babel_latent_view *find_view(const char *name) {
  for (size_t i = 0; i < sizeof views / sizeof *views; i++)
    if (!strcmp(views[i].name, name)) return &views[i];
  return NULL;
}

static int samples_of(const dataset *set, bool full) {
  return full ? set->full : set->subjects * set->trials * CLASSES;
}

/* Sample i: every subject shows every class again and again. */
static void identify(const dataset *set, int i, int *subject, int *label, char key[48]) {
  *subject = i % set->subjects;
  *label = i / set->subjects % CLASSES;
  snprintf(key, 48, "s%d_a%d_t%d", *subject + 1, *label + 1, i / set->subjects / CLASSES + 1);
}

static bool tests(const dataset *set, int subject) {
  return subject >= set->subjects - set->subjects / 4;
}

static babel_status keys_of(const dataset *set, babel_bank *bank) {
  for (int i = 0; i < bank->rows; i++) {
    char key[48];
    identify(set, i, &bank->subjects[i], &bank->labels[i], key);
    bank->keys[i] = strdup(key);
    bank->recordings[i] = strdup(key);
    if (!bank->keys[i] || !bank->recordings[i]) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for the keys of %s", set->name);
  }
  return BABEL_OK;
}

static babel_status provenance_of(const babel_latent_view *view, uint64_t seed, babel_bank *bank) {
  char text[512];
  snprintf(text, sizeof text,
           "{\"encoder\":\"latent_body\",\"encoder_output\":\"%s\",\"labels_seen\":false,\"preprocessing\":\"none\",\"random_weights\":false,\"seed\":%llu,"
           "\"simulated\":true,\"trained_on\":null,\"weights_sha256\":null}", view->name, (unsigned long long)seed);
  free(bank->provenance);
  bank->provenance = strdup(text);
  return bank->provenance ? BABEL_OK : BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a provenance");
}

static babel_status fill_bank(const dataset *set, const babel_latent_world *world, const babel_latent_view *view, babel_bank *bank) {
  babel_latent_sensor sensor;
  snprintf(bank->dataset, sizeof bank->dataset, "%s", set->name);
  BABEL_TRY(keys_of(set, bank));
  BABEL_TRY(provenance_of(view, world->seed, bank));
  BABEL_TRY(babel_latent_sensor_create(&sensor, world, view));
#pragma omp parallel for schedule(static)
  for (int i = 0; i < bank->rows; i++) {
    double z[BABEL_LATENT_MOST];
    babel_latent_state(world, set->name, set->shift, bank->labels[i], bank->subjects[i], i, z);
    babel_latent_show(&sensor, z, set->name, i, bank->features + (size_t)i * (size_t)view->width);
  }
  babel_latent_sensor_destroy(&sensor);
  return BABEL_OK;
}

static babel_status write_bank(const char *folder, const dataset *set, const babel_latent_world *world, const char *modality, bool full) {
  const babel_latent_view *view = find_view(modality);
  babel_bank bank;
  char path[1152];
  BABEL_TRY(babel_bank_create(&bank, modality, samples_of(set, full), 0, 1, view->width));
  snprintf(path, sizeof path, "%s/%s_%s.safetensors", folder, set->name, modality);
  babel_status status = fill_bank(set, world, view, &bank);
  if (status == BABEL_OK) status = babel_bank_write(&bank, path);
  babel_bank_destroy(&bank);
  return status;
}

static babel_status write_split(const char *folder, const dataset *set, bool full) {
  babel_file_writer writer;
  char path[1152], key[48];
  snprintf(path, sizeof path, "%s/%s_split.csv", folder, set->name);
  BABEL_TRY(babel_file_create(&writer, path));
  fprintf(writer.stream, "key,part\n");
  for (int i = 0, n = samples_of(set, full); i < n; i++) {
    int subject, label;
    identify(set, i, &subject, &label, key);
    fprintf(writer.stream, "%s,%s\n", key, tests(set, subject) ? "test" : "train");
  }
  return babel_file_commit(&writer);
}

/* The sample of this class that supports draw `draw`: one of the draw's own test subject. */
static int support_of(const dataset *set, uint64_t seed, int draw, int label, int subject, int n) {
  int trials = 0;
  char name[96];
  for (int i = subject; i < n; i += set->subjects) trials += i / set->subjects % CLASSES == label;
  int length = snprintf(name, sizeof name, "draw/%s/%d/%d", set->name, draw, label);
  int trial = (int)babel_rng_below(seed, BABEL_RNG_SIMULATE, babel_hash64(name, (uint64_t)length) >> 2, (uint32_t)(trials ? trials : 1));
  return (trial * CLASSES + label) * set->subjects + subject;
}

/* At most some hundred queries of each class: the full sets would make files of millions of lines. */
static babel_status write_draws(const char *folder, const dataset *set, uint64_t seed, bool full) {
  enum { MOST_ROUNDS = 12 };
  babel_file_writer writer;
  char path[1152], key[48];
  int subject, label, n = samples_of(set, full), first = set->subjects - set->subjects / 4, round = set->subjects * CLASSES;
  snprintf(path, sizeof path, "%s/%s_draws.csv", folder, set->name);
  BABEL_TRY(babel_file_create(&writer, path));
  fprintf(writer.stream, "draw,role,key\n");
  for (int draw = 0; draw < DRAWS; draw++) {
    int chosen = first + draw % (set->subjects - first);
    for (int c = 0; c < CLASSES; c++) {
      int i = support_of(set, seed, draw, c, chosen, n);
      if (i >= n) continue;
      identify(set, i, &subject, &label, key);
      fprintf(writer.stream, "%d,support,%s\n", draw, key);
    }
    for (int i = 0; i < n && i < MOST_ROUNDS * round; i++) {
      identify(set, i, &subject, &label, key);
      bool alone = set->subjects - first == 1;
      if (!tests(set, subject) || (alone ? i == support_of(set, seed, draw, label, chosen, n) : subject == chosen)) continue;
      fprintf(writer.stream, "%d,query,%s\n", draw, key);
    }
  }
  return babel_file_commit(&writer);
}

static babel_status check_empty(const char *folder) {
  DIR *entries = opendir(folder);
  bool empty = true;
  for (struct dirent *entry; entries && (entry = readdir(entries));)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) empty = false;
  if (entries) closedir(entries);
  if (empty && (entries || !babel_file_exists(folder))) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_STATE, "%s: exists already and is not an empty folder; name another one or delete it", folder);
}

babel_status babel_sim_banks(const char *folder, const babel_sim_banks_options *options, int64_t *samples) {
  babel_latent_world world = body;
  char path[1152];
  world.seed = options->seed;
  *samples = 0;
  BABEL_TRY(check_empty(folder));
  BABEL_TRY(babel_folder_create(folder));
  snprintf(path, sizeof path, "%s/SIMULATED", folder);
  BABEL_TRY(babel_file_write_text(path, "The feature banks in this folder are SIMULATED: a generator made them, no person, no sensor and no encoder was involved.\n"));
  for (size_t i = 0; i < sizeof datasets / sizeof *datasets; i++) {
    const dataset *set = &datasets[i];
    for (int s = 0; s < 2; s++) BABEL_TRY(write_bank(folder, set, &world, set->pair[s], options->full));
    BABEL_TRY(write_split(folder, set, options->full));
    BABEL_TRY(write_draws(folder, set, options->seed, options->full));
    *samples += samples_of(set, options->full);
  }
  return BABEL_OK;
}
