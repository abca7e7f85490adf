/* Made-up inputs of earlier phases for the layers of an MLP, and their second moments. */
#ifndef BABEL_TESTS_GROWTH_PROTECTED_INPUTS_H
#define BABEL_TESTS_GROWTH_PROTECTED_INPUTS_H

#include "growth/moments.h"

enum { PROTECTED_INPUTS = 3 }; /* of each layer: fewer than its width */

/* Number i in [0, PROTECTED_INPUTS) of layer k: `width` floats. */
void protected_input(const char *name, int k, int i, int width, float *x);
void protected_moments(const char *name, const babel_mlp *mlp, babel_moments *moments);

#endif
