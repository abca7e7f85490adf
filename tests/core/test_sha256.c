#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/sha256_blocks.h"
#include "tests/support/paths.h"

/* Vectors of FIPS 180-2, appendix B, and the empty message. */
Test(core_sha256, matches_published_vectors) {
  static const struct {
    const char *message, *hex;
  } cases[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char hex[65];
    babel_sha256(cases[i].message, strlen(cases[i].message), hex);
    cr_assert_str_eq(hex, cases[i].hex);
  }
}

static const char million_hex[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

Test(core_sha256, matches_a_million_letters_in_one_piece_and_from_a_file) {
  char *text = malloc(1000001), hex[65], path[1100];
  memset(text, 'a', 1000000);
  text[1000000] = 0;
  babel_sha256(text, 1000000, hex);
  cr_assert_str_eq(hex, million_hex);
  snprintf(path, sizeof path, "%s/a", babel_scratch());
  cr_assert_eq(babel_file_write_text(path, text), BABEL_OK);
  cr_assert_eq(babel_file_sha256(path, hex), BABEL_OK);
  cr_assert_str_eq(hex, million_hex);
  free(text);
}

Test(core_sha256, pieces_of_any_length_give_the_same_sum) {
  static const size_t lengths[] = {1, 55, 56, 63, 64, 65, 127, 200};
  char letters[200], hex[65];
  memset(letters, 'a', sizeof letters);
  for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
    babel_sha256_state state;
    babel_sha256_begin(&state);
    for (size_t done = 0; done < 1000000;) {
      size_t piece = 1000000 - done < lengths[k] ? 1000000 - done : lengths[k];
      babel_sha256_add(&state, letters, piece);
      done += piece;
    }
    babel_sha256_end(&state, hex);
    cr_assert_str_eq(hex, million_hex, "pieces of %zu", lengths[k]);
  }
}

/* Lengths around the padding's edges; sums made with another implementation (coreutils sha256sum). */
Test(core_sha256, pads_every_length_around_a_block) {
  static const struct {
    size_t length;
    const char *hex;
  } cases[] = {
      {55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
      {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
      {63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
      {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
  };
  char letters[64], hex[65];
  memset(letters, 'a', sizeof letters);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_sha256(letters, cases[i].length, hex);
    cr_assert_str_eq(hex, cases[i].hex);
  }
}

Test(core_sha256, absent_file_is_an_error) {
  char hex[65], path[1100];
  snprintf(path, sizeof path, "%s/none", babel_scratch());
  cr_assert_eq(babel_file_sha256(path, hex), BABEL_ERR_IO);
}

Test(core_sha256, with_and_without_the_processors_instructions) {
  unsigned char bytes[64 * 9];
  uint32_t x = 1, by_instruction[8], plainly[8];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)((x = x * 1664525u + 1013904223u) >> 24);
  for (size_t blocks = 0; blocks <= 9; blocks++) {
    for (int i = 0; i < 8; i++) by_instruction[i] = plainly[i] = x = x * 1664525u + 1013904223u;
    babel_sha256_blocks(by_instruction, bytes, blocks);
    babel_sha256_blocks_plainly(plainly, bytes, blocks);
    cr_assert_arr_eq(by_instruction, plainly, sizeof plainly);
  }
}
