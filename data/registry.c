#include "data/registry.h"

#include <stddef.h>
#include <string.h>

#include "data/utd_mhad.h"

static const babel_dataset_row rows[] = {
    {.name = "utd_mhad",
     .modalities = {"imu", "skeleton"},
     .classes = BABEL_UTD_ACTIONS,
     .class_names = babel_utd_action_names,
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

bool babel_trial_is_complete(const babel_dataset_row *row, const babel_trial *trial) {
  for (int i = 0; i < BABEL_DATASET_MODALITIES && row->modalities[i]; i++)
    if (!(trial->members >> i & 1)) return false;
  return true;
}
