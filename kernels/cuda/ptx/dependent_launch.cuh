/* A launch that may begin while the one before it in its stream still runs (launch_shape.cuh: early): PTX ISA, griddepcontrol, sm_90. */
#ifndef BABEL_KERNELS_CUDA_PTX_DEPENDENT_LAUNCH_CUH
#define BABEL_KERNELS_CUDA_PTX_DEPENDENT_LAUNCH_CUH

#include "kernels/cuda/device.cuh"

/* Until the launch before this one is complete and what it wrote can be seen; before that nothing of it may be read or overwritten. */
BABEL_DEVICE void babel_wait_for_launch_before(void) {
#ifdef BABEL_SIMDEV
  simdev_dependency_wait();
#else
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/* The launch behind this one may begin as soon as all blocks have said so or ended: a hint, it orders nothing. */
BABEL_DEVICE void babel_let_next_launch_begin(void) {
#ifndef BABEL_SIMDEV
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

#endif
