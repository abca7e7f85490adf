/* A world behind many sensors: every sample has a hidden state, and each sensor shows it in a curved way of its own.
 *
 * State of a sample, L numbers: z = class_spread c[label] + subject_spread s[data set, subject] + instance_spread i[data set, sample], all standard
 * normal; data set d sees z_d = z + shift t[d]: it is recorded elsewhere, with other people.
 * A view (sensor, encoder): h = tanh(gain A z_d / sqrt(L) + a), `hidden` units; feature x = offset m + variation (B h / sqrt(hidden)) + noise e, with
 * A, B, a, m normal and fixed per view, e normal per sample. A near-constant view (Wi-Fi, algorithm.md section 4.3) has a large offset and a small variation.
 * Everything comes from the counter-based generator by name: a function of (seed, names, numbers), in any order. */
#ifndef BABEL_SIM_LATENT_H
#define BABEL_SIM_LATENT_H

#include <stdint.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_LATENT_MOST = 64 };

typedef struct {
  uint64_t seed;
  int size;    /* L, at most BABEL_LATENT_MOST */
  double class_spread, subject_spread, instance_spread;
} babel_latent_world;

typedef struct {
  const char *name;
  int width, hidden;
  double gain, offset, variation, noise;
} babel_latent_view;

typedef struct {
  float *a, *bias, *b, *mean; /* (hidden, L), (hidden), (width, hidden), (width) */
  babel_latent_world world;
  babel_latent_view view;
} babel_latent_sensor;

babel_status babel_latent_sensor_create(babel_latent_sensor *sensor, const babel_latent_world *world, const babel_latent_view *view);
void babel_latent_sensor_destroy(babel_latent_sensor *sensor); /* accepts a zeroed one */

/* z (L) of a sample. sample: its number in the data set. */
void babel_latent_state(const babel_latent_world *world, const char *dataset, double shift, int label, int subject, int64_t sample, double *z);
/* x (width): what the sensor shows of z; `dataset` and `sample` choose the noise. */
void babel_latent_show(const babel_latent_sensor *sensor, const double *z, const char *dataset, int64_t sample, float *x);

#ifdef __cplusplus
}
#endif
#endif
