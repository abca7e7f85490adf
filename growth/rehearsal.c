#include "growth/rehearsal.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "growth/replay.h"
#include "growth/step_ranks.h"

/* The side of the step that holds this tower's rows; a new one when there is none. */
static babel_status side_of(babel_step_request *request, babel_tower *tower, int steps, int *side) {
  for (int s = 2; s < request->sides; s++)
    if (request->towers[s] == tower) {
      *side = s;
      return request->steps[s] == steps ? BABEL_OK : BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: rows of %d and of %d time steps cannot be rehearsed together",
                                                                tower->name, request->steps[s], steps);
    }
  *side = request->sides++;
  request->towers[*side] = tower;
  request->steps[*side] = steps;
  return BABEL_OK;
}

static babel_status add_source(babel_rehearsal *r, babel_step_request *request, babel_tower *tower, babel_rehearsal_source source) {
  if (r->sources == BABEL_MAX_SOURCES)
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "more than %d earlier phases cannot be rehearsed", BABEL_MAX_SOURCES / 2);
  BABEL_TRY(side_of(request, tower, source.steps, &source.side));
  source.first = request->rows[source.side];
  request->rows[source.side] += source.samples;
  r->bytes += (size_t)source.pairs * (size_t)source.versions * (size_t)source.steps * (size_t)source.width * sizeof(float);
  r->source[r->sources++] = source;
  return BABEL_OK;
}

/* `samples` pairs a step of these two banks; keep: out of so many that are chosen, 0 = of all. */
static babel_status add_pair(babel_rehearsal *r, const babel_trunk *trunk, const babel_earlier_pair *pair, int samples, int keep, babel_step_request *request) {
  int *rows[2], pairs;
  babel_status status = BABEL_OK;
  BABEL_TRY(babel_bank_pair(pair->bank[0], pair->bank[1], pair->keys, pair->key_count, &rows[0], &rows[1], &pairs));
  if (keep && keep < pairs) {
    status = babel_replay_choose(trunk, pair, rows, pairs, keep);
    pairs = keep;
  }
  for (int s = 0; s < 2; s++) {
    const babel_bank *bank = pair->bank[s];
    babel_tower *tower = babel_trunk_tower(trunk, bank->modality);
    if (status != BABEL_OK || !tower || tower->in != bank->width) {
      if (status == BABEL_OK)
        status = BABEL_FAIL(BABEL_ERR_ARG, "%s: %s of width %d cannot be rehearsed: the trunk %s", bank->path, bank->modality, bank->width,
                            tower ? "has another width" : "does not know it");
      free(rows[s]);
      continue;
    }
    status = add_source(r, request, tower, (babel_rehearsal_source){.samples = samples, .pairs = pairs, .steps = bank->steps, .width = bank->width,
                        .versions = 1 + (trunk->config.variants > 1 ? bank->variants : 0), .draw = r->draws, .bank = bank, .rows = rows[s]});
    if (status != BABEL_OK) free(rows[s]);
  }
  r->draws += samples;
  return status;
}

static babel_status add_pairs(babel_rehearsal *r, const babel_trunk *trunk, const babel_phase_options *options, babel_step_request *request) {
  int rows = trunk->config.rehearsal_rows, n = options->earlier_count;
  if (!n) return BABEL_FAIL(BABEL_ERR_ARG, "proto_policy: rehearsal_kd needs the banks of the earlier phases, and none is at hand");
  if (rows < n) return BABEL_FAIL(BABEL_ERR_ARG, "rehearsal_rows: %d for %d earlier phases; expected one a phase at least", rows, n);
  for (int i = 0; i < n; i++) BABEL_TRY(add_pair(r, trunk, &options->earlier[i], (i + 1) * rows / n - i * rows / n, 0, request));
  return BABEL_OK;
}

static babel_status add_replay(babel_rehearsal *r, const babel_trunk *trunk, const babel_phase_options *options, babel_step_request *request) {
  const babel_config *config = &trunk->config;
  int rows = config->rehearsal_rows < config->replay_bank ? config->rehearsal_rows : config->replay_bank, n = options->earlier_count;
  if (!n) return BABEL_FAIL(BABEL_ERR_ARG, "proto_policy: replay needs the banks of the earlier phases, and none is at hand");
  if (rows < 2) return BABEL_FAIL(BABEL_ERR_ARG, "rehearsal_rows: %d: a contrastive loss needs two pairs at least", rows);
  for (int i = 0; i < n; i++) BABEL_TRY(add_pair(r, trunk, &options->earlier[i], rows, config->replay_bank, request));
  request->replayed = n;
  request->replay_rows = rows;
  return BABEL_OK;
}

static babel_status add_gauss(babel_rehearsal *r, const babel_trunk *trunk, const babel_phase_options *options, babel_step_request *request) {
  int samples = trunk->config.gauss_rows;
  for (int i = 0; i < options->known; i++) {
    babel_tower *tower = (babel_tower *)&trunk->towers[i];
    if (!tower->gauss.width && !options->planning)
      return BABEL_FAIL(BABEL_ERR_ARG, "proto_policy: gauss_kd needs the covariance of %s, and %s holds none", tower->name,
                        *trunk->path ? trunk->path : "the trunk");
    BABEL_TRY(add_source(r, request, tower, (babel_rehearsal_source){.samples = samples, .pairs = BABEL_GAUSS_POOL, .versions = 1, .steps = 1,
                         .width = tower->in, .draw = r->draws, .gauss = &tower->gauss}));
    r->draws += samples;
  }
  return BABEL_OK;
}

