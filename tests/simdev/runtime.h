/* The host half of the stand-in for cuda_runtime.h: what the CUDA backend calls, and what its kernels' launches rest on.
 *
 * Only what the backend uses is here, with the names, types and numbers of CUDA 13: a call that is missing fails at
 * compile time. All work is deferred: a launch, copy, memset, record or wait goes into its stream's queue and runs when
 * the host waits for it (or for something behind it), never earlier, so that a missing synchronisation is seen.
 * Two streams that nothing orders run in an order that BABEL_SIMDEV_SEED chooses.
 * - A pageable source is read when the copy is called, a pinned one when it runs, the destination is written when it runs.
 * - Device memory is one arena that the host cannot touch: it is opened while a kernel or a copy runs. Every allocation
 *   stands alone on its pages between red zones (>= 256 bytes), starts filled with NaN (bytes 0xff) at a multiple of 256,
 *   and is never reused once freed. A host access, an access to freed memory and an overwritten red zone end the process
 *   with a sentence. What was not freed when the process exits is listed, and the exit code becomes 70.
 *
 * Environment (read at the first call):
 *   BABEL_SIMDEV_DEVICES  number of devices, default 1; 0 = cudaErrorNoDevice, no-driver = cudaErrorInsufficientDriver
 *   BABEL_SIMDEV_ARCH     sm_90 (default: limits of an H100), sm_80 (A100); below 80 no kernel can be launched
 *   BABEL_SIMDEV_MEMORY   bytes of device memory, default 4G; K, M and G are powers of 1,024
 *   BABEL_SIMDEV_UUID     a number: processes that give the same one have the same devices; default: each has its own
 *   BABEL_SIMDEV_FAIL     malloc:N, launch:N, memcpy:N, kernel:N or nccl:N, comma-separated: the N-th allocation is
 *                         refused, the N-th launch is refused, the N-th copy (or memset) fails for good, the N-th kernel
 *                         that runs faults (seen at the next synchronisation, every later call fails), the N-th call of
 *                         NCCL fails (include/nccl.h)
 *   BABEL_SIMDEV_SEED     order of what is unordered
 *   CUDA_LAUNCH_BLOCKING  1 = run everything at once, inside the call, copies too: for a debugger */
#ifndef BABEL_SIMDEV_RUNTIME_H
#define BABEL_SIMDEV_RUNTIME_H

#include <stddef.h>

#include "tests/simdev/types.h"

