/* Between the ranks on the host and those on the devices: waiting for what MPI does not know of. */
#ifndef BABEL_COMM_WATCH_H
#define BABEL_COMM_WATCH_H

#include "comm/comm_device.h"

typedef enum { BABEL_TASK_OPEN, BABEL_TASK_DONE, BABEL_TASK_FAILED, BABEL_TASK_GIVEN_UP } babel_task_state;
enum { BABEL_TASK_WORDS = 256 };

/* `ask` says how this rank's part of a task that all have begun stands: open, done, or failed, and then why (BABEL_TASK_WORDS characters). Returns when all
 * have answered: done, or one has failed, or it has been open for half the time limit. Then *failure = a sentence, valid until the next call, else NULL; with
 * failure NULL it is BABEL_ERR_STATE. A rank that is missing is a failure of comm.h. */
babel_status babel_comm_watch(babel_comm *comm, babel_task_state (*ask)(void *user, char *why), void *user, const char **failure);

/* Where `comm` keeps its devices, closed with it. */
babel_device_comm **babel_comm_devices(babel_comm *comm);
void babel_device_comm_close(babel_device_comm *devices); /* accepts NULL */

#endif
