/* Encoder options as they stand on a command line and in a configuration: shared by encode, bank build and embed. */
#ifndef BABEL_CLI_ENCODER_OPTIONS_H
#define BABEL_CLI_ENCODER_OPTIONS_H

#include "cli/command.h"
#include "encoders/encoder.h"
#include "growth/config.h"

/* The rows to include in a command's option table. */
#define BABEL_CONFIG_OPTIONS                                                                                                     \
  {"preset", "NAME", "ours, best, best_subject, best_mask, paper, paper_literal or release (default ours)"}, {"config", "FILE", "YAML file of settings"},       \
      {"set", "KEY=VALUE", "one setting; may stand several times"}
#define BABEL_ENCODER_OPTIONS                                                                                                    \
  {"encoder", "NAME", "imu_stats, limu_bert, imu_motion, shift_gcn, st_gcn, skeleton_motion, radar_stats, radar_free, pointcloud_stats or pointcloud_motion"}, {"weights", "FILE", "the encoder's weights (.pt, .pth, .safetensors)"}, \
      {"random-weights", NULL, "draw the weights at random instead; every result says so"},                                      \
      {"encoder-seed", "N", "seed of random weights (default 0)"}, {"pad", NULL, "st_gcn: zero-pad to 300 frames and 2 persons"}, \
      {"fit-from", "BANK", "pointcloud_motion: with the deviations that this bank was built with"}

/* Preset, YAML file, then --set, in this order; checked. */
babel_status babel_read_config(const babel_args *args, babel_config *config);
/* --set and --seed alone, over what `config` holds. */
babel_status babel_read_settings(const babel_args *args, babel_config *config);
babel_status babel_open_encoder(const babel_args *args, const babel_config *config, babel_encoder **encoder);
/* Index of the named output, NULL = the one that the configuration asks for, or the encoder's first. */
babel_status babel_find_output(const babel_encoder *encoder, const babel_config *config, const char *name, int *index);

#endif
