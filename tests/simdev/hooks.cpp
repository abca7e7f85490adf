/* What -fsanitize=thread calls at each access: not ThreadSanitizer's library but ours. Kernels are compiled with
 * `-fsanitize=thread -O1 -fno-tree-sra` (at -O0 a copy of a struct is not seen; scalar replacement would take a float4 apart) and
 * linked without its library. */
#include "tests/simdev/shadow.h"

#define PC __builtin_return_address(0)

extern "C" {
void __tsan_init(void);
void __tsan_func_entry(void *);
void __tsan_func_exit(void);
void __tsan_vptr_update(void **, void *);
void __tsan_vptr_read(void **);
void __tsan_read_range(void *p, unsigned long bytes);
void __tsan_write_range(void *p, unsigned long bytes);

void __tsan_init(void) { simdev_hooks = true; } /* from a constructor of every instrumented object */
void __tsan_func_entry(void *) {}
void __tsan_func_exit(void) {}
void __tsan_vptr_update(void **, void *) {}
void __tsan_vptr_read(void **) {}
void __tsan_read_range(void *p, unsigned long bytes) { simdev_touch(p, bytes, 1, SIMDEV_READ, PC); }
void __tsan_write_range(void *p, unsigned long bytes) { simdev_touch(p, bytes, 1, SIMDEV_WRITE, PC); }

/* An unaligned_ hook is gcc's word for a type without alignment: CUDA has no such access, so every size is checked. */
#define HOOKS(n)                                                                              \
  void __tsan_read##n(void *p);                                                               \
  void __tsan_write##n(void *p);                                                              \
  void __tsan_unaligned_read##n(void *p);                                                     \
  void __tsan_unaligned_write##n(void *p);                                                    \
  void __tsan_read##n(void *p) { simdev_touch(p, n, n, SIMDEV_READ, PC); }                    \
  void __tsan_write##n(void *p) { simdev_touch(p, n, n, SIMDEV_WRITE, PC); }                  \
  void __tsan_unaligned_read##n(void *p) { simdev_touch(p, n, 1, SIMDEV_READ, PC); }          \
  void __tsan_unaligned_write##n(void *p) { simdev_touch(p, n, 1, SIMDEV_WRITE, PC); }
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
}
