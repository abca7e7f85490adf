#include "tests/support/comma_locale.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char source[] =
    "LC_NUMERIC\ndecimal_point \"<U002C>\"\nthousands_sep \"<U002E>\"\ngrouping 3;3\nEND LC_NUMERIC\n"
    "LC_CTYPE\ncopy \"POSIX\"\nEND LC_CTYPE\n";

bool babel_comma_locale(void) {
  const char *base = getenv("TMPDIR");
  char folder[1024], command[3300], text[8];
  snprintf(folder, sizeof folder, "%s/babel_locale_XXXXXX", base && *base ? base : "/tmp");
  if (!mkdtemp(folder)) return false;
  snprintf(command, sizeof command, "%s/comma.src", folder);
  FILE *out = fopen(command, "w");
  if (!out) return false;
  fputs(source, out);
  fclose(out);
  snprintf(command, sizeof command, "localedef -c -i %s/comma.src -f ANSI_X3.4-1968 %s/comma >/dev/null 2>&1", folder, folder);
  int failed = system(command) == -1; /* its exit status tells of categories that nobody needs here */
  setenv("LOCPATH", folder, 1);
  failed |= !setlocale(LC_NUMERIC, "comma");
  snprintf(command, sizeof command, "rm -r '%s'", folder); /* a loaded locale needs its files no more */
  failed |= system(command) != 0;
  snprintf(text, sizeof text, "%.1f", 0.5);
  return !failed && !strcmp(text, "0,5");
}
