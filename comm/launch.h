/* How many ranks were started, by the variables of mpirun and srun: MPI is not woken for a process alone. */
#ifndef BABEL_COMM_LAUNCH_H
#define BABEL_COMM_LAUNCH_H

#include <stdlib.h>

static inline int babel_launched_ranks(void) {
  static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const char *text = getenv(sizes[i]);
    int n = text ? atoi(text) : 0;
    if (n >= 1) return n;
  }
  return 1;
}

#endif
