#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/retention_table.h"

enum { MOST_POLICIES = 16, MOST_LINES = 256 };

typedef struct {
  double sum, squares;
  int n;
} cell;

/* One line of the table: a measure of one modality or pair. */
typedef struct {
  const babel_result *row;
  cell cells[MOST_POLICIES];
} line;

typedef struct {
  int policies, lines;
  char names[MOST_POLICIES][32];
  line line[MOST_LINES];
  cell kept[MOST_POLICIES]; /* of trained pairs that are older than the last phase and were above chance, a value a run */
} table;

static void put(cell *c, double value) {
  c->sum += value;
  c->squares += value * value;
  c->n++;
}

static void print_cell(const cell *c) {
  char text[32] = "-";
  double mean = c->sum / c->n, variance = c->squares / c->n - mean * mean;
  if (c->n == 1) snprintf(text, sizeof text, "%.1f", mean);
  if (c->n > 1) snprintf(text, sizeof text, "%.1f +- %.1f", mean, sqrt(variance > 0 ? variance : 0));
  printf(" %14s", text);
}

static line *line_of(table *t, const babel_result *r) {
  for (int i = 0; i < t->lines; i++) {
    const babel_result *have = t->line[i].row;
    if (!strcmp(have->measure, r->measure) && have->modalities.count == r->modalities.count && !strcmp(have->modalities.names[0], r->modalities.names[0]) &&
        (r->modalities.count == 1 || !strcmp(have->modalities.names[1], r->modalities.names[1])))
      return &t->line[i];
  }
  if (t->lines == MOST_LINES) return NULL;
  t->line[t->lines] = (line){.row = r};
  return &t->line[t->lines++];
}

static int policy_of(table *t, const char *name) {
  for (int i = 0; i < t->policies; i++)
    if (!strcmp(t->names[i], name)) return i;
  if (t->policies == MOST_POLICIES) return -1;
  snprintf(t->names[t->policies], sizeof t->names[0], "%s", name);
  return t->policies++;
}

static void add_run(table *t, const babel_results *run, const char *label) {
  double kept = 0;
  int pairs = 0, policy = -1;
  for (int i = 0; i < run->count; i++) {
    const babel_result *r = &run->rows[i];
    if (r->kind != BABEL_RESULT_RETENTION || strcmp(r->phase, "all") || (strcmp(r->measure, "one-shot") && strcmp(r->measure, "class_top1"))) continue;
    line *at = line_of(t, r);
    policy = policy_of(t, label ? label : r->policy);
    if (!at || policy < 0) continue;
    put(&at->cells[policy], r->after);
    if (r->modalities.count == 2 && !r->emergent && isfinite(babel_retention_kept(r)) && !babel_retention_new(run, r)) kept += r->retained, pairs++;
  }
  if (pairs) put(&t->kept[policy], kept / pairs);
}

void babel_print_policies(const babel_results *runs, const char *const *labels, int count) {
  static table t; /* large */
  char name[80];
  memset(&t, 0, sizeof t);
  for (int i = 0; i < count; i++) add_run(&t, &runs[i], labels[i]);
  printf("%-34s", "after all phases [%]");
  for (int p = 0; p < t.policies; p++) printf(" %14s", t.names[p]);
  printf("\n%-34s", "kept, older trained pairs");
  for (int p = 0; p < t.policies; p++) print_cell(&t.kept[p]);
  printf("\n");
  for (int i = 0; i < t.lines; i++) {
    const babel_result *r = t.line[i].row;
    printf("%-10s %-23s", strcmp(r->measure, "one-shot") ? "class" : "one-shot", babel_names_join(&r->modalities, " > ", name, sizeof name));
    for (int p = 0; p < t.policies; p++) print_cell(&t.line[i].cells[p]);
    printf("%s\n", r->emergent ? "  emergent" : "");
  }
}
