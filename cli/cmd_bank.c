#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/encoder_options.h"
#include "cli/progress.h"
#include "core/file.h"
#include "data/split.h"
#include "encoders/encode_dataset.h"
#include "encoders/fit.h"
#include "growth/manifest.h"
#include "sim/utd_mhad.h"

/* ---- bank build ------------------------------------------------------------------------------------------------- */

static const babel_option build_options[] = {
    {"dataset", "NAME", "data set: utd_mhad, mars or mmego (default: what the folder looks like)"},
    {"data", "DIR", "its folder"},
    {"modality", "NAME", "imu, skeleton, lidar, mmwave: what the data set has"},
    BABEL_ENCODER_OPTIONS,
    {"variants", "N", "augmented variants a trial, 0 to 600 (default: the configuration's)"},
    {"augment-seed", "N", "seed of the segmentation variants (default 0)"},
    {"split", "FILE", "encode only the trials of one part of this split file (default: all trials)"},
    {"part", "NAME", "train, holdout or test (default train, with --split)"},
    {"fit-split", "FILE", "pointcloud_motion: take the deviations of the training part of this split file"},
    {"out", "[OUTPUT=]FILE", "bank to write; several from one pass, as in --out pooled_scores=a --out scores=b"},
    {"skip-damaged", NULL, "leave out trials that cannot be read, with a warning each"},
    BABEL_CONFIG_OPTIONS,
    {NULL, NULL, NULL},
};

enum { MOST_OUTPUTS = 4 };

typedef struct {
  babel_progress_line line;
  const char *what;
} build_progress;

static void show(void *user, int done, int all) {
  build_progress *progress = user;
  if (!babel_progress_due(&progress->line, done == all)) return;
  double seconds = babel_progress_seconds(&progress->line);
  babel_progress_print(&progress->line, done == all, "%s: %d of %d trials, %.0f s, about %.0f s left", progress->what, done, all, seconds,
                       seconds / done * (all - done));
}

static babel_status split_keys(const babel_args *args, babel_split *split, const char ***keys, int *count, const char **part) {
  static const char *const names[] = {"train", "holdout", "test"};
  const char *path = babel_args_value(args, "split");
  *part = babel_args_value(args, "part");
  if (!path && *part) return BABEL_FAIL(BABEL_ERR_ARG, "--part %s needs --split", *part);
  if (!path) return BABEL_OK;
  if (!*part) *part = "train";
  for (int i = 0; i < 3; i++) {
    if (strcmp(*part, names[i])) continue;
    BABEL_TRY(babel_split_read(split, path));
    return babel_split_keys(split, (babel_part)i, keys, count);
  }
  return BABEL_FAIL(BABEL_ERR_ARG, "--part %s: expected train, holdout or test", *part);
}

static babel_status list_outputs(const babel_args *args, const babel_encoder *encoder, const babel_config *config, int outputs[MOST_OUTPUTS],
                                 const char *files[MOST_OUTPUTS], int *count) {
  const char *values[MOST_OUTPUTS + 1];
  char name[64];
  *count = babel_args_values(args, "out", values, MOST_OUTPUTS + 1);
  if (!*count) return BABEL_FAIL(BABEL_ERR_ARG, "--out is needed");
  if (*count > MOST_OUTPUTS) return BABEL_FAIL(BABEL_ERR_ARG, "--out stands more than %d times", MOST_OUTPUTS);
  for (int i = 0; i < *count; i++) {
    const char *equals = strchr(values[i], '=');
    if (equals) snprintf(name, sizeof name, "%.*s", (int)(equals - values[i]), values[i]);
    files[i] = equals ? equals + 1 : values[i];
    BABEL_TRY(babel_find_output(encoder, config, equals ? name : NULL, &outputs[i]));
    for (int j = 0; j < i; j++)
      if (outputs[j] == outputs[i]) return BABEL_FAIL(BABEL_ERR_ARG, "--out %s: this output is written to %s already", values[i], files[j]);
  }
  return BABEL_OK;
}

