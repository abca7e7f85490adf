#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "growth/trunk.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"

/* Error of a unit embedding's coordinates. Measured: 1.1e-7; 6e-7 over 1,500 steps summed in float. */
#define LIMIT 3e-6

typedef struct {
  babel_trunk trunk;
  char path[1024];
} rig;

static babel_config small_config(int post) {
  babel_config config;
  babel_config_preset(&config, BABEL_PRESET_OURS);
  config.embed_dim = 24;
  config.hidden = 16;
  config.post_proj = post;
  config.seed = 7;
  return config;
}

static void add(babel_trunk *trunk, const char *name, int in) {
  float mean[64], inv[64];
  cr_assert_eq(babel_trunk_add_tower(trunk, name, in), BABEL_OK, "%s", babel_error_last()->sentence);
  babel_fill_floats("mean", mean, (size_t)in, 0.5);
  babel_fill_floats("deviation", inv, (size_t)in, 0.5);
  for (int i = 0; i < in; i++) inv[i] += 1;
  cr_assert_eq(babel_trunk_set_statistics(trunk, babel_trunk_tower(trunk, name), mean, inv), BABEL_OK);
}

static rig make(int post) {
  rig r;
  babel_config config = small_config(post);
  cr_assert_eq(babel_trunk_create(&r.trunk, babel_ops_cpu(), &config), BABEL_OK);
  add(&r.trunk, "imu", 7);
  add(&r.trunk, "skeleton", 13);
  snprintf(r.path, sizeof r.path, "%s/trunk.safetensors", babel_scratch());
  return r;
}

static void write_trunk(rig *r) {
  cr_assert_eq(babel_trunk_write(&r->trunk, r->path), BABEL_OK, "%s", babel_error_last()->sentence);
}

static bool equal_mlps(const babel_mlp *a, const babel_mlp *b) {
  return a->layers == b->layers && a->count == b->count && !memcmp(a->params, b->params, (size_t)a->count * sizeof(float));
}

