/* A stream of normal numbers that belongs to one named thing: "subject 3", "a5_s3_t1 imu". Two streams of different names
 * never share numbers, so what one part draws cannot shift what another one gets. */
#ifndef BABEL_SIM_NOISE_H
#define BABEL_SIM_NOISE_H

#include <string.h>

#include "core/rng.h"

typedef struct {
  uint64_t seed, next;
} babel_noise;

static inline babel_noise babel_noise_begin(uint64_t seed, const char *name) {
  return (babel_noise){seed, babel_hash64(name, strlen(name)) << 20};
}

/* Standard normal, cut at +-3: a simulated person has no impossible limbs. */
static inline double babel_noise_next(babel_noise *noise) {
  double x = babel_rng_normal(noise->seed, BABEL_RNG_SIMULATE, noise->next++);
  return x < -3 ? -3 : x > 3 ? 3 : x;
}

#endif
