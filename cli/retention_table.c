#include "cli/retention_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const babel_result *find(const babel_results *results, const babel_result *like, const char *measure) {
  for (int i = 0; i < results->count; i++) {
    const babel_result *r = &results->rows[i];
    if (r->kind != BABEL_RESULT_RETENTION || strcmp(r->phase, like->phase) || strcmp(r->measure, measure)) continue;
    if (r->modalities.count == like->modalities.count && !strcmp(r->modalities.names[0], like->modalities.names[0]) &&
        (r->modalities.count == 1 || !strcmp(r->modalities.names[1], like->modalities.names[1])))
      return r;
  }
  return NULL;
}

static bool at_chance(const babel_result *row) {
  return row->before < 2 * row->chance; /* false where one is missing */
}

double babel_retention_kept(const babel_result *row) {
  return at_chance(row) ? (double)NAN : row->retained;
}

static void print_change(const babel_result *r) {
  char kept[16] = "-", chance[16] = "-";
  if (isfinite(r->chance)) snprintf(chance, sizeof chance, "%.1f", r->chance);
  if (at_chance(r)) snprintf(kept, sizeof kept, "at chance");
  else if (isfinite(r->retained)) snprintf(kept, sizeof kept, "%.1f %%", r->retained);
  printf("%7s %8.1f %8.1f %+8.1f %9s", chance, r->before, r->after, r->after - r->before, kept);
}

static void print_instances(const babel_results *results, const babel_result *pair) {
  const babel_result *one = find(results, pair, "recall1"), *ten = find(results, pair, "recall10"), *rank = find(results, pair, "median_rank");
  if (one && ten && rank) printf("   %5.1f / %5.1f  %7.1f", one->after, ten->after, rank->after);
  else printf("   not synchronised      ");
}

bool babel_retention_new(const babel_results *results, const babel_result *row) {
  const char *last = NULL;
  for (int i = 0; i < results->count; i++)
    if (results->rows[i].kind == BABEL_RESULT_RETENTION && strcmp(results->rows[i].phase, "all")) last = results->rows[i].phase;
  if (!last) return false;
  babel_result like = *row;
  snprintf(like.phase, sizeof like.phase, "%s", last);
  const babel_result *then = find(results, &like, row->measure);
  return then && isnan(then->before);
}

/* One line over everything that is older than the last phase: trained pairs, emergent ones, single modalities. */
static void print_summary(const babel_results *results) {
  static const char *const names[] = {"trained pairs, class top-1", "emergent pairs, class top-1", "modalities, one-shot"};
  printf("\n%-30s %6s %10s %10s\n", "kept after all phases", "number", "mean", "least");
  for (int kind = 0; kind < 3; kind++) {
    double sum = 0, least = INFINITY;
    char where[80] = "";
    int n = 0, chance = 0;
    for (int i = 0; i < results->count; i++) {
      const babel_result *r = &results->rows[i];
      if (r->kind != BABEL_RESULT_RETENTION || strcmp(r->phase, "all") || strcmp(r->measure, kind < 2 ? "class_top1" : "one-shot")) continue;
      if ((kind < 2 && r->emergent != (kind == 1)) || babel_retention_new(results, r)) continue;
      chance += at_chance(r);
      if (!isfinite(babel_retention_kept(r))) continue;
      sum += r->retained;
      n++;
      if (r->retained >= least) continue;
      least = r->retained;
      babel_names_join(&r->modalities, " > ", where, sizeof where);
    }
    if (n) printf("%-30s %6d %8.1f %% %8.1f %%  %s\n", names[kind], n, sum / n, least, where);
    if (chance) printf("%-30s %6d   less than twice chance when first measured: there was nothing to keep\n", n ? "" : names[kind], chance);
  }
}

void babel_print_retention(const babel_results *results) {
  bool any = false;
  for (int pairs = 0; pairs < 2; pairs++) {
    if (pairs) printf("\n%-22s %7s %8s %8s %8s %9s   %s\n", "class top-1 [%]", "chance", "first", "now", "change", "kept", "recall@1/10 [%]  rank");
    else printf("%-22s %7s %8s %8s %8s %9s\n", "one-shot [%]", "chance", "first", "now", "change", "kept");
    for (int i = 0; i < results->count; i++) {
      const babel_result *r = &results->rows[i];
      char name[80];
      if (r->kind != BABEL_RESULT_RETENTION || strcmp(r->phase, "all") || strcmp(r->measure, pairs ? "class_top1" : "one-shot")) continue;
      any = true;
      babel_names_join(&r->modalities, " > ", name, sizeof name);
      printf("%-22s ", name);
      print_change(r);
      if (pairs) print_instances(results, r);
      printf("%s\n", r->emergent ? "  emergent" : "");
    }
  }
  if (any) print_summary(results);
  else printf("nothing was measured\n");
}