#ifdef __cplusplus
#define SIMDEV_DEFAULT(value) = value
extern "C" {
#else
#define SIMDEV_DEFAULT(value)
#endif

#define SIMDEV_ERRORS(X)                                                                                               \
  X(cudaSuccess, 0, "no error")                                                                                        \
  X(cudaErrorInvalidValue, 1, "invalid argument")                                                                      \
  X(cudaErrorMemoryAllocation, 2, "out of memory")                                                                     \
  X(cudaErrorInitializationError, 3, "initialization error")                                                           \
  X(cudaErrorInvalidConfiguration, 9, "invalid configuration argument")                                                \
  X(cudaErrorInvalidPitchValue, 12, "invalid pitch argument")                                                          \
  X(cudaErrorInvalidMemcpyDirection, 21, "invalid copy direction for memcpy")                                          \
  X(cudaErrorInsufficientDriver, 35, "CUDA driver version is insufficient for CUDA runtime version")                   \
  X(cudaErrorNoDevice, 100, "no CUDA-capable device is detected")                                                      \
  X(cudaErrorInvalidDevice, 101, "invalid device ordinal")                                                             \
  X(cudaErrorNoKernelImageForDevice, 209, "no kernel image is available for execution on the device")                  \
  X(cudaErrorECCUncorrectable, 214, "uncorrectable ECC error encountered")                                             \
  X(cudaErrorInvalidResourceHandle, 400, "invalid resource handle")                                                    \
  X(cudaErrorNotReady, 600, "device not ready")                                                                        \
  X(cudaErrorIllegalAddress, 700, "an illegal memory access was encountered")                                          \
  X(cudaErrorLaunchOutOfResources, 701, "too many resources requested for launch")                                     \
  X(cudaErrorHostMemoryAlreadyRegistered, 712, "part or all of the requested memory range is already mapped")          \
  X(cudaErrorHostMemoryNotRegistered, 713, "pointer does not correspond to a registered memory region")                \
  X(cudaErrorMisalignedAddress, 716, "misaligned address")                                                             \
  X(cudaErrorLaunchFailure, 719, "unspecified launch failure")                                                         \
  X(cudaErrorCooperativeLaunchTooLarge, 720, "too many blocks in cooperative launch")                                  \
  X(cudaErrorNotSupported, 801, "operation not supported")                                                             \
  X(cudaErrorInvalidClusterSize, 912, "invalid cluster size")                                                          \
  X(cudaErrorStreamCaptureUnsupported, 900, "operation not permitted when stream is capturing")                        \
  X(cudaErrorStreamCaptureInvalidated, 901, "operation failed due to a previous error during capture")                 \
  X(cudaErrorStreamCaptureMerge, 902, "operation would result in a merge of separate capture sequences")               \
  X(cudaErrorStreamCaptureUnmatched, 903, "capture was not ended in the same stream as it began")                      \
  X(cudaErrorStreamCaptureUnjoined, 904, "capturing stream has unjoined work")                                         \
  X(cudaErrorStreamCaptureIsolation, 905, "dependency created on uncaptured work in another stream")                   \
  X(cudaErrorStreamCaptureImplicit, 906, "operation would make the legacy stream depend on a capturing blocking stream") \
  X(cudaErrorCapturedEvent, 907, "operation not permitted on an event last recorded in a capturing stream")            \
  X(cudaErrorUnknown, 999, "unknown error")
#define SIMDEV_ERROR_ENUM(name, number, text) name = number,
enum cudaError { SIMDEV_ERRORS(SIMDEV_ERROR_ENUM) };
typedef enum cudaError cudaError_t;

typedef struct CUstream_st *cudaStream_t;
typedef struct CUevent_st *cudaEvent_t;
typedef struct CUgraph_st *cudaGraph_t;
typedef struct CUgraphExec_st *cudaGraphExec_t;
typedef struct CUgraphNode_st *cudaGraphNode_t;
typedef void (*cudaHostFn_t)(void *data);
#define CUDART_VERSION 13000

/* Errors. */
cudaError_t cudaGetLastError(void);
cudaError_t cudaPeekAtLastError(void);
const char *cudaGetErrorName(cudaError_t error);
const char *cudaGetErrorString(cudaError_t error);

/* Devices. */
typedef struct { char bytes[16]; } cudaUUID_t;
struct cudaDeviceProp {
  char name[256];
  cudaUUID_t uuid;
  size_t totalGlobalMem, sharedMemPerBlock, sharedMemPerBlockOptin, sharedMemPerMultiprocessor, reservedSharedMemPerBlock;
  int major, minor, multiProcessorCount, warpSize, maxThreadsPerBlock, maxThreadsDim[3], maxGridSize[3];
  int maxThreadsPerMultiProcessor, maxBlocksPerMultiProcessor, regsPerBlock, regsPerMultiprocessor, l2CacheSize;
  int pciBusID, pciDeviceID, pciDomainID, ECCEnabled, memoryBusWidth, concurrentKernels, cooperativeLaunch;
};
enum cudaDeviceAttr {
  cudaDevAttrMaxThreadsPerBlock = 1,
  cudaDevAttrMaxSharedMemoryPerBlock = 8,
  cudaDevAttrWarpSize = 10,
  cudaDevAttrMaxRegistersPerBlock = 12,
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrL2CacheSize = 38,
  cudaDevAttrMaxThreadsPerMultiProcessor = 39,
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrComputeCapabilityMinor = 76,
  cudaDevAttrMaxSharedMemoryPerMultiprocessor = 81,
  cudaDevAttrCooperativeLaunch = 95,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97,
  cudaDevAttrMaxBlocksPerMultiprocessor = 106,
  cudaDevAttrClusterLaunch = 120
};
cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaGetDevice(int *device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device);
cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device);
cudaError_t cudaDeviceSynchronize(void);
cudaError_t cudaDeviceReset(void);
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaRuntimeGetVersion(int *version);

