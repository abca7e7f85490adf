/* The data set table: one row a data set, so that the command line and the bank builder never name one. */
#ifndef BABEL_DATA_REGISTRY_H
#define BABEL_DATA_REGISTRY_H

#include "data/dataset.h"
#include "data/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_DATASET_MODALITIES 4

typedef struct {
  const char *name;                                  /* "utd_mhad" */
  const char *modalities[BABEL_DATASET_MODALITIES];  /* readable ones, as in core/modality.h; NULL behind the last */
  int paired;                                        /* a trial is complete when it has the first `paired` of them */
  bool windows;                                      /* trials are windows of a few seconds: variants are cuts, never slowed (data/augment.h) */
  int classes;
  const char *const *class_names; /* (classes) */
  bool (*here)(const char *folder); /* whether a folder looks like this data set, by names alone */
  /* Lists what the folder holds; reads only what that takes. BABEL_ERR_IO when it is not a folder of this data set. */
  babel_status (*scan)(babel_dataset *set, const char *folder);
  /* One member of one trial; thread-safe. BABEL_ERR_ARG for a key or modality that the set does not have. */
  babel_status (*read)(const babel_dataset *set, const char *key, const char *modality, babel_sample *sample);
  /* Reads everything and reports; fails only when the folder cannot be scanned or memory ends. */
  babel_status (*check)(babel_check_report *report, const char *folder);
} babel_dataset_row;

const babel_dataset_row *babel_dataset_row_find(const char *name); /* or NULL */
const babel_dataset_row *babel_dataset_row_at(int i);              /* NULL past the end */
/* The row called `name`; NULL: the one that the folder looks like, utd_mhad when it looks like none. BABEL_ERR_ARG for an unknown name. */
babel_status babel_dataset_row_choose(const babel_dataset_row **row, const char *name, const char *folder);
bool babel_trial_is_complete(const babel_dataset_row *row, const babel_trial *trial);
/* Position of a modality among the row's, -1 when it has none of that name. */
int babel_dataset_modality(const babel_dataset_row *row, const char *modality);

#ifdef __cplusplus
}
#endif
#endif
