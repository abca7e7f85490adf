/* The ranks' devices over NCCL, which waits for ever for a rank that is missing: so all have met on the host before anything is enqueued, nothing of NCCL
 * blocks the host (config.blocking = 0), and what the device waits for is watched and given up. */
#include <cuda_runtime.h>
#include <nccl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/watch.h"
#include "core/arena.h"
#include "core/log.h"

struct babel_device_comm {
  babel_comm *comm;
  ncclComm_t nccl;     /* NULL: things go through the host, or the devices were given up */
  ncclResult_t begun;  /* of the calls that began the present task */
  cudaStream_t stream; /* that it is enqueued in */
  char name[32];
};

static bool accepted(ncclResult_t result) {
  return result == ncclSuccess || result == ncclInProgress;
}

static babel_task_state failed(const babel_device_comm *devices, ncclResult_t result, char *why) {
  const char *more = ncclGetLastError(devices->nccl);
  snprintf(why, BABEL_TASK_WORDS, "NCCL: %s%s%s", ncclGetErrorString(result), more && *more ? ": " : "", more ? more : "");
  return BABEL_TASK_FAILED;
}

static babel_task_state ask_nccl(void *user, char *why) {
  babel_device_comm *devices = user;
  ncclResult_t state = ncclSuccess, asked = devices->begun;
  if (accepted(asked)) asked = ncclCommGetAsyncError(devices->nccl, &state);
  if (asked != ncclSuccess) return failed(devices, asked, why);
  if (state == ncclInProgress) return BABEL_TASK_OPEN;
  return state == ncclSuccess ? BABEL_TASK_DONE : failed(devices, state, why);
}

/* What is enqueued is in the stream when NCCL is no longer at it. */
static babel_task_state ask_stream(void *user, char *why) {
  babel_device_comm *devices = user;
  babel_task_state state = ask_nccl(devices, why);
  if (state != BABEL_TASK_DONE) return state;
  cudaError_t error = cudaStreamQuery(devices->stream);
  if (error == cudaErrorNotReady) return BABEL_TASK_OPEN;
  if (error == cudaSuccess) return BABEL_TASK_DONE;
  snprintf(why, BABEL_TASK_WORDS, "CUDA: %s, between the devices", cudaGetErrorString(error));
  return BABEL_TASK_FAILED;
}

/* Never waits for another rank, as ncclCommDestroy may. */
static void give_up(babel_device_comm *devices) {
  if (devices->nccl) ncclCommAbort(devices->nccl);
  devices->nccl = NULL;
}

/* ---- begin and end ----------------------------------------------------------------------------------------------------------------------- */

/* Two ranks on one device, which NCCL does not serve. All ranks see the same. */
static babel_status find_shared(babel_comm *comm, int pair[2]) {
  const int rank = babel_comm_rank(comm), size = babel_comm_size(comm);
  struct cudaDeviceProp found;
  enum { FLOATS = sizeof found.uuid / sizeof(float) };
  float ids[size][FLOATS]; /* bits that nobody reads as numbers */
  int64_t at[size + 1];
  int device = 0;
  cudaError_t error = cudaGetDevice(&device);
  if (error == cudaSuccess) error = cudaGetDeviceProperties(&found, device);
  if (error != cudaSuccess) return BABEL_FAIL(BABEL_ERR_STATE, "CUDA: %s", cudaGetErrorString(error));
  memcpy(ids[rank], &found.uuid, sizeof found.uuid);
  for (int r = 0; r <= size; r++) at[r] = (int64_t)r * FLOATS;
  BABEL_TRY(babel_comm_gather(comm, ids[0], at));
  pair[0] = pair[1] = -1;
  for (int b = size - 1; b > 0; b--)
    for (int a = 0; a < b; a++)
      if (!memcmp(ids[a], ids[b], sizeof ids[a])) pair[0] = a, pair[1] = b;
  return BABEL_OK;
}

static babel_status start_nccl(babel_device_comm *devices, const char **failure) {
  struct { ncclUniqueId id; ncclResult_t made; } first = {.made = ncclSuccess};
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  babel_comm *comm = devices->comm;
  config.blocking = 0;
  if (!babel_comm_rank(comm)) first.made = ncclGetUniqueId(&first.id);
  BABEL_TRY(babel_comm_broadcast(comm, &first, sizeof first));
  devices->begun = first.made;
  if (accepted(first.made)) devices->begun = ncclCommInitRankConfig(&devices->nccl, babel_comm_size(comm), first.id, babel_comm_rank(comm), &config);
  return babel_comm_watch(comm, ask_nccl, devices, failure);
}