/* Launches with attributes: those that the simulated device knows. */
typedef enum {
  cudaLaunchAttributeCooperative = 2,
  cudaLaunchAttributeClusterDimension = 4,
  cudaLaunchAttributeProgrammaticStreamSerialization = 6
} cudaLaunchAttributeID;
typedef union {
  int cooperative, programmaticStreamSerializationAllowed;
  struct { unsigned x, y, z; } clusterDim; /* blocks; on the simulated device along x only */
} cudaLaunchAttributeValue;
typedef struct { cudaLaunchAttributeID id; cudaLaunchAttributeValue val; } cudaLaunchAttribute;
typedef struct {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
  cudaLaunchAttribute *attrs;
  unsigned numAttrs;
} cudaLaunchConfig_t;

/* Kernels. Nothing here knows registers or static shared memory: occupancy counts 64 registers a thread and no static. */
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8, cudaFuncAttributePreferredSharedMemoryCarveout = 9 };
cudaError_t cudaFuncSetAttribute(const void *kernel, enum cudaFuncAttribute attribute, int value);
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *kernel, int threads, size_t dynamic_shared);

/* Memory. */
enum cudaMemcpyKind {
  cudaMemcpyHostToHost = 0,
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2,
  cudaMemcpyDeviceToDevice = 3,
  cudaMemcpyDefault = 4
};
enum cudaMemoryType { cudaMemoryTypeUnregistered = 0, cudaMemoryTypeHost = 1, cudaMemoryTypeDevice = 2 };
struct cudaPointerAttributes {
  enum cudaMemoryType type;
  int device;
  void *devicePointer, *hostPointer;
};
#define cudaHostAllocDefault 0x00
#define cudaHostAllocPortable 0x01
#define cudaHostRegisterDefault 0x00
#define cudaMalloc(pointer, bytes) simdev_malloc((void **)(pointer), (bytes), __FILE__, __LINE__)
cudaError_t simdev_malloc(void **pointer, size_t bytes, const char *file, int line);
cudaError_t cudaFree(void *pointer);
cudaError_t cudaMallocHost(void **pointer, size_t bytes);
cudaError_t cudaHostAlloc(void **pointer, size_t bytes, unsigned int flags);
cudaError_t cudaFreeHost(void *pointer);
cudaError_t cudaHostRegister(void *pointer, size_t bytes, unsigned int flags);
cudaError_t cudaHostUnregister(void *pointer);
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes);
cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *attributes, const void *pointer);
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream SIMDEV_DEFAULT(0));
cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
                              enum cudaMemcpyKind kind, cudaStream_t stream SIMDEV_DEFAULT(0));
cudaError_t cudaMemset(void *to, int value, size_t bytes);
cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream SIMDEV_DEFAULT(0));

/* Streams and events. The NULL stream is the legacy default stream: it waits for all that was queued in blocking streams
 * before, and they wait for it. A query that is not ready runs one operation, so that polling ends. */
#define cudaStreamDefault 0x00
#define cudaStreamNonBlocking 0x01
#define cudaStreamLegacy ((cudaStream_t)0x1)
#define cudaEventDefault 0x00
#define cudaEventBlockingSync 0x01
#define cudaEventDisableTiming 0x02
cudaError_t cudaStreamCreate(cudaStream_t *stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned int flags);
/* A priority changes nothing here: what nothing orders runs in the order of the seed. */
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned int flags, int priority);
cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamQuery(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int flags SIMDEV_DEFAULT(0));
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void *data);
cudaError_t cudaEventCreate(cudaEvent_t *event);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream SIMDEV_DEFAULT(0));
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end); /* of the simulation, not of a device */