static babel_status build_all(const babel_args *args, const babel_dataset_row *dataset, const char *folder, const char *modality,
                              const babel_encoder *encoder, const babel_config *config) {
  babel_split split = {0};
  const char **keys = NULL, *part = NULL, *files[MOST_OUTPUTS];
  int key_count = 0, outputs[MOST_OUTPUTS], count = 0, variants, seed;
  babel_bank banks[MOST_OUTPUTS];
  build_progress progress = {.what = encoder->row->name};
  babel_status status;
  bool made = false;
  babel_progress_begin(&progress.line, babel_args_flag(args, "quiet"));
  BABEL_TRY_OR(babel_args_int(args, "variants", config->variants, 0, 600, &variants), done);
  BABEL_TRY_OR(babel_args_int(args, "augment-seed", 0, 0, 1 << 30, &seed), done);
  BABEL_TRY_OR(split_keys(args, &split, &keys, &key_count, &part), done);
  BABEL_TRY_OR(list_outputs(args, encoder, config, outputs, files, &count), done);
  for (int i = 0; i < count; i++) BABEL_TRY_OR(babel_file_probe(files[i]), done);
  babel_encode_options options = {.dataset = dataset, .folder = folder, .modality = modality, .encoder = encoder, .keys = keys, .key_count = key_count,
      .split = part ? part : "all", .variants = variants, .augment_seed = (uint64_t)seed, .skip_damaged = babel_args_flag(args, "skip-damaged"),
      .simulated = babel_sim_is_simulated(folder), .commit = babel_manifest_commit(), .stop = &babel_stop, .user = &progress, .progress = show};
  BABEL_TRY_OR(babel_encode_dataset(&options, outputs, count, banks), done);
  made = true;
  for (int i = 0; i < count; i++) {
    BABEL_TRY_OR(babel_bank_write(&banks[i], files[i]), done);
    printf("%s: %s by %s (%s%s), %d trials, %d variants, %d features, sha256 %.12s\n", files[i], modality, encoder->row->name,
           encoder->outputs[outputs[i]].name, encoder->options.random_weights ? ", random weights" : "", banks[i].rows, banks[i].variants,
           banks[i].width, banks[i].sha256);
  }
done:
  for (int i = 0; i < count && made; i++) babel_bank_destroy(&banks[i]);
  free(keys);
  babel_split_destroy(&split);
  return status;
}

/* Deviations of the training part of --fit-split. */
static babel_status fit(const babel_args *args, const babel_dataset_row *dataset, const char *folder, const char *modality, babel_encoder *encoder) {
  const char *path = babel_args_value(args, "fit-split"), **keys = NULL;
  babel_split split = {0};
  babel_encode_options options = {.dataset = dataset, .folder = folder, .modality = modality, .encoder = encoder, .stop = &babel_stop};
  babel_status status;
  if (!path && encoder->row->needs_fit && !encoder->fit.count)
    return BABEL_FAIL(BABEL_ERR_ARG, "encoder %s needs --fit-split FILE, whose training trials it takes deviations from, or --fit-from BANK", encoder->row->name);
  if (!path) return BABEL_OK;
  if (babel_args_value(args, "fit-from")) return BABEL_FAIL(BABEL_ERR_ARG, "both --fit-split and --fit-from are given: choose one");
  BABEL_TRY(babel_split_read(&split, path));
  status = babel_split_keys(&split, BABEL_PART_TRAIN, &keys, &options.key_count);
  options.keys = keys;
  if (status == BABEL_OK) status = babel_encoder_fit(encoder, &options, split.sha256);
  free(keys);
  babel_split_destroy(&split);
  return status;
}

static babel_status build(const babel_args *args) {
  const char *name = babel_args_value(args, "dataset"), *folder, *modality;
  const babel_dataset_row *dataset;
  babel_config config;
  babel_encoder *encoder = NULL;
  BABEL_TRY(babel_args_require(args, "data", &folder));
  BABEL_TRY(babel_dataset_row_choose(&dataset, name, folder));
  BABEL_TRY(babel_args_require(args, "modality", &modality));
  BABEL_TRY(babel_read_config(args, &config));
  BABEL_TRY(babel_open_encoder(args, &config, &encoder));
  babel_status status = fit(args, dataset, folder, modality, encoder);
  if (status == BABEL_OK) status = build_all(args, dataset, folder, modality, encoder, &config);
  babel_encoder_destroy(encoder);
  return status;
}

