#include "growth/phase_data.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/log.h"
#include "core/rng.h"
#include "growth/step_ranks.h"

static babel_status take_ints(int **pointer, size_t count) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, count, sizeof(int)));
  *pointer = memory;
  return BABEL_OK;
}

static babel_status take_floats(float **pointer, size_t count) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, count, sizeof(float)));
  *pointer = memory;
  return BABEL_OK;
}

/* The variants that this configuration trains on, as columns of one bank: floor(i 600 / V), i = 0..V-1 (section 8); of a bank that has just so many, its own. */
static babel_status pick_variants(const babel_bank *bank, int wanted, int *columns) {
  for (int i = 0; i < wanted; i++) {
    int id = (int)((int64_t)i * 600 / wanted), column = id ? -2 : -1;
    if (bank->variants == wanted) id = bank->variant_ids[i], column = id ? -2 : -1;
    for (int k = 0; k < bank->variants; k++)
      if (bank->variant_ids[k] == id) column = k;
    if (column == -2)
      return BABEL_FAIL(BABEL_ERR_ARG, "%s: the configuration asks for %d variants a pair, but variant %d is not in this bank, which has %d; "
                        "build the bank with --variants %d or set variants to what it has", bank->path, wanted, id, bank->variants, wanted);
    columns[i] = column;
  }
  return BABEL_OK;
}

static babel_status choose_variants(babel_phase_data *data, const babel_config *config, const babel_phase_options *options) {
  const babel_bank *a = options->bank[0], *b = options->bank[1];
  data->variants = config->variants > 1 ? config->variants : 1;
  if (data->variants > 1 && !a->variants && !b->variants) {
    babel_note("the banks hold no augmented variants: training on the originals");
    data->variants = 1;
  } else if (data->variants > 1 && (!a->variants || !b->variants)) {
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s holds augmented variants and %s does not: both members of a pair need the same time map",
                      a->variants ? a->path : b->path, a->variants ? b->path : a->path);
  }
  for (int s = 0; s < 2; s++) {
    BABEL_TRY(take_ints(&data->columns[s], (size_t)data->variants));
    BABEL_TRY(pick_variants(options->bank[s], data->variants, data->columns[s]));
  }
  for (int v = 0; v < data->variants; v++) {
    int id[2] = {0, 0};
    for (int s = 0; s < 2; s++)
      if (data->columns[s][v] >= 0) id[s] = options->bank[s]->variant_ids[data->columns[s][v]];
    if (id[0] != id[1])
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s has variant %d where %s has %d: both members of a pair need the same time map", a->path, id[0], b->path, id[1]);
  }
  return BABEL_OK;
}

static bool is_zero(const float *x, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (x[i] != 0) return false;
  return true;
}

typedef struct {
  const float *x;
  size_t size; /* [bytes] */
} sample_view;

static int compare_views(const void *a, const void *b) {
  const sample_view *u = a, *v = b;
  return memcmp(u->x, v->x, u->size);
}

/* Samples that equal another one: as pairs of their own they are negatives that nothing can tell from the positive. */
static babel_status count_equal(const babel_bank *bank, const int *rows, int count, int *equal) {
  size_t stride = (size_t)bank->width * (size_t)bank->steps;
  void *memory;
  *equal = 0;
  BABEL_TRY(babel_alloc(&memory, (size_t)count, sizeof(sample_view)));
  sample_view *views = memory;
  for (int i = 0; i < count; i++) views[i] = (sample_view){bank->features + (size_t)rows[i] * stride, stride * sizeof(float)};
  qsort(views, (size_t)count, sizeof *views, compare_views);
  for (int i = 0; i < count; i++)
    *equal += (i && !compare_views(&views[i - 1], &views[i])) || (i + 1 < count && !compare_views(&views[i], &views[i + 1]));
  free(views);
  return BABEL_OK;
}

