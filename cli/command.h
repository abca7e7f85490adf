/* A command of the program: what it is called, which options it takes, what it does. One table drives parsing and --help. */
#ifndef BABEL_CLI_COMMAND_H
#define BABEL_CLI_COMMAND_H

#include <signal.h>
#include <stdbool.h>

#include "core/status.h"

typedef struct {
  const char *name;     /* "out", used as --out */
  const char *value;    /* name of its value for --help, "DIR"; NULL = a flag */
  const char *sentence;
} babel_option;

#define BABEL_MAX_GIVEN 512

typedef struct {
  const babel_option *option;
  const char *value; /* NULL for a flag */
} babel_given;

typedef struct {
  int given_count;
  babel_given given[BABEL_MAX_GIVEN]; /* in the order of the command line */
  int positional_count;
  const char *positional[BABEL_MAX_GIVEN];
} babel_args;

typedef struct {
  const char *name, *usage, *sentence; /* "bank build", "[options]", what it does */
  const char *details, *examples;      /* paragraphs of --help */
  const babel_option *options;         /* ends with name NULL */
  bool stops;                          /* looks at babel_stop */
  bool plain;                          /* takes arguments that are no options */
  babel_status (*run)(const babel_args *args);
} babel_command;

extern const babel_command babel_check_command, babel_encode_command, babel_bank_build_command, babel_bank_import_command,
    babel_bank_select_command, babel_plan_command, babel_trunk_list_command,
    babel_trunk_extract_command, babel_trunk_merge_command, babel_trunk_diff_command, babel_grow_command, babel_eval_command, babel_report_command, babel_embed_command,
    babel_inspect_command, babel_config_command, babel_simulate_command;

/* Options that every command takes: --threads, --backend, --usage, --quiet, --help. */
extern const babel_option babel_shared_options[];

/* Parses argv[0..argc). BABEL_ERR_ARG: unknown option (with the nearest), missing or unexpected value, an argument that the command does not take. */
babel_status babel_args_parse(babel_args *args, const babel_command *command, int argc, char **argv);

bool babel_args_flag(const babel_args *args, const char *name);
const char *babel_args_value(const babel_args *args, const char *name);           /* the last one, or NULL */
int babel_args_values(const babel_args *args, const char *name, const char **values, int most); /* all, in order */
babel_status babel_args_require(const babel_args *args, const char *name, const char **value);
babel_status babel_args_int(const babel_args *args, const char *name, int fallback, int low, int high, int *value);

void babel_command_help(const babel_command *command);

/* The sentence of the last failure, to standard error; nothing where it has none: it was said before (ranks.h). */
void babel_complain(babel_status status);

/* Set by SIGINT and SIGTERM while a command runs that has said so. */
extern volatile sig_atomic_t babel_stop;

#endif
