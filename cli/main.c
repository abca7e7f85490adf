/* The program `babel`: finds the command, parses its options, prints the one error line. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli/backend.h"
#include "cli/command.h"
#include "core/log.h"
#include "core/nearest.h"
#include "growth/manifest.h"

static const babel_command *const commands[] = {
    &babel_check_command, &babel_encode_command, &babel_bank_build_command, &babel_bank_import_command, &babel_bank_select_command,
    &babel_plan_command, &babel_grow_command, &babel_trunk_list_command,
    &babel_trunk_extract_command, &babel_trunk_merge_command, &babel_trunk_diff_command, &babel_eval_command, &babel_report_command, &babel_embed_command, &babel_inspect_command,
    &babel_config_command, &babel_simulate_command,
};
enum { COMMANDS = sizeof commands / sizeof *commands, USAGE_ERROR = 2 };

volatile sig_atomic_t babel_stop;

static void on_signal(int number) {
  if (babel_stop) _Exit(128 + number); /* the second one does not wait */
  babel_stop = 1;
}

/* Only for commands that look at babel_stop: the others end at once, as any program does. */
static void catch_signals(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

/* jansson 2.14 loses text or crashes when memory runs out and some is found again a little later: so none is found again. */
static void *json_memory(size_t size) {
  static atomic_bool spent;
  void *block = spent ? NULL : malloc(size);
  if (!block) {
    spent = true;
    errno = ENOMEM; /* what tells it from damaged text */
  }
  return block;
}

/* Files are read by mapping: one that is cut short meanwhile, or a disk that fails, comes as this signal. */
static void on_bus_error(int number) {
  static const char text[] = "babel: error: a file could not be read to its end: it was changed meanwhile, or its disk has failed\n";
  ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
  (void)written; /* nothing is left to be done about it */
  _Exit(EXIT_FAILURE);
}

/* A thread that waits at the end of a parallel loop looks so often before it sleeps: long enough for loops of microseconds, and short enough that on a
 * machine with other work it does not burn the time that the thread it waits for needs (with the library's own 300,000 a step takes several times as
 * long beside two busy processes on two cores). It is read before main begins: hence a second start. */
static void set_patience(char **argv) {
  if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY") || omp_get_max_threads() == 1) return;
  if (!setenv("GOMP_SPINCOUNT", "3000", 0)) execv("/proc/self/exe", argv); /* where that fails all goes on as it is */
}

/* A closed standard stream would lend its number to the next file that is opened, and messages would end up in that file. What is put in
 * its place is open the wrong way round, so that using it fails as before. */
static void occupy_standard_streams(void) {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
    if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) != stream) _Exit(EXIT_FAILURE);
}

static void help(void) {
  printf("babel %s (%s): one embedding space for many sensors, grown out of pairs\n\nUsage: babel COMMAND [options]\n\n", BABEL_VERSION,
         babel_manifest_commit());
  for (int i = 0; i < COMMANDS; i++) printf("  %-13s %s\n", commands[i]->name, commands[i]->sentence);
  printf("\nbabel COMMAND --help explains a command with examples; babel --version prints the version.\n"
         "Exit status: 0 done, 1 failed, 2 a wrong argument, option or setting, 130 interrupted.\n");
}

static int usage_error(const char *text) {
  const char *names[COMMANDS];
  for (int i = 0; i < COMMANDS; i++) names[i] = commands[i]->name;
  const char *nearest = babel_nearest(text, names, COMMANDS);
  fprintf(stderr, "babel: error: no command is called \"%s\"%s%s%s; babel --help lists them\n", text, nearest ? " (did you mean " : "", nearest ? nearest : "",
          nearest ? "?)" : "");
  return USAGE_ERROR;
}

