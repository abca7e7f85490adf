/* One byte read behind a block and nothing else: registered as a test that must fail. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>

Test(gate_overrun, a_read_goes_past_the_end) {
  volatile size_t size = 16, behind = 16; /* unknown to the compiler: AddressSanitizer alone can see it */
  volatile char *block = calloc(size, 1);
  volatile char value = block[behind];
  (void)value;
  free((void *)(uintptr_t)block);
  cr_assert(1);
}
