/* The list of frames of mmEgo, beside three sound files of numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "data/mmego.h"
#include "tests/data/window_files.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/paths.h"

static const char *folder_of(const char *list) {
  static char folder[1000];
  if (*folder) return folder;
  strcpy(folder, babel_scratch());
  mmego_write(folder, 1, 16); /* 32 frames */
  if (chdir(folder) || unlink("frames.csv") || symlink(list, "frames.csv")) abort();
  return folder;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const modalities[] = {"mmwave", "skeleton", "imu"};
  babel_dataset set;
  babel_sample sample;
  if (babel_mmego_scan(&set, folder_of(fuzz_file(0, data, size))) != BABEL_OK) return 0;
  for (int i = 0; i < set.count; i++)
    for (int m = 0; m < 3; m++) {
      if (babel_window_set_read(&set, set.trials[i].key, modalities[m], &sample) != BABEL_OK) abort();
      babel_sample_destroy(&sample);
    }
  babel_dataset_destroy(&set);
  return 0;
}
