/* Stands before NCCL's header on the include path of the simulated build: the calls that are used, and no more, with NCCL's names and numbers. A communicator
 * joins processes of this machine through shared memory that is named after the unique id; each process has a device of its own.
 *
 * Stricter than NCCL: communicators are non-blocking, and what was called in a group is enqueued by ncclCommGetAsyncError once it is asked, so that a host
 * that does not ask sees old values. A collective is deferred like all work; until its peers have come cudaStreamQuery is cudaErrorNotReady, and a host that
 * synchronises waits for ever. All of a group are in one stream; those of one communicator run in the order of their calls. Sums are taken in the order of
 * the ranks. ncclCommAbort lets what is enqueued pass without effect. BABEL_SIMDEV_FAIL=nccl:N: the N-th call fails with ncclSystemError, one that begins work (init,
 * the end of a group) as a state of the communicator, as NCCL's would; ncclCommGetAsyncError, ncclCommAbort and what only says something do not count. */
#ifndef BABEL_TESTS_SIMDEV_NCCL_H
#define BABEL_TESTS_SIMDEV_NCCL_H

#include <cuda_runtime.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ncclComm *ncclComm_t;
typedef struct { char internal[128]; } ncclUniqueId;
typedef enum {
  ncclSuccess = 0,
  ncclUnhandledCudaError = 1,
  ncclSystemError = 2,
  ncclInternalError = 3,
  ncclInvalidArgument = 4,
  ncclInvalidUsage = 5,
  ncclRemoteError = 6,
  ncclInProgress = 7
} ncclResult_t;
typedef enum { ncclFloat = 7 } ncclDataType_t;
typedef enum { ncclSum = 0 } ncclRedOp_t;
typedef struct { int blocking; } ncclConfig_t;
#define NCCL_CONFIG_INITIALIZER { 1 }

ncclResult_t ncclGetVersion(int *version);
const char *ncclGetErrorString(ncclResult_t result);
const char *ncclGetLastError(ncclComm_t comm);
ncclResult_t ncclGetUniqueId(ncclUniqueId *id);
ncclResult_t ncclCommInitRankConfig(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t *config);
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *state);
ncclResult_t ncclCommAbort(ncclComm_t comm);
ncclResult_t ncclGroupStart(void);
ncclResult_t ncclGroupEnd(void);
ncclResult_t ncclAllReduce(const void *from, void *to, size_t count, ncclDataType_t type, ncclRedOp_t operation, ncclComm_t comm, cudaStream_t stream);
ncclResult_t ncclBroadcast(const void *from, void *to, size_t count, ncclDataType_t type, int root, ncclComm_t comm, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
