/* Tasks outside of MPI, watched by three ranks: done, failed, never done, and one whose rank stands still meanwhile. Run by mpirun with
 * BABEL_RANK_SECONDS=2; a plain program, as tests/growth/test_ranks.c is. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/watch.h"

static babel_comm *comm;
static int failures, asked;

static void expect(bool so, const char *what) {
  if (so) return;
  fprintf(stderr, "rank %d: not so: %s (%s)\n", babel_comm_rank(comm), what, babel_error_last()->sentence);
  failures++;
}

static babel_task_state done_soon(void *user, char *why) {
  return ++asked > 100 * babel_comm_rank(comm) ? BABEL_TASK_DONE : BABEL_TASK_OPEN;
}

/* The others wait for rank 1. */
static babel_task_state failed_in_1(void *user, char *why) {
  if (babel_comm_rank(comm) != 1) return BABEL_TASK_OPEN;
  strcpy(why, "the reason");
  return BABEL_TASK_FAILED;
}

static babel_task_state never_done_in_0(void *user, char *why) {
  return babel_comm_rank(comm) ? BABEL_TASK_DONE : BABEL_TASK_OPEN;
}

static babel_task_state stopped_in_2(void *user, char *why) {
  if (babel_comm_rank(comm) == 2 && !asked++) raise(SIGSTOP);
  return BABEL_TASK_OPEN;
}

int main(void) {
  const char *failure = "";
  if (babel_comm_open(&comm) != BABEL_OK || babel_comm_size(comm) != 3) return 1;
  expect(babel_comm_watch(comm, done_soon, NULL, &failure) == BABEL_OK && !failure, "a task is done");
  expect(babel_comm_watch(comm, failed_in_1, NULL, &failure) == BABEL_OK, "a task that fails");
  expect(failure && strstr(failure, "rank 1 of 3") && strstr(failure, "failed: the reason"), "all ranks know who failed and why");
  expect(babel_comm_watch(comm, never_done_in_0, NULL, &failure) == BABEL_OK, "a task that is never done");
  expect(failure && strstr(failure, "have not answered each other for 1 s"), "it is given up after half the time");
  int stopped = babel_comm_rank(comm) == 2 ? (int)getpid() : 0;
  expect(babel_comm_max(comm, &stopped) == BABEL_OK, "all know the one that will stop");
  asked = 0;
  babel_status status = babel_comm_watch(comm, stopped_in_2, NULL, NULL);
  const char *sentence = babel_error_last()->sentence;
  expect(status == BABEL_ERR_STATE, "a rank that stands still is a failure");
  if (babel_comm_rank(comm) != 2) expect(strstr(sentence, "rank 2 of 3") && strstr(sentence, "no answer for 2 s"), "it is named");
  if (babel_comm_rank(comm) != 2) sleep(2); /* until the other one knows it too, on a busy machine */
  kill(stopped, SIGCONT);
  babel_comm_close(comm, status, NULL);
  return failures != 0;
}
