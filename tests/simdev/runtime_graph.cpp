/* Simulated device: capture of streams into graphs, conditional nodes, replay. */
#include <algorithm>

#include "tests/simdev/runtime_state.h"

struct CUgraphNode_st {
  simdev_work_ref work; /* NULL: a conditional node */
  std::vector<CUgraphNode_st *> after;
  size_t lane; /* of the stream that it was captured from; 0: of none */
  cudaGraphConditionalHandle handle;
  cudaGraphConditionalNodeType type;
  cudaGraph_t body;
};

struct CUgraph_st {
  std::vector<std::unique_ptr<CUgraphNode_st>> nodes;
  std::vector<std::unique_ptr<CUgraph_st>> bodies; /* of its conditional nodes */
  std::vector<std::pair<cudaGraphConditionalHandle, unsigned>> defaults;
};

/* What a graph was when it was instantiated. Nodes stand in the order of their making, so that `after` points back. */
struct program {
  struct step {
    simdev_work_ref work;
    std::vector<size_t> after;
    size_t lane; /* of this executable alone */
    cudaGraphConditionalHandle handle;
    cudaGraphConditionalNodeType type;
    std::shared_ptr<const program> body;
  };
  std::vector<step> steps;
  std::vector<std::pair<cudaGraphConditionalHandle, unsigned>> defaults;
};

struct CUgraphExec_st {
  std::shared_ptr<const program> code;
};

static std::vector<unsigned> conditions; /* by handle - 1 */

static bool is_graph(cudaGraph_t graph) {
  return simdev->graphs.count(graph) != 0;
}

/* A graph or the body of a conditional node. */
static bool is_body(cudaGraph_t graph) {
  for (const void *known : simdev->graphs)
    for (const auto &body : ((const CUgraph_st *)known)->bodies)
      if (body.get() == graph) return true;
  return is_graph(graph);
}

/* ---- capture ---- */

cudaError_t simdev_capture_work(CUstream_st *stream, const simdev_work_ref &work) {
  if (stream->capture->invalid) return cudaErrorStreamCaptureInvalidated;
  std::unique_ptr<CUgraphNode_st> node(new CUgraphNode_st());
  node->work = work;
  node->after = stream->frontier;
  node->lane = stream->lane;
  stream->frontier = {node.get()};
  stream->capture->graph->nodes.push_back(std::move(node));
  return cudaSuccess;
}

cudaError_t simdev_capture_record(CUstream_st *stream, CUevent_st *event) {
  if (stream->capture->invalid) return cudaErrorStreamCaptureInvalidated;
  event->captured = true;
  event->capture = stream->capture;
  event->nodes = stream->frontier;
  return cudaSuccess;
}

/* A captured event draws the stream that waits for it into the capture. */
cudaError_t simdev_capture_wait(CUstream_st *stream, CUevent_st *event) {
  bool active = std::any_of(simdev->captures.begin(), simdev->captures.end(), [&](const auto &c) { return c.get() == event->capture; });
  if (!event->captured || !active) {
    if (!stream->capture) return cudaErrorCapturedEvent;
    stream->capture->invalid = true;
    return cudaErrorStreamCaptureIsolation;
  }
  if (stream->capture && stream->capture != event->capture) {
    stream->capture->invalid = event->capture->invalid = true;
    return cudaErrorStreamCaptureMerge;
  }
  if (stream->lane == 0) return cudaErrorStreamCaptureImplicit;
  if (!stream->capture) stream->frontier.clear();
  stream->capture = event->capture;
  for (CUgraphNode_st *node : event->nodes)
    if (std::find(stream->frontier.begin(), stream->frontier.end(), node) == stream->frontier.end()) stream->frontier.push_back(node);
  return cudaSuccess;
}

cudaError_t simdev_refuse_in_capture(bool synchronises) {
  cudaError_t error = cudaSuccess;
  for (const auto &capture : simdev->captures)
    if (synchronises || capture->mode != cudaStreamCaptureModeRelaxed) {
      capture->invalid = true;
      error = cudaErrorStreamCaptureUnsupported;
    }
  return error;
}

