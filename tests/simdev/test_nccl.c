/* The stand-in for NCCL: what two and three processes get, and when. */
#include <criterion/criterion.h>
#include <nccl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int wrong; /* checks of this process that failed */
static ncclComm_t comm;
static cudaStream_t stream;
static float *numbers;

#define EXPECT(condition)                                                                                                                        \
  do {                                                                                                                                           \
    if (condition) break;                                                                                                                        \
    fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                                                      \
    wrong++;                                                                                                                                     \
  } while (0)

static ncclResult_t state_of(void) {
  ncclResult_t state = ncclInternalError;
  EXPECT(ncclCommGetAsyncError(comm, &state) == ncclSuccess);
  return state;
}

static void join(ncclUniqueId id, int rank, int ranks) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  EXPECT(ncclCommInitRankConfig(&comm, ranks, id, rank, &config) == ncclInProgress);
}

/* body(rank, ranks) in `ranks` processes that have joined, each with three floats on its device. */
static void with_ranks(int ranks, void (*body)(int rank, int ranks)) {
  ncclUniqueId id;
  cr_assert_eq(ncclGetUniqueId(&id), ncclSuccess);
  pid_t child[8];
  for (int r = 0; r < ranks; r++) {
    child[r] = fork();
    if (child[r]) continue;
    join(id, r, ranks);
    while (state_of() == ncclInProgress) usleep(100);
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    cudaMalloc((void **)&numbers, 3 * sizeof *numbers);
    body(r, ranks);
    EXPECT(ncclCommAbort(comm) == ncclSuccess);
    EXPECT(cudaFree(numbers) == cudaSuccess);
    EXPECT(cudaStreamDestroy(stream) == cudaSuccess);
    exit(wrong);
  }
  for (int r = 0; r < ranks; r++) {
    int status;
    cr_assert_eq(waitpid(child[r], &status, 0), child[r]);
    cr_assert_eq(status, 0, "rank %d", r);
  }
}

static void set(const float values[3]) {
  cudaMemcpyAsync(numbers, values, 3 * sizeof *numbers, cudaMemcpyHostToDevice, stream);
}

static void get(float values[3]) {
  cudaMemcpyAsync(values, numbers, 3 * sizeof *numbers, cudaMemcpyDeviceToHost, stream);
  cudaStreamSynchronize(stream);
}

static void sum(void) {
  EXPECT(ncclGroupStart() == ncclSuccess);
  EXPECT(ncclAllReduce(numbers, numbers, 3, ncclFloat, ncclSum, comm, stream) == ncclSuccess);
  EXPECT(ncclGroupEnd() == ncclInProgress);
}

/* 1e8 + 1 - 1e8 is 0 in this order and 1 in others. */
static void sums_in_order(int rank, int ranks) {
  static const float column[3] = {1e8f, 1, -1e8f};
  float values[3] = {column[rank], (float)rank, 1};
  for (int round = 0; round < 3; round++) {
    set(values);
    sum();
    EXPECT(state_of() == ncclSuccess);
    float found[3];
    get(found);
    EXPECT(found[0] == 0 && found[1] == 3 && found[2] == 3);
  }
}

Test(simdev_nccl, sums_are_taken_in_the_order_of_the_ranks) {
  with_ranks(3, sums_in_order);
}

static void pieces(int rank, int ranks) {
  float values[3] = {-1, -1, -1};
  values[rank ? 1 : 0] = values[rank ? 2 : 0] = (float)rank + 5;
  set(values);
  EXPECT(ncclGroupStart() == ncclSuccess);
  EXPECT(ncclBroadcast(numbers, numbers, 1, ncclFloat, 0, comm, stream) == ncclSuccess);
  EXPECT(ncclBroadcast(numbers + 1, numbers + 1, 2, ncclFloat, 1, comm, stream) == ncclSuccess);
  EXPECT(ncclGroupEnd() == ncclInProgress);
  EXPECT(state_of() == ncclSuccess);
  get(values);
  EXPECT(values[0] == 5 && values[1] == 6 && values[2] == 6);
}

Test(simdev_nccl, pieces_of_unequal_size_are_gathered) {
  with_ranks(2, pieces);
}

static void late(int rank, int ranks) {
  static const float ones[3] = {1, 1, 1};
  float found[3];
  set(ones);
  if (rank) usleep(200000);
  cudaStreamSynchronize(stream);
  sum();
  EXPECT(cudaStreamQuery(stream) == cudaSuccess); /* nothing is enqueued before it is asked for */
  EXPECT(state_of() == ncclSuccess);
  if (!rank) EXPECT(cudaStreamQuery(stream) == cudaErrorNotReady);
  while (cudaStreamQuery(stream) == cudaErrorNotReady) usleep(100);
  get(found);
  EXPECT(found[0] == 2);
}

Test(simdev_nccl, a_collective_is_not_ready_before_its_peers_have_come) {
  with_ranks(2, late);
}

/* Rank 1 never comes. */
static void given_up(int rank, int ranks) {
  static const float ones[3] = {1, 1, 1};
  float found[3];
  set(ones);
  if (rank) return;
  sum();
  EXPECT(state_of() == ncclSuccess);
  EXPECT(cudaStreamQuery(stream) == cudaErrorNotReady);
  EXPECT(ncclCommAbort(comm) == ncclSuccess);
  get(found);
  EXPECT(found[0] == 1);
  ncclUniqueId id;
  EXPECT(ncclGetUniqueId(&id) == ncclSuccess);
  join(id, 0, 1); /* for with_ranks to leave */
}

Test(simdev_nccl, what_is_aborted_passes_without_effect) {
  with_ranks(2, given_up);
}

static void failing(int rank, int ranks) {
  simdev_fail("nccl:3");
  EXPECT(ncclGroupStart() == ncclSuccess);
  EXPECT(ncclAllReduce(numbers, numbers, 3, ncclFloat, ncclSum, comm, stream) == ncclSuccess);
  EXPECT(ncclGroupEnd() == ncclInProgress);
  EXPECT(state_of() == ncclSystemError);
  simdev_fail("nccl:2");
  EXPECT(ncclGroupStart() == ncclSuccess);
  EXPECT(ncclAllReduce(numbers, numbers, 3, ncclFloat, ncclSum, comm, stream) == ncclInvalidUsage); /* after a failure */
  EXPECT(ncclGroupEnd() == ncclSuccess);
}

Test(simdev_nccl, the_nth_call_fails) {
  with_ranks(1, failing);
}

static void misused(int rank, int ranks) {
  float host[3];
  EXPECT(ncclAllReduce(numbers, numbers, 3, ncclFloat, ncclSum, comm, stream) == ncclInvalidUsage); /* in no group */
  EXPECT(ncclGroupStart() == ncclSuccess);
  EXPECT(ncclAllReduce(host, numbers, 3, ncclFloat, ncclSum, comm, stream) == ncclInvalidArgument);
  EXPECT(ncclAllReduce(numbers, numbers, 4, ncclFloat, ncclSum, comm, stream) == ncclInvalidArgument);
  EXPECT(ncclBroadcast(numbers, numbers, 3, ncclFloat, 1, comm, stream) == ncclInvalidArgument); /* from nobody */
  EXPECT(ncclGroupEnd() == ncclSuccess);
}

Test(simdev_nccl, misuse_is_refused) {
  with_ranks(1, misused);
}
