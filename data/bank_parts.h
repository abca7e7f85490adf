/* Shared by the files of the feature bank; not for others. */
#ifndef BABEL_DATA_BANK_PARTS_H
#define BABEL_DATA_BANK_PARTS_H

#include "data/bank.h"

/* What sentences call it: its path, or its modality while it has none. */
static inline const char *babel_bank_title(const babel_bank *bank) {
  return bank->path[0] ? bank->path : bank->modality[0] ? bank->modality : "feature bank";
}

/* Values of a row: steps * width. */
static inline size_t babel_bank_row_size(const babel_bank *bank) {
  return (size_t)bank->steps * (size_t)bank->width;
}

#endif
