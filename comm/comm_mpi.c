/* Ranks over MPI. Collectives are made of messages between every two ranks, so that one that is missing has a name; each wait is a loop that also
 * reads what the others say of themselves: alive (while busy), or leaving and why. */
#include <errno.h>
#include <mpi.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "comm/launch.h"
#include "comm/watch.h"
#include "core/arena.h"

enum { TAG_DATA = 1, TAG_ALIVE, TAG_LEAVING, NAME = 128 };
static const double farewell = 3, heartbeat = 0.25, death_check = 0.05; /* [s] */

/* What a rank says when it leaves. origin: who failed first, as far as it knows. */
typedef struct {
  int status, origin;
  char sentence[1024];
} parting;

typedef struct {
  char host[64];
  int pid;
} identity;

/* How a task stands in one rank. */
typedef struct {
  int state;
  char why[BABEL_TASK_WORDS];
} answer;

struct babel_comm {
  int rank, size;
  MPI_Comm data, control;
  double limit;
  identity *who;
  char (*names)[NAME];
  bool *watched, *left;  /* its process can be looked for here; it has said that it leaves */
  double *heard;         /* when a busy one last showed that it is alive */
  parting *partings;
  int relayed;           /* the failure that this rank reports is that of ...; -1 = its own */
  MPI_Request *requests;
  int *peers;            /* of the requests */
  float *scratch;
  int64_t scratch_floats;
  answer *answers;
  char failure[NAME + BABEL_TASK_WORDS + 16]; /* of a task */
  babel_device_comm *devices;
  pthread_t heart;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  bool beating, end_beating;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static babel_status check(int code, const char *what) {
  char text[MPI_MAX_ERROR_STRING] = "";
  int length;
  if (code == MPI_SUCCESS) return BABEL_OK;
  MPI_Error_string(code, text, &length);
  return BABEL_FAIL(BABEL_ERR_IO, "%s: %s", what, text);
}
#define BABEL_MPI(call) check(call, #call)

int babel_comm_rank(const babel_comm *comm) {
  return comm ? comm->rank : 0;
}

int babel_comm_size(const babel_comm *comm) {
  return comm ? comm->size : 1;
}

int babel_comm_local_rank(const babel_comm *comm) {
  int lower = 0;
  for (int r = 0; comm && r < comm->rank; r++) lower += !strcmp(comm->who[r].host, comm->who[comm->rank].host);
  return lower;
}

/* ---- signs of life ----------------------------------------------------------------------------------------------------------------------- */

static void *beat(void *argument) {
  babel_comm *comm = argument;
  pthread_mutex_lock(&comm->lock);
  while (!comm->end_beating) {
    struct timespec until;
    for (int r = 0; r < comm->size; r++) {
      MPI_Request request;
      if (r != comm->rank && MPI_Isend(NULL, 0, MPI_BYTE, r, TAG_ALIVE, comm->control, &request) == MPI_SUCCESS) MPI_Request_free(&request);
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)(heartbeat * 1e9);
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_cond_timedwait(&comm->wake, &comm->lock, &until);
  }
  pthread_mutex_unlock(&comm->lock);
  return NULL;
}

/* While the heart beats the rank itself calls nothing of MPI: MPI_THREAD_SERIALIZED is enough. */
babel_status babel_comm_busy(babel_comm *comm) {
  sigset_t all, before;
  if (!comm || comm->beating) return BABEL_OK;
  comm->end_beating = false;
  sigfillset(&all); /* signals are for the thread that works */
  pthread_sigmask(SIG_BLOCK, &all, &before);
  int failed = pthread_create(&comm->heart, NULL, beat, comm);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed) return BABEL_FAIL(BABEL_ERR_MEMORY, "a thread cannot be started: %s", strerror(failed));
  comm->beating = true;
  return BABEL_OK;
}

static void stop_beating(babel_comm *comm) {
  if (!comm->beating) return;
  pthread_mutex_lock(&comm->lock);
  comm->end_beating = true;
  pthread_cond_signal(&comm->wake);
  pthread_mutex_unlock(&comm->lock);
  pthread_join(comm->heart, NULL);
  comm->beating = false;
}