/* "bank build" is two words of the command line. *used: how many. */
static const babel_command *find_command(int argc, char **argv, int *used) {
  char name[64];
  for (int words = 2; words >= 1; words--) {
    if (words >= argc) continue;
    snprintf(name, sizeof name, words == 2 ? "%s %s" : "%s", argv[1], words == 2 ? argv[2] : "");
    for (int i = 0; i < COMMANDS; i++)
      if (!strcmp(commands[i]->name, name)) {
        *used = words;
        return commands[i];
      }
  }
  return NULL;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static babel_status prepare(const babel_args *args) {
  int threads;
  BABEL_TRY(babel_args_int(args, "threads", omp_get_max_threads(), 1, 1024, &threads));
  omp_set_num_threads(threads);
  omp_set_dynamic(0);
  if (babel_args_flag(args, "quiet")) babel_log_set_level(BABEL_LOG_WARN);
  return babel_backend_check(args);
}

/* What the command cost, for scripts that add it up. */
static babel_status write_usage(const babel_args *args, const babel_command *command, double began) {
  const char *path = babel_args_value(args, "usage");
  struct rusage usage;
  if (!path) return BABEL_OK;
  FILE *file = fopen(path, "ae");
  getrusage(RUSAGE_SELF, &usage);
  if (!file || fprintf(file, "%s,%.3f,%ld\n", command->name, seconds() - began, usage.ru_maxrss) < 0 || fclose(file))
    return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
  return BABEL_OK;
}

static babel_status run(const babel_command *command, int argc, char **argv) {
  static babel_args args; /* large */
  double began = seconds();
  BABEL_TRY(babel_args_parse(&args, command, argc, argv));
  if (babel_args_flag(&args, "help")) {
    babel_command_help(command);
    return BABEL_OK;
  }
  BABEL_TRY(prepare(&args));
  if (command->stops) catch_signals();
  BABEL_TRY(command->run(&args));
  return write_usage(&args, command, began);
}

void babel_complain(babel_status status) {
  const babel_error *error = babel_error_last();
  if (!*error->sentence) return;
  if (status == BABEL_ERR_INTERRUPTED) fprintf(stderr, "babel: %s\n", error->sentence);
  else fprintf(stderr, "babel: error: %s (%s; %s:%d)\n", error->sentence, babel_status_name(status), error->file, error->line);
}

/* The exit status. A command is done only when what it printed has arrived. */
static int finish(babel_status status) {
  int reason = fflush(stdout) ? errno : 0;
  if (status == BABEL_OK && (reason || ferror(stdout)))
    status = BABEL_FAIL(BABEL_ERR_IO, "standard output cannot be written: %s", reason ? strerror(reason) : "an earlier write failed");
  if (status == BABEL_OK) return EXIT_SUCCESS;
  babel_complain(status);
  if (status == BABEL_ERR_INTERRUPTED) return 130;
  return status == BABEL_ERR_ARG ? USAGE_ERROR : EXIT_FAILURE;
}

/* "bank" and "trunk" begin the names of several commands. */
static int help_family(const char *word, const char *next) {
  bool wanted = next && (!strcmp(next, "--help") || !strcmp(next, "help"));
  if (!wanted && next) fprintf(stderr, "babel: error: babel %s has no command \"%s\"\n", word, next);
  if (!wanted && !next) fprintf(stderr, "babel: error: babel %s needs a command behind it\n", word);
  FILE *to = wanted ? stdout : stderr;
  fprintf(to, "babel %s has these commands; babel %s COMMAND --help explains one:\n\n", word, word);
  for (int i = 0; i < COMMANDS; i++)
    if (!strncmp(commands[i]->name, word, strlen(word)) && commands[i]->name[strlen(word)] == ' ') fprintf(to, "  babel %-14s %s\n", commands[i]->name, commands[i]->sentence);
  return wanted ? finish(BABEL_OK) : USAGE_ERROR;
}

int main(int argc, char **argv) {
  int used = 0;
  set_patience(argv);
  occupy_standard_streams();
  json_set_alloc_funcs(json_memory, free);
  signal(SIGPIPE, SIG_IGN); /* these two: the write fails instead */
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGBUS, on_bus_error);
  if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
    help();
    return argc < 2 ? USAGE_ERROR : finish(BABEL_OK);
  }
  if (!strcmp(argv[1], "--version")) {
    printf("babel %s (%s), backends: %s; ranks: " BABEL_RANKS "\n", BABEL_VERSION, babel_manifest_commit(), babel_backend_names());
    return finish(BABEL_OK);
  }
  const babel_command *command = find_command(argc, argv, &used);
  if (!command && (!strcmp(argv[1], "bank") || !strcmp(argv[1], "trunk"))) return help_family(argv[1], argv[2]);
  if (!command) return usage_error(argv[1]);
  return finish(run(command, argc - 1 - used, argv + 1 + used));
}
