/* The trunk: towers that share a prototype, and its file.
 *
 * Embedding (algorithm.md sections 1, 2): z = (f - mean) * inv_std; h = C_a(z), linear-ReLU-linear-ReLU-linear by default;
 * e = U(h), linear-ReLU-linear; n = e / ||e||. With time steps (imu_pool=after): every step through C and U, mean over the
 * valid steps, then the norm. Invariant 10: a modality's embedding never depends on which others are there.
 *
 * File (safetensors): tower.NAME.mean, tower.NAME.inv_std (D), tower.NAME.K.weight (out, in), tower.NAME.K.bias (out),
 * prototype.K.weight, prototype.K.bias, post.NAME.weight/.bias (only post_proj=linear), log_scale (1); with proto_policy=none also
 * prototype.NAME.K.weight/.bias; gauss.NAME.mean (D), gauss.NAME.factor (r, D), gauss.NAME.rest (D) where they are known (gauss.h); with
 * proto_policy=grad_proj moment.NAME.K, moment_post.NAME.K, moment_prototype.K (in, in) of the inputs of each layer (moments.h).
 * Metadata: format "babel-trunk 1", towers (names, comma between), provenance.NAME, manifest, config (JSON), history (JSON list of phases).
 * Reading is strict: every tensor there is, by name and shape and finite, and no other one. */
#ifndef BABEL_GROWTH_TRUNK_H
#define BABEL_GROWTH_TRUNK_H

#include "data/bank.h"
#include "growth/config.h"
#include "growth/gauss.h"
#include "growth/moments.h"
#include "kernels/ops.h"
#include "layers/mlp.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_MAX_TOWERS 16

typedef struct {
  char name[32];
  int in;              /* feature width D */
  babel_mlp module;    /* C_a */
  babel_mlp post;      /* post_proj, 0 layers when none */
  babel_mlp own;       /* proto_policy=none: this modality's own prototype; 0 layers where the shared one serves */
  float *mean, *inv_std; /* (D) on the backend; zeros and ones when standardise is off */
  char *provenance;    /* JSON of the bank it was grown with */
  babel_moments moments, post_moments; /* of the layers of module and post; proto_policy=grad_proj alone */
  babel_gauss gauss;   /* of its standardised original training features, first data set; width 0 = unknown (time steps, an older file) */
} babel_tower;

typedef struct babel_trunk {
  const babel_ops *ops;
  babel_config config;
  int tower_count;
  babel_tower towers[BABEL_MAX_TOWERS];
  babel_mlp prototype;
  babel_moments moments; /* of the prototype's layers, over all modalities */
  float *log_scale;    /* (1) on the backend */
  char *manifest, *history; /* JSON texts */
  char path[1024], sha256[65];
} babel_trunk;

/* An empty trunk: prototype initialised uniform(+-1/sqrt(fan_in)) from the seed, log_scale = log(1/tau). */
babel_status babel_trunk_create(babel_trunk *trunk, const babel_ops *ops, const babel_config *config);
void babel_trunk_destroy(babel_trunk *trunk); /* accepts a zeroed one */
/* A new tower, initialised from (seed, name). Statistics are set by the phase. */
babel_status babel_trunk_add_tower(babel_trunk *trunk, const char *name, int in);
babel_tower *babel_trunk_tower(const babel_trunk *trunk, const char *name); /* or NULL */
/* Whether both names are towers of one sensor: `wifi2` is a second tower of `wifi`. */
bool babel_same_sensor(const char *a, const char *b);
/* U as this tower knows it: the shared one, or its own. */
const babel_mlp *babel_trunk_prototype(const babel_trunk *trunk, const babel_tower *tower);
/* mean and inv_std: (in) floats of the host. */
babel_status babel_trunk_set_statistics(babel_trunk *trunk, babel_tower *tower, const float *mean, const float *inv_std);

/* Whether a trunk of configuration `then` can be grown on with `now`: what shapes its network must be the same (embed_dim, hidden, concept_layers,
 * proto_layers, post_proj, standardise, own prototypes or a shared one). BABEL_ERR_ARG names `path` and the first difference. */
babel_status babel_trunk_fits(const babel_config *then, const babel_config *now, const char *path);

/* BABEL_ERR_FORMAT and BABEL_ERR_VALUE name the file and the tensor; on failure the trunk is zeroed. */
babel_status babel_trunk_read(babel_trunk *trunk, const babel_ops *ops, const char *path);
/* Atomic; sets path and sha256. NaN or infinity anywhere: BABEL_ERR_VALUE, nothing is written. */
babel_status babel_trunk_write(babel_trunk *trunk, const char *path);

/* Which output of a tower: `feature`, what classifiers see, is the prototype's; `aligned`, for retrieval, has the projection
 * of post_proj=linear behind it (section 2.3). Without a projection they are the same. */
typedef enum { BABEL_OUTPUT_FEATURE, BABEL_OUTPUT_ALIGNED } babel_output;

/* Unit embeddings (n, embed_dim), host to host. features (n, steps, in); lengths NULL = all steps valid.
 * BABEL_ERR_ARG when the trunk has no such tower (names those it has), BABEL_ERR_SHAPE when n, steps or a length is out of range,
 * BABEL_ERR_VALUE on NaN. A sample's embedding depends on the others by rounding at most. */
babel_status babel_trunk_embed(const babel_trunk *trunk, const char *modality, const float *features, int n, int steps,
                               const int *lengths, babel_output output, float *embeddings);

#ifdef __cplusplus
}
#endif
#endif
