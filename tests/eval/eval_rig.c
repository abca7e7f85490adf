#include "tests/eval/eval_rig.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/evaluate_rows.h"
#include "tests/support/compare.h"

static const int widths[2] = {3, 5};

static int row_of(int side, int sample) {
  return side ? (sample * 7 + 4) % RIG_SAMPLES : sample;
}

const float *eval_rig_features(const eval_rig *r, int side, int sample) {
  return r->banks[side].features + row_of(side, sample) * widths[side];
}

static void make_bank(babel_bank *bank, int side) {
  char text[24];
  cr_assert_eq(babel_bank_create(bank, side ? "skeleton" : "imu", RIG_SAMPLES, 0, 1, widths[side]), BABEL_OK);
  snprintf(bank->dataset, sizeof bank->dataset, "tiny");
  snprintf(bank->path, sizeof bank->path, "%s.safetensors", bank->modality);
  free(bank->provenance);
  bank->provenance = strdup(side ? "{\"encoder\": \"st_gcn\"}" : "{}");
  for (int i = 0; i < RIG_SAMPLES; i++) {
    int row = row_of(side, i);
    snprintf(text, sizeof text, "k%d", i);
    bank->keys[row] = strdup(text);
    bank->recordings[row] = strdup(text);
    bank->labels[row] = i % RIG_CLASSES;
    for (int j = 0; j < widths[side]; j++)
      bank->features[row * widths[side] + j] = (float)(2 + 1.3 * babel_fill(side ? "class b" : "class a", (uint32_t)(i % RIG_CLASSES * 8 + j)) +
                                                       babel_fill(side ? "noise b" : "noise a", (uint32_t)(i * 8 + j)));
  }
}

static void make_split(babel_split *split) {
  char text[24];
  *split = (babel_split){.count = RIG_SAMPLES, .keys = calloc(RIG_SAMPLES, sizeof(char *)), .parts = calloc(RIG_SAMPLES, sizeof(babel_part))};
  snprintf(split->path, sizeof split->path, "split.csv");
  for (int i = 0; i < RIG_SAMPLES; i++) {
    snprintf(text, sizeof text, "k%d", i);
    split->keys[i] = strdup(text);
    split->parts[i] = i < RIG_TRAIN ? BABEL_PART_TRAIN : i < RIG_TEST ? BABEL_PART_HOLDOUT : BABEL_PART_TEST;
  }
}

static char **name_keys(const int *samples, int count) {
  char **keys = calloc((size_t)count, sizeof *keys), text[24];
  for (int i = 0; i < count; i++) {
    snprintf(text, sizeof text, "k%d", samples[i]);
    keys[i] = strdup(text);
  }
  return keys;
}

/* Draw d: support = four samples in a row of the test part, one of each class; queries = the first six others. Set 0 never takes
 * the last two test samples. */
static void make_draws(babel_draws *draws, int set) {
  *draws = (babel_draws){.count = RIG_DRAWS, .draws = calloc(RIG_DRAWS, sizeof(babel_draw))};
  snprintf(draws->path, sizeof draws->path, "draws%d.csv", set);
  for (int d = 0; d < RIG_DRAWS; d++) {
    int first = RIG_TEST + d * 2 + set, support[4], query[6], used = 0;
    for (int i = 0; i < 4; i++) support[i] = first + i;
    for (int i = RIG_TEST; i < RIG_SAMPLES - 1 + set && used < 6; i++)
      if (i < first || i > first + 3) query[used++] = i;
    draws->draws[d] = (babel_draw){.support_count = 4, .query_count = used, .support = name_keys(support, 4), .query = name_keys(query, used)};
  }
}

static double projection(int side, int seed, int row, int column) {
  char key[40];
  snprintf(key, sizeof key, "projection %d %d", side, seed);
  return (double)(float)babel_fill(key, (uint32_t)(row * 8 + column));
}

/* Two layers that compute m x: hidden units m x and -m x, of which ReLU keeps the positive ones. m NULL = the unit matrix. */
static void make_linear(babel_mlp *mlp, int in, double (*m)(int, int, int, int), int side, int seed) {
  float *first = mlp->params + mlp->weight_at[0], *second = mlp->params + mlp->weight_at[1];
  cr_assert(mlp->layers == 2 && mlp->widths[0] == in && mlp->widths[1] == 2 * RIG_EMBED && mlp->widths[2] == RIG_EMBED);
  memset(mlp->params, 0, (size_t)mlp->count * sizeof(float));
  for (int i = 0; i < RIG_EMBED; i++) {
    for (int j = 0; j < in; j++) {
      float value = m ? (float)m(side, seed, i, j) : (float)(i == j);
      first[i * in + j] = value;
      first[(RIG_EMBED + i) * in + j] = -value;
    }
    second[i * 2 * RIG_EMBED + i] = 1;
    second[i * 2 * RIG_EMBED + RIG_EMBED + i] = -1;
  }
}

static float mean_of(int j) {
  return (float)(2 + 0.1 * j);
}

static float inv_std_of(int j) {
  return (float)(1 + 0.25 * j);
}

