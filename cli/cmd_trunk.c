#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "core/file.h"
#include "growth/trunk_parts.h"

static const babel_option no_options[] = {{NULL, NULL, NULL}};
static const babel_option out_options[] = {{"out", "FILE", "the trunk to write; must not be there yet, or --force"}, {"force", NULL, "overwrite it"}, {NULL, NULL, NULL}};

static babel_status need(const babel_args *args, const char *command, int low, int high, const char *what) {
  if (args->positional_count >= low && args->positional_count <= high) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_ARG, "babel trunk %s takes %s, found %d", command, what, args->positional_count);
}

static babel_status out_path(const babel_args *args, const char **path) {
  BABEL_TRY(babel_args_require(args, "out", path));
  if (babel_file_exists(*path) && !babel_args_flag(args, "force")) return BABEL_FAIL(BABEL_ERR_STATE, "%s exists: give another --out, or --force", *path);
  return BABEL_OK;
}

/* ---- list --------------------------------------------------------------------------------------------------------------------------------- */

static const char *text(const json_t *object, const char *key) {
  const char *value = json_string_value(json_object_get(object, key));
  return value ? value : "-";
}

static void print_phases(const babel_trunk *trunk) {
  json_t *history = json_loads(trunk->history, 0, NULL), *entry;
  size_t i;
  json_array_foreach(history, i, entry)
    printf("  phase %zu  %-12s %s, %s of %s, %lld pairs, %lld steps, %s\n", i + 1, text(entry, "phase"), text(entry, "a"), text(entry, "b"), text(entry, "dataset"),
           (long long)json_integer_value(json_object_get(entry, "pairs")), (long long)json_integer_value(json_object_get(entry, "steps")),
           strcmp(text(entry, "trunk"), "freeze") ? text(entry, "policy") : "trunk frozen");
  json_decref(history);
}

static babel_status list(const babel_args *args) {
  babel_trunk trunk;
  BABEL_TRY(need(args, "list", 1, 1, "one trunk"));
  BABEL_TRY(babel_trunk_read(&trunk, babel_ops_cpu(), args->positional[0]));
  printf("%s: %d towers, embeddings of %d, sha256 %.12s\n", trunk.path, trunk.tower_count, trunk.config.embed_dim, trunk.sha256);
  for (int i = 0; i < trunk.tower_count; i++) {
    const babel_tower *t = &trunk.towers[i];
    json_t *provenance = json_loads(t->provenance ? t->provenance : "{}", 0, NULL);
    printf("  tower    %-12s %d features of %s (%s)%s, %lld parameters%s%s\n", t->name, t->in, text(provenance, "encoder"), text(provenance, "encoder_output"),
           json_is_true(json_object_get(provenance, "simulated")) ? ", simulated" : "", (long long)(t->module.count + t->post.count + t->own.count),
           t->gauss.width ? ", covariance known" : "", t->moments.layers ? ", second moments known" : "");
    json_decref(provenance);
  }
  print_phases(&trunk);
  babel_trunk_destroy(&trunk);
  return BABEL_OK;
}

/* ---- extract, merge -------------------------------------------------------------------------------------------------------------------------- */

static babel_status write_out(babel_trunk *trunk, const char *path) {
  BABEL_TRY(babel_trunk_write(trunk, path));
  printf("%s:", trunk->path);
  for (int i = 0; i < trunk->tower_count; i++) printf(" %s", trunk->towers[i].name);
  printf(", sha256 %.12s\n", trunk->sha256);
  return BABEL_OK;
}

static babel_status extract(const babel_args *args) {
  babel_trunk from, part;
  const char *path;
  BABEL_TRY(need(args, "extract", 2, 1 + BABEL_MAX_TOWERS, "a trunk and names of its towers"));
  BABEL_TRY(out_path(args, &path));
  BABEL_TRY(babel_trunk_read(&from, babel_ops_cpu(), args->positional[0]));
  babel_status status = babel_trunk_extract(&part, &from, args->positional + 1, args->positional_count - 1);
  if (status == BABEL_OK) status = write_out(&part, path);
  babel_trunk_destroy(&part);
  babel_trunk_destroy(&from);
  return status;
}

