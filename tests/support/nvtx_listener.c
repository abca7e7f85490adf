/* A tool that listens to NVTX, as a profiler does: the library that $NVTX_INJECTION64_PATH names. It writes one line a range of the domain
 * "babel" to $BABEL_NVTX_LOG as the range begins, two blanks deeper in each range around it; in the end how many are still open. */
#include <nvtx3/nvToolsExt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *out;
static int depth;
static char ours; /* the handle's address says which domain it is */
static char other;

static nvtxDomainHandle_t NVTX_API create(const char *name) {
  return (nvtxDomainHandle_t)(strcmp(name, "babel") ? &other : &ours);
}

static int NVTX_API push(nvtxDomainHandle_t domain, const nvtxEventAttributes_t *event) {
  if ((void *)domain == &ours && out) fprintf(out, "%*s%s\n", 2 * depth, "", event->message.ascii);
  return depth++;
}

static int NVTX_API pop(nvtxDomainHandle_t domain) {
  return --depth;
}

static void finish(void) {
  if (out) fprintf(out, "open: %d\n", depth), fclose(out);
}

/* The name and type that NVTX looks for. */
NVTX_DYNAMIC_EXPORT int NVTX_API InitializeInjectionNvtx2(NvtxGetExportTableFunc_t tables);
NVTX_DYNAMIC_EXPORT int NVTX_API InitializeInjectionNvtx2(NvtxGetExportTableFunc_t tables) {
  const NvtxExportTableCallbacks *callbacks = (const NvtxExportTableCallbacks *)tables(NVTX_ETID_CALLBACKS);
  NvtxFunctionTable functions = NULL;
  unsigned count = 0;
  const char *path = getenv("BABEL_NVTX_LOG");
  if (!callbacks || !path || !callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE2, &functions, &count) || count <= NVTX_CBID_CORE2_DomainCreateA) return 0;
  *functions[NVTX_CBID_CORE2_DomainCreateA] = (NvtxFunctionPointer)(void (*)(void))create;
  *functions[NVTX_CBID_CORE2_DomainRangePushEx] = (NvtxFunctionPointer)(void (*)(void))push;
  *functions[NVTX_CBID_CORE2_DomainRangePop] = (NvtxFunctionPointer)(void (*)(void))pop;
  out = fopen(path, "we");
  atexit(finish);
  return 1;
}
