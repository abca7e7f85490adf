#include "eval/retention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/range.h"
#include "eval/members.h"
#include "eval/oneshot.h"
#include "eval/retrieval.h"
#include "growth/joined.h"

enum { FEWEST_COMMON = 10 };

/* The test rows of one side of a set and their embeddings. */
typedef struct {
  const babel_bank *bank;
  int n, *rows, *labels;
  float *x;
} shown;

typedef struct {
  const babel_trunk *trunk;
  const babel_retention_set *sets;
  int set_count, width;
  bool shared_labels;
  shown *sides; /* (set_count, 2) */
  babel_retention *now;
} measuring;

static babel_status add(babel_retention *now, const char *measure, const char *from, const char *to, bool emergent, double value, double chance) {
  if (now->count == now->capacity) {
    int capacity = now->capacity ? 2 * now->capacity : 64;
    babel_measure *grown = realloc(now->measures, (size_t)capacity * sizeof *grown);
    if (!grown) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for %d measures", capacity);
    now->measures = grown;
    now->capacity = capacity;
  }
  babel_measure *m = &now->measures[now->count++];
  *m = (babel_measure){.emergent = emergent, .value = value, .chance = chance};
  snprintf(m->measure, sizeof m->measure, "%s", measure);
  snprintf(m->from, sizeof m->from, "%s", from);
  snprintf(m->to, sizeof m->to, "%s", to);
  return BABEL_OK;
}

/* The labels of the rows and their embeddings (aligned: what retrieval sees). partner: what stands on the other side of its set. Further towers of the sensor
 * are looked for in all sets, but not where they are what it is paired with. */
static babel_status embed(const measuring *m, shown *side, const babel_bank *partner) {
  const babel_bank *bank = side->bank, *others[2 * BABEL_MAX_SETS];
  int count = 0;
  BABEL_TRY(babel_alloc_to(&side->labels, (size_t)side->n, sizeof(int)));
  BABEL_TRY(babel_alloc_to(&side->x, (size_t)side->n * (size_t)m->width, sizeof(float)));
  for (int i = 0; i < side->n; i++) side->labels[i] = bank->labels[side->rows[i]];
  for (int i = 0; i < 2 * m->set_count && !babel_same_sensor(bank->modality, partner->modality); i++) others[count++] = m->sets[i / 2].bank[i % 2];
  return babel_members_embed(m->trunk, bank, side->rows, side->n, others, count, BABEL_OUTPUT_ALIGNED, side->x);
}

static babel_status embed_all(const measuring *m) {
  for (int p = 0; p < m->set_count; p++) {
    const babel_retention_set *set = &m->sets[p];
    shown *a = &m->sides[2 * p], *b = a + 1;
    BABEL_TRY(babel_bank_pair(set->bank[0], set->bank[1], set->keys, set->key_count, &a->rows, &b->rows, &a->n));
    b->n = a->n;
    for (int s = 0; s < 2; s++) {
      m->sides[2 * p + s].bank = set->bank[s];
      BABEL_TRY(embed(m, &m->sides[2 * p + s], set->bank[1 - s]));
    }
  }
  return BABEL_OK;
}

static const shown *first_of(const measuring *m, const char *modality, int *set) {
  for (int i = 0; i < 2 * m->set_count; i++)
    if (!strcmp(m->sides[i].bank->modality, modality)) {
      *set = i / 2;
      return &m->sides[i];
    }
  return NULL;
}

static void mark(const babel_bank *bank, char *const *keys, int count, char *wanted) {
  for (int i = 0; i < count; i++) {
    int row = babel_bank_row(bank, keys[i]);
    if (row >= 0) wanted[row] = 1;
  }
}

/* The rows that the draws name: others than the test part's, where that holds only some of them. */
static babel_status embed_drawn(const measuring *m, const babel_bank *bank, const babel_bank *partner, const babel_draws *draws, shown *side) {
  char *wanted = NULL;
  BABEL_TRY(babel_alloc_to(&wanted, (size_t)bank->rows, 1));
  for (int d = 0; d < draws->count; d++) {
    mark(bank, draws->draws[d].support, draws->draws[d].support_count, wanted);
    mark(bank, draws->draws[d].query, draws->draws[d].query_count, wanted);
  }
  *side = (shown){.bank = bank};
  babel_status status = babel_alloc_to(&side->rows, (size_t)bank->rows, sizeof(int));
  for (int i = 0; i < bank->rows && status == BABEL_OK; i++)
    if (wanted[i]) side->rows[side->n++] = i;
  free(wanted);
  return status == BABEL_OK ? embed(m, side, partner) : status;
}

