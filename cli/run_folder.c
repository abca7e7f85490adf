#include "cli/run_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "core/file.h"

babel_status babel_run_folder_lock(const char *out, int *lock) {
  char path[1024];
  BABEL_TRY(babel_folder_create(out));
  snprintf(path, sizeof path, "%s/.lock", out);
  *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (*lock < 0) return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
  if (flock(*lock, LOCK_EX | LOCK_NB)) return BABEL_FAIL(BABEL_ERR_STATE, "%s: another run is writing into this folder", out);
  return BABEL_OK;
}
