/* What one call asked of the memory system and of the tensor cores: only the simulated device can tell, in a build whose kernels report their
 * accesses (BABEL_SIMDEV_HOOKS). */
#ifndef BABEL_TESTS_SUPPORT_DEVICE_COUNTERS_H
#define BABEL_TESTS_SUPPORT_DEVICE_COUNTERS_H

#include <stdbool.h>

typedef struct {
  double launches;
  double bytes_read, bytes_written;          /* of global memory, as threads ask for them */
  double requests, sectors, least_sectors;   /* of global memory: warp requests, their 32-byte sectors, as few as possible */
  double wavefronts, least_wavefronts;       /* of shared memory */
  double tensor_flops;
} babel_device_counters;

/* Counts from here to _end. */
void babel_device_counters_begin(void);
/* False, and zeros, where nothing counts. */
bool babel_device_counters_end(babel_device_counters *counters);

#endif
