/* Every setting of a run: one struct, one table that drives YAML parsing, `--set key=value`, `babel config` and
 * docs/config.md. A row of the table: key, type, range, default of each preset, one sentence.
 *
 * Precedence: preset, then the YAML file, then --set. An unknown key, a key twice, a value out of range, NaN or infinity are
 * BABEL_ERR_ARG with file and line and, for an unknown key, the nearest known one. */
#ifndef BABEL_GROWTH_CONFIG_H
#define BABEL_GROWTH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { BABEL_PRESET_OURS, BABEL_PRESET_PAPER, BABEL_PRESET_PAPER_LITERAL, BABEL_PRESET_RELEASE, BABEL_PRESET_BEST,
               BABEL_PRESET_BEST_SUBJECT, BABEL_PRESET_BEST_MASK, BABEL_PRESET_COUNT } babel_preset;

typedef enum { BABEL_POLICY_PLAIN, BABEL_POLICY_EMA_TEACHER, BABEL_POLICY_SNAPSHOT_TEACHER, BABEL_POLICY_EMA_DEPLOY,
               BABEL_POLICY_REHEARSAL_KD, BABEL_POLICY_GAUSS_KD, BABEL_POLICY_REPLAY, BABEL_POLICY_FROZEN, BABEL_POLICY_SLOW, BABEL_POLICY_NONE,
               BABEL_POLICY_GRAD_PROJ } babel_policy;

/* The values of the other enumerations. Each is the place of its word in the table. */
enum { BABEL_POST_PROJ_NONE, BABEL_POST_PROJ_LINEAR };
enum { BABEL_IMU_WINDOW_STRETCH, BABEL_IMU_WINDOW_20HZ };
enum { BABEL_IMU_UNIT_RAD_S, BABEL_IMU_UNIT_DEG_S };
enum { BABEL_IMU_STATS_MEAN_STD, BABEL_IMU_STATS_MEAN };
enum { BABEL_IMU_POOL_BEFORE, BABEL_IMU_POOL_AFTER };
enum { BABEL_SKELETON_POOLED_SCORES, BABEL_SKELETON_SCORES };
enum { BABEL_TEMPERATURE_LEARNABLE, BABEL_TEMPERATURE_FIXED };
enum { BABEL_DENOMINATOR_ALL, BABEL_DENOMINATOR_NEGATIVES };
enum { BABEL_TARGETS_PAIRS, BABEL_TARGETS_NEIGHBOURS, BABEL_TARGETS_MASK };
enum { BABEL_ADAPTIVE_OFF, BABEL_ADAPTIVE_ON, BABEL_ADAPTIVE_INVERTED };
enum { BABEL_GRAD_SCOPE_OWN, BABEL_GRAD_SCOPE_BOTH };
enum { BABEL_GRAD_NORM_RAW, BABEL_GRAD_NORM_RELATIVE };
enum { BABEL_TRUNK_TRAIN, BABEL_TRUNK_FREEZE };
enum { BABEL_GRAPH_FEATURES, BABEL_GRAPH_EMBEDDING };
enum { BABEL_REPLAY_RANDOM, BABEL_REPLAY_HERDING };
enum { BABEL_EMA_COSINE, BABEL_EMA_CONSTANT };
enum { BABEL_FUSION_SUM, BABEL_FUSION_CONCAT };
enum { BABEL_MEMBERS_PRIMARY, BABEL_MEMBERS_MEAN };

