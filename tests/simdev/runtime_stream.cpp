/* Simulated device: queues of deferred work, what must run before what, events. */
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "tests/simdev/runtime_state.h"

void simdev_clock_join(simdev_clock &clock, const simdev_clock &other) {
  if (clock.size() < other.size()) clock.resize(other.size());
  for (size_t i = 0; i < other.size(); i++) clock[i] = std::max(clock[i], other[i]);
}

void simdev_clock_advance(simdev_clock &clock, size_t lane, uint64_t number) {
  if (clock.size() <= lane) clock.resize(lane + 1);
  clock[lane] = std::max(clock[lane], number);
}

CUstream_st *simdev_stream(cudaStream_t handle) {
  if (!handle || handle == cudaStreamLegacy) return simdev->streams[0].get();
  for (const auto &stream : simdev->streams)
    if (stream.get() == handle) return stream->alive ? handle : NULL;
  return NULL;
}

/* ---- running ---- */

void simdev_run_work(const simdev_work &work) {
  if (simdev->sticky != cudaSuccess) return;
  bool on_device = work.kind == SIMDEV_WORK_KERNEL || work.kind == SIMDEV_WORK_COPY;
  if (work.kind == SIMDEV_WORK_KERNEL && ++simdev->counts.kernels_run == simdev->fail.kernel_at) {
    simdev_sticky_error(cudaErrorIllegalAddress);
    return;
  }
  if (on_device) simdev_arena_open();
  work.run();
  if (!on_device) return;
  simdev_check_red_zones(work.what.c_str());
  simdev_arena_close();
}

/* Another process works on meanwhile. */
static bool is_ready(const simdev_entry &entry) {
  if (!entry.work || !entry.work->ready || simdev->sticky != cudaSuccess) return true;
  const simdev_entry *outer = simdev->running;
  simdev->running = &entry;
  simdev_arena_open();
  bool ready = entry.work->ready();
  simdev_arena_close();
  simdev->running = outer;
  return ready;
}

static void run_entry(const simdev_entry &entry) {
  const simdev_entry *outer = simdev->running;
  simdev->running = &entry;
  if (entry.work) simdev_run_work(*entry.work);
  simdev->running = outer;
  if (!entry.record) return;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  entry.record->ms = 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
  entry.record->done = true;
}

/* Everything of a stream up to an operation, after what that waits for. What is waited for was queued before, so this ends, but for what waits for another
 * process: a host that waits too waits as long, a query (waits = false) goes on. Whether all has run. */
static bool run_until(CUstream_st *stream, uint64_t number, bool waits) {
  while (!stream->queue.empty() && stream->queue.front().number <= number) {
    auto after = stream->queue.front().after;
    for (const auto &other : after)
      if (!run_until(other.first, other.second, waits)) return false;
    while (!is_ready(stream->queue.front())) {
      if (!waits) return false;
      usleep(100);
    }
    simdev_entry entry = std::move(stream->queue.front());
    stream->queue.pop_front();
    run_entry(entry);
  }
  return true;
}

static void run_one(CUstream_st *stream, bool waits) {
  if (!stream->queue.empty()) run_until(stream, stream->queue.front().number, waits);
}

void simdev_wait_stream(CUstream_st *stream) {
  run_until(stream, simdev->last_number, true);
  simdev_clock_join(simdev->host_clock, stream->clock);
}

void simdev_wait_all(void) {
  for (;;) {
    std::vector<CUstream_st *> busy;
    for (const auto &stream : simdev->streams)
      if (!stream->queue.empty()) busy.push_back(stream.get());
    if (busy.empty()) break;
    run_one(busy[simdev_random(busy.size())], true);
  }
  for (const auto &stream : simdev->streams) simdev_clock_join(simdev->host_clock, stream->clock);
}

unsigned long long simdev_operation(void) {
  return simdev && simdev->running ? simdev->running->number : 0;
}

int simdev_ordered(unsigned long long earlier) {
  if (!simdev->running || earlier == 0 || earlier > simdev->lane_of.size()) return 1;
  size_t lane = simdev->lane_of[earlier - 1];
  const simdev_clock &clock = simdev->running->clock;
  return lane < clock.size() && clock[lane] >= earlier;
}

/* ---- queueing ---- */

static void wait_for_stream(simdev_entry &entry, CUstream_st *other) {
  if (!other->queue.empty()) entry.after.push_back({other, other->queue.back().number});
  simdev_clock_join(entry.clock, other->clock);
}

uint64_t simdev_next_operation(size_t lane) {
  simdev->lane_of.push_back((uint32_t)lane);
  return ++simdev->last_number;
}

