/* Names and single files of UTD-MHAD. Listing and checking a folder: utd_mhad_scan.c, utd_mhad_check.c. */
#include "data/utd_mhad.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "data/mat.h"

#define JOINTS 20
#define MIN_ROWS 60 /* the shortest real recording has 107 rows and 41 frames */
#define MIN_FRAMES 20
#define FOCAL_LENGTH 285.63 /* [pixels] of the depth camera at 320 x 240 */
#define MAX_G 8.01
#define MAX_RATE 1001.0
#define RATE_STEP (4.0 / 131.0)
#define GRID_TOLERANCE 6e-7 /* values are rounded to six decimals: 5e-7, and a little for arithmetic */

/* clang-format off */
const char *const babel_utd_action_names[BABEL_UTD_ACTIONS] = {
    "swipe left", "swipe right", "wave", "clap", "throw", "arm cross", "basketball shoot", "draw X",
    "draw circle clockwise", "draw circle counter-clockwise", "draw triangle", "bowling", "boxing",
    "baseball swing", "tennis swing", "arm curl", "tennis serve", "push", "knock", "catch", "pick up and throw",
    "jog", "walk", "sit to stand", "stand to sit", "lunge", "squat"};
/* clang-format on */

/* Digits at *at into *value; false when there are none. A leading zero shows in *padded. */
static bool take_number(const char **at, int *value, bool *padded) {
  const char *from = *at;
  size_t length = strspn(from, "0123456789");
  if (!length) return false;
  *padded |= *from == '0';
  *value = length > 4 ? 9999 : 0;
  for (size_t i = 0; length <= 4 && i < length; i++) *value = 10 * *value + (from[i] - '0');
  *at = from + length;
  return true;
}

bool babel_utd_parse_name(const char *name, babel_utd_id *id, babel_utd_kind *kind, const char **why) {
  static const char *const endings[BABEL_UTD_KINDS] = {"_inertial.mat", "_skeleton.mat", "_depth.mat"};
  bool padded = false, good = name[0] == 'a';
  const char *at = name + good;
  good = good && take_number(&at, &id->action, &padded) && !strncmp(at, "_s", 2);
  if (good) at += 2;
  good = good && take_number(&at, &id->subject, &padded) && !strncmp(at, "_t", 2);
  if (good) at += 2;
  good = good && take_number(&at, &id->trial, &padded);
  int ending = 0;
  while (good && ending < BABEL_UTD_KINDS && strcmp(at, endings[ending])) ending++;
  if (!good || ending == BABEL_UTD_KINDS)
    *why = "not of the form a{A}_s{S}_t{T}_inertial.mat, _skeleton.mat or _depth.mat";
  else if (padded)
    *why =
        "its numbers begin with zeros, which the original names never do: exported anew by another program?";
  else if (id->action > BABEL_UTD_ACTIONS || id->subject > BABEL_UTD_SUBJECTS || id->trial > BABEL_UTD_TRIALS)
    *why = "expected an action of 1 to 27, a subject of 1 to 8, a trial of 1 to 4";
  else {
    *kind = (babel_utd_kind)ending;
    *why = NULL;
  }
  return !*why;
}

const char *babel_utd_key(babel_utd_id id, char key[16]) {
  snprintf(key, 16, "a%d_s%d_t%d", id.action % 100, id.subject % 10, id.trial % 10);
  return key;
}

bool babel_utd_never_recorded(babel_utd_id id) {
  return id.trial == 4 && ((id.action == 8 && id.subject == 1) || (id.action == 23 && id.subject == 6) ||
                           (id.action == 27 && id.subject == 8));
}