Test(growth_trunk, written_and_read_back_is_the_same_to_the_bit) {
  for (int post = 0; post < 2; post++) {
    rig r = make(post);
    r.trunk.manifest = strdup("{\"commit\":\"abc\"}");
    r.trunk.history = strdup("[{\"phase\":\"first\"}]");
    r.trunk.towers[0].provenance = strdup("{\"encoder\":\"x\"}");
    *r.trunk.log_scale = 1.25f;
    write_trunk(&r);
    babel_trunk back;
    cr_assert_eq(babel_trunk_read(&back, babel_ops_cpu(), r.path), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(back.tower_count, 2);
    for (int i = 0; i < 2; i++) {
      const babel_tower *a = &r.trunk.towers[i], *b = &back.towers[i];
      cr_assert_str_eq(a->name, b->name);
      cr_assert_eq(a->in, b->in);
      cr_assert(equal_mlps(&a->module, &b->module) && (!post || equal_mlps(&a->post, &b->post)) && b->post.layers == post);
      cr_assert_arr_eq(a->mean, b->mean, (size_t)a->in * sizeof(float));
      cr_assert_arr_eq(a->inv_std, b->inv_std, (size_t)a->in * sizeof(float));
    }
    cr_assert(equal_mlps(&r.trunk.prototype, &back.prototype));
    cr_assert_eq(*back.log_scale, 1.25f);
    cr_assert_str_eq(back.manifest, r.trunk.manifest);
    cr_assert_str_eq(back.history, r.trunk.history);
    cr_assert_str_eq(back.towers[0].provenance, "{\"encoder\":\"x\"}");
    cr_assert_str_eq(back.towers[1].provenance, "{}");
    cr_assert_str_eq(back.sha256, r.trunk.sha256);
    cr_assert_str_eq(back.path, r.path);
    cr_assert_eq(back.config.hidden, 16);
    char first[65];
    memcpy(first, back.sha256, 65);
    snprintf(r.path, sizeof r.path, "%s/again.safetensors", babel_scratch());
    cr_assert_eq(babel_trunk_write(&back, r.path), BABEL_OK);
    cr_assert_str_eq(back.sha256, first, "no time or chance is in the file");
    babel_trunk_destroy(&back);
    babel_trunk_destroy(&r.trunk);
  }
}

Test(growth_trunk, start_depends_on_seed_and_tower_name_alone) {
  babel_config config = small_config(0), other = config;
  babel_trunk a, b, c;
  other.seed = 8;
  cr_assert_eq(babel_trunk_create(&a, babel_ops_cpu(), &config), BABEL_OK);
  cr_assert_eq(babel_trunk_create(&b, babel_ops_cpu(), &config), BABEL_OK);
  cr_assert_eq(babel_trunk_create(&c, babel_ops_cpu(), &other), BABEL_OK);
  add(&a, "imu", 7);
  add(&a, "skeleton", 7);
  add(&b, "skeleton", 7);
  add(&b, "imu", 7);
  add(&c, "imu", 7);
  const babel_mlp *imu = &babel_trunk_tower(&a, "imu")->module;
  cr_assert(equal_mlps(imu, &babel_trunk_tower(&b, "imu")->module), "the order of towers does not matter");
  cr_assert(!equal_mlps(imu, &babel_trunk_tower(&a, "skeleton")->module));
  cr_assert(!equal_mlps(imu, &babel_trunk_tower(&c, "imu")->module));
  cr_assert(equal_mlps(&a.prototype, &b.prototype) && !equal_mlps(&a.prototype, &c.prototype));
  cr_assert_float_eq(*a.log_scale, log(1 / 0.07), 1e-6);
  babel_trunk_destroy(&a);
  babel_trunk_destroy(&b);
  babel_trunk_destroy(&c);
}

Test(growth_trunk, towers_are_added_once_and_not_without_end) {
  rig r = make(0);
  cr_assert_eq(babel_trunk_add_tower(&r.trunk, "imu", 7), BABEL_ERR_STATE);
  cr_assert_neq(babel_trunk_add_tower(&r.trunk, "No Name", 7), BABEL_OK);
  cr_assert_eq(r.trunk.tower_count, 2);
  char name[16];
  for (int i = 2; i < BABEL_MAX_TOWERS; i++) {
    snprintf(name, sizeof name, "sensor_%d", i);
    cr_assert_eq(babel_trunk_add_tower(&r.trunk, name, 1), BABEL_OK);
  }
  cr_assert_eq(babel_trunk_add_tower(&r.trunk, "one_too_many", 1), BABEL_ERR_UNSUPPORTED);
  cr_assert_null(babel_trunk_tower(&r.trunk, "one_too_many"));
  write_trunk(&r);
  babel_trunk back;
  cr_assert_eq(babel_trunk_read(&back, babel_ops_cpu(), r.path), BABEL_OK);
  cr_assert_eq(back.tower_count, BABEL_MAX_TOWERS);
  babel_trunk_destroy(&back);
  babel_trunk_destroy(&r.trunk);
}

/* ---- strict reading --------------------------------------------------------------------------------------------------------------------- */

typedef enum { AS_IS, LEFT_OUT, TURNED, NOT_A_NUMBER, RENAMED, EXTRA } damage;

/* Copies a file with one tensor treated; metadata `format` replaced where given. */
static void copy_with(const char *from, const char *to, const char *tensor, damage how, const char *format) {
  babel_safetensors st;
  babel_safetensors_writer *writer;
  float poison[4096], one = 1;
  cr_assert_eq(babel_safetensors_open(&st, from), BABEL_OK);
  cr_assert_eq(babel_safetensors_writer_create(&writer), BABEL_OK);
  for (int i = 0; i < st.count; i++) {
    babel_tensor t = st.tensors[i].tensor;
    const char *name = st.tensors[i].name;
    if (!strcmp(name, tensor)) {
      if (how == LEFT_OUT) continue;
      if (how == RENAMED) name = "someone.else";
      if (how == TURNED) {
        int64_t rows = t.shape[0];
        t.shape[0] = t.rank == 2 ? t.shape[1] : rows - 1;
        if (t.rank == 2) t.shape[1] = rows;
      }
      if (how == NOT_A_NUMBER) {
        int64_t n;
        cr_assert_eq(babel_tensor_count(&t, &n), BABEL_OK);
        cr_assert_leq(n, 4096);
        memcpy(poison, t.data, (size_t)n * sizeof(float));
        poison[n - 1] = NAN;
        t.data = (const void *)poison;
      }
    }
    cr_assert_eq(babel_safetensors_writer_add(writer, name, &t), BABEL_OK);
  }
  if (how == EXTRA) cr_assert_eq(babel_safetensors_writer_floats(writer, tensor, &one, 1, (const int64_t[]){1}), BABEL_OK);
  for (int i = 0; i < st.metadata_count; i++) {
    bool replace = format && !strcmp(st.metadata_keys[i], "format");
    cr_assert_eq(babel_safetensors_writer_metadata(writer, st.metadata_keys[i], replace ? format : st.metadata_values[i]), BABEL_OK);
  }
  cr_assert_eq(babel_safetensors_writer_commit(writer, to), BABEL_OK);
  babel_safetensors_writer_destroy(writer);
  babel_safetensors_close(&st);
}

static void refused(const char *path, babel_status status, const char *word) {
  babel_trunk trunk;
  cr_assert_eq(babel_trunk_read(&trunk, babel_ops_cpu(), path), status, "%s", babel_error_last()->sentence);
  const char *sentence = babel_error_last()->sentence;
  cr_assert(strstr(sentence, path) && strstr(sentence, word), "\"%s\" should name %s and %s", sentence, path, word);
  cr_assert_eq(trunk.tower_count, 0);
  cr_assert_null(trunk.ops);
}

Test(growth_trunk, damaged_tensors_are_refused_by_name) {
  rig r = make(1);
  write_trunk(&r);
  char bad[1024];
  snprintf(bad, sizeof bad, "%s/bad.safetensors", babel_scratch());
  copy_with(r.path, bad, "", AS_IS, NULL);
  babel_trunk whole;
  cr_assert_eq(babel_trunk_read(&whole, babel_ops_cpu(), bad), BABEL_OK, "the copy itself is good");
  babel_trunk_destroy(&whole);
  const char *const tensors[] = {"tower.imu.mean", "tower.skeleton.inv_std", "tower.imu.0.weight", "tower.skeleton.2.bias", "post.imu.0.weight",
                                 "prototype.1.weight", "prototype.0.bias", "log_scale"};
  for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
    copy_with(r.path, bad, tensors[i], LEFT_OUT, NULL);
    refused(bad, BABEL_ERR_FORMAT, tensors[i]);
    copy_with(r.path, bad, tensors[i], RENAMED, NULL);
    refused(bad, BABEL_ERR_FORMAT, tensors[i]);
    copy_with(r.path, bad, tensors[i], NOT_A_NUMBER, NULL);
    refused(bad, BABEL_ERR_VALUE, tensors[i]);
  }
  copy_with(r.path, bad, "tower.imu.0.weight", TURNED, NULL);
  refused(bad, BABEL_ERR_FORMAT, "tower.imu.0.weight");
  copy_with(r.path, bad, "prototype.0.weight", TURNED, NULL);
  refused(bad, BABEL_ERR_FORMAT, "prototype.0.weight");
  copy_with(r.path, bad, "tower.lidar.0.weight", EXTRA, NULL);
  refused(bad, BABEL_ERR_FORMAT, "account for");
  babel_trunk_destroy(&r.trunk);
}

