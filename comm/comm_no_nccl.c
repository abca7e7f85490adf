/* A program without NCCL: everything goes through the host. */
#include "comm/watch.h"
#include "core/log.h"

babel_status babel_device_comm_open(babel_comm *comm, babel_device_comm **devices) {
  static bool noted;
  *devices = NULL;
  if (comm && !noted && !babel_comm_rank(comm)) babel_note("what passes between the devices goes through the host: this program was built without NCCL");
  noted = true;
  return BABEL_OK;
}

void babel_device_comm_close(babel_device_comm *devices) {
}

const char *babel_device_comm_name(babel_comm *comm) {
  return NULL;
}

babel_status babel_device_comm_sum(babel_device_comm *devices, float *const *x, int arrays, int64_t n, struct babel_stream *stream) {
  return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "this program was built without NCCL");
}

babel_status babel_device_comm_gather(babel_device_comm *devices, float *const *whole, const int64_t *const *at, int arrays, struct babel_stream *stream) {
  return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "this program was built without NCCL");
}
