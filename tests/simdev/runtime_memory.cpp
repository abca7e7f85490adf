/* Simulated device: device memory in an arena that the host cannot touch, and pinned host memory.
 *
 * An allocation: | red zone, 256 bytes | the memory | red zone to the end of the page, at least 256 bytes |, on pages of its
 * own. All pages are PROT_NONE except, while a kernel or a copy runs, those of live allocations. Addresses are used once. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/simdev/runtime_state.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, size) ((void)(start), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(start, size) ((void)(start), (void)(size))
#endif

enum { PAGE = 4096, RED_ZONE = 256, UNWRITTEN = 0xff, RED = 0xbd };
static const size_t ARENA_BYTES = (size_t)64 << 30;

struct allocation {
  size_t size, pages; /* bytes asked for; bytes on pages of its own, red zones included */
  const char *file;
  int line;
  unsigned long long number;
};

static char *arena, *arena_end, *arena_next; /* arena_next: first page never used */
static int open_depth;
/* By the first byte of the memory. On the heap: the report at exit comes after the destructors of globals. */
static std::map<char *, allocation> &live = *new std::map<char *, allocation>, &freed = *new std::map<char *, allocation>;
static std::map<char *, size_t> &pinned = *new std::map<char *, size_t>, &registered = *new std::map<char *, size_t>;
static unsigned long long allocations;
static pid_t owner;
static struct sigaction previous;

static char *pages_of(char *memory) {
  return memory - RED_ZONE;
}

/* ---- the fault ---- */

static const allocation *find(const std::map<char *, allocation> &map, const char *p, char **start, bool with_red_zones) {
  auto after = map.upper_bound((char *)p + (with_red_zones ? RED_ZONE : 0));
  if (after == map.begin()) return NULL;
  --after;
  size_t reach = with_red_zones ? after->second.pages - RED_ZONE : after->second.size;
  if (p >= after->first + reach) return NULL;
  *start = after->first;
  return &after->second;
}

static void describe_fault(const char *p, char *text, size_t size) {
  char *start;
  const allocation *a;
  if ((a = find(live, p, &start, true)))
    snprintf(text, size, "byte %td of the %zu bytes of device memory allocated at %s:%d (allocation %llu)", p - start, a->size, a->file, a->line, a->number);
  else if ((a = find(freed, p, &start, true)))
    snprintf(text, size, "byte %td of %zu bytes of device memory that are freed (allocated at %s:%d, allocation %llu)", p - start, a->size, a->file, a->line, a->number);
  else
    snprintf(text, size, "device memory at %p that was never allocated", (const void *)p);
}

/* Inside a kernel: a finding. On the host: a sentence, then the fault again, for the handler that was there before
 * (AddressSanitizer's, which shows the stack) or for the debugger. */
static void on_fault(int number, siginfo_t *info, void *context) {
  char *p = (char *)info->si_addr, text[512];
  bool ours = p >= arena && p < arena_end;
  if (ours) {
    char *start;
    describe_fault(p, text, sizeof text);
    if (simdev_where())
      simdev_finding(find(freed, p, &start, true) ? "freed memory" : "out of bounds", "access to %s", text);
    else if (open_depth)
      dprintf(STDERR_FILENO, "simdev: %s: a copy touches %s\n", simdev->call, text);
    else
      dprintf(STDERR_FILENO, "simdev: the host touches %s outside of any copy\n", text);
  }
  sigaction(SIGSEGV, &previous, NULL);
}

void simdev_arena_reserve(void) {
  void *reserved = mmap(NULL, ARENA_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) {
    fprintf(stderr, "simdev: cannot reserve %zu GiB of addresses\n", ARENA_BYTES >> 30);
    abort();
  }
  arena = arena_next = (char *)reserved;
  arena_end = arena + ARENA_BYTES;
  owner = getpid();
  simdev_shadow_arena(arena, ARENA_BYTES);
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER; /* a finding inside a kernel may leave by switching fibers */
  sigaction(SIGSEGV, &action, &previous);
}

/* Changes the pages of all live allocations, neighbours together. */
static void protect_live(int protection) {
  for (auto a = live.begin(); a != live.end();) {
    char *from = pages_of(a->first), *to = from + a->second.pages;
    for (++a; a != live.end() && pages_of(a->first) == to; ++a) to += a->second.pages;
    if (mprotect(from, (size_t)(to - from), protection) != 0) abort();
  }
}

void simdev_arena_open(void) {
  if (open_depth++ == 0) protect_live(PROT_READ | PROT_WRITE);
}

void simdev_arena_close(void) {
  if (--open_depth == 0) protect_live(PROT_NONE);
}

int simdev_arena_contains(const void *pointer) {
  return (const char *)pointer >= arena && (const char *)pointer < arena_end && arena != NULL;
}

