/* The modality table: one row a sensor. Everything that needs to know what a modality's sample looks like asks here;
 * layers, losses and kernels never name a modality. */
#ifndef BABEL_CORE_MODALITY_H
#define BABEL_CORE_MODALITY_H

#include <stdbool.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char *name;     /* "imu": [a-z0-9_], also the tower's name in a trunk */
  const char *axes;     /* axis names of one sample, slowest first: "time, channel" */
  const char *channels; /* meaning of the last axis */
  const char *unit;     /* of the values */
  double rate_hz;       /* nominal rate of the first axis; 0 = not regular */
  int paper_width;      /* feature width in the paper (algorithm.md section 1); 0 = not in the paper */
} babel_modality;

/* The row of that name, or NULL. */
const babel_modality *babel_modality_find(const char *name);
/* Row i of the table, or NULL past its end. */
const babel_modality *babel_modality_at(int i);
/* Any name of [a-z0-9_]{1,31} is allowed for a user's own features; BABEL_ERR_ARG with the rule otherwise. */
babel_status babel_modality_check_name(const char *name);

#ifdef __cplusplus
}
#endif
#endif
