/* Writes the seeds: small synthetic files of every kind that the parsers read. Usage: make_fuzz_seeds tests/fuzz/seeds */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "data/bank.h"
#include "eval/results.h"
#include "growth/trunk.h"
#include "tests/core/containers.h"
#include "tests/data/mat_bytes.h"

static const char *root;

static const char *place(const char *parser, const char *name) {
  static char path[1200];
  snprintf(path, sizeof path, "%s/%s", root, parser);
  if (babel_folder_create(path) != BABEL_OK) abort();
  snprintf(path, sizeof path, "%s/%s/%s", root, parser, name);
  return path;
}

static void save(const char *parser, const char *name, bytes *content) {
  FILE *file = fopen(place(parser, name), "wb");
  if (!file || fwrite(content->data, 1, content->size, file) != content->size || fclose(file)) abort();
  bytes_free(content);
}

static void save_text(const char *parser, const char *name, const char *text) {
  bytes content = {0};
  put_text(&content, text);
  save(parser, name, &content);
}

static const float eight[8] = {0, 1, -2.5f, 3, 4, 5, 6, 7};

/* Two views of one storage, a scalar that is skipped, in a wrapped state dictionary. */
static bytes state_dictionary(bool legacy) {
  bytes object = {0};
  pickled_tensor plain = {.type = "FloatStorage", .key = "0", .count = 8, .rank = 2, .shape = {2, 3}, .stride = {3, 1}, .legacy = legacy};
  pickled_tensor turned = {.type = "FloatStorage", .key = "0", .count = 8, .offset = 1, .rank = 2, .shape = {2, 2}, .stride = {1, 3}, .legacy = legacy,
                           .parameter = true};
  pickle_begin(&object);
  put_text(&object, "}(");
  pickle_text(&object, "epoch");
  pickle_int(&object, 12);
  pickle_text(&object, "seed");
  put(&object, "\x8A\x09\0\0\0\0\0\0\0\0\1", 11);
  pickle_text(&object, "args");
  pickle_name(&object, "argparse", "Namespace");
  put_text(&object, ")R}");
  pickle_text(&object, "lr");
  put(&object, "G\x3f\xf0\0\0\0\0\0\0sb", 11);
  pickle_text(&object, "state_dict");
  pickle_map(&object);
  pickle_text(&object, "module.w");
  pickle_tensor(&object, &plain);
  pickle_text(&object, "b");
  pickle_tensor(&object, &turned);
  put_text(&object, "uu.");
  return object;
}

static void checkpoints(void) {
  static const char *const names[] = {"torch.pt", "deflated.pt", "zip64.pt"};
  stored storage = {"0", eight, sizeof eight, 4};
  bytes object = state_dictionary(false), old = state_dictionary(true), wrapped = {0};
  for (int style = ZIP_TORCH; style <= ZIP_64; style++) {
    bytes file = {0};
    checkpoint_zip(&file, "archive", &object, &storage, 1, (zip_style)style);
    save("checkpoint", names[style], &file);
  }
  bytes file = {0};
  checkpoint_legacy(&file, &old, &storage, 1);
  save("checkpoint", "legacy.pt", &file);
  put_u16(&wrapped, sizeof eight);
  put(&wrapped, eight, sizeof eight);
  put(&wrapped, object.data, object.size);
  save("pickle", "state", &wrapped);
  static const char opcodes[] = "\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94(\x8c\1a\x94]\x94(K\1M\2\1J\3\0\0\0\x88\x89Ne\x8c\1b\x94\x8f(K\1\x90\x8c\1c\x94](\x8c\1m\x8c\1x\x93h\2eu.";
  put_u16(&wrapped, 0);
  put(&wrapped, opcodes, sizeof opcodes - 1);
  save("pickle", "protocol4", &wrapped);
  bytes_free(&object);
  bytes_free(&old);
}

static void safetensors(void) {
  static const char header[] = "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},\"empty\":{\"dtype\":\"F16\","
                               "\"shape\":[0,3],\"data_offsets\":[16,16]},\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[16,24]}}";
  for (int which = 0; which < 2; which++) {
    bytes file = {0};
    put_u64(&file, sizeof header - 1);
    put_text(&file, header);
    put(&file, eight, 24);
    save(which ? "checkpoint" : "safetensors", "three.safetensors", &file);
  }
}

