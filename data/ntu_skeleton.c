#include "data/ntu_skeleton.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/file.h"

#define MAX_FRAMES 20000 /* 48 MB of coordinates; the longest recordings have a few hundred */
#define MAX_BODIES 64
#define BODY_VALUES 10
#define JOINT_VALUES 12
#define SLOT_SIZE (BABEL_NTU_JOINTS * 3)

typedef struct {
  babel_file file;
  babel_lines lines;
  char line[1024];
  int frame; /* from 1; 0 before the first */
} reader;

static babel_status next_line(reader *r, const char *what) {
  babel_status status;
  if (babel_lines_next(&r->lines, r->line, sizeof r->line, &status)) return BABEL_OK;
  if (status != BABEL_OK) return status;
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: cut short behind line %d, in frame %d: expected %s", r->file.path,
                    r->lines.number, r->frame, what);
}

/* A line that holds one whole number of low..high. */
static babel_status read_count(reader *r, const char *what, int low, int high, int *value) {
  int64_t number;
  BABEL_TRY(next_line(r, what));
  if (!babel_parse_int(r->line, &number) || number < low || number > high)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %d, frame %d: expected %s, %d to %d, found \"%.40s\"",
                      r->file.path, r->lines.number, r->frame, what, low, high, r->line);
  *value = (int)number;
  return BABEL_OK;
}

/* Cuts the line into exactly `count` words. */
static babel_status read_words(reader *r, const char *what, int count, char **words) {
  char *rest = r->line, *word;
  int found = 0;
  BABEL_TRY(next_line(r, what));
  while ((word = strsep(&rest, " \t"))) {
    if (!*word) continue;
    if (found < count) words[found] = word;
    found++;
  }
  if (found != count)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %d, frame %d: expected %s, found %d values", r->file.path,
                      r->lines.number, r->frame, what, found);
  return BABEL_OK;
}

/* One body into xyz (25, 3); both NULL for a body that is only counted. */
static babel_status read_body(reader *r, double *xyz, int64_t *id) {
  char *words[JOINT_VALUES];
  int64_t body;
  int joints;
  BABEL_TRY(read_words(r, "a body line of 10 values", BODY_VALUES, words));
  if (!babel_parse_int(words[0], &body))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %d, frame %d: expected a body id, found \"%.40s\"",
                      r->file.path, r->lines.number, r->frame, words[0]);
  if (id) *id = body;
  BABEL_TRY(read_count(r, "the number of joints", BABEL_NTU_JOINTS, BABEL_NTU_JOINTS, &joints));
  for (int j = 0; j < joints; j++) {
    BABEL_TRY(read_words(r, "a joint line of 12 values", JOINT_VALUES, words));
    for (int c = 0; c < 3; c++) {
      double value;
      if (!babel_parse_double(words[c], &value))
        return BABEL_FAIL(BABEL_ERR_FORMAT,
                          "%s: line %d, frame %d: expected a finite coordinate in metres, found \"%.40s\"",
                          r->file.path, r->lines.number, r->frame, words[c]);
      if (xyz) xyz[j * 3 + c] = value;
    }
  }
  return BABEL_OK;
}

static babel_status read_frame(reader *r, babel_ntu_skeleton *s, int frame) {
  int bodies;
  r->frame = frame + 1;
  BABEL_TRY(read_count(r, "the number of bodies", 0, MAX_BODIES, &bodies));
  for (int b = 0; b < bodies; b++) {
    bool kept = b < BABEL_NTU_SLOTS;
    size_t slot = (size_t)frame * BABEL_NTU_SLOTS + (size_t)b;
    BABEL_TRY(read_body(r, kept ? s->xyz + slot * SLOT_SIZE : NULL, kept ? s->ids + slot : NULL));
    if (kept) s->present[slot] = 1;
    s->ignored_bodies += !kept;
  }
  s->empty_frames += !bodies;
  if (bodies > s->most_bodies) s->most_bodies = bodies;
  return BABEL_OK;
}

static babel_status read_all(reader *r, babel_ntu_skeleton *s) {
  void *xyz, *present, *ids;
  babel_status status;
  BABEL_TRY(read_count(r, "the number of frames", 1, MAX_FRAMES, &s->frames));
  if ((size_t)s->frames > r->file.size / 2) /* a line each, before memory is taken for them */
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: cut short behind line 1: %d frames do not fit into %zu bytes", r->file.path, s->frames,
                      r->file.size);
  size_t slots = (size_t)s->frames * BABEL_NTU_SLOTS;
  BABEL_TRY(babel_alloc(&xyz, slots * SLOT_SIZE, sizeof *s->xyz));
  s->xyz = xyz;
  BABEL_TRY(babel_alloc(&present, slots, sizeof *s->present));
  s->present = present;
  BABEL_TRY(babel_alloc(&ids, slots, sizeof *s->ids));
  s->ids = ids;
  for (int f = 0; f < s->frames; f++) BABEL_TRY(read_frame(r, s, f));
  while (babel_lines_next(&r->lines, r->line, sizeof r->line, &status))
    if (r->line[strspn(r->line, " \t")])
      return BABEL_FAIL(BABEL_ERR_FORMAT,
                        "%s: line %d: expected the end of the file after %d frames, found \"%.40s\"",
                        r->file.path, r->lines.number, s->frames, r->line);
  BABEL_TRY(status);
  if (s->empty_frames == s->frames)
    return BABEL_FAIL(BABEL_ERR_VALUE, "%s: no body in any of its %d frames", r->file.path, s->frames);
  return BABEL_OK;
}

babel_status babel_ntu_read(babel_ntu_skeleton *skeleton, const char *path) {
  reader r;
  memset(skeleton, 0, sizeof *skeleton);
  memset(&r, 0, sizeof r);
  BABEL_TRY(babel_file_open(&r.file, path));
  r.lines.file = &r.file;
  babel_status status = read_all(&r, skeleton);
  if (status != BABEL_OK) babel_ntu_destroy(skeleton);
  babel_file_close(&r.file);
  return status;
}

void babel_ntu_destroy(babel_ntu_skeleton *skeleton) {
  if (!skeleton) return;
  free(skeleton->xyz);
  free(skeleton->present);
  free(skeleton->ids);
  memset(skeleton, 0, sizeof *skeleton);
}

babel_status babel_ntu_sample(babel_sample *sample, const babel_ntu_skeleton *skeleton) {
  BABEL_TRY(babel_sample_create(sample, babel_modality_find("skeleton"), skeleton->frames,
                                BABEL_NTU_SLOTS * SLOT_SIZE));
  sample->persons = BABEL_NTU_SLOTS;
  sample->joints = BABEL_JOINTS_NTU_25;
  memcpy(sample->x, skeleton->xyz,
         (size_t)skeleton->frames * BABEL_NTU_SLOTS * SLOT_SIZE * sizeof *sample->x);
  return BABEL_OK;
}