/* Graphs. A captured copy reads its source at every replay. Nodes that nothing orders replay in a seeded order. */
enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal = 0,
  cudaStreamCaptureModeThreadLocal = 1,
  cudaStreamCaptureModeRelaxed = 2
};
enum cudaStreamCaptureStatus {
  cudaStreamCaptureStatusNone = 0,
  cudaStreamCaptureStatusActive = 1,
  cudaStreamCaptureStatusInvalidated = 2
};
typedef unsigned long long cudaGraphConditionalHandle;
typedef struct cudaGraphEdgeData_st cudaGraphEdgeData; /* only NULL can be given */
#define cudaGraphCondAssignDefault 1
enum cudaGraphConditionalNodeType { cudaGraphCondTypeIf = 0, cudaGraphCondTypeWhile = 1 };
enum cudaGraphNodeType { cudaGraphNodeTypeKernel = 0, cudaGraphNodeTypeConditional = 13 };
struct cudaConditionalNodeParams {
  cudaGraphConditionalHandle handle;
  enum cudaGraphConditionalNodeType type;
  unsigned int size;       /* 1 */
  cudaGraph_t *phGraph_out; /* set by cudaGraphAddNode, owned by the graph */
};
struct cudaGraphNodeParams {
  enum cudaGraphNodeType type; /* cudaGraphNodeTypeConditional is the only one that can be added by hand */
  int reserved0[3];
  struct cudaConditionalNodeParams conditional;
};
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode);
cudaError_t cudaStreamBeginCaptureToGraph(cudaStream_t stream, cudaGraph_t graph, const cudaGraphNode_t *dependencies,
                                          const cudaGraphEdgeData *edges, size_t n, enum cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph);
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus *status);
cudaError_t cudaGraphCreate(cudaGraph_t *graph, unsigned int flags);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *n);
cudaError_t cudaGraphConditionalHandleCreate(cudaGraphConditionalHandle *handle, cudaGraph_t graph,
                                             unsigned int value SIMDEV_DEFAULT(0), unsigned int flags SIMDEV_DEFAULT(0));
cudaError_t cudaGraphAddNode(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *dependencies,
                             const cudaGraphEdgeData *edges, size_t n, struct cudaGraphNodeParams *parameters);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *executable, cudaGraph_t graph,
                                 unsigned long long flags SIMDEV_DEFAULT(0));
cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t stream);
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable);
void cudaGraphSetConditional(cudaGraphConditionalHandle handle, unsigned int value); /* called by kernels */

/* ---- Not CUDA: between the runtime and the execution of kernels (tests/simdev/device.h), and for tests. ---- */

/* Queues run(arguments) as a launch of kernel `what`. release(arguments) is called once, when it cannot run again, also
 * when this fails; captured work runs once a replay. */
cudaError_t simdev_enqueue(cudaStream_t stream, const char *what, void (*run)(void *), void (*release)(void *),
                           void *arguments);
/* Whether the device can run such a launch; the error is that of the launch, also in cudaGetLastError. */
cudaError_t simdev_check_launch(const void *kernel, const cudaLaunchConfig_t *config, unsigned cluster, int cooperative);
size_t simdev_function_shared_limit(const void *kernel); /* dynamic: 48 KiB, or what cudaFuncSetAttribute set */
cudaError_t simdev_set_error(cudaError_t error);         /* as cudaGetLastError will return it; returns it */
/* From within run: the kernel has faulted. The error stays, nothing that is queued runs any more. */
void simdev_sticky_error(cudaError_t error);

int simdev_arena_contains(const void *pointer);
/* 1: inside a live allocation; -1: inside a freed one; 0: in neither. start and size (not NULL) are set unless 0. */
int simdev_allocation_of(const void *pointer, void **start, size_t *size);

/* Number (> 0) of the operation that runs now, 0 outside; whether an earlier one happens before it: by stream order,
 * events, the default stream or because the host waited. */
unsigned long long simdev_operation(void);
int simdev_ordered(unsigned long long earlier);

/* Counts since the start of the process or the last simdev_fail; live_bytes and live_allocations: now. */
typedef struct {
  size_t mallocs, launches, copies, kernels_run, nccl_calls, live_allocations, live_bytes, peak_bytes;
} simdev_counts;
simdev_counts simdev_count(void);
/* As BABEL_SIMDEV_FAIL, from now on: the counts that it refers to restart at 0; NULL = no failures. */
void simdev_fail(const char *specification);

#ifdef __cplusplus
}
#include <functional>
cudaError_t simdev_enqueue(cudaStream_t stream, const char *what, std::function<void()> work);
template <class Kernel>
static inline cudaError_t cudaFuncSetAttribute(Kernel *kernel, enum cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute((const void *)kernel, attribute, value);
}
template <class Kernel>
static inline cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, Kernel *kernel, int threads,
                                                                        size_t dynamic_shared) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, (const void *)kernel, threads, dynamic_shared);
}
#endif
#endif
