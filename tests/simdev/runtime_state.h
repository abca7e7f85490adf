/* Simulated device, host half: the state that its files share. Everything runs under one lock, which simdev_api takes. */
#ifndef BABEL_SIMDEV_RUNTIME_STATE_H
#define BABEL_SIMDEV_RUNTIME_STATE_H

#include <stdint.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tests/simdev/kernel.h"
#include "tests/simdev/runtime.h"

/* What an entry of a queue or a node of a graph does. */
enum simdev_work_kind { SIMDEV_WORK_KERNEL, SIMDEV_WORK_COPY, SIMDEV_WORK_HOST, SIMDEV_WORK_GRAPH };
struct simdev_work {
  simdev_work_kind kind;
  std::string what;
  std::function<void()> run;
  std::function<bool()> ready; /* what has it wait for another process, asked until it says true; empty = nothing */
};
typedef std::shared_ptr<const simdev_work> simdev_work_ref;

/* Operations are numbered as they are queued. A clock holds, for each lane, the newest one that happens before. A lane is a
 * stream, or what was captured from one stream into an executable graph: its operations are in order. */
typedef std::vector<uint64_t> simdev_clock;
void simdev_clock_join(simdev_clock &clock, const simdev_clock &other);
void simdev_clock_advance(simdev_clock &clock, size_t lane, uint64_t number);

/* One cudaEventRecord; an event points to its latest. */
struct simdev_record {
  CUstream_st *stream;
  uint64_t number;
  bool done;
  double ms;
  simdev_clock clock;
};

struct simdev_entry {
  uint64_t number;
  simdev_work_ref work;                                    /* NULL: a record or a wait */
  std::shared_ptr<simdev_record> record;                   /* NULL: not a record */
  std::vector<std::pair<CUstream_st *, uint64_t>> after;   /* what must have run in other streams */
  simdev_clock clock;
};

struct simdev_capture {
  CUgraph_st *graph;
  CUstream_st *origin;
  cudaStreamCaptureMode mode;
  bool invalid, owns_graph; /* owns_graph: made by cudaStreamBeginCapture */
};

struct CUstream_st {
  size_t lane; /* 0 = the legacy default stream */
  bool blocking, alive;
  std::deque<simdev_entry> queue;
  simdev_clock clock; /* of the newest entry */
  simdev_capture *capture;
  std::vector<CUgraphNode_st *> frontier; /* while capturing: the next node comes after these */
};

struct CUevent_st {
  unsigned flags;
  std::shared_ptr<simdev_record> last;
  simdev_capture *capture; /* recorded in a capturing stream: then the nodes it stands for */
  bool captured;
  std::vector<CUgraphNode_st *> nodes;
};

struct simdev_failures {
  size_t malloc_at, launch_at, memcpy_at, kernel_at, nccl_at; /* 0 = never */
};

struct simdev_state {
  /* environment */
  int devices; /* -1: no driver */
  int major, minor;
  size_t memory;
  bool eager;
  uint64_t random;
  simdev_failures fail;
  /* errors and counts */
  const char *call; /* the runtime function that runs */
  cudaError_t sticky;
  simdev_counts counts;
  /* work */
  uint64_t last_number;
  std::vector<uint32_t> lane_of; /* operation - 1 -> lane */
  size_t lanes;
  std::vector<std::unique_ptr<CUstream_st>> streams; /* destroyed ones stay: their work still runs */
  const simdev_entry *running;
  simdev_clock host_clock;
  std::vector<std::unique_ptr<simdev_capture>> captures;
  /* what the program must destroy */
  std::set<const void *> events, graphs, executables;
  size_t communicators;
};
extern simdev_state *simdev; /* set by the first call, never freed */

std::recursive_mutex &simdev_lock(void);
cudaError_t simdev_begin(const char *call); /* reads the environment once; no device, or the sticky error */
cudaError_t simdev_end(cudaError_t error);  /* records it for cudaGetLastError */

/* Every runtime function is one of these. */
template <class Body> cudaError_t simdev_api(const char *call, Body body) {
  std::lock_guard<std::recursive_mutex> guard(simdev_lock());
  cudaError_t error = simdev_begin(call);
  if (error == cudaSuccess) error = body();
  return simdev_end(error);
}

/* runtime_error.cpp */
simdev_failures simdev_parse_failures(const char *specification);

/* runtime_device.cpp */
void simdev_read_environment(void);
size_t simdev_random(size_t n); /* in 0..n-1, from the seed */

/* runtime_memory.cpp */
void simdev_arena_reserve(void);
void simdev_arena_open(void);
void simdev_arena_close(void);
void simdev_check_red_zones(const char *after);
bool simdev_pinned(const void *pointer, size_t bytes);
void simdev_forget_memory(void);
size_t simdev_report_memory_leaks(void);

/* runtime_stream.cpp */
CUstream_st *simdev_stream(cudaStream_t handle); /* NULL: not a stream */
uint64_t simdev_next_operation(size_t lane);
cudaError_t simdev_submit(cudaStream_t stream, simdev_work_kind kind, const char *what, std::function<void()> run);
/* A copy that runs when it is ready, behind operation *last of *behind too (NULL = nothing): they become this one. */
cudaError_t simdev_submit_collective(CUstream_st *stream, const char *what, std::function<bool()> ready, std::function<void()> run,
                                     CUstream_st **behind, uint64_t *last);
void simdev_wait_stream(CUstream_st *stream);
void simdev_wait_all(void);
void simdev_run_work(const simdev_work &work);

/* runtime_graph.cpp */
cudaError_t simdev_capture_work(CUstream_st *stream, const simdev_work_ref &work);
cudaError_t simdev_capture_record(CUstream_st *stream, CUevent_st *event);
cudaError_t simdev_capture_wait(CUstream_st *stream, CUevent_st *event);
/* An error, which also invalidates the captures in the way, when a call that is unsafe while a stream captures is made.
 * synchronises: forbidden in every mode. */
cudaError_t simdev_refuse_in_capture(bool synchronises);

#endif
