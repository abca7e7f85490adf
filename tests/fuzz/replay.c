/* Feeds the files of the given folders to one parser, each as it is and in `--mutations N` changed forms (default 0): a byte flipped or set,
 * a piece cut out, doubled or copied elsewhere. Any input that makes the parser run out of memory is a failure, a crash is one anyway.
 * --verbose: what the parser says of each file. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/status.h"
#include "tests/fuzz/fuzz.h"

enum { LARGEST = 1 << 20 };

static uint8_t original[LARGEST], changed[LARGEST];
static long executions;
static int verbose;

/* AddressSanitizer keeps its own limit; elsewhere the whole process has one, and what fails is seen by its status. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "max_allocation_size_mb=64:allocator_may_return_null=0";
}

static void limit_memory(void) {
#ifndef __SANITIZE_ADDRESS__
  struct rlimit limit = {(rlim_t)3 * FUZZ_MEMORY << 20, RLIM_INFINITY};
  setrlimit(RLIMIT_DATA, &limit);
#endif
}

static uint32_t next_random(uint32_t *state) { /* xorshift */
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static size_t mutate(size_t size, uint32_t *random) {
  static const uint8_t values[] = {0, 1, 127, 128, 255, '0', '9', '-', ',', '\n', '"', '{', '['};
  size_t at = next_random(random) % size, length = 1 + next_random(random) % 16, to = next_random(random) % size;
  if (length > size - at) length = size - at;
  switch (next_random(random) % 6) {
  case 0: changed[at] ^= (uint8_t)(1u << next_random(random) % 8); break;
  case 1: changed[at] = values[next_random(random) % sizeof values]; break;
  case 2: changed[at] = (uint8_t)next_random(random); break;
  case 3: /* cut out */
    memmove(changed + at, changed + at + length, size - at - length);
    size -= length;
    break;
  case 4: /* doubled */
    if (size + length > LARGEST) break;
    memmove(changed + at + length, changed + at, size - at);
    size += length;
    break;
  default: /* copied elsewhere */
    if (length > size - to) length = size - to;
    memmove(changed + to, changed + at, length);
  }
  return size;
}

static void feed(const uint8_t *data, size_t size, const char *path, int mutation) {
  babel_error_take();
  LLVMFuzzerTestOneInput(data, size);
  executions++;
  if (babel_error_last()->status != BABEL_ERR_MEMORY) return;
  printf("%s, mutation %d: %s\n", path, mutation, babel_error_last()->sentence);
  exit(1);
}

static void replay_file(const char *path, int mutations) {
  FILE *file = fopen(path, "rb");
  if (!file) abort();
  size_t size = fread(original, 1, LARGEST, file);
  fclose(file);
  feed(original, size, path, 0);
  if (verbose) printf("%s: %s\n", path, babel_error_last()->status == BABEL_OK ? "read" : babel_error_last()->sentence);
  uint32_t random = 2463534242u;
  for (int m = 1; m <= mutations && size; m++) {
    size_t now = size;
    memcpy(changed, original, size);
    for (uint32_t changes = 1 + next_random(&random) % 4; changes && now; changes--) now = mutate(now, &random);
    feed(changed, now, path, m);
  }
}

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static int replay_folder(const char *folder, int mutations) {
  char path[1024], *names[1000];
  int count = 0;
  DIR *entries = opendir(folder);
  for (struct dirent *entry; entries && (entry = readdir(entries));)
    if (entry->d_name[0] != '.' && count < 1000 && !(names[count++] = strdup(entry->d_name))) abort();
  if (entries) closedir(entries);
  qsort(names, (size_t)count, sizeof *names, compare);
  for (int i = 0; i < count; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    replay_file(path, mutations);
    free(names[i]);
  }
  return count;
}

int main(int argc, char **argv) {
  int mutations = 0, seeds = 0;
  limit_memory();
  LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--mutations") && i + 1 < argc) mutations = atoi(argv[++i]);
    else if (!strcmp(argv[i], "--verbose")) verbose = 1;
    else seeds += replay_folder(argv[i], mutations);
  }
  printf("%d seeds, %ld executions\n", seeds, executions);
  return seeds ? 0 : 1;
}
