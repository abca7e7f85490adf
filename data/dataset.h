/* What all data sets share: the list of trials in a folder, and the report of a check. */
#ifndef BABEL_DATA_DATASET_H
#define BABEL_DATA_DATASET_H

#include <stdbool.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sentences, in the order in which they were added. */
typedef struct {
  int count, capacity;
  char **lines;
} babel_text_list;

babel_status babel_text_list_add(babel_text_list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
void babel_text_list_sort(babel_text_list *list); /* by bytes: folder order must never show */
void babel_text_list_destroy(babel_text_list *list); /* accepts a zeroed one */

typedef struct {
  char key[32];
  char recording[32]; /* windows: of one recording, first..last - 1 [frames]; "" = the whole recording of that key */
  int first, last;
  int label;        /* 0-based class */
  int subject;      /* as the data set numbers them */
  unsigned members; /* bit i: a file of modality i of the data set's row is there */
} babel_trial;

typedef struct {
  char folder[960];
  int count;
  babel_trial *trials;     /* sorted by their numbers */
  babel_text_list missing; /* one sentence a trial or folder that should be there and is not */
  babel_text_list strays;  /* one sentence a file that was not taken */
  void *content;           /* what scanning read, for data sets of which one file holds many trials */
  void (*release)(void *content);
} babel_dataset;

void babel_dataset_destroy(babel_dataset *set); /* accepts a zeroed one */
/* The trial of that key, or NULL. */
const babel_trial *babel_dataset_find(const babel_dataset *set, const char *key);

/* What reading every file found. A set is sound when `damaged` and `missing` are empty. */
typedef struct {
  int trials; /* keys with at least one file */
  int pairs;  /* keys whose paired members are all there and sound */
  babel_text_list summary, missing, damaged, warnings;
} babel_check_report;

void babel_check_report_destroy(babel_check_report *report); /* accepts a zeroed one */

#ifdef __cplusplus
}
#endif
#endif
