/* The host half of the simulated device: when things run, what fails, what is found. Kernels here are plain C callbacks. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/simdev/callback_kernels.h"

/* ---- when things run ---- */

Test(simdev_runtime, a_launch_runs_at_the_synchronisation_and_releases_its_arguments_once) {
  float *p = device_floats(3);
  OK(note('k', NULL));
  OK(add(p, 3, 2, NULL));
  cr_assert_str_eq(trace, "");
  cr_assert_eq(released, 0);
  OK(cudaDeviceSynchronize());
  cr_assert_str_eq(trace, "k");
  cr_assert_eq(released, 1);
  cr_assert_eq(device_float(p + 2), 2);
  OK(cudaFree(p));
}

Test(simdev_runtime, download_lands_at_the_synchronisation_only) {
  float *p = device_floats(1), host = -1;
  OK(cudaMemcpyAsync(&host, p, sizeof host, cudaMemcpyDeviceToHost, NULL));
  cr_assert_eq(host, -1);
  OK(cudaStreamSynchronize(NULL));
  cr_assert_eq(host, 0);
  OK(cudaFree(p));
}

Test(simdev_runtime, pageable_source_is_read_at_the_call_pinned_source_when_it_runs) {
  float *p = device_floats(2), pageable = 1, *pinned, registered = 1;
  OK(cudaMallocHost((void **)&pinned, sizeof *pinned));
  *pinned = 1;
  OK(cudaMemcpyAsync(p, &pageable, sizeof *p, cudaMemcpyHostToDevice, NULL));
  OK(cudaMemcpyAsync(p + 1, pinned, sizeof *p, cudaMemcpyHostToDevice, NULL));
  pageable = *pinned = 2;
  OK(cudaDeviceSynchronize());
  cr_assert_eq(device_float(p), 1);
  cr_assert_eq(device_float(p + 1), 2);
  OK(cudaHostRegister(&registered, sizeof registered, cudaHostRegisterDefault));
  FAILS(cudaHostRegister(&registered, sizeof registered, 0), cudaErrorHostMemoryAlreadyRegistered);
  OK(cudaMemcpyAsync(p, &registered, sizeof *p, cudaMemcpyHostToDevice, NULL));
  registered = 3;
  OK(cudaHostUnregister(&registered));
  cr_assert_eq(device_float(p), 3);
  FAILS(cudaHostUnregister(&registered), cudaErrorHostMemoryNotRegistered);
  OK(cudaFreeHost(pinned));
  OK(cudaFree(p));
}

Test(simdev_runtime, default_stream_waits_for_blocking_streams_only_and_they_for_it) {
  cudaStream_t blocking, free_stream;
  OK(cudaStreamCreate(&blocking));
  OK(cudaStreamCreateWithFlags(&free_stream, cudaStreamNonBlocking));
  OK(note('a', blocking));
  OK(note('x', free_stream));
  OK(note('b', NULL));
  OK(note('c', blocking));
  OK(cudaStreamSynchronize(blocking));
  cr_assert_str_eq(trace, "abc");
  OK(cudaDeviceSynchronize());
  cr_assert_str_eq(trace, "abcx");
  OK(cudaStreamDestroy(blocking));
  OK(cudaStreamDestroy(free_stream));
  FAILS(cudaStreamSynchronize(blocking), cudaErrorInvalidResourceHandle);
}

Test(simdev_runtime, a_destroyed_stream_still_runs_its_work) {
  cudaStream_t s;
  OK(cudaStreamCreate(&s));
  OK(note('a', s));
  OK(cudaStreamDestroy(s));
  cr_assert_str_eq(trace, "");
  OK(cudaDeviceSynchronize());
  cr_assert_str_eq(trace, "a");
}