static void make_trunk(babel_trunk *trunk, int seed) {
  babel_config config;
  float mean[8], inv_std[8];
  babel_config_preset(&config, BABEL_PRESET_BEST);
  config.embed_dim = RIG_EMBED;
  config.hidden = 2 * RIG_EMBED;
  config.concept_layers = config.proto_layers = 2;
  config.seed = 40 + seed;
  config.head_epochs = 5;
  cr_assert_eq(babel_trunk_create(trunk, babel_ops_cpu(), &config), BABEL_OK);
  snprintf(trunk->path, sizeof trunk->path, "trunk%d.safetensors", seed);
  make_linear(&trunk->prototype, RIG_EMBED, NULL, 0, seed);
  for (int j = 0; j < 8; j++) {
    mean[j] = mean_of(j);
    inv_std[j] = inv_std_of(j);
  }
  for (int side = 0; side < 2; side++) {
    cr_assert_eq(babel_trunk_add_tower(trunk, side ? "skeleton" : "imu", widths[side]), BABEL_OK);
    babel_tower *tower = &trunk->towers[side];
    make_linear(&tower->module, widths[side], projection, side, seed);
    cr_assert_eq(babel_trunk_set_statistics(trunk, tower, mean, inv_std), BABEL_OK);
    tower->provenance = strdup(side ? "{\"encoder\": \"shift_gcn\"}" : "{\"encoder\": \"imu_stats\"}");
  }
}

void eval_rig_create(eval_rig *r) {
  memset(r, 0, sizeof *r);
  for (int s = 0; s < 2; s++) make_bank(&r->banks[s], s);
  make_split(&r->split);
  for (int set = 0; set < 2; set++) make_draws(&r->draws[set], set);
  for (int seed = 0; seed < RIG_SEEDS; seed++) make_trunk(&r->trunks[seed], seed);
}

void eval_rig_destroy(eval_rig *r) {
  for (int s = 0; s < 2; s++) babel_bank_destroy(&r->banks[s]);
  babel_split_destroy(&r->split);
  for (int set = 0; set < 2; set++) babel_draws_destroy(&r->draws[set]);
  for (int seed = 0; seed < RIG_SEEDS; seed++) babel_trunk_destroy(&r->trunks[seed]);
}

babel_evaluation eval_rig_evaluation(const eval_rig *r) {
  return (babel_evaluation){.protocol = "made_up", .features = "aligned", .bank = {&r->banks[0], &r->banks[1]}, .heads = 1u << BABEL_HEAD_NEAREST,
                            .raw = true, .fold_count = 1,
                            .folds = {{.draws = &r->draws[0], .split = &r->split, .seeds = 2, .trunks = {&r->trunks[0], &r->trunks[1]}}}};
}

/* ---- what the inputs should be ------------------------------------------------------------------------------------------------------------ */

static void to_unit(double *x, int n) {
  double squares = 0;
  for (int j = 0; j < n; j++) squares += x[j] * x[j];
  for (int j = 0; j < n; j++) x[j] = squares > 0 ? x[j] / sqrt(squares) : 0;
}

static int raw_row(const eval_rig *r, int side, int sample, double *x) {
  const float *f = eval_rig_features(r, side, sample);
  for (int j = 0; j < widths[side]; j++) {
    double mean = 0, variance = 0;
    for (int i = 0; i < RIG_TRAIN; i++) mean += (double)eval_rig_features(r, side, i)[j] / RIG_TRAIN;
    for (int i = 0; i < RIG_TRAIN; i++) variance += pow((double)eval_rig_features(r, side, i)[j] - mean, 2) / RIG_TRAIN;
    x[j] = ((double)f[j] - mean) / (sqrt(variance) + 1e-6);
  }
  to_unit(x, widths[side]);
  return widths[side];
}

static int aligned_row(const eval_rig *r, int side, int sample, int seed, double *x) {
  const float *f = eval_rig_features(r, side, sample);
  for (int i = 0; i < RIG_EMBED; i++) {
    x[i] = 0;
    for (int j = 0; j < widths[side]; j++) x[i] += projection(side, seed, i, j) * ((double)f[j] - (double)mean_of(j)) * (double)inv_std_of(j);
  }
  to_unit(x, RIG_EMBED);
  return RIG_EMBED;
}

static int aligned_input(const eval_rig *r, int input, int sample, int seed, double *x) {
  double b[RIG_EMBED];
  if (input <= BABEL_INPUT_B) return aligned_row(r, input, sample, seed, x);
  aligned_row(r, 0, sample, seed, x);
  if (input == BABEL_INPUT_CONCAT) return RIG_EMBED + aligned_row(r, 1, sample, seed, x + RIG_EMBED);
  aligned_row(r, 1, sample, seed, b);
  for (int j = 0; j < RIG_EMBED; j++) x[j] += (input == BABEL_INPUT_WEIGHTED ? 1.5 : 1) * b[j];
  to_unit(x, RIG_EMBED);
  return RIG_EMBED;
}

static int raw_input(const eval_rig *r, int input, int sample, double *x) {
  if (input <= BABEL_INPUT_B) return raw_row(r, input, sample, x);
  if (input != BABEL_INPUT_CONCAT) return 0;
  raw_row(r, 0, sample, x);
  return widths[0] + raw_row(r, 1, sample, x + widths[0]);
}

int eval_rig_input(const eval_rig *r, int kind, int input, int seed, int seeds, double x[RIG_SAMPLES][RIG_WIDEST]) {
  int width = 0;
  for (int i = 0; i < RIG_SAMPLES; i++) {
    width = 0;
    if (kind == BABEL_ROW_RAW) width = raw_input(r, input, i, x[i]);
    if (kind == BABEL_ROW_ALIGNED || kind == BABEL_ROW_PLUS_RAW) width = aligned_input(r, input, i, seed, x[i]);
    if (kind == BABEL_ROW_PLUS_RAW) width += raw_input(r, input <= BABEL_INPUT_B ? input : BABEL_INPUT_CONCAT, i, x[i] + width);
    for (int s = 0; kind == BABEL_ROW_ENSEMBLE && s < seeds; s++) width += aligned_input(r, input, i, s, x[i] + width);
  }
  return width;
}