/* Takes what the others have said of themselves. */
static babel_status listen(babel_comm *comm) {
  for (;;) {
    MPI_Status message;
    int found, size, tag, r;
    BABEL_TRY(BABEL_MPI(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm->control, &found, &message)));
    if (!found) return BABEL_OK;
    tag = message.MPI_TAG;
    r = message.MPI_SOURCE;
    BABEL_TRY(BABEL_MPI(MPI_Get_count(&message, MPI_BYTE, &size)));
    parting *said = &comm->partings[r];
    bool fits = size == (tag == TAG_LEAVING ? (int)sizeof *said : 0);
    if (!fits) return BABEL_FAIL(BABEL_ERR_STATE, "%s runs another program: all ranks must be of the same build", comm->names[r]);
    BABEL_TRY(BABEL_MPI(MPI_Recv(said, size, MPI_BYTE, r, tag, comm->control, MPI_STATUS_IGNORE)));
    comm->heard[r] = now();
    if (tag == TAG_LEAVING) comm->left[r] = true;
  }
}

/* The failure of a rank that has left, if one has: one that failed by itself before one that says it of another. */
static babel_status relay(babel_comm *comm) {
  int from = -1;
  for (int r = 0; r < comm->size; r++)
    if (comm->left[r] && comm->partings[r].status && (from < 0 || (comm->partings[from].origin != from && comm->partings[r].origin == r))) from = r;
  if (from < 0) return BABEL_OK;
  const parting *said = &comm->partings[from];
  comm->relayed = said->origin;
  const char *sentence = said->sentence;
  babel_status status = (babel_status)said->status;
  if (said->origin != from) return BABEL_FAIL(status, "%s", sentence);
  if (status == BABEL_ERR_INTERRUPTED) return BABEL_FAIL(status, "%s was interrupted: %.900s", comm->names[from], sentence);
  return BABEL_FAIL(status, "%s failed: %.900s", comm->names[from], sentence);
}

/* A killed process is gone at once; one on another machine is missed when the time is over. */
static bool is_dead(const babel_comm *comm, int r) {
  return comm->watched[r] && kill(comm->who[r].pid, 0) && errno == ESRCH;
}

/* Of the ranks that open requests wait for. */
static babel_status look_for(babel_comm *comm, int n, double began) {
  int late = -1, more = 0;
  double time = now();
  for (int i = 0; i < n; i++) {
    int r = comm->peers[i];
    if (comm->requests[i] == MPI_REQUEST_NULL) continue;
    if (is_dead(comm, r)) {
      BABEL_TRY(listen(comm)); /* what it said last may have arrived meanwhile */
      BABEL_TRY(relay(comm));
      return BABEL_FAIL(BABEL_ERR_STATE, "%s has ended without a word: killed, or out of memory; continue with --resume", comm->names[r]);
    }
    double since = comm->heard[r] > began ? comm->heard[r] : began;
    double limit = comm->left[r] && comm->limit > farewell ? farewell : comm->limit; /* what it sent before may still be under way */
    if (time - since <= limit || r == late) continue;
    if (late < 0) late = r;
    else more++;
  }
  if (late < 0) return BABEL_OK;
  char others[48] = "";
  if (more) snprintf(others, sizeof others, " and %d more", more);
  return BABEL_FAIL(BABEL_ERR_STATE, "%s%s: no answer for %g s; continue with --resume", comm->names[late], others, comm->limit);
}

/* Whether requests are still open. */
static babel_status test(babel_comm *comm, int n, bool *open) {
  int finished, *done = comm->peers + 2 * comm->size; /* numbers of the finished ones: nobody asks for them */
  BABEL_TRY(BABEL_MPI(MPI_Testsome(n, comm->requests, &finished, done, MPI_STATUSES_IGNORE)));
  *open = false;
  for (int i = 0; i < n; i++) *open |= comm->requests[i] != MPI_REQUEST_NULL;
  return BABEL_OK;
}

/* Between two looks at what has been waited for since `began`. */
static babel_status attend(babel_comm *comm, int n, int turn, double began, double *looked) {
  if (turn < 100) return BABEL_OK;
  BABEL_TRY(listen(comm));
  BABEL_TRY(relay(comm));
  if (now() - *looked > death_check) {
    BABEL_TRY(look_for(comm, n, began));
    *looked = now();
  }
  const struct timespec pause = {.tv_nsec = turn < 2000 ? 20000 : 500000}; /* others may need this core */
  nanosleep(&pause, NULL);
  return BABEL_OK;
}

/* Until all n requests are done. */
static babel_status settle(babel_comm *comm, int n) {
  double began = now(), looked = began;
  for (int turn = 0;; turn++) {
    bool open;
    BABEL_TRY(test(comm, n, &open));
    if (!open) return BABEL_OK;
    BABEL_TRY(attend(comm, n, turn, began, &looked));
  }
}