Test(simdev_runtime, an_event_orders_two_streams_and_is_waited_for_up_to_its_record) {
  cudaStream_t s[2];
  cudaEvent_t event;
  for (int i = 0; i < 2; i++) OK(cudaStreamCreateWithFlags(&s[i], cudaStreamNonBlocking));
  OK(cudaEventCreate(&event));
  OK(cudaStreamWaitEvent(s[1], event, 0));
  OK(cudaEventSynchronize(event));
  OK(note('a', s[0]));
  OK(cudaEventRecord(event, s[0]));
  OK(note('z', s[0]));
  OK(note('b', s[1]));
  OK(cudaStreamWaitEvent(s[1], event, 0));
  OK(note('c', s[1]));
  FAILS(cudaEventQuery(event), cudaErrorNotReady);
  FAILS(cudaPeekAtLastError(), cudaSuccess);
  OK(cudaEventQuery(event));
  cr_assert_str_eq(trace, "a");
  OK(cudaStreamSynchronize(s[1]));
  cr_assert_str_eq(trace, "abc");
  FAILS(cudaStreamQuery(s[0]), cudaSuccess);
  cr_assert_str_eq(trace, "abcz");
  OK(cudaEventDestroy(event));
  FAILS(cudaEventSynchronize(event), cudaErrorInvalidResourceHandle);
  for (int i = 0; i < 2; i++) OK(cudaStreamDestroy(s[i]));
}

Test(simdev_runtime, elapsed_time_needs_two_events_that_have_happened) {
  cudaEvent_t a, b, untimed;
  float ms = -1;
  OK(cudaEventCreate(&a));
  OK(cudaEventCreate(&b));
  OK(cudaEventCreateWithFlags(&untimed, cudaEventDisableTiming));
  FAILS(cudaEventElapsedTime(&ms, a, b), cudaErrorInvalidResourceHandle);
  OK(cudaEventRecord(a, NULL));
  OK(cudaEventRecord(b, NULL));
  OK(cudaEventRecord(untimed, NULL));
  FAILS(cudaEventElapsedTime(&ms, a, b), cudaErrorNotReady);
  OK(cudaEventSynchronize(b));
  OK(cudaEventElapsedTime(&ms, a, b));
  cr_assert(ms >= 0);
  FAILS(cudaEventElapsedTime(&ms, a, untimed), cudaErrorInvalidResourceHandle);
  OK(cudaEventDestroy(a));
  OK(cudaEventDestroy(b));
  OK(cudaEventDestroy(untimed));
}

/* Leaves by the exit code: 0 = "ab" ran, 1 = "ba". */
static void unordered(void) {
  cudaStream_t s[2];
  for (int i = 0; i < 2; i++) cudaStreamCreateWithFlags(&s[i], cudaStreamNonBlocking);
  note('a', s[0]);
  note('b', s[1]);
  cudaDeviceSynchronize();
  _exit(strcmp(trace, "ab") != 0);
}

Test(simdev_runtime, what_nothing_orders_runs_either_way_by_seed) {
  int seen[2] = {0, 0};
  for (int seed = 0; seed < 8; seed++) {
    char text[12];
    snprintf(text, sizeof text, "%d", seed);
    setenv("BABEL_SIMDEV_SEED", text, 1);
    pid_t child = fork();
    if (child == 0) unordered();
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    seen[WEXITSTATUS(status)]++;
  }
  cr_assert(seen[0] && seen[1], "%d %d", seen[0], seen[1]);
}

