#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "encoders/limu_bert_net.h"
#include "tests/encoders/limu_synthetic.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"

enum { STEPS = 120, HIDDEN = 72, CHANNELS = 6, MOST = STEPS * HIDDEN };

static babel_limu_bert_net load(const char *path) {
  babel_limu_bert_net net;
  char sha256[65];
  cr_assert_eq(babel_limu_bert_net_load(&net, path, sha256), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(strlen(sha256), 64);
  return net;
}

static babel_limu_bert_net synthetic(void) {
  return load(limu_synthetic_write(&(limu_synthetic){0}));
}

/* Runs with guard bands around everything; decoded may be NULL. */
static void run(const babel_limu_bert_net *net, const float *x, int rows, int blocks, float *h,
                float *decoded) {
  size_t size = babel_limu_bert_net_scratch();
  float *scratch = babel_guarded(size), *out = babel_guarded((size_t)rows * HIDDEN);
  float *in = babel_guarded((size_t)rows * CHANNELS), *heads = babel_guarded((size_t)rows * CHANNELS);
  memcpy(in, x, (size_t)rows * CHANNELS * sizeof *x);
  cr_assert_eq(babel_limu_bert_net_run(net, in, rows, blocks, out, decoded ? heads : NULL, scratch), BABEL_OK,
               "%s", babel_error_last()->sentence);
  cr_assert(babel_guard_check(scratch, size) && babel_guard_check(out, (size_t)rows * HIDDEN));
  cr_assert(babel_guard_check(in, (size_t)rows * CHANNELS) &&
            babel_guard_check(heads, (size_t)rows * CHANNELS));
  memcpy(h, out, (size_t)rows * HIDDEN * sizeof *h);
  if (decoded) memcpy(decoded, heads, (size_t)rows * CHANNELS * sizeof *heads);
  float *all[] = {scratch, out, in, heads};
  for (int i = 0; i < 4; i++) babel_guarded_free(all[i]);
}

/* Sum, Euclidean norm and single elements; every one within 1e-5 of the largest |value| (of the norm, for the sum). */
typedef struct {
  double sum, norm;
  int count, at[7];
  double value[7];
} expected;

static void check(const char *label, const float *x, size_t n, const expected *e) {
  double sum = 0, squares = 0, most = 0;
  for (size_t i = 0; i < n; i++) {
    sum += (double)x[i];
    squares += (double)x[i] * (double)x[i];
    most = fmax(most, fabs((double)x[i]));
  }
  cr_assert_float_eq(sqrt(squares), e->norm, 1e-5 * e->norm, "%s: norm %.9g", label, sqrt(squares));
  cr_assert_float_eq(sum, e->sum, 2e-5 * e->norm, "%s: sum %.9g", label, sum);
  for (int i = 0; i < e->count; i++)
    cr_assert_float_eq((double)x[e->at[i]], e->value[i], 1e-5 * most, "%s: [%d] is %.9g", label, e->at[i],
                       (double)x[e->at[i]]);
}

static void check_fixture(const char *name, const float *found, size_t n) {
  babel_safetensors file;
  cr_assert_eq(babel_safetensors_open(&file, babel_fixture("limu_bert.safetensors")), BABEL_OK);
  const babel_tensor *tensor = babel_safetensors_find(&file, name);
  cr_assert(tensor && tensor->rank == 2 && (size_t)(tensor->shape[0] * tensor->shape[1]) == n, "%s", name);
  double *want = malloc(n * sizeof *want), most = 0;
  for (size_t i = 0; i < n; i++) {
    want[i] = babel_tensor_get(tensor, (int64_t)i);
    most = fmax(most, fabs(want[i]));
  }
  cr_assert(babel_close(name, found, want, n, 4e-6 * most,
                        0)); /* measured 1.1e-6 at most, 6e-7 without the decoder */
  cr_assert(babel_global_error(found, want, n) < 1e-12, "%s: %g", name, babel_global_error(found, want, n));
  free(want);
  babel_safetensors_close(&file);
}

Test(encoders_limu_bert_net, outputs_of_every_stage_match_the_golden_file) {
  babel_limu_bert_net net = synthetic();
  float x[STEPS * CHANNELS], h[MOST], decoded[STEPS * CHANNELS];
  limu_synthetic_input(x);
  run(&net, x, STEPS, 0, h, NULL);
  check_fixture("embedding", h, MOST);
  run(&net, x, STEPS, 1, h, NULL);
  check_fixture("block_1", h, MOST);
  run(&net, x, STEPS, 4, h, decoded);
  check_fixture("block_4", h, MOST);
  check_fixture("decoded", decoded, STEPS * CHANNELS);
  run(&net, x, 7, 4, h, NULL);
  check_fixture("block_4_of_7_rows", h, 7 * HIDDEN);
  babel_limu_bert_net_destroy(&net);
}

Test(encoders_limu_bert_net, synthetic_weights_give_the_reference_numbers) {
  babel_limu_bert_net net = synthetic();
  float x[STEPS * CHANNELS], h[MOST];
  limu_synthetic_input(x);
  run(&net, x, STEPS, 4, h, NULL);
  check("synthetic", h, MOST,
        &(expected){-97.2295997,
                    91.6881321,
                    6,
                    {0, 1, 2, 2880, 8638, 8639},
                    {-1.74568094, 0.362701914, 0.0692414256, -1.7456827, -0.253764308, -1.36306161}});
  babel_limu_bert_net_destroy(&net);
}

Test(encoders_limu_bert_net, published_hhar_weights_give_the_reference_numbers_after_every_block) {
  static const expected stages[] = {
      {182.506733,
       60.4477862,
       7,
       {0, 1, 2, 2880, 4320, 8638, 8639},
       {-0.0825207474, -0.359331271, -0.0611630902, 0.281679461, -0.182594895, -0.0822382685, -0.433649155}},
      {-152.558795,
       38.9597522,
       7,
       {0, 1, 2, 2880, 4320, 8638, 8639},
       {0.939039962, 0.157231226, -0.214093226, -0.881765981, -0.368047773, -0.278987933, 0.198904589}},
      {-95.235996,
       31.2553966,
       7,
       {0, 1, 2, 2880, 4320, 8638, 8639},
       {0.827313705, -0.853292488, -0.443385812, 0.607430697, 0.587448218, 0.413833983, 0.074735767}},
      {-38.5623531,
       30.9092304,
       7,
       {0, 1, 2, 2880, 4320, 8638, 8639},
       {0.459379188, -0.199154268, -0.249713362, 0.476056891, 0.474316558, -0.531868085, 0.116782977}},
      {-106.357072,
       35.7180382,
       7,
       {0, 1, 2, 2880, 4320, 8638, 8639},
       {0.229118475, 0.99161058, -0.374940161, 0.229668175, 0.22906039, -0.203409932, -0.43099082}},
  };
  static const expected decoder = {
      61.704765,
      15.1135371,
      7,
      {0, 1, 2, 240, 360, 718, 719},
      {-0.292240196, 0.217842883, 0.265669246, -0.292729157, -0.292210752, -0.518984582, -0.314130178}};
  static const expected short_input = {
      -24.8525514, 20.8946202, 3, {0, 1, 2879}, {-0.0985783521, 1.21798452, -0.133028503}};
  const char *path = babel_real_weights("limu_bert/hhar.pt");
  if (!path) cr_skip("no published weights here");
  babel_limu_bert_net net;
  char sha256[65];
  float x[STEPS * CHANNELS], h[MOST], decoded[STEPS * CHANNELS];
  cr_assert_eq(babel_limu_bert_net_load(&net, path, sha256), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_str_eq(sha256, "22dab2ba528cd88954395c7f043a006c74fbc38e7d329a64d21e2eb54114b463");
  for (int t = 0; t < STEPS; t++)
    for (int c = 0; c < CHANNELS; c++) x[t * CHANNELS + c] = (float)sin(0.05 * (t + 1) * (c + 1));
  for (int block = 0; block <= 4; block++) {
    run(&net, x, STEPS, block, h, block == 4 ? decoded : NULL);
    check("sines", h, MOST, &stages[block]);
  }
  check("decoder", decoded, STEPS * CHANNELS, &decoder);
  run(&net, x, 40, 4, h, NULL);
  check("40 rows", h, 40 * HIDDEN, &short_input);
  babel_limu_bert_net_destroy(&net);
}

Test(encoders_limu_bert_net, all_published_files_give_the_reference_numbers) {
  static const struct {
    const char *name;
    expected e;
  } files[] = {
      {"hhar", {-127.280903, 37.8081106, 3, {0, 1, 8639}, {-0.0439729003, 1.04726366, -0.40051495}}},
      {"motion", {49.1458864, 51.4300878, 3, {0, 1, 8639}, {-0.140383081, 0.303168537, -1.04801952}}},
      {"shoaib", {71.3309268, 38.6993881, 3, {0, 1, 8639}, {-0.418685635, -0.0602045542, 0.112874476}}},
      {"uci", {164.110194, 69.3226712, 3, {0, 1, 8639}, {0.354968417, 0.000176798384, -1.34181607}}},
  };
  float x[STEPS * CHANNELS], h[MOST];
  limu_synthetic_input(x);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char name[64];
    snprintf(name, sizeof name, "limu_bert/%s.pt", files[i].name);
    const char *path = babel_real_weights(name);
    if (!path) cr_skip("no published weights here");
    babel_limu_bert_net net = load(path);
    run(&net, x, STEPS, 4, h, NULL);
    check(files[i].name, h, MOST, &files[i].e);
    babel_limu_bert_net_destroy(&net);
  }
}

Test(encoders_limu_bert_net, repeated_and_parallel_runs_are_bitwise_equal) {
  enum { N = 16 };
  babel_limu_bert_net net = synthetic();
  float x[STEPS * CHANNELS], alone[MOST], *many = malloc(N * sizeof alone);
  limu_synthetic_input(x);
  run(&net, x, STEPS, 2, alone, NULL);
  size_t size = babel_limu_bert_net_scratch();
#pragma omp parallel for
  for (int i = 0; i < N; i++) {
    float *scratch = malloc(size * sizeof *scratch);
    babel_limu_bert_net_run(&net, x, STEPS, 2, many + (size_t)i * MOST, NULL, scratch);
    free(scratch);
  }
  for (int i = 0; i < N; i++) cr_assert_eq(memcmp(many + (size_t)i * MOST, alone, sizeof alone), 0);
  free(many);
  babel_limu_bert_net_destroy(&net);
}

Test(encoders_limu_bert_net, any_number_of_threads_gives_the_same_bits) {
  static const int lengths[] = {1, 31, 33, 119, STEPS};
  babel_limu_bert_net net = synthetic();
  float x[STEPS * CHANNELS], one[MOST], many[MOST];
  int most = omp_get_max_threads();
  limu_synthetic_input(x);
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    omp_set_num_threads(1);
    run(&net, x, lengths[i], 4, one, NULL);
    for (int threads = 2; threads <= 5; threads++) {
      omp_set_num_threads(threads);
      run(&net, x, lengths[i], 4, many, NULL);
      cr_assert_eq(memcmp(one, many, (size_t)lengths[i] * HIDDEN * sizeof *one), 0, "%d rows, %d threads", lengths[i], threads);
    }
  }
  omp_set_num_threads(most);
  babel_limu_bert_net_destroy(&net);
}