babel_status babel_rehearsal_create(babel_rehearsal *r, const babel_trunk *trunk, const babel_phase_options *options, babel_rehearsal_kind kind,
                                    babel_step_request *request) {
  memset(r, 0, sizeof *r);
  r->ops = trunk->ops;
  babel_earlier_pair own = {.bank = {options->bank[0], options->bank[1]}, .keys = options->keys, .key_count = options->key_count};
  switch (kind) {
    case BABEL_REHEARSE_NOTHING: return BABEL_OK;
    case BABEL_REHEARSE_PAIRS: return add_pairs(r, trunk, options, request);
    case BABEL_REHEARSE_REPLAY: return add_replay(r, trunk, options, request);
    case BABEL_REHEARSE_GAUSS: return add_gauss(r, trunk, options, request);
    case BABEL_REHEARSE_OWN: return add_pair(r, trunk, &own, request->m, 0, request);
  }
  return BABEL_OK;
}

void babel_rehearsal_destroy(babel_rehearsal *r) {
  if (!r || !r->ops) return;
  for (int i = 0; i < r->sources; i++) {
    free(r->source[i].rows);
    if (r->source[i].features) r->ops->free(r->source[i].features);
    if (r->source[i].lengths) r->ops->free(r->source[i].lengths);
  }
  memset(r, 0, sizeof *r);
}

/* Original, then the variants, pair by pair. */
static void collect(const babel_rehearsal_source *s, float *to) {
  size_t stride = (size_t)s->steps * (size_t)s->width, variants = (size_t)s->bank->variants;
  for (int i = 0; i < s->pairs; i++)
    for (int v = 0; v < s->versions; v++, to += stride) {
      size_t row = (size_t)s->rows[i];
      memcpy(to, v ? s->bank->augmented + (row * variants + (size_t)v - 1) * stride : s->bank->features + row * stride, stride * sizeof *to);
    }
}

/* Valid time steps of the rows that `collect` collects. */
static babel_status upload_lengths(const babel_ops *ops, babel_rehearsal_source *s, babel_stream *stream) {
  size_t count = (size_t)s->pairs * (size_t)s->versions;
  void *memory, *host;
  BABEL_TRY(ops->alloc(&memory, count * sizeof(int)));
  s->lengths = memory;
  BABEL_TRY(babel_alloc(&host, count, sizeof(int)));
  for (size_t i = 0; i < count; i++)
    ((int *)host)[i] = babel_bank_length(s->bank, s->rows[i / (size_t)s->versions], (int)(i % (size_t)s->versions));
  babel_status status = ops->upload(s->lengths, host, count * sizeof(int), stream);
  free(host);
  return status;
}

/* Both members of a pair draw the same number. */
static babel_batch_choice_job choice(const babel_rehearsal *r, const babel_rehearsal_source *s, const babel_config *config, const babel_step_inputs *in) {
  int *lengths = in->lengths[s->side];
  return (babel_batch_choice_job){.rows = in->rows[s->side] + s->first * s->steps, .lengths = lengths ? lengths + s->first : NULL,
      .known_lengths = s->lengths, .seed = (uint64_t)config->seed, .samples = s->samples, .pair_count = s->pairs, .versions = s->versions,
      .steps = s->steps, .draw = s->draw, .draws = r->draws};
}

babel_status babel_rehearsal_upload(babel_rehearsal *r, const babel_config *config, babel_step_plan *plan) {
  const babel_step_inputs in = babel_step_whole_inputs(plan);
  for (int i = 0; i < r->sources; i++) {
    babel_rehearsal_source *s = &r->source[i];
    int64_t rows = (int64_t)s->pairs * s->versions * s->steps;
    size_t count = (size_t)rows * (size_t)s->width;
    void *memory, *host;
    if (rows > INT32_MAX) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: %lld rows are more than can be numbered", s->bank->path, (long long)rows);
    BABEL_TRY(r->ops->alloc(&memory, count * sizeof(float)));
    s->features = memory;
    BABEL_TRY(babel_alloc(&host, count, sizeof(float)));
    if (s->bank) collect(s, host);
    else babel_gauss_draw(s->gauss, (uint64_t)config->seed, (uint64_t)i << 40, s->pairs, host);
    babel_status status = r->ops->upload(s->features, host, count * sizeof(float), plan->stream);
    free(host);
    BABEL_TRY(status);
    if (s->bank && s->bank->lengths) BABEL_TRY(upload_lengths(r->ops, s, plan->stream));
    plan->choice[plan->choices++] = choice(r, s, config, &in);
    plan->source[i] = (babel_step_source){.side = s->side, .first = s->first * s->steps, .rows = s->samples * s->steps, .bank = s->features,
                                          .bank_rows = (int)rows, .standardised = !s->bank};
  }
  plan->sources = r->sources;
  babel_step_share_sources(plan);
  return BABEL_OK;
}
