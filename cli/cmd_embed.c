/* Raw files, arrays or a bank -> unit embeddings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/backend.h"
#include "cli/encoder_options.h"
#include "core/arena.h"
#include "core/log.h"
#include "core/npy.h"
#include "data/ntu_skeleton.h"
#include "data/utd_mhad.h"
#include "eval/members.h"
#include "encoders/encode_dataset.h"
#include "growth/manifest.h"
#include "growth/trunk.h"

static const babel_option options[] = {
    {"trunk", "FILE", "the trunk"},
    {"modality", "NAME", "whose tower (default: the encoder's or the bank's modality)"},
    {"input", "FILE", "a raw file: .mat of UTD-MHAD, .skeleton of NTU, or an array .npy; may stand several times"},
    {"data", "DIR", "a whole data set folder instead of single files"},
    {"dataset", "NAME", "what --data holds (default: by its files)"},
    {"bank", "FILE", "features that are encoded already, instead of --input or --data"},
    {"member", "FILE", "features of a further tower (wifi2) of the bank's sensor (wifi), same samples: the mean of both embeddings (wifi_members: mean)"},
    BABEL_ENCODER_OPTIONS,
    {"aligned", NULL, "the output for retrieval, behind the projection of post_proj=linear (without one: the same)"},
    {"out", "FILE", "embeddings (.npy), float32 (N, 512), unit rows"},
    {"keys", "FILE", "also write the keys, one line a row (.csv)"},
    {"force", NULL, "also when the encoder is not the one that the tower was grown with"},
    {NULL, NULL, NULL},
};

typedef struct {
  babel_trunk trunk;
  babel_encoder *encoder;
  babel_bank bank, member; /* what will be embedded, and the same by a further tower */
  int output;      /* of the encoder */
} embed_job;

static const char *json_text(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : "none";
}

/* A tower knows nothing of features that another encoder, other weights or another preparation made. */
static babel_status check_encoder(const babel_tower *tower, const babel_encoder *encoder, int output, bool force) {
  json_t *grown = json_loads(tower->provenance ? tower->provenance : "{}", 0, NULL);
  const char *sha256 = *encoder->weights_sha256 ? encoder->weights_sha256 : "none";
  const struct {
    const char *key, *now;
  } facts[] = {{"encoder", encoder->row->name}, {"encoder_output", encoder->outputs[output].name}, {"weights_sha256", sha256},
               {"preprocessing", encoder->preprocessing}};
  babel_status status = BABEL_OK;
  for (size_t i = 0; i < sizeof facts / sizeof *facts && status == BABEL_OK; i++) {
    const char *then = json_text(grown, facts[i].key);
    if (!strcmp(then, facts[i].now)) continue;
    if (force) babel_warn("tower %s was grown with %s %s, now %s", tower->name, facts[i].key, then, facts[i].now);
    else status = BABEL_FAIL(BABEL_ERR_STATE, "tower %s was grown with %s \"%s\", this encoder has \"%s\"; --force embeds all the same", tower->name, facts[i].key, then, facts[i].now);
  }
  json_decref(grown);
  return status;
}

/* The same of features that are there already. */
static babel_status check_bank(const babel_tower *tower, const babel_bank *bank, bool force) {
  babel_status status = babel_same_sensor(tower->name, bank->modality) ? babel_encoders_agree(tower->provenance, bank)
                                                                       : BABEL_FAIL(BABEL_ERR_ARG, "%s holds %s features, the tower is %s", bank->path, bank->modality, tower->name);
  if (status != BABEL_ERR_ARG) return status;
  babel_error error = babel_error_take();
  if (!force) return BABEL_FAIL(BABEL_ERR_ARG, "%s; --force embeds all the same", error.sentence);
  babel_warn("%s", error.sentence);
  return BABEL_OK;
}

/* The output that the tower was grown with, where this encoder has it: `pretrained` of a tower of encoders alone, say. */
static babel_status pick_output(const babel_tower *tower, embed_job *job) {
  json_t *grown = json_loads(tower->provenance ? tower->provenance : "{}", 0, NULL);
  const char *name = json_string_value(json_object_get(grown, "encoder_output"));
  bool known = false;
  for (int i = 0; name && i < job->encoder->output_count; i++) known |= !strcmp(name, job->encoder->outputs[i].name);
  babel_status status = babel_find_output(job->encoder, &job->trunk.config, known ? name : NULL, &job->output);
  json_decref(grown);
  return status;
}

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && !strcmp(text + n - m, end);
}

