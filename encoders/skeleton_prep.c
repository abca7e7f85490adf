#include "encoders/skeleton_prep.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

enum {
  JOINTS = BABEL_SKELETON_JOINTS,
  FRAME = JOINTS * 3,
  FRAMES = BABEL_SKELETON_FRAMES,
  PERSONS = BABEL_SKELETON_PERSONS
};

/* Persons of one recording in double, (persons, frames, 25, 3). */
typedef struct {
  int persons, frames;
  double *x;
} bodies;

static double *frame_of(const bodies *b, int person, int frame) {
  return b->x + ((ptrdiff_t)person * b->frames + frame) * FRAME;
}

static bool is_empty(const double *frame) {
  double sum = 0;
  for (int i = 0; i < FRAME; i++) sum += frame[i];
  return sum == 0;
}

static bool is_absent(const bodies *b, int person) {
  for (int t = 0; t < b->frames; t++)
    if (!is_empty(frame_of(b, person, t))) return false;
  return true;
}

static babel_status create(bodies *b, int persons, int frames) {
  void *x;
  BABEL_TRY(babel_alloc(&x, (size_t)persons * (size_t)frames * FRAME, sizeof *b->x));
  *b = (bodies){persons, frames, x};
  return BABEL_OK;
}

void babel_skeleton_map_kinect1(double *y, const double *x, int frames) {
  /* Two source joints each, whose mean is taken: the same one twice where nothing is interpolated. */
  static const unsigned char from[JOINTS][2] = {
      {3, 3},   {3, 1},   {0, 1},   {0, 0},   {4, 4},   {5, 5},   {6, 6},   {7, 7},   {8, 8},
      {9, 9},   {10, 10}, {11, 11}, {12, 12}, {13, 13}, {14, 14}, {15, 15}, {16, 16}, {17, 17},
      {18, 18}, {19, 19}, {1, 1},   {7, 7},   {7, 7},   {11, 11}, {11, 11}};
  for (int t = 0; t < frames; t++, x += 20 * 3)
    for (int v = 0; v < JOINTS; v++, y += 3)
      for (int c = 0; c < 3; c++) y[c] = 0.5 * (x[from[v][0] * 3 + c] + x[from[v][1] * 3 + c]);
}

void babel_skeleton_map_azure(double *y, const double *x, int frames) {
  static const unsigned char from[JOINTS][2] = {
      {0, 0},   {1, 1},   {3, 26},  {26, 26}, {5, 5},   {6, 6},   {7, 7},   {8, 8},   {12, 12},
      {13, 13}, {14, 14}, {15, 15}, {18, 18}, {19, 19}, {20, 20}, {21, 21}, {22, 22}, {23, 23},
      {24, 24}, {25, 25}, {3, 3},   {9, 9},   {10, 10}, {16, 16}, {17, 17}};
  for (int t = 0; t < frames; t++, x += 32 * 3)
    for (int v = 0; v < JOINTS; v++, y += 3)
      for (int c = 0; c < 3; c++) y[c] = 0.5 * (x[from[v][0] * 3 + c] + x[from[v][1] * 3 + c]);
}

void babel_skeleton_map_25_to_20(double *y, const double *x, int frames) {
  static const unsigned char from[4] = {3, 20, 1, 0}; /* head, shoulder centre, spine, hip centre; then limbs in the same order */
  for (int t = 0; t < frames; t++, x += FRAME, y += 20 * 3) {
    for (int v = 0; v < 4; v++) memcpy(y + v * 3, x + from[v] * 3, 3 * sizeof *y);
    memcpy(y + 4 * 3, x + 4 * 3, 16 * 3 * sizeof *y);
  }
}

int babel_skeleton_joints(babel_joints layout) {
  switch (layout) {
    case BABEL_JOINTS_KINECT1_20: return 20;
    case BABEL_JOINTS_NTU_25:
    case BABEL_JOINTS_KINECT2_25: return 25;
    case BABEL_JOINTS_AZURE_32: return 32;
    default: return 0;
  }
}

/* Joint 1 becomes the middle of joints 0 and 20, as it is for Kinect v1: sensors put the middle of the spine at different heights. */
static void middle_of_spine(double *x, int frames) {
  for (int t = 0; t < frames; t++, x += FRAME)
    for (int c = 0; c < 3; c++) x[3 + c] = 0.5 * (x[c] + x[20 * 3 + c]);
}

static babel_status check_sample(const babel_sample *sample) {
  int joints = babel_skeleton_joints(sample->joints);
  int most = sample->joints == BABEL_JOINTS_NTU_25 ? BABEL_SKELETON_SLOTS : 1;
  if (!joints)
    return BABEL_FAIL(BABEL_ERR_SHAPE,
                      "skeleton sample without a known joint layout: expected Kinect v1 (20), NTU or Kinect v2 (25) or Azure Kinect (32)");
  if (sample->persons < 1 || sample->persons > most)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "skeleton sample of %d joints holds %d persons, expected 1 to %d",
                      joints, sample->persons, most);
  if (sample->width != sample->persons * joints * 3)
    return BABEL_FAIL(BABEL_ERR_SHAPE,
                      "skeleton sample: %d values a frame, expected %d (%d persons, %d joints)",
                      sample->width, sample->persons * joints * 3, sample->persons, joints);
  for (ptrdiff_t i = 0; i < (ptrdiff_t)sample->rows * sample->width; i++)
    if (!isfinite(sample->x[i]))
      return BABEL_FAIL(BABEL_ERR_VALUE, "skeleton sample: frame %d holds %g", (int)(i / sample->width),
                        sample->x[i]);
  return BABEL_OK;
}

