#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

Test(core_arena, pieces_are_aligned_zero_and_apart) {
  babel_arena arena;
  void *a, *b;
  float *c;
  cr_assert_eq(babel_arena_create(&arena, 64 + 128 + 64), BABEL_OK);
  cr_assert_eq(babel_arena_take(&arena, 1, &a), BABEL_OK);
  cr_assert_eq(babel_arena_take(&arena, 65, &b), BABEL_OK);
  cr_assert_eq(babel_arena_floats(&arena, 16, &c), BABEL_OK);
  cr_assert_eq((uintptr_t)a % 64, 0);
  cr_assert_eq((unsigned char *)b - (unsigned char *)a, 64);
  cr_assert_eq((unsigned char *)c - (unsigned char *)b, 128);
  for (size_t i = 0; i < arena.size; i++) cr_assert_eq(arena.base[i], 0);
  memset(a, 1, 1);
  memset(b, 2, 65);
  for (int i = 0; i < 16; i++) c[i] = 3;
  cr_assert_eq(*(unsigned char *)a, 1);
  cr_assert_eq(((unsigned char *)b)[64], 2);
  babel_arena_destroy(&arena);
  cr_assert_null(arena.base);
}

Test(core_arena, full_arena_says_both_numbers_and_gives_nothing) {
  babel_arena arena;
  void *piece = NULL;
  cr_assert_eq(babel_arena_create(&arena, 100), BABEL_OK); /* rounds up to 128 */
  cr_assert_eq(babel_arena_take(&arena, 60, &piece), BABEL_OK);
  void *before = piece;
  cr_assert_eq(babel_arena_take(&arena, 65, &piece), BABEL_ERR_MEMORY);
  cr_assert_eq(piece, before);
  cr_assert(strstr(babel_error_last()->sentence, "64") && strstr(babel_error_last()->sentence, "65"));
  cr_assert_eq(babel_arena_take(&arena, 64, &piece), BABEL_OK);
  cr_assert_eq(babel_arena_take(&arena, 1, &piece), BABEL_ERR_MEMORY);
  babel_arena_destroy(&arena);
}

Test(core_arena, reset_hands_out_the_same_memory_with_its_contents) {
  babel_arena arena;
  void *first, *again;
  cr_assert_eq(babel_arena_create(&arena, 64), BABEL_OK);
  cr_assert_eq(babel_arena_take(&arena, 64, &first), BABEL_OK);
  memset(first, 7, 64);
  babel_arena_reset(&arena);
  cr_assert_eq(babel_arena_take(&arena, 64, &again), BABEL_OK);
  cr_assert_eq(first, again);
  cr_assert_eq(((unsigned char *)again)[63], 7);
  babel_arena_destroy(&arena);
}

Test(core_arena, sizes_that_overflow_are_refused) {
  babel_arena arena;
  void *piece;
  float *floats;
  cr_assert_eq(babel_arena_create(&arena, 1024), BABEL_OK);
  cr_assert_eq(babel_arena_take(&arena, SIZE_MAX, &piece), BABEL_ERR_MEMORY);
  cr_assert_eq(babel_arena_take(&arena, SIZE_MAX - 63, &piece), BABEL_ERR_MEMORY);
  cr_assert_eq(babel_arena_floats(&arena, SIZE_MAX / 4 + 2, &floats), BABEL_ERR_MEMORY, "wraps round to a few bytes");
  cr_assert_eq(arena.used, 0);
  babel_arena_destroy(&arena);
  cr_assert_eq(babel_arena_need(3, 4), 64);
  cr_assert_eq(babel_arena_need(0, 4), 0);
  cr_assert_eq(babel_arena_need(65, 1), 128);
  cr_assert_eq(babel_arena_need(SIZE_MAX / 2, 4), SIZE_MAX);
  cr_assert_eq(babel_arena_create(&arena, babel_arena_need(SIZE_MAX / 2, 4)), BABEL_ERR_MEMORY);
  cr_assert_null(arena.base);
}

Test(core_arena, empty_and_zeroed_arenas_are_fine) {
  babel_arena arena;
  void *piece;
  cr_assert_eq(babel_arena_create(&arena, 0), BABEL_OK);
  cr_assert_eq(babel_arena_take(&arena, 0, &piece), BABEL_OK);
  cr_assert_eq(babel_arena_take(&arena, 1, &piece), BABEL_ERR_MEMORY);
  babel_arena_destroy(&arena);
  babel_arena_destroy(&arena);
  babel_arena_destroy(NULL);
}

Test(core_arena, alloc_is_aligned_zero_and_guards_its_product) {
  void *memory;
  cr_assert_eq(babel_alloc(&memory, 33, 3), BABEL_OK);
  cr_assert_eq((uintptr_t)memory % 64, 0);
  for (int i = 0; i < 99; i++) cr_assert_eq(((unsigned char *)memory)[i], 0);
  free(memory);
  cr_assert_eq(babel_alloc(&memory, 0, 8), BABEL_OK);
  cr_assert_not_null(memory);
  free(memory);
  cr_assert_eq(babel_alloc(&memory, SIZE_MAX / 4, 8), BABEL_ERR_MEMORY);
  cr_assert_null(memory);
  cr_assert_eq(babel_alloc(&memory, SIZE_MAX, 1), BABEL_ERR_MEMORY);
}
