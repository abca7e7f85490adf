/* Simulated device: which device it is, what it can hold, what a launch may ask for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/simdev/runtime_state.h"

/* CUDA programming guide, "Technical Specifications per Compute Capability", and the data sheets. */
struct limits {
  const char *name;
  int major, minor, multiprocessors, blocks, l2, bus;
  size_t shared_multiprocessor;
};
static const limits table[] = {
    {"simulated H100", 9, 0, 132, 32, 50 << 20, 5120, 228 << 10},
    {"simulated A100", 8, 0, 108, 32, 40 << 20, 5120, 164 << 10},
    {"simulated T4", 7, 5, 40, 16, 4 << 20, 256, 64 << 10},
};
enum { SHARED_DEFAULT = 48 << 10, SHARED_RESERVED = 1 << 10, REGISTERS = 65536, REGISTERS_ASSUMED = 64, THREADS = 2048, CLUSTER = 8 };

static const limits &device_limits(void) {
  for (const limits &row : table)
    if (row.major == simdev->major && row.minor == simdev->minor) return row;
  return table[0];
}

/* Before Ampere a block may take all of it. */
static size_t shared_optin(const limits &l) {
  return l.shared_multiprocessor - (l.major >= 8 ? SHARED_RESERVED : 0);
}

static size_t parse_bytes(const char *text) {
  char *end;
  unsigned long long n = strtoull(text, &end, 10);
  static const char units[] = "KMG";
  const char *unit = *end ? strchr(units, *end) : NULL;
  if (end == text || (*end && (!unit || end[1])))
    simdev_finding("environment", "BABEL_SIMDEV_MEMORY=%s: expected a number with K, M, G or nothing", text);
  return (size_t)n << (unit ? 10 * (unit - units + 1) : 0);
}

void simdev_read_environment(void) {
  const char *devices = getenv("BABEL_SIMDEV_DEVICES"), *arch = getenv("BABEL_SIMDEV_ARCH");
  const char *memory = getenv("BABEL_SIMDEV_MEMORY"), *seed = getenv("BABEL_SIMDEV_SEED"), *eager = getenv("CUDA_LAUNCH_BLOCKING");
  simdev->devices = !devices ? 1 : !strcmp(devices, "no-driver") ? -1 : atoi(devices);
  simdev->major = 9, simdev->minor = 0;
  int number = 0;
  if (arch) sscanf(arch, "sm_%d", &number);
  if (arch) simdev->major = number / 10, simdev->minor = number % 10;
  const limits &l = device_limits();
  if (l.major != simdev->major || l.minor != simdev->minor)
    simdev_finding("environment", "BABEL_SIMDEV_ARCH=%s: expected sm_90, sm_80 or sm_75", arch);
  simdev->memory = parse_bytes(memory ? memory : "4G");
  simdev->random = seed ? strtoull(seed, NULL, 10) : 0;
  simdev->eager = eager && *eager && strcmp(eager, "0");
  simdev->fail = simdev_parse_failures(getenv("BABEL_SIMDEV_FAIL"));
}

size_t simdev_random(size_t n) {
  simdev->random = simdev->random * 6364136223846793005u + 1442695040888963407u;
  return (size_t)((simdev->random >> 33) % n);
}

cudaError_t cudaGetDeviceCount(int *count) {
  cudaError_t error = simdev_api("cudaGetDeviceCount", [] { return cudaSuccess; });
  *count = simdev->devices > 0 ? simdev->devices : 0;
  return error;
}

static thread_local int current_device;