/* ---- collectives ------------------------------------------------------------------------------------------------------------------------- */

typedef struct {
  babel_comm *comm;
  int n;
} exchange;

static exchange begin(babel_comm *comm) {
  stop_beating(comm);
  return (exchange){.comm = comm};
}

static babel_status post(exchange *x, int r, void *bytes, int64_t count, bool sending) {
  babel_comm *comm = x->comm;
  MPI_Request *request = &comm->requests[x->n];
  if (!count || r == comm->rank) return BABEL_OK;
  if (count > INT32_MAX) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%lld bytes are more than one message between ranks can hold", (long long)count);
  comm->peers[x->n++] = r;
  return sending ? BABEL_MPI(MPI_Isend(bytes, (int)count, MPI_BYTE, r, TAG_DATA, comm->data, request))
                 : BABEL_MPI(MPI_Irecv(bytes, (int)count, MPI_BYTE, r, TAG_DATA, comm->data, request));
}

static babel_status gather_bytes(babel_comm *comm, void *whole, const int64_t *at, int64_t unit) {
  exchange x = begin(comm);
  char *bytes = whole;
  for (int r = 0; r < comm->size; r++) {
    BABEL_TRY(post(&x, r, bytes + at[r] * unit, (at[r + 1] - at[r]) * unit, false));
    BABEL_TRY(post(&x, r, bytes + at[comm->rank] * unit, (at[comm->rank + 1] - at[comm->rank]) * unit, true));
  }
  return settle(comm, x.n);
}

babel_status babel_comm_gather(babel_comm *comm, float *whole, const int64_t *at) {
  return comm ? gather_bytes(comm, whole, at, sizeof *whole) : BABEL_OK;
}

static babel_status scratch_of(babel_comm *comm, int64_t floats) {
  void *memory;
  if (floats <= comm->scratch_floats) return BABEL_OK;
  BABEL_TRY(babel_alloc(&memory, (size_t)floats, sizeof(float)));
  free(comm->scratch);
  comm->scratch = memory;
  comm->scratch_floats = floats;
  return BABEL_OK;
}

/* Each rank adds up its part of the array; then the parts are gathered. */
babel_status babel_comm_sum(babel_comm *comm, float *x, int64_t n) {
  if (!comm) return BABEL_OK;
  const int size = comm->size, rank = comm->rank;
  int64_t at[size + 1], own;
  for (int r = 0; r <= size; r++) at[r] = babel_comm_part(n, r, size);
  own = at[rank + 1] - at[rank];
  BABEL_TRY(scratch_of(comm, own * size));
  exchange e = begin(comm);
  for (int r = 0; r < size; r++) {
    BABEL_TRY(post(&e, r, comm->scratch + r * own, own * (int64_t)sizeof *x, false));
    BABEL_TRY(post(&e, r, x + at[r], (at[r + 1] - at[r]) * (int64_t)sizeof *x, true));
  }
  BABEL_TRY(settle(comm, e.n));
  float *mine = x + at[rank];
  for (int64_t i = 0; i < own; i++) {
    double sum = 0;
    for (int r = 0; r < size; r++) sum += (double)(r == rank ? mine[i] : comm->scratch[r * own + i]);
    mine[i] = (float)sum;
  }
  return babel_comm_gather(comm, x, at);
}

babel_status babel_comm_broadcast(babel_comm *comm, void *bytes, size_t count) {
  if (!comm) return BABEL_OK;
  exchange x = begin(comm);
  if (comm->rank) BABEL_TRY(post(&x, 0, bytes, (int64_t)count, false));
  for (int r = 1; r < comm->size && !comm->rank; r++) BABEL_TRY(post(&x, r, bytes, (int64_t)count, true));
  return settle(comm, x.n);
}

static babel_status gather_ints(babel_comm *comm, int *values) {
  int64_t at[comm->size + 1];
  for (int r = 0; r <= comm->size; r++) at[r] = r;
  return gather_bytes(comm, values, at, sizeof *values);
}

babel_status babel_comm_max(babel_comm *comm, int *value) {
  if (!comm) return BABEL_OK;
  int values[comm->size];
  values[comm->rank] = *value;
  BABEL_TRY(gather_ints(comm, values));
  for (int r = 0; r < comm->size; r++)
    if (values[r] > *value) *value = values[r];
  return BABEL_OK;
}