/* Every slot of the sample with 25 joints, at most `most` frames. */
static babel_status split_slots(bodies *b, const babel_sample *sample, int most) {
  BABEL_TRY(check_sample(sample));
  BABEL_TRY(create(b, sample->persons, sample->rows < most ? sample->rows : most));
  if (sample->joints == BABEL_JOINTS_KINECT1_20)
    babel_skeleton_map_kinect1(b->x, sample->x, b->frames);
  else if (sample->joints == BABEL_JOINTS_AZURE_32)
    babel_skeleton_map_azure(b->x, sample->x, b->frames);
  else
    for (int m = 0; m < b->persons; m++)
      for (int t = 0; t < b->frames; t++)
        memcpy(frame_of(b, m, t), sample->x + (ptrdiff_t)t * sample->width + m * FRAME, FRAME * sizeof *b->x);
  if (sample->joints == BABEL_JOINTS_KINECT2_25 || sample->joints == BABEL_JOINTS_AZURE_32) middle_of_spine(b->x, b->frames);
  for (int m = 0; m < b->persons; m++)
    if (!is_absent(b, m)) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_VALUE, "skeleton sample: every frame is empty");
}

/* Step 2: deviation of x, of y and of z over all joints of the frames in which the slot is filled; 0 for an
 * absent one. */
static double energy_of(const bodies *b, int slot) {
  double mean[3] = {0}, squares[3] = {0};
  int values = 0; /* of each coordinate */
  for (int t = 0; t < b->frames; t++) {
    const double *frame = frame_of(b, slot, t);
    if (is_empty(frame)) continue;
    for (int i = 0; i < FRAME; i++) mean[i % 3] += frame[i];
    values += JOINTS;
  }
  if (!values) return 0;
  for (int c = 0; c < 3; c++) mean[c] /= values;
  for (int t = 0; t < b->frames; t++) {
    const double *frame = frame_of(b, slot, t);
    if (is_empty(frame)) continue;
    for (int i = 0; i < FRAME; i++) squares[i % 3] += (frame[i] - mean[i % 3]) * (frame[i] - mean[i % 3]);
  }
  return sqrt(squares[0] / values) + sqrt(squares[1] / values) + sqrt(squares[2] / values);
}

/* The two slots of largest energy, largest first; -1 = nobody. The earlier slot wins a tie. */
static void pick_slots(const bodies *b, int slots[PERSONS]) {
  double best[PERSONS];
  for (int p = 0; p < PERSONS; p++) {
    slots[p] = -1;
    best[p] = -1;
    for (int m = 0; m < b->persons; m++) {
      double energy = p && m == slots[0] ? -1 : energy_of(b, m);
      if (energy <= best[p] || is_absent(b, m)) continue;
      best[p] = energy;
      slots[p] = m;
    }
  }
}

/* Step 3 for one person, in place: `frames` of b->frames are recorded, the rest is free. */
static void fill_up(bodies *b, int person, int frames) {
  double *x = frame_of(b, person, 0);
  int last = -1, kept = 0;
  bool compact = is_empty(x);
  for (int t = 0; t < frames; t++) {
    if (is_empty(frame_of(b, person, t))) continue;
    if (compact) memmove(frame_of(b, person, kept), frame_of(b, person, t), FRAME * sizeof *x);
    last = compact ? kept++ : t;
  }
  int period = last + 1;
  for (int t = period; t < b->frames; t++)
    memcpy(frame_of(b, person, t), frame_of(b, person, t - period), FRAME * sizeof *x);
}

/* Between steps the numbers are stored as floats, as in the pipeline that the weights were trained with. */
static double stored(double value) {
  return (double)(float)value;
}

/* Step 4, on stored numbers. */
static void centre(bodies *b) {
  for (ptrdiff_t i = 0; i < (ptrdiff_t)b->persons * b->frames * FRAME; i++) b->x[i] = stored(b->x[i]);
  for (int t = 0; t < b->frames; t++) {
    double middle[3];
    memcpy(middle, frame_of(b, 0, t) + 3, sizeof middle);
    for (int m = 0; m < b->persons; m++) {
      double *joint = frame_of(b, m, t);
      for (int v = 0; v < JOINTS; v++, joint += 3)
        if (joint[0] + joint[1] + joint[2] != 0)
          for (int c = 0; c < 3; c++) joint[c] = stored(joint[c] - middle[c]);
    }
  }
}

/* The shortest rotation that takes the direction of v onto axis `to`: with u = v / |v| and k = u x axis,
 * R = I + [k] + [k]^2 / (1 + u_axis). Opposite directions: half a turn about the next axis. */
