#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "encoders/scratch_pool.h"

Test(encoders_scratch_pool, blocks_are_kept_grow_and_are_lent_once) {
  babel_scratch_pool pool = BABEL_SCRATCH_POOL_INIT;
  babel_scratch *a, *b, *c;
  cr_assert_eq(babel_scratch_take(&pool, 100, &a), BABEL_OK);
  cr_assert_eq(babel_scratch_take(&pool, 100, &b), BABEL_OK);
  cr_assert_neq(a->memory, b->memory);
  memset(b->memory, 1, 100);
  babel_scratch_give(&pool, b);
  cr_assert_eq(babel_scratch_take(&pool, 50, &c), BABEL_OK);
  cr_assert_eq(c, b); /* the one that was free */
  babel_scratch_give(&pool, c);
  cr_assert_eq(babel_scratch_take(&pool, 100000, &c), BABEL_OK);
  cr_assert(c == b && c->size >= 100000);
  memset(c->memory, 1, 100000);
  cr_assert_eq((uintptr_t)c->memory % 64, 0);
  babel_scratch_give(&pool, a);
  babel_scratch_give(&pool, c);
  babel_scratch_give(&pool, NULL);
  babel_scratch_pool_destroy(&pool);
}

Test(encoders_scratch_pool, threads_never_share_a_block) {
  babel_scratch_pool pool = BABEL_SCRATCH_POOL_INIT;
  int failed = 0;
#pragma omp parallel for num_threads(4) reduction(+ : failed)
  for (int i = 0; i < 400; i++) {
    babel_scratch *scratch;
    int status = babel_scratch_take(&pool, (size_t)(i % 7 + 1) * sizeof i, &scratch);
    failed += status != BABEL_OK;
    if (status != BABEL_OK) continue;
    int *mine = scratch->memory;
    *mine = i;
#pragma omp flush
    failed += *mine != i;
    babel_scratch_give(&pool, scratch);
  }
  cr_assert_eq(failed, 0);
  babel_scratch_pool_destroy(&pool);
}
