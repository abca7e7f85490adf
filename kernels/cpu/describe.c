/* What this backend computes with: in manifests, and compared when a run is continued. */
#include <dnnl.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "kernels/cpu/describe.h"

void babel_describe_cpu(char *text, size_t size) {
  char line[256], model[128] = "unknown processor";
  const dnnl_version_t *version = dnnl_version();
  FILE *info = fopen("/proc/cpuinfo", "re");
  while (info && fgets(line, sizeof line, info)) {
    char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) || !colon) continue;
    line[strcspn(line, "\n")] = 0;
    snprintf(model, sizeof model, "%s", colon + 2);
    break;
  }
  if (info) fclose(info);
  snprintf(text, size, "%s, %d threads, oneDNN %d.%d.%d, compiler %s", model, omp_get_max_threads(), version->major, version->minor,
           version->patch, __VERSION__);
}