int simdev_allocation_of(const void *pointer, void **start, size_t *size) {
  char *first = NULL;
  const allocation *a = find(live, (const char *)pointer, &first, false);
  int found = a ? 1 : -1;
  if (!a) a = find(freed, (const char *)pointer, &first, false);
  if (!a) return 0;
  if (start) *start = first;
  if (size) *size = a->size;
  return found;
}

/* ---- red zones ---- */

/* First byte of [from, to) that is not `value`, or `to`. The zones are poisoned: this code must not be instrumented. */
__attribute__((no_sanitize("address", "undefined"), noinline)) static const unsigned char *
first_other(const unsigned char *from, const unsigned char *to, unsigned char value) {
  for (; from < to && ((uintptr_t)from & 7); from++)
    if (*from != value) return from;
  uint64_t eight = 0x0101010101010101u * value;
  for (; from + 8 <= to && *(const uint64_t *)from == eight; from += 8) {}
  for (; from < to && *from == value; from++) {}
  return from;
}

static void check_red_zones_of(char *memory, const allocation &a, const char *after) {
  const unsigned char *first = (const unsigned char *)memory, *end = (const unsigned char *)pages_of(memory) + a.pages;
  const unsigned char *bad = first_other(first - RED_ZONE, first, RED);
  if (bad == first) bad = first_other(first + a.size, end, RED);
  if (bad < end)
    simdev_finding("red zone", "byte %td of the %zu bytes of device memory allocated at %s:%d (allocation %llu) was written, seen after %s",
                   bad - first, a.size, a.file, a.line, a.number, after);
}

void simdev_check_red_zones(const char *after) {
  for (const auto &a : live) check_red_zones_of(a.first, a.second, after);
}

/* ---- allocation ---- */

static void create(void **pointer, size_t bytes, const char *file, int line) {
  allocation a = {bytes, (RED_ZONE + bytes + RED_ZONE + PAGE - 1) / PAGE * PAGE, file, line, ++allocations};
  char *memory = arena_next + RED_ZONE, *end = arena_next + a.pages;
  arena_next = end;
  if (mprotect(pages_of(memory), a.pages, PROT_READ | PROT_WRITE) != 0) abort();
  ASAN_UNPOISON_MEMORY_REGION(pages_of(memory), a.pages);
  memset(pages_of(memory), RED, RED_ZONE);
  memset(memory, UNWRITTEN, bytes);
  memset(memory + bytes, RED, (size_t)(end - memory) - bytes);
  ASAN_POISON_MEMORY_REGION(pages_of(memory), RED_ZONE);
  ASAN_POISON_MEMORY_REGION(memory + bytes, (size_t)(end - memory) - bytes);
  if (open_depth == 0) mprotect(pages_of(memory), a.pages, PROT_NONE);
  live[memory] = a;
  simdev_counts &counts = simdev->counts;
  counts.live_allocations++;
  counts.live_bytes += bytes;
  if (counts.live_bytes > counts.peak_bytes) counts.peak_bytes = counts.live_bytes;
  simdev_shadow_allocated(memory, bytes);
  *pointer = memory;
}

cudaError_t simdev_malloc(void **pointer, size_t bytes, const char *file, int line) {
  return simdev_api("cudaMalloc", [=] {
    if (!pointer) return cudaErrorInvalidValue;
    *pointer = NULL;
    cudaError_t error = simdev_refuse_in_capture(false);
    if (error != cudaSuccess) return error;
    if (++simdev->counts.mallocs == simdev->fail.malloc_at) return cudaErrorMemoryAllocation;
    if (bytes > simdev->memory - simdev->counts.live_bytes) return cudaErrorMemoryAllocation;
    if (bytes + 2 * PAGE > (size_t)(arena_end - arena_next)) return cudaErrorMemoryAllocation;
    if (bytes) create(pointer, bytes, file, line);
    return cudaSuccess;
  });
}

static void destroy(std::map<char *, allocation>::iterator a) {
  char *memory = a->first, *pages = pages_of(memory);
  size_t size = a->second.size, page_bytes = a->second.pages;
  freed[memory] = a->second;
  live.erase(a);
  madvise(pages, page_bytes, MADV_DONTNEED);
  mprotect(pages, page_bytes, PROT_NONE);
  ASAN_POISON_MEMORY_REGION(pages, page_bytes);
  simdev->counts.live_allocations--;
  simdev->counts.live_bytes -= size;
  simdev_shadow_freed(memory, size);
}

/* Waits for the device, as the real one does. The memory counts as freed also when a sticky error is returned. */
cudaError_t cudaFree(void *pointer) {
  bool done = false;
  auto body = [&] {
    done = true;
    if (!pointer) return cudaSuccess;
    cudaError_t error = simdev_refuse_in_capture(false);
    if (error != cudaSuccess) return error;
    auto found = live.find((char *)pointer);
    if (found == live.end()) return cudaErrorInvalidValue;
    simdev_wait_all();
    simdev_arena_open();
    check_red_zones_of(found->first, found->second, "cudaFree");
    simdev_arena_close();
    destroy(found);
    return cudaSuccess;
  };
  cudaError_t error = simdev_api("cudaFree", body);
  if (!done && pointer) {
    std::lock_guard<std::recursive_mutex> guard(simdev_lock());
    auto found = live.find((char *)pointer);
    if (found != live.end()) destroy(found);
  }
  return error;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes) {
  return simdev_api("cudaMemGetInfo", [=] {
    *free_bytes = simdev->memory - simdev->counts.live_bytes;
    *total_bytes = simdev->memory;
    return cudaSuccess;
  });
}

