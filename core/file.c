#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Mappings reach to the end of a page. AddressSanitizer is told where the file ends, so that it sees reads behind it. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define BABEL_MARKS_TAILS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(BABEL_MARKS_TAILS)
#include <sanitizer/asan_interface.h>
static void mark_tail(const babel_file *file, bool readable) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), rest = (page - file->size % page) % page;
  if (readable) __asan_unpoison_memory_region(file->data + file->size, rest);
  else __asan_poison_memory_region(file->data + file->size, rest);
}
#else
static void mark_tail(const babel_file *file, bool readable) {}
#endif

babel_status babel_file_open(babel_file *file, const char *path) {
  struct stat info;
  memset(file, 0, sizeof *file);
  if (strlen(path) >= sizeof file->path) return BABEL_FAIL(BABEL_ERR_ARG, "%.60s...: the path is too long", path);
  strcpy(file->path, path);
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe must not block us */
  if (descriptor < 0) return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
  if (fstat(descriptor, &info) || !S_ISREG(info.st_mode)) {
    close(descriptor);
    return BABEL_FAIL(BABEL_ERR_IO, "%s: expected a file, found a folder or a device", path);
  }
  if (!info.st_size) {
    close(descriptor);
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: the file is empty", path);
  }
  void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  int reason = errno;
  close(descriptor);
  if (data == MAP_FAILED) return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be mapped: %s", path, strerror(reason));
  file->data = data;
  file->size = (size_t)info.st_size;
  mark_tail(file, false);
  return BABEL_OK;
}

void babel_file_close(babel_file *file) {
  if (!file) return;
  if (file->data) {
    mark_tail(file, true);
    munmap((void *)(uintptr_t)file->data, file->size);
  }
  memset(file, 0, sizeof *file);
}

const char *babel_file_kind(const void *data, size_t size) {
  static const struct {
    const char *magic;
    size_t size;
    const char *kind;
  } kinds[] = {
      {"PK\003\004", 4, "a zip archive"},
      {"\x93NUMPY", 6, "a NumPy array"},
      {"MATLAB 5.0", 10, "a MATLAB 5.0 file"},
      {"MATLAB 7.3", 10, "a MATLAB 7.3 (HDF5) file: re-save it with -v6 or -v7"},
      {"\x89HDF", 4, "an HDF5 file"},
      {"\x89PNG", 4, "a PNG picture"},
      {"version https://git-lfs", 23, "a Git-LFS pointer, not the file itself"},
      {"<", 1, "an HTML page or XML, probably a failed download"},
      {"\x80\x02", 2, "a pickle"},
      {"\x80\x04", 2, "a pickle"},
      {"\x1f\x8b", 2, "a gzip archive"},
  };
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (size >= kinds[i].size && !memcmp(data, kinds[i].magic, kinds[i].size)) return kinds[i].kind;
  return "";
}

babel_status babel_file_create(babel_file_writer *writer, const char *path) {
  struct stat info;
  memset(writer, 0, sizeof *writer);
  if (strlen(path) >= sizeof writer->path) return BABEL_FAIL(BABEL_ERR_ARG, "%.60s...: the path is too long", path);
  if (!stat(path, &info) && !S_ISREG(info.st_mode)) /* renaming over a device would put a file in its place */
    return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be written: it is a folder or a device, expected a file or a new name", path);
  strcpy(writer->path, path);
  snprintf(writer->temporary, sizeof writer->temporary, "%s.tmp.%ld", path, (long)getpid());
  writer->stream = fopen(writer->temporary, "wbe");
  if (!writer->stream) {
    int reason = errno;
    memset(writer, 0, sizeof *writer);
    return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be written: %s", path, strerror(reason));
  }
  return BABEL_OK;
}

babel_status babel_file_probe(const char *path) {
  babel_file_writer writer;
  BABEL_TRY(babel_file_create(&writer, path));
  babel_file_abort(&writer);
  return BABEL_OK;
}

babel_status babel_file_write(babel_file_writer *writer, const void *bytes, size_t size) {
  if (size && fwrite(bytes, 1, size, writer->stream) != size)
    return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be written: %s", writer->path, strerror(errno));
  return BABEL_OK;
}

void babel_file_abort(babel_file_writer *writer) {
  if (!writer || !writer->stream) return;
  fclose(writer->stream);
  unlink(writer->temporary);
  writer->stream = NULL;
}

babel_status babel_file_commit(babel_file_writer *writer) {
  char folder[1024];
  if (!writer->stream) return BABEL_FAIL(BABEL_ERR_STATE, "%s: nothing is being written", writer->path);
  bool lost = ferror(writer->stream); /* an earlier write failed; what errno said then is gone */
  bool bad = lost || fflush(writer->stream) || fsync(fileno(writer->stream));
  int reason = errno;
  if (fclose(writer->stream) && !bad) {
    bad = true;
    reason = errno;
  }
  writer->stream = NULL;
  if (!bad && rename(writer->temporary, writer->path)) {
    bad = true;
    reason = errno;
  }
  if (bad) {
    unlink(writer->temporary);
    return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be written: %s", writer->path, lost ? "an earlier write failed (is the disk full?)" : strerror(reason));
  }
  snprintf(folder, sizeof folder, "%s", writer->path);
  int descriptor = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) { /* a folder that cannot be synced (some network mounts) does not undo the rename */
    fsync(descriptor);
    close(descriptor);
  }
  return BABEL_OK;
}

