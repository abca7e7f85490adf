/* The folder that a run writes into. */
#ifndef BABEL_CLI_RUN_FOLDER_H
#define BABEL_CLI_RUN_FOLDER_H

#include "core/status.h"

/* Creates it, and takes it for this process: two runs into one would mix their lines. *lock: close() it at the end. BABEL_ERR_STATE when another has it. */
babel_status babel_run_folder_lock(const char *out, int *lock);

#endif
