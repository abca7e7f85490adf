/* The ranks of a run: processes that mpirun or srun started side by side, each with its part of every batch.
 *
 * A NULL babel_comm is a process alone: rank 0 of 1, all calls are done at once. Collectives are entered by all ranks in the same order. Memory
 * is the host's. Sums are taken in the order of the ranks, in double, one rank for each part of the array: all ranks get the same bits, and so
 * does a second run with as many ranks.
 *
 * No call waits forever. A rank that does not answer within the time limit (20 s, $BABEL_RANK_SECONDS), whose process has ended, or that has failed
 * and said why, makes the call fail in every other rank: BABEL_ERR_STATE and a sentence that names it. Out of a collective nobody is missed; a rank
 * that works alone for longer says so beforehand (babel_comm_busy). */
#ifndef BABEL_COMM_COMM_H
#define BABEL_COMM_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct babel_comm babel_comm;

/* Joins the others. *comm = NULL where this process was started alone, or as the only rank. BABEL_ERR_UNSUPPORTED when several were started and the
 * program was built without MPI. The rank counts as busy until its first collective. */
babel_status babel_comm_open(babel_comm **comm);

/* Leaves, with how this rank's work has ended: a failure is told to the others, theirs is returned. Waits for them, 3 s when there is a failure.
 * say: called in one rank for each failure, the lowest that knows of it, while all that wait are still there: mpirun ends everybody when one ends with a
 * failure. NULL: nobody says it. A NULL comm says nothing and returns `status`. */
babel_status babel_comm_close(babel_comm *comm, babel_status status, void (*say)(babel_status status));

int babel_comm_rank(const babel_comm *comm);
int babel_comm_size(const babel_comm *comm);
/* How many lower ranks share this machine: which of its devices is this rank's. */
int babel_comm_local_rank(const babel_comm *comm);

/* Where the part of this rank begins when n things are shared: n rank / size; it ends where the next one's begins. */
static inline int64_t babel_comm_part(int64_t n, int rank, int size) {
  return n * rank / size;
}

/* `whole`: rank r's piece lies at floats at[r] .. at[r + 1] - 1; this rank's is there, the others' arrive. at: size + 1. */
babel_status babel_comm_gather(babel_comm *comm, float *whole, const int64_t *at);
/* x (n) = sum over the ranks. */
babel_status babel_comm_sum(babel_comm *comm, float *x, int64_t n);
/* Rank 0's bytes to all. */
babel_status babel_comm_broadcast(babel_comm *comm, void *bytes, size_t count);
/* The largest one of the ranks'. */
babel_status babel_comm_max(babel_comm *comm, int *value);
/* Whether all ranks hold the same text: BABEL_ERR_STATE, "`what` differs between rank 0 and rank 1 ...", in all of them. */
babel_status babel_comm_same(babel_comm *comm, const char *text, const char *what);

/* From here to its next collective this rank may take long: until then it shows four times a second that it is alive. */
babel_status babel_comm_busy(babel_comm *comm);

#ifdef __cplusplus
}
#endif
#endif
