/* What passes between the devices of the ranks without passing through the host: NCCL.
 *
 * Collectives, entered by all ranks in the same order, as those of comm.h. Arrays are memory of the device that this rank has taken. A call comes behind
 * what `stream` holds and is done when it returns. Sums are float, in an order that NCCL chooses: all ranks get the same bits, and a second run on the same
 * machine does where NCCL chooses alike; comm.h promises more.
 *
 * No call waits forever: ranks meet on the host before their devices do, the host asks after the device, and a rank that ends, stands still or fails is
 * named as in comm.h, within the same time. What the device still waits for is then given up, and the run must end: later calls are BABEL_ERR_STATE. */
#ifndef BABEL_COMM_COMM_DEVICE_H
#define BABEL_COMM_COMM_DEVICE_H

#include "comm/comm.h"

#ifdef __cplusplus
extern "C" {
#endif

struct babel_stream; /* kernels/ops.h */
typedef struct babel_device_comm babel_device_comm;

/* Joins the devices, once: later calls give the same answer, and babel_comm_close leaves. The rank has taken its device. *devices = NULL where things must go
 * through the host: of a process alone; in a program built without NCCL; where two ranks have one device; where NCCL does not start in every rank, which
 * takes half the time limit at most. All ranks get the same answer, and rank 0 notes why. Afterwards the rank counts as busy until its next collective. */
babel_status babel_device_comm_open(babel_comm *comm, babel_device_comm **devices);

/* "NCCL 2.28.9"; NULL where babel_device_comm_open has not been called or has given NULL. */
const char *babel_device_comm_name(babel_comm *comm);

/* x[i] (n) = sum over the ranks, for all i < arrays. */
babel_status babel_device_comm_sum(babel_device_comm *devices, float *const *x, int arrays, int64_t n, struct babel_stream *stream);

/* For all i < arrays: of whole[i], rank r's piece lies at floats at[i][r] .. at[i][r + 1] - 1; this rank's is there, the others' arrive. */
babel_status babel_device_comm_gather(babel_device_comm *devices, float *const *whole, const int64_t *const *at, int arrays, struct babel_stream *stream);

#ifdef __cplusplus
}
#endif
#endif