static babel_status inertial_from(babel_sample *sample, const char *path, const babel_mat_variable *v) {
  char text[160];
  if (v->rank != 2 || v->shape[1] != 6 || v->shape[0] < MIN_ROWS)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: expected d_iner of at least %d x 6, found %s", path, MIN_ROWS,
                      babel_mat_shape_text(v, text, sizeof text));
  int n = (int)v->shape[0];
  babel_tensor view = babel_mat_view(v); /* (6, N) */
  BABEL_TRY(babel_sample_create(sample, babel_modality_find("imu"), n, 6));
  for (int c = 0; c < 6; c++) {
    for (int i = 0; i < n; i++) {
      double value = babel_tensor_get(&view, (int64_t)c * n + i);
      if (!(fabs(value) <= (c < 3 ? MAX_G : MAX_RATE)))
        return BABEL_FAIL(
            BABEL_ERR_VALUE, "%s: row %d, column %d is %g: expected %s", path, i + 1, c + 1, value,
            c < 3 ? "an acceleration within 8.01 g (is it in m/s^2?)" : "an angular rate within 1001 deg/s");
      double steps = value / RATE_STEP;
      if (c >= 3 && fabs(steps - nearbyint(steps)) * RATE_STEP > GRID_TOLERANCE)
        return BABEL_FAIL(BABEL_ERR_VALUE,
                          "%s: row %d, column %d is %g: expected a multiple of 4/131 deg/s, the sensor's "
                          "step (are the angular "
                          "rates in rad/s, filtered or resampled?)",
                          path, i + 1, c + 1, value);
      sample->x[(size_t)i * 6 + (size_t)c] = c < 3 ? value : value * (M_PI / 180);
    }
  }
  return BABEL_OK;
}

static babel_status skeleton_from(babel_sample *sample, const char *path, const babel_mat_variable *v) {
  char text[160];
  if (v->rank != 3 || v->shape[0] != JOINTS || v->shape[1] != 3 || v->shape[2] < MIN_FRAMES)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: expected d_skel of 20 x 3 x at least %d, found %s", path,
                      MIN_FRAMES, babel_mat_shape_text(v, text, sizeof text));
  int frames = (int)v->shape[2];
  babel_tensor view = babel_mat_view(v); /* (F, 3, 20) */
  BABEL_TRY(babel_sample_create(sample, babel_modality_find("skeleton"), frames, JOINTS * 3));
  sample->joints = BABEL_JOINTS_KINECT1_20;
  for (int64_t i = 0; i < v->count; i++) {
    int joint = (int)(i % JOINTS), axis = (int)(i / JOINTS % 3), frame = (int)(i / (JOINTS * 3));
    double value = babel_tensor_get(&view, i);
    if (!isfinite(value) || (axis == 2 && (value < 1 || value > 5)))
      return BABEL_FAIL(BABEL_ERR_VALUE, "%s: joint %d, axis %c, frame %d is %g: expected %s", path,
                        joint + 1, "xyz"[axis], frame + 1, value,
                        axis == 2 ? "a distance of 1 to 5 m from the camera" : "a finite number");
    sample->x[(size_t)frame * JOINTS * 3 + (size_t)joint * 3 + (size_t)axis] = value;
  }
  return BABEL_OK;
}

/* Column-major 240 x 320 frames to row-major ones, in tiles that stay in the cache. */
static void transpose_frame(uint16_t *out, const uint16_t *in) {
  enum { R = BABEL_UTD_DEPTH_ROWS, C = BABEL_UTD_DEPTH_COLUMNS, TILE = 16 };
  for (int r0 = 0; r0 < R; r0 += TILE)
    for (int c0 = 0; c0 < C; c0 += TILE)
      for (int r = r0; r < r0 + TILE; r++)
        for (int c = c0; c < c0 + TILE; c++) out[r * C + c] = in[c * R + r];
}

