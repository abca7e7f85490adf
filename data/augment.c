#include "data/augment.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/rng.h"

#define DOWN_SAMPLED 300

babel_status babel_time_map_create(babel_time_map *map, uint64_t seed, const char *key, int variant) {
  if (variant < 0 || variant >= BABEL_VARIANTS)
    return BABEL_FAIL(BABEL_ERR_ARG, "augmentation variant %d: expected 0 to %d", variant,
                      BABEL_VARIANTS - 1);
  *map = (babel_time_map){.variant = variant, .start = 0, .length = 1, .ratio = 1};
  if (variant < DOWN_SAMPLED) {
    map->ratio = 1 - 0.5 * variant / DOWN_SAMPLED;
    return BABEL_OK;
  }
  uint64_t index = 4 * (babel_hash64(key, strlen(key)) + (uint64_t)variant);
  map->length = 0.5 + 0.5 * (double)babel_rng_uniform(seed, BABEL_RNG_AUGMENT, index);
  map->start = (1 - map->length) * (double)babel_rng_uniform(seed, BABEL_RNG_AUGMENT, index + 1);
  return BABEL_OK;
}

int babel_time_map_rows(const babel_time_map *map, int rows) {
  if (map->variant == 0) return rows;
  long kept = lround(rows * map->length * map->ratio);
  return kept < BABEL_VARIANT_MIN_ROWS ? BABEL_VARIANT_MIN_ROWS : (int)kept;
}

static bool absent(const double *x, int n) {
  for (int i = 0; i < n; i++)
    if (x[i] != 0) return false;
  return true;
}

/* out = (1 - weight) a + weight b, person by person. */
static void blend(double *out, const double *a, const double *b, double weight, int width, int persons) {
  int block = width / persons;
  for (int p = 0; p < persons; p++) {
    const double *from = a + p * block, *to = b + p * block;
    double w = persons > 1 && absent(from, block) != absent(to, block) ? (weight < 0.5 ? 0 : 1) : weight;
    for (int i = 0; i < block; i++) out[p * block + i] = (1 - w) * from[i] + w * to[i];
  }
}

babel_status babel_augment(babel_sample *out, const babel_sample *in, const babel_time_map *map) {
  int rows = babel_time_map_rows(map, in->rows), width = in->width,
      persons = in->persons > 0 ? in->persons : 1;
  BABEL_TRY(babel_sample_create(out, in->modality, rows, width));
  out->persons = in->persons;
  out->joints = in->joints;
  out->stretch = in->stretch;
  out->described = in->described;
  if (map->variant == 0) {
    memcpy(out->x, in->x, (size_t)rows * (size_t)width * sizeof *in->x);
    return BABEL_OK;
  }
  double last = in->rows - 1;
  for (int i = 0; i < rows; i++) {
    double position = fmin(last * (map->start + map->length * i / (rows - 1)), last);
    int row = (int)position < in->rows - 1 ? (int)position : in->rows - 2;
    if (row < 0) row = 0;
    const double *a = in->x + (size_t)row * (size_t)width, *b = in->rows > 1 ? a + width : a;
    blend(out->x + (size_t)i * (size_t)width, a, b, position - row, width, persons);
  }
  return BABEL_OK;
}

int babel_variant_pick(int i, int count) {
  return (int)((int64_t)i * BABEL_VARIANTS / count);
}

int babel_variant_pick_cut(int i, int count) {
  return i ? DOWN_SAMPLED + (int)((int64_t)(i - 1) * (BABEL_VARIANTS - DOWN_SAMPLED) / count) : 0;
}