void babel_file_sweep(const char *folder, const char *name) {
  char path[1400];
  DIR *entries = opendir(folder);
  for (struct dirent *entry; entries && (entry = readdir(entries));) {
    const char *mark = strstr(entry->d_name, ".tmp.");
    size_t length = mark ? (size_t)(mark - entry->d_name) : 0;
    if (!length || !mark[5] || mark[5 + strspn(mark + 5, "0123456789")]) continue;
    if (name && (strlen(name) != length || strncmp(entry->d_name, name, length))) continue;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < sizeof path) unlink(path);
  }
  if (entries) closedir(entries);
}

babel_status babel_file_write_text(const char *path, const char *text) {
  babel_file_writer writer;
  BABEL_TRY(babel_file_create(&writer, path));
  babel_status status = babel_file_write(&writer, text, strlen(text));
  if (status != BABEL_OK) {
    babel_file_abort(&writer);
    return status;
  }
  return babel_file_commit(&writer);
}

bool babel_file_exists(const char *path) {
  return access(path, F_OK) == 0;
}

babel_status babel_folder_create(const char *path) {
  char part[1024];
  struct stat info;
  if (!*path) return BABEL_FAIL(BABEL_ERR_ARG, "expected the path of a folder, found an empty text");
  if (strlen(path) >= sizeof part) return BABEL_FAIL(BABEL_ERR_ARG, "%.60s...: the path is too long", path);
  strcpy(part, path);
  for (char *at = part + 1;; at++) {
    if (*at && *at != '/') continue;
    char end = *at;
    *at = 0;
    if (mkdir(part, 0777) && errno != EEXIST)
      return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be created: %s", part, strerror(errno));
    *at = end;
    if (!end) break;
  }
  if (stat(path, &info) || !S_ISDIR(info.st_mode))
    return BABEL_FAIL(BABEL_ERR_IO, "%s: expected a folder, found a file", path);
  return BABEL_OK;
}

bool babel_lines_next(babel_lines *lines, char *line, size_t size, babel_status *status) {
  const unsigned char *data = lines->file->data;
  size_t end = lines->file->size;
  if (!lines->at && end >= 3 && !memcmp(data, "\xEF\xBB\xBF", 3)) lines->at = 3;
  *status = BABEL_OK;
  if (lines->at >= end) return false;
  const unsigned char *from = data + lines->at, *stop = memchr(from, '\n', end - lines->at);
  size_t length = stop ? (size_t)(stop - from) : end - lines->at;
  lines->at += length + (stop ? 1 : 0);
  lines->number++;
  if (length && from[length - 1] == '\r') length--;
  if (length >= size || memchr(from, 0, length)) {
    *status = BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %d: expected text of at most %zu characters", lines->file->path,
                         lines->number, size - 1);
    return false;
  }
  memcpy(line, from, length);
  line[length] = 0;
  return true;
}

/* The C locale, made once; strtod_l keeps a comma locale from cutting numbers at the point. */
static locale_t c_locale(void) {
  static locale_t locale;
  locale_t seen = __atomic_load_n(&locale, __ATOMIC_ACQUIRE);
  if (seen) return seen;
  locale_t made = newlocale(LC_ALL_MASK, "C", (locale_t)0), none = (locale_t)0;
  if (!__atomic_compare_exchange_n(&locale, &none, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    freelocale(made);
    return none;
  }
  return made;
}

static const char *skip_blanks(const char *text) {
  while (*text == ' ' || *text == '\t') text++;
  return text;
}

bool babel_parse_double(const char *text, double *value) {
  char *end;
  text = skip_blanks(text);
  if (!*text || strspn(text, "+-0123456789.eE \t") != strlen(text)) return false;
  *value = strtod_l(text, &end, c_locale());
  return end != text && !*skip_blanks(end) && isfinite(*value);
}

bool babel_parse_int(const char *text, int64_t *value) {
  char *end;
  text = skip_blanks(text);
  if (!*text || strspn(text, "+-0123456789 \t") != strlen(text)) return false;
  errno = 0;
  *value = strtoll(text, &end, 10);
  return end != text && !*skip_blanks(end) && !errno;
}

void babel_format_double(double value, char text[32]) {
  char digits[32];
  locale_t before = uselocale(c_locale());
  for (int count = 15; count <= 17; count++) {
    snprintf(digits, sizeof digits, "%.*g", count, value);
    if (strtod(digits, NULL) == value) break;
  }
  uselocale(before);
  strcpy(text, digits);
}