Test(simdev_runtime, happens_before_follows_events_and_the_host) {
  cudaStream_t s[2];
  cudaEvent_t event;
  for (int i = 0; i < 2; i++) OK(cudaStreamCreateWithFlags(&s[i], cudaStreamNonBlocking));
  OK(cudaEventCreate(&event));
  OK(remember(s[0]));
  OK(cudaEventRecord(event, s[0]));
  OK(cudaStreamSynchronize(s[1]));
  OK(compare(0, s[1]));
  OK(cudaEventQuery(event) == cudaErrorNotReady ? cudaSuccess : cudaErrorUnknown);
  OK(cudaStreamSynchronize(s[1]));
  cr_assert_eq(ordered[0], 0);
  OK(cudaStreamWaitEvent(s[1], event, 0));
  OK(compare(1, s[1]));
  OK(cudaStreamSynchronize(s[1]));
  cr_assert_eq(ordered[1], 1);
  OK(cudaStreamDestroy(s[1]));
  OK(cudaDeviceSynchronize());
  OK(cudaStreamCreateWithFlags(&s[1], cudaStreamNonBlocking));
  OK(compare(2, s[1]));
  OK(cudaStreamSynchronize(s[1]));
  cr_assert_eq(ordered[2], 1);
  cr_assert_eq(simdev_operation(), 0);
  for (int i = 0; i < 2; i++) OK(cudaStreamDestroy(s[i]));
  OK(cudaEventDestroy(event));
}

static void host_function(void *data) {
  *(int *)data = 1;
}

Test(simdev_runtime, host_functions_run_in_their_stream) {
  int called = 0;
  OK(cudaLaunchHostFunc(NULL, host_function, &called));
  cr_assert_eq(called, 0);
  OK(cudaDeviceSynchronize());
  cr_assert_eq(called, 1);
}

Test(simdev_runtime, eager_mode_runs_inside_the_call) {
  setenv("CUDA_LAUNCH_BLOCKING", "1", 1);
  OK(note('a', NULL));
  cr_assert_str_eq(trace, "a");
}

/* ---- memory and copies ---- */

Test(simdev_runtime, memory_is_aligned_to_256_filled_with_nan_and_never_reused) {
  float *p[3], host[5];
  for (int i = 0; i < 3; i++) {
    OK(cudaMalloc(&p[i], sizeof host));
    cr_assert_eq((uintptr_t)p[i] % 256, 0);
    for (int k = 0; k < i; k++) cr_assert_neq(p[i], p[k]);
    OK(cudaFree(p[i]));
  }
  FAILS(cudaFree(p[0]), cudaErrorInvalidValue);
  OK(cudaMalloc(&p[0], 0));
  cr_assert_null(p[0]);
  OK(cudaFree(NULL));
}

Test(simdev_runtime, copies_of_all_kinds_carry_every_byte) {
  float in[7] = {1, 2, 3, 4, 5, 6, 7}, out[7] = {0}, *a = device_floats(7), *b = device_floats(7);
  OK(cudaMemcpy(a, in, sizeof in, cudaMemcpyHostToDevice));
  OK(cudaMemcpyAsync(b, a, sizeof in, cudaMemcpyDefault, NULL));
  OK(cudaMemcpy(out, b, sizeof in, cudaMemcpyDefault));
  cr_assert_eq(memcmp(in, out, sizeof in), 0);
  memset(out, 0, sizeof out);
  OK(cudaMemcpy(out, in, sizeof in, cudaMemcpyHostToHost));
  cr_assert_eq(memcmp(in, out, sizeof in), 0);
  OK(cudaMemcpy2DAsync(b, 3 * sizeof *b, in, 2 * sizeof *in, 2 * sizeof *in, 2, cudaMemcpyHostToDevice, NULL));
  OK(cudaMemcpy(out, b, sizeof in, cudaMemcpyDeviceToHost));
  cr_assert(out[0] == 1 && out[1] == 2 && out[2] == 3 && out[3] == 3 && out[4] == 4 && out[5] == 6);
  FAILS(cudaMemcpy2DAsync(b, 4, in, 8, 8, 2, cudaMemcpyHostToDevice, NULL), cudaErrorInvalidPitchValue);
  OK(cudaMemsetAsync(a, 0xff, 4, NULL));
  cr_assert(isnan(device_float(a)));
  OK(cudaMemcpy(NULL, NULL, 0, cudaMemcpyHostToDevice));
  OK(cudaFree(a));
  OK(cudaFree(b));
}

