#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/ntu_skeleton.h"
#include "encoders/skeleton_prep.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"

enum { V = 25, FRAME = V * 3 };

static void sample_of(babel_sample *sample, int frames, int persons, int joints) {
  cr_assert_eq(babel_sample_create(sample, babel_modality_find("skeleton"), frames, persons * joints * 3),
               BABEL_OK);
  sample->persons = persons;
  sample->joints = joints == 20 ? BABEL_JOINTS_KINECT1_20 : BABEL_JOINTS_NTU_25;
}

static double *joint_of(babel_sample *sample, int frame, int person, int joint) {
  return sample->x + (ptrdiff_t)frame * sample->width + (person * V + joint) * 3;
}

/* A moving body: joint v in frame t; `size` scales the movement and so the energy. */
static void fill_body(babel_sample *sample, int person, int from, int to, double size) {
  for (int t = from; t < to; t++)
    for (int v = 0; v < V; v++)
      for (int c = 0; c < 3; c++)
        joint_of(sample, t, person, v)[c] =
            size * babel_fill("body", (uint32_t)((t * V + v) * 3 + c)) + (c == 2 ? 3 : 0.1 * person);
}

static const float *frame_of(const babel_skeleton_input *input, int person, int frame) {
  return input->x + ((ptrdiff_t)person * input->frames + frame) * FRAME;
}

Test(encoders_skeleton_prep, kinect_joints_go_where_the_map_says) {
  /* 1-based, from the specification: NTU joint <- Kinect v1 joint(s). */
  static const int map[V][2] = {{4, 4},   {4, 2},   {1, 2},   {1, 1},   {5, 5},   {6, 6},   {7, 7},
                                {8, 8},   {9, 9},   {10, 10}, {11, 11}, {12, 12}, {13, 13}, {14, 14},
                                {15, 15}, {16, 16}, {17, 17}, {18, 18}, {19, 19}, {20, 20}, {2, 2},
                                {8, 8},   {8, 8},   {12, 12}, {12, 12}};
  double x[2 * 60], y[2 * FRAME];
  for (int i = 0; i < 2 * 60; i++) x[i] = babel_fill("kinect", (uint32_t)i);
  babel_skeleton_map_kinect1(y, x, 2);
  for (int t = 0; t < 2; t++)
    for (int v = 0; v < V; v++)
      for (int c = 0; c < 3; c++) {
        double expected = (x[t * 60 + (map[v][0] - 1) * 3 + c] + x[t * 60 + (map[v][1] - 1) * 3 + c]) / 2;
        cr_assert_float_eq(y[(t * V + v) * 3 + c], expected, 1e-15);
      }
}

