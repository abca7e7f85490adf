/* Kernels that show what the instructions of kernels/cuda/ptx/ do, those that no kernel of the program uses yet. Each entry runs one on the current
 * device and copies its result to `out`. */
#ifndef BABEL_TESTS_KERNELS_PTX_KERNELS_H
#define BABEL_TESTS_KERNELS_PTX_KERNELS_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PTX_BLOCKS = 16, PTX_ROUNDS = 5, PTX_TILES = 7, PTX_TILE = 256, PTX_CLUSTER = 4 };

/* 1: the device has clusters, mbarriers and bulk copies. */
int ptx_supported(void);
/* out[b]: b + 1 at the start; in each round every block's value becomes the sum of all, modulo 1000. */
babel_status ptx_grid_barrier(float out[PTX_BLOCKS]);
/* out[i] = sum of tile * (i + 1) over the tiles 0..PTX_TILES-1: two warps make the tiles, a third adds them up. */
babel_status ptx_named_barriers(float out[64]);
/* out[32 b + i]: 100 times the rank of the next block of b's cluster, plus i: read from its shared memory. */
babel_status ptx_cluster(float out[32 * PTX_BLOCKS]);
/* out[c] = sum of what all blocks of cluster c have put into the shared memory of its first: rank + 1, 32 times. */
babel_status ptx_remote_arrival(float out[PTX_BLOCKS / PTX_CLUSTER]);
/* out[i] = twice the sum over the tiles of tile * PTX_TILE + i: bulk loads into a ring, two buffers, bulk store of the sum. */
babel_status ptx_bulk_ring(float out[PTX_TILE]);
/* out[i] = i + 3: the second kernel may begin while the first still runs. */
babel_status ptx_early_launch(float out[64]);

#ifdef __cplusplus
}
#endif
#endif
