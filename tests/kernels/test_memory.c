#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "core/arena.h"
#include "kernels/ops.h"

Test(kernels_memory, alloc_is_zeroed_and_aligned_even_for_nothing) {
  const babel_ops *ops = babel_ops_cpu();
  static const size_t sizes[] = {0, 1, 63, 64, 65, 100000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    void *memory = NULL;
    cr_assert_eq(ops->alloc(&memory, sizes[i]), BABEL_OK);
    cr_assert_not_null(memory);
    cr_assert_eq((uintptr_t)memory % BABEL_ALIGNMENT, 0);
    for (size_t k = 0; k < sizes[i]; k++) cr_assert_eq(((unsigned char *)memory)[k], 0);
    memset(memory, 0xff, sizes[i]);
    ops->free(memory);
  }
  ops->free(NULL);
}

Test(kernels_memory, alloc_of_more_than_there_is_fails_with_a_sentence) {
  void *memory = (void *)1;
  cr_assert_eq(babel_ops_cpu()->alloc(&memory, SIZE_MAX), BABEL_ERR_MEMORY);
  cr_assert_null(memory);
  cr_assert_neq(babel_error_last()->sentence[0], 0);
}

Test(kernels_memory, upload_copy_download_carry_every_byte) {
  const babel_ops *ops = babel_ops_cpu();
  unsigned char in[1001], out[1001] = {0};
  for (int i = 0; i < 1001; i++) in[i] = (unsigned char)(i * 7 + 1);
  void *first, *second;
  cr_assert_eq(ops->alloc(&first, sizeof in), BABEL_OK);
  cr_assert_eq(ops->alloc(&second, sizeof in), BABEL_OK);
  cr_assert_eq(ops->upload(first, in, sizeof in, NULL), BABEL_OK);
  cr_assert_eq(ops->copy(second, first, sizeof in, NULL), BABEL_OK);
  cr_assert_eq(ops->synchronize(NULL), BABEL_OK);
  cr_assert_eq(ops->download(out, second, sizeof in, NULL), BABEL_OK);
  cr_assert_eq(memcmp(in, out, sizeof in), 0);
  cr_assert_eq(ops->upload(NULL, NULL, 0, NULL), BABEL_OK);
  ops->free(first);
  ops->free(second);
}

Test(kernels_memory, every_slot_of_the_table_is_filled) {
  const unsigned char *ops = (const unsigned char *)babel_ops_cpu();
  for (size_t at = offsetof(babel_ops, describe); at < sizeof(babel_ops); at += sizeof(void *)) {
    void *slot;
    if (at >= offsetof(babel_ops, stream_create) && at <= offsetof(babel_ops, recording_destroy)) continue; /* nothing to record */
    memcpy(&slot, ops + at, sizeof slot);
    cr_assert_not_null(slot, "slot %zu", at / sizeof(void *));
  }
  cr_assert_str_eq(babel_ops_cpu()->name, "cpu");
}
