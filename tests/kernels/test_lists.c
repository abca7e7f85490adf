/* Calls that take a list of jobs: one longer than a launch of a device takes gives what each job gives alone, bit for bit. */
#include "kernels/ops.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

#include <math.h>
#include <string.h>

enum { JOBS = 61, ROWS = 3, WIDE = 5, SIZE = ROWS * WIDE };

/* What the jobs read, and what they leave when they are called together [0] and one by one [1]. */
typedef struct {
  float x[JOBS][SIZE], y[JOBS][SIZE], inv[JOBS][ROWS];
  int rows[JOBS][ROWS];
  float out[2][JOBS][3 * SIZE], number[2][JOBS][1];
  double parts[JOBS][BABEL_COSINE_DISTILL_PARTS];
} world;

static void create(world *w) {
  memset(w, 0, sizeof *w);
  babel_fill_floats("x", w->x[0], JOBS * SIZE, 1);
  babel_fill_floats("y", w->y[0], JOBS * SIZE, 1);
  babel_fill_floats("inv", w->inv[0], JOBS * ROWS, 1);
  babel_fill_floats("out", w->out[0][0], JOBS * 3 * SIZE, 0.1);
  for (int j = 0; j < JOBS; j++)
    for (int i = 0; i < ROWS; i++) w->rows[j][i] = (i + j) % ROWS;
  for (float *at = &w->out[0][0][0], *end = at + JOBS * 3 * SIZE; at < end; at++) *at = fabsf(*at); /* second moments are */
  memcpy(w->out[1], w->out[0], sizeof w->out[0]);
}

static void compare(const world *w, const char *what) {
  for (int j = 0; j < JOBS; j++) {
    cr_assert_arr_eq(w->out[0][j], w->out[1][j], sizeof w->out[0][j], "%s: job %d", what, j);
    cr_assert_arr_eq(w->number[0][j], w->number[1][j], sizeof w->number[0][j], "%s: number of job %d", what, j);
  }
}

/* Fills jobs[j] with `value`, in which `to`, `number` and j may stand, for both rounds; calls `together` and, JOBS times, `alone`. */
#define CHECK(type, value, together, alone)                                                   \
  do {                                                                                        \
    static world w;                                                                           \
    type jobs[JOBS];                                                                          \
    create(&w);                                                                               \
    for (int round = 0; round < 2; round++) {                                                 \
      for (int j = 0; j < JOBS; j++) {                                                        \
        float *to = w.out[round][j], *number = w.number[round][j];                            \
        (void)number;                                                                         \
        jobs[j] = (type)value;                                                                \
      }                                                                                       \
      if (!round) cr_assert_eq((together), BABEL_OK, "%s", babel_error_last()->sentence);     \
      for (int j = 0; j < JOBS && round; j++) cr_assert_eq((alone), BABEL_OK, "%s", babel_error_last()->sentence); \
    }                                                                                         \
    compare(&w, #type);                                                                       \
  } while (0)
#define LIST(...) {__VA_ARGS__}

Test(kernels_lists, rows_are_normalised) {
  const babel_ops *ops = babel_test_ops();
  CHECK(babel_l2norm_fwd_job, LIST(.y = to, .inv = to + SIZE, .x = w.x[j], .n = ROWS, .d = WIDE), ops->l2norm_fwd(jobs, JOBS, NULL), ops->l2norm_fwd(&jobs[j], 1, NULL));
  CHECK(babel_l2norm_bwd_job, LIST(.dx = to, .dy = w.x[j], .y = w.y[j], .inv = w.inv[j], .n = ROWS, .d = WIDE, .rows = ROWS), ops->l2norm_bwd(jobs, JOBS, NULL),
        ops->l2norm_bwd(&jobs[j], 1, NULL));
}

Test(kernels_lists, losses) {
  const babel_ops *ops = babel_test_ops();
  CHECK(babel_cosine_distill_job, LIST(.loss = number, .de = to, .parts = w.parts[j], .e = w.x[j], .t = w.y[j], .weight = 2, .n = ROWS, .d = WIDE),
        ops->cosine_distill(jobs, JOBS, NULL), ops->cosine_distill(&jobs[j], 1, NULL));
  CHECK(babel_softmax_xent_job, LIST(.loss = number, .dz = to, .z = w.x[j], .labels = w.rows[j], .n = ROWS, .c = WIDE), ops->softmax_xent(jobs, JOBS, NULL),
        ops->softmax_xent(&jobs[j], 1, NULL));
}

Test(kernels_lists, updates) {
  const babel_ops *ops = babel_test_ops();
  const babel_step_state state = {.step = 3, .lr = 1e-2F, .trunk_lr = 1e-3F, .ema_momentum = 0.9F, .bias1 = 0.3F, .bias2 = 0.02F};
  const float weights[2] = {0.75F, 0.25F}, lr = 0.1F;
  CHECK(babel_adamw_job, LIST(.p = to, .m = to + SIZE, .v = to + 2 * SIZE, .g = {w.x[j]}, .n = ROWS, .weight_decay = 0.1F, .trunk = j % 2),
        ops->adamw(jobs, JOBS, 0.9F, 0.999F, 1e-8F, &state, NULL), ops->adamw(&jobs[j], 1, 0.9F, 0.999F, 1e-8F, &state, NULL));
  CHECK(babel_sgd_job, LIST(.p = to, .momentum = to + SIZE, .g = w.x[j], .lr = &lr, .n = SIZE, .mu = 0.9F, .weight_decay = 0.1F), ops->sgd(jobs, JOBS, NULL),
        ops->sgd(&jobs[j], 1, NULL));
  CHECK(babel_combine_job, LIST(.y = to, .weights = weights, .x0 = w.x[j], .x1 = w.y[j], .n = SIZE), ops->combine(jobs, JOBS, NULL), ops->combine(&jobs[j], 1, NULL));
}

Test(kernels_lists, rows_are_gathered) {
  const babel_ops *ops = babel_test_ops();
  const babel_step_state state = {.step = 3};
  CHECK(babel_input_gather_job, LIST(.y = to, .bank = w.x[j], .rows = w.rows[j], .n = ROWS, .d = WIDE, .bank_rows = ROWS, .dropout = 0.5F, .seed = (uint64_t)j),
        ops->input_gather(jobs, JOBS, &state, NULL), ops->input_gather(&jobs[j], 1, &state, NULL));
}
