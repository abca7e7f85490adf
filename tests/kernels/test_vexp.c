#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "kernels/cpu/vexp.h"
#include "kernels/cpu/vphilox.h"

/* Every 1021st float of the whole range (4.2 million); all of them, measured once: 1.07. */
Test(kernels_vexp, error_is_below_1_2_ulp_everywhere) {
  double worst = 0;
  for (uint64_t bits = 0; bits < (uint64_t)1 << 32; bits += 1021) {
    uint32_t word = (uint32_t)bits;
    float x;
    memcpy(&x, &word, sizeof x);
    if (!(x >= -87.33654f && x <= 88.72283f)) continue;
    double expected = exp((double)x);
    int exponent;
    frexp(expected, &exponent);
    double error = fabs((double)babel_vexp(x) - expected) / ldexp(1, exponent - 24);
    if (!(error <= worst)) worst = error;
  }
  cr_assert(worst < 1.2, "%g ulp", worst);
}

Test(kernels_vexp, ends_of_the_range_are_exact) {
  cr_assert_eq(babel_vexp(0.0f), 1);
  cr_assert_eq(babel_vexp(-0.0f), 1);
  cr_assert_eq(babel_vexp(-INFINITY), 0);
  cr_assert_eq(babel_vexp(-1e30f), 0);
  cr_assert_eq(babel_vexp(-87.34f), 0);
  cr_assert_eq(babel_vexp(88.73f), INFINITY);
  cr_assert_eq(babel_vexp(INFINITY), INFINITY);
  cr_assert(isnan(babel_vexp(NAN)));
  cr_assert(isnan(babel_vexp(-NAN)));
}

Test(kernels_vexp, eight_philox_counters_give_the_bits_of_one_at_a_time) {
  static const uint64_t blocks[] = {0, 5, 0xfffffffcu, ((uint64_t)7 << 32) + 3, ((uint64_t)1 << 62) - 8};
  for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) {
    uint32_t words[4 * BABEL_PHILOX_LANES];
    babel_philox_words(words, 0x9876543210abcdefu, BABEL_RNG_DROPOUT, blocks[b]);
    for (uint64_t i = 0; i < 4 * BABEL_PHILOX_LANES; i++)
      cr_assert_eq(words[i], babel_rng_word(0x9876543210abcdefu, BABEL_RNG_DROPOUT, 4 * blocks[b] + i));
  }
}
