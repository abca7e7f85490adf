/* The mlp heads on a device, through the table of the CUDA backend itself, against those of the CPU, which have an oracle (test_head_mlp.c).
 * Runs on a device: device_run.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "eval/heads.h"
#include "eval/oneshot.h"
#include "tests/support/compare.h"

static const babel_ops *open_device(void) {
  cr_assert_eq(babel_cuda_open(0), BABEL_OK, "%s", babel_error_last()->sentence);
  return babel_ops_cuda(BABEL_PRECISION_TF32); /* heads take its exact one */
}

static babel_config small(void) {
  babel_config config;
  babel_config_preset(&config, BABEL_PRESET_OURS);
  config.head_hidden = 20;
  config.head_epochs = 4;
  config.head_batch = 4;
  config.head_lr = 0.01;
  config.head_weight_decay = 0.05;
  return config;
}

/* Points of `classes` kinds, and an episode of n of them and the rest. */
typedef struct {
  babel_points points;
  babel_episode episode;
  float *x;
  int *labels, *rows;
} fixture;

static fixture make(int n, int q, int d, int classes) {
  const int rows = n + q;
  fixture f = {.x = malloc((size_t)rows * (size_t)d * sizeof(float)), .labels = malloc((size_t)rows * sizeof(int)), .rows = malloc((size_t)rows * sizeof(int))};
  for (int r = 0; r < rows; r++) {
    double squares = 0;
    for (int i = 0; i < d; i++) {
      f.x[r * d + i] = (float)(babel_fill("kind", (uint32_t)(r % classes * d + i)) + 0.3 * babel_fill("noise", (uint32_t)(r * d + i)));
      squares += (double)f.x[r * d + i] * (double)f.x[r * d + i];
    }
    for (int i = 0; i < d; i++) f.x[r * d + i] /= (float)sqrt(squares);
    f.labels[r] = r % classes;
    f.rows[r] = r;
  }
  f.points = (babel_points){f.x, f.labels, rows, d};
  f.episode = (babel_episode){n, q, f.rows, f.rows + n};
  return f;
}

static void drop(fixture *f) {
  free(f->x), free(f->labels), free(f->rows);
}

/* Heads of different sizes in one call, some of which have no rows left in the later steps of an epoch. */
Test(eval_head_mlp_device, heads_of_one_call_give_the_cpus_answers) {
  const babel_ops *device = open_device();
  const babel_config config = small();
  enum { HEADS = 4 };
  static const int sizes[HEADS][4] = {{9, 12, 17, 3}, {4, 6, 8, 4}, {3, 520, 5, 3}, {11, 3, 30, 2}};
  fixture f[HEADS];
  babel_oneshot_job jobs[2][HEADS];
  for (int i = 0; i < HEADS; i++) {
    f[i] = make(sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3]);
    const unsigned heads = 1u << BABEL_HEAD_NEAREST | (i == 1 ? 0 : 1u << BABEL_HEAD_MLP);
    for (int side = 0; side < 2; side++) jobs[side][i] = (babel_oneshot_job){.points = &f[i].points, .episode = &f[i].episode, .heads = heads, .seed = 7 + (uint64_t)i};
  }
  for (int side = 0; side < 2; side++) cr_assert_eq(babel_oneshot_run(jobs[side], HEADS, &config, side ? device : NULL), BABEL_OK, "%s", babel_error_last()->sentence);
  for (int i = 0; i < HEADS; i++)
    for (int head = 0; head < BABEL_HEAD_COUNT; head++) {
      const babel_oneshot *cpu = &jobs[0][i].results[head], *here = &jobs[1][i].results[head];
      cr_assert_eq(here->count, cpu->count);
      for (int r = 0; r < here->count; r++) {
        cr_assert_eq(here->predictions[r].predicted, cpu->predictions[r].predicted, "job %d, head %d, query %d", i, head, r);
        cr_assert_float_eq((double)here->predictions[r].score, (double)cpu->predictions[r].score, 1e-5, "job %d, head %d, query %d", i, head, r);
      }
    }
  for (int side = 0; side < 2; side++) babel_oneshot_destroy(jobs[side], HEADS);
  for (int i = 0; i < HEADS; i++) drop(&f[i]);
}

Test(eval_head_mlp_device, two_runs_give_the_same_bits_and_a_bad_size_is_refused) {
  const babel_ops *device = open_device();
  babel_config config = small();
  fixture f = make(5, 4, 6, 2);
  babel_oneshot_job jobs[2];
  for (int run = 0; run < 2; run++) {
    jobs[run] = (babel_oneshot_job){.points = &f.points, .episode = &f.episode, .heads = 1u << BABEL_HEAD_MLP, .seed = 3};
    cr_assert_eq(babel_oneshot_run(&jobs[run], 1, &config, device), BABEL_OK, "%s", babel_error_last()->sentence);
  }
  for (int r = 0; r < 4; r++)
    cr_assert_eq(jobs[0].results[BABEL_HEAD_MLP].predictions[r].score, jobs[1].results[BABEL_HEAD_MLP].predictions[r].score);
  for (int run = 0; run < 2; run++) babel_oneshot_destroy(&jobs[run], 1);
  config.head_batch = 0;
  cr_assert_eq(babel_oneshot_run(&jobs[0], 1, &config, device), BABEL_ERR_ARG);
  config = small();
  f.x[0] = NAN;
  cr_assert_eq(babel_oneshot_run(&jobs[0], 1, &config, device), BABEL_ERR_VALUE);
  drop(&f);
}