Test(encoders_skeleton_prep, azure_joints_go_where_the_map_says) {
  /* From the specification: 25 joints <- Azure Kinect joint(s). */
  static const int map[V][2] = {{0, 0},   {1, 1},   {3, 26},  {26, 26}, {5, 5},   {6, 6},   {7, 7},   {8, 8},   {12, 12},
                                {13, 13}, {14, 14}, {15, 15}, {18, 18}, {19, 19}, {20, 20}, {21, 21}, {22, 22}, {23, 23},
                                {24, 24}, {25, 25}, {3, 3},   {9, 9},   {10, 10}, {16, 16}, {17, 17}};
  static const int twenty[20] = {3, 20, 1, 0, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
  double x[2 * 96], y[2 * FRAME], z[2 * 60];
  for (int i = 0; i < 2 * 96; i++) x[i] = babel_fill("azure", (uint32_t)i);
  babel_skeleton_map_azure(y, x, 2);
  babel_skeleton_map_25_to_20(z, y, 2);
  for (int t = 0; t < 2; t++)
    for (int c = 0; c < 3; c++) {
      for (int v = 0; v < V; v++)
        cr_assert_float_eq(y[(t * V + v) * 3 + c], 0.5 * (x[t * 96 + map[v][0] * 3 + c] + x[t * 96 + map[v][1] * 3 + c]), 1e-15);
      for (int v = 0; v < 20; v++) cr_assert_eq(z[(t * 20 + v) * 3 + c], y[(t * V + twenty[v]) * 3 + c]);
    }
}

/* Kinect v2 and Azure: one person at native frames, joint 1 in the middle of joints 0 and 20, where Kinect v1 has it. */
Test(encoders_skeleton_prep, the_middle_of_the_spine_is_one_place_for_all_sensors) {
  static const babel_joints layouts[] = {BABEL_JOINTS_KINECT2_25, BABEL_JOINTS_AZURE_32};
  for (int i = 0; i < 2; i++) {
    babel_sample sample;
    babel_skeleton_input input;
    int joints = babel_skeleton_joints(layouts[i]);
    double x[7 * FRAME];
    cr_assert_eq(babel_sample_create(&sample, babel_modality_find("skeleton"), 7, joints * 3), BABEL_OK);
    sample.joints = layouts[i];
    for (int k = 0; k < 7 * joints * 3; k++) sample.x[k] = babel_fill("one", (uint32_t)k) + (k % 3 == 2 ? 3 : 0);
    if (joints == 32) babel_skeleton_map_azure(x, sample.x, 7);
    else memcpy(x, sample.x, sizeof x);
    cr_assert_eq(babel_skeleton_prepare_st_gcn(&input, &sample, 0), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert(input.persons == 1 && input.frames == 7);
    for (int t = 0; t < 7; t++)
      for (int v = 0; v < V; v++)
        for (int c = 0; c < 3; c++) {
          const double *frame = x + t * FRAME;
          double expected = v == 1 ? 0.5 * (frame[c] + frame[60 + c]) : frame[v * 3 + c];
          cr_assert_float_eq((double)frame_of(&input, 0, t)[v * 3 + c], expected, 1e-6, "layout %d, frame %d, joint %d", i, t, v);
        }
    babel_skeleton_input_destroy(&input);
    cr_assert_eq(babel_skeleton_prepare_shift_gcn(&input, &sample), BABEL_OK);
    cr_assert(input.persons == 1 && input.frames == 7);
    babel_skeleton_input_destroy(&input);
    sample.persons = 2;
    cr_assert_eq(babel_skeleton_prepare_shift_gcn(&input, &sample), BABEL_ERR_SHAPE);
    babel_sample_destroy(&sample);
  }
}

Test(encoders_skeleton_prep, kinect_recording_keeps_its_frames_and_is_centred_and_turned) {
  babel_sample sample;
  babel_skeleton_input input;
  sample_of(&sample, 41, 1, 20);
  for (int i = 0; i < 41 * 60; i++) sample.x[i] = babel_fill("utd", (uint32_t)i) + (i % 3 == 2 ? 3 : 0);
  cr_assert_eq(babel_skeleton_prepare_shift_gcn(&input, &sample), BABEL_OK);
  cr_assert(input.persons == 1 && input.frames == 41);
  for (int t = 0; t < 41; t++)
    for (int c = 0; c < 3; c++) cr_assert_eq(frame_of(&input, 0, t)[3 + c], 0); /* the spine's middle */
  const float *first = frame_of(&input, 0, 0), *left = first + 4 * 3, *right = first + 8 * 3;
  cr_assert_gt(right[0], left[0]); /* shoulders along +x, exactly */
  cr_assert_float_eq(right[1], left[1], 1e-6);
  cr_assert_float_eq(right[2], left[2], 1e-6);
  /* Turning and moving keep distances: any two joints, any frame. */
  double y[41 * FRAME];
  babel_skeleton_map_kinect1(y, sample.x, 41);
  for (int t = 0; t < 41; t += 8)
    for (int v = 1; v < V; v++) {
      double before = 0, after = 0;
      for (int c = 0; c < 3; c++) {
        before += pow(y[(t * V + v) * 3 + c] - y[(t * V) * 3 + c], 2);
        after += pow((double)(frame_of(&input, 0, t)[v * 3 + c] - frame_of(&input, 0, t)[c]), 2);
      }
      cr_assert_float_eq(sqrt(before), sqrt(after), 1e-6);
    }
  babel_skeleton_input_destroy(&input);
  babel_sample_destroy(&sample);
}

Test(encoders_skeleton_prep, turning_takes_the_spine_onto_z_first) {
  babel_sample sample;
  babel_skeleton_input input;
  sample_of(&sample, 4, 1, 25);
  fill_body(&sample, 0, 0, 4, 0.5);
  for (int t = 0; t < 4;
       t++) { /* spine along -y, shoulders along z: square to each other, so that both directions survive */
    memcpy(joint_of(&sample, t, 0, 0), (double[3]){1, 1, 3}, 24);
    memcpy(joint_of(&sample, t, 0, 1), (double[3]){1, 0.5, 3}, 24);
    memcpy(joint_of(&sample, t, 0, 4), (double[3]){0.3, 0.2, 2.5}, 24);
    memcpy(joint_of(&sample, t, 0, 8), (double[3]){0.3, 0.2, 3.5}, 24);
  }
  cr_assert_eq(babel_skeleton_prepare_shift_gcn(&input, &sample), BABEL_OK);
  const float *first = frame_of(&input, 0, 0);
  cr_assert_float_eq(first[0], 0, 1e-6);
  cr_assert_float_eq(first[1], 0, 1e-6);
  cr_assert_float_eq(first[2], -0.5, 1e-6);
  cr_assert_float_eq(first[8 * 3] - first[4 * 3], 1, 1e-6);
  babel_skeleton_input_destroy(&input);
  babel_sample_destroy(&sample);
}

Test(encoders_skeleton_prep, opposite_and_missing_directions_still_give_numbers) {
  babel_sample sample;
  babel_skeleton_input input;
  sample_of(&sample, 4, 1, 25);
  fill_body(&sample, 0, 0, 4, 0.5);
  memcpy(joint_of(&sample, 0, 0, 0), (double[3]){0, 0, 3}, 24);
  memcpy(joint_of(&sample, 0, 0, 1), (double[3]){0, 0, 2.5}, 24);     /* spine along -z */
  memcpy(joint_of(&sample, 0, 0, 8), joint_of(&sample, 0, 0, 4), 24); /* no shoulder line */
  cr_assert_eq(babel_skeleton_prepare_shift_gcn(&input, &sample), BABEL_OK);
  cr_assert_float_eq(frame_of(&input, 0, 0)[2], -0.5, 1e-6);
  for (int i = 0; i < 2 * 300 * FRAME; i++) cr_assert(isfinite(input.x[i]));
  babel_skeleton_input_destroy(&input);
  babel_sample_destroy(&sample);
}

Test(encoders_skeleton_prep, the_two_liveliest_bodies_are_kept_largest_first) {
  babel_sample sample;
  babel_skeleton_input input, swapped;
  sample_of(&sample, 10, 4, 25);
  fill_body(&sample, 0, 0, 10, 0.2);
  fill_body(&sample, 1, 0, 10, 0.1);
  fill_body(&sample, 2, 0, 6, 0.6);
  cr_assert_eq(babel_skeleton_prepare_shift_gcn(&input, &sample), BABEL_OK);
  cr_assert(input.persons == 2 && input.frames == 300);
  int slot = -1;
  cr_assert_eq(babel_skeleton_main_slot(&sample, &slot), BABEL_OK);
  cr_assert_eq(slot, 2);
  babel_sample two;
  sample_of(&two, 10, 2, 25);
  for (int t = 0; t < 10; t++) {
    memcpy(joint_of(&two, t, 0, 0), joint_of(&sample, t, 2, 0), FRAME * sizeof(double));
    memcpy(joint_of(&two, t, 1, 0), joint_of(&sample, t, 0, 0), FRAME * sizeof(double));
  }
  cr_assert_eq(babel_skeleton_prepare_shift_gcn(&swapped, &two), BABEL_OK);
  cr_assert_eq(memcmp(input.x, swapped.x, 2 * 300 * FRAME * sizeof(float)), 0);
  babel_skeleton_input_destroy(&input), babel_skeleton_input_destroy(&swapped);
  babel_sample_destroy(&sample), babel_sample_destroy(&two);
}

static void expect_same(const babel_skeleton_input *input, int person, int a, int b) {
  cr_assert_eq(memcmp(frame_of(input, person, a), frame_of(input, person, b), FRAME * sizeof(float)), 0,
               "frames %d and %d", a, b);
}

/* Step 3 is visible after steps 4 and 5 where the same frame of person 0 stands beside it, so person 1 gets
 * period 10 too. */
Test(encoders_skeleton_prep, frames_repeat_to_three_hundred_and_a_late_start_is_closed_up) {
  babel_sample sample;
  babel_skeleton_input input;
  sample_of(&sample, 20, 2, 25);
  fill_body(&sample, 0, 0, 10, 0.6); /* ends after 10 frames */
  fill_body(&sample, 1, 4, 8, 0.2);  /* starts late: 4 + 6 frames with a hole become 10 */
  fill_body(&sample, 1, 10, 16, 0.2);
  cr_assert_eq(babel_skeleton_prepare_shift_gcn(&input, &sample), BABEL_OK);
  for (int p = 0; p < 2; p++) {
    for (int t = 10; t < 300; t++) expect_same(&input, p, t, t - 10);
    cr_assert_neq(memcmp(frame_of(&input, p, 3), frame_of(&input, p, 4), FRAME * sizeof(float)), 0);
    for (int t = 0; t < 10; t++) cr_assert_neq(frame_of(&input, p, t)[5 * 3], 0);
  }
  babel_skeleton_input_destroy(&input);
  babel_sample_destroy(&sample);
}

Test(encoders_skeleton_prep, an_inner_gap_and_an_absent_person_stay_at_zero) {
  babel_sample sample;
  babel_skeleton_input input;
  sample_of(&sample, 10, 1, 25);
  fill_body(&sample, 0, 0, 10, 0.6);
  memset(joint_of(&sample, 5, 0, 0), 0, FRAME * sizeof(double));
  cr_assert_eq(babel_skeleton_prepare_shift_gcn(&input, &sample), BABEL_OK);
  for (int i = 0; i < FRAME; i++) {
    cr_assert_eq(frame_of(&input, 0, 5)[i], 0);
    cr_assert_eq(frame_of(&input, 0, 295)[i], 0);
  }
  for (int i = 0; i < 300 * FRAME; i++) cr_assert_eq(frame_of(&input, 1, 0)[i], 0);
  babel_skeleton_input_destroy(&input);
  babel_sample_destroy(&sample);
}

static void prepare_file(const char *name, babel_skeleton_input *input) {
  babel_ntu_skeleton skeleton;
  babel_sample sample;
  cr_assert_eq(babel_ntu_read(&skeleton, babel_real_data(name)), BABEL_OK);
  cr_assert_eq(babel_ntu_sample(&sample, &skeleton), BABEL_OK);
  cr_assert_eq(babel_skeleton_prepare_shift_gcn(input, &sample), BABEL_OK);
  babel_sample_destroy(&sample);
  babel_ntu_destroy(&skeleton);
}

static void expect_joint(const babel_skeleton_input *input, int frame, int joint, double x, double y,
                         double z) {
  const float *at = frame_of(input, 0, frame) + joint * 3;
  const double expected[3] = {x, y, z};
  cr_assert(babel_close("joint", at, expected, 3, 1.2e-7, 0), "frame %d, joint %d", frame, joint);
}

Test(encoders_skeleton_prep, real_sequences_give_the_reference_values) {
  static const struct {
    const char *name;
    double sum, norm;
  } files[] = {{"ntu_rgbd/S001C001P001R001A011.skeleton", -480.032, 40.4341},
               {"ntu_rgbd/S001C003P008R002A058.skeleton", 7951.473, 111.3481},
               {"ntu_rgbd/S002C001P003R001A003.skeleton", -827.643, 44.1921},
               {"ntu_rgbd/S003C001P015R001A034.skeleton", -750.446, 37.9891},
               {"ntu_rgbd/S004C002P003R001A017.skeleton", -764.487, 37.2254}};
  if (!babel_real_data(files[0].name)) cr_skip_test("no real data");
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    babel_skeleton_input input;
    double sum = 0, square = 0;
    prepare_file(files[i].name, &input);
    for (int k = 0; k < 2 * 300 * FRAME; k++) {
      sum += (double)input.x[k];
      square += (double)input.x[k] * (double)input.x[k];
    }
    cr_assert_float_eq(sum, files[i].sum, 2e-3, "%s: %.6g", files[i].name, sum);
    cr_assert_float_eq(sqrt(square), files[i].norm, 1e-4, "%s: %.6g", files[i].name, sqrt(square));
    if (i == 2) {
      expect_joint(&input, 0, 0, 0.00162281, -0.00030127, -0.2959358);
      expect_joint(&input, 0, 1, 0, 0, 0);
      expect_joint(&input, 0, 4, -0.17511873, 0.02368308, 0.19697107);
      expect_joint(&input, 0, 8, 0.17266385, 0.02368311, 0.19697107);
      expect_joint(&input, 299, 0, -0.00023513736, -0.0017745969, -0.29191825);
    }
    babel_skeleton_input_destroy(&input);
  }
}

Test(encoders_skeleton_prep, st_gcn_takes_camera_space_natively_or_padded) {
  babel_sample sample;
  babel_skeleton_input input;
  sample_of(&sample, 10, 3, 25);
  fill_body(&sample, 1, 0, 10, 0.6); /* slot 0 is empty */
  cr_assert_eq(babel_skeleton_prepare_st_gcn(&input, &sample, 0), BABEL_OK);
  cr_assert(input.persons == 1 && input.frames == 10);
  for (int t = 0; t < 10; t++)
    for (int i = 0; i < FRAME; i++)
      cr_assert_eq(frame_of(&input, 0, t)[i], (float)joint_of(&sample, t, 1, 0)[i]);
  float kept[10 * FRAME];
  memcpy(kept, input.x, sizeof kept);
  babel_skeleton_input_destroy(&input);
  cr_assert_eq(babel_skeleton_prepare_st_gcn(&input, &sample, 1), BABEL_OK);
  cr_assert(input.persons == 2 && input.frames == 300);
  cr_assert_eq(memcmp(kept, input.x, sizeof kept), 0);
  for (int i = 10 * FRAME; i < 2 * 300 * FRAME; i++) cr_assert_eq(input.x[i], 0);
  babel_skeleton_input_destroy(&input);
  babel_sample_destroy(&sample);
}

static void refuse(const babel_sample *sample, babel_status status) {
  babel_skeleton_input input;
  cr_assert_eq(babel_skeleton_prepare_shift_gcn(&input, sample), status);
  cr_assert_null(input.x);
  cr_assert_eq(babel_skeleton_prepare_st_gcn(&input, sample, 0), status);
  cr_assert_null(input.x);
}

Test(encoders_skeleton_prep, foreign_samples_are_refused) {
  babel_sample sample;
  sample_of(&sample, 5, 1, 25);
  refuse(&sample, BABEL_ERR_VALUE); /* nobody there */
  fill_body(&sample, 0, 0, 5, 1);
  sample.x[7] = NAN;
  refuse(&sample, BABEL_ERR_VALUE);
  sample.x[7] = 0;
  sample.joints = BABEL_JOINTS_NONE;
  refuse(&sample, BABEL_ERR_SHAPE);
  sample.joints = BABEL_JOINTS_KINECT1_20; /* but 75 values a frame */
  refuse(&sample, BABEL_ERR_SHAPE);
  sample.joints = BABEL_JOINTS_NTU_25;
  sample.persons = 5;
  refuse(&sample, BABEL_ERR_SHAPE);
  babel_sample_destroy(&sample);
}

Test(encoders_skeleton_prep, a_users_array_becomes_samples) {
  static float x[2 * 4 * 2 * FRAME];
  babel_sample *samples;
  int count;
  babel_fill_floats("array", x, sizeof x / sizeof *x, 1);
  cr_assert_eq(babel_skeleton_samples("st_gcn", &(babel_tensor){x, BABEL_F32, 5, {2, 4, 2, 25, 3}}, 4,
                                      &samples, &count),
               BABEL_OK);
  cr_assert(count == 2 && samples[1].rows == 4 && samples[1].persons == 2 &&
            samples[1].joints == BABEL_JOINTS_NTU_25);
  for (int i = 0; i < 4 * 2 * FRAME; i++) cr_assert_eq(samples[1].x[i], (double)x[4 * 2 * FRAME + i]);
  babel_sample_destroy(&samples[0]), babel_sample_destroy(&samples[1]), free(samples);
  cr_assert_eq(
      babel_skeleton_samples("st_gcn", &(babel_tensor){x, BABEL_F32, 3, {5, 20, 3}}, 4, &samples, &count),
      BABEL_OK);
  cr_assert(count == 1 && samples[0].rows == 5 && samples[0].persons == 1 &&
            samples[0].joints == BABEL_JOINTS_KINECT1_20);
  babel_sample_destroy(&samples[0]), free(samples);
  cr_assert_eq(
      babel_skeleton_samples("st_gcn", &(babel_tensor){x, BABEL_F32, 4, {2, 4, 32, 3}}, 4, &samples, &count),
      BABEL_OK);
  cr_assert(count == 2 && samples[0].width == 96 && samples[0].joints == BABEL_JOINTS_AZURE_32);
  babel_sample_destroy(&samples[0]), babel_sample_destroy(&samples[1]), free(samples);
  static const babel_tensor bad[] = {
      {x, BABEL_F32, 2, {4, 75}},          {x, BABEL_F32, 3, {4, 25, 2}},
      {x, BABEL_F32, 3, {4, 18, 3}},       {x, BABEL_F32, 3, {3, 25, 3}},
      {x, BABEL_F32, 5, {1, 4, 2, 20, 3}}, {x, BABEL_F32, 5, {1, 4, 0, 25, 3}},
      {x, BABEL_F32, 4, {0, 4, 25, 3}},    {x, BABEL_F32, 6, {1, 1, 4, 1, 25, 3}}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_assert_eq(babel_skeleton_samples("st_gcn", &bad[i], 4, &samples, &count), BABEL_ERR_SHAPE, "case %zu",
                 i);
}
