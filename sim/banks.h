/* Feature banks of six modalities in the paper's five pairs, and a sixth pair of two Wi-Fi encoders, out of one latent world (latent.h): for growing all
 * phases without any data. Ordinary banks, splits and draws; every provenance says that they are simulated.
 *
 * Data set (pair, widths):        sim_utd_mhad (imu 72, skeleton 60), sim_kinetics (video 512, skeleton 60), sim_operanet (wifi 900, skeleton 60),
 * sim_xrf55 (mmwave 1024, wifi 900), sim_mmfi (lidar 60, video 512), sim_ut_har (wifi 900, wifi2 128).
 * Files in the folder: DATASET_MODALITY.safetensors, DATASET_split.csv (by subject: the last quarter tests), DATASET_draws.csv (10 draws: support one sample
 * a class of one test subject, query all other test subjects), SIMULATED. 27 classes, the same in all. */
#ifndef BABEL_SIM_BANKS_H
#define BABEL_SIM_BANKS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  uint64_t seed;
  bool full; /* the paper's sample counts: 861, 254,380, 30,519, 42,900, 20,660 and 556; else some thousand */
} babel_sim_banks_options;

/* The folder must not exist or be empty: else BABEL_ERR_STATE. *samples: written in all. */
babel_status babel_sim_banks(const char *folder, const babel_sim_banks_options *options, int64_t *samples);

#ifdef __cplusplus
}
#endif
#endif