cudaError_t cudaGetDevice(int *device) {
  return simdev_api("cudaGetDevice", [=] {
    *device = current_device;
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return simdev_api("cudaSetDevice", [=] {
    if (device < 0 || device >= simdev->devices) return cudaErrorInvalidDevice;
    current_device = device;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device) {
  return simdev_api("cudaGetDeviceProperties", [=] {
    if (device < 0 || device >= simdev->devices) return cudaErrorInvalidDevice;
    const limits &l = device_limits();
    cudaDeviceProp p = {};
    snprintf(p.name, sizeof p.name, "%s", l.name);
    const char *given = getenv("BABEL_SIMDEV_UUID");
    snprintf(p.uuid.bytes, sizeof p.uuid.bytes, "%lld.%d", given ? atoll(given) : (long long)getpid(), device);
    p.totalGlobalMem = simdev->memory;
    p.sharedMemPerBlock = SHARED_DEFAULT;
    p.sharedMemPerBlockOptin = shared_optin(l);
    p.sharedMemPerMultiprocessor = l.shared_multiprocessor;
    p.reservedSharedMemPerBlock = l.major >= 8 ? SHARED_RESERVED : 0;
    p.major = l.major;
    p.minor = l.minor;
    p.multiProcessorCount = l.multiprocessors;
    p.warpSize = 32;
    p.maxThreadsPerBlock = p.maxThreadsDim[0] = p.maxThreadsDim[1] = 1024;
    p.maxThreadsDim[2] = 64;
    p.maxGridSize[0] = 0x7fffffff;
    p.maxGridSize[1] = p.maxGridSize[2] = 65535;
    p.maxThreadsPerMultiProcessor = l.major >= 8 ? THREADS : 1024;
    p.maxBlocksPerMultiProcessor = l.blocks;
    p.regsPerBlock = p.regsPerMultiprocessor = REGISTERS;
    p.l2CacheSize = l.l2;
    p.pciBusID = device + 1;
    p.memoryBusWidth = l.bus;
    p.ECCEnabled = p.concurrentKernels = p.cooperativeLaunch = 1;
    *properties = p;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device) {
  cudaDeviceProp p = {};
  cudaError_t error = cudaGetDeviceProperties(&p, device);
  if (error != cudaSuccess) return error;
  switch (attribute) {
  case cudaDevAttrMaxThreadsPerBlock: *value = p.maxThreadsPerBlock; break;
  case cudaDevAttrMaxSharedMemoryPerBlock: *value = (int)p.sharedMemPerBlock; break;
  case cudaDevAttrWarpSize: *value = p.warpSize; break;
  case cudaDevAttrMaxRegistersPerBlock: *value = p.regsPerBlock; break;
  case cudaDevAttrMultiProcessorCount: *value = p.multiProcessorCount; break;
  case cudaDevAttrL2CacheSize: *value = p.l2CacheSize; break;
  case cudaDevAttrMaxThreadsPerMultiProcessor: *value = p.maxThreadsPerMultiProcessor; break;
  case cudaDevAttrComputeCapabilityMajor: *value = p.major; break;
  case cudaDevAttrComputeCapabilityMinor: *value = p.minor; break;
  case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = (int)p.sharedMemPerMultiprocessor; break;
  case cudaDevAttrCooperativeLaunch: *value = p.cooperativeLaunch; break;
  case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = (int)p.sharedMemPerBlockOptin; break;
  case cudaDevAttrClusterLaunch: *value = p.major >= 9; break;
  case cudaDevAttrMaxBlocksPerMultiprocessor: *value = p.maxBlocksPerMultiProcessor; break;
  default: return simdev_set_error(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}

static cudaError_t version(const char *call, int *value) {
  return simdev_api(call, [=] {
    *value = CUDART_VERSION;
    return cudaSuccess;
  });
}

cudaError_t cudaDriverGetVersion(int *value) {
  return version("cudaDriverGetVersion", value);
}

cudaError_t cudaRuntimeGetVersion(int *value) {
  return version("cudaRuntimeGetVersion", value);
}

/* ---- kernels ---- */

static std::map<const void *, size_t> &shared_limits(void) {
  static std::map<const void *, size_t> *map = new std::map<const void *, size_t>;
  return *map;
}

size_t simdev_function_shared_limit(const void *kernel) {
  std::lock_guard<std::recursive_mutex> guard(simdev_lock());
  auto found = shared_limits().find(kernel);
  return found == shared_limits().end() ? (size_t)SHARED_DEFAULT : found->second;
}

cudaError_t cudaFuncSetAttribute(const void *kernel, enum cudaFuncAttribute attribute, int value) {
  return simdev_api("cudaFuncSetAttribute", [=] {
    if (!kernel || value < 0) return cudaErrorInvalidValue;
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return value <= 100 ? cudaSuccess : cudaErrorInvalidValue;
    if ((size_t)value > shared_optin(device_limits())) return cudaErrorInvalidValue;
    shared_limits()[kernel] = (size_t)value;
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *kernel, int threads, size_t dynamic_shared) {
  return simdev_api("cudaOccupancyMaxActiveBlocksPerMultiprocessor", [=] {
    if (!kernel || threads < 1 || threads > 1024) return cudaErrorInvalidValue;
    const limits &l = device_limits();
    int warps = (threads + 31) / 32, most = l.blocks;
    int by_threads = (l.major >= 8 ? THREADS : 1024) / (warps * 32);
    int by_registers = REGISTERS / (warps * 32 * REGISTERS_ASSUMED);
    int by_shared = (int)(l.shared_multiprocessor / (dynamic_shared + SHARED_RESERVED));
    if (by_threads < most) most = by_threads;
    if (by_registers < most) most = by_registers;
    if (by_shared < most) most = by_shared;
    *blocks = dynamic_shared <= simdev_function_shared_limit(kernel) ? most : 0;
    return cudaSuccess;
  });
}

cudaError_t simdev_check_launch(const void *kernel, const cudaLaunchConfig_t *config, unsigned cluster, int cooperative) {
  return simdev_api("launch", [=] {
    const dim3 grid = config->gridDim, block = config->blockDim;
    const uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z, threads = (uint64_t)block.x * block.y * block.z;
    if (simdev->major < 8) return cudaErrorNoKernelImageForDevice;
    if (!blocks || !threads || threads > 1024 || block.z > 64) return cudaErrorInvalidConfiguration;
    if (grid.x > 0x7fffffff || grid.y > 65535 || grid.z > 65535) return cudaErrorInvalidConfiguration;
    if (config->dynamicSmemBytes > simdev_function_shared_limit(kernel)) return cudaErrorInvalidValue;
    if (cluster != 1 && simdev->major < 9) return cudaErrorNotSupported;
    if (!cluster || cluster > CLUSTER || grid.x % cluster) return cudaErrorInvalidClusterSize;
    if (!cooperative) return cudaSuccess;
    int most = 0;
    cudaError_t error = cudaOccupancyMaxActiveBlocksPerMultiprocessor(&most, kernel, (int)threads, config->dynamicSmemBytes);
    if (error == cudaSuccess && blocks > (uint64_t)most * (uint64_t)device_limits().multiprocessors) error = cudaErrorCooperativeLaunchTooLarge;
    return error;
  });
}
