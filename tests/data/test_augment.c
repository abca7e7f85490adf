#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "data/augment.h"

/* A sample whose value is a straight line of relative time in every column: interpolation must hit it exactly. */
static babel_sample ramp(const char *modality, int rows, int width) {
  babel_sample s;
  cr_assert_eq(babel_sample_create(&s, babel_modality_find(modality), rows, width), BABEL_OK);
  for (int i = 0; i < rows; i++)
    for (int c = 0; c < width; c++) s.x[i * width + c] = (c + 1) * (rows > 1 ? (double)i / (rows - 1) : 0) - c;
  return s;
}

Test(data_augment, variant_0_is_the_recording_bit_for_bit) {
  static const int rows[] = {1, 2, 7, 160};
  for (int i = 0; i < 4; i++) {
    babel_time_map map;
    babel_sample in = ramp("imu", rows[i], 6), out;
    in.x[3] = -0.0;
    in.joints = BABEL_JOINTS_KINECT1_20;
    cr_assert_eq(babel_time_map_create(&map, 1, "a1_s1_t1", 0), BABEL_OK);
    cr_assert_eq(babel_augment(&out, &in, &map), BABEL_OK);
    cr_assert(out.rows == rows[i] && out.width == 6 && out.modality == in.modality && out.joints == in.joints && out.persons == 1);
    cr_assert_arr_eq(out.x, in.x, (size_t)rows[i] * 6 * sizeof *in.x);
    babel_sample_destroy(&in);
    babel_sample_destroy(&out);
  }
}

Test(data_augment, down_sampling_keeps_1_minus_half_v_over_300_of_the_rows) {
  for (int v = 0; v < 300; v++) {
    babel_time_map map;
    cr_assert_eq(babel_time_map_create(&map, 9, "any", v), BABEL_OK);
    cr_assert(map.start == 0 && map.length == 1 && fabs(map.ratio - (1 - v / 600.0)) < 1e-15);
  }
  static const int cases[][3] = {{150, 160, 120}, {299, 160, 80}, {1, 160, 160}, {3, 301, 299}, {299, 14, 8}, {299, 9, 8}, {10, 1, 8}};
  for (int i = 0; i < 7; i++) {
    babel_time_map map;
    cr_assert_eq(babel_time_map_create(&map, 9, "any", cases[i][0]), BABEL_OK);
    cr_assert_eq(babel_time_map_rows(&map, cases[i][1]), cases[i][2], "case %d", i);
  }
}

Test(data_augment, segments_are_uniform_and_stay_inside) {
  double length_sum = 0, start_sum = 0, product = 0;
  int n = 0;
  for (int k = 0; k < 40; k++)
    for (int v = 300; v < 600; v++, n++) {
      char key[16];
      babel_time_map map;
      snprintf(key, sizeof key, "a%d_s%d_t1", k % 27 + 1, k / 27 + 1);
      cr_assert_eq(babel_time_map_create(&map, 5, key, v), BABEL_OK);
      cr_assert(map.ratio == 1 && map.length >= 0.5 && map.length < 1 && map.start >= 0 && map.start + map.length <= 1);
      double u = (map.length - 0.5) / 0.5, w = map.start / (1 - map.length);
      length_sum += u;
      start_sum += w;
      product += (u - 0.5) * (w - 0.5);
    }
  /* Standard error of a mean of 12,000 uniform numbers: 0.0026; of the product of two: 0.00076. */
  cr_assert(fabs(length_sum / n - 0.5) < 0.01 && fabs(start_sum / n - 0.5) < 0.01, "%g %g", length_sum / n, start_sum / n);
  cr_assert(fabs(product / n) < 0.003, "length and start must come from different words: %g", product / n);
}

Test(data_augment, a_map_follows_its_documented_words) {
  babel_time_map map;
  uint64_t block = babel_hash64("a5_s2_t3", 8) + 417;
  uint32_t counter[4] = {(uint32_t)(block & 0xffffffff), (uint32_t)(block >> 32 & 0x3fffffff), BABEL_RNG_AUGMENT, 0};
  uint32_t key[2] = {77, 1}, out[4];
  babel_philox(counter, key, out);
  double length = 0.5 + 0.5 * (out[0] >> 8) / 16777216.0, start = (1 - length) * (out[1] >> 8) / 16777216.0;
  cr_assert_eq(babel_time_map_create(&map, 77 + ((uint64_t)1 << 32), "a5_s2_t3", 417), BABEL_OK);
  cr_assert(fabs(map.length - length) < 1e-15 && fabs(map.start - start) < 1e-15);
}

