#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "core/file.h"
#include "core/nearest.h"

const babel_option babel_shared_options[] = {
    {"threads", "N", "threads to compute with (default: all processors, or OMP_NUM_THREADS)"},
    {"backend", "NAME", "auto, cpu or cuda, for grow, eval and embed (default auto: cuda where there is a device)"},
    {"usage", "FILE", "append a line `command,seconds,peak memory [KiB]` to FILE"},
    {"quiet", NULL, "only errors and warnings on standard error"},
    {"help", NULL, "this text"},
    {NULL, NULL, NULL},
};

static const babel_option *find(const babel_option *options, const char *name) {
  for (; options->name; options++)
    if (!strcmp(options->name, name)) return options;
  return NULL;
}

static babel_status unknown(const babel_command *command, const char *name) {
  const char *names[64];
  int count = 0;
  for (const babel_option *o = command->options; o->name && count < 60; o++) names[count++] = o->name;
  for (const babel_option *o = babel_shared_options; o->name; o++) names[count++] = o->name;
  const char *nearest = babel_nearest(name, names, count);
  return BABEL_FAIL(BABEL_ERR_ARG, "babel %s has no option --%s%s%s%s; babel %s --help lists them", command->name, name, nearest ? " (did you mean --" : "",
                    nearest ? nearest : "", nearest ? "?)" : "", command->name);
}

babel_status babel_args_parse(babel_args *args, const babel_command *command, int argc, char **argv) {
  memset(args, 0, sizeof *args);
  for (int i = 0; i < argc; i++) {
    char name[64];
    if (args->given_count == BABEL_MAX_GIVEN || args->positional_count == BABEL_MAX_GIVEN)
      return BABEL_FAIL(BABEL_ERR_ARG, "more than %d arguments", BABEL_MAX_GIVEN);
    if (strncmp(argv[i], "--", 2) || !argv[i][2]) {
      if (!command->plain) return BABEL_FAIL(BABEL_ERR_ARG, "babel %s: \"%s\" stands behind no option; babel %s --help lists them", command->name, argv[i], command->name);
      args->positional[args->positional_count++] = argv[i];
      continue;
    }
    const char *text = argv[i] + 2, *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), text);
    const babel_option *option = find(command->options, name);
    if (!option) option = find(babel_shared_options, name);
    if (!option) return unknown(command, name);
    babel_given *given = &args->given[args->given_count++];
    given->option = option;
    if (!option->value) {
      if (equals) return BABEL_FAIL(BABEL_ERR_ARG, "--%s takes no value", name);
    } else if (equals) {
      given->value = equals + 1;
    } else if (i + 1 < argc) {
      given->value = argv[++i];
    } else {
      return BABEL_FAIL(BABEL_ERR_ARG, "--%s needs a value: %s", name, option->value);
    }
  }
  return BABEL_OK;
}

bool babel_args_flag(const babel_args *args, const char *name) {
  for (int i = 0; i < args->given_count; i++)
    if (!strcmp(args->given[i].option->name, name)) return true;
  return false;
}

int babel_args_values(const babel_args *args, const char *name, const char **values, int most) {
  int count = 0;
  for (int i = 0; i < args->given_count; i++)
    if (!strcmp(args->given[i].option->name, name) && count < most) values[count++] = args->given[i].value;
  return count;
}

const char *babel_args_value(const babel_args *args, const char *name) {
  const char *value = NULL;
  for (int i = 0; i < args->given_count; i++)
    if (!strcmp(args->given[i].option->name, name)) value = args->given[i].value;
  return value;
}

babel_status babel_args_require(const babel_args *args, const char *name, const char **value) {
  *value = babel_args_value(args, name);
  if (!*value || !**value) return BABEL_FAIL(BABEL_ERR_ARG, "--%s is needed", name);
  return BABEL_OK;
}

babel_status babel_args_int(const babel_args *args, const char *name, int fallback, int low, int high, int *value) {
  const char *text = babel_args_value(args, name);
  int64_t number;
  *value = fallback;
  if (!text) return BABEL_OK;
  if (!babel_parse_int(text, &number) || number < low || number > high)
    return BABEL_FAIL(BABEL_ERR_ARG, "--%s %s: expected a whole number from %d to %d", name, text, low, high);
  *value = (int)number;
  return BABEL_OK;
}

static void print_options(const babel_option *options) {
  for (; options->name; options++) {
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", options->name, options->value ? " " : "", options->value ? options->value : "");
    printf("  %-28s %s\n", left, options->sentence);
  }
}

void babel_command_help(const babel_command *command) {
  printf("babel %s %s\n\n%s\n", command->name, command->usage, command->sentence);
  if (command->details) printf("\n%s\n", command->details);
  printf("\nOptions\n");
  print_options(command->options);
  print_options(babel_shared_options);
  if (command->examples) printf("\nExamples\n%s\n", command->examples);
}