static void arrays(void) {
  static const struct {
    const char *name, *descr, *order, *shape;
    size_t size;
  } files[] = {{"imu.npy", "<f4", "False", "(4, 6)", 96}, {"columns.npy", ">f8", "True", "(3, 6)", 144}, {"joints.npy", "|i1", "False", "(3, 20, 3)", 180},
               {"halves.npy", "<f2", "False", "(2, 2, 6)", 48}, {"one.npy", "<i8", "False", "()", 8}};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char header[160];
    bytes file = {0};
    int length = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", files[i].descr, files[i].order, files[i].shape);
    put(&file, "\x93NUMPY\1\0", 8);
    put_u16(&file, 118);
    put_text(&file, header);
    while (length++ < 117) put_text(&file, " ");
    put_text(&file, "\n");
    for (size_t k = 0; k < files[i].size; k++) put_u8(&file, (unsigned)(k * 7 % 61));
    save("npy", files[i].name, &file);
  }
}

static void save_mat(const char *name, mat_bytes variable) {
  mat_bytes file = mat_header();
  mat_append(&file, variable);
  mat_save(place("mat", name), file);
  mat_free(&file);
}

static void mats(void) {
  static double x[60 * 6];
  static const unsigned char small[4] = {1, 2, 3, 4};
  for (int i = 0; i < 60 * 6; i++) x[i] = i < 180 ? i % 60 / 64.0 : (i % 7 - 3) * 4 / 131.0;
  mat_spec inertial = {.name = "d_iner", .rank = 2, .dims = {60, 6}, .values = x, .value_bytes = sizeof x};
  mat_spec depth = {.name = "d_depth", .flags = 11, .rank = 3, .dims = {2, 2, 1}, .type = 2, .values = small, .value_bytes = 4};
  mat_spec complex = {.name = "z", .flags = 0x806, .name_type = 16, .dims_type = 6, .rank = 2, .dims = {1, 4}, .type = 1, .values = small, .value_bytes = 4};
  save_mat("inertial.mat", mat_packed(mat_matrix(&inertial), -1));
  save_mat("small.mat", mat_matrix(&depth));
  mat_bytes two = mat_matrix(&complex);
  mat_append(&two, mat_matrix(&depth));
  save_mat("two.mat", two);
}

static void texts(void) {
  save_text("yaml", "settings.yaml", "# a comment\npreset: paper\nlr: 3e-4\nadaptive: off\nimu_window: \"20hz\"\nseed: 7\ntemperature: 0.08\n");
  save_text("schedule", "two.yaml",
            "name: two\npreset: paper\nallow_disconnected: true\nshared_labels: false\nset: {variants: 0, lr: 1e-3}\nphases:\n"
            "  - name: first\n    banks: [\"null\", \"null\"]\n    split: \"null\"\n    test: \"null\"\n    draws: \"null\"\n    epochs: 2.5\n"
            "  - {name: second, banks: [\"null\", \"/dev/null\"], part: holdout, steps: 70, set: {proto_policy: plain}}\n");
  save_text("schedule", "alias.yaml", "phases: &p\n  - &q {name: a, banks: &b [\"null\", \"null\"]}\n  - {name: b, banks: *b, set: *q}\n  - *p\n");
  save_text("yaml", "flow.yaml", "---\n{batch: 128, standardise: yes}\n...\n");
  save_text("yaml", "beyond.yaml", "a: &x [1, {b: !!int 2}]\nc: *x\n? d\n: |\n  text\n");
  save_text("split", "three.csv", "key,part\na1,train\n\"a,\"\"2\",holdout\r\n a3 , test\n");
  save_text("draws", "two.csv", "draw,role,key\n0,support,a1\n0,query,a2\n1,query,a1\n1,support,\"a\"\"2\"\n");
  save_text("keys", "short.csv", "key,label,subject\nk1,0,1\nk2,3,2\n");
  save_text("keys", "windows.csv", "\xEF\xBB\xBFkey,label,subject,recording,first,last\nw1,0,1,r,0,120\nw2,0,1,r,24,144\nw3,1,2,s,0,0\n");
}

static void ntu(void) {
  bytes file = {0};
  char line[160];
  put_text(&file, "3\n0\n");
  for (int frame = 1; frame < 3; frame++) {
    put_text(&file, "1\n72057594037932358 0 1 1 1 1 0 0.1 -0.2 2\n25\n");
    for (int j = 0; j < 25; j++) {
      snprintf(line, sizeof line, "0.%d%d -.%d 3.%02d 0 0 0 0 0 0 0 1 2\n", j % 5, frame, j, j);
      put_text(&file, line);
    }
  }
  save("ntu", "two.skeleton", &file);
}