Test(data_augment, seed_key_and_variant_all_matter) {
  babel_time_map a, b;
  static const struct {
    uint64_t seed;
    const char *key;
    int variant;
  } others[] = {{2, "a1_s1_t1", 300}, {1, "a1_s1_t2", 300}, {1, "a1_s1_t1", 301}};
  cr_assert_eq(babel_time_map_create(&a, 1, "a1_s1_t1", 300), BABEL_OK);
  for (int i = 0; i < 3; i++) {
    cr_assert_eq(babel_time_map_create(&b, others[i].seed, others[i].key, others[i].variant), BABEL_OK);
    cr_assert(a.length != b.length && a.start != b.start);
  }
  cr_assert_eq(babel_time_map_create(&a, 1, "k", 600), BABEL_ERR_ARG);
  cr_assert_eq(babel_time_map_create(&a, 1, "k", -1), BABEL_ERR_ARG);
}

/* Both members of a pair, of unlike lengths, must show the same stretch of time: from start to start + length. */
Test(data_augment, both_members_of_a_pair_see_the_same_relative_time) {
  static const int variants[] = {1, 77, 299, 300, 415, 599};
  for (int i = 0; i < 6; i++) {
    babel_time_map map;
    cr_assert_eq(babel_time_map_create(&map, 3, "a27_s8_t3", variants[i]), BABEL_OK);
    for (int member = 0; member < 2; member++) {
      babel_sample in = member ? ramp("skeleton", 95, 60) : ramp("imu", 255, 6), out;
      cr_assert_eq(babel_augment(&out, &in, &map), BABEL_OK);
      long rows = lround(in.rows * map.length * map.ratio);
      cr_assert_eq(out.rows, rows);
      for (int r = 0; r < rows; r++)
        for (int c = 0; c < in.width; c++) {
          double u = map.start + map.length * r / (rows - 1.0), expected = (c + 1) * u - c;
          cr_assert(fabs(out.x[r * in.width + c] - expected) < 1e-12, "variant %d row %d column %d", variants[i], r, c);
        }
      babel_sample_destroy(&in);
      babel_sample_destroy(&out);
    }
  }
}

Test(data_augment, interpolation_is_between_the_two_neighbours) {
  babel_time_map map = {.variant = 1, .start = 0, .length = 1, .ratio = 1};
  babel_sample in = ramp("imu", 3, 1), out; /* 8 rows out of 3, by the lower bound */
  in.x[0] = 0;
  in.x[1] = 10;
  in.x[2] = -4;
  cr_assert_eq(babel_augment(&out, &in, &map), BABEL_OK);
  cr_assert_eq(out.rows, 8);
  for (int i = 0; i < 8; i++) {
    double p = 2 * i / 7.0, expected = p < 1 ? 10 * p : 10 - 14 * (p - 1);
    cr_assert(fabs(out.x[i] - expected) < 1e-12, "row %d: %g", i, out.x[i]);
  }
  babel_sample_destroy(&in);
  babel_sample_destroy(&out);
  in = ramp("imu", 1, 6);
  cr_assert_eq(babel_augment(&out, &in, &map), BABEL_OK);
  cr_assert(out.rows == 8 && out.x[7 * 6 + 5] == in.x[5]);
  babel_sample_destroy(&in);
  babel_sample_destroy(&out);
}

Test(data_augment, an_absent_person_is_not_blended_with_a_present_one) {
  babel_time_map map = {.variant = 1, .start = 0, .length = 1, .ratio = 1};
  babel_sample in = ramp("skeleton", 2, 150), out;
  in.persons = 2;
  for (int i = 0; i < 300; i++) in.x[i] = i % 150 < 75 ? i / 150 : i / 150 * 4; /* second person: only in row 1 */
  for (int c = 0; c < 75; c++) in.x[c] = 2;
  cr_assert_eq(babel_augment(&out, &in, &map), BABEL_OK);
  for (int i = 0; i < 8; i++) {
    cr_assert(fabs(out.x[i * 150] - (2 - i / 7.0)) < 1e-12);
    cr_assert_eq(out.x[i * 150 + 75], i < 4 ? 0 : 4, "row %d: %g", i, out.x[i * 150 + 75]);
  }
  babel_sample_destroy(&in);
  babel_sample_destroy(&out);
}

Test(data_augment, fewer_variants_are_spread_over_the_600) {
  cr_assert_eq(babel_variant_pick(0, 16), 0);
  cr_assert_eq(babel_variant_pick(1, 16), 37);
  cr_assert_eq(babel_variant_pick(8, 16), 300);
  cr_assert_eq(babel_variant_pick(15, 16), 562);
  for (int i = 0; i < 600; i++) cr_assert_eq(babel_variant_pick(i, 600), i);
}