/* Of the originals, or those that a known tower stands on. */
static babel_status statistics(babel_phase_data *data, const babel_config *config, const babel_phase_options *options, int s) {
  const babel_bank *bank = options->bank[s];
  size_t width = (size_t)bank->width, stride = width * (size_t)bank->steps;
  BABEL_TRY(take_floats(&data->mean[s], width));
  BABEL_TRY(take_floats(&data->inv_std[s], width));
  if (options->mean[s]) {
    memcpy(data->mean[s], options->mean[s], width * sizeof(float));
    memcpy(data->inv_std[s], options->inv_std[s], width * sizeof(float));
  } else if (config->standardise) {
    BABEL_TRY(babel_bank_statistics(bank, data->source[s], data->pairs, data->mean[s], data->inv_std[s], &data->constant[s]));
  } else {
    for (size_t i = 0; i < width; i++) data->inv_std[s][i] = 1;
  }
  for (int i = 0; i < data->pairs; i++) data->zero_rows[s] += is_zero(bank->features + (size_t)data->source[s][i] * stride, stride);
  BABEL_TRY(count_equal(bank, data->source[s], data->pairs, &data->equal_rows[s]));
  if (data->equal_rows[s]) babel_warn("%s: %d of %d samples equal another one", bank->path, data->equal_rows[s], data->pairs);
  if (data->zero_rows[s]) babel_warn("%s: %d of %d samples are all zero", bank->path, data->zero_rows[s], data->pairs);
  if (data->constant[s]) babel_note("%s: %d of %d columns are constant over the training samples", bank->path, data->constant[s], bank->width);
  return BABEL_OK;
}

/* What the trunk makes of the junction's samples at the start of the phase. */
static babel_status embed_junction(const babel_phase_data *data, const babel_phase_options *options, float **embeddings) {
  const babel_bank *bank = options->bank[0];
  const babel_trunk *trunk = options->graph_trunk;
  size_t width = (size_t)bank->width;
  float *features;
  if (bank->steps > 1) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: a neighbour graph needs pooled features, this bank holds sequences", bank->path);
  BABEL_TRY(take_floats(embeddings, (size_t)data->pairs * (size_t)trunk->config.embed_dim));
  BABEL_TRY(take_floats(&features, (size_t)data->pairs * width));
  for (size_t i = 0; i < (size_t)data->pairs; i++) memcpy(features + i * width, bank->features + (size_t)data->source[0][i] * width, width * sizeof(float));
  babel_status status = babel_trunk_embed(trunk, bank->modality, features, data->pairs, 1, NULL, BABEL_OUTPUT_ALIGNED, *embeddings);
  free(features);
  return status;
}

/* The graph of similar training pairs, when the configuration aims at neighbours. */
static babel_status find_neighbours(babel_phase_data *data, const babel_config *config, const babel_phase_options *options) {
  babel_neighbour_options wanted = {.k = config->neighbour_k, .width = config->neighbour_width,
      .scale = {config->neighbour_scale_a, config->neighbour_scale_b}, .other_subjects = config->neighbour_other_subjects};
  char sentence[512];
  if (config->targets == BABEL_TARGETS_PAIRS) return BABEL_OK;
  float *embeddings = NULL;
  babel_status status = options->graph_trunk ? embed_junction(data, options, &embeddings) : BABEL_OK;
  wanted.embeddings = embeddings;
  wanted.embedding_width = config->embed_dim;
  if (status == BABEL_OK) status = babel_neighbours_create(&data->graph, options->bank, data->source, data->pairs, data->mean, data->inv_std, &wanted);
  free(embeddings);
  BABEL_TRY(status);
  babel_note("neighbour graph: %d pairs, %d neighbours each, %.0f %% mutual, %.0f %% shared by both modalities alone, sha256 %.12s", data->pairs,
             data->graph.k, 100 * data->graph.mutual, 100 * data->graph.agreement, data->graph.sha256);
  if (babel_neighbours_doubtful(&data->graph, sentence, sizeof sentence)) babel_warn("%s", sentence);
  return BABEL_OK;
}

babel_status babel_phase_data_create(babel_phase_data *data, const babel_ops *ops, const babel_config *config,
                                     const babel_phase_options *options) {
  babel_status status;
  memset(data, 0, sizeof *data);
  data->ops = ops;
  BABEL_TRY_OR(babel_bank_pair(options->bank[0], options->bank[1], options->keys, options->key_count, &data->source[0], &data->source[1],
                               &data->pairs), fail);
  if (data->pairs < 2) {
    status = BABEL_FAIL(BABEL_ERR_ARG, "%s and %s: %d pairs to train on, expected at least 2: a batch of one has no negatives",
                        options->bank[0]->path, options->bank[1]->path, data->pairs);
    goto fail;
  }
  data->batch = config->batch < data->pairs ? config->batch : data->pairs;
  if (data->batch < config->batch) babel_note("%d pairs are fewer than a batch of %d: the batch is %d", data->pairs, config->batch, data->batch);
  data->steps_per_epoch = data->pairs / data->batch;
  BABEL_TRY_OR(choose_variants(data, config, options), fail);
  for (int s = 0; s < 2; s++) {
    const babel_bank *bank = options->bank[s];
    if ((int64_t)data->pairs * data->variants > INT_MAX / bank->steps) {
      status = BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: %d pairs of %d variants of %d time steps are more rows than can be numbered (%d)", bank->path,
                          data->pairs, data->variants, bank->steps, INT_MAX);
      goto fail;
    }
    data->steps[s] = bank->steps;
    data->width[s] = bank->width;
    BABEL_TRY_OR(statistics(data, config, options, s), fail);
    if (bank->lengths) BABEL_TRY_OR(take_ints(&data->lengths[s], (size_t)data->pairs * (size_t)data->variants), fail);
  }
  BABEL_TRY_OR(find_neighbours(data, config, options), fail);
  if (config->mask_overlaps && !config->shuffle_pairs) /* partners that change places take no windows along */
    BABEL_TRY_OR(babel_windows_create(&data->windows, options->bank[0], data->source[0], data->pairs), fail);
  if (data->windows.overlap) babel_note("windows that overlap are no negatives of each other");
  return BABEL_OK;