static void push(CUstream_st *stream, simdev_entry entry) {
  entry.number = simdev_next_operation(stream->lane);
  simdev_clock_join(entry.clock, stream->clock);
  simdev_clock_join(entry.clock, simdev->host_clock);
  if (stream->lane == 0) {
    for (const auto &other : simdev->streams)
      if (other->blocking && other->lane) wait_for_stream(entry, other.get());
    for (size_t i = entry.after.size(); i > 1; i--) std::swap(entry.after[i - 1], entry.after[simdev_random(i)]);
  } else if (stream->blocking) {
    wait_for_stream(entry, simdev->streams[0].get());
  }
  simdev_clock_advance(entry.clock, stream->lane, entry.number);
  if (entry.record) {
    entry.record->stream = stream;
    entry.record->number = entry.number;
    entry.record->clock = entry.clock;
  }
  stream->clock = entry.clock;
  stream->queue.push_back(std::move(entry));
  if (simdev->eager) run_until(stream, simdev->last_number, true);
}

cudaError_t simdev_submit(cudaStream_t handle, simdev_work_kind kind, const char *what, std::function<void()> run) {
  CUstream_st *stream = simdev_stream(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  simdev_work_ref work = std::make_shared<const simdev_work>(simdev_work{kind, what, std::move(run), {}});
  if (stream->capture) return simdev_capture_work(stream, work);
  if (stream->lane == 0)
    for (const auto &other : simdev->streams)
      if (other->capture && other->blocking) {
        other->capture->invalid = true;
        return cudaErrorStreamCaptureImplicit;
      }
  simdev_entry entry = {};
  entry.work = work;
  push(stream, std::move(entry));
  return cudaSuccess;
}

cudaError_t simdev_submit_collective(CUstream_st *stream, const char *what, std::function<bool()> ready, std::function<void()> run,
                                     CUstream_st **behind, uint64_t *last) {
  simdev_entry entry = {};
  if (stream->capture) return cudaErrorStreamCaptureUnsupported;
  entry.work = std::make_shared<const simdev_work>(simdev_work{SIMDEV_WORK_COPY, what, std::move(run), std::move(ready)});
  if (*behind) entry.after.push_back({*behind, *last});
  *behind = stream;
  *last = simdev->last_number + 1;
  push(stream, std::move(entry));
  return cudaSuccess;
}

cudaError_t simdev_enqueue(cudaStream_t stream, const char *what, std::function<void()> work) {
  return simdev_api(what, [&] {
    if (++simdev->counts.launches == simdev->fail.launch_at) return cudaErrorLaunchOutOfResources;
    if (simdev->major < 8) return cudaErrorNoKernelImageForDevice;
    return simdev_submit(stream, SIMDEV_WORK_KERNEL, what, std::move(work));
  });
}

cudaError_t simdev_enqueue(cudaStream_t stream, const char *what, void (*run)(void *), void (*release)(void *), void *arguments) {
  std::shared_ptr<void> held(arguments, release ? release : [](void *) {});
  return simdev_enqueue(stream, what, [run, held] { run(held.get()); });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void *data) {
  return simdev_api("cudaLaunchHostFunc", [=] {
    if (!function) return cudaErrorInvalidValue;
    return simdev_submit(stream, SIMDEV_WORK_HOST, "host function", [=] { function(data); });
  });
}

/* ---- streams ---- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned int flags) {
  return simdev_api("cudaStreamCreate", [=] {
    if (!stream || flags > cudaStreamNonBlocking) return cudaErrorInvalidValue;
    std::unique_ptr<CUstream_st> made(new CUstream_st());
    made->lane = simdev->lanes++;
    made->blocking = flags != cudaStreamNonBlocking;
    made->alive = true;
    *stream = made.get();
    simdev->streams.push_back(std::move(made));
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
  return simdev_api("cudaDeviceGetStreamPriorityRange", [=] {
    if (least) *least = 0;
    if (greatest) *greatest = -5;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned int flags, int priority) {
  return cudaStreamCreateWithFlags(stream, flags);
}

cudaError_t cudaStreamCreate(cudaStream_t *stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

/* Does not wait: what is queued still runs. Destroys also behind a sticky error. */
cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  bool done = false;
  auto body = [&] {
    done = true;
    CUstream_st *stream = simdev_stream(handle);
    if (!stream || stream->lane == 0) return cudaErrorInvalidResourceHandle;
    if (stream->capture) stream->capture->invalid = true;
    stream->alive = false;
    return cudaSuccess;
  };
  cudaError_t error = simdev_api("cudaStreamDestroy", body);
  std::lock_guard<std::recursive_mutex> guard(simdev_lock());
  if (!done && handle && simdev_stream(handle)) handle->alive = false;
  return error;
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return simdev_api("cudaStreamSynchronize", [=] {
    CUstream_st *stream = simdev_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (stream->capture) stream->capture->invalid = true;
    if (stream->capture) return cudaErrorStreamCaptureUnsupported;
    simdev_wait_stream(stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return simdev_api("cudaStreamQuery", [=] {
    CUstream_st *stream = simdev_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (stream->capture) stream->capture->invalid = true;
    if (stream->capture) return cudaErrorStreamCaptureUnsupported;
    run_one(stream, false);
    if (!stream->queue.empty()) return cudaErrorNotReady;
    simdev_clock_join(simdev->host_clock, stream->clock);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize(void) {
  return simdev_api("cudaDeviceSynchronize", [] {
    cudaError_t error = simdev_refuse_in_capture(true);
    if (error == cudaSuccess) simdev_wait_all();
    return error;
  });
}

/* Drops all work and memory; afterwards there is no error. Handles of before are no handles any more. */
cudaError_t cudaDeviceReset(void) {
  std::lock_guard<std::recursive_mutex> guard(simdev_lock());
  cudaError_t error = simdev_begin("cudaDeviceReset");
  if (simdev->devices <= 0) return simdev_end(error);
  simdev->sticky = cudaSuccess;
  for (const auto &stream : simdev->streams) {
    stream->queue.clear();
    stream->capture = NULL;
    stream->alive = stream->lane == 0;
  }
  simdev_forget_memory();
  simdev_set_error(cudaSuccess);
  return cudaSuccess;
}

/* ---- events ---- */

static bool is_event(cudaEvent_t event) {
  return simdev->events.count(event) != 0;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags) {
  return simdev_api("cudaEventCreate", [=] {
    if (!event || flags > (cudaEventBlockingSync | cudaEventDisableTiming)) return cudaErrorInvalidValue;
    *event = new CUevent_st();
    (*event)->flags = flags;
    simdev->events.insert(*event);
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  cudaError_t error = simdev_api("cudaEventDestroy", [] { return cudaSuccess; });
  std::lock_guard<std::recursive_mutex> guard(simdev_lock());
  if (!is_event(event)) return error == cudaSuccess ? simdev_end(cudaErrorInvalidResourceHandle) : error;
  simdev->events.erase(event);
  delete event;
  return error;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  return simdev_api("cudaEventRecord", [=] {
    CUstream_st *stream = simdev_stream(handle);
    if (!stream || !is_event(event)) return cudaErrorInvalidResourceHandle;
    if (stream->capture) return simdev_capture_record(stream, event);
    event->captured = false;
    event->last = std::make_shared<simdev_record>();
    simdev_entry entry = {};
    entry.record = event->last;
    push(stream, std::move(entry));
    return cudaSuccess;
  });
}

/* An event that was never recorded is no reason to wait. */
cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned int flags) {
  return simdev_api("cudaStreamWaitEvent", [=] {
    CUstream_st *stream = simdev_stream(handle);
    if (!stream || !is_event(event)) return cudaErrorInvalidResourceHandle;
    if (flags) return cudaErrorInvalidValue;
    if (stream->capture || event->captured) return simdev_capture_wait(stream, event);
    if (!event->last) return cudaSuccess;
    simdev_entry entry = {};
    entry.after.push_back({event->last->stream, event->last->number});
    entry.clock = event->last->clock;
    push(stream, std::move(entry));
    return cudaSuccess;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return simdev_api("cudaEventSynchronize", [=] {
    if (!is_event(event)) return cudaErrorInvalidResourceHandle;
    if (event->captured) return cudaErrorCapturedEvent;
    if (!event->last) return cudaSuccess;
    run_until(event->last->stream, event->last->number, true);
    simdev_clock_join(simdev->host_clock, event->last->clock);
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return simdev_api("cudaEventQuery", [=] {
    if (!is_event(event)) return cudaErrorInvalidResourceHandle;
    if (event->captured) return cudaErrorCapturedEvent;
    if (!event->last) return cudaSuccess;
    if (!event->last->done) run_one(event->last->stream, false);
    if (!event->last->done) return cudaErrorNotReady;
    simdev_clock_join(simdev->host_clock, event->last->clock);
    return cudaSuccess;
  });
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end) {
  return simdev_api("cudaEventElapsedTime", [=] {
    if (!ms) return cudaErrorInvalidValue;
    if (!is_event(start) || !is_event(end) || !start->last || !end->last) return cudaErrorInvalidResourceHandle;
    if ((start->flags | end->flags) & cudaEventDisableTiming) return cudaErrorInvalidResourceHandle;
    if (!start->last->done || !end->last->done) return cudaErrorNotReady;
    *ms = (float)(end->last->ms - start->last->ms);
    return cudaSuccess;
  });
}
