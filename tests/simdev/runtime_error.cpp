/* Simulated device: error codes, the sticky error, and failures on demand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simdev/runtime_state.h"

simdev_state *simdev;
static thread_local cudaError_t last_error = cudaSuccess;

std::recursive_mutex &simdev_lock(void) {
  static std::recursive_mutex *lock = new std::recursive_mutex; /* outlives the destructors of the program */
  return *lock;
}

static void initialise(void) {
  if (simdev) return;
  simdev = new simdev_state();
  simdev_read_environment();
  simdev->streams.emplace_back(new CUstream_st());
  simdev->streams[0]->blocking = simdev->streams[0]->alive = true;
  simdev->lanes = 1;
  if (simdev->devices > 0) simdev_arena_reserve();
}

cudaError_t simdev_begin(const char *call) {
  initialise();
  simdev->call = call;
  if (simdev->devices < 0) return cudaErrorInsufficientDriver;
  return simdev->devices == 0 ? cudaErrorNoDevice : simdev->sticky;
}

cudaError_t simdev_end(cudaError_t error) {
  if (error == cudaSuccess) error = simdev->sticky;
  if (error != cudaSuccess && error != cudaErrorNotReady) last_error = error;
  return error;
}

cudaError_t simdev_set_error(cudaError_t error) {
  last_error = error;
  return error;
}

void simdev_sticky_error(cudaError_t error) {
  if (simdev->sticky == cudaSuccess) simdev->sticky = error;
}

cudaError_t cudaPeekAtLastError(void) {
  std::lock_guard<std::recursive_mutex> guard(simdev_lock());
  return simdev && simdev->sticky != cudaSuccess ? simdev->sticky : last_error;
}

cudaError_t cudaGetLastError(void) {
  cudaError_t error = cudaPeekAtLastError();
  last_error = cudaSuccess;
  return error;
}

const char *cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define NAME(name, number, text) case name: return #name;
    SIMDEV_ERRORS(NAME)
#undef NAME
  }
  return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error) {
  switch (error) {
#define TEXT(name, number, text) case name: return text;
    SIMDEV_ERRORS(TEXT)
#undef TEXT
  }
  return "unrecognized error code";
}

simdev_failures simdev_parse_failures(const char *specification) {
  simdev_failures fail = {};
  for (const char *at = specification ? specification : ""; *at;) {
    char kind[16];
    size_t n;
    int used = 0;
    if (sscanf(at, "%15[a-z]:%zu%n", kind, &n, &used) != 2 || n == 0 || (at[used] != 0 && at[used] != ',')) {
      simdev_finding("environment", "BABEL_SIMDEV_FAIL=%s: expected malloc:N, launch:N, memcpy:N, kernel:N or nccl:N", specification);
      return fail;
    }
    size_t *slot = !strcmp(kind, "malloc")   ? &fail.malloc_at
                   : !strcmp(kind, "launch") ? &fail.launch_at
                   : !strcmp(kind, "memcpy") ? &fail.memcpy_at
                   : !strcmp(kind, "kernel") ? &fail.kernel_at
                   : !strcmp(kind, "nccl")   ? &fail.nccl_at
                                             : NULL;
    if (!slot) {
      simdev_finding("environment", "BABEL_SIMDEV_FAIL: no failure is called %s", kind);
      return fail;
    }
    *slot = n;
    at += used + (at[used] == ',');
  }
  return fail;
}

void simdev_fail(const char *specification) {
  std::lock_guard<std::recursive_mutex> guard(simdev_lock());
  initialise();
  simdev->fail = simdev_parse_failures(specification);
  simdev_counts &counts = simdev->counts;
  counts.mallocs = counts.launches = counts.copies = counts.kernels_run = counts.nccl_calls = 0;
  counts.peak_bytes = counts.live_bytes;
}

simdev_counts simdev_count(void) {
  std::lock_guard<std::recursive_mutex> guard(simdev_lock());
  return simdev ? simdev->counts : simdev_counts{};
}

static size_t report(size_t n, const char *what) {
  if (n) fprintf(stderr, "simdev: %zu %s not destroyed\n", n, what);
  return n;
}

/* What the program left behind. Runs after its atexit handlers and destructors. */
__attribute__((destructor)) static void report_leaks(void) {
  if (!simdev || simdev->devices <= 0) return;
  size_t streams = 0;
  for (const auto &stream : simdev->streams) streams += stream->alive;
  size_t leaks = simdev_report_memory_leaks();
  leaks += report(streams - 1, "streams were");
  leaks += report(simdev->events.size(), "events were");
  leaks += report(simdev->graphs.size(), "graphs were");
  leaks += report(simdev->executables.size(), "executable graphs were");
  leaks += report(simdev->communicators, "NCCL communicators were");
  if (!leaks) return;
  fflush(NULL);
  _Exit(70);
}
