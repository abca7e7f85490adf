/* Graphs on the simulated device: capture, replay, what capture forbids, conditional nodes. */
#include "tests/simdev/callback_kernels.h"

static cudaStream_t stream_of(unsigned flags) {
  cudaStream_t s = NULL;
  OK(cudaStreamCreateWithFlags(&s, flags));
  return s;
}

Test(simdev_graph, captured_work_runs_at_each_replay_with_its_arguments) {
  cudaStream_t s = stream_of(cudaStreamNonBlocking);
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  enum cudaStreamCaptureStatus status;
  size_t nodes;
  float *p = device_floats(1), host = 10;
  OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeRelaxed));
  OK(cudaMemcpyAsync(p, &host, sizeof host, cudaMemcpyHostToDevice, s));
  OK(add(p, 1, 1, s));
  OK(add(p, 1, 2, s));
  OK(cudaStreamIsCapturing(s, &status));
  cr_assert_eq(status, cudaStreamCaptureStatusActive);
  OK(cudaStreamEndCapture(s, &graph));
  OK(cudaStreamIsCapturing(s, &status));
  cr_assert_eq(status, cudaStreamCaptureStatusNone);
  OK(cudaGraphGetNodes(graph, NULL, &nodes));
  cr_assert_eq(nodes, 3);
  OK(cudaGraphInstantiate(&executable, graph, 0));
  OK(cudaGraphDestroy(graph));
  OK(cudaDeviceSynchronize());
  cr_assert_eq(device_float(p), 0);
  host = 20; /* a captured copy reads its source when it runs */
  OK(cudaGraphUpload(executable, s));
  OK(cudaGraphLaunch(executable, s));
  OK(add(p, 1, 100, s));
  cr_assert_eq(device_float(p), 0);
  OK(cudaStreamSynchronize(s));
  cr_assert_eq(device_float(p), 123);
  OK(cudaGraphLaunch(executable, s));
  cr_assert_eq(released, 1);
  OK(cudaGraphExecDestroy(executable)); /* what was launched still runs */
  OK(cudaStreamSynchronize(s));
  cr_assert_eq(device_float(p), 23);
  cr_assert_eq(released, 3);
  OK(cudaStreamDestroy(s));
  OK(cudaFree(p));
}

Test(simdev_graph, a_fork_over_events_keeps_its_order_and_leaves_the_rest_open) {
  cudaStream_t s = stream_of(cudaStreamNonBlocking), t = stream_of(cudaStreamNonBlocking);
  cudaEvent_t fork_event, join_event;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  OK(cudaEventCreate(&fork_event));
  OK(cudaEventCreate(&join_event));
  OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
  OK(note('a', s));
  OK(cudaEventRecord(fork_event, s));
  OK(cudaStreamWaitEvent(t, fork_event, 0));
  OK(note('b', s));
  OK(note('c', t));
  OK(cudaEventRecord(join_event, t));
  OK(cudaStreamWaitEvent(s, join_event, 0));
  OK(note('d', s));
  FAILS(cudaEventSynchronize(fork_event), cudaErrorCapturedEvent);
  OK(cudaStreamEndCapture(s, &graph));
  OK(cudaGraphInstantiate(&executable, graph, 0));
  int seen[2] = {0, 0};
  for (int i = 0; i < 32; i++) {
    trace[0] = 0;
    OK(cudaGraphLaunch(executable, t));
    OK(cudaStreamSynchronize(t));
    cr_assert(!strcmp(trace, "abcd") || !strcmp(trace, "acbd"), "%s", trace);
    seen[trace[1] == 'c']++;
  }
  cr_assert(seen[0] && seen[1]);
  OK(cudaGraphExecDestroy(executable));
  OK(cudaGraphDestroy(graph));
  OK(cudaEventDestroy(fork_event));
  OK(cudaEventDestroy(join_event));
  OK(cudaStreamDestroy(s));
  OK(cudaStreamDestroy(t));
}

