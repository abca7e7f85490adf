/* Simulated device: collectives between processes (include/nccl.h). What each rank brings lies in its slot of the shared memory until all have taken it. */
#include <fcntl.h>
#include <nccl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "tests/simdev/runtime_state.h"

namespace {

enum { MOST_RANKS = 64 };
const size_t slot_bytes = (size_t)256 << 20; /* address space: memory is taken as it is written */

/* Groups of collectives are numbered from 1. */
struct standing {
  std::atomic<uint64_t> joined, brought, taken, shape; /* shape: a checksum of the group that was brought */
};

struct table {
  standing rank[MOST_RANKS];
};

struct operation {
  bool sum;
  int root;
  const void *from;
  void *to;
  size_t count;
};

/* One rank's part in a communicator; enqueued work holds it beyond the communicator's end. */
struct membership {
  int rank, ranks;
  char name[64];
  table *shared;
  bool aborted;

  size_t bytes() const { return sizeof(table) + (size_t)ranks * slot_bytes; }
  char *slot(int r) const { return (char *)(shared + 1) + (size_t)r * slot_bytes; }
  bool all(std::atomic<uint64_t> standing::*what, uint64_t least) const {
    for (int r = 0; r < ranks; r++)
      if ((shared->rank[r].*what).load() < least) return false;
    return true;
  }
  ~membership() {
    if (shared) munmap(shared, bytes());
  }
};
typedef std::shared_ptr<membership> membership_ref;

struct group {
  membership_ref in;
  uint64_t number;
  std::vector<operation> operations;
  bool brought;

  bool brings(const operation &o, int r) const { return o.sum || o.root == r; }

  uint64_t shape() const {
    uint64_t sum = 14695981039346656037u;
    for (const operation &o : operations)
      for (uint64_t x : {(uint64_t)o.sum, (uint64_t)o.root, (uint64_t)o.count}) sum = (sum ^ x) * 1099511628211u;
    return sum;
  }

  void bring() {
    char *at = in->slot(in->rank);
    for (const operation &o : operations) {
      if (!brings(o, in->rank)) continue;
      size_t unwritten = simdev_shadow_unwritten(o.from, o.count * sizeof(float));
      if (unwritten) simdev_finding("never written", "NCCL: %zu bytes that it gives to other ranks were never written", unwritten);
      memcpy(at, o.from, o.count * sizeof(float));
      at += o.count * sizeof(float);
    }
    in->shared->rank[in->rank].shape.store(shape());
    in->shared->rank[in->rank].brought.store(number);
    brought = true;
  }

  bool ready() {
    if (in->aborted) return true;
    if (!brought && in->all(&standing::taken, number - 1)) bring();
    return brought && in->all(&standing::brought, number);
  }

  void take() {
    if (in->aborted) return;
    std::vector<const char *> at;
    for (int r = 0; r < in->ranks; r++) {
      at.push_back(in->slot(r));
      if (in->shared->rank[r].shape.load() != shape()) simdev_finding("collective", "NCCL: group %llu of rank %d is not that of rank %d", (unsigned long long)number, r, in->rank);
    }
    for (const operation &o : operations) {
      float *to = (float *)o.to;
      if (!o.sum) memcpy(to, at[(size_t)o.root], o.count * sizeof(float));
      for (size_t i = 0; i < o.count && o.sum; i++) {
        float sum = ((const float *)at[0])[i];
        for (size_t r = 1; r < at.size(); r++) sum += ((const float *)at[r])[i];
        to[i] = sum;
      }
      for (int r = 0; r < in->ranks; r++)
        if (brings(o, r)) at[(size_t)r] += o.count * sizeof(float);
      simdev_shadow_written(to, o.count * sizeof(float));
    }
    in->shared->rank[in->rank].taken.store(number);
  }
};

/* The group between ncclGroupStart and ncclGroupEnd. */
struct opening {
  bool open;
  ncclComm_t comm;
  cudaStream_t stream;
  std::vector<operation> operations;
};
thread_local opening current;

} // namespace

struct ncclComm {
  membership_ref in;
  ncclResult_t state; /* ncclInProgress while not all have joined or a group is to be enqueued */
  opening pending;
  uint64_t groups;
  CUstream_st *last_stream;
  uint64_t last_number;
};

template <class Body> static ncclResult_t call(const char *name, Body body) {
  std::lock_guard<std::recursive_mutex> guard(simdev_lock());
  if (simdev_begin(name) != cudaSuccess) return ncclUnhandledCudaError;
  return body();
}

static bool injected(void) {
  return ++simdev->counts.nccl_calls == simdev->fail.nccl_at;
}

ncclResult_t ncclGetVersion(int *version) {
  *version = 22800;
  return ncclSuccess;
}

const char *ncclGetErrorString(ncclResult_t result) {
  static const char *const words[] = {"no error", "unhandled cuda error", "unhandled system error", "internal error", "invalid argument", "invalid usage",
                                      "remote process exited or there was a network error", "NCCL operation in progress"};
  return words[result];
}