/* Fields and their keys carry the same names. Enumerations are stored as int. */
typedef struct {
  int preset;            /* babel_preset */
  /* network */
  int embed_dim;         /* 512 */
  int hidden;            /* 256 */
  int concept_layers;    /* 2..4, 3 */
  int proto_layers;      /* 2..4, 2 */
  int post_proj;         /* none, linear */
  /* features */
  int imu_window;        /* stretch, 20hz */
  int imu_unit;          /* rad_s, deg_s */
  int imu_block;         /* 1..4 */
  int imu_stats;         /* mean_std, mean */
  int imu_pool;          /* before, after */
  int skeleton_output;   /* pooled_scores, scores */
  int variants;          /* 0..600 augmentation variants kept in the bank */
  int standardise;       /* bool */
  double input_dropout;  /* [0, 0.99] */
  /* loss */
  int temperature;       /* learnable, fixed */
  double tau;            /* 0.07 */
  double scale_min, scale_max; /* clamp of 1/tau: 1, 100 */
  int denominator;       /* all, negatives */
  int targets;           /* pairs, neighbours, mask: growth/neighbours.h */
  int neighbour_k;       /* 15 */
  int neighbour_graph;   /* features, embedding */
  int neighbour_other_subjects; /* bool */
  int mask_overlaps;     /* bool */
  int adaptive;          /* off, on, inverted */
  int adaptive_first_phase; /* bool */
  int grad_scope;        /* own, both */
  int grad_norm;         /* raw, relative */
  int proto_policy;      /* babel_policy */
  int trunk;             /* train, freeze */
  double neighbour_weight; /* share of a soft target that goes to neighbours: 0.7 */
  double neighbour_width; /* 0.3 */
  double neighbour_scale_a, neighbour_scale_b; /* of the first and the second bank in the common vector: 1, 1.4 */
  double ema_momentum;   /* 0.996 */
  int ema_schedule;      /* cosine, constant */
  double distill_weight; /* lambda 5 */
  int rehearsal_rows;    /* 128 pairs a step, over all earlier phases */
  int gauss_rows;        /* 64 rows a step for each earlier modality */
  int replay_bank;       /* pairs that are kept of each earlier phase: 256 */
  int replay_choice;     /* random, herding */
  double trunk_lr;       /* 0.1: factor of policy slow */
  double proj_energy;    /* 0.99: policy grad_proj */
  /* optimiser */
  double lr, lr_final, lr_warmup_start, beta1, beta2, adam_eps, weight_decay;
  double warmup_epochs;  /* 1 */
  int batch;             /* 256; >= 2 */
  int chunk;             /* pairs that pass the network at a time; 0 = the whole batch */
  int max_steps;         /* 600: first phase */
  int grow_steps;        /* 200: any other */
  int precision;         /* babel_precision: tf32, fp32, bf16 */
  int shuffle_pairs;     /* bool: control, partners permuted inside each batch */
  int seed;
  /* evaluation */
  int wifi_members;      /* primary, mean: eval/members.h */
  int head_hidden, head_epochs, head_batch;
  double head_lr, head_momentum, head_weight_decay;
  double fusion_weight;  /* of the second bank in the weighted sum: 1.5 */
  int fusion;            /* sum, concat: the headline of this preset */
  int watch_epochs;      /* score the training-free heads every so many epochs; 0 = never */
  double checkpoint_seconds; /* state saved every so many seconds, 0 = only when interrupted */
} babel_config;

void babel_config_preset(babel_config *config, babel_preset preset);
/* BABEL_ERR_ARG listing the presets for an unknown name. */
babel_status babel_config_preset_find(const char *name, babel_preset *preset);

/* Overrides from a YAML mapping (a flat map of keys; `preset: NAME` may stand first and resets all others). An empty file
 * changes nothing. Anchors, aliases, tags, lists, nesting and a second document are refused. On failure config is as before. */
babel_status babel_config_read_yaml(babel_config *config, const char *path);
/* The key that is meant by `key: value`: a number under `temperature`, as many write it, is a value of `tau`. */
const char *babel_config_key_meant(const char *key, const char *value);
/* One override. `preset` is refused: it resets all others and therefore comes before them. */
babel_status babel_config_set(babel_config *config, const char *key, const char *value);
/* Every value in its range, and the rules between keys (lr_final <= lr, scale_min <= 1/tau <= scale_max, ...): BABEL_ERR_ARG. */
babel_status babel_config_check(const babel_config *config);

/* The resolved configuration as a JSON object, one key a field, words for enumerations; malloced. Two equal configurations give
 * equal text: it is part of manifests and of the resume check. BABEL_ERR_ARG when a value is out of its range. */
babel_status babel_config_json(const babel_config *config, char **json);
/* The inverse, for trunks: keys of the table, each once, no other. A key that is missing did not exist when the file was written and takes the default of
 * the file's preset; the preset and what shapes the network must be there. BABEL_ERR_FORMAT; `where` names the file in sentences. */
babel_status babel_config_from_json(babel_config *config, const char *json, const char *where);

/* The table, for `babel config` and docs/config.md. */
typedef enum { BABEL_KEY_INT, BABEL_KEY_DOUBLE, BABEL_KEY_BOOL, BABEL_KEY_ENUM } babel_key_type;
typedef struct {
  const char *key;
  babel_key_type type;
  size_t offset;                             /* of the field */
  double low, high;                          /* both included unless the sentence says otherwise */
  const char *words;                         /* ENUM: "none|linear" */
  const char *defaults[BABEL_PRESET_COUNT];  /* as text */
  const char *sentence;
} babel_config_key;
const babel_config_key *babel_config_key_at(int i); /* NULL past the end */
const char *babel_config_preset_name(int preset);
/* Value of a field as text, as YAML would have it. */
void babel_config_value_text(const babel_config *config, const babel_config_key *key, char *text, size_t size);
/* docs/config.md: every key with its range, defaults and sentence. BABEL_ERR_IO when the stream fails. */
babel_status babel_config_markdown(FILE *out);

#ifdef __cplusplus
}
#endif
#endif
