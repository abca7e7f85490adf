/* Why training broke down: the step, modality and row of the batch whose features are not finite, or largest. */
#ifndef BABEL_GROWTH_BREAKDOWN_H
#define BABEL_GROWTH_BREAKDOWN_H

#include "growth/phase_data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* After a failure of status BABEL_ERR_VALUE somewhere in the steps first..last - 1: looks through their batches, as they lie on the backend,
 * for the first row that holds NaN or infinity, or that standardising makes so, and replaces the recorded sentence by one that names it. When
 * all are finite, names the row with the largest feature behind that sentence. Returns BABEL_ERR_VALUE, or what kept it from looking. */
babel_status babel_breakdown_explain(babel_phase_data *data, const babel_config *config, const babel_phase_options *options, const babel_step_plan *plan,
                                     int64_t first, int64_t last);

#ifdef __cplusplus
}
#endif
#endif
