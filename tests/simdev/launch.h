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

template <class... P, class... A>
static inline cudaError_t simdev_launch(const char *name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
                                        cudaStream_t stream, A &&...arguments) {
  static_assert(sizeof...(P) == sizeof...(A), "one argument for each parameter of the kernel");
  static_assert((sizeof(P) + ... + 0) <= 4096, "kernel parameters are at most 4 KiB on sm_80");
  const unsigned grid_size[3] = {grid.x, grid.y, grid.z}, block_size[3] = {block.x, block.y, block.z};
  const cudaError_t refused = simdev_check_launch(reinterpret_cast<const void *>(kernel), grid_size, block_size, shared);
  if (refused != cudaSuccess) return refused;
  simdev_grid g = {name, grid, block, shared, simdev_closure<P...>::call, sizeof(simdev_closure<P...>)};
  simdev_closure<P...> closure = {kernel, {std::forward<A>(arguments)...}};
  return simdev_enqueue(stream, name, [g, closure]() mutable {
    if (simdev_grid_run(&g, &closure)) simdev_sticky_error(cudaErrorLaunchFailure);
  });
}

#endif
