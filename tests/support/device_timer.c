#include "tests/support/device_timer.h"

#include <time.h>

enum { REPLAYS = 5 };

static int wanted, done;
static double seconds;
static const babel_ops *device;
static babel_stream *stream;

void babel_device_timer_set(int runs) {
  wanted = runs;
}

double babel_device_timer_seconds(void) {
  return seconds;
}

bool babel_device_timer_begin(const babel_ops *ops, babel_stream **s) {
  device = ops;
  done = 0;
  stream = NULL;
  if (!wanted || ops->synchronize(NULL) != BABEL_OK || ops->stream_create(&stream, 0) != BABEL_OK) return false;
  *s = stream;
  return ops->record_begin(stream) == BABEL_OK;
}

bool babel_device_timer_again(void) {
  return ++done < wanted;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static babel_status replay(const babel_recording *recording, int times) {
  for (int i = 0; i < times; i++) BABEL_TRY(device->replay(recording, stream));
  return device->synchronize(stream);
}

babel_status babel_device_timer_end(babel_status status) {
  babel_recording *recording = NULL;
  babel_status ended = device->record_end(&recording, stream);
  if (status == BABEL_OK) status = ended;
  if (status == BABEL_OK) status = replay(recording, 1);
  double start = now();
  if (status == BABEL_OK) status = replay(recording, REPLAYS);
  seconds = (now() - start) / (REPLAYS * (double)wanted);
  device->recording_destroy(recording);
  device->stream_destroy(stream);
  return status;
}
