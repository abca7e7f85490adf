/* Writes a simulated UTD-MHAD: the real set's folders, names, containers, units, lengths and 861 keys, so that everything
 * downstream runs without the real files. The motions are invented; results on them say nothing about real sensors.
 *
 *   FOLDER/Inertial/a{A}_s{S}_t{T}_inertial.mat   d_iner (N, 6), N 107..326 [g], [deg/s]
 *   FOLDER/Skeleton/a{A}_s{S}_t{T}_skeleton.mat   d_skel (20, 3, F), F 41..125, N / F about 2.6 [m]
 *   FOLDER/SIMULATED                              text: what this is, seed, version
 * Both members of a trial cover the same interval end to end. Bytes depend on the seed (and the zlib version) alone, not on
 * the number of threads. */
#ifndef BABEL_SIM_UTD_MHAD_H
#define BABEL_SIM_UTD_MHAD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Name of the marker file. Whoever reads a folder that holds it labels every result as simulated. */
#define BABEL_SIM_MARKER "SIMULATED"

/* Bit i - 1 of a mask selects number i; 0 = all. */
typedef struct {
  uint64_t seed;
  uint32_t actions, subjects, trials;
} babel_sim_utd_options;

/* Writes into a temporary folder beside FOLDER and renames it at the end: FOLDER is complete or absent. Parents are made.
 * *count (may be NULL): trials written. BABEL_ERR_STATE when FOLDER exists and is not an empty folder, BABEL_ERR_ARG when a
 * mask selects nothing, BABEL_ERR_IO when the disk refuses. */
babel_status babel_sim_utd_mhad(const char *folder, const babel_sim_utd_options *options, int *count);

bool babel_sim_is_simulated(const char *folder);

#ifdef __cplusplus
}
#endif
#endif