Test(encoders_limu_bert_net, rows_and_blocks_out_of_range_are_refused) {
  babel_limu_bert_net net = synthetic();
  cr_assert_eq(babel_limu_bert_net_run(&net, NULL, 0, 1, NULL, NULL, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_limu_bert_net_run(&net, NULL, 121, 1, NULL, NULL, NULL), BABEL_ERR_SHAPE);
  cr_assert(strstr(babel_error_last()->sentence, "120"), "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_limu_bert_net_run(&net, NULL, 1, -1, NULL, NULL, NULL), BABEL_ERR_ARG);
  cr_assert_eq(babel_limu_bert_net_run(&net, NULL, 1, 5, NULL, NULL, NULL), BABEL_ERR_ARG);
  babel_limu_bert_net_destroy(&net);
}

Test(encoders_limu_bert_net, babels_own_checkpoint_with_its_prefix_and_other_towers_gives_the_same) {
  babel_limu_bert_net plain = synthetic();
  babel_limu_bert_net net = load(
      limu_synthetic_write(&(limu_synthetic){.prefix = "imu_model.", .extra = "skeleton_model.fcn.bias"}));
  float x[STEPS * CHANNELS], a[MOST], b[MOST];
  limu_synthetic_input(x);
  run(&plain, x, STEPS, 4, a, NULL);
  run(&net, x, STEPS, 4, b, NULL);
  cr_assert_eq(memcmp(a, b, sizeof a), 0);
  babel_limu_bert_net_destroy(&plain);
  babel_limu_bert_net_destroy(&net);
}

static void refused(const limu_synthetic *how, const char *word) {
  babel_limu_bert_net net;
  char sha256[65];
  cr_assert_eq(babel_limu_bert_net_load(&net, limu_synthetic_write(how), sha256), BABEL_ERR_FORMAT, "%s",
               word);
  cr_assert(strstr(babel_error_last()->sentence, word), "\"%s\" does not name %s",
            babel_error_last()->sentence, word);
}

Test(encoders_limu_bert_net, files_that_do_not_fit_are_refused_with_the_tensor_named) {
  babel_limu_bert_net net;
  char sha256[65];
  refused(&(limu_synthetic){.omit = "transformer.norm1.beta"}, "transformer.norm1.beta");
  refused(&(limu_synthetic){.omit = "linear.bias"}, "linear.bias");
  refused(&(limu_synthetic){.reshape = "transformer.pwff.fc1.weight"}, "transformer.pwff.fc1.weight");
  refused(&(limu_synthetic){.spoil = "transformer.attn.proj_v.weight"}, "transformer.attn.proj_v.weight");
  refused(&(limu_synthetic){.extra = "transformer.norm3.gamma"}, "transformer.norm3.gamma");
  refused(&(limu_synthetic){.prefix = "imu_model.", .extra = "imu_model.more"}, "imu_model.more");
  cr_assert_neq(babel_limu_bert_net_load(&net, "/nowhere/hhar.pt", sha256), BABEL_OK);
  cr_assert(strstr(babel_error_last()->sentence, "/nowhere/hhar.pt"));
}

Test(encoders_limu_bert_net, a_file_without_decoder_encodes_but_does_not_decode) {
  babel_limu_bert_net plain = synthetic(),
                      net = load(limu_synthetic_write(&(limu_synthetic){.omit_decoder = true}));
  float x[STEPS * CHANNELS], a[MOST], b[MOST], decoded[STEPS * CHANNELS];
  float *scratch = malloc(babel_limu_bert_net_scratch() * sizeof *scratch);
  limu_synthetic_input(x);
  run(&plain, x, STEPS, 1, a, NULL);
  run(&net, x, STEPS, 1, b, NULL);
  cr_assert_eq(memcmp(a, b, sizeof a), 0);
  cr_assert_eq(babel_limu_bert_net_run(&net, x, STEPS, 1, b, decoded, scratch), BABEL_ERR_STATE);
  free(scratch);
  babel_limu_bert_net_destroy(&plain);
  babel_limu_bert_net_destroy(&net);
}

static double moment(const float *x, int n, int power) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += pow((double)x[i], power);
  return sum / n;
}

Test(encoders_limu_bert_net, random_weights_depend_on_the_seed_alone_and_have_the_stated_spread) {
  babel_limu_bert_net a, b, c;
  cr_assert_eq(babel_limu_bert_net_random(&a, 7), BABEL_OK);
  cr_assert_eq(babel_limu_bert_net_random(&b, 7), BABEL_OK);
  cr_assert_eq(babel_limu_bert_net_random(&c, 8), BABEL_OK);
  float x[STEPS * CHANNELS], ha[MOST], hb[MOST], hc[MOST];
  limu_synthetic_input(x);
  run(&a, x, STEPS, 1, ha, NULL);
  run(&b, x, STEPS, 1, hb, NULL);
  run(&c, x, STEPS, 1, hc, NULL);
  cr_assert_eq(memcmp(ha, hb, sizeof ha), 0);
  cr_assert_neq(memcmp(ha, hc, sizeof ha), 0);
  cr_assert_float_eq(sqrt(moment(a.positions, STEPS * HIDDEN, 2)), 0.02, 0.001);
  cr_assert_float_eq(moment(a.positions, STEPS * HIDDEN, 1), 0, 0.001);
  /* fc1, biases included: 144 x 73 values of deviation bound / sqrt 3, none beyond the bound. */
  const float bound = 1 / sqrtf(72);
  cr_assert_float_eq(sqrt(moment(a.fc1, INT32_C(144) * 73, 2)), (double)bound / sqrt(3), 0.002);
  for (int i = 0; i < 144 * 73; i++) cr_assert(fabsf(a.fc1[i]) <= bound);
  for (int i = 0; i < HIDDEN; i++) cr_assert(a.norm1_gamma[i] == 1 && a.norm1_beta[i] == 0);
  babel_limu_bert_net_destroy(&a);
  babel_limu_bert_net_destroy(&b);
  babel_limu_bert_net_destroy(&c);
}