static babel_status merge(const babel_args *args) {
  babel_trunk a = {0}, b = {0}, both = {0};
  const char *path;
  BABEL_TRY(need(args, "merge", 2, 2, "two trunks"));
  BABEL_TRY(out_path(args, &path));
  babel_status status = babel_trunk_read(&a, babel_ops_cpu(), args->positional[0]);
  if (status == BABEL_OK) status = babel_trunk_read(&b, babel_ops_cpu(), args->positional[1]);
  if (status == BABEL_OK) status = babel_trunk_merge(&both, &a, &b);
  if (status == BABEL_OK) status = write_out(&both, path);
  babel_trunk_destroy(&both);
  babel_trunk_destroy(&b);
  babel_trunk_destroy(&a);
  return status;
}

/* ---- diff ------------------------------------------------------------------------------------------------------------------------------------ */

static int print_differences(const babel_trunk_difference *differences, int count, const char *a, const char *b) {
  int different = 0;
  printf("%-28s %10s %14s %14s\n", "tensors", "values", "relative", "largest");
  for (int i = 0; i < count; i++) {
    const babel_trunk_difference *d = &differences[i];
    different += !d->identical;
    if (d->only_in == 3) printf("%-28s %10lld %29s\n", d->name, (long long)d->count, "other shapes");
    else if (d->only_in) printf("%-28s %10lld   only in %s\n", d->name, (long long)d->count, d->only_in == 1 ? a : b);
    else if (d->identical) printf("%-28s %10lld %29s\n", d->name, (long long)d->count, "bit-identical");
    else printf("%-28s %10lld %14.3e %14.3e\n", d->name, (long long)d->count, d->relative, d->largest);
  }
  return different;
}

static babel_status diff(const babel_args *args) {
  babel_trunk a = {0}, b = {0};
  babel_trunk_difference *differences = NULL;
  int count = 0;
  BABEL_TRY(need(args, "diff", 2, 2, "two trunks"));
  babel_status status = babel_trunk_read(&a, babel_ops_cpu(), args->positional[0]);
  if (status == BABEL_OK) status = babel_trunk_read(&b, babel_ops_cpu(), args->positional[1]);
  if (status == BABEL_OK) status = babel_trunk_compare(&a, &b, &differences, &count);
  if (status == BABEL_OK) {
    int different = print_differences(differences, count, a.path, b.path);
    printf("%d of %d differ\n", different, count);
    free(differences);
  }
  babel_trunk_destroy(&b);
  babel_trunk_destroy(&a);
  return status;
}

const babel_command babel_trunk_list_command = {
    .name = "trunk list", .plain = true, .usage = "TRUNK", .sentence = "shows a trunk's towers, where their features come from, and its phases",
    .examples = "  babel trunk list run/trunk.safetensors\n", .options = no_options, .run = list};

const babel_command babel_trunk_extract_command = {
    .name = "trunk extract", .plain = true, .usage = "TRUNK NAME.. --out FILE", .sentence = "writes some towers of a trunk as a trunk of their own",
    .details = "Their embeddings are bit for bit those of the whole trunk.", .examples = "  babel trunk extract run/trunk.safetensors imu wifi --out small.safetensors\n",
    .options = out_options, .run = extract};

const babel_command babel_trunk_merge_command = {
    .name = "trunk merge", .plain = true, .usage = "TRUNK TRUNK --out FILE", .sentence = "joins two trunks that were grown on the same one",
    .details = "What both have must be bit-identical, as after trunk: freeze; the temperature and the history are the first one's.",
    .examples = "  babel trunk merge with_wifi/trunk.safetensors with_radar/trunk.safetensors --out both.safetensors\n", .options = out_options, .run = merge};

const babel_command babel_trunk_diff_command = {
    .name = "trunk diff", .plain = true, .usage = "TRUNK TRUNK", .sentence = "says which tensors differ between two trunks, and by how much",
    .details = "relative: ||a - b|| / ||a||; largest: of the differences between two values.", .examples = "  babel trunk diff before.safetensors after.safetensors\n",
    .options = no_options, .run = diff};