babel_status babel_comm_same(babel_comm *comm, const char *text, const char *what) {
  if (!comm) return BABEL_OK;
  enum { SHOWN = 320 };
  size_t length = strlen(text) + 1;
  void *memory;
  int64_t at[comm->size + 1];
  int sums[comm->size];
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)text[i]) * 16777619u;
  memcpy(&sums[comm->rank], &hash, sizeof hash);
  BABEL_TRY(gather_ints(comm, sums));
  for (int r = 0; r <= comm->size; r++) at[r] = (int64_t)r * SHOWN;
  BABEL_TRY(babel_alloc(&memory, (size_t)comm->size, SHOWN));
  char *texts = memory;
  snprintf(texts + comm->rank * SHOWN, SHOWN, "%s", text);
  babel_status status = gather_bytes(comm, texts, at, 1);
  for (int r = 1; r < comm->size && status == BABEL_OK; r++)
    if (sums[r] != sums[0])
      status = BABEL_FAIL(BABEL_ERR_STATE, "%s differs between %s (%s) and %s (%s)", what, comm->names[0], texts, comm->names[r], texts + r * SHOWN);
  free(texts);
  return status;
}

/* ---- tasks ------------------------------------------------------------------------------------------------------------------------------- */

/* Rank r's answer is awaited by request r, without one of this rank. */
static bool has_answered(const babel_comm *comm, int r) {
  return r == comm->rank || comm->requests[r - (r > comm->rank)] == MPI_REQUEST_NULL;
}

/* The lowest rank whose answer is this; -1 = none. */
static int answered(const babel_comm *comm, int state) {
  for (int r = 0; r < comm->size; r++)
    if (has_answered(comm, r) && comm->answers[r].state == state) return r;
  return -1;
}

static bool in_vain(const babel_comm *comm) {
  return answered(comm, BABEL_TASK_FAILED) >= 0 || answered(comm, BABEL_TASK_GIVEN_UP) >= 0;
}

/* A rank that has failed is named before those that waited for it. NULL = none. */
static const char *failure_of(babel_comm *comm) {
  int failed = answered(comm, BABEL_TASK_FAILED);
  if (!in_vain(comm)) return NULL;
  if (failed >= 0) snprintf(comm->failure, sizeof comm->failure, "%s failed: %s", comm->names[failed], comm->answers[failed].why);
  else snprintf(comm->failure, sizeof comm->failure, "the devices of the ranks have not answered each other for %g s", comm->limit / 2);
  return comm->failure;
}

/* In the words that relay finds for the same. */
static babel_status say_failure(babel_comm *comm) {
  const char *sentence = failure_of(comm);
  const answer *own = &comm->answers[comm->rank];
  if (!sentence) return BABEL_OK;
  if (own->state == BABEL_TASK_FAILED) return BABEL_FAIL(BABEL_ERR_STATE, "%s", own->why);
  comm->relayed = answered(comm, BABEL_TASK_FAILED);
  return BABEL_FAIL(BABEL_ERR_STATE, "%s", sentence);
}

/* All who live have answered after half the time limit, so that at its end the missing ones are known. */
babel_status babel_comm_watch(babel_comm *comm, babel_task_state (*ask)(void *user, char *why), void *user, const char **failure) {
  exchange x = begin(comm);
  double began = now(), looked = began;
  answer *own = &comm->answers[comm->rank];
  memset(comm->answers, 0, (size_t)comm->size * sizeof *own);
  for (int r = 0; r < comm->size; r++) BABEL_TRY(post(&x, r, &comm->answers[r], sizeof *own, false));
  for (int turn = 0;; turn++) {
    bool open;
    if (own->state == BABEL_TASK_OPEN) {
      own->state = ask(user, own->why);
      if (own->state == BABEL_TASK_OPEN && (in_vain(comm) || now() - began > comm->limit / 2)) own->state = BABEL_TASK_GIVEN_UP;
      for (int r = 0; r < comm->size && own->state != BABEL_TASK_OPEN; r++) BABEL_TRY(post(&x, r, own, sizeof *own, true));
    }
    BABEL_TRY(test(comm, x.n, &open));
    if (!open && own->state != BABEL_TASK_OPEN) break;
    BABEL_TRY(attend(comm, x.n, turn, began, &looked));
  }
  if (!failure) return say_failure(comm);
  *failure = failure_of(comm);
  return BABEL_OK;
}

