#include <criterion/criterion.h>
#include <string.h>

#include "core/file.h"
#include "core/rng.h"
#include "tests/support/comma_locale.h"

Test(core_number, format_is_short_and_reads_back_to_the_same_bits) {
  char text[32];
  static const struct {
    double value;
    const char *text;
  } cases[] = {{0.07, "0.07"}, {1e-6, "1e-06"}, {3e-4, "0.0003"}, {256, "256"}, {-0.5, "-0.5"}, {1.0 / 3, "0.3333333333333333"},
               {0.1 + 0.2, "0.30000000000000004"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_format_double(cases[i].value, text);
    cr_assert_str_eq(text, cases[i].text);
  }
  for (uint64_t i = 0; i < 20000; i++) {
    uint64_t bits = (uint64_t)babel_rng_word(1, 0, 2 * i) << 32 | babel_rng_word(1, 0, 2 * i + 1);
    double value, back;
    memcpy(&value, &bits, sizeof value);
    if ((bits >> 52 & 0x7ff) == 0x7ff) continue; /* NaN and infinity */
    babel_format_double(value, text);
    cr_assert(babel_parse_double(text, &back), "%s", text);
    cr_assert_eq(memcmp(&back, &value, sizeof value), 0, "%s", text);
  }
}

Test(core_number, comma_locale_changes_neither_reading_nor_writing) {
  char text[32];
  double value;
  if (!babel_comma_locale()) cr_skip("no comma locale on this machine");
  babel_format_double(0.07, text);
  cr_assert_str_eq(text, "0.07");
  cr_assert(babel_parse_double("0.07", &value) && value == 0.07);
  cr_assert_not(babel_parse_double("0,07", &value));
  snprintf(text, sizeof text, "%.1f", 0.5);
  cr_assert_str_eq(text, "0,5", "the caller's locale is put back");
}