const char *ncclGetLastError(ncclComm_t) {
  return "simulated";
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
  return call("ncclGetUniqueId", [=] {
    struct timespec now;
    if (injected()) return ncclSystemError;
    clock_gettime(CLOCK_MONOTONIC, &now);
    memset(id, 0, sizeof *id);
    snprintf(id->internal, sizeof id->internal, "/simdev-nccl-%d-%lld.%09ld", (int)getpid(), (long long)now.tv_sec, now.tv_nsec);
    int file = shm_open(id->internal, O_CREAT | O_EXCL | O_RDWR, 0600);
    if (file < 0) return ncclSystemError;
    int failed = ftruncate(file, (off_t)(sizeof(table) + MOST_RANKS * slot_bytes));
    close(file);
    return failed ? ncclSystemError : ncclSuccess;
  });
}

static ncclResult_t join(membership &in) {
  int file = shm_open(in.name, O_RDWR, 0600);
  if (file < 0) return ncclSystemError;
  void *memory = mmap(NULL, in.bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory == MAP_FAILED) return ncclSystemError;
  in.shared = (table *)memory;
  in.shared->rank[in.rank].joined.store(1);
  return ncclInProgress;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t *config) {
  return call("ncclCommInitRankConfig", [=] {
    if (rank < 0 || rank >= ranks || ranks > MOST_RANKS || config->blocking) return ncclInvalidArgument;
    ncclComm_t made = new ncclComm();
    made->in = membership_ref(new membership());
    made->in->rank = rank;
    made->in->ranks = ranks;
    memcpy(made->in->name, id.internal, sizeof made->in->name);
    made->state = injected() ? ncclSystemError : join(*made->in);
    simdev->communicators++;
    *comm = made;
    return ncclInProgress;
  });
}

static void forget_name(const ncclComm *comm) {
  if (!comm->in->rank) shm_unlink(comm->in->name);
}

static ncclResult_t enqueue(ncclComm_t comm) {
  auto work = std::make_shared<group>(group{comm->in, ++comm->groups, std::move(comm->pending.operations), false});
  CUstream_st *stream = simdev_stream(comm->pending.stream);
  comm->pending = opening();
  cudaError_t error = simdev_submit_collective(stream, "NCCL", [work] { return work->ready(); }, [work] { work->take(); }, &comm->last_stream, &comm->last_number);
  return error == cudaSuccess ? ncclSuccess : ncclUnhandledCudaError;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *state) {
  return call("ncclCommGetAsyncError", [=] {
    if (comm->state == ncclInProgress && comm->pending.comm) comm->state = enqueue(comm);
    if (comm->state == ncclInProgress && comm->in->all(&standing::joined, 1)) {
      comm->state = ncclSuccess;
      forget_name(comm);
    }
    *state = comm->state;
    return ncclSuccess;
  });
}

/* Also behind a sticky error. */
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  std::lock_guard<std::recursive_mutex> guard(simdev_lock());
  forget_name(comm);
  comm->in->aborted = true;
  simdev->communicators--;
  delete comm;
  return ncclSuccess;
}

ncclResult_t ncclGroupStart(void) {
  return call("ncclGroupStart", [] {
    if (current.open) return ncclInvalidUsage;
    current = opening();
    current.open = true;
    return injected() ? ncclSystemError : ncclSuccess;
  });
}

ncclResult_t ncclGroupEnd(void) {
  return call("ncclGroupEnd", [] {
    ncclComm_t comm = current.comm;
    if (!current.open) return ncclInvalidUsage;
    bool fails = injected();
    if (comm) comm->pending = current;
    if (comm) comm->state = fails ? ncclSystemError : ncclInProgress;
    current = opening();
    return comm ? ncclInProgress : ncclSuccess;
  });
}

static bool on_device(const void *p, size_t bytes) {
  void *start = NULL;
  size_t size = 0;
  return simdev_allocation_of(p, &start, &size) == 1 && bytes <= size - (size_t)((const char *)p - (const char *)start);
}

static ncclResult_t add(const operation &o, ncclDataType_t type, ncclComm_t comm, cudaStream_t stream) {
  if (!current.open || comm->state != ncclSuccess) return ncclInvalidUsage;
  if (current.comm && (current.comm != comm || current.stream != stream)) return ncclInvalidUsage;
  if (type != ncclFloat || !simdev_stream(stream) || !on_device(o.to, o.count * sizeof(float))) return ncclInvalidArgument;
  if (!on_device(o.from, o.count * sizeof(float)) || o.root < 0 || o.root >= comm->in->ranks) return ncclInvalidArgument;
  size_t held = 0;
  for (const operation &earlier : current.operations) held += earlier.count * sizeof(float);
  if (held + o.count * sizeof(float) > slot_bytes) return ncclInvalidArgument;
  if (injected()) return ncclSystemError;
  current.comm = comm;
  current.stream = stream;
  current.operations.push_back(o);
  return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void *from, void *to, size_t count, ncclDataType_t type, ncclRedOp_t, ncclComm_t comm, cudaStream_t stream) {
  return call("ncclAllReduce", [=] { return add({true, 0, from, to, count}, type, comm, stream); });
}

ncclResult_t ncclBroadcast(const void *from, void *to, size_t count, ncclDataType_t type, int root, ncclComm_t comm, cudaStream_t stream) {
  return call("ncclBroadcast", [=] { return add({false, root, from, to, count}, type, comm, stream); });
}
