#include <stdio.h>

#include "cli/command.h"
#include "sim/banks.h"
#include "sim/utd_mhad.h"

static const babel_option options[] = {
    {"banks", "DIR", "folder to make, with the feature banks, splits and draws of six modalities in six pairs"},
    {"full", NULL, "--banks: as many samples as the paper's data sets have (about 1.1 GB); else some thousand"},
    {"utd-mhad", "DIR", "folder to make, with Inertial/, Skeleton/ and the marker SIMULATED; must not exist or be empty"},
    {"seed", "N", "seed of bodies, tempos and noise (default 1)"},
    {"actions", "N", "only the first N of the 27 actions"},
    {"subjects", "N", "only the first N of the 8 subjects"},
    {NULL, NULL, NULL},
};

static babel_status write_banks(const char *folder, int seed, bool full) {
  babel_sim_banks_options options = {.seed = (uint64_t)seed, .full = full};
  int64_t samples;
  BABEL_TRY(babel_sim_banks(folder, &options, &samples));
  printf("%s: %lld simulated pairs of six sensors, seed %d (no real recordings)\n", folder, (long long)samples, seed);
  return BABEL_OK;
}

static babel_status run(const babel_args *args) {
  const char *folder = babel_args_value(args, "banks");
  int seed, actions, subjects, written = 0;
  BABEL_TRY(babel_args_int(args, "seed", 1, 0, 1 << 30, &seed));
  if (folder && babel_args_value(args, "utd-mhad")) return BABEL_FAIL(BABEL_ERR_ARG, "--banks and --utd-mhad: one of them");
  if (folder) return write_banks(folder, seed, babel_args_flag(args, "full"));
  BABEL_TRY(babel_args_require(args, "utd-mhad", &folder));
  BABEL_TRY(babel_args_int(args, "actions", 27, 1, 27, &actions));
  BABEL_TRY(babel_args_int(args, "subjects", 8, 1, 8, &subjects));
  babel_sim_utd_options simulation = {.seed = (uint64_t)seed, .actions = (1u << actions) - 1, .subjects = (1u << subjects) - 1};
  BABEL_TRY(babel_sim_utd_mhad(folder, &simulation, &written));
  printf("%s: %d simulated trials, seed %d (no real recordings)\n", folder, written, seed);
  return BABEL_OK;
}

const babel_command babel_simulate_command = {
    .name = "simulate",
    .usage = "--banks DIR | --utd-mhad DIR [options]",
    .sentence = "writes feature banks of six simulated sensors, or a simulated UTD-MHAD in the real file formats",
    .details = "--banks: one hidden body shown by six sensors at the paper's feature widths, in the pairs of its five data sets and one of two Wi-Fi encoders;\n"
               "27 activities, the same in all. --utd-mhad: 27 parametric actions, 8 subjects, 4 trials: a Kinect v1 skeleton and a wrist or thigh IMU, the same bits for the same seed. For trying\n"
               "the program without the data set; results on it say nothing about real sensors, and every table says so.",
    .examples = "  babel simulate --banks sim_banks\n  babel simulate --utd-mhad sim_utd\n  babel simulate --utd-mhad tiny --actions 3 --subjects 2\n",
    .options = options,
    .run = run,
};
