#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/zip.h"
#include "tests/core/containers.h"

#define LIMIT ((size_t)1 << 20)

static const zip_item items[] = {{"a/two", "second entry", 12}, {"a/one", "first", 5}, {"a/none", "", 0}};
static const zip_style styles[] = {ZIP_TORCH, ZIP_DEFLATED, ZIP_64};

static babel_status open_bytes(babel_zip *zip, babel_file *file, const bytes *b) {
  cr_assert_eq(babel_file_open(file, scratch_file(b, ".zip")), BABEL_OK);
  babel_status status = babel_zip_open(zip, file);
  if (status != BABEL_OK) babel_file_close(file);
  return status;
}

static void close_both(babel_zip *zip, babel_file *file) {
  babel_zip_close(zip);
  babel_file_close(file);
}

static babel_status read_name(const babel_zip *zip, const char *name, size_t limit, char *text, size_t *size) {
  const unsigned char *data;
  void *owned;
  const babel_zip_entry *entry = babel_zip_find(zip, name, strlen(name));
  cr_assert_not_null(entry, "%s", name);
  babel_status status = babel_zip_read(zip, entry, limit, &data, &owned);
  if (status == BABEL_OK) {
    *size = (size_t)entry->plain;
    memcpy(text, data, *size < 64 ? *size : 64);
    free(owned);
  } else {
    cr_assert_null(owned);
    cr_assert(strstr(babel_error_last()->sentence, name), "%s", babel_error_last()->sentence);
  }
  return status;
}

/* Where the first `signature` of an archive lies. */
static unsigned char *find_record(const bytes *b, const char *signature) {
  for (size_t i = 0; i + 4 <= b->size; i++)
    if (!memcmp(b->data + i, signature, 4)) return b->data + i;
  return NULL;
}