Test(simdev_graph, branches_are_not_ordered_and_what_follows_is) {
  cudaStream_t s = stream_of(cudaStreamNonBlocking), t = stream_of(cudaStreamNonBlocking);
  cudaEvent_t event;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  int unordered = 0;
  OK(cudaEventCreate(&event));
  OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeRelaxed));
  OK(cudaEventRecord(event, s));
  OK(cudaStreamWaitEvent(t, event, 0));
  OK(remember(t));
  OK(compare(0, s));
  OK(cudaEventRecord(event, t));
  OK(cudaStreamWaitEvent(s, event, 0));
  OK(compare(1, s));
  OK(cudaStreamEndCapture(s, &graph));
  OK(cudaGraphInstantiate(&executable, graph, 0));
  for (int i = 0; i < 16; i++) {
    remembered = 0;
    OK(cudaGraphLaunch(executable, s));
    OK(compare(2, s));
    OK(cudaStreamSynchronize(s));
    cr_assert(ordered[0] <= 0, "a branch is ordered by luck");
    cr_assert_eq(ordered[1], 1);
    cr_assert_eq(ordered[2], 1);
    unordered += ordered[0] == 0;
  }
  cr_assert(unordered > 0);
  OK(cudaGraphExecDestroy(executable));
  OK(cudaGraphDestroy(graph));
  OK(cudaEventDestroy(event));
  OK(cudaStreamDestroy(s));
  OK(cudaStreamDestroy(t));
}

Test(simdev_graph, unjoined_work_is_refused) {
  cudaStream_t s = stream_of(cudaStreamNonBlocking), t = stream_of(cudaStreamNonBlocking);
  cudaEvent_t event;
  cudaGraph_t graph;
  OK(cudaEventCreate(&event));
  OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
  OK(cudaEventRecord(event, s));
  OK(cudaStreamWaitEvent(t, event, 0));
  OK(note('c', t));
  FAILS(cudaStreamEndCapture(t, &graph), cudaErrorStreamCaptureUnmatched);
  FAILS(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated);
  cr_assert_null(graph);
  OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
  OK(cudaEventRecord(event, s));
  OK(cudaStreamWaitEvent(t, event, 0));
  OK(note('c', t));
  FAILS(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureUnjoined);
  OK(cudaEventDestroy(event));
  OK(cudaStreamDestroy(s));
  OK(cudaStreamDestroy(t));
}

typedef cudaError_t (*forbidden)(cudaStream_t s);

static cudaError_t synchronise_stream(cudaStream_t s) {
  return cudaStreamSynchronize(s);
}

static cudaError_t synchronise_device(cudaStream_t s) {
  return cudaDeviceSynchronize();
}

static cudaError_t allocate(cudaStream_t s) {
  void *p;
  return cudaMalloc(&p, 4);
}

static cudaError_t query(cudaStream_t s) {
  return cudaStreamQuery(s);
}

static cudaError_t launch_on_default(cudaStream_t s) {
  return note('x', NULL);
}

Test(simdev_graph, what_cannot_be_captured_is_refused_and_spoils_the_capture) {
  static const struct { forbidden call; cudaError_t error; } cases[] = {
      {synchronise_stream, cudaErrorStreamCaptureUnsupported}, {synchronise_device, cudaErrorStreamCaptureUnsupported},
      {allocate, cudaErrorStreamCaptureUnsupported},           {query, cudaErrorStreamCaptureUnsupported},
      {launch_on_default, cudaErrorStreamCaptureImplicit},
  };
  cudaStream_t s = stream_of(cudaStreamDefault);
  FAILS(cudaStreamBeginCapture(NULL, cudaStreamCaptureModeGlobal), cudaErrorStreamCaptureUnsupported);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cudaGraph_t graph;
    OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
    FAILS(cases[i].call(s), cases[i].error);
    FAILS(note('a', s), cudaErrorStreamCaptureInvalidated);
    FAILS(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated);
  }
  cudaGraph_t graph;
  void *p;
  OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeRelaxed));
  OK(cudaMalloc(&p, 4));
  OK(cudaStreamEndCapture(s, &graph));
  OK(cudaGraphDestroy(graph));
  OK(cudaFree(p));
  OK(cudaStreamDestroy(s));
}

