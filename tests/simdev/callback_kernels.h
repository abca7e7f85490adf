/* For tests of the host half: "kernels" that are plain C callbacks, and the two ways to look at a call. */
#ifndef BABEL_SIMDEV_CALLBACK_KERNELS_H
#define BABEL_SIMDEV_CALLBACK_KERNELS_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simdev/runtime.h"

#define OK(call) cr_assert_eq((call), cudaSuccess, "%s", cudaGetErrorName(cudaPeekAtLastError()))
#define FAILS(call, error) cr_assert_eq((call), (error))

typedef struct {
  float *p;
  int n;
  float value;
} add_arguments;

static int released; /* how many arguments of add were */

static void add_run(void *arguments) {
  const add_arguments *a = (const add_arguments *)arguments;
  for (int i = 0; i < a->n; i++) a->p[i] += a->value;
}

static void add_release(void *arguments) {
  released++;
  free(arguments);
}

/* p[0..n-1] += value */
static inline cudaError_t add(float *p, int n, float value, cudaStream_t stream) {
  add_arguments *a = (add_arguments *)malloc(sizeof *a);
  *a = (add_arguments){p, n, value};
  return simdev_enqueue(stream, "add", add_run, add_release, a);
}

static char trace[64]; /* what ran, in order */

static void note_run(void *arguments) {
  size_t used = strlen(trace);
  trace[used] = (char)(intptr_t)arguments;
  trace[used + 1] = 0;
}

/* Appends a letter to the trace. */
static inline cudaError_t note(char letter, cudaStream_t stream) {
  return simdev_enqueue(stream, "note", note_run, NULL, (void *)(intptr_t)letter);
}

static unsigned long long remembered; /* the operation that remember was, 0 = it has not run */
static int ordered[3];                /* whether it happens before compare number i; -1 = it has not run before it */

static void remember_run(void *arguments) {
  remembered = simdev_operation();
}

static void compare_run(void *arguments) {
  ordered[(intptr_t)arguments] = remembered ? simdev_ordered(remembered) : -1;
}

static inline cudaError_t remember(cudaStream_t stream) {
  return simdev_enqueue(stream, "remember", remember_run, NULL, NULL);
}

static inline cudaError_t compare(int i, cudaStream_t stream) {
  return simdev_enqueue(stream, "compare", compare_run, NULL, (void *)(intptr_t)i);
}

/* Zeros. */
static inline float *device_floats(int n) {
  float *p = NULL;
  OK(cudaMalloc(&p, (size_t)n * sizeof *p));
  OK(cudaMemset(p, 0, (size_t)n * sizeof *p));
  OK(cudaDeviceSynchronize());
  return p;
}

static inline float device_float(const float *p) {
  float x = -1;
  OK(cudaMemcpy(&x, p, sizeof x, cudaMemcpyDeviceToHost));
  return x;
}

#endif