static void write_bytes(const char *path, const char *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  cr_assert_not_null(file);
  cr_assert_eq(fwrite(bytes, 1, size, file), size);
  fclose(file);
}

Test(growth_trunk, foreign_and_cut_files_are_refused_by_name) {
  rig r = make(0);
  write_trunk(&r);
  char bad[1024];
  snprintf(bad, sizeof bad, "%s/bad.safetensors", babel_scratch());
  copy_with(r.path, bad, "", AS_IS, "babel-bank 1");
  refused(bad, BABEL_ERR_FORMAT, "babel-bank 1");
  float one = 1;
  babel_safetensors_writer *writer;
  cr_assert_eq(babel_safetensors_writer_create(&writer), BABEL_OK);
  cr_assert_eq(babel_safetensors_writer_floats(writer, "model.embed", &one, 1, (const int64_t[]){1}), BABEL_OK);
  cr_assert_eq(babel_safetensors_writer_commit(writer, bad), BABEL_OK);
  babel_safetensors_writer_destroy(writer);
  refused(bad, BABEL_ERR_FORMAT, "another kind");

  FILE *file = fopen(r.path, "rb");
  char bytes[65536];
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  cr_assert(size > 1000 && size < sizeof bytes);
  for (size_t cut = 0; cut < size; cut = cut < 16 ? cut + 5 : cut * 3 / 2) {
    write_bytes(bad, bytes, cut);
    refused(bad, BABEL_ERR_FORMAT, bad);
  }
  refused("no/such/trunk.safetensors", BABEL_ERR_IO, "no/such");
  babel_trunk_destroy(&r.trunk);
}

