/* Memory of the CUDA backend, and what it says of itself. Runs on a device: device_run.c. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "kernels/ops.h"

static const babel_ops *open_device(void) {
  cr_assert_eq(babel_cuda_open(0), BABEL_OK, "%s", babel_error_last()->sentence);
  return babel_ops_cuda(BABEL_PRECISION_FP32);
}

Test(kernels_memory_device, alloc_is_zeroed_and_aligned_even_for_nothing) {
  const babel_ops *ops = open_device();
  static const size_t sizes[] = {0, 1, 63, 64, 65, 100000};
  unsigned char *host = malloc(100000);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    void *memory = NULL;
    cr_assert_eq(ops->alloc(&memory, sizes[i]), BABEL_OK);
    cr_assert_not_null(memory);
    cr_assert_eq((uintptr_t)memory % BABEL_ALIGNMENT, 0);
    memset(host, 0xff, sizes[i]);
    cr_assert_eq(ops->download(host, memory, sizes[i], NULL), BABEL_OK);
    for (size_t k = 0; k < sizes[i]; k++) cr_assert_eq(host[k], 0);
    ops->free(memory);
  }
  ops->free(NULL);
  free(host);
}

Test(kernels_memory_device, alloc_of_more_than_there_is_says_how_much_and_what_to_lower) {
  const babel_ops *ops = open_device();
  void *memory = (void *)1, *after;
  cr_assert_eq(ops->alloc(&memory, (size_t)1 << 45), BABEL_ERR_MEMORY);
  cr_assert_null(memory);
  const char *sentence = babel_error_last()->sentence;
  cr_assert(strstr(sentence, "35184372.1 MB") && strstr(sentence, "are free") && strstr(sentence, "lower batch or variants"), "%s", sentence);
  cr_assert_eq(ops->alloc(&after, 1000), BABEL_OK, "the failure is over: %s", babel_error_last()->sentence);
  cr_assert_eq(ops->synchronize(NULL), BABEL_OK);
  ops->free(after);
}

/* What is uploaded is what the host held at the call. */
Test(kernels_memory_device, upload_copy_download_carry_every_byte) {
  const babel_ops *ops = open_device();
  enum { N = 1001 };
  unsigned char in[N], kept[N], out[N] = {0};
  void *first, *second;
  for (int i = 0; i < N; i++) kept[i] = in[i] = (unsigned char)(i * 7 + 1);
  cr_assert_eq(ops->alloc(&first, N), BABEL_OK);
  cr_assert_eq(ops->alloc(&second, N), BABEL_OK);
  cr_assert_eq(ops->upload(first, in, N, NULL), BABEL_OK);
  memset(in, 0, N);
  cr_assert_eq(ops->copy(second, first, N, NULL), BABEL_OK);
  cr_assert_eq(ops->synchronize(NULL), BABEL_OK);
  cr_assert_eq(ops->download(out, second, N, NULL), BABEL_OK);
  cr_assert_eq(memcmp(kept, out, N), 0);
  cr_assert_eq(ops->upload(NULL, NULL, 0, NULL), BABEL_OK);
  cr_assert_eq(ops->download(NULL, NULL, 0, NULL), BABEL_OK);
  cr_assert_eq(ops->copy(NULL, NULL, 0, NULL), BABEL_OK);
  ops->free(first);
  ops->free(second);
}

Test(kernels_memory_device, every_table_is_filled_and_names_the_device) {
  char text[512];
  open_device();
  for (int precision = BABEL_PRECISION_TF32; precision <= BABEL_PRECISION_BF16; precision++) {
    const babel_ops *ops = babel_ops_cuda((babel_precision)precision);
    for (size_t at = offsetof(babel_ops, describe); at < sizeof(babel_ops); at += sizeof(void *)) {
      void *slot;
      memcpy(&slot, (const unsigned char *)ops + at, sizeof slot);
      cr_assert_not_null(slot, "slot at %zu", at);
    }
    cr_assert_str_eq(ops->name, "cuda");
    ops->describe(text, sizeof text);
    cr_assert(strstr(text, "compute capability") && strstr(text, "runtime"), "%s", text);
  }
}

Test(kernels_memory_device, a_device_that_is_not_there_is_refused_in_a_sentence) {
  cr_assert_eq(babel_cuda_open(1000), BABEL_ERR_ARG);
  cr_assert_not_null(strstr(babel_error_last()->sentence, "counted from 0"));
  cr_assert_eq(babel_cuda_open(-1), BABEL_ERR_ARG);
}