/* Samples of one raw file; malloced list. */
static babel_status read_samples(const babel_encoder *encoder, const char *path, babel_sample **samples, int *count) {
  babel_status status;
  if (ends_with(path, ".npy")) {
    babel_npy npy;
    BABEL_TRY(babel_npy_open(&npy, path));
    status = encoder->row->samples(encoder, &npy.tensor, samples, count);
    if (status != BABEL_OK) babel_fail_context("%s: ", path);
    babel_npy_close(&npy);
    return status;
  }
  void *memory;
  BABEL_TRY(babel_alloc(&memory, 1, sizeof **samples));
  *samples = memory;
  *count = 1;
  if (ends_with(path, ".skeleton")) {
    babel_ntu_skeleton skeleton;
    BABEL_TRY(babel_ntu_read(&skeleton, path));
    status = babel_ntu_sample(*samples, &skeleton);
    babel_ntu_destroy(&skeleton);
    return status;
  }
  if (!strcmp(encoder->row->modality, "imu")) return babel_utd_read_inertial(*samples, path);
  return babel_utd_read_skeleton(*samples, path);
}

static babel_status add_file(embed_job *job, const char *path, float **features, int **lengths, int *rows) {
  const babel_encoder_output *out = &job->encoder->outputs[job->output];
  size_t stride = (size_t)out->steps * (size_t)out->width;
  babel_sample *samples = NULL;
  int count = 0;
  babel_status status;
  BABEL_TRY_OR(read_samples(job->encoder, path, &samples, &count), done);
  float *more = realloc(*features, (size_t)(*rows + count) * stride * sizeof *more);
  if (more) *features = more;
  int *longer = realloc(*lengths, (size_t)(*rows + count) * sizeof *longer);
  if (longer) *lengths = longer;
  if (!more || !longer) {
    status = BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for %d samples", *rows + count);
    goto done;
  }
  for (int i = 0; i < count; i++) {
    float *to[4] = {NULL};
    int steps[4] = {0};
    to[job->output] = *features + (size_t)*rows * stride;
    status = babel_encoder_run(job->encoder, &samples[i], to, steps);
    if (status != BABEL_OK) {
      babel_fail_context("%s: ", path);
      goto done;
    }
    (*lengths)[(*rows)++] = out->steps > 1 ? steps[job->output] : 1;
  }
done:
  for (int i = 0; i < count && samples; i++) babel_sample_destroy(&samples[i]);
  free(samples);
  return status;
}

/* Single files become a bank in memory; key = path. */
static babel_status encode_files(const babel_args *args, embed_job *job) {
  const char *paths[BABEL_MAX_GIVEN];
  const babel_encoder_output *out = &job->encoder->outputs[job->output];
  float *features = NULL;
  int *lengths = NULL, rows = 0, count = babel_args_values(args, "input", paths, BABEL_MAX_GIVEN);
  int *first = calloc((size_t)count + 1, sizeof *first);
  babel_status status = first ? BABEL_OK : BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for %d files", count);
  for (int i = 0; i < count && status == BABEL_OK; i++) {
    first[i] = rows;
    status = babel_stop ? BABEL_FAIL(BABEL_ERR_INTERRUPTED, "interrupted at %s; nothing was written", paths[i]) : add_file(job, paths[i], &features, &lengths, &rows);
  }
  if (status == BABEL_OK) status = babel_bank_create(&job->bank, job->encoder->row->modality, rows, 0, out->steps, out->width);
  if (status == BABEL_OK) {
    memcpy(job->bank.features, features, (size_t)rows * (size_t)out->steps * (size_t)out->width * sizeof *features);
    if (job->bank.lengths) memcpy(job->bank.lengths, lengths, (size_t)rows * sizeof *lengths);
    first[count] = rows;
    for (int i = 0; i < count && status == BABEL_OK; i++)
      for (int row = first[i]; row < first[i + 1] && status == BABEL_OK; row++)
        if (asprintf(&job->bank.keys[row], "%s#%d", paths[i], row - first[i]) < 0) status = BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for keys");
  }
  free(features);
  free(lengths);
  free(first);
  return status;
}

static babel_status encode_folder(const babel_args *args, embed_job *job) {
  const char *folder = babel_args_value(args, "data");
  const babel_dataset_row *dataset;
  BABEL_TRY(babel_dataset_row_choose(&dataset, babel_args_value(args, "dataset"), folder));
  babel_encode_options encode = {.dataset = dataset, .folder = folder, .modality = job->encoder->row->modality,
      .encoder = job->encoder, .split = "all", .commit = babel_manifest_commit(), .stop = &babel_stop};
  return babel_encode_dataset(&encode, &job->output, 1, &job->bank);
}

static babel_status gather(const babel_args *args, embed_job *job) {
  const char *bank = babel_args_value(args, "bank"), *modality = babel_args_value(args, "modality");
  bool input = babel_args_value(args, "input"), data = babel_args_value(args, "data");
  if (!!bank + input + data != 1) return BABEL_FAIL(BABEL_ERR_ARG, "expected exactly one of --input, --data and --bank");
  if (bank) return babel_bank_read(&job->bank, bank);
  BABEL_TRY(babel_open_encoder(args, &job->trunk.config, &job->encoder));
  if (!modality) modality = job->encoder->row->modality;
  const babel_tower *tower = babel_trunk_tower(&job->trunk, modality);
  if (!tower) return BABEL_FAIL(BABEL_ERR_ARG, "%s has no tower for %s", job->trunk.path, modality);
  BABEL_TRY(pick_output(tower, job));
  BABEL_TRY(check_encoder(tower, job->encoder, job->output, babel_args_flag(args, "force")));
  return input ? encode_files(args, job) : encode_folder(args, job);
}