Test(simdev_runtime, copies_out_of_bounds_or_in_the_wrong_direction_are_refused) {
  float host[8] = {0}, *p = device_floats(7), *gone = device_floats(7);
  OK(cudaFree(gone));
  FAILS(cudaMemcpy(p, host, sizeof host, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  FAILS(cudaMemcpy(host, p + 1, 7 * sizeof *p, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  FAILS(cudaMemcpy(gone, host, 4, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  FAILS(cudaMemcpy(host, p, 4, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  FAILS(cudaMemcpy(host, host + 4, 4, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  FAILS(cudaMemset(p, 0, 29), cudaErrorInvalidValue);
  FAILS(cudaMemset(host, 0, 4), cudaErrorInvalidValue);
  FAILS(cudaMemcpyAsync(p, host, 4, cudaMemcpyHostToDevice, (cudaStream_t)host), cudaErrorInvalidResourceHandle);
  FAILS(cudaGetLastError(), cudaErrorInvalidResourceHandle);
  FAILS(cudaGetLastError(), cudaSuccess);
  OK(cudaFree(p));
}

Test(simdev_runtime, a_pointer_is_known_by_what_it_points_to) {
  float host = 0, *p = device_floats(5), *pinned;
  void *start;
  size_t size;
  OK(cudaHostAlloc((void **)&pinned, 4, cudaHostAllocPortable));
  const struct { const void *p; enum cudaMemoryType type; } cases[] = {
      {p + 4, cudaMemoryTypeDevice}, {p + 5, cudaMemoryTypeUnregistered}, {&host, cudaMemoryTypeUnregistered}, {pinned, cudaMemoryTypeHost}};
  for (int i = 0; i < 4; i++) {
    struct cudaPointerAttributes a;
    OK(cudaPointerGetAttributes(&a, cases[i].p));
    cr_assert_eq(a.type, cases[i].type, "case %d", i);
  }
  cr_assert(simdev_arena_contains(p) && !simdev_arena_contains(&host));
  cr_assert_eq(simdev_allocation_of(p + 3, &start, &size), 1);
  cr_assert(start == p && size == 20);
  cr_assert_eq(simdev_allocation_of(p + 5, NULL, NULL), 0);
  OK(cudaFree(p));
  cr_assert_eq(simdev_allocation_of(p + 3, &start, &size), -1);
  OK(cudaFreeHost(pinned));
}

Test(simdev_runtime, memory_that_is_not_there_is_refused_and_comes_back_when_freed) {
  setenv("BABEL_SIMDEV_MEMORY", "64K", 1);
  void *a = NULL, *b = (void *)1;
  size_t left, total;
  OK(cudaMalloc(&a, 40000));
  FAILS(cudaMalloc(&b, 30000), cudaErrorMemoryAllocation);
  cr_assert_null(b);
  FAILS(cudaGetLastError(), cudaErrorMemoryAllocation);
  OK(cudaMemGetInfo(&left, &total));
  cr_assert(total == 65536 && left == 25536);
  FAILS(cudaMalloc(&b, SIZE_MAX), cudaErrorMemoryAllocation);
  OK(cudaFree(a));
  OK(cudaMalloc(&b, 65536));
  OK(cudaFree(b));
  cr_assert_eq(simdev_count().peak_bytes, 65536);
  cr_assert_eq(simdev_count().live_allocations, 0);
}

/* ---- devices ---- */

Test(simdev_runtime, no_device_and_no_driver_fail_every_call) {
  static const struct { const char *devices; cudaError_t error; } cases[] = {{"0", cudaErrorNoDevice}, {"no-driver", cudaErrorInsufficientDriver}};
  for (int i = 0; i < 2; i++) {
    pid_t child = fork();
    if (child == 0) {
      setenv("BABEL_SIMDEV_DEVICES", cases[i].devices, 1);
      int count = -1;
      void *p;
      bool good = cudaGetDeviceCount(&count) == cases[i].error && count == 0 && cudaMalloc(&p, 4) == cases[i].error &&
                  cudaDeviceSynchronize() == cases[i].error && cudaSetDevice(0) == cases[i].error && note('a', NULL) == cases[i].error;
      _exit(!good);
    }
    int status;
    waitpid(child, &status, 0);
    cr_assert_eq(status, 0, "%s", cases[i].devices);
  }
}

static void kernel(void) {}

static cudaError_t check_launch(dim3 grid, dim3 block, size_t shared, unsigned cluster, int cooperative) {
  const cudaLaunchConfig_t config = {.gridDim = grid, .blockDim = block, .dynamicSmemBytes = shared};
  return simdev_check_launch((const void *)kernel, &config, cluster, cooperative);
}

static void check_limits(int major, int multiprocessors, size_t optin) {
  struct cudaDeviceProp p;
  int value, blocks;
  const void *k = (const void *)kernel;
  OK(cudaGetDeviceProperties(&p, 0));
  cr_assert(p.major == major && p.multiProcessorCount == multiprocessors && p.sharedMemPerBlockOptin == optin);
  OK(cudaDeviceGetAttribute(&value, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
  cr_assert_eq((size_t)value, optin);
  FAILS(cudaGetDeviceProperties(&p, 1), cudaErrorInvalidDevice);
  FAILS(cudaSetDevice(1), cudaErrorInvalidDevice);
  FAILS(check_launch((dim3){1, 1, 1}, (dim3){128, 1, 1}, 49153, 1, 0), cudaErrorInvalidValue);
  OK(cudaFuncSetAttribute(k, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)optin));
  FAILS(cudaFuncSetAttribute(k, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)optin + 1), cudaErrorInvalidValue);
  OK(check_launch((dim3){1, 1, 1}, (dim3){128, 1, 1}, optin, 1, 0));
  OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, k, 128, optin));
  cr_assert_eq(blocks, 1);
  OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, k, 256, 0));
  cr_assert_eq(blocks, 4);
  FAILS(check_launch((dim3){1, 1, 1}, (dim3){32, 33, 1}, 0, 1, 0), cudaErrorInvalidConfiguration);
  FAILS(check_launch((dim3){1, 65536, 1}, (dim3){32, 1, 1}, 0, 1, 0), cudaErrorInvalidConfiguration);
  FAILS(check_launch((dim3){0, 1, 1}, (dim3){32, 1, 1}, 0, 1, 0), cudaErrorInvalidConfiguration);
  FAILS(cudaGetLastError(), cudaErrorInvalidConfiguration);
  const unsigned most = 4 * (unsigned)multiprocessors; /* of 256 threads at once */
  OK(check_launch((dim3){most, 1, 1}, (dim3){256, 1, 1}, 0, 1, 1));
  FAILS(check_launch((dim3){most + 1, 1, 1}, (dim3){256, 1, 1}, 0, 1, 1), cudaErrorCooperativeLaunchTooLarge);
  OK(cudaDeviceGetAttribute(&value, cudaDevAttrClusterLaunch, 0));
  cr_assert_eq(value, major >= 9);
  if (major < 9) FAILS(check_launch((dim3){4, 1, 1}, (dim3){32, 1, 1}, 0, 2, 0), cudaErrorNotSupported);
  else OK(check_launch((dim3){4, 1, 1}, (dim3){32, 1, 1}, 0, 2, 0));
  if (major >= 9) FAILS(check_launch((dim3){5, 1, 1}, (dim3){32, 1, 1}, 0, 2, 0), cudaErrorInvalidClusterSize);
  if (major >= 9) FAILS(check_launch((dim3){16, 1, 1}, (dim3){32, 1, 1}, 0, 16, 0), cudaErrorInvalidClusterSize);
}

Test(simdev_runtime, limits_of_an_h100) {
  check_limits(9, 132, 227 << 10);
}

Test(simdev_runtime, limits_of_an_a100) {
  setenv("BABEL_SIMDEV_ARCH", "sm_80", 1);
  check_limits(8, 108, 163 << 10);
}

Test(simdev_runtime, an_older_device_has_no_kernel_image) {
  setenv("BABEL_SIMDEV_ARCH", "sm_75", 1);
  FAILS(note('a', NULL), cudaErrorNoKernelImageForDevice);
  OK(cudaDeviceSynchronize());
}

Test(simdev_runtime, errors_have_the_names_and_texts_of_cuda) {
  cr_assert_str_eq(cudaGetErrorName(cudaErrorMemoryAllocation), "cudaErrorMemoryAllocation");
  cr_assert_str_eq(cudaGetErrorString(cudaErrorIllegalAddress), "an illegal memory access was encountered");
  cr_assert_str_eq(cudaGetErrorString((cudaError_t)12345), "unrecognized error code");
}

/* ---- failures on demand ---- */

Test(simdev_runtime, the_nth_allocation_and_launch_are_refused_and_only_they) {
  setenv("BABEL_SIMDEV_FAIL", "malloc:2,launch:1", 1);
  void *a, *b;
  OK(cudaMalloc(&a, 4));
  FAILS(cudaMalloc(&b, 4), cudaErrorMemoryAllocation);
  OK(cudaMalloc(&b, 4));
  FAILS(note('a', NULL), cudaErrorLaunchOutOfResources);
  FAILS(cudaPeekAtLastError(), cudaErrorLaunchOutOfResources);
  FAILS(cudaGetLastError(), cudaErrorLaunchOutOfResources);
  OK(note('b', NULL));
  OK(cudaDeviceSynchronize());
  cr_assert_str_eq(trace, "b");
  OK(cudaFree(a));
  OK(cudaFree(b));
}

Test(simdev_runtime, a_failed_launch_releases_its_arguments) {
  float *p = device_floats(1);
  simdev_fail("launch:1");
  FAILS(add(p, 1, 1, NULL), cudaErrorLaunchOutOfResources);
  cr_assert_eq(released, 1);
  OK(cudaFree(p));
}

Test(simdev_runtime, a_kernel_that_faults_is_seen_late_and_stays) {
  float *p = device_floats(1);
  cudaStream_t s;
  cudaEvent_t event;
  void *other;
  OK(cudaStreamCreate(&s));
  OK(cudaEventCreate(&event));
  simdev_fail("kernel:2");
  OK(note('a', s));
  OK(note('b', s));
  OK(note('c', s));
  FAILS(cudaStreamSynchronize(s), cudaErrorIllegalAddress);
  cr_assert_str_eq(trace, "a");
  FAILS(cudaMalloc(&other, 4), cudaErrorIllegalAddress);
  FAILS(cudaGetLastError(), cudaErrorIllegalAddress);
  FAILS(cudaGetLastError(), cudaErrorIllegalAddress);
  FAILS(cudaFree(p), cudaErrorIllegalAddress);
  FAILS(cudaStreamDestroy(s), cudaErrorIllegalAddress);
  FAILS(cudaEventDestroy(event), cudaErrorIllegalAddress);
  cr_assert_eq(simdev_count().live_bytes, 0);
  OK(cudaDeviceReset());
  p = device_floats(1);
  OK(cudaFree(p));
}

Test(simdev_runtime, the_nth_copy_fails_for_good) {
  float *p = device_floats(1), host = 1;
  simdev_fail("memcpy:2");
  OK(cudaMemcpy(p, &host, 4, cudaMemcpyHostToDevice));
  FAILS(cudaMemcpyAsync(p, &host, 4, cudaMemcpyHostToDevice, NULL), cudaErrorECCUncorrectable);
  FAILS(cudaDeviceSynchronize(), cudaErrorECCUncorrectable);
  FAILS(cudaFree(p), cudaErrorECCUncorrectable);
}