Test(simdev_graph, an_event_from_outside_cannot_be_waited_for) {
  cudaStream_t s = stream_of(cudaStreamNonBlocking);
  cudaEvent_t event;
  cudaGraph_t graph;
  OK(cudaEventCreate(&event));
  OK(cudaEventRecord(event, NULL));
  OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
  FAILS(cudaStreamWaitEvent(s, event, 0), cudaErrorStreamCaptureIsolation);
  FAILS(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated);
  OK(cudaEventDestroy(event));
  OK(cudaStreamDestroy(s));
}

typedef struct {
  float *counter;
  float limit;
  cudaGraphConditionalHandle handle;
} loop_arguments;

static void loop_run(void *arguments) {
  const loop_arguments *a = (const loop_arguments *)arguments;
  cudaGraphSetConditional(a->handle, ++*a->counter < a->limit);
}

Test(simdev_graph, a_while_node_repeats_its_body_until_the_device_says_so) {
  cudaStream_t s = stream_of(cudaStreamNonBlocking);
  cudaGraph_t graph;
  cudaGraphNode_t node;
  cudaGraphExec_t executable;
  float *p = device_floats(1);
  loop_arguments loop = {p, 5, 0};
  OK(cudaGraphCreate(&graph, 0));
  OK(cudaGraphConditionalHandleCreate(&loop.handle, graph, 1, cudaGraphCondAssignDefault));
  struct cudaGraphNodeParams parameters = {.type = cudaGraphNodeTypeConditional};
  parameters.conditional.handle = loop.handle;
  parameters.conditional.type = cudaGraphCondTypeWhile;
  parameters.conditional.size = 1;
  OK(cudaGraphAddNode(&node, graph, NULL, NULL, 0, &parameters));
  cudaGraph_t body = parameters.conditional.phGraph_out[0];
  OK(cudaStreamBeginCaptureToGraph(s, body, NULL, NULL, 0, cudaStreamCaptureModeRelaxed));
  OK(note('.', s));
  OK(simdev_enqueue(s, "loop", loop_run, NULL, &loop));
  OK(cudaStreamEndCapture(s, NULL));
  OK(cudaGraphInstantiate(&executable, graph, 0));
  OK(cudaGraphLaunch(executable, s));
  OK(cudaStreamSynchronize(s));
  cr_assert_eq(device_float(p), 5);
  cr_assert_str_eq(trace, ".....");
  OK(cudaGraphLaunch(executable, s));
  OK(cudaStreamSynchronize(s));
  cr_assert_eq(device_float(p), 6); /* the default starts it again */
  OK(cudaGraphExecDestroy(executable));
  OK(cudaGraphDestroy(graph));
  OK(cudaStreamDestroy(s));
  OK(cudaFree(p));
}

Test(simdev_graph, a_fault_in_a_replay_stays) {
  cudaStream_t s = stream_of(cudaStreamNonBlocking);
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
  OK(note('a', s));
  OK(note('b', s));
  OK(cudaStreamEndCapture(s, &graph));
  OK(cudaGraphInstantiate(&executable, graph, 0));
  simdev_fail("kernel:4");
  OK(cudaGraphLaunch(executable, s));
  OK(cudaGraphLaunch(executable, s));
  FAILS(cudaStreamSynchronize(s), cudaErrorIllegalAddress);
  cr_assert_str_eq(trace, "aba");
  FAILS(cudaGraphExecDestroy(executable), cudaErrorIllegalAddress);
  FAILS(cudaGraphDestroy(graph), cudaErrorIllegalAddress);
  FAILS(cudaStreamDestroy(s), cudaErrorIllegalAddress);
}
