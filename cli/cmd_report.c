#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/report_html.h"
#include "cli/retention_table.h"
#include "cli/table.h"

static const babel_option options[] = {
    {"all", NULL, "every head and scoring, not the headline rows alone"},
    {"markdown", NULL, "as Markdown"},
    {"html", NULL, "of the folder of a run: one page with curves, weights, retention and embeddings (needs gnuplot)"},
    {"policies", NULL, "runs of one schedule side by side, by policy: several results.json, each after an optional NAME="},
    {NULL, NULL, NULL},
};

enum { MOST_RUNS = 256 };

/* `NAME=FILE` or `FILE`. */
static babel_status read_run(const char *text, babel_results *results, char label[32], const char **name) {
  const char *equals = strchr(text, '=');
  *name = NULL;
  if (equals && equals > text && equals - text < 32 && !memchr(text, '/', (size_t)(equals - text))) {
    snprintf(label, 32, "%.*s", (int)(equals - text), text);
    *name = label;
    text = equals + 1;
  }
  return babel_results_read(results, text);
}

static babel_status compare_policies(const babel_args *args) {
  static babel_results runs[MOST_RUNS];
  static char labels[MOST_RUNS][32];
  const char *names[MOST_RUNS];
  babel_status status = BABEL_OK;
  int count = args->positional_count;
  if (count < 1 || count > MOST_RUNS) return BABEL_FAIL(BABEL_ERR_ARG, "babel report --policies takes 1 to %d results.json, found %d", MOST_RUNS, count);
  for (int i = 0; i < count && status == BABEL_OK; i++) status = read_run(args->positional[i], &runs[i], labels[i], &names[i]);
  if (status == BABEL_OK) babel_print_policies(runs, names, count);
  for (int i = 0; i < count; i++) babel_results_destroy(&runs[i]);
  return status;
}

static babel_status run(const babel_args *args) {
  if (babel_args_flag(args, "policies")) return compare_policies(args);
  if (babel_args_flag(args, "html")) {
    if (args->positional_count != 1) return BABEL_FAIL(BABEL_ERR_ARG, "babel report --html takes the folder of one run");
    return babel_report_html(args->positional[0]);
  }
  babel_results results = {0};
  bool headline = !babel_args_flag(args, "all");
  if (args->positional_count != 1) return BABEL_FAIL(BABEL_ERR_ARG, "babel report takes one results.json");
  BABEL_TRY(babel_results_read(&results, args->positional[0]));
  if (babel_args_flag(args, "markdown")) babel_print_markdown(&results, headline);
  else babel_print_table(&results, 0, headline);
  babel_results_destroy(&results);
  return BABEL_OK;
}

const babel_command babel_report_command = {
    .name = "report",
    .plain = true,
    .usage = "results.json [--all] [--markdown] | --policies [NAME=]results.json .. | --html RUN",
    .sentence = "prints the rows of a results.json as tables",
    .details = "Accuracy: mean and population deviation over draws x seeds; 95 %: interval of the mean over draws; gain: paired, same draw and seed, over the raw\n"
               "features of the same samples, with its interval.",
    .examples = "  babel report out/results.json\n  babel report --html out/grow\n  babel report out/results.json --all --markdown > tables.md\n"
                "  babel report --policies out/grow/results.json out/grow_plain/results.json\n",
    .options = options,
    .run = run,
};
