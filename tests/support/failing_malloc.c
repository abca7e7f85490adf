/* For LD_PRELOAD: from the allocation number $FAIL_AT on (or only that one, with FAIL_ONCE set) there is no memory. With COUNT_ALLOCATIONS set,
 * the number of allocations is printed at the end. Built into no program. */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static atomic_long count;

static int fails(void) {
  static long at = -1;
  static int once;
  if (at < 0) {
    const char *text = getenv("FAIL_AT");
    at = text ? atol(text) : 0;
    once = getenv("FAIL_ONCE") != NULL;
  }
  long now = atomic_fetch_add(&count, 1) + 1;
  if (!at || (once ? now != at : now < at)) return 0;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size) {
  return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t items, size_t size) {
  return fails() ? NULL : __libc_calloc(items, size);
}

void *realloc(void *block, size_t size) {
  return fails() ? NULL : __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  return fails() ? NULL : __libc_memalign(alignment, size);
}

__attribute__((destructor)) static void report(void) {
  if (getenv("COUNT_ALLOCATIONS")) fprintf(stderr, "allocations: %ld\n", (long)count);
}