static cudaError_t begin(CUstream_st *stream, cudaGraph_t graph, bool owns, const cudaGraphNode_t *after, size_t n, cudaStreamCaptureMode mode) {
  simdev->captures.emplace_back(new simdev_capture{graph, stream, mode, false, owns});
  stream->capture = simdev->captures.back().get();
  stream->frontier.assign(after, after + n);
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, enum cudaStreamCaptureMode mode) {
  return simdev_api("cudaStreamBeginCapture", [=] {
    CUstream_st *stream = simdev_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (stream->lane == 0) return cudaErrorStreamCaptureUnsupported;
    if (stream->capture) return cudaErrorInvalidValue;
    CUgraph_st *graph = new CUgraph_st();
    simdev->graphs.insert(graph);
    return begin(stream, graph, true, NULL, 0, mode);
  });
}

cudaError_t cudaStreamBeginCaptureToGraph(cudaStream_t handle, cudaGraph_t graph, const cudaGraphNode_t *dependencies,
                                          const cudaGraphEdgeData *edges, size_t n, enum cudaStreamCaptureMode mode) {
  return simdev_api("cudaStreamBeginCaptureToGraph", [=] {
    CUstream_st *stream = simdev_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (stream->lane == 0) return cudaErrorStreamCaptureUnsupported;
    if (stream->capture || !is_body(graph) || edges || (n && !dependencies)) return cudaErrorInvalidValue;
    return begin(stream, graph, false, dependencies, n, mode);
  });
}

static void collect(CUgraphNode_st *node, std::set<CUgraphNode_st *> &seen) {
  if (!seen.insert(node).second) return;
  for (CUgraphNode_st *before : node->after) collect(before, seen);
}

/* Whether work of another stream was captured that the origin does not wait for. */
static bool unjoined(const simdev_capture *capture) {
  std::set<CUgraphNode_st *> joined;
  for (CUgraphNode_st *node : capture->origin->frontier) collect(node, joined);
  for (const auto &stream : simdev->streams)
    if (stream->capture == capture)
      for (CUgraphNode_st *node : stream->frontier)
        if (!joined.count(node)) return true;
  return false;
}

