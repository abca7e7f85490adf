/* Files of MARS: a radar file, a byte of 0, a Kinect file. Subject 2, of which any number of movements is taken. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "data/mars.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/paths.h"

static const char *folder_of(const char *radar, const char *kinect) {
  static char folder[1000];
  if (*folder) return folder;
  strcpy(folder, babel_scratch());
  if (chdir(folder) || symlink(radar, "subject2_radar_data_test.csv") || symlink(kinect, "subject2_kinect_data_test.csv")) abort();
  return folder;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  babel_dataset set;
  babel_sample sample;
  const uint8_t *end = size ? memchr(data, 0, size) : NULL;
  size_t first = end ? (size_t)(end - data) : size, rest = end ? size - first - 1 : 0;
  const char *radar = fuzz_file(0, data, first), *kinect = fuzz_file(1, end ? end + 1 : data, rest);
  if (babel_mars_scan(&set, folder_of(radar, kinect)) != BABEL_OK) return 0;
  for (int i = 0; i < set.count; i++)
    for (int kind = 0; kind < 2; kind++) {
      if (babel_window_set_read(&set, set.trials[i].key, kind ? "skeleton" : "mmwave", &sample) != BABEL_OK) abort();
      babel_sample_destroy(&sample);
    }
  babel_dataset_destroy(&set);
  return 0;
}
