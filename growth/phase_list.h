/* A schedule of growth phases, a YAML file:
 *
 *   name: order_i
 *   preset: ours                  # optional; as are the next two
 *   allow_disconnected: true
 *   shared_labels: true           # a label means the same in all data sets: emergent pairs of different data sets can be scored
 *   set: {variants: 0}            # settings of all phases
 *   phases:
 *     - name: imu_skeleton
 *       banks: [utd_imu.safetensors, utd_skeleton.safetensors]
 *       split: utd_split.csv      # optional: else all pairs train, and all test
 *       part: train               # optional: what trains
 *       test: utd_apart.csv       # optional: a split whose test part is retrieved from, where it is not that of `split`
 *       draws: utd_draws.csv      # optional: one-shot tasks for the retention report
 *       steps: 200                # optional; or epochs: 5
 *       set: {proto_policy: plain}
 *
 * Type and junction of a phase follow from the trunk. Relative paths lie in the folder that the caller names, or beside the schedule. Every key once, no
 * unknown one; each error names file and line. */
#ifndef BABEL_GROWTH_PHASE_LIST_H
#define BABEL_GROWTH_PHASE_LIST_H

#include "growth/config.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_MOST_PHASES = 32, BABEL_MOST_SETTINGS = 32 };

typedef struct {
  int count;
  struct {
    char key[48], value[64];
    int line;
  } item[BABEL_MOST_SETTINGS];
} babel_phase_settings;

typedef struct {
  char name[64];
  char bank[2][1024], split[1024], part[16], test[1024], draws[1024]; /* "" = none */
  int steps;     /* 0 = the configuration's */
  double epochs; /* 0 = the same */
  babel_phase_settings set;
  int line;
} babel_phase_entry;

typedef struct {
  char name[64], path[1024];
  int preset; /* babel_preset, -1 = not given */
  bool allow_disconnected, shared_labels;
  babel_phase_settings set;
  int count;
  babel_phase_entry phase[BABEL_MOST_PHASES];
} babel_phase_list;

/* folder: where banks, splits and draws are looked for first; NULL = beside the schedule only. BABEL_ERR_ARG with file, line and what was expected;
 * BABEL_ERR_IO when a named file is not there. */
babel_status babel_phase_list_read(babel_phase_list *list, const char *path, const char *folder);

/* `config` with the settings of the list and of phase i over it (not checked for limits between keys). */
babel_status babel_phase_list_settings(const babel_phase_list *list, int i, babel_config *config);

#ifdef __cplusplus
}
#endif
#endif
