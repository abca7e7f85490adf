#include "cli/ranks.h"

#include "cli/backend.h"
#include "cli/command.h"
#include "core/log.h"

babel_status babel_ranks_join(babel_comm **comm) {
  BABEL_TRY(babel_comm_open(comm));
  if (babel_comm_rank(*comm)) babel_log_set_level(BABEL_LOG_QUIET);
  babel_backend_rank(babel_comm_local_rank(*comm));
  return BABEL_OK;
}

babel_status babel_ranks_leave(babel_comm *comm, babel_status status) {
  status = babel_comm_close(comm, status, babel_complain);
  if (!comm || status == BABEL_OK) return status;
  babel_error error = {.status = status};
  babel_error_put(&error); /* no sentence: it is said already */
  return status;
}
