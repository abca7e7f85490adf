#include "tests/support/paths.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char *next_buffer(void) {
  static char ring[8][1024];
  static int at;
  at = (at + 1) % 8;
  return ring[at];
}

const char *babel_fixture(const char *name) {
  char *path = next_buffer();
  snprintf(path, 1024, "%s/tests/fixtures/%s", BABEL_SOURCE_DIR, name);
  return path;
}

static const char *real_file(const char *variable, const char *fallback, const char *name) {
  const char *folder = getenv(variable);
  char *path = next_buffer();
  if (folder && *folder)
    snprintf(path, 1024, "%s/%s", folder, name);
  else
    snprintf(path, 1024, "%s/../shared/%s/%s", BABEL_SOURCE_DIR, fallback, name);
  return access(path, R_OK) ? NULL : path;
}

const char *babel_real_data(const char *name) {
  return real_file("BABEL_DATA", "data", name);
}

const char *babel_real_weights(const char *name) {
  return real_file("BABEL_WEIGHTS", "weights", name);
}

static char scratch[1024];
static pid_t scratch_owner;

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk) {
  return remove(path);
}

static void remove_scratch(void) {
  if (*scratch && scratch_owner == getpid()) nftw(scratch, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *babel_scratch(void) {
  const char *base = getenv("TMPDIR");
  snprintf(scratch, sizeof scratch, "%s/babel_test_XXXXXX", base && *base ? base : "/tmp");
  if (!mkdtemp(scratch)) abort();
  scratch_owner = getpid();
  atexit(remove_scratch);
  return scratch;
}
