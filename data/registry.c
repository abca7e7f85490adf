#include "data/registry.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "data/mars.h"
#include "data/mmego.h"
#include "data/utd_mhad.h"

static const babel_dataset_row rows[] = {
    {.name = "mars",
     .modalities = {"mmwave", "skeleton"},
     .paired = 2,
     .windows = true,
     .classes = BABEL_MARS_MOVEMENTS,
     .class_names = babel_mars_movement_names,
     .here = babel_mars_here,
     .scan = babel_mars_scan,
     .read = babel_window_set_read,
     .check = babel_mars_check},
    {.name = "mmego",
     .modalities = {"mmwave", "skeleton", "imu"},
     .paired = 3,
     .windows = true,
     .classes = BABEL_MMEGO_ACTIONS,
     .class_names = babel_mmego_action_names,
     .here = babel_mmego_here,
     .scan = babel_mmego_scan,
     .read = babel_window_set_read,
     .check = babel_mmego_check},
    {.name = "utd_mhad",
     .modalities = {"imu", "skeleton", "lidar"},
     .paired = 2,
     .classes = BABEL_UTD_ACTIONS,
     .class_names = babel_utd_action_names,
     .here = babel_utd_here,
     .scan = babel_utd_scan,
     .read = babel_utd_read,
     .check = babel_utd_check},
};

const babel_dataset_row *babel_dataset_row_at(int i) {
  return i >= 0 && (size_t)i < sizeof rows / sizeof *rows ? &rows[i] : NULL;
}

const babel_dataset_row *babel_dataset_row_find(const char *name) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (!strcmp(rows[i].name, name)) return &rows[i];
  return NULL;
}

babel_status babel_dataset_row_choose(const babel_dataset_row **row, const char *name, const char *folder) {
  char names[128] = "";
  *row = babel_dataset_row_find(name ? name : "utd_mhad");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (!name && rows[i].here(folder)) *row = &rows[i];
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "", rows[i].name);
  }
  return *row ? BABEL_OK : BABEL_FAIL(BABEL_ERR_ARG, "no data set is called \"%s\": there are %s", name, names);
}

bool babel_trial_is_complete(const babel_dataset_row *row, const babel_trial *trial) {
  for (int i = 0; i < row->paired; i++)
    if (!(trial->members >> i & 1)) return false;
  return true;
}

int babel_dataset_modality(const babel_dataset_row *row, const char *modality) {
  for (int i = 0; i < BABEL_DATASET_MODALITIES && row->modalities[i]; i++)
    if (!strcmp(row->modalities[i], modality)) return i;
  return -1;
}
