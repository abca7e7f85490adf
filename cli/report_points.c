#include "cli/report_points.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "eval/silhouette.h"
#include "growth/shelf.h"

typedef struct {
  babel_shelf shelf;
  babel_trunk trunk;
  const babel_bank *bank[2];
  int *rows[2], n, width;
  float *x;    /* (2 n, width): side 0, then side 1 */
  int *labels, *sides;
} cloud;

static babel_status open_all(cloud *c, const json_t *entry, const char *folder, bool *there) {
  const char *split = json_string_value(json_object_get(entry, "split")), *const *keys = NULL;
  char path[1200];
  int count = 0;
  *there = false;
  for (int s = 0; s < 2; s++) {
    const char *bank = json_string_value(json_array_get(json_object_get(entry, "banks"), (size_t)s));
    if (!bank || !babel_file_exists(bank)) return BABEL_OK;
    BABEL_TRY(babel_shelf_bank(&c->shelf, bank, &c->bank[s]));
  }
  snprintf(path, sizeof path, "%s/trunk.safetensors", folder);
  if (!babel_file_exists(path) || (split && *split && !babel_file_exists(split)) || c->bank[0]->steps > 1 || c->bank[1]->steps > 1) return BABEL_OK;
  BABEL_TRY(babel_trunk_read(&c->trunk, babel_ops_cpu(), path));
  if (split && *split) BABEL_TRY(babel_shelf_keys(&c->shelf, split, "test", &keys, &count));
  if (split && *split && !count) return BABEL_OK;
  BABEL_TRY(babel_bank_pair(c->bank[0], c->bank[1], keys, count, &c->rows[0], &c->rows[1], &c->n));
  *there = c->n > 0;
  return BABEL_OK;
}

static babel_status embed_side(cloud *c, int s) {
  const babel_bank *bank = c->bank[s];
  size_t width = (size_t)bank->width;
  int n = c->n;
  float *features = malloc((size_t)n * width * sizeof *features);
  if (!features) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for the points of a report");
  for (int i = 0; i < n; i++) {
    memcpy(features + (size_t)i * width, bank->features + (size_t)c->rows[s][i] * width, width * sizeof *features);
    c->labels[s * n + i] = bank->labels[c->rows[s][i]];
    c->sides[s * n + i] = s;
  }
  babel_status status = babel_trunk_embed(&c->trunk, bank->modality, features, n, 1, NULL, BABEL_OUTPUT_ALIGNED, c->x + (size_t)s * (size_t)n * (size_t)c->width);
  free(features);
  return status;
}

/* Evenly out of all, at most BABEL_REPORT_MOST of a side. */
static void thin(cloud *c) {
  int n = c->n < BABEL_REPORT_MOST ? c->n : BABEL_REPORT_MOST;
  for (int s = 0; s < 2; s++)
    for (int i = 0; i < n; i++) c->rows[s][i] = c->rows[s][(int64_t)i * c->n / n];
  c->n = n;
}

static babel_status project(const cloud *c, const char *path) {
  babel_file_writer writer;
  babel_gauss gauss;
  int n = 2 * c->n, *index = malloc((size_t)n * sizeof *index);
  float *zeros = calloc((size_t)c->width, sizeof *zeros), *ones = malloc((size_t)c->width * sizeof *ones);
  babel_status status = index && zeros && ones ? BABEL_OK : BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for the points of a report");
  for (int i = 0; i < n && status == BABEL_OK; i++) index[i] = i;
  for (int i = 0; i < c->width && status == BABEL_OK; i++) ones[i] = 1;
  if (status == BABEL_OK) status = babel_gauss_fit(&gauss, c->x, index, n, c->width, zeros, ones); /* leading directions first */
  free(index);
  free(zeros);
  free(ones);
  BABEL_TRY(status);
  status = babel_file_create(&writer, path);
  if (status == BABEL_OK) fprintf(writer.stream, "x\ty\tside\tlabel\n");
  for (int i = 0; i < n && status == BABEL_OK; i++) {
    double at[2] = {0}, length[2] = {0};
    for (int k = 0; k < 2 && k < gauss.rank; k++)
      for (int j = 0; j < c->width; j++) {
        double direction = (double)gauss.factor[k * c->width + j];
        at[k] += direction * ((double)c->x[(size_t)i * (size_t)c->width + (size_t)j] - (double)gauss.mean[j]);
        length[k] += direction * direction;
      }
    fprintf(writer.stream, "%.6g\t%.6g\t%d\t%d\n", length[0] > 0 ? at[0] / length[0] : 0, length[1] > 0 ? at[1] / length[1] : 0, c->sides[i], c->labels[i]);
  }
  babel_gauss_destroy(&gauss);
  return status == BABEL_OK ? babel_file_commit(&writer) : status;
}

static babel_status fill(cloud *c, babel_report_points *points, const char *path) {
  int most = 0;
  thin(c);
  size_t n = 2 * (size_t)c->n;
  c->width = c->trunk.config.embed_dim;
  c->x = malloc(n * (size_t)c->width * sizeof *c->x);
  c->labels = malloc(n * sizeof *c->labels);
  c->sides = malloc(n * sizeof *c->sides);
  if (!c->x || !c->labels || !c->sides) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for the points of a report");
  for (int s = 0; s < 2; s++) BABEL_TRY(embed_side(c, s));
  for (size_t i = 0; i < n; i++)
    if (c->labels[i] > most) most = c->labels[i];
  BABEL_TRY(babel_silhouette(&points->by_modality, c->x, c->sides, (int)n, c->width, 2));
  BABEL_TRY(babel_silhouette(&points->by_class, c->x, c->labels, (int)n, c->width, most + 1));
  BABEL_TRY(project(c, path));
  for (int s = 0; s < 2; s++) snprintf(points->modality[s], sizeof points->modality[s], "%s", c->bank[s]->modality);
  points->count = (int)n;
  return BABEL_OK;
}

babel_status babel_report_points_write(babel_report_points *points, const json_t *entry, const char *folder, const char *path) {
  static cloud c; /* large */
  bool there;
  memset(&c, 0, sizeof c);
  memset(points, 0, sizeof *points);
  babel_status status = open_all(&c, entry, folder, &there);
  if (status == BABEL_OK && there) status = fill(&c, points, path);
  free(c.rows[0]);
  free(c.rows[1]);
  free(c.x);
  free(c.labels);
  free(c.sides);
  babel_trunk_destroy(&c.trunk);
  babel_shelf_destroy(&c.shelf);
  return status;
}

babel_status babel_report_manifest(const char *folder, char **text) {
  babel_trunk trunk;
  char path[1200];
  *text = NULL;
  snprintf(path, sizeof path, "%s/trunk.safetensors", folder);
  if (babel_file_exists(path)) {
    BABEL_TRY(babel_trunk_read(&trunk, babel_ops_cpu(), path));
    json_t *manifest = json_loads(trunk.manifest, 0, NULL);
    *text = manifest ? json_dumps(manifest, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    json_decref(manifest);
    babel_trunk_destroy(&trunk);
  }
  if (!*text) *text = strdup("none: the phase is not finished");
  return *text ? BABEL_OK : BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a manifest");
}
