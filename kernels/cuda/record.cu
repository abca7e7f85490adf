#include "kernels/record.h"

#include "kernels/cuda/check.h"

extern "C" babel_status babel_stream_create_cuda(babel_stream **s) {
  cudaStream_t stream = NULL;
  *s = NULL;
  BABEL_TRY(BABEL_CUDA(cudaStreamCreate(&stream)));
  *s = (babel_stream *)stream;
  return BABEL_OK;
}

extern "C" void babel_stream_destroy_cuda(babel_stream *s) {
  if (s) cudaStreamDestroy((cudaStream_t)s);
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