static void forget(shown *side) {
  free(side->rows);
  free(side->labels);
  free(side->x);
}

static int supported_classes(const babel_points *points, const babel_episode *episode) {
  int count = 0;
  for (int i = 0; i < episode->support_count; i++) { /* a few */
    bool seen = false;
    for (int j = 0; j < i && !seen; j++) seen = points->labels[episode->support[i]] == points->labels[episode->support[j]];
    count += !seen;
  }
  return count;
}

/* 100 sum_c p_c q_c, p and q the shares of class c on either side. */
static babel_status class_chance(double *percent, const int *a, int na, const int *b, int nb) {
  int64_t *count, equal = 0;
  int most = 0;
  for (int i = 0; i < na; i++) most = a[i] > most ? a[i] : most;
  BABEL_TRY(babel_alloc_to(&count, (size_t)most + 1, sizeof *count));
  for (int i = 0; i < na; i++) count[a[i]]++;
  for (int j = 0; j < nb; j++)
    if (b[j] <= most) equal += count[b[j]];
  free(count);
  *percent = 100 * (double)equal / ((double)na * (double)nb);
  return BABEL_OK;
}

static babel_status measure_oneshot(const measuring *m, const char *modality, const babel_bank *bank, const babel_bank *partner, const babel_draws *draws) {
  const char **keys = NULL;
  babel_episodes episodes = {0};
  babel_oneshot_job *jobs = NULL;
  shown drawn = {0}, *side = &drawn;
  double sum = 0, chance = 0;
  babel_status status;
  BABEL_TRY_OR(embed_drawn(m, bank, partner, draws, side), done);
  babel_points points = {.x = side->x, .labels = side->labels, .rows = side->n, .width = m->width};
  BABEL_TRY_OR(babel_alloc_to(&keys, (size_t)side->n, sizeof *keys), done);
  for (int i = 0; i < side->n; i++) keys[i] = side->bank->keys[side->rows[i]];
  BABEL_TRY_OR(babel_episodes_from_draws(&episodes, draws, keys, side->n), done);
  BABEL_TRY_OR(babel_alloc_to(&jobs, (size_t)episodes.count, sizeof *jobs), done);
  for (int i = 0; i < episodes.count; i++)
    jobs[i] = (babel_oneshot_job){.points = &points, .episode = &episodes.episodes[i], .heads = 1u << BABEL_HEAD_NEAREST};
  BABEL_TRY_OR(babel_oneshot_run(jobs, episodes.count, &m->trunk->config, m->trunk->ops), done);
  for (int i = 0; i < episodes.count; i++) {
    sum += jobs[i].results[BABEL_HEAD_NEAREST].accuracy / episodes.count;
    chance += 100.0 / supported_classes(&points, &episodes.episodes[i]) / episodes.count;
  }
  babel_oneshot_destroy(jobs, episodes.count);
  status = add(m->now, "one-shot", modality, "", false, sum, chance);
done:
  forget(side);
  free(jobs);
  free(keys);
  babel_episodes_destroy(&episodes);
  return status;
}

static babel_status measure_synchronised(const measuring *m, const char *from, const char *to, const float *a, const float *b, const int *labels, int n,
                                         bool emergent) {
  babel_retrieval score;
  double class;
  BABEL_TRY(class_chance(&class, labels, n, labels, n));
  BABEL_TRY(babel_retrieval_score(&score, m->trunk->ops, a, b, labels, n, m->width));
  const struct {
    const char *name;
    double value, chance;
  } all[] = {{"class_top1", score.class_top1, class},
             {"recall1", score.recall1, 100 * fmin(1, 1.0 / n)},
             {"recall5", score.recall5, 100 * fmin(1, 5.0 / n)},
             {"recall10", score.recall10, 100 * fmin(1, 10.0 / n)},
             {"median_rank", score.median_rank, (n + 1) / 2.0}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) BABEL_TRY(add(m->now, all[i].name, from, to, emergent, all[i].value, all[i].chance));
  return BABEL_OK;
}

