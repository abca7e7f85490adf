/* A leak and nothing else: registered as a test that must fail. */
#include <criterion/criterion.h>
#include <stdlib.h>

Test(gate_leak, memory_is_lost) {
  volatile char *volatile lost = malloc(123);
  if (lost) lost[0] = 1;
  lost = NULL;
  cr_assert(1);
}