static void rotation_onto(double r[3][3], const double v[3], int to) {
  double length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]), u[3], k[3];
  memset(r, 0, 9 * sizeof **r);
  for (int i = 0; i < 3; i++) r[i][i] = 1;
  if (length == 0) return; /* no direction: leave the data as they are */
  int next = (to + 1) % 3, after = (to + 2) % 3;
  for (int i = 0; i < 3; i++) u[i] = v[i] / length;
  k[to] = 0, k[next] = u[after], k[after] = -u[next];
  if (1 + u[to] < 1e-12) {
    r[to][to] = r[after][after] = -1;
    return;
  }
  const double cross[3][3] = {{0, -k[2], k[1]}, {k[2], 0, -k[0]}, {-k[1], k[0], 0}};
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) {
      double square = 0;
      for (int l = 0; l < 3; l++) square += cross[i][l] * cross[l][j];
      r[i][j] += cross[i][j] + square / (1 + u[to]);
    }
}

/* Step 5, one of its two turns: (joint `top` - joint `bottom`) of person 0 in frame 0 goes onto axis `to`. */
static void turn(bodies *b, int top, int bottom, int to) {
  double r[3][3], v[3], *first = frame_of(b, 0, 0);
  for (int c = 0; c < 3; c++) v[c] = first[top * 3 + c] - first[bottom * 3 + c];
  rotation_onto(r, v, to);
  ptrdiff_t joints = (ptrdiff_t)b->persons * b->frames * JOINTS;
  for (double *x = b->x; joints--; x += 3) {
    double y[3];
    for (int i = 0; i < 3; i++) y[i] = stored(r[i][0] * x[0] + r[i][1] * x[1] + r[i][2] * x[2]);
    memcpy(x, y, sizeof y);
  }
}

static babel_status to_floats(babel_skeleton_input *input, const bodies *b) {
  void *x;
  ptrdiff_t count = (ptrdiff_t)b->persons * b->frames * FRAME;
  BABEL_TRY(babel_alloc(&x, (size_t)count, sizeof *input->x));
  *input = (babel_skeleton_input){b->persons, b->frames, x};
  for (ptrdiff_t i = 0; i < count; i++) input->x[i] = (float)b->x[i];
  return BABEL_OK;
}

/* The persons of `slots` out of all, in that order, with room up to `frames`. */
static babel_status select_slots(bodies *out, const bodies *all, const int *slots, int persons, int frames) {
  int shared = all->frames < frames ? all->frames : frames;
  BABEL_TRY(create(out, persons, frames));
  for (int p = 0; p < persons; p++)
    if (slots[p] >= 0)
      memcpy(frame_of(out, p, 0), frame_of(all, slots[p], 0), (size_t)shared * FRAME * sizeof *out->x);
  return BABEL_OK;
}

babel_status babel_skeleton_prepare_shift_gcn(babel_skeleton_input *input, const babel_sample *sample) {
  bodies all = {0}, two = {0};
  int slots[PERSONS];
  bool ntu = sample->joints == BABEL_JOINTS_NTU_25;
  babel_status status;
  memset(input, 0, sizeof *input);
  BABEL_TRY_OR(split_slots(&all, sample, ntu ? FRAMES : sample->rows), done);
  bodies *chosen = &all;
  if (ntu) {
    pick_slots(&all, slots);
    BABEL_TRY_OR(select_slots(&two, &all, slots, PERSONS, FRAMES), done);
    for (int p = 0; p < PERSONS; p++)
      if (slots[p] >= 0) fill_up(&two, p, all.frames);
    chosen = &two;
  }
  centre(chosen);
  turn(chosen, 1, 0, 2);
  turn(chosen, 8, 4, 0);
  status = to_floats(input, chosen);
done:
  free(all.x);
  free(two.x);
  return status;
}

babel_status babel_skeleton_prepare_st_gcn(babel_skeleton_input *input, const babel_sample *sample, int pad) {
  bodies all = {0}, chosen = {0};
  int slots[BABEL_SKELETON_SLOTS], there = 0;
  babel_status status;
  memset(input, 0, sizeof *input);
  BABEL_TRY_OR(split_slots(&all, sample, pad ? FRAMES : sample->rows), done);
  for (int p = 0; p < PERSONS; p++) slots[p] = -1;
  for (int m = 0; m < all.persons && there < PERSONS; m++)
    if (!is_absent(&all, m)) slots[there++] = m;
  BABEL_TRY_OR(select_slots(&chosen, &all, slots, pad ? PERSONS : there, pad ? FRAMES : all.frames), done);
  status = to_floats(input, &chosen);
done:
  free(all.x);
  free(chosen.x);
  return status;
}

babel_status babel_skeleton_main_slot(const babel_sample *sample, int *slot) {
  bodies all = {0};
  int slots[PERSONS] = {0};
  babel_status status = split_slots(&all, sample, sample->rows);
  if (status == BABEL_OK) pick_slots(&all, slots);
  *slot = slots[0];
  free(all.x);
  return status;
}

void babel_skeleton_input_destroy(babel_skeleton_input *input) {
  if (!input) return;
  free(input->x);
  memset(input, 0, sizeof *input);
}