Test(growth_trunk, a_trunk_with_nan_is_not_written) {
  rig r = make(0);
  write_trunk(&r);
  r.trunk.prototype.params[5] = NAN;
  cr_assert_eq(babel_trunk_write(&r.trunk, r.path), BABEL_ERR_VALUE);
  cr_assert_not_null(strstr(babel_error_last()->sentence, "prototype"));
  babel_trunk back;
  cr_assert_eq(babel_trunk_read(&back, babel_ops_cpu(), r.path), BABEL_OK, "the old file is untouched");
  babel_trunk_destroy(&back);
  r.trunk.prototype.params[5] = 0;
  cr_assert_eq(babel_trunk_write(&r.trunk, "no/such/folder/trunk.safetensors"), BABEL_ERR_IO);
  cr_assert_not_null(strstr(babel_error_last()->sentence, "no/such/folder"));
  babel_trunk_destroy(&r.trunk);
}

/* ---- embeddings ------------------------------------------------------------------------------------------------------------------------- */

/* y = x W^T + b and ReLU between layers, in double, in place of x; returns the new width. */
static int run_mlp(const babel_mlp *mlp, double *x) {
  double y[64];
  for (int k = 0; k < mlp->layers; k++) {
    int in = mlp->widths[k], out = mlp->widths[k + 1];
    for (int u = 0; u < out; u++) {
      y[u] = (double)mlp->params[mlp->bias_at[k] + u];
      for (int c = 0; c < in; c++) y[u] += x[c] * (double)mlp->params[mlp->weight_at[k] + (int64_t)u * in + c];
      if (k + 1 < mlp->layers && y[u] < 0) y[u] = 0;
    }
    memcpy(x, y, (size_t)out * sizeof *x);
  }
  return mlp->widths[mlp->layers];
}

/* One sample, from the equations. */
static void oracle(const babel_trunk *trunk, const babel_tower *tower, const float *features, int steps, int length, bool aligned, double *n) {
  int width = trunk->config.embed_dim;
  double x[64], norm = 0;
  memset(n, 0, (size_t)width * sizeof *n);
  for (int t = 0; t < length; t++) {
    for (int i = 0; i < tower->in; i++) x[i] = ((double)features[t * tower->in + i] - (double)tower->mean[i]) * (double)tower->inv_std[i];
    run_mlp(&tower->module, x);
    run_mlp(&trunk->prototype, x);
    if (aligned) run_mlp(&tower->post, x);
    for (int i = 0; i < width; i++) n[i] += x[i] / length;
  }
  for (int i = 0; i < width; i++) norm += n[i] * n[i];
  for (int i = 0; i < width; i++) n[i] /= sqrt(norm);
}

static float *features_of(int n, int steps, int in) {
  size_t count = (size_t)n * (size_t)steps * (size_t)in;
  float *x = malloc((count ? count : 1) * sizeof *x);
  cr_assert_not_null(x);
  babel_fill_floats("features", x, count, 2);
  return x;
}

