#include "tests/cases/program.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/rng.h"
#include "tests/support/paths.h"

static char written[2][1 << 16]; /* standard output and error of the last run */
static char command[4096];

void enter_scratch(void) {
  cr_assert_eq(chdir(babel_scratch()), 0);
  setenv("OMP_NUM_THREADS", "1", 1);
}

static void write_file(const char *name, const void *data, size_t size) {
  FILE *file = fopen(name, "wb");
  cr_assert(file && fwrite(data, 1, size, file) == size && !fclose(file), "%s", name);
}

void save(const char *name, bytes *content) {
  write_file(name, content->data, content->size);
  bytes_free(content);
}

void save_text(const char *name, const char *text) {
  write_file(name, text, strlen(text));
}

void save_npy(const char *name, const char *descr, const char *shape, bool fortran, int version, size_t align, const void *data, size_t size) {
  char header[160];
  bytes file = {0};
  int length = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, fortran ? "True" : "False", shape);
  size_t fixed = version == 1 ? 10 : 12, end = fixed + (size_t)length + 1;
  size_t padding = (align - end % align) % align;
  put(&file, "\x93NUMPY", 6);
  put_u8(&file, (unsigned)version);
  put_u8(&file, 0);
  if (version == 1) put_u16(&file, (unsigned)(end - fixed + padding));
  else put_u32(&file, (uint32_t)(end - fixed + padding));
  put_text(&file, header);
  while (padding--) put_text(&file, " ");
  put_text(&file, "\n");
  put(&file, data, size);
  save(name, &file);
}

void save_rows(const char *name, const float *x, int rows, int columns) {
  char shape[40];
  snprintf(shape, sizeof shape, "(%d, %d)", rows, columns);
  save_npy(name, "<f4", shape, false, 1, 64, x, (size_t)rows * (size_t)columns * sizeof *x);
}

void fill_normal(float *x, size_t count, unsigned seed) {
  for (size_t i = 0; i < count; i++) {
    double u = 1 - (double)babel_rng_uniform(seed, BABEL_RNG_AUGMENT, 2 * i), v = (double)babel_rng_uniform(seed, BABEL_RNG_AUGMENT, 2 * i + 1);
    x[i] = (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
  }
}

static void read_back(int which, const char *name) {
  FILE *file = fopen(name, "rb");
  cr_assert_not_null(file);
  size_t size = fread(written[which], 1, sizeof written[which] - 1, file);
  written[which][size] = 0;
  fclose(file);
}

int run(const char *format, ...) {
  va_list arguments;
  size_t used = (size_t)snprintf(command, sizeof command, "%s ", BABEL_PROGRAM);
  va_start(arguments, format);
  used += (size_t)vsnprintf(command + used, sizeof command - used, format, arguments);
  va_end(arguments);
  cr_assert(used + 40 < sizeof command);
  strcpy(command + used, " >standard_output 2>standard_error");
  int status = system(command);
  read_back(0, "standard_output");
  read_back(1, "standard_error");
  cr_assert(WIFEXITED(status) && WEXITSTATUS(status) < 126, "%s: status %d\n%s", command, status, errors());
  cr_assert(!strstr(errors(), "Sanitizer") && !strstr(errors(), "runtime error:"), "%s\n%s", command, errors());
  return WEXITSTATUS(status);
}

const char *output(void) {
  return written[0];
}

const char *errors(void) {
  return written[1];
}

void refused(int code, int found, const char *word) {
  const char *line = strstr(errors(), "babel: error: ");
  cr_assert_eq(found, code, "%s: exit status %d, expected %d\n%s", command, found, code, errors());
  cr_assert(line && !strstr(line + 1, "babel: error: "), "%s: expected one error line\n%s", command, errors());
  cr_assert(strstr(line, word), "%s: expected \"%s\" in its sentence\n%s", command, word, line);
}

void shows(const char *name, const char *shape, double sum, double first, double last) {
  char start[64];
  double seen[3] = {0};
  snprintf(start, sizeof start, "\n  %-44s ", name);
  const char *line = strstr(output(), start);
  cr_assert(line, "%s: no line about \"%s\"\n%s", command, name, output());
  const char *end = strchr(line + 1, '\n'), *at = strstr(line, shape), *sums = strstr(line, " sum "), *ends = strstr(line, " first ");
  cr_assert(end && at && at < end, "%s: expected shape %s\n%.300s", command, shape, line);
  cr_assert(sums && sums < end && sscanf(sums, " sum %lf", &seen[0]) == 1);
  cr_assert(ends && ends < end && sscanf(ends, " first %lf last %lf", &seen[1], &seen[2]) == 2);
  cr_assert(fabs(seen[0] - sum) <= 1e-8 * (fabs(sum) + 1) && fabs(seen[1] - first) <= 1e-8 && fabs(seen[2] - last) <= 1e-8,
            "%s: %s: sum %.9g first %.9g last %.9g, expected %.9g %.9g %.9g", command, name, seen[0], seen[1], seen[2], sum, first, last);
}
