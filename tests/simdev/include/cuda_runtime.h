/* Stands before the toolkit's header on the include path of the simulated build. */
#ifndef BABEL_TESTS_SIMDEV_CUDA_RUNTIME_H
#define BABEL_TESTS_SIMDEV_CUDA_RUNTIME_H

#include "tests/simdev/device.h"
#include "tests/simdev/runtime.h"
#ifdef __cplusplus
#include "tests/simdev/launch.h"
#endif

#endif
