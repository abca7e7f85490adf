#include "data/dataset.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

babel_status babel_text_list_add(babel_text_list *list, const char *format, ...) {
  va_list arguments;
  char *line = NULL;
  if (list->count == list->capacity) {
    int capacity = list->capacity ? 2 * list->capacity : 16;
    char **lines = realloc(list->lines, (size_t)capacity * sizeof *lines);
    if (!lines) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a list of %d lines", capacity);
    list->lines = lines;
    list->capacity = capacity;
  }
  va_start(arguments, format);
  int length = vasprintf(&line, format, arguments);
  va_end(arguments);
  if (length < 0) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a line of text");
  list->lines[list->count++] = line;
  return BABEL_OK;
}

static int compare_lines(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

void babel_text_list_sort(babel_text_list *list) {
  if (list->count) qsort(list->lines, (size_t)list->count, sizeof *list->lines, compare_lines);
}

void babel_text_list_destroy(babel_text_list *list) {
  if (!list) return;
  for (int i = 0; i < list->count; i++) free(list->lines[i]);
  free(list->lines);
  memset(list, 0, sizeof *list);
}

void babel_dataset_destroy(babel_dataset *set) {
  if (!set) return;
  free(set->trials);
  if (set->release) set->release(set->content);
  babel_text_list_destroy(&set->missing);
  babel_text_list_destroy(&set->strays);
  memset(set, 0, sizeof *set);
}

const babel_trial *babel_dataset_find(const babel_dataset *set, const char *key) {
  for (int i = 0; i < set->count; i++)
    if (!strcmp(set->trials[i].key, key)) return &set->trials[i];
  return NULL;
}

void babel_check_report_destroy(babel_check_report *report) {
  if (!report) return;
  babel_text_list_destroy(&report->summary);
  babel_text_list_destroy(&report->missing);
  babel_text_list_destroy(&report->damaged);
  babel_text_list_destroy(&report->warnings);
  memset(report, 0, sizeof *report);
}