/* ---- pinned host memory ---- */

static bool inside(const std::map<char *, size_t> &map, const char *p, size_t bytes) {
  auto after = map.upper_bound((char *)p);
  if (after == map.begin()) return false;
  --after;
  return p + bytes <= after->first + after->second;
}

bool simdev_pinned(const void *pointer, size_t bytes) {
  return inside(pinned, (const char *)pointer, bytes) || inside(registered, (const char *)pointer, bytes);
}

cudaError_t cudaHostAlloc(void **pointer, size_t bytes, unsigned int flags) {
  return simdev_api("cudaHostAlloc", [=] {
    if (!pointer || flags > cudaHostAllocPortable) return cudaErrorInvalidValue;
    *pointer = NULL;
    if (++simdev->counts.mallocs == simdev->fail.malloc_at) return cudaErrorMemoryAllocation;
    if (!bytes) return cudaSuccess;
    char *memory = NULL;
    if (posix_memalign((void **)&memory, RED_ZONE, bytes) != 0) return cudaErrorMemoryAllocation;
    memset(memory, UNWRITTEN, bytes);
    pinned[memory] = bytes;
    *pointer = memory;
    return cudaSuccess;
  });
}

cudaError_t cudaMallocHost(void **pointer, size_t bytes) {
  return cudaHostAlloc(pointer, bytes, cudaHostAllocDefault);
}

static cudaError_t free_pinned(void *pointer) {
  auto found = pinned.find((char *)pointer);
  if (found == pinned.end()) return cudaErrorInvalidValue;
  free(pointer);
  pinned.erase(found);
  return cudaSuccess;
}

/* Like cudaFree it waits, and frees also behind a sticky error. */
cudaError_t cudaFreeHost(void *pointer) {
  bool done = false;
  auto body = [&] {
    done = true;
    if (!pointer) return cudaSuccess;
    simdev_wait_all();
    return free_pinned(pointer);
  };
  cudaError_t error = simdev_api("cudaFreeHost", body);
  std::lock_guard<std::recursive_mutex> guard(simdev_lock());
  if (!done && pointer) free_pinned(pointer);
  return error;
}

cudaError_t cudaHostRegister(void *pointer, size_t bytes, unsigned int flags) {
  return simdev_api("cudaHostRegister", [=] {
    if (!pointer || !bytes || flags != cudaHostRegisterDefault || simdev_arena_contains(pointer)) return cudaErrorInvalidValue;
    if (simdev_pinned(pointer, 1)) return cudaErrorHostMemoryAlreadyRegistered;
    registered[(char *)pointer] = bytes;
    return cudaSuccess;
  });
}

cudaError_t cudaHostUnregister(void *pointer) {
  return simdev_api("cudaHostUnregister", [=] {
    simdev_wait_all();
    return registered.erase((char *)pointer) ? cudaSuccess : cudaErrorHostMemoryNotRegistered;
  });
}

cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *attributes, const void *pointer) {
  return simdev_api("cudaPointerGetAttributes", [=] {
    cudaPointerAttributes a = {cudaMemoryTypeUnregistered, -2, NULL, (void *)pointer};
    if (simdev_allocation_of(pointer, NULL, NULL) == 1)
      a = {cudaMemoryTypeDevice, 0, (void *)pointer, NULL};
    else if (simdev_pinned(pointer, 1))
      a = {cudaMemoryTypeHost, 0, (void *)pointer, (void *)pointer};
    *attributes = a;
    return cudaSuccess;
  });
}

/* ---- the end ---- */

void simdev_forget_memory(void) {
  while (!live.empty()) destroy(live.begin());
  while (!pinned.empty()) free_pinned(pinned.begin()->first);
  registered.clear();
}

size_t simdev_report_memory_leaks(void) {
  if (owner != getpid()) return 0; /* a child of the process whose memory it is */
  for (const auto &a : live)
    fprintf(stderr, "simdev: %zu bytes of device memory were not freed, allocated at %s:%d (allocation %llu)\n", a.second.size, a.second.file,
            a.second.line, a.second.number);
  for (const auto &p : pinned) fprintf(stderr, "simdev: %zu bytes of pinned memory were not freed\n", p.second);
  if (!registered.empty()) fprintf(stderr, "simdev: %zu host ranges are still registered\n", registered.size());
  return live.size() + pinned.size() + registered.size();
}
