/* Explains any file the program reads or writes: what it is, shapes, ranges, provenance. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "core/checkpoint.h"
#include "core/npy.h"
#include "data/bank.h"
#include "data/mat.h"
#include "data/ntu_skeleton.h"
#include "data/split.h"
#include "data/utd_mhad.h"
#include "encoders/skeleton_prep.h"

static const babel_option options[] = {{NULL, NULL, NULL}};

typedef struct {
  double low, high, sum, squares;
  int64_t finite, odd; /* odd: NaN or infinite */
} range;

static range range_of(const babel_tensor *tensor, int64_t count) {
  range r = {.low = INFINITY, .high = -INFINITY};
  for (int64_t i = 0; i < count; i++) {
    double x = babel_tensor_get(tensor, i);
    if (!isfinite(x)) {
      r.odd++;
      continue;
    }
    r.finite++;
    r.sum += x;
    r.squares += x * x;
    r.low = fmin(r.low, x);
    r.high = fmax(r.high, x);
  }
  return r;
}

/* One line about values in this order; `shape` as their file has it. */
static babel_status print_values(const char *name, const char *shape, const babel_tensor *values) {
  int64_t count;
  BABEL_TRY(babel_tensor_count(values, &count));
  range r = range_of(values, count);
  printf("  %-44s %-5s %-18s", name, babel_dtype_name(values->dtype), shape);
  if (r.finite) printf(" min %.6g max %.6g mean %.6g sum %.9g L2 %.9g", r.low, r.high, r.sum / (double)r.finite, r.sum, sqrt(r.squares));
  if (count) printf(" first %.9g last %.9g", babel_tensor_get(values, 0), babel_tensor_get(values, count - 1));
  if (r.odd) printf("  %lld NaN or infinite", (long long)r.odd);
  printf("\n");
  return BABEL_OK;
}

static babel_status print_tensor(const char *name, const babel_tensor *tensor) {
  char shape[160];
  return print_values(name, babel_tensor_shape_text(tensor, shape, sizeof shape), tensor);
}

static babel_status inspect_npy(const char *path) {
  babel_npy npy;
  BABEL_TRY(babel_npy_open(&npy, path));
  printf("%s: a NumPy array\n", path);
  babel_status status = print_tensor("array", &npy.tensor);
  babel_npy_close(&npy);
  return status;
}

/* A file that calls itself one of UTD-MHAD must hold what its name says. */
static babel_status require_utd(const char *path, const babel_mat *mat) {
  static const char *const names[BABEL_UTD_KINDS] = {"d_iner", "d_skel", "d_depth"};
  const char *slash = strrchr(path, '/'), *why;
  const babel_mat_variable *variable;
  babel_utd_id id;
  babel_utd_kind kind;
  if (!babel_utd_parse_name(slash ? slash + 1 : path, &id, &kind, &why)) return BABEL_OK;
  return babel_mat_require(mat, names[kind], &variable);
}

static babel_status inspect_mat(const char *path) {
  babel_mat mat;
  char shape[160];
  babel_status status = BABEL_OK;
  BABEL_TRY(babel_mat_open(&mat, path));
  printf("%s: a MATLAB 5.0 file, %d variables\n", path, mat.count);
  for (int i = 0; i < mat.count && status == BABEL_OK; i++) {
    const babel_mat_variable *v = &mat.variables[i];
    babel_mat_shape_text(v, shape, sizeof shape);
    if (v->obstacle) {
      printf("  %-44s %s %s: %s\n", v->name, shape, v->class_name, v->obstacle);
      continue;
    }
    babel_tensor view = babel_mat_view(v);
    status = print_values(v->name, shape, &view);
  }
  if (status == BABEL_OK) status = require_utd(path, &mat);
  babel_mat_close(&mat);
  return status;
}

static babel_status inspect_checkpoint(const char *path) {
  babel_checkpoint checkpoint;
  int64_t values = 0, count;
  babel_status status = BABEL_OK;
  BABEL_TRY(babel_checkpoint_open(&checkpoint, path));
  for (int i = 0; i < checkpoint.count; i++)
    if (babel_tensor_count(&checkpoint.tensors[i].tensor, &count) == BABEL_OK) values += count;
  printf("%s: weights, %s, %d tensors, %lld values\nsha256 %s\n", path, checkpoint.layout, checkpoint.count, (long long)values, checkpoint.sha256);
  for (int i = 0; i < checkpoint.count && status == BABEL_OK; i++) status = print_tensor(checkpoint.tensors[i].name, &checkpoint.tensors[i].tensor);
  for (int i = 0; i < checkpoint.skipped_count; i++) printf("  skipped, not a tensor: %s\n", checkpoint.skipped[i]);
  babel_checkpoint_close(&checkpoint);
  return status;
}

static babel_status inspect_safetensors(const char *path) {
  babel_safetensors st;
  char sha256[65];
  babel_status status = BABEL_OK;
  BABEL_TRY(babel_safetensors_open(&st, path));
  const char *format = babel_safetensors_metadata(&st, "format");
  bool bank = format && !strncmp(format, "babel-bank", 10);
  babel_sha256(st.file.data, st.file.size, sha256);
  printf("%s: %s, %d tensors\nsha256 %s\n", path, !format ? "safetensors" : bank ? "a feature bank" : !strncmp(format, "babel-trunk", 11) ? "a trunk" : format, st.count, sha256);
  for (int i = 0; i < st.metadata_count; i++) {
    if (bank && (!strcmp(st.metadata_keys[i], "keys") || !strcmp(st.metadata_keys[i], "recordings"))) {
      printf("  %s: %.*s, ..\n", st.metadata_keys[i], (int)strcspn(st.metadata_values[i], "\n"), st.metadata_values[i]);
      continue;
    }
    printf("  %s: %s\n", st.metadata_keys[i], st.metadata_values[i]);
  }
  for (int i = 0; i < st.count && status == BABEL_OK; i++) status = print_tensor(st.tensors[i].name, &st.tensors[i].tensor);
  babel_safetensors_close(&st);
  if (status != BABEL_OK || !bank) return status;
  babel_bank whole;
  BABEL_TRY(babel_bank_read(&whole, path)); /* the validator speaks */
  printf("valid: %s of %s (%s), %d samples, %d variants, %d steps, %d features\n", whole.modality, whole.dataset, whole.split, whole.rows, whole.variants, whole.steps, whole.width);
  babel_bank_destroy(&whole);
  return BABEL_OK;
}