fail:
  babel_phase_data_destroy(data);
  return status;
}

void babel_phase_data_destroy(babel_phase_data *data) {
  if (!data || !data->ops) return;
  for (int s = 0; s < 2; s++) {
    void *host[] = {data->source[s], data->columns[s], data->lengths[s], data->mean[s], data->inv_std[s]};
    for (size_t i = 0; i < sizeof host / sizeof *host; i++) free(host[i]);
    if (data->rows[s]) data->ops->free(data->rows[s]);
    if (data->known_lengths[s]) data->ops->free(data->known_lengths[s]);
  }
  void *backend[] = {data->order, data->workspace, data->partners, data->graph_lists, data->graph_weights, data->graph_windows};
  for (size_t i = 0; i < sizeof backend / sizeof *backend; i++)
    if (backend[i]) data->ops->free(backend[i]);
  babel_neighbours_destroy(&data->graph);
  babel_windows_destroy(&data->windows);
  memset(data, 0, sizeof *data);
}

/* Rows of the chosen variants, pair by pair. */
static void gather_rows(babel_phase_data *data, const babel_bank *bank, int s, float *to) {
  size_t stride = (size_t)bank->steps * (size_t)bank->width, variants = (size_t)data->variants;
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < (size_t)data->pairs; i++)
    for (size_t v = 0; v < variants; v++) {
      size_t row = (size_t)data->source[s][i];
      int column = data->columns[s][v];
      const float *from = column < 0 ? bank->features + row * stride
                                     : bank->augmented + (row * (size_t)bank->variants + (size_t)column) * stride;
      memcpy(to + (i * variants + v) * stride, from, stride * sizeof *to);
      if (data->lengths[s]) data->lengths[s][i * variants + v] = babel_bank_length(bank, (int)row, column + 1);
    }
}

static babel_status backend_ints(const babel_ops *ops, int **pointer, size_t count) {
  void *memory;
  BABEL_TRY(ops->alloc(&memory, count * sizeof(int)));
  *pointer = memory;
  return BABEL_OK;
}

/* The edges of the graph with their weights, list by list. */
static babel_status upload_graph(babel_phase_data *data) {
  const babel_neighbours *graph = &data->graph;
  size_t count = (size_t)graph->n * (size_t)graph->k;
  float *weights;
  void *memory;
  BABEL_TRY(backend_ints(data->ops, &data->graph_lists, count));
  BABEL_TRY(data->ops->alloc(&memory, count * sizeof(float)));
  data->graph_weights = memory;
  BABEL_TRY(data->ops->upload(data->graph_lists, graph->neighbours, count * sizeof(int), NULL));
  BABEL_TRY(take_floats(&weights, count));
  for (size_t i = 0; i < count; i++)
    if (graph->neighbours[i] >= 0) weights[i] = graph->weights[i / (size_t)graph->k * (size_t)graph->n + (size_t)graph->neighbours[i]];
  babel_status status = data->ops->upload(data->graph_weights, weights, count * sizeof(float), NULL);
  free(weights);
  return status;
}

