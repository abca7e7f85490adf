/* Launches with attributes: clusters, all blocks resident together, a start before the launch in front has ended. */
#ifndef BABEL_KERNELS_CUDA_LAUNCH_SHAPE_CUH
#define BABEL_KERNELS_CUDA_LAUNCH_SHAPE_CUH

#include "kernels/cuda/device.cuh"

typedef struct {
  unsigned cluster; /* blocks of a cluster, neighbours along x, at most 8; 0 or 1: no clusters. sm_90 */
  bool cooperative; /* all blocks are resident: they may wait for each other. More than the device holds: an error */
  bool early;       /* may overlap the launch before it in the stream until babel_wait_for_launch_before. sm_90; ignored below */
} babel_launch_shape;

typedef struct {
  cudaLaunchConfig_t config;
  cudaLaunchAttribute attributes[3];
} babel_shaped_launch;

/* *l must stay where it is until it is launched. */
static inline void babel_shape_launch(babel_shaped_launch *l, babel_launch_shape shape, dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream) {
  unsigned n = 0;
  if (shape.cluster > 1) {
    l->attributes[n].id = cudaLaunchAttributeClusterDimension;
    l->attributes[n].val.clusterDim.x = shape.cluster;
    l->attributes[n].val.clusterDim.y = l->attributes[n].val.clusterDim.z = 1;
    n++;
  }
  if (shape.cooperative) {
    l->attributes[n].id = cudaLaunchAttributeCooperative;
    l->attributes[n++].val.cooperative = 1;
  }
  if (shape.early) {
    l->attributes[n].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    l->attributes[n++].val.programmaticStreamSerializationAllowed = 1;
  }
  l->config.gridDim = grid;
  l->config.blockDim = block;
  l->config.dynamicSmemBytes = shared_bytes;
  l->config.stream = stream;
  l->config.attrs = l->attributes;
  l->config.numAttrs = n;
}

/* BABEL_LAUNCH_SHAPED(kernel, &l, arguments ...): launches it and evaluates to a babel_status, as BABEL_LAUNCH. */
#ifdef BABEL_SIMDEV
#define BABEL_LAUNCH_CONFIGURED(kernel, ...) simdev_launch_config(#kernel, kernel, __VA_ARGS__)
#else
#define BABEL_LAUNCH_CONFIGURED(kernel, config, ...) cudaLaunchKernelEx(config, kernel, __VA_ARGS__)
#endif
#define BABEL_LAUNCH_SHAPED(kernel, l, ...)                                                              \
  (babel_cuda_allow_shared((const void *)(kernel), #kernel, (l)->config.dynamicSmemBytes)                \
       ?: babel_cuda_check(BABEL_LAUNCH_CONFIGURED(kernel, &(l)->config, __VA_ARGS__), #kernel, __FILE__, __LINE__))

#endif