/* Rows of both sides with one key, as they stand in a. */
static babel_status measure_common(const measuring *m, const char *from, const char *to, const shown *a, const shown *b, bool *enough) {
  float *x[2] = {NULL, NULL};
  int *labels = NULL, *place = NULL, n = 0;
  size_t bytes = (size_t)m->width * sizeof(float);
  babel_status status;
  *enough = false;
  BABEL_TRY_OR(babel_alloc_to(&x[0], (size_t)a->n, bytes), done);
  BABEL_TRY_OR(babel_alloc_to(&x[1], (size_t)a->n, bytes), done);
  BABEL_TRY_OR(babel_alloc_to(&labels, (size_t)a->n, sizeof *labels), done);
  BABEL_TRY_OR(babel_alloc_to(&place, (size_t)b->bank->rows, sizeof *place), done);
  for (int j = 0; j < b->n; j++) place[b->rows[j]] = j + 1;
  for (int i = 0; i < a->n; i++) {
    int row = babel_bank_row(b->bank, a->bank->keys[a->rows[i]]);
    if (row < 0 || !place[row]) continue;
    memcpy(x[0] + (size_t)n * (size_t)m->width, a->x + (size_t)i * (size_t)m->width, bytes);
    memcpy(x[1] + (size_t)n * (size_t)m->width, b->x + (size_t)(place[row] - 1) * (size_t)m->width, bytes);
    labels[n++] = a->labels[i];
  }
  *enough = n >= FEWEST_COMMON;
  if (*enough) status = measure_synchronised(m, from, to, x[0], x[1], labels, n, true);
done:
  free(x[0]);
  free(x[1]);
  free(labels);
  free(place);
  return status;
}

bool babel_retention_connected(const babel_retention_set *sets, int set_count, const char *from, const char *to) {
  const char *pairs[BABEL_MAX_SETS][2];
  for (int i = 0; i < 2 * set_count; i++) pairs[i / 2][i % 2] = sets[i / 2].bank[i % 2]->modality;
  return babel_joined(pairs, set_count, from, to);
}

/* Never trained as a pair. */
static babel_status measure_emergent(const measuring *m, const char *from, const char *to) {
  int set;
  bool done = false;
  for (int i = 0; i < 2 * m->set_count && !done; i++)
    for (int j = 0; j < 2 * m->set_count && !done; j++) {
      const shown *a = &m->sides[i], *b = &m->sides[j];
      if (strcmp(a->bank->modality, from) || strcmp(b->bank->modality, to) || strcmp(a->bank->dataset, b->bank->dataset)) continue;
      BABEL_TRY(measure_common(m, from, to, a, b, &done));
    }
  if (done || !m->shared_labels) return BABEL_OK;
  const shown *a = first_of(m, from, &set), *b = first_of(m, to, &set);
  double percent, chance;
  BABEL_TRY(class_chance(&chance, a->labels, a->n, b->labels, b->n));
  BABEL_TRY(babel_retrieval_class_top1(&percent, m->trunk->ops, a->x, a->labels, a->n, b->x, b->labels, b->n, m->width));
  return add(m->now, "class_top1", from, to, true, percent, chance);
}

static babel_status measure_pair(const measuring *m, const char *from, const char *to) {
  for (int p = 0; p < m->set_count; p++)
    for (int s = 0; s < 2; s++) {
      const shown *a = &m->sides[2 * p + s], *b = &m->sides[2 * p + 1 - s];
      if (!strcmp(a->bank->modality, from) && !strcmp(b->bank->modality, to))
        return measure_synchronised(m, from, to, a->x, b->x, a->labels, a->n, false);
    }
  return babel_retention_connected(m->sets, m->set_count, from, to) ? measure_emergent(m, from, to) : BABEL_OK;
}

static babel_status measure_all(const measuring *m) {
  const babel_trunk *trunk = m->trunk;
  int set;
  BABEL_TRY(embed_all(m));
  m->now->towers = trunk->tower_count;
  m->now->width = m->width;
  for (int i = 0; i < trunk->tower_count; i++) {
    const shown *side = first_of(m, trunk->towers[i].name, &set);
    if (!side) continue;
    BABEL_TRY(babel_alloc_to(&m->now->embeddings[i], (size_t)side->n * (size_t)m->width, sizeof(float)));
    memcpy(m->now->embeddings[i], side->x, (size_t)side->n * (size_t)m->width * sizeof(float));
    m->now->samples[i] = side->n;
    if (m->sets[set].draws) {
      const babel_bank *const *pair = m->sets[set].bank;
      BABEL_TRY(measure_oneshot(m, trunk->towers[i].name, side->bank, pair[pair[0] == side->bank], m->sets[set].draws));
    }
  }
  for (int i = 0; i < trunk->tower_count; i++)
    for (int j = 0; j < trunk->tower_count; j++)
      if (i != j && first_of(m, trunk->towers[i].name, &set) && first_of(m, trunk->towers[j].name, &set))
        BABEL_TRY(measure_pair(m, trunk->towers[i].name, trunk->towers[j].name));
  return BABEL_OK;
}