const babel_command babel_bank_build_command = {
    .name = "bank build",
    .usage = "--data DIR --modality NAME --encoder NAME [--weights FILE] --out FILE [options]",
    .sentence = "encodes a data set once and keeps the features in a bank",
    .details = "Every trial and its augmented variants go through the frozen encoder once; training reads the bank alone. Windows of 3 s are only cut, not\n"
               "slowed: 4 variants are the window and three cuts. A folder with a file called\n"
               "SIMULATED (babel simulate writes one) marks its banks as simulated.",
    .examples = "  babel bank build --data UTD-MHAD --modality imu --encoder limu_bert --weights hhar.pt --out imu.safetensors\n"
                "  babel bank build --data UTD-MHAD --modality skeleton --encoder shift_gcn --weights ntu_joint_xsub.pt \\\n"
                "      --out pooled_scores=skeleton.safetensors --out scores=skeleton60.safetensors\n"
                "  babel bank build --data MARS --modality mmwave --encoder radar_stats --variants 4 --out radar.safetensors\n"
                "  babel bank build --data UTD-MHAD --modality lidar --encoder pointcloud_motion --fit-split utd_mhad_lidar.csv --variants 0 \\\n"
                "      --out lidar.safetensors\n",
    .options = build_options,
    .stops = true,
    .run = build,
};

/* ---- bank import ------------------------------------------------------------------------------------------------ */

static const babel_option import_options[] = {
    {"features", "FILE", "array (.npy): (N, D), or (N, T, D) for sequences"},
    {"keys", "FILE", "CSV with the header key,label,subject[,recording,first,last]; labels from 0"},
    {"modality", "NAME", "any name of a-z, 0-9 and _"},
    {"dataset", "NAME", "name of the data set, for tables (default user)"},
    {"out", "FILE", "bank to write"},
    {NULL, NULL, NULL},
};

static babel_status import(const babel_args *args) {
  const char *features, *keys, *modality, *out, *dataset = babel_args_value(args, "dataset");
  babel_bank bank = {0};
  BABEL_TRY(babel_args_require(args, "features", &features));
  BABEL_TRY(babel_args_require(args, "keys", &keys));
  BABEL_TRY(babel_args_require(args, "modality", &modality));
  BABEL_TRY(babel_args_require(args, "out", &out));
  BABEL_TRY(babel_bank_import(&bank, features, keys, modality));
  if (dataset) snprintf(bank.dataset, sizeof bank.dataset, "%s", dataset);
  babel_status status = babel_bank_write(&bank, out);
  if (status == BABEL_OK) printf("%s: %s, %d samples, %d steps, %d features, sha256 %.12s\n", out, modality, bank.rows, bank.steps, bank.width, bank.sha256);
  babel_bank_destroy(&bank);
  return status;
}

const babel_command babel_bank_import_command = {
    .name = "bank import",
    .usage = "--features x.npy --keys keys.csv --modality NAME --out FILE",
    .sentence = "makes a bank of your own features",
    .details = "Samples of two banks are paired by their key. With recording, first and last the windows of one recording are known: overlapping ones\n"
               "are warned about, because a random split of them tests on what was trained on.",
    .examples = "  babel bank import --features x.npy --keys keys.csv --modality uwb --out uwb.safetensors\n",
    .options = import_options,
    .run = import,
};

/* ---- bank select ------------------------------------------------------------------------------------------------ */

static const babel_option select_options[] = {
    {"bank", "FILE", "bank to take samples from"},
    {"split", "FILE", "split file"},
    {"part", "NAME", "train, holdout or test (default train)"},
    {"out", "FILE", "bank to write"},
    {NULL, NULL, NULL},
};

static babel_status select_part(const babel_args *args) {
  const char *path, *out, *split_path, *part, **keys = NULL;
  babel_bank all = {0}, some = {0};
  babel_split split = {0};
  int count = 0;
  babel_status status;
  BABEL_TRY(babel_args_require(args, "bank", &path));
  BABEL_TRY(babel_args_require(args, "out", &out));
  BABEL_TRY(babel_args_require(args, "split", &split_path));
  BABEL_TRY_OR(split_keys(args, &split, &keys, &count, &part), done);
  BABEL_TRY_OR(babel_bank_read(&all, path), done);
  BABEL_TRY_OR(babel_bank_select(&some, &all, keys, count), done);
  snprintf(some.split, sizeof some.split, "%s", part);
  BABEL_TRY_OR(babel_bank_write(&some, out), done);
  printf("%s: %d of %d samples (%s of %s), sha256 %.12s\n", out, some.rows, all.rows, part, split_path, some.sha256);
done:
  babel_bank_destroy(&all);
  babel_bank_destroy(&some);
  free(keys);
  babel_split_destroy(&split);
  return status;
}

const babel_command babel_bank_select_command = {
    .name = "bank select",
    .usage = "--bank FILE --split FILE [--part NAME] --out FILE",
    .sentence = "takes one part of a split out of a bank",
    .examples = "  babel bank select --bank imu.safetensors --split utd_mhad_613_248.csv --part train --out imu_train.safetensors\n",
    .options = select_options,
    .run = select_part,
};