static void destroy_graph(cudaGraph_t graph) {
  simdev->graphs.erase(graph);
  delete graph;
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t *graph) {
  return simdev_api("cudaStreamEndCapture", [=] {
    CUstream_st *stream = simdev_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    simdev_capture *capture = stream->capture;
    if (!capture) return cudaErrorInvalidValue;
    if (capture->origin != stream) {
      capture->invalid = true;
      return cudaErrorStreamCaptureUnmatched;
    }
    cudaError_t error = capture->invalid ? cudaErrorStreamCaptureInvalidated : unjoined(capture) ? cudaErrorStreamCaptureUnjoined : cudaSuccess;
    for (const auto &other : simdev->streams)
      if (other->capture == capture) {
        other->capture = NULL;
        other->frontier.clear();
      }
    if (error != cudaSuccess && capture->owns_graph) destroy_graph(capture->graph);
    if (graph) *graph = error == cudaSuccess ? capture->graph : NULL;
    simdev->captures.erase(std::find_if(simdev->captures.begin(), simdev->captures.end(), [&](const auto &c) { return c.get() == capture; }));
    return error;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, enum cudaStreamCaptureStatus *status) {
  return simdev_api("cudaStreamIsCapturing", [=] {
    CUstream_st *stream = simdev_stream(handle);
    if (!stream || !status) return stream ? cudaErrorInvalidValue : cudaErrorInvalidResourceHandle;
    *status = !stream->capture ? cudaStreamCaptureStatusNone : stream->capture->invalid ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
    return cudaSuccess;
  });
}

/* ---- graphs ---- */

cudaError_t cudaGraphCreate(cudaGraph_t *graph, unsigned int flags) {
  return simdev_api("cudaGraphCreate", [=] {
    if (!graph || flags) return cudaErrorInvalidValue;
    *graph = new CUgraph_st();
    simdev->graphs.insert(*graph);
    return cudaSuccess;
  });
}

/* Destroys also behind a sticky error. */
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  cudaError_t error = simdev_api("cudaGraphDestroy", [] { return cudaSuccess; });
  std::lock_guard<std::recursive_mutex> guard(simdev_lock());
  if (!is_graph(graph)) return error == cudaSuccess ? simdev_end(cudaErrorInvalidValue) : error;
  destroy_graph(graph);
  return error;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *n) {
  return simdev_api("cudaGraphGetNodes", [=] {
    if (!is_body(graph) || !n) return cudaErrorInvalidValue;
    size_t all = graph->nodes.size();
    for (size_t i = 0; nodes && i < *n; i++) nodes[i] = i < all ? graph->nodes[i].get() : NULL;
    if (!nodes || *n > all) *n = all;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphConditionalHandleCreate(cudaGraphConditionalHandle *handle, cudaGraph_t graph, unsigned int value, unsigned int flags) {
  return simdev_api("cudaGraphConditionalHandleCreate", [=] {
    if (!handle || !is_graph(graph) || flags > cudaGraphCondAssignDefault) return cudaErrorInvalidValue;
    conditions.push_back(0);
    *handle = conditions.size();
    if (flags) graph->defaults.push_back({*handle, value});
    return cudaSuccess;
  });
}

void cudaGraphSetConditional(cudaGraphConditionalHandle handle, unsigned int value) {
  if (handle == 0 || handle > conditions.size())
    simdev_finding("graph", "cudaGraphSetConditional with a handle that was never created");
  else
    conditions[handle - 1] = value;
}

cudaError_t cudaGraphAddNode(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *dependencies, const cudaGraphEdgeData *edges,
                             size_t n, struct cudaGraphNodeParams *parameters) {
  return simdev_api("cudaGraphAddNode", [=] {
    if (!node || !is_body(graph) || edges || (n && !dependencies) || !parameters) return cudaErrorInvalidValue;
    if (parameters->type != cudaGraphNodeTypeConditional) return cudaErrorNotSupported;
    cudaConditionalNodeParams &conditional = parameters->conditional;
    if (conditional.size != 1 || conditional.handle == 0 || conditional.handle > conditions.size()) return cudaErrorInvalidValue;
    std::unique_ptr<CUgraphNode_st> made(new CUgraphNode_st());
    made->after.assign(dependencies, dependencies + n);
    made->handle = conditional.handle;
    made->type = conditional.type;
    graph->bodies.emplace_back(new CUgraph_st());
    made->body = graph->bodies.back().get();
    conditional.phGraph_out = &made->body;
    *node = made.get();
    graph->nodes.push_back(std::move(made));
    return cudaSuccess;
  });
}

static std::shared_ptr<const program> compile(const CUgraph_st &graph) {
  auto code = std::make_shared<program>();
  code->defaults = graph.defaults;
  std::map<const CUgraphNode_st *, size_t> place;
  std::map<size_t, size_t> lanes; /* a node of no stream has one of its own */
  for (const auto &node : graph.nodes) {
    if (!node->lane || !lanes.count(node->lane)) lanes[node->lane] = simdev->lanes++;
    program::step step = {node->work, {}, lanes[node->lane], node->handle, node->type, NULL};
    for (const CUgraphNode_st *before : node->after) step.after.push_back(place.at(before));
    if (node->body) step.body = compile(*node->body);
    place[node.get()] = code->steps.size();
    code->steps.push_back(step);
  }
  return code;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *executable, cudaGraph_t graph, unsigned long long flags) {
  return simdev_api("cudaGraphInstantiate", [=] {
    if (!executable || !is_graph(graph) || flags) return cudaErrorInvalidValue;
    *executable = new CUgraphExec_st{compile(*graph)};
    simdev->executables.insert(*executable);
    return cudaSuccess;
  });
}

static void run_program(const program &code, const std::vector<uint64_t> *numbers);

static void run_step(const program::step &step) {
  if (step.work) {
    simdev_run_work(*step.work);
  } else if (step.type == cudaGraphCondTypeWhile) {
    while (conditions[step.handle - 1] && simdev->sticky == cudaSuccess) run_program(*step.body, NULL);
  } else if (conditions[step.handle - 1]) {
    run_program(*step.body, NULL);
  }
}

/* As an operation of its own, which happens after the launch's predecessors and those that its edges name. */
static void run_numbered(const program::step &step, uint64_t number, std::vector<simdev_clock> &clocks, simdev_clock *own) {
  const simdev_entry *launch = simdev->running;
  simdev_entry entry = {};
  entry.number = number;
  entry.clock = launch->clock;
  for (size_t before : step.after) simdev_clock_join(entry.clock, clocks[before]);
  simdev_clock_advance(entry.clock, step.lane, number);
  simdev->running = &entry;
  run_step(step);
  simdev->running = launch;
  *own = entry.clock;
}

/* In an order that the seed chooses among those that the edges allow. numbers: the operations that the steps are; NULL: part of the
 * one that runs. */
static void run_program(const program &code, const std::vector<uint64_t> *numbers) {
  for (const auto &value : code.defaults) conditions[value.first - 1] = value.second;
  std::vector<bool> done(code.steps.size());
  std::vector<simdev_clock> clocks(code.steps.size());
  for (size_t left = code.steps.size(); left; left--) {
    std::vector<size_t> ready;
    for (size_t i = 0; i < code.steps.size(); i++) {
      const std::vector<size_t> &after = code.steps[i].after;
      if (!done[i] && std::all_of(after.begin(), after.end(), [&](size_t k) { return done[k]; })) ready.push_back(i);
    }
    size_t chosen = ready[simdev_random(ready.size())];
    if (numbers)
      run_numbered(code.steps[chosen], (*numbers)[chosen], clocks, &clocks[chosen]);
    else
      run_step(code.steps[chosen]);
    done[chosen] = true;
  }
}

/* The nodes get their numbers now, so that what is queued behind the graph is after them. */
static cudaError_t launch(const std::shared_ptr<const program> &code, CUstream_st *stream) {
  std::vector<uint64_t> numbers;
  for (const program::step &step : code->steps) numbers.push_back(simdev_next_operation(step.lane));
  cudaError_t error = simdev_submit(stream, SIMDEV_WORK_GRAPH, "graph", [code, numbers] { run_program(*code, &numbers); });
  if (error == cudaSuccess)
    for (size_t i = 0; i < numbers.size(); i++) simdev_clock_advance(stream->clock, code->steps[i].lane, numbers[i]);
  return error;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t handle) {
  return simdev_api("cudaGraphLaunch", [=] {
    CUstream_st *stream = simdev_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (!simdev->executables.count(executable)) return cudaErrorInvalidValue;
    if (++simdev->counts.launches == simdev->fail.launch_at) return cudaErrorLaunchOutOfResources;
    std::shared_ptr<const program> code = executable->code;
    if (stream->capture) return simdev_submit(stream, SIMDEV_WORK_GRAPH, "graph", [code] { run_program(*code, NULL); });
    return launch(code, stream);
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t stream) {
  return simdev_api("cudaGraphUpload", [=] {
    if (!simdev->executables.count(executable)) return cudaErrorInvalidValue;
    return simdev_stream(stream) ? cudaSuccess : cudaErrorInvalidResourceHandle;
  });
}

/* What was launched still runs. Destroys also behind a sticky error. */
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  cudaError_t error = simdev_api("cudaGraphExecDestroy", [] { return cudaSuccess; });
  std::lock_guard<std::recursive_mutex> guard(simdev_lock());
  if (!simdev->executables.erase(executable)) return error == cudaSuccess ? simdev_end(cudaErrorInvalidValue) : error;
  delete executable;
  return error;
}