babel_status babel_retention_measure(babel_retention *now, const babel_trunk *trunk, const babel_retention_set *sets, int set_count, bool shared_labels) {
  BABEL_RANGE("evaluation");
  measuring m = {.trunk = trunk, .sets = sets, .set_count = set_count, .width = trunk->config.embed_dim, .shared_labels = shared_labels, .now = now};
  memset(now, 0, sizeof *now);
  if (set_count > BABEL_MAX_SETS) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%d sets to measure retention on, at most %d", set_count, BABEL_MAX_SETS);
  BABEL_TRY(babel_alloc_to(&m.sides, 2 * (size_t)set_count, sizeof *m.sides));
  babel_status status = measure_all(&m);
  for (int i = 0; i < 2 * set_count; i++) forget(&m.sides[i]);
  free(m.sides);
  if (status != BABEL_OK) babel_retention_destroy(now);
  return status;
}

void babel_retention_destroy(babel_retention *retention) {
  if (!retention) return;
  free(retention->measures);
  for (int i = 0; i < BABEL_MAX_TOWERS; i++) free(retention->embeddings[i]);
  memset(retention, 0, sizeof *retention);
}

const babel_measure *babel_retention_find(const babel_retention *retention, const char *measure, const char *from, const char *to) {
  for (int i = 0; i < retention->count; i++) {
    const babel_measure *m = &retention->measures[i];
    if (!strcmp(m->measure, measure) && !strcmp(m->from, from) && !strcmp(m->to, to)) return m;
  }
  return NULL;
}

static double drift(const babel_retention *before, const babel_retention *now, int tower) {
  double sum = 0;
  size_t count = (size_t)now->samples[tower] * (size_t)now->width;
  for (size_t i = 0; i < count; i++) sum += (double)before->embeddings[tower][i] * (double)now->embeddings[tower][i];
  return sum / now->samples[tower];
}

static babel_status add_row(babel_results *results, const babel_measure *m, const char *phase, const char *policy, double before, double retained) {
  babel_result row = {.kind = BABEL_RESULT_RETENTION, .emergent = m->emergent, .before = before, .after = m->value, .retained = retained, .chance = m->chance};
  snprintf(row.phase, sizeof row.phase, "%s", phase);
  snprintf(row.policy, sizeof row.policy, "%s", policy);
  snprintf(row.measure, sizeof row.measure, "%s", m->measure);
  BABEL_TRY(babel_names_add(&row.modalities, m->from));
  if (*m->to) BABEL_TRY(babel_names_add(&row.modalities, m->to));
  return babel_results_add(results, &row);
}

babel_status babel_retention_rows(babel_results *results, const babel_retention *before, const babel_retention *now, const babel_trunk *trunk,
                                  const char *phase, const char *policy) {
  for (int i = 0; i < now->count; i++) {
    const babel_measure *m = &now->measures[i], *then = babel_retention_find(before, m->measure, m->from, m->to);
    double was = then ? then->value : NAN, retained = NAN;
    bool rank = !strcmp(m->measure, "median_rank");
    if (then && (rank ? m->value : was) > 0) retained = 100 * (rank ? was / m->value : m->value / was);
    BABEL_TRY(add_row(results, m, phase, policy, was, retained));
  }
  for (int i = 0; i < before->towers && i < now->towers; i++) {
    if (!before->samples[i] || before->samples[i] != now->samples[i]) continue;
    babel_measure m = {.measure = "drift", .value = drift(before, now, i), .chance = NAN};
    snprintf(m.from, sizeof m.from, "%s", trunk->towers[i].name);
    BABEL_TRY(add_row(results, &m, phase, policy, 1, NAN));
  }
  return BABEL_OK;
}
