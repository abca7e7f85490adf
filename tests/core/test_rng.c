#include <criterion/criterion.h>

#include "core/rng.h"

/* Known answers of Philox4x32-10: the three vectors published with the generator (Random123, kat_vectors). */
Test(core_rng, philox_matches_published_vectors) {
  static const struct {
    uint32_t counter[4], key[2], out[4];
  } cases[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint32_t out[4];
    babel_philox(cases[i].counter, cases[i].key, out);
    for (int j = 0; j < 4; j++) cr_assert_eq(out[j], cases[i].out[j], "case %zu word %d: %08x", i, j, out[j]);
  }
}

Test(core_rng, words_of_a_block_share_one_counter) {
  uint32_t counter[4] = {5, 0, BABEL_RNG_DROPOUT, 0}, key[2] = {7, 1}, out[4];
  babel_philox(counter, key, out);
  for (uint64_t i = 0; i < 4; i++) cr_assert_eq(babel_rng_word(((uint64_t)1 << 32) + 7, BABEL_RNG_DROPOUT, 20 + i), out[i]);
}

Test(core_rng, uniform_is_in_range_with_the_right_mean) {
  double sum = 0;
  for (uint64_t i = 0; i < 100000; i++) {
    float u = babel_rng_uniform(3, BABEL_RNG_INIT, i);
    cr_assert(u >= 0 && u < 1);
    sum += (double)u;
  }
  cr_assert_float_eq(sum / 100000, 0.5, 0.005);
}

Test(core_rng, permutation_holds_every_number_once_and_depends_on_its_index) {
  int a[613], b[613], seen[613] = {0};
  babel_rng_permutation(1, BABEL_RNG_SHUFFLE, 0, 613, a);
  babel_rng_permutation(1, BABEL_RNG_SHUFFLE, 613, 613, b);
  int same = 0;
  for (int i = 0; i < 613; i++) {
    seen[a[i]]++;
    same += a[i] == b[i];
  }
  for (int i = 0; i < 613; i++) cr_assert_eq(seen[i], 1);
  cr_assert(same < 20);
}