babel_device_comm **babel_comm_devices(babel_comm *comm) {
  return &comm->devices;
}

/* ---- MPI's own collectives: they have no time limit, so the clock is set on them ------------------------------------------------------------ */

static char late_text[160];

static void on_alarm(int number) {
  ssize_t written = write(STDERR_FILENO, late_text, strlen(late_text));
  (void)written; /* nothing is left to be done about it */
  _Exit(EXIT_FAILURE);
}

static struct sigaction set_alarm(double seconds, const char *doing) {
  struct sigaction action = {.sa_handler = on_alarm}, before;
  snprintf(late_text, sizeof late_text, "babel: error: %s: another rank has not answered for %g s, or there are too few\n", doing, seconds);
  sigaction(SIGALRM, &action, &before);
  alarm((unsigned)(seconds < 1 ? 1 : seconds));
  return before;
}

static void clear_alarm(const struct sigaction *before) {
  alarm(0);
  sigaction(SIGALRM, before, NULL);
}

/* ---- begin and end ----------------------------------------------------------------------------------------------------------------------- */

static babel_status introduce(babel_comm *comm) {
  int64_t at[comm->size + 1];
  identity *own = &comm->who[comm->rank];
  gethostname(own->host, sizeof own->host - 1);
  own->pid = (int)getpid();
  for (int r = 0; r < comm->size; r++) snprintf(comm->names[r], NAME, "rank %d", r);
  for (int r = 0; r <= comm->size; r++) at[r] = r;
  BABEL_TRY(gather_bytes(comm, comm->who, at, sizeof *own));
  for (int r = 0; r < comm->size; r++) {
    const identity *who = &comm->who[r];
    snprintf(comm->names[r], NAME, "rank %d of %d (%s, pid %d)", r, comm->size, who->host, who->pid);
    comm->watched[r] = r != comm->rank && !strcmp(who->host, own->host) && !kill(who->pid, 0);
  }
  return BABEL_OK;
}

static babel_status create(babel_comm *comm) {
  size_t size = (size_t)comm->size;
  comm->relayed = -1;
  pthread_mutex_init(&comm->lock, NULL);
  pthread_cond_init(&comm->wake, NULL);
  BABEL_TRY(babel_alloc_to(&comm->who, size, sizeof *comm->who));
  BABEL_TRY(babel_alloc_to(&comm->names, size, sizeof *comm->names));
  BABEL_TRY(babel_alloc_to(&comm->watched, size, sizeof *comm->watched));
  BABEL_TRY(babel_alloc_to(&comm->left, size, sizeof *comm->left));
  BABEL_TRY(babel_alloc_to(&comm->heard, size, sizeof *comm->heard));
  BABEL_TRY(babel_alloc_to(&comm->partings, size, sizeof *comm->partings));
  BABEL_TRY(babel_alloc_to(&comm->answers, size, sizeof *comm->answers));
  BABEL_TRY(babel_alloc_to(&comm->requests, 2 * size, sizeof *comm->requests));
  BABEL_TRY(babel_alloc_to(&comm->peers, 4 * size, sizeof *comm->peers));
  BABEL_TRY(BABEL_MPI(MPI_Comm_set_errhandler(comm->data, MPI_ERRORS_RETURN)));
  BABEL_TRY(BABEL_MPI(MPI_Comm_set_errhandler(comm->control, MPI_ERRORS_RETURN)));
  BABEL_TRY(introduce(comm));
  return babel_comm_busy(comm);
}

static void destroy(babel_comm *comm) {
  void *memory[] = {comm->who, comm->names, comm->watched, comm->left, comm->heard, comm->partings, comm->answers, comm->requests, comm->peers, comm->scratch,
                    comm};
  pthread_mutex_destroy(&comm->lock);
  pthread_cond_destroy(&comm->wake);
  for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) free(memory[i]);
}

static babel_status start_mpi(double limit, MPI_Comm *data, MPI_Comm *control) {
  int provided;
  struct sigaction before = set_alarm(limit, "the start of MPI");
  BABEL_TRY(BABEL_MPI(MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided)));
  BABEL_TRY(BABEL_MPI(MPI_Comm_dup(MPI_COMM_WORLD, data)));
  BABEL_TRY(BABEL_MPI(MPI_Comm_dup(MPI_COMM_WORLD, control)));
  clear_alarm(&before);
  if (provided >= MPI_THREAD_SERIALIZED) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "this MPI cannot be called from more than one thread, one at a time");
}

