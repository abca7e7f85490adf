#include "kernels/record.h"

#include "kernels/cuda/check.h"

extern "C" babel_status babel_stream_create_cuda(babel_stream **s, int background) {
  cudaStream_t stream = NULL;
  int least = 0, greatest = 0;
  *s = NULL;
  BABEL_TRY(BABEL_CUDA(cudaDeviceGetStreamPriorityRange(&least, &greatest)));
  BABEL_TRY(BABEL_CUDA(cudaStreamCreateWithPriority(&stream, cudaStreamDefault, background ? least : greatest)));
  *s = (babel_stream *)stream;
  return BABEL_OK;
}

extern "C" void babel_stream_destroy_cuda(babel_stream *s) {
  if (s) cudaStreamDestroy((cudaStream_t)s);
}

extern "C" babel_status babel_stream_follow_cuda(babel_stream *s, babel_stream *other) {
  cudaEvent_t reached = NULL;
  BABEL_TRY(BABEL_CUDA(cudaEventCreateWithFlags(&reached, cudaEventDisableTiming)));
  babel_status status = BABEL_CUDA(cudaEventRecord(reached, (cudaStream_t)other));
  if (status == BABEL_OK) status = BABEL_CUDA(cudaStreamWaitEvent((cudaStream_t)s, reached, 0));
  cudaEventDestroy(reached); /* what waits for it goes on waiting */
  return status;
}

/* Relaxed: what other threads do, profilers and allocators among them, cannot spoil a recording. */
extern "C" babel_status babel_record_begin_cuda(babel_stream *s) {
  return BABEL_CUDA(cudaStreamBeginCapture((cudaStream_t)s, cudaStreamCaptureModeRelaxed));
}

extern "C" babel_status babel_record_end_cuda(babel_recording **recording, babel_stream *s) {
  cudaGraph_t graph = NULL;
  cudaGraphExec_t exec = NULL;
  *recording = NULL;
  BABEL_TRY(BABEL_CUDA(cudaStreamEndCapture((cudaStream_t)s, &graph)));
  babel_status status = BABEL_CUDA(cudaGraphInstantiate(&exec, graph, 0));
  cudaGraphDestroy(graph);
  BABEL_TRY(status);
  *recording = (babel_recording *)exec;
  return BABEL_OK;
}

extern "C" babel_status babel_replay_cuda(const babel_recording *recording, babel_stream *s) {
  return BABEL_CUDA(cudaGraphLaunch((cudaGraphExec_t)recording, (cudaStream_t)s));
}

extern "C" void babel_recording_destroy_cuda(babel_recording *recording) {
  if (recording) cudaGraphExecDestroy((cudaGraphExec_t)recording);
}
