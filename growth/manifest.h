/* What a result was made from: commit, environment, configuration, checksums. JSON texts, malloced. */
#ifndef BABEL_GROWTH_MANIFEST_H
#define BABEL_GROWTH_MANIFEST_H

#include "growth/phase.h"

#ifdef __cplusplus
extern "C" {
#endif

/* {"program", "commit", "backend": processor, threads, libraries}: what must be equal for equal bits. */
babel_status babel_manifest_environment(const babel_ops *ops, babel_comm *comm, char **json); /* comm: its ranks, and NCCL's version where it is used */
/* {"config", "from": sha256 of the trunk it grew on, "earlier": [sha256 of rehearsed banks], "phase", "banks": [{modality, dataset, sha256, ..}], "split": {sha256, part, keys: checksum of the list}, "pairs", ..}: what must be
 * equal for the same run. */
babel_status babel_manifest_inputs(const babel_config *config, const babel_phase_options *options, const babel_phase_plan *plan, char **json);
/* Both in one object, for trunk.safetensors and results. No time stamp: equal runs have equal files. */
babel_status babel_manifest_text(const babel_ops *ops, const babel_config *config, const babel_phase_options *options,
                                 const babel_phase_plan *plan, char **json);
/* *json: a trunk's history, a list with one object a phase, or NULL. Appends {"phase": first|grow|.., "a": junction, "b": branch, "dataset", "pairs", "steps",
 * "seed", "policy", "trunk", "banks": [{modality, dataset, path, sha256, width}], "split": path, "split_sha256", "part"}. */
babel_status babel_manifest_history(const babel_config *config, const babel_phase_options *options, const babel_phase_plan *plan, char **json);
/* BABEL_ERR_ARG, with the difference, when a bank was made by another encoder, output or weights than `provenance` (a tower's) says. What either
 * does not say is not compared. */
babel_status babel_encoders_agree(const char *provenance, const babel_bank *bank);
const char *babel_manifest_commit(void);

#ifdef __cplusplus
}
#endif
#endif
