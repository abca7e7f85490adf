/* A command that runs as several ranks: mpirun -n K babel grow ... */
#ifndef BABEL_CLI_RANKS_H
#define BABEL_CLI_RANKS_H

#include "comm/comm.h"

/* Joins the other ranks (comm.h). From here on rank 0 alone writes notes. */
babel_status babel_ranks_join(babel_comm **comm);
/* Leaves them; of those that fail for the same reason one says so. */
babel_status babel_ranks_leave(babel_comm *comm, babel_status status);

#endif
