#include "data/csv.h"

#include <string.h>

static bool blank(char c) {
  return c == ' ' || c == '\t';
}

/* Cuts one field off at *at, in place; *more tells whether a comma followed. False on text around quotes. */
static bool cut_field(char **at, char **field, bool *more) {
  char *from = *at, *to;
  while (blank(*from)) from++;
  if (*from == '"') {
    to = *field = ++from;
    for (;; from++) {
      if (!*from) return false; /* the closing quote is missing */
      if (*from == '"' && *++from != '"') break;
      *to++ = *from;
    }
    while (blank(*from)) from++;
    if (*from && *from != ',') return false;
  } else {
    *field = from;
    from += strcspn(from, ",");
    to = from;
    while (to > *field && blank(to[-1])) to--;
  }
  *more = *from == ',';
  *at = from + *more;
  *to = 0;
  return true;
}

/* Number of fields in csv->line; 0 for a blank line, -1 for bad quotes or too many. */
static int cut_line(babel_csv *csv) {
  char *at = csv->line;
  bool more = true;
  int count = 0;
  if (!at[strspn(at, " \t")]) return 0;
  while (more) {
    if (count == BABEL_CSV_FIELDS || !cut_field(&at, &csv->fields[count++], &more)) return -1;
  }
  return count;
}

static bool header_is(const babel_csv *csv, int count, const char *header) {
  for (int i = 0; i < count; i++) {
    size_t length = strlen(csv->fields[i]);
    if (strncmp(header, csv->fields[i], length) || header[length] != (i + 1 < count ? ',' : 0)) return false;
    header += length + 1;
  }
  return true;
}

babel_status babel_csv_open(babel_csv *csv, const char *path, const char *header, const char *longer) {
  babel_status status;
  char found[80] = "nothing";
  int count = 0;
  memset(csv, 0, sizeof *csv);
  BABEL_TRY(babel_file_open(&csv->file, path));
  csv->lines.file = &csv->file;
  if (babel_lines_next(&csv->lines, csv->line, sizeof csv->line, &status)) {
    memcpy(found, csv->line, sizeof found - 1);
    found[sizeof found - 1] = 0;
    count = cut_line(csv);
  }
  if (status == BABEL_OK &&
      (count < 1 || (!header_is(csv, count, header) && !(longer && header_is(csv, count, longer)))))
    status = BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line 1: expected the header \"%s\"%s%s%s, found \"%s\"", path,
                        header, longer ? " or \"" : "", longer ? longer : "", longer ? "\"" : "", found);
  if (status != BABEL_OK) babel_csv_close(csv);
  csv->columns = count;
  return status;
}

void babel_csv_close(babel_csv *csv) {
  if (!csv) return;
  babel_file_close(&csv->file);
}

bool babel_csv_next(babel_csv *csv, babel_status *status) {
  int count = 0;
  while (!count) {
    if (!babel_lines_next(&csv->lines, csv->line, sizeof csv->line, status)) return false;
    count = cut_line(csv);
  }
  if (count == csv->columns) return true;
  if (count < 0)
    *status =
        BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %d: expected %d fields, found stray quotes or far more fields",
                   csv->file.path, csv->lines.number, csv->columns);
  else
    *status = BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %d: expected %d fields, found %d", csv->file.path,
                         csv->lines.number, csv->columns, count);
  return false;
}

babel_status babel_csv_int(const babel_csv *csv, int i, const char *what, int low, int high, int *value) {
  int64_t number;
  if (!babel_parse_int(csv->fields[i], &number) || number < low || number > high)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %d: expected a %s of %d to %d, found \"%.40s\"",
                      csv->file.path, csv->lines.number, what, low, high, csv->fields[i]);
  *value = (int)number;
  return BABEL_OK;
}