static void write_field(FILE *out, const char *text) {
  if (!strpbrk(text, ",\" \t")) {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  for (; *text; text++) fprintf(out, *text == '"' ? "\"\"" : "%c", *text);
  fputc('"', out);
}

static babel_status write_keys(const char *path, const babel_bank *bank) {
  babel_file_writer writer;
  BABEL_TRY(babel_file_create(&writer, path));
  fprintf(writer.stream, "key,label,subject\n");
  for (int i = 0; i < bank->rows; i++) {
    write_field(writer.stream, bank->keys[i]);
    fprintf(writer.stream, ",%d,%d\n", bank->labels[i], bank->subjects[i]);
  }
  return babel_file_commit(&writer);
}

static babel_status read_member(const babel_args *args, embed_job *job, const char *modality, const babel_bank **member) {
  const char *path = babel_args_value(args, "member");
  if (!path) return BABEL_OK;
  BABEL_TRY(babel_bank_read(&job->member, path));
  job->trunk.config.wifi_members = BABEL_MEMBERS_MEAN;
  if (strcmp(modality, job->bank.modality) || !babel_member_fits(&job->trunk, &job->bank, NULL, job->bank.rows, &job->member))
    return BABEL_FAIL(BABEL_ERR_ARG, "--member %s: its %s features do not go with %s: expected a further tower (say wifi2) of one sensor (wifi), of the same data set and keys, "
                      "that the trunk knows", path, job->member.modality, job->bank.modality);
  *member = &job->member;
  return BABEL_OK;
}

static babel_status embed(const babel_args *args, embed_job *job) {
  const char *trunk, *out, *keys = babel_args_value(args, "keys"), *modality = babel_args_value(args, "modality");
  const babel_ops *ops;
  const babel_bank *member = NULL;
  void *embeddings = NULL;
  babel_status status;
  BABEL_TRY(babel_args_require(args, "trunk", &trunk));
  BABEL_TRY(babel_args_require(args, "out", &out));
  BABEL_TRY(babel_file_probe(out));
  BABEL_TRY(babel_backend_choose(args, BABEL_PRECISION_FP32, &ops));
  BABEL_TRY(babel_trunk_read(&job->trunk, ops, trunk));
  BABEL_TRY(gather(args, job));
  const babel_bank *bank = &job->bank;
  int width = job->trunk.config.embed_dim;
  if (!modality) modality = bank->modality;
  const babel_tower *tower = babel_trunk_tower(&job->trunk, modality);
  if (tower && tower->in != bank->width)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: %d features a sample, but the tower %s of %s was grown with %d", *bank->path ? bank->path : "the input", bank->width,
                      modality, trunk, tower->in);
  if (tower && !job->encoder) BABEL_TRY(check_bank(tower, bank, babel_args_flag(args, "force")));
  BABEL_TRY(read_member(args, job, modality, &member));
  BABEL_TRY(babel_alloc(&embeddings, (size_t)bank->rows * (size_t)width, sizeof(float)));
  babel_output output = babel_args_flag(args, "aligned") ? BABEL_OUTPUT_ALIGNED : BABEL_OUTPUT_FEATURE;
  BABEL_TRY_OR(member ? babel_members_embed(&job->trunk, bank, NULL, bank->rows, &member, 1, output, embeddings)
                      : babel_trunk_embed(&job->trunk, modality, bank->features, bank->rows, bank->steps, bank->lengths, output, embeddings), done);
  babel_tensor tensor = {.data = embeddings, .dtype = BABEL_F32, .rank = 2, .shape = {bank->rows, width}};
  BABEL_TRY_OR(babel_npy_write(out, &tensor), done);
  if (keys) BABEL_TRY_OR(write_keys(keys, bank), done);
  printf("%s: %d %s embeddings of %d numbers\n", out, bank->rows, modality, width);
done:
  free(embeddings);
  return status;
}

static babel_status run(const babel_args *args) {
  embed_job job = {0};
  babel_status status = embed(args, &job);
  babel_bank_destroy(&job.bank);
  babel_bank_destroy(&job.member);
  babel_encoder_destroy(job.encoder);
  babel_trunk_destroy(&job.trunk);
  return status;
}

const babel_command babel_embed_command = {
    .name = "embed",
    .usage = "--trunk FILE --out y.npy (--input FILE.. | --data DIR | --bank FILE) [--encoder NAME --weights FILE]",
    .sentence = "turns raw files into embeddings",
    .details = "The encoder must be the one that the tower was grown with (name, weights, preparation); the trunk remembers it.",
    .examples = "  babel embed --trunk out/trunk.safetensors --encoder limu_bert --weights hhar.pt --input a1_s1_t1_inertial.mat --out e.npy\n"
                "  babel embed --trunk out/trunk.safetensors --bank out/banks/skeleton.safetensors --out e.npy --keys keys.csv\n",
    .options = options,
    .stops = true,
    .run = run,
};