static void check_embedding(const rig *r, int n, int steps, const int *lengths, babel_output output) {
  float *x = features_of(n, steps, 13), *e = babel_guarded((size_t)n * 24);
  double *expected = malloc((size_t)n * 24 * sizeof *expected);
  for (int i = 0; i < n; i++)
    oracle(&r->trunk, babel_trunk_tower(&r->trunk, "skeleton"), x + (size_t)i * (size_t)steps * 13, steps, lengths ? lengths[i] : steps,
           output == BABEL_OUTPUT_ALIGNED && r->trunk.config.post_proj, expected + (size_t)i * 24);
  cr_assert_eq(babel_trunk_embed(&r->trunk, "skeleton", x, n, steps, lengths, output, e), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(babel_close("embedding", e, expected, (size_t)n * 24, LIMIT, 0), "%d x %d", n, steps);
  cr_assert(babel_guard_check(e, (size_t)n * 24));
  babel_guarded_free(e);
  free(x);
  free(expected);
}

Test(growth_trunk, embedding_follows_the_equations_in_chunks_of_any_size) {
  rig r = make(0);
  static const int sizes[] = {1, 2, 31, 1023, 1024, 1025, 2500};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check_embedding(&r, sizes[i], 1, NULL, BABEL_OUTPUT_FEATURE);
  check_embedding(&r, 3, 1, NULL, BABEL_OUTPUT_ALIGNED); /* the same without a projection */
  babel_trunk_destroy(&r.trunk);
}

Test(growth_trunk, feature_and_aligned_output_differ_by_the_projection) {
  rig r = make(1);
  check_embedding(&r, 33, 1, NULL, BABEL_OUTPUT_FEATURE);
  check_embedding(&r, 33, 1, NULL, BABEL_OUTPUT_ALIGNED);
  babel_trunk_destroy(&r.trunk);
}

Test(growth_trunk, sequences_are_pooled_over_their_valid_steps) {
  rig r = make(0);
  int lengths[300];
  for (int i = 0; i < 300; i++) lengths[i] = 1 + i * 7 % 9;
  check_embedding(&r, 300, 9, lengths, BABEL_OUTPUT_FEATURE); /* 2,700 rows: several chunks, lengths in each */
  check_embedding(&r, 40, 9, NULL, BABEL_OUTPUT_FEATURE);
  lengths[0] = 1500;
  lengths[1] = 3;
  check_embedding(&r, 2, 1500, lengths, BABEL_OUTPUT_FEATURE); /* one sequence is longer than a chunk */
  babel_trunk_destroy(&r.trunk);
}

/* Invariant 10, to the bit: alone, beside others, from a trunk that has no other tower. */
Test(growth_trunk, embedding_does_not_depend_on_what_else_is_there) {
  rig r = make(0);
  babel_trunk alone;
  babel_config config = small_config(0);
  cr_assert_eq(babel_trunk_create(&alone, babel_ops_cpu(), &config), BABEL_OK);
  add(&alone, "skeleton", 13);
  float *x = features_of(1500, 1, 13), *all = babel_guarded(1500 * 24), *few = babel_guarded(1500 * 24);
  cr_assert_eq(babel_trunk_embed(&r.trunk, "skeleton", x, 1500, 1, NULL, BABEL_OUTPUT_FEATURE, all), BABEL_OK);
  cr_assert_eq(babel_trunk_embed(&alone, "skeleton", x, 1500, 1, NULL, BABEL_OUTPUT_FEATURE, few), BABEL_OK);
  cr_assert_arr_eq(all, few, 1500 * 24 * sizeof(float), "another tower in the trunk");
  float *y = features_of(9, 1, 7), other[9 * 24];
  cr_assert_eq(babel_trunk_embed(&r.trunk, "imu", y, 9, 1, NULL, BABEL_OUTPUT_FEATURE, other), BABEL_OK);
  cr_assert_eq(babel_trunk_embed(&r.trunk, "skeleton", x, 1500, 1, NULL, BABEL_OUTPUT_FEATURE, few), BABEL_OK);
  cr_assert_arr_eq(all, few, 1500 * 24 * sizeof(float), "another modality embedded in between");
  free(x);
  free(y);
  babel_guarded_free(all);
  babel_guarded_free(few);
  babel_trunk_destroy(&alone);
  babel_trunk_destroy(&r.trunk);
}

Test(growth_trunk, unknown_towers_nan_and_bad_sizes_are_refused) {
  rig r = make(0);
  float *x = features_of(4, 3, 13), e[4 * 24];
  int lengths[4] = {1, 3, 4, 2};
  cr_assert_eq(babel_trunk_embed(&r.trunk, "wifi", x, 4, 1, NULL, BABEL_OUTPUT_FEATURE, e), BABEL_ERR_ARG);
  const char *sentence = babel_error_last()->sentence;
  cr_assert(strstr(sentence, "wifi") && strstr(sentence, "imu, skeleton"), "%s", sentence);
  cr_assert_eq(babel_trunk_embed(&r.trunk, "skeleton", x, -1, 1, NULL, BABEL_OUTPUT_FEATURE, e), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_trunk_embed(&r.trunk, "skeleton", x, 4, 0, NULL, BABEL_OUTPUT_FEATURE, e), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_trunk_embed(&r.trunk, "skeleton", x, 4, 3, lengths, BABEL_OUTPUT_FEATURE, e), BABEL_ERR_SHAPE);
  cr_assert(strstr(babel_error_last()->sentence, "sample 2"));
  lengths[2] = 0;
  cr_assert_eq(babel_trunk_embed(&r.trunk, "skeleton", x, 4, 3, lengths, BABEL_OUTPUT_FEATURE, e), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_trunk_embed(&r.trunk, "skeleton", x, 0, 1, NULL, BABEL_OUTPUT_FEATURE, e), BABEL_OK, "nothing to do");
  for (int i = 0; i < 2; i++) {
    x[2 * 13 + 5] = i ? INFINITY : NAN;
    cr_assert_eq(babel_trunk_embed(&r.trunk, "skeleton", x, 4, 1, NULL, BABEL_OUTPUT_FEATURE, e), BABEL_ERR_VALUE);
    cr_assert(strstr(babel_error_last()->sentence, "sample 2"));
  }
  free(x);
  babel_trunk_destroy(&r.trunk);
}
