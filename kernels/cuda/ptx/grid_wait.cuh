/* Programmatic dependent launch: PTX ISA, griddepcontrol, sm_90. A kernel's blocks come to life while the kernel before it in the stream still
 * runs, so that launching costs no time of its own; babel_grid_wait returns when that one has ended and what it wrote is to be seen.
 *
 * Every kernel calls it before it touches global memory, arguments aside: BABEL_LAUNCH lets all of them start early where the device can. The next
 * kernel is let in behind the wait, so that only one is ever early: what two kernels before wrote may be read without waiting. */
#ifndef BABEL_KERNELS_CUDA_PTX_GRID_WAIT_CUH
#define BABEL_KERNELS_CUDA_PTX_GRID_WAIT_CUH

BABEL_DEVICE void babel_grid_wait(void) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

#endif
