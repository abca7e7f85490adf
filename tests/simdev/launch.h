/* Simulated device: kernel<<<grid, block, shared, stream>>>(args...) as a function. The arguments are copied at the call, as
 * CUDA does; the grid runs when the host half gets to it in the stream (runtime.h: simdev_enqueue), perhaps more than once
 * (a replayed graph). A shape that the device cannot launch is the call's error. */
#ifndef BABEL_TESTS_SIMDEV_LAUNCH_H
#define BABEL_TESTS_SIMDEV_LAUNCH_H

#include <tuple>
#include <type_traits>
#include <utility>

#include "tests/simdev/runtime.h"

struct simdev_grid {
  const char *name;
  dim3 grid, block;
  size_t shared;
  void (*call)(void *closure); /* one thread's call of the kernel */
  size_t closure_bytes;
  unsigned cluster; /* blocks of a cluster, neighbours along x; 1: none */
  bool cooperative; /* all blocks are resident */
  bool early;       /* it may begin while the launch before it runs, and waits for it by griddepcontrol.wait */
};

/* Executes it. Returns 0, or 1 when it was given up (a finding in collect mode). */
extern "C" int simdev_grid_run(const simdev_grid *g, void *closure);

template <class... P>
struct simdev_closure {
  void (*kernel)(P...);
  std::tuple<std::remove_const_t<P>...> arguments;
  static void call(void *closure) {
    auto *c = static_cast<simdev_closure *>(closure);
    std::apply(c->kernel, c->arguments);
  }
};

/* As cudaLaunchKernelEx, with the kernel's name. */
template <class... P, class... A>
static inline cudaError_t simdev_launch_config(const char *name, void (*kernel)(P...), const cudaLaunchConfig_t *config, A &&...arguments) {
  static_assert(sizeof...(P) == sizeof...(A), "one argument for each parameter of the kernel");
  static_assert((sizeof(P) + ... + 0) <= 4096, "kernel parameters are at most 4 KiB on sm_80");
  simdev_grid g = {name, config->gridDim, config->blockDim, config->dynamicSmemBytes, simdev_closure<P...>::call, sizeof(simdev_closure<P...>), 1, false, false};
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    const cudaLaunchAttribute &a = config->attrs[i];
    if (a.id == cudaLaunchAttributeCooperative) g.cooperative = a.val.cooperative;
    if (a.id == cudaLaunchAttributeProgrammaticStreamSerialization) g.early = a.val.programmaticStreamSerializationAllowed;
    if (a.id == cudaLaunchAttributeClusterDimension) g.cluster = a.val.clusterDim.y == 1 && a.val.clusterDim.z == 1 ? a.val.clusterDim.x : 0;
  }
  const cudaError_t refused = simdev_check_launch(reinterpret_cast<const void *>(kernel), config, g.cluster, g.cooperative);
  if (refused != cudaSuccess) return refused;
  simdev_closure<P...> closure = {kernel, {std::forward<A>(arguments)...}};
  return simdev_enqueue(config->stream, name, [g, closure]() mutable {
    if (simdev_grid_run(&g, &closure)) simdev_sticky_error(cudaErrorLaunchFailure);
  });
}

template <class... P, class... A>
static inline cudaError_t simdev_launch(const char *name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
                                        cudaStream_t stream, A &&...arguments) {
  const cudaLaunchConfig_t config = {grid, block, shared, stream, nullptr, 0};
  return simdev_launch_config(name, kernel, &config, std::forward<A>(arguments)...);
}

#endif