static babel_status inspect_ntu(const char *path) {
  babel_ntu_skeleton s;
  babel_sample sample = {0};
  int slot, frame = 0;
  babel_status status;
  BABEL_TRY(babel_ntu_read(&s, path));
  printf("%s: an NTU skeleton file\n  %d frames, %d without a body, at most %d bodies in a frame, %d bodies in slots that are ignored\n", path, s.frames, s.empty_frames, s.most_bodies, s.ignored_bodies);
  BABEL_TRY_OR(babel_ntu_sample(&sample, &s), done);
  BABEL_TRY_OR(babel_skeleton_main_slot(&sample, &slot), done);
  while (!s.present[frame * BABEL_NTU_SLOTS + slot]) frame++;
  printf("  main actor, who moves most: body %lld, listed as number %d\n", (long long)s.ids[frame * BABEL_NTU_SLOTS + slot], slot + 1);
done:
  babel_sample_destroy(&sample);
  babel_ntu_destroy(&s);
  return status;
}

static babel_status inspect_csv(const char *path, const babel_file *file) {
  if (file->size >= 8 && !memcmp(file->data, "key,part", 8)) {
    babel_split split;
    int counts[3] = {0};
    BABEL_TRY(babel_split_read(&split, path));
    for (int i = 0; i < split.count; i++) counts[split.parts[i]]++;
    printf("%s: a split, %d keys: %d train, %d holdout, %d test\nsha256 %s\n", path, split.count, counts[0], counts[1], counts[2], split.sha256);
    babel_split_destroy(&split);
    return BABEL_OK;
  }
  babel_draws draws;
  BABEL_TRY(babel_draws_read(&draws, path));
  printf("%s: %d draws\nsha256 %s\n", path, draws.count, draws.sha256);
  for (int i = 0; i < draws.count; i++) printf("  draw %d: %d support, %d query\n", i, draws.draws[i].support_count, draws.draws[i].query_count);
  babel_draws_destroy(&draws);
  return BABEL_OK;
}

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && !strcmp(text + n - m, end);
}

static bool starts_with(const babel_file *file, const char *magic, size_t size) {
  return file->size >= size && !memcmp(file->data, magic, size);
}

/* By magic bytes, not by name: some .csv files are NumPy arrays. */
static babel_status inspect(const char *path, const babel_file *file) {
  if (starts_with(file, "\x93NUMPY", 6)) return inspect_npy(path);
  if (starts_with(file, "MATLAB 5.0", 10)) return inspect_mat(path);
  if (starts_with(file, "PK", 2) || starts_with(file, "\x80", 1)) return inspect_checkpoint(path);
  if (file->size > 8 && file->data[8] == '{') return inspect_safetensors(path);
  if (starts_with(file, "key,part", 8) || starts_with(file, "draw,role", 9)) return inspect_csv(path, file);
  const char *kind = babel_file_kind(file->data, file->size);
  if (*kind) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: %s; expected a bank, trunk, safetensors, .npy, .mat, .pt, .skeleton, split or draw file", path, kind);
  if (ends_with(path, ".skeleton")) return inspect_ntu(path);
  if (ends_with(path, ".npy")) return inspect_npy(path);
  if (ends_with(path, ".mat")) return inspect_mat(path);
  if (ends_with(path, ".safetensors")) return inspect_safetensors(path);
  if (ends_with(path, ".pt") || ends_with(path, ".pth")) return inspect_checkpoint(path);
  if (ends_with(path, ".csv") || ends_with(path, ".txt"))
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: a table, neither a split nor draws; recordings as text and their clocks are not read: give rows at even time steps as "
                      "an array (.npy)", path);
  return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: not recognised; expected a bank, trunk, safetensors, .npy, .mat, .pt, .skeleton, split or draw file", path);
}

static babel_status run(const babel_args *args) {
  if (!args->positional_count) return BABEL_FAIL(BABEL_ERR_ARG, "babel inspect takes at least one file");
  babel_status last = BABEL_OK;
  for (int i = 0; i < args->positional_count; i++) {
    babel_file file;
    babel_status status = babel_file_open(&file, args->positional[i]);
    if (status == BABEL_OK) {
      status = inspect(args->positional[i], &file);
      babel_file_close(&file);
    }
    if (status == BABEL_OK) continue;
    last = status;
    babel_complain(status); /* the files behind it are looked at all the same */
    (void)babel_error_take();
  }
  return last;
}

const babel_command babel_inspect_command = {
    .name = "inspect",
    .plain = true,
    .usage = "FILE..",
    .sentence = "explains a bank, trunk, weight file, .mat, .npy, safetensors, .skeleton, split or draws",
    .details = "Shapes, ranges, sums and provenance. A damaged file is named with what was expected, and the exit status is 1.",
    .examples = "  babel inspect out/banks/imu.safetensors\n  babel inspect a1_s1_t1_inertial.mat hhar.pt\n",
    .options = options,
    .run = run,
};
