/* The one thing that some encoders take from a training set: the deviation of each number of the described frames (babel_encoder_row.prepare), pooled over
 * all frames of all training trials. It is part of a bank's provenance ("fit"), from which new recordings are encoded the same way. */
#ifndef BABEL_ENCODERS_FIT_H
#define BABEL_ENCODERS_FIT_H

#include "encoders/encode_dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Over the listed trials that the data set has (dataset, folder, modality, keys, key_count, stop of `options`); others are left out with a note. sha256: of
 * the split file that lists them, "" for none. Population deviation in double, merged in the order of the keys: the same whatever the threads.
 * BABEL_ERR_ARG for an encoder that needs no fit, BABEL_ERR_FORMAT when no trial is there. */
babel_status babel_encoder_fit(babel_encoder *encoder, const babel_encode_options *options, const char *sha256);

/* From the provenance of a bank of the same encoder. BABEL_ERR_FORMAT, naming `path`, when there is none in it. */
babel_status babel_encoder_fit_from(babel_encoder *encoder, const char *path);

#ifdef __cplusplus
}
#endif
#endif
