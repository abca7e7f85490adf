/* What a result was made from: commit, environment, configuration, checksums. JSON texts, malloced. */
#ifndef BABEL_GROWTH_MANIFEST_H
#define BABEL_GROWTH_MANIFEST_H

#include "growth/phase.h"

#ifdef __cplusplus
extern "C" {
#endif

/* {"program", "commit", "backend": processor, threads, libraries}: what must be equal for equal bits. */
babel_status babel_manifest_environment(const babel_ops *ops, char **json);
/* {"config", "banks": [{modality, dataset, sha256, ..}], "split": {sha256, part, keys: checksum of the list}, "pairs", ..}: what must be
 * equal for the same run. */
babel_status babel_manifest_inputs(const babel_config *config, const babel_phase_options *options, const babel_phase_plan *plan, char **json);
/* Both in one object, for trunk.safetensors and results. No time stamp: equal runs have equal files. */
babel_status babel_manifest_text(const babel_ops *ops, const babel_config *config, const babel_phase_options *options,
                                 const babel_phase_plan *plan, char **json);
/* [{"phase": "first", "a", "b", "dataset", "pairs", "steps"}]: a trunk's history after its first phase. */
babel_status babel_manifest_history(const babel_phase_options *options, const babel_phase_plan *plan, char **json);
const char *babel_manifest_commit(void);

#ifdef __cplusplus
}
#endif
#endif