/* 31 frames of one movement: two windows were it 35, one as it is. */
static void windows(void) {
  bytes mars = {0}, list = {0};
  char line[160];
  put_text(&mars, "Frame #,# Obj,X,Y,Z,Doppler,Intensity,Abs Time\n");
  for (int f = 0; f < 31; f++) {
    snprintf(line, sizeof line, "%d,1,0.%d,1.9,-.2,0.356,7,1.6e+09\n", 700 + f, f);
    put_text(&mars, line);
  }
  put(&mars, "", 1);
  put_text(&mars, "SpineBase_X,SpineMid_X,Neck_X,Head_X,ShoulderLeft_X\n");
  for (int f = 0; f < 31; f++)
    for (int c = 0; c < 75; c++) put_text(&mars, c < 74 ? "1," : "2\n");
  save("mars", "one.txt", &mars);
  put_text(&list, "action,snippet,frame_no,n_points,point_offset,imu_rows,imu_offset,foot_contact_left,foot_contact_right\n");
  for (int f = 0; f < 32; f++) {
    snprintf(line, sizeof line, "07,05,%d,2,%d,20,%d,0,1\n", 40 - f, 2 * f, 20 * f);
    put_text(&list, line);
  }
  save("mmego", "frames.csv", &list);
}

static void banks(void) {
  for (int timed = 0; timed < 2; timed++) {
    babel_bank bank;
    if (babel_bank_create(&bank, "imu", 2, timed, 1 + timed, 3) != BABEL_OK) abort();
    strcpy(bank.dataset, "synthetic");
    strcpy(bank.split, "all");
    for (int i = 0; i < 2; i++) {
      bank.keys[i] = strdup(i ? "k2" : "k1");
      bank.recordings[i] = strdup("r");
      bank.last[i] = 5;
      for (int l = 0; timed && l < 2; l++) bank.lengths[2 * i + l] = 1 + l;
    }
    if (babel_bank_write(&bank, place("bank", timed ? "timed.safetensors" : "plain.safetensors")) != BABEL_OK) abort();
    babel_bank_destroy(&bank);
  }
}

static void trunks(void) {
  babel_trunk trunk;
  babel_config config;
  babel_config_preset(&config, BABEL_PRESET_RELEASE);
  config.embed_dim = config.hidden = 2;
  if (babel_trunk_create(&trunk, babel_ops_cpu(), &config) != BABEL_OK || babel_trunk_add_tower(&trunk, "imu", 3) != BABEL_OK ||
      babel_trunk_add_tower(&trunk, "skeleton", 2) != BABEL_OK || babel_trunk_write(&trunk, place("trunk", "two.safetensors")) != BABEL_OK)
    abort();
  babel_trunk_destroy(&trunk);
}

static void results(void) {
  babel_results all = {0};
  babel_result row = {.kind = BABEL_RESULT_ONESHOT, .dataset = "synthetic", .protocol = "paper", .features = "aligned", .preset = "ours", .seeds = 1,
                      .head = "nearest", .fusion = "sum", .scoring = "last", .mean = 83.7, .sd = 0.3, .ci95 = 1.5, .gain = 7.25, .gain_ci95 = 0.5, .draws = 10};
  babel_result other = {.kind = BABEL_RESULT_RETRIEVAL, .dataset = "synthetic", .protocol = "paper", .features = "aligned", .preset = "ours", .seeds = 1,
                        .from = "imu", .to = "skeleton", .recall1 = 16.5, .recall5 = 40, .recall10 = 60, .class_top1 = 72, .median_rank = 7.5, .n = 215};
  babel_names_add(&row.modalities, "imu");
  babel_names_add(&row.encoders, "imu_stats");
  babel_names_add(&row.trunk_encoders, "imu_stats");
  babel_names_add(&other.encoders, "imu_stats");
  if (babel_results_add(&all, &row) != BABEL_OK || babel_results_add(&all, &other) != BABEL_OK ||
      babel_results_write(&all, place("results", "two.json")) != BABEL_OK)
    abort();
  babel_results_destroy(&all);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  root = argv[1];
  checkpoints();
  safetensors();
  arrays();
  mats();
  texts();
  ntu();
  windows();
  banks();
  trunks();
  results();
  return 0;
}
