#include "core/modality.h"

#include <stddef.h>
#include <string.h>

static const babel_modality table[] = {
    {"imu", "time, channel", "acceleration x y z, angular rate x y z", "g, rad/s", 50, 72},
    {"skeleton", "time, joint, coordinate", "x y z, y up, z away from the camera", "m", 30, 60},
    {"video", "time, height, width, colour", "red green blue", "0..255", 30, 512},
    {"wifi", "time, antenna x subcarrier", "amplitude of the channel state", "dB or raw, by data set", 0, 900},
    {"mmwave", "channel, range, angle or Doppler", "heat map of the radar cube, or its points: frame, x y z, velocity, intensity", "amplitude", 0, 1024},
    {"lidar", "time, point, coordinate", "x y z", "m", 10, 60},
};

const babel_modality *babel_modality_at(int i) {
  return i >= 0 && (size_t)i < sizeof table / sizeof *table ? &table[i] : NULL;
}

const babel_modality *babel_modality_find(const char *name) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (!strcmp(table[i].name, name)) return &table[i];
  return NULL;
}

babel_status babel_modality_check_name(const char *name) {
  size_t length = strlen(name);
  if (!length || length > 31 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != length)
    return BABEL_FAIL(BABEL_ERR_ARG, "modality name \"%.40s\": expected 1 to 31 characters of a-z, 0-9 and _", name);
  return BABEL_OK;
}
