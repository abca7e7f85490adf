/* Operations noted once and done again with one call: a training step, whose operations and buffers are the same every time. On a GPU one call
 * takes the place of some twenty launches (a CUDA graph). Optional slots of the table: NULL where a call costs nothing, as on the CPU.
 *
 * stream_create: an ordered queue of operations; work given to no stream (NULL) waits for it and it for that work. Its blocks go before those
 *   of a stream in the background.
 * stream_follow: what is given to `s` from here on begins when all that `other` has been given is done; in a recording, an arrow between two
 *   branches. A branch of a recording follows the recorded stream before its first operation, and is followed by it in the end.
 * record_begin: operations given to `s` from here on are noted down, not done. They may neither allocate, nor upload, download or synchronise.
 * record_end: ends this, also after an operation between the two has failed; then, or on an error of its own, *recording is NULL.
 * replay: does what was noted, in its order, with the arguments of then and what the buffers hold now.
 * destroy functions accept NULL. */
#ifndef BABEL_KERNELS_RECORD_H
#define BABEL_KERNELS_RECORD_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

babel_status babel_stream_create_cuda(babel_stream **s, int background);
void babel_stream_destroy_cuda(babel_stream *s);
babel_status babel_stream_follow_cuda(babel_stream *s, babel_stream *other);
babel_status babel_record_begin_cuda(babel_stream *s);
babel_status babel_record_end_cuda(babel_recording **recording, babel_stream *s);
babel_status babel_replay_cuda(const babel_recording *recording, babel_stream *s);
void babel_recording_destroy_cuda(babel_recording *recording);

#ifdef __cplusplus
}
#endif
#endif