Test(core_zip, three_styles_hold_the_same_entries) {
  for (int s = 0; s < 3; s++) {
    bytes b = {0};
    babel_zip zip;
    babel_file file;
    char text[64];
    size_t size;
    zip_write(&b, items, 3, styles[s]);
    cr_assert_eq(open_bytes(&zip, &file, &b), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(zip.count, 3);
    for (int i = 0; i < 3; i++) {
      cr_assert_eq(read_name(&zip, items[i].name, LIMIT, text, &size), BABEL_OK, "style %d: %s", s, babel_error_last()->sentence);
      cr_assert_eq(size, items[i].size);
      cr_assert_eq(memcmp(text, items[i].data, size), 0);
    }
    cr_assert_null(babel_zip_find(&zip, "a/on", 4));
    cr_assert_null(babel_zip_find(&zip, "a/one ", 6));
    cr_assert_null(babel_zip_find(&zip, "", 0));
    close_both(&zip, &file);
    bytes_free(&b);
  }
}

Test(core_zip, stored_entries_are_not_copied) {
  bytes b = {0};
  babel_zip zip;
  babel_file file;
  const unsigned char *data;
  void *owned;
  zip_write(&b, items, 3, ZIP_TORCH);
  cr_assert_eq(open_bytes(&zip, &file, &b), BABEL_OK);
  cr_assert_eq(babel_zip_read(&zip, babel_zip_find(&zip, "a/one", 5), 0, &data, &owned), BABEL_OK);
  cr_assert_null(owned);
  cr_assert(data > file.data && data < file.data + file.size);
  cr_assert_eq((size_t)(data - file.data) % 64, 0);
  close_both(&zip, &file);
  bytes_free(&b);
}

/* modelaudit 1655 and many "failed finding central directory" threads: a cut download is called what it is. */
Test(core_zip, archive_cut_anywhere_is_truncated) {
  for (int s = 0; s < 3; s++) {
    bytes b = {0};
    babel_zip zip;
    babel_file file;
    zip_write(&b, items, 3, styles[s]);
    while (--b.size) {
      cr_assert_eq(open_bytes(&zip, &file, &b), BABEL_ERR_FORMAT, "style %d cut to %zu bytes", s, b.size);
      cr_assert(strstr(babel_error_last()->sentence, "truncated"));
    }
    bytes_free(&b);
  }
}

Test(core_zip, comment_behind_the_end_record_is_allowed) {
  bytes b = {0};
  babel_zip zip;
  babel_file file;
  zip_write(&b, items, 3, ZIP_DEFLATED);
  b.data[b.size - 2] = 30;
  put(&b, "PK\5\6", 4); /* looks like an end record, but its comment would not end with the file */
  for (int i = 0; i < 26; i++) put_text(&b, "x");
  cr_assert_eq(open_bytes(&zip, &file, &b), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(zip.count, 3);
  close_both(&zip, &file);
  bytes_free(&b);
}

Test(core_zip, changed_bytes_fail_their_checksum) {
  for (int s = 0; s < 3; s++) {
    bytes b = {0};
    babel_zip zip;
    babel_file file;
    char text[64];
    size_t size;
    static char zeros[200];
    zip_item item = {"z", zeros, sizeof zeros};
    zip_write(&b, &item, 1, styles[s]);
    uint32_t crc;
    unsigned char *central = find_record(&b, "PK\1\2");
    memcpy(&crc, central + 16, 4);
    crc ^= 1;
    memcpy(central + 16, &crc, 4);
    cr_assert_eq(open_bytes(&zip, &file, &b), BABEL_OK);
    cr_assert_eq(read_name(&zip, "z", LIMIT, text, &size), BABEL_ERR_FORMAT);
    cr_assert(strstr(babel_error_last()->sentence, "checksum"));
    close_both(&zip, &file);
    bytes_free(&b);
  }
}

/* Sets `size` bytes of the first record with that signature, and expects this status when opening or reading "n". */
static void expect_damage(zip_style style, const char *signature, size_t at, size_t size, uint64_t value, babel_status expected, const char *word) {
  bytes b = {0};
  babel_zip zip;
  babel_file file;
  char text[64];
  zip_item item = {"n", "some text that repeats, some text that repeats", 46};
  zip_write(&b, &item, 1, style);
  memcpy(find_record(&b, signature) + at, &value, size);
  babel_status status = open_bytes(&zip, &file, &b);
  if (status == BABEL_OK) {
    status = read_name(&zip, "n", LIMIT, text, &size);
    close_both(&zip, &file);
  }
  cr_assert_eq(status, expected, "%s at %zu", signature, at);
  cr_assert(strstr(babel_error_last()->sentence, word), "%s", babel_error_last()->sentence);
  bytes_free(&b);
}

Test(core_zip, damage_in_every_field_is_named) {
  expect_damage(ZIP_TORCH, "PK\1\2", 8, 2, 0x0809, BABEL_ERR_UNSUPPORTED, "encrypted");
  expect_damage(ZIP_TORCH, "PK\1\2", 10, 2, 14, BABEL_ERR_UNSUPPORTED, "compressed");
  expect_damage(ZIP_TORCH, "PK\1\2", 20, 4, 45, BABEL_ERR_FORMAT, "two sizes");
  expect_damage(ZIP_TORCH, "PK\1\2", 20, 4, 0x7fffffff, BABEL_ERR_FORMAT, "do not fit");
  expect_damage(ZIP_TORCH, "PK\1\2", 42, 4, 1, BABEL_ERR_FORMAT, "local header");
  expect_damage(ZIP_TORCH, "PK\1\2", 42, 4, 0x7fffffff, BABEL_ERR_FORMAT, "local header");
  expect_damage(ZIP_TORCH, "PK\1\2", 42, 4, 0xffffffff, BABEL_ERR_FORMAT, "zip64");
  expect_damage(ZIP_TORCH, "PK\1\2", 46, 1, '/', BABEL_ERR_FORMAT, "not the name");
  expect_damage(ZIP_TORCH, "PK\1\2", 28, 2, 60000, BABEL_ERR_FORMAT, "directory");
  expect_damage(ZIP_TORCH, "PK\1\2", 0, 1, 'Q', BABEL_ERR_FORMAT, "directory");
  expect_damage(ZIP_TORCH, "PK\3\4", 30, 1, 'm', BABEL_ERR_FORMAT, "another name");
  expect_damage(ZIP_TORCH, "PK\3\4", 28, 2, 60000, BABEL_ERR_FORMAT, "do not fit");
  expect_damage(ZIP_TORCH, "PK\5\6", 4, 2, 1, BABEL_ERR_UNSUPPORTED, "parts");
  expect_damage(ZIP_TORCH, "PK\5\6", 10, 2, 2, BABEL_ERR_FORMAT, "does not fit");
  expect_damage(ZIP_TORCH, "PK\5\6", 10, 2, 0xffff, BABEL_ERR_FORMAT, "zip64");
  expect_damage(ZIP_TORCH, "PK\5\6", 16, 4, 0x7fffffff, BABEL_ERR_FORMAT, "does not fit");
  expect_damage(ZIP_DEFLATED, "PK\1\2", 24, 4, 45, BABEL_ERR_FORMAT, "damaged compressed");
  expect_damage(ZIP_DEFLATED, "PK\1\2", 24, 4, 47, BABEL_ERR_FORMAT, "damaged compressed");
  expect_damage(ZIP_DEFLATED, "PK\1\2", 20, 4, 5, BABEL_ERR_FORMAT, "damaged compressed");
  expect_damage(ZIP_64, "PK\6\6", 40, 8, UINT64_MAX, BABEL_ERR_FORMAT, "does not fit");
  expect_damage(ZIP_64, "PK\6\6", 48, 8, UINT64_MAX - 4, BABEL_ERR_FORMAT, "does not fit");
  expect_damage(ZIP_64, "PK\6\6", 32, 8, UINT64_MAX / 46, BABEL_ERR_FORMAT, "does not fit");
  expect_damage(ZIP_64, "PK\6\7", 8, 8, UINT64_MAX - 30, BABEL_ERR_FORMAT, "zip64");
  expect_damage(ZIP_64, "PK\6\7", 0, 1, 'Q', BABEL_ERR_FORMAT, "zip64");
  expect_damage(ZIP_64, "PK\1\2", 47 + 2, 2, 23, BABEL_ERR_FORMAT, "zip64");
  expect_damage(ZIP_64, "PK\1\2", 47 + 20, 8, UINT64_MAX - 10, BABEL_ERR_FORMAT, "local header");
}

Test(core_zip, bytes_behind_a_deflated_stream_are_damage) {
  bytes b = {0};
  babel_zip zip;
  babel_file file;
  char text[64];
  size_t size;
  uint32_t packed;
  zip_write(&b, items, 3, ZIP_DEFLATED);
  unsigned char *field = find_record(&b, "PK\1\2") + 20;
  memcpy(&packed, field, 4);
  packed++;
  memcpy(field, &packed, 4);
  cr_assert_eq(open_bytes(&zip, &file, &b), BABEL_OK);
  cr_assert_eq(read_name(&zip, items[0].name, LIMIT, text, &size), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "damaged compressed"));
  close_both(&zip, &file);
  bytes_free(&b);
}

Test(core_zip, zip64_record_must_lie_inside_the_file) {
  for (size_t room = 0; room < 160; room++) { /* bytes before an end record that promises a zip64 record */
    bytes b = {0};
    babel_zip zip;
    babel_file file;
    for (size_t i = 0; i < room; i++) put_u8(&b, 0);
    put(&b, "PK\5\6\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0", 22);
    cr_assert_eq(open_bytes(&zip, &file, &b), BABEL_ERR_FORMAT, "%zu", room);
    if (room >= 20) {
      memcpy(b.data + room - 20, "PK\6\7\0\0\0\0", 8);
      for (int shift = 0; shift < 64; shift++) {
        uint64_t where = UINT64_MAX >> shift;
        memcpy(b.data + room - 12, &where, 8);
        cr_assert_eq(open_bytes(&zip, &file, &b), BABEL_ERR_FORMAT, "%zu bytes, record at %llu", room, (unsigned long long)where);
      }
    }
    bytes_free(&b);
  }
}

Test(core_zip, names_that_lead_out_and_doubles_are_refused) {
  static const char *const bad[] = {"/etc/passwd", "../x", "a/../x", "a/..", "..", "a\\x"}, *const good[] = {"..a", "a..", "a/..b/c", "a/...", "."};
  for (size_t i = 0; i < sizeof bad / sizeof *bad + sizeof good / sizeof *good; i++) {
    bytes b = {0};
    babel_zip zip;
    babel_file file;
    bool is_bad = i < sizeof bad / sizeof *bad;
    zip_item item = {is_bad ? bad[i] : good[i - sizeof bad / sizeof *bad], "x", 1};
    zip_write(&b, &item, 1, ZIP_DEFLATED);
    babel_status status = open_bytes(&zip, &file, &b);
    cr_assert_eq(status, is_bad ? BABEL_ERR_FORMAT : BABEL_OK, "%s", item.name);
    if (status == BABEL_OK) close_both(&zip, &file);
    bytes_free(&b);
  }
  static const zip_item twice[] = {{"a", "x", 1}, {"b", "y", 1}, {"a", "z", 1}};
  bytes b = {0};
  babel_zip zip;
  babel_file file;
  zip_write(&b, twice, 3, ZIP_TORCH);
  cr_assert_eq(open_bytes(&zip, &file, &b), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "two zip entries are called \"a\""));
  bytes_free(&b);
}

Test(core_zip, deflated_bomb_is_refused_before_memory_is_taken) {
  size_t size = (size_t)4 << 20;
  char *zeros = calloc(size, 1), text[64];
  bytes b = {0};
  babel_zip zip;
  babel_file file;
  zip_item item = {"bomb", zeros, size};
  zip_write(&b, &item, 1, ZIP_DEFLATED);
  free(zeros);
  cr_assert_lt(b.size, (size_t)40000);
  cr_assert_eq(open_bytes(&zip, &file, &b), BABEL_OK);
  cr_assert_eq(read_name(&zip, "bomb", LIMIT, text, &size), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "4194304"));
  close_both(&zip, &file);
  /* The same stream, its size understated: stops at the promised size. */
  uint32_t small = 1000;
  memcpy(find_record(&b, "PK\1\2") + 24, &small, 4);
  cr_assert_eq(open_bytes(&zip, &file, &b), BABEL_OK);
  cr_assert_eq(read_name(&zip, "bomb", LIMIT, text, &size), BABEL_ERR_FORMAT);
  close_both(&zip, &file);
  bytes_free(&b);
}
