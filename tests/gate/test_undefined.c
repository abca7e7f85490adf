/* A signed overflow and nothing else: registered as a test that must fail. */
#include <criterion/criterion.h>
#include <limits.h>

Test(gate_undefined, an_int_overflows) {
  volatile int large = INT_MAX;
  large = large + 1;
  cr_assert(1);
}
