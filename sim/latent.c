#include "sim/latent.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/rng.h"

/* First index of a named run of numbers; 2^24 of them to each name on average. */
static uint64_t base(const char *what, const char *name, int64_t number) {
  char text[160];
  int n = snprintf(text, sizeof text, "latent/%s/%s/%lld", what, name, (long long)number);
  return babel_hash64(text, (uint64_t)n) >> 2;
}

static double normal(const babel_latent_world *world, uint64_t index) {
  return babel_rng_normal(world->seed, BABEL_RNG_SIMULATE, index);
}

static babel_status fill(float **to, const babel_latent_world *world, const char *what, const char *name, size_t count) {
  void *memory;
  uint64_t at = base(what, name, 0);
  BABEL_TRY(babel_alloc(&memory, count, sizeof(float)));
  *to = memory;
  for (size_t i = 0; i < count; i++) (*to)[i] = (float)normal(world, at + i);
  return BABEL_OK;
}

babel_status babel_latent_sensor_create(babel_latent_sensor *sensor, const babel_latent_world *world, const babel_latent_view *view) {
  babel_status status;
  memset(sensor, 0, sizeof *sensor);
  if (world->size < 1 || world->size > BABEL_LATENT_MOST || view->width < 1 || view->hidden < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "a view of %d numbers through %d units of a state of %d (at most %d)", view->width, view->hidden, world->size, BABEL_LATENT_MOST);
  sensor->world = *world;
  sensor->view = *view;
  size_t hidden = (size_t)view->hidden, width = (size_t)view->width;
  BABEL_TRY_OR(fill(&sensor->a, world, "a", view->name, hidden * (size_t)world->size), fail);
  BABEL_TRY_OR(fill(&sensor->bias, world, "bias", view->name, hidden), fail);
  BABEL_TRY_OR(fill(&sensor->b, world, "b", view->name, width * hidden), fail);
  BABEL_TRY_OR(fill(&sensor->mean, world, "mean", view->name, width), fail);
  return BABEL_OK;
fail:
  babel_latent_sensor_destroy(sensor);
  return status;
}

void babel_latent_sensor_destroy(babel_latent_sensor *sensor) {
  if (!sensor) return;
  free(sensor->a);
  free(sensor->bias);
  free(sensor->b);
  free(sensor->mean);
  memset(sensor, 0, sizeof *sensor);
}

void babel_latent_state(const babel_latent_world *world, const char *dataset, double shift, int label, int subject, int64_t sample, double *z) {
  uint64_t of_class = base("class", "", label), of_subject = base("subject", dataset, subject), of_sample = base("sample", dataset, sample);
  uint64_t of_place = base("place", dataset, 0);
  for (int k = 0; k < world->size; k++) {
    uint64_t i = (uint64_t)k;
    z[k] = world->class_spread * normal(world, of_class + i) + world->subject_spread * normal(world, of_subject + i) +
           world->instance_spread * normal(world, of_sample + i) + shift * normal(world, of_place + i);
  }
}

void babel_latent_show(const babel_latent_sensor *sensor, const double *z, const char *dataset, int64_t sample, float *x) {
  const babel_latent_view *view = &sensor->view;
  const int size = sensor->world.size;
  float h[1024];
  int hidden = view->hidden < 1024 ? view->hidden : 1024;
  uint64_t noise = base(view->name, dataset, sample);
  double scale = view->gain / sqrt(size), shown = view->variation / sqrt(hidden);
  for (int j = 0; j < hidden; j++) {
    double sum = (double)sensor->bias[j];
    for (int k = 0; k < size; k++) sum += scale * (double)sensor->a[j * size + k] * z[k];
    h[j] = (float)tanh(sum);
  }
  for (int c = 0; c < view->width; c++) {
    const float *b = sensor->b + (size_t)c * (size_t)view->hidden;
    double sum = 0;
    for (int j = 0; j < hidden; j++) sum += (double)b[j] * (double)h[j];
    x[c] = (float)(view->offset * (double)sensor->mean[c] + shown * sum + view->noise * normal(&sensor->world, noise + (uint64_t)c));
  }
}
