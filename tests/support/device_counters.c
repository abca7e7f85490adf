#include "tests/support/device_counters.h"

#include <string.h>

#ifdef BABEL_SIMDEV
#include "tests/simdev/kernel.h"

void babel_device_counters_begin(void) {
  simdev_counters(1);
}

bool babel_device_counters_end(babel_device_counters *counters) {
  simdev_totals all;
  simdev_counters_totals(&all);
  simdev_counters(0);
  *counters = (babel_device_counters){.launches = (double)all.launches, .bytes_read = (double)all.bytes_read, .bytes_written = (double)all.bytes_written,
                                      .requests = (double)all.requests, .sectors = (double)all.sectors, .least_sectors = (double)all.least_sectors,
                                      .wavefronts = (double)all.wavefronts, .least_wavefronts = (double)all.least_wavefronts,
                                      .tensor_flops = 2 * (double)all.multiply_adds};
  return all.launches > 0;
}
#else
void babel_device_counters_begin(void) {
}

bool babel_device_counters_end(babel_device_counters *counters) {
  memset(counters, 0, sizeof *counters);
  return false;
}
#endif
