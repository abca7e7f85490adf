#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "data/registry.h"

static const babel_option options[] = {
    {"dataset", "NAME", "which data set the folder holds: utd_mhad, mars or mmego (default: by its files)"},
    {NULL, NULL, NULL},
};

static void print_list(const char *title, const babel_text_list *list) {
  if (!list->count) return;
  printf("%s (%d)\n", title, list->count);
  for (int i = 0; i < list->count; i++) printf("  %s\n", list->lines[i]);
}

static babel_status run(const babel_args *args) {
  const char *name = babel_args_value(args, "dataset");
  const babel_dataset_row *row;
  babel_check_report report = {0};
  if (args->positional_count != 1) return BABEL_FAIL(BABEL_ERR_ARG, "babel check takes one folder, found %d arguments", args->positional_count);
  const char *folder = args->positional[0];
  BABEL_TRY(babel_dataset_row_choose(&row, name, folder));
  BABEL_TRY(row->check(&report, folder));
  print_list("Summary", &report.summary);
  print_list("Warnings", &report.warnings);
  print_list("Missing", &report.missing);
  print_list("Damaged", &report.damaged);
  int damaged = report.damaged.count, missing = report.missing.count;
  printf("%s: %d trials, %d sound pairs, %d missing, %d damaged\n", folder, report.trials, report.pairs, missing, damaged);
  babel_check_report_destroy(&report);
  if (damaged || missing)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: %d missing and %d damaged; each is named above", folder, missing, damaged);
  return BABEL_OK;
}

const babel_command babel_check_command = {
    .name = "check",
    .plain = true,
    .usage = "DIR [options]",
    .sentence = "lists missing and damaged trials of a data set folder before any work",
    .details = "Reads every file. Exit status 0: everything is there and sound; 1: something is missing or damaged, each named with its reason.",
    .options = options,
    .run = run,
    .examples = "  babel check UTD-MHAD\n",
};
