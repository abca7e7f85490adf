/* Two small banks whose samples show the same hidden quantities in different ways: learnable pairs. */
#ifndef BABEL_TESTS_GROWTH_PHASE_BANKS_H
#define BABEL_TESTS_GROWTH_PHASE_BANKS_H

#include "data/bank.h"
#include "growth/phase.h"

/* Pair i of both banks has key "s<i>" and label i mod 4. view 0 = "imu" (width 10), 1 = "skeleton" (14), 2 = "lidar" (12). Variants are noisy versions.
 * With steps > 1 sequences are ragged. The bank is written to the scratch folder, so that it has a checksum. */
void phase_bank(babel_bank *bank, int view, int pairs, int variants, int steps);

/* Preset ours, made small: embed 32, hidden 24, batch 32, 60 steps, dropout 0.2, no variants, watch every 2 epochs, no timed checkpoints. */
babel_config phase_config(void);

/* Options for both banks into a new folder under the scratch folder. */
babel_phase_options phase_options(const babel_bank banks[2], const char *folder);

/* A whole file as a string of `size` bytes; malloced. */
char *phase_bytes(const char *folder, const char *name, size_t *size);
bool phase_same_file(const char *folder_a, const char *folder_b, const char *name);

/* Share of pairs whose nearest neighbour in the other modality, among all, is the partner. */
double phase_retrieval(const babel_trunk *trunk, const babel_bank banks[2]);

#endif