static babel_status join(babel_device_comm *devices) {
  int pair[2], version = 0;
  char shared[64];
  const char *reason = shared;
  BABEL_TRY(find_shared(devices->comm, pair));
  if (pair[0] >= 0) {
    snprintf(shared, sizeof shared, "ranks %d and %d have the same device", pair[0], pair[1]);
  } else {
    babel_status status = start_nccl(devices, &reason);
    if (status != BABEL_OK || reason) give_up(devices);
    BABEL_TRY(status);
  }
  if (reason && !babel_comm_rank(devices->comm)) babel_note("what passes between the devices goes through the host: %s", reason);
  ncclGetVersion(&version);
  snprintf(devices->name, sizeof devices->name, "NCCL %d.%d.%d", version / 10000, version / 100 % 100, version % 100);
  return BABEL_OK;
}

babel_status babel_device_comm_open(babel_comm *comm, babel_device_comm **devices) {
  *devices = NULL;
  if (!comm) return BABEL_OK;
  babel_device_comm **kept = babel_comm_devices(comm);
  if (!*kept) {
    BABEL_TRY(babel_alloc_to(kept, 1, sizeof **kept));
    (*kept)->comm = comm;
    BABEL_TRY(join(*kept));
    BABEL_TRY(babel_comm_busy(comm));
  }
  if ((*kept)->nccl) *devices = *kept;
  return BABEL_OK;
}

const char *babel_device_comm_name(babel_comm *comm) {
  const babel_device_comm *devices = comm ? *babel_comm_devices(comm) : NULL;
  return devices && devices->nccl ? devices->name : NULL;
}

void babel_device_comm_close(babel_device_comm *devices) {
  if (devices) give_up(devices);
  free(devices);
}

/* ---- collectives ------------------------------------------------------------------------------------------------------------------------- */

/* All have computed what they bring and are here: from now on the devices wait for nobody who lives. */
static babel_status meet(babel_device_comm *devices, struct babel_stream *stream) {
  int nothing = 0;
  if (!devices->nccl) return BABEL_FAIL(BABEL_ERR_STATE, "the devices of the ranks were given up after a failure");
  devices->stream = (cudaStream_t)stream;
  cudaError_t error = cudaStreamSynchronize(devices->stream);
  if (error != cudaSuccess) return BABEL_FAIL(BABEL_ERR_STATE, "CUDA: %s, before the ranks met", cudaGetErrorString(error));
  BABEL_TRY(babel_comm_max(devices->comm, &nothing));
  devices->begun = ncclGroupStart();
  return BABEL_OK;
}

static void add(babel_device_comm *devices, ncclResult_t result) {
  if (accepted(devices->begun)) devices->begun = result;
}

static babel_status finish(babel_device_comm *devices) {
  add(devices, ncclGroupEnd());
  babel_status status = babel_comm_watch(devices->comm, ask_stream, devices, NULL);
  if (status != BABEL_OK) give_up(devices);
  return status;
}

babel_status babel_device_comm_sum(babel_device_comm *devices, float *const *x, int arrays, int64_t n, struct babel_stream *stream) {
  BABEL_TRY(meet(devices, stream));
  for (int i = 0; i < arrays; i++) add(devices, ncclAllReduce(x[i], x[i], (size_t)n, ncclFloat, ncclSum, devices->nccl, devices->stream));
  return finish(devices);
}

babel_status babel_device_comm_gather(babel_device_comm *devices, float *const *whole, const int64_t *const *at, int arrays, struct babel_stream *stream) {
  BABEL_TRY(meet(devices, stream));
  for (int i = 0; i < arrays; i++)
    for (int r = 0; r < babel_comm_size(devices->comm); r++) {
      float *piece = whole[i] + at[i][r];
      size_t count = (size_t)(at[i][r + 1] - at[i][r]);
      if (count) add(devices, ncclBroadcast(piece, piece, count, ncclFloat, r, devices->nccl, devices->stream));
    }
  return finish(devices);
}
