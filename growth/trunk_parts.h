/* Trunks as collections of towers: a subset as a trunk of its own, two trunks of one origin joined, and what differs between two. */
#ifndef BABEL_GROWTH_TRUNK_PARTS_H
#define BABEL_GROWTH_TRUNK_PARTS_H

#include <stdio.h>

#include "growth/trunk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* out: the towers of these names, in this order, with the prototype, the temperature, the history. BABEL_ERR_ARG when one is not there. */
babel_status babel_trunk_extract(babel_trunk *out, const babel_trunk *from, const char *const *names, int count);

/* out: all towers of a, and those of b that a has not. Both must stand on the same prototype and temperature, and agree bit for bit on the towers that both
 * have: so it is when each grew one modality on the same trunk with trunk=freeze. BABEL_ERR_ARG names the first difference. The temperature is a's. */
babel_status babel_trunk_merge(babel_trunk *out, const babel_trunk *a, const babel_trunk *b);

/* One tensor of both trunks: relative distance ||a - b|| / ||a||, largest difference; only_in: 0 both, 1 a, 2 b, 3 other shapes. identical: in both, every bit. */
typedef struct {
  char name[96];
  int only_in;
  bool identical;
  bool moment;  /* a second moment (moments.h): no embedding depends on it */
  int64_t count;
  double relative, largest;
} babel_trunk_difference;
/* differences: malloced, in the order of a, then what b alone has. */
babel_status babel_trunk_compare(const babel_trunk *a, const babel_trunk *b, babel_trunk_difference **differences, int *count);

#ifdef __cplusplus
}
#endif
#endif
