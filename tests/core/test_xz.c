#include <criterion/criterion.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/xz.h"
#include "tests/support/paths.h"

enum { SIZE = 3 << 20 }; /* more than the first piece of memory */

static unsigned char text[SIZE];

/* FOLDER/NAME with these bytes. */
static const char *save(const char *folder, const char *name, const void *bytes, size_t size) {
  static char path[1200];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "wb");
  cr_assert(file && fwrite(bytes, 1, size, file) == size && !fclose(file));
  return path;
}

static size_t pack(unsigned char *out, size_t room, size_t size) {
  size_t used = 0;
  for (size_t i = 0; i < size; i++) text[i] = (unsigned char)(i * i >> 7 ^ i);
  cr_assert_eq(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, text, size, out, &used, room), LZMA_OK);
  return used;
}

Test(core_xz, a_packed_file_is_found_under_its_plain_name) {
  const char *folder = babel_scratch();
  unsigned char *packed = malloc(SIZE + 4096);
  char path[1200];
  babel_file file;
  snprintf(path, sizeof path, "%s/a.csv", folder);
  cr_assert_not(babel_file_exists_packed(path));
  cr_assert_eq(babel_file_open_packed(&file, path), BABEL_ERR_IO);
  cr_assert(strstr(babel_error_last()->sentence, "a.csv"));
  save(folder, "a.csv.xz", packed, pack(packed, SIZE + 4096, SIZE));
  cr_assert(babel_file_exists_packed(path));
  cr_assert_eq(babel_file_open_packed(&file, path), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(file.size == SIZE && !memcmp(file.data, text, SIZE) && strstr(file.path, "a.csv.xz"));
  babel_file_close(&file);
  save(folder, "a.csv", "plain", 5); /* goes first */
  cr_assert_eq(babel_file_open_packed(&file, path), BABEL_OK);
  cr_assert(file.size == 5 && !memcmp(file.data, "plain", 5));
  babel_file_close(&file);
  free(packed);
}

static void refused(const void *bytes, size_t size, const char *words) {
  const char *folder = babel_scratch();
  char path[1200];
  babel_file file;
  save(folder, "a.csv.xz", bytes, size);
  snprintf(path, sizeof path, "%s/a.csv", folder);
  cr_assert_eq(babel_file_open_packed(&file, path), BABEL_ERR_FORMAT);
  const char *sentence = babel_error_last()->sentence;
  cr_assert(strstr(sentence, "a.csv.xz") && strstr(sentence, words), "expected \"%s\" in: %s", words, sentence);
  cr_assert_null(file.data);
}

Test(core_xz, damaged_files_are_refused) {
  unsigned char packed[70000];
  size_t size = pack(packed, sizeof packed, 50000);
  refused(packed, size / 2, "cut short");
  refused(packed, 12, "cut short");
  packed[size / 2] ^= 0x55;
  refused(packed, size, "damaged");
  packed[size / 2] ^= 0x55;
  packed[size] = 7;
  refused(packed, size + 1, "cut short"); /* the beginning of another stream */
  refused("key,part\na,train\n", 17, "expected a file packed by xz");
  refused("PK\003\004............", 16, "a zip archive");
  refused("", 0, "empty");
  refused(packed, pack(packed, sizeof packed, 0), "nothing is packed");
}
