#include <stdio.h>

#include "cli/command.h"
#include "cli/table.h"

static const babel_option options[] = {
    {"all", NULL, "every head and scoring, not the headline rows alone"},
    {"markdown", NULL, "as Markdown"},
    {NULL, NULL, NULL},
};

static babel_status run(const babel_args *args) {
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
    .usage = "results.json [--all] [--markdown]",
    .sentence = "prints the rows of a results.json as tables",
    .details = "Accuracy: mean and population deviation over draws x seeds; 95 %: interval of the mean over draws; gain: paired, same draw and seed, over the raw\n"
               "features of the same samples, with its interval.",
    .examples = "  babel report out/results.json\n  babel report out/results.json --all --markdown > tables.md\n",
    .options = options,
    .run = run,
};
