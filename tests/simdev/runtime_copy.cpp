/* Simulated device: copies and memsets. */
#include <stdio.h>
#include <string.h>

#include "tests/simdev/runtime_state.h"

struct copy {
  char *to;
  const char *from;
  size_t to_pitch, from_pitch, width, height;
  bool to_device, from_device;
};

/* Whether [p, p + bytes) lies in one live allocation; says why not. */
static bool fits(const char *p, size_t bytes, const char *role) {
  void *start = NULL;
  size_t size = 0;
  int found = simdev_allocation_of(p, &start, &size);
  size_t offset = found ? (size_t)(p - (const char *)start) : 0;
  if (found == 1 && bytes <= size - offset) return true;
  if (found == 1)
    fprintf(stderr, "simdev: %s: %zu bytes at offset %zu of an allocation of %zu bytes are its %s\n", simdev->call, bytes, offset, size, role);
  else
    fprintf(stderr, "simdev: %s: its %s is %s\n", simdev->call, role, found ? "freed device memory" : "no device memory");
  return false;
}

static size_t extent(size_t pitch, size_t width, size_t height) {
  return pitch * (height - 1) + width;
}

/* Sets which ends are on the device. */
static cudaError_t resolve(copy &c, cudaMemcpyKind kind) {
  bool to_arena = simdev_arena_contains(c.to), from_arena = simdev_arena_contains(c.from);
  if (kind == cudaMemcpyDefault) {
    c.to_device = to_arena;
    c.from_device = from_arena;
  } else {
    if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
    c.to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    c.from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    if ((to_arena && !c.to_device) || (from_arena && !c.from_device)) {
      fprintf(stderr, "simdev: %s: the %s is device memory, the direction says it is not\n", simdev->call, to_arena && !c.to_device ? "destination" : "source");
      return cudaErrorInvalidValue;
    }
  }
  if (c.to_device && !fits(c.to, extent(c.to_pitch, c.width, c.height), "destination")) return cudaErrorInvalidValue;
  if (c.from_device && !fits(c.from, extent(c.from_pitch, c.width, c.height), "source")) return cudaErrorInvalidValue;
  return c.to && c.from ? cudaSuccess : cudaErrorInvalidValue;
}

static void copy_row(const copy &c, char *to, const char *from, const char *what) {
  memcpy(to, from, c.width);
  size_t unwritten = c.from_device ? simdev_shadow_unwritten(from, c.width) : 0;
  if (unwritten && !c.to_device)
    simdev_finding("never written", "%s: %zu of the %zu bytes that it brings to the host were never written", what, unwritten, c.width);
  if (c.to_device && !unwritten) simdev_shadow_written(to, c.width);
}

/* A pageable source is read now, into `staged`, unless the copy is captured. */
static cudaError_t submit_copy(const char *call, copy c, cudaMemcpyKind kind, cudaStream_t handle) {
  CUstream_st *stream = simdev_stream(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  if (c.width > c.to_pitch || c.width > c.from_pitch) return cudaErrorInvalidPitchValue;
  if (!c.width || !c.height) return cudaSuccess;
  cudaError_t error = resolve(c, kind);
  if (error != cudaSuccess) return error;
  if (++simdev->counts.copies == simdev->fail.memcpy_at) {
    simdev_sticky_error(cudaErrorECCUncorrectable);
    return cudaErrorECCUncorrectable;
  }
  std::shared_ptr<std::vector<char>> staged;
  if (!c.from_device && !stream->capture && !simdev_pinned(c.from, extent(c.from_pitch, c.width, c.height))) {
    staged = std::make_shared<std::vector<char>>(c.width * c.height);
    for (size_t row = 0; row < c.height; row++) memcpy(staged->data() + row * c.width, c.from + row * c.from_pitch, c.width);
    c.from = staged->data();
    c.from_pitch = c.width;
  }
  return simdev_submit(handle, SIMDEV_WORK_COPY, call, [c, staged, call] {
    for (size_t row = 0; row < c.height; row++) copy_row(c, c.to + row * c.to_pitch, c.from + row * c.from_pitch, call);
  });
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t stream) {
  return simdev_api("cudaMemcpyAsync", [=] {
    copy c = {(char *)to, (const char *)from, bytes, bytes, bytes, 1, false, false};
    return submit_copy("cudaMemcpyAsync", c, kind, stream);
  });
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
                              enum cudaMemcpyKind kind, cudaStream_t stream) {
  return simdev_api("cudaMemcpy2DAsync", [=] {
    copy c = {(char *)to, (const char *)from, to_pitch, from_pitch, width, height, false, false};
    return submit_copy("cudaMemcpy2DAsync", c, kind, stream);
  });
}

/* Runs before it returns, except from device to device. */
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind) {
  return simdev_api("cudaMemcpy", [=] {
    cudaError_t error = simdev_refuse_in_capture(false);
    if (error != cudaSuccess) return error;
    copy c = {(char *)to, (const char *)from, bytes, bytes, bytes, 1, false, false};
    error = submit_copy("cudaMemcpy", c, kind, NULL);
    if (error == cudaSuccess && !(simdev_arena_contains(to) && simdev_arena_contains(from))) simdev_wait_stream(simdev_stream(NULL));
    return error;
  });
}

static cudaError_t submit_memset(const char *call, void *to, int value, size_t bytes, cudaStream_t stream) {
  if (!simdev_stream(stream)) return cudaErrorInvalidResourceHandle;
  if (!bytes) return cudaSuccess;
  if (!fits((const char *)to, bytes, "destination")) return cudaErrorInvalidValue;
  if (++simdev->counts.copies == simdev->fail.memcpy_at) {
    simdev_sticky_error(cudaErrorECCUncorrectable);
    return cudaErrorECCUncorrectable;
  }
  return simdev_submit(stream, SIMDEV_WORK_COPY, call, [=] {
    memset(to, value, bytes);
    simdev_shadow_written(to, bytes);
  });
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream) {
  return simdev_api("cudaMemsetAsync", [=] { return submit_memset("cudaMemsetAsync", to, value, bytes, stream); });
}

/* Does not wait: the real one returns before the memory is set. */
cudaError_t cudaMemset(void *to, int value, size_t bytes) {
  return simdev_api("cudaMemset", [=] { return submit_memset("cudaMemset", to, value, bytes, NULL); });
}
