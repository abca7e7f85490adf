/* device_run PROGRAM ARGUMENTS: runs a test on a device, or is skipped (exit code 77) where there is none; with BABEL_REQUIRE_CUDA=1 it fails.
 * The device is opened here and not in the test program's own process, which forks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/ops.h"

int main(int argc, char **argv) {
  const char *required = getenv("BABEL_REQUIRE_CUDA");
  if (argc < 2) return 2;
  if (babel_cuda_open(0) != BABEL_OK) {
    fprintf(stderr, "%s\n", babel_error_last()->sentence);
    return required && !strcmp(required, "1") ? 1 : 77;
  }
  execv(argv[1], argv + 1);
  perror(argv[1]);
  return 1;
}