babel_status babel_phase_data_upload(babel_phase_data *data, const babel_phase_options *options) {
  BABEL_TRY(backend_ints(data->ops, &data->order, 2 * (size_t)data->pairs));
  BABEL_TRY(backend_ints(data->ops, &data->workspace, 2 * (size_t)data->pairs));
  BABEL_TRY(backend_ints(data->ops, &data->partners, 3 * (size_t)data->batch));
  for (int s = 0; s < 2; s++) {
    const babel_bank *bank = options->bank[s];
    size_t count = (size_t)data->pairs * (size_t)data->variants * (size_t)bank->steps * (size_t)bank->width;
    void *memory;
    float *host;
    BABEL_TRY(data->ops->alloc(&memory, count * sizeof(float)));
    data->rows[s] = memory;
    BABEL_TRY(take_floats(&host, count));
    gather_rows(data, bank, s, host);
    babel_status status = data->ops->upload(data->rows[s], host, count * sizeof(float), NULL);
    free(host);
    BABEL_TRY(status);
    if (!data->lengths[s]) continue;
    size_t rows = (size_t)data->pairs * (size_t)data->variants;
    BABEL_TRY(backend_ints(data->ops, &data->known_lengths[s], rows));
    BABEL_TRY(data->ops->upload(data->known_lengths[s], data->lengths[s], rows * sizeof(int), NULL));
  }
  if (data->graph.n) BABEL_TRY(upload_graph(data));
  if (!data->windows.overlap) return BABEL_OK;
  BABEL_TRY(backend_ints(data->ops, &data->graph_windows, 3 * (size_t)data->pairs));
  return data->ops->upload(data->graph_windows, data->windows.of, 3 * (size_t)data->pairs * sizeof(int), NULL);
}

/* What side s takes; the arrays are the caller's. */
static babel_batch_choice_job choice(const babel_phase_data *data, const babel_config *config, int s, const babel_step_inputs *in, const int *order,
                                     int *partners, const int *known_lengths) {
  return (babel_batch_choice_job){.rows = in->rows[s], .lengths = in->lengths[s], .pairs = s ? NULL : in->graph_rows, .order = order,
      .partners = s && config->shuffle_pairs ? partners : NULL, .known_lengths = known_lengths, .seed = (uint64_t)config->seed, .samples = data->batch,
      .pair_count = data->pairs, .versions = data->variants, .steps = data->steps[s], .batch = data->batch, .steps_per_epoch = data->steps_per_epoch};
}

void babel_phase_data_plan(const babel_phase_data *data, const babel_config *config, babel_step_plan *plan) {
  const babel_step_inputs in = babel_step_whole_inputs(plan);
  for (int s = 0; s < 2; s++) {
    plan->bank[s] = data->rows[s];
    plan->bank_rows[s] = data->pairs * data->variants * data->steps[s];
    plan->choice[s] = choice(data, config, s, &in, data->order, data->partners, data->known_lengths[s]);
  }
  plan->choices = 2;
  plan->shuffle = (babel_shuffle_job){.order = data->order, .workspace = data->workspace, .seed = (uint64_t)config->seed, .n = data->pairs,
                                      .steps_per_epoch = data->steps_per_epoch};
  plan->graph = data->graph_lists;
  plan->graph_weights = data->graph_weights;
  plan->graph_k = data->graph.k;
  plan->graph_size = data->pairs;
  plan->graph_windows = data->graph_windows;
}

/* order: (2, pairs), that of epoch e at e % 2. */
static void order_of(const babel_phase_data *data, const babel_config *config, int64_t epoch, int *order) {
  babel_rng_permutation((uint64_t)config->seed, BABEL_RNG_SHUFFLE, (uint64_t)epoch * (uint64_t)data->pairs, data->pairs, order + (epoch & 1) * data->pairs);
}

babel_status babel_phase_data_begin(const babel_phase_data *data, const babel_config *config, int64_t step) {
  int *order, count = 2 * data->pairs;
  BABEL_TRY(take_ints(&order, (size_t)count));
  for (int next = 0; next < 2; next++) order_of(data, config, step / data->steps_per_epoch + next, order);
  babel_status status = data->ops->upload(data->order, order, (size_t)count * sizeof *order, NULL);
  free(order);
  return status;
}

babel_status babel_phase_data_batch(const babel_phase_data *data, const babel_config *config, int64_t step, const babel_step_inputs *in) {
  int *order = NULL, *partners = NULL;
  babel_step_state state = {.step = step};
  babel_status status = take_ints(&order, 2 * (size_t)data->pairs);
  if (status == BABEL_OK) status = take_ints(&partners, 3 * (size_t)data->batch);
  if (status == BABEL_OK) {
    order_of(data, config, step / data->steps_per_epoch, order);
    babel_batch_choice_job jobs[2];
    for (int s = 0; s < 2; s++) jobs[s] = choice(data, config, s, in, order, partners, data->lengths[s]);
    status = babel_ops_cpu()->batch_choice(jobs, 2, &state, &state, NULL, 0, NULL);
  }
  free(order);
  free(partners);
  return status;
}
