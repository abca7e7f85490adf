#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#include <yaml.h>

#include "core/file.h"
#include "growth/config.h"

#define MAX_BYTES (1 << 20)
#define MAX_KEYS 128

typedef struct {
  yaml_parser_t parser;
  yaml_event_t event; /* the current one */
  const babel_file *file;
  int lines[MAX_KEYS]; /* where each key of the table was met, 0 = not yet */
} reader;

static int line(const reader *r) {
  return (int)r->event.start_mark.line + 1;
}

static babel_status broken(const reader *r) {
  const yaml_parser_t *p = &r->parser;
  size_t at = p->problem_mark.line + 1;
  if (p->error == YAML_MEMORY_ERROR) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory to read it", r->file->path);
  if (p->error == YAML_READER_ERROR) { /* bad bytes have an offset and no line */
    at = 1;
    for (size_t i = 0; i < p->problem_offset && i < r->file->size; i++) at += r->file->data[i] == '\n';
  }
  const char *kind = babel_file_kind(r->file->data, r->file->size);
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %zu: expected YAML (`key: value` lines): %s%s%s", r->file->path, at,
                    p->problem ? p->problem : "a syntax error", *kind ? "; it looks like " : "", kind);
}

static babel_status next(reader *r) {
  yaml_event_delete(&r->event);
  return yaml_parser_parse(&r->parser, &r->event) ? BABEL_OK : broken(r);
}

/* Anchors and tags say more than a flat map needs: a typing error here would change a run without a word. */
static babel_status check_plain(const reader *r) {
  const yaml_char_t *anchor = NULL, *tag = NULL;
  switch (r->event.type) {
  case YAML_ALIAS_EVENT:
    return BABEL_FAIL(BABEL_ERR_ARG, "%s: line %d: an alias (*%.40s) is not allowed here", r->file->path, line(r),
                      (const char *)r->event.data.alias.anchor);
  case YAML_SCALAR_EVENT:
    anchor = r->event.data.scalar.anchor;
    tag = r->event.data.scalar.tag;
    break;
  case YAML_MAPPING_START_EVENT:
    anchor = r->event.data.mapping_start.anchor;
    tag = r->event.data.mapping_start.tag;
    break;
  default:
    break;
  }
  if (anchor)
    return BABEL_FAIL(BABEL_ERR_ARG, "%s: line %d: an anchor (&%.40s) is not allowed here", r->file->path, line(r), (const char *)anchor);
  if (tag) return BABEL_FAIL(BABEL_ERR_ARG, "%s: line %d: a tag (%.40s) is not allowed here", r->file->path, line(r), (const char *)tag);
  return BABEL_OK;
}

static const char *event_name(const reader *r) {
  switch (r->event.type) {
  case YAML_SEQUENCE_START_EVENT: return "a list";
  case YAML_MAPPING_START_EVENT: return "a nested map";
  default: return "a single value";
  }
}

/* The current event must be a simple scalar; text points into it. */
static babel_status scalar(const reader *r, const char *what, const char **text) {
  BABEL_TRY(check_plain(r));
  if (r->event.type != YAML_SCALAR_EVENT)
    return BABEL_FAIL(BABEL_ERR_ARG, "%s: line %d: expected %s, found %s", r->file->path, line(r), what, event_name(r));
  *text = (const char *)r->event.data.scalar.value;
  if (strlen(*text) != r->event.data.scalar.length)
    return BABEL_FAIL(BABEL_ERR_ARG, "%s: line %d: expected %s, found text with a zero byte", r->file->path, line(r), what);
  return BABEL_OK;
}

static babel_status set_preset(reader *r, babel_config *config, const char *value) {
  babel_preset preset;
  for (int i = 0; babel_config_key_at(i); i++)
    if (r->lines[i] && i)
      return BABEL_FAIL(BABEL_ERR_ARG, "preset must be the first key of the file, because it resets the others ('%s' stands in line %d)",
                        babel_config_key_at(i)->key, r->lines[i]);
  BABEL_TRY(babel_config_preset_find(value, &preset));
  babel_config_preset(config, preset);
  return BABEL_OK;
}

static babel_status set(reader *r, babel_config *config, const char *key, int at, const char *value) {
  int i = 0;
  const babel_config_key *row;
  key = babel_config_key_meant(key, value);
  while ((row = babel_config_key_at(i)) && strcmp(row->key, key)) i++;
  if (row && r->lines[i]) return BABEL_FAIL(BABEL_ERR_ARG, "key '%s' stands twice: it is in line %d already", key, r->lines[i]);
  if (!strcmp(key, "preset"))
    BABEL_TRY(set_preset(r, config, value));
  else
    BABEL_TRY(babel_config_set(config, key, value));
  r->lines[i] = at;
  return BABEL_OK;
}

static babel_status read_map(reader *r, babel_config *config) {
  for (;;) {
    const char *text;
    char key[64];
    BABEL_TRY(next(r));
    if (r->event.type == YAML_MAPPING_END_EVENT) return BABEL_OK;
    BABEL_TRY(scalar(r, "a key", &text));
    int at = line(r);
    snprintf(key, sizeof key, "%s", text);
    BABEL_TRY(next(r));
    BABEL_TRY(scalar(r, "one value", &text));
    if (set(r, config, key, at, text) != BABEL_OK) return babel_fail_context("%s: line %d: ", r->file->path, at);
  }
}

static babel_status read_stream(reader *r, babel_config *config) {
  BABEL_TRY(next(r)); /* start of the stream */
  BABEL_TRY(next(r));
  if (r->event.type == YAML_STREAM_END_EVENT) return BABEL_OK;
  BABEL_TRY(next(r)); /* behind the start of the document */
  BABEL_TRY(check_plain(r));
  bool empty = r->event.type == YAML_SCALAR_EVENT && !r->event.data.scalar.length;
  if (r->event.type == YAML_MAPPING_START_EVENT) {
    BABEL_TRY(read_map(r, config));
  } else if (!empty) {
    const char *kind = babel_file_kind(r->file->data, r->file->size);
    return BABEL_FAIL(BABEL_ERR_ARG, "%s: line %d: expected `key: value` lines, found %s%s%s", r->file->path, line(r), event_name(r),
                      *kind ? "; it looks like " : "", kind);
  }
  BABEL_TRY(next(r)); /* end of the document */
  BABEL_TRY(next(r));
  if (r->event.type == YAML_STREAM_END_EVENT) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_ARG, "%s: line %d: expected one document, found a second one", r->file->path, line(r));
}

babel_status babel_config_read_yaml(babel_config *config, const char *path) {
  struct stat info;
  babel_file file;
  babel_config read = *config;
  reader r;
  memset(&r, 0, sizeof r);
  assert(!babel_config_key_at(MAX_KEYS));
  if (!stat(path, &info) && S_ISREG(info.st_mode) && !info.st_size) return BABEL_OK;
  BABEL_TRY(babel_file_open(&file, path));
  r.file = &file;
  babel_status status;
  if (file.size > MAX_BYTES)
    status = BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected YAML of at most %d bytes, found %zu", path, MAX_BYTES, file.size);
  else if (!yaml_parser_initialize(&r.parser))
    status = BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory to read it", path);
  else {
    yaml_parser_set_input_string(&r.parser, file.data, file.size);
    status = read_stream(&r, &read);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
  }
  babel_file_close(&file);
  if (status == BABEL_OK) *config = read;
  return status;
}