babel_status babel_comm_open(babel_comm **comm) {
  int rank, size;
  babel_comm *made;
  MPI_Comm data, control;
  const char *seconds = getenv("BABEL_RANK_SECONDS");
  double limit = seconds ? atof(seconds) : 20;
  *comm = NULL;
  if (babel_launched_ranks() == 1) return BABEL_OK;
  if (!(limit > 0)) return BABEL_FAIL(BABEL_ERR_ARG, "BABEL_RANK_SECONDS=%s: expected a number of seconds above 0", seconds);
  BABEL_TRY(start_mpi(limit, &data, &control));
  BABEL_TRY(BABEL_MPI(MPI_Comm_rank(MPI_COMM_WORLD, &rank)));
  BABEL_TRY(BABEL_MPI(MPI_Comm_size(MPI_COMM_WORLD, &size)));
  if (size != babel_launched_ranks())
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%d ranks were started, but MPI knows of %d: mpirun or srun belongs to another MPI than this program's "
                      "(srun: try --mpi=pmix)", babel_launched_ranks(), size);
  BABEL_TRY(babel_alloc_to(&made, 1, sizeof *made));
  made->rank = rank;
  made->size = size;
  made->limit = limit;
  made->data = data;
  made->control = control;
  babel_status status = create(made);
  if (status != BABEL_OK) destroy(made);
  else *comm = made;
  return status;
}

static bool all_left(const babel_comm *comm) {
  for (int r = 0; r < comm->size; r++)
    if (r != comm->rank && !comm->left[r]) return false;
  return true;
}

/* Tells all others, waits for theirs; *complete: all of them have come. */
static babel_status part(babel_comm *comm, babel_status status, bool *complete) {
  parting *own = &comm->partings[comm->rank];
  double began = now();
  memset(own, 0, sizeof *own);
  own->status = (int)status;
  own->origin = comm->relayed < 0 ? comm->rank : comm->relayed;
  if (status != BABEL_OK) snprintf(own->sentence, sizeof own->sentence, "%s", babel_error_last()->sentence);
  for (int r = 0; r < comm->size; r++) {
    MPI_Request request;
    if (r == comm->rank) continue;
    BABEL_TRY(BABEL_MPI(MPI_Isend(own, (int)sizeof *own, MPI_BYTE, r, TAG_LEAVING, comm->control, &request)));
    BABEL_TRY(BABEL_MPI(MPI_Request_free(&request))); /* `own` stays: a rank that cannot be reached keeps it in use */
  }
  while (!all_left(comm)) {
    const struct timespec pause = {.tv_nsec = 500000};
    bool failed = status != BABEL_OK;
    BABEL_TRY(listen(comm));
    if (!failed) BABEL_TRY(relay(comm));
    for (int r = 0; r < comm->size; r++) {
      double since = comm->heard[r] > began && !failed ? comm->heard[r] : began;
      if (r == comm->rank || comm->left[r] || (now() - since <= (failed ? farewell : comm->limit) && !is_dead(comm, r))) continue;
      if (failed) return status;
      return BABEL_FAIL(BABEL_ERR_STATE, "%s has ended or does not answer, after the work was done", comm->names[r]);
    }
    nanosleep(&pause, NULL);
  }
  *complete = true;
  return status == BABEL_OK ? relay(comm) : status;
}

/* Whether a lower rank reports this failure. */
static bool is_said(const babel_comm *comm) {
  const char *sentence = babel_error_last()->sentence;
  int from = comm->relayed;
  for (int r = 0; r < comm->rank; r++)
    if (comm->left[r] && !strcmp(comm->partings[r].sentence, sentence)) return true;
  return from >= 0 && from < comm->rank && comm->left[from] && comm->partings[from].origin == from;
}

babel_status babel_comm_close(babel_comm *comm, babel_status status, void (*say)(babel_status status)) {
  bool complete = false;
  if (!comm) return status;
  stop_beating(comm);
  babel_device_comm_close(comm->devices);
  status = part(comm, status, &complete);
  if (status != BABEL_OK && say && !is_said(comm)) say(status);
  if (!complete) return status; /* MPI would wait for who is missing; what is still being sent stays in memory */
  struct sigaction before = set_alarm(comm->limit, "the end of MPI");
  MPI_Comm_free(&comm->data);
  MPI_Comm_free(&comm->control);
  MPI_Finalize();
  clear_alarm(&before);
  destroy(comm);
  return status;
}
