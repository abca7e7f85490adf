#include "cli/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>


static bool wanted(const babel_result *row, bool headline) {
  if (!headline || row->kind == BABEL_RESULT_RETRIEVAL) return true;
  return !strcmp(row->scoring, "last") && (!strcmp(row->head, "nearest") || !strcmp(row->head, "transductive") ||
                                             (!strcmp(row->head, "mlp") && (!strcmp(row->preset, "paper") || !strcmp(row->preset, "release"))));
}

static void __attribute__((format(printf, 2, 3))) put(char cell[64], const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(cell, 64, format, arguments);
  va_end(arguments);
}

static void cells_oneshot(const babel_result *row, char cells[8][64]) {
  babel_names_join(&row->modalities, "+", cells[0], 64);
  babel_names_join(&row->encoders, "+", cells[1], 64);
  put(cells[2], "%s", row->preset);
  put(cells[3], "%s%s", row->features, strcmp(row->scoring, "last") ? " (best on query)" : "");
  put(cells[4], "%s%s%s", row->head, *row->fusion ? ", " : "", row->fusion);
  put(cells[5], "%.1f +- %.1f", row->mean, row->sd);
  if (isfinite(row->ci95)) put(cells[6], "%.1f", row->ci95);
  else put(cells[6], "-");
  if (isfinite(row->gain) && isfinite(row->gain_ci95)) put(cells[7], "%+.1f +- %.1f", row->gain, row->gain_ci95);
  else if (isfinite(row->gain)) put(cells[7], "%+.1f", row->gain);
  else put(cells[7], "-");
}

static void cells_retrieval(const babel_result *row, char cells[8][64]) {
  put(cells[0], "%.30s -> %.30s", row->from, row->to);
  babel_names_join(&row->encoders, "+", cells[1], 64);
  put(cells[2], "%s", row->preset);
  put(cells[3], "%s", row->features);
  put(cells[4], "n %d", row->n);
  put(cells[5], "class %.1f", row->class_top1);
  put(cells[6], "%.1f", row->median_rank);
  put(cells[7], "%.1f / %.1f / %.1f", row->recall1, row->recall5, row->recall10);
}

static const char *const titles[2][8] = {
    {"modalities", "encoders", "preset", "features", "head", "accuracy [%]", "95 %", "gain over raw"},
    {"retrieval", "encoders", "preset", "features", "candidates", "class top-1 [%]", "rank", "recall@1/5/10 [%]"},
};
static const int widths[8] = {18, 28, 20, 24, 18, 15, 5, 18};

static void print_line(const char *const cells[8], bool markdown) {
  for (int i = 0; i < 8; i++) {
    if (markdown) printf("| %s ", cells[i]);
    else printf("%s%-*s", i ? "  " : "", widths[i], cells[i]);
  }
  printf(markdown ? "|\n" : "\n");
}

static bool same_group(const babel_result *a, const babel_result *b) {
  return a->kind == b->kind && !strcmp(a->protocol, b->protocol) && !strcmp(a->dataset, b->dataset);
}

static void print_group(const babel_results *results, int first, const babel_result *head, bool headline, bool markdown) {
  char text[8][64];
  const char *cells[8];
  bool titled = false;
  int seeds = 0; /* raw rows know one */
  for (int i = 0; i < 8; i++) cells[i] = text[i];
  for (int i = first; i < results->count; i++)
    if (same_group(&results->rows[i], head) && results->rows[i].seeds > seeds) seeds = results->rows[i].seeds;
  for (int i = first; i < results->count; i++) {
    const babel_result *row = &results->rows[i];
    if (!same_group(row, head) || !wanted(row, headline)) continue;
    if (!titled) {
      const char *what = head->kind == BABEL_RESULT_ONESHOT ? "one-shot" : "retrieval";
      printf(markdown ? "\n### %s, %s, protocol `%s` (%d seeds)\n\n" : "\n%s, %s, protocol %s (%d seeds)\n", head->dataset, what, head->protocol, seeds);
      print_line(titles[head->kind], markdown);
      if (markdown) printf("|---|---|---|---|---|---|---|---|\n");
      titled = true;
    }
    if (row->kind == BABEL_RESULT_ONESHOT) cells_oneshot(row, text);
    else cells_retrieval(row, text);
    print_line(cells, markdown);
  }
}

/* Groups in the order in which they first appear. */
static void print_all(const babel_results *results, int first, bool headline, bool markdown) {
  for (int kind = 0; kind < 2; kind++)
    for (int i = first; i < results->count; i++) {
      const babel_result *row = &results->rows[i];
      bool seen = (int)row->kind != kind;
      for (int j = first; j < i && !seen; j++)
        seen = same_group(&results->rows[j], row);
      if (!seen) print_group(results, first, row, headline, markdown);
    }
}

void babel_print_table(const babel_results *results, int first, bool headline) {
  print_all(results, first, headline, false);
}

void babel_print_markdown(const babel_results *results, bool headline) {
  print_all(results, 0, headline, true);
}