static babel_status depth_from(babel_utd_depth *depth, const char *path, const babel_mat_variable *v) {
  enum { PIXELS = BABEL_UTD_DEPTH_ROWS * BABEL_UTD_DEPTH_COLUMNS };
  char text[160];
  void *memory;
  uint16_t frame[PIXELS];
  if (v->rank != 3 || v->shape[0] != BABEL_UTD_DEPTH_ROWS || v->shape[1] != BABEL_UTD_DEPTH_COLUMNS ||
      v->shape[2] < MIN_FRAMES)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: expected d_depth of 240 x 320 x at least %d, found %s", path,
                      MIN_FRAMES, babel_mat_shape_text(v, text, sizeof text));
  babel_tensor view = babel_mat_view(v); /* (F, 320, 240) */
  BABEL_TRY(babel_alloc(&memory, (size_t)v->count, sizeof *depth->mm));
  depth->mm = memory;
  depth->frames = (int)v->shape[2];
  for (int64_t f = 0; f < depth->frames; f++) {
    if (v->stored == BABEL_U16) {
      memcpy(frame, (const unsigned char *)v->data + (size_t)f * sizeof frame, sizeof frame);
    } else {
      for (int64_t i = 0; i < PIXELS; i++) {
        double value = babel_tensor_get(&view, f * PIXELS + i);
        if (!(value >= 0 && value <= UINT16_MAX && value == floor(value)))
          return BABEL_FAIL(BABEL_ERR_VALUE,
                            "%s: frame %d holds %g: expected whole millimetres of 0 to 65535", path,
                            (int)f + 1, value);
        frame[i] = (uint16_t)value;
      }
    }
    transpose_frame(depth->mm + (size_t)f * PIXELS, frame);
  }
  return BABEL_OK;
}

babel_status babel_utd_read_inertial(babel_sample *sample, const char *path) {
  const babel_mat_variable *v;
  babel_mat mat;
  memset(sample, 0, sizeof *sample);
  BABEL_TRY(babel_mat_open(&mat, path));
  babel_status status = babel_mat_require(&mat, "d_iner", &v);
  if (status == BABEL_OK) status = inertial_from(sample, path, v);
  if (status != BABEL_OK) babel_sample_destroy(sample);
  babel_mat_close(&mat);
  return status;
}

babel_status babel_utd_read_skeleton(babel_sample *sample, const char *path) {
  const babel_mat_variable *v;
  babel_mat mat;
  memset(sample, 0, sizeof *sample);
  BABEL_TRY(babel_mat_open(&mat, path));
  babel_status status = babel_mat_require(&mat, "d_skel", &v);
  if (status == BABEL_OK) status = skeleton_from(sample, path, v);
  if (status != BABEL_OK) babel_sample_destroy(sample);
  babel_mat_close(&mat);
  return status;
}

babel_status babel_utd_read_depth(babel_utd_depth *depth, const char *path) {
  const babel_mat_variable *v;
  babel_mat mat;
  memset(depth, 0, sizeof *depth);
  BABEL_TRY(babel_mat_open(&mat, path));
  babel_status status = babel_mat_require(&mat, "d_depth", &v);
  if (status == BABEL_OK) status = depth_from(depth, path, v);
  if (status != BABEL_OK) babel_utd_depth_destroy(depth);
  babel_mat_close(&mat);
  return status;
}

static bool is_point(uint16_t mm) {
  return mm >= 500 && mm <= 5000;
}

babel_status babel_utd_read_points(babel_sample *sample, const char *path) {
  enum { R = BABEL_UTD_DEPTH_ROWS, C = BABEL_UTD_DEPTH_COLUMNS };
  babel_utd_depth depth;
  int points = 0;
  memset(sample, 0, sizeof *sample);
  BABEL_TRY(babel_utd_read_depth(&depth, path));
  const size_t pixels = (size_t)depth.frames * R * C;
  for (size_t i = 0; i < pixels; i++) points += is_point(depth.mm[i]);
  babel_status status = points ? babel_sample_create(sample, babel_modality_find("lidar"), points, 4)
                               : BABEL_FAIL(BABEL_ERR_VALUE, "%s: no pixel is 0.5 to 5 m away", path);
  double *row = sample->x;
  for (size_t i = 0; status == BABEL_OK && i < pixels; i++) {
    if (!is_point(depth.mm[i])) continue;
    double z = depth.mm[i] / 1000.0;
    row[0] = (double)(i / (R * C));
    row[1] = ((int)(i % C) - C / 2) * z / FOCAL_LENGTH;
    row[2] = (R / 2 - (int)(i / C % R)) * z / FOCAL_LENGTH;
    row[3] = z;
    row += 4;
  }
  sample->frames = depth.frames;
  babel_utd_depth_destroy(&depth);
  return status;
}

void babel_utd_depth_destroy(babel_utd_depth *depth) {
  if (!depth) return;
  free(depth->mm);
  memset(depth, 0, sizeof *depth);
}
