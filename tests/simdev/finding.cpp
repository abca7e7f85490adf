#include "tests/simdev/block.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEPT = 16 };
static struct { char kind[32], text[1024]; } kept[KEPT];
static int kept_count;
static bool collect;

void simdev_findings_collect(int on) {
  collect = on != 0;
  kept_count = 0;
}

int simdev_findings_count(void) { return kept_count; }
const char *simdev_finding_kind(int i) { return i >= 0 && i < kept_count ? kept[i].kind : nullptr; }
const char *simdev_finding_text(int i) { return i >= 0 && i < kept_count ? kept[i].text : nullptr; }

const char *simdev_where(void) {
  static char text[256];
  if (!simdev_now.grid) return nullptr;
  const uint3 b = blockIdx;
  int n = snprintf(text, sizeof text, "kernel %s, block (%u,%u,%u)", simdev_now.grid->name, b.x, b.y, b.z);
  if (simdev_now.running && n > 0 && n < static_cast<int>(sizeof text)) {
    const uint3 t = simdev_now.running->index;
    snprintf(text + n, sizeof text - static_cast<size_t>(n), ", thread (%u,%u,%u)", t.x, t.y, t.z);
  }
  return text;
}

void simdev_finding(const char *kind, const char *format, ...) {
  char sentence[768], text[1024];
  va_list list;
  va_start(list, format);
  vsnprintf(sentence, sizeof sentence, format, list);
  va_end(list);
  const char *where = simdev_where();
  snprintf(text, sizeof text, "%s%s%s", where ? where : "", where ? ": " : "", sentence);
  if (!collect) {
    fprintf(stderr, "simdev: %s: %s\n", kind, text);
    abort();
  }
  if (kept_count < KEPT) {
    snprintf(kept[kept_count].kind, sizeof kept[0].kind, "%s", kind);
    snprintf(kept[kept_count].text, sizeof kept[0].text, "%s", text);
    ++kept_count;
  }
  if (simdev_now.grid) simdev_block_give_up();
}

/* The debug information is read by addr2line, only once there is something to report. */
const char *simdev_code_line(const void *pc) {
  static char text[512];
  Dl_info info;
  const char *code = static_cast<const char *>(pc) - 1; /* inside the call */
  if (!dladdr(code, &info) || !info.dli_fname) return "(unknown code)";
  const size_t offset = static_cast<size_t>(code - static_cast<const char *>(info.dli_fbase));
  snprintf(text, sizeof text, "%s+%#zx", info.dli_fname, offset);
  char file[256];
  snprintf(file, sizeof file, "%s", info.dli_fname);
  if (access(file, R_OK)) snprintf(file, sizeof file, "/proc/%d/exe", static_cast<int>(getpid())); /* argv[0] may be any name */
  char command[640], line[512];
  snprintf(command, sizeof command, "addr2line -i -e '%s' %#zx 2>/dev/null", file, offset);
  FILE *in = popen(command, "r");
  if (!in) return text;
  /* From the innermost inlined function outwards: the first line that is not a wrapper's. */
  while (fgets(line, sizeof line, in)) {
    line[strcspn(line, " \n")] = 0;
    if (line[0] == '?') continue;
    snprintf(text, sizeof text, "%s", line);
    if (!strstr(line, "/simdev/collectives.h") && !strstr(line, "/simdev/intrinsics.h") && !strstr(line, "/cuda/ptx/")) break;
  }
  pclose(in);
  return text;
}

/* The sanitizers' own reports name a line, not a thread. */
static void name_thread(void) {
  if (simdev_where()) fprintf(stderr, "simdev: in %s:\n", simdev_where());
}
extern "C" void __asan_on_error(void);
extern "C" void __asan_on_error(void) { name_thread(); }
extern "C" void __ubsan_on_report(void);
extern "C" void __ubsan_on_report(void) { name_thread(); }
