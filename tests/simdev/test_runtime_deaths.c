/* What the simulated device ends a process for, or lets it exit with: each in a child whose last words are read. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/simdev/runtime.h"

static char words[8192];

/* Runs body in a child; its standard error lands in `words`. Returns its wait status. */
static int child_of(void (*body)(void)) {
  int ends[2];
  cr_assert_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    body();
    exit(0);
  }
  close(ends[1]);
  size_t used = 0;
  ssize_t got;
  while ((got = read(ends[0], words + used, sizeof words - 1 - used)) > 0) used += (size_t)got;
  words[used] = 0;
  close(ends[0]);
  int status;
  cr_assert_eq(waitpid(child, &status, 0), child);
  return status;
}

static void expect(void (*body)(void), const char *sentence) {
  int status = child_of(body);
  cr_assert(!WIFEXITED(status) || WEXITSTATUS(status) != 0, "it lived");
  /* AddressSanitizer sees red zones and freed memory before the runtime does. */
  cr_assert(strstr(words, sentence) || strstr(words, "use-after-poison"), "%s", words);
}

static float *ten_floats(void) {
  float *p;
  if (cudaMalloc(&p, 40) != cudaSuccess) abort();
  cudaMemset(p, 0, 40);
  cudaDeviceSynchronize();
  return p;
}

static volatile float sink;

static void host_reads(void) {
  sink = ten_floats()[3];
}

static void host_writes(void) {
  ten_floats()[9] = 1;
}

Test(simdev_deaths, host_access_to_device_memory) {
  expect(host_reads, "the host touches byte 12 of the 40 bytes of device memory allocated at tests/simdev/test_runtime_deaths.c:");
  expect(host_writes, "the host touches byte 36 of the 40 bytes");
}

static void write_run(void *p) {
  *(volatile float *)p = 1;
}

static void kernel_writes(float *p) {
  simdev_enqueue(NULL, "overrun", write_run, NULL, p);
  cudaDeviceSynchronize();
}

static void behind(void) {
  kernel_writes(ten_floats() + 10);
}

static void before(void) {
  kernel_writes(ten_floats() - 1);
}

static void after_free(void) {
  float *p = ten_floats();
  cudaFree(p);
  kernel_writes(p);
}

Test(simdev_deaths, red_zone_overwritten_by_a_kernel) {
  expect(behind, "byte 40 of the 40 bytes of device memory allocated at");
  cr_assert(strstr(words, "overrun") || strstr(words, "use-after-poison"), "%s", words);
  expect(before, "byte -4 of the 40 bytes of device memory allocated at");
}

Test(simdev_deaths, freed_memory_touched_by_a_kernel) {
  expect(after_free, "bytes of device memory that are freed");
}

static void expect_code(void (*body)(void), int code, const char *sentence) {
  int status = child_of(body);
  cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == code, "status %x, %s", (unsigned)status, words);
  cr_assert(strstr(words, sentence), "%s", words);
}

static void leaks_memory(void) {
  ten_floats();
}

static void leaks_pinned_memory(void) {
  void *p;
  cudaMallocHost(&p, 12);
}

static void leaks_a_stream(void) {
  cudaStream_t s;
  cudaStreamCreate(&s);
}

static void leaks_an_event(void) {
  cudaEvent_t e;
  cudaEventCreate(&e);
}

static void leaks_a_graph(void) {
  cudaGraph_t g;
  cudaGraphCreate(&g, 0);
}

static void frees_all(void) {
  cudaFree(ten_floats());
}

Test(simdev_deaths, what_was_not_freed_is_listed_and_the_exit_code_is_70) {
  expect_code(leaks_memory, 70, "simdev: 40 bytes of device memory were not freed, allocated at tests/simdev/test_runtime_deaths.c:");
  expect_code(leaks_pinned_memory, 70, "simdev: 12 bytes of pinned memory were not freed");
  expect_code(leaks_a_stream, 70, "simdev: 1 streams were not destroyed");
  expect_code(leaks_an_event, 70, "simdev: 1 events were not destroyed");
  expect_code(leaks_a_graph, 70, "simdev: 1 graphs were not destroyed");
  expect_code(frees_all, 0, "");
}

static void bad_failure(void) {
  simdev_fail("alloc:1");
}

static void bad_memory(void) {
  setenv("BABEL_SIMDEV_MEMORY", "4X", 1);
  cudaDeviceSynchronize();
}

static void bad_architecture(void) {
  setenv("BABEL_SIMDEV_ARCH", "ampere", 1);
  cudaDeviceSynchronize();
}

Test(simdev_deaths, a_wrong_setting_is_named) {
  expect(bad_failure, "BABEL_SIMDEV_FAIL: no failure is called alloc");
  expect(bad_memory, "BABEL_SIMDEV_MEMORY=4X");
  expect(bad_architecture, "BABEL_SIMDEV_ARCH=ampere");
}
