/* Fuzzing: one program a parser. libFuzzer calls LLVMFuzzerTestOneInput; replay.c calls the same function for the seeds. */
#ifndef BABEL_TESTS_FUZZ_FUZZ_H
#define BABEL_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "core/tensor.h"

/* The largest single piece of memory that any input below 1 MiB may ask for [MiB]. */
#define FUZZ_MEMORY 64

/* Any bytes are fine: the parser reads or refuses them. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The path of a file in memory that holds these bytes; another one for each slot, 0 or 1. */
const char *fuzz_file(int slot, const void *data, size_t size);
/* Reads every element. */
void fuzz_touch(const babel_tensor *tensor);

#endif
