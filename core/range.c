/* Only in programs with CUDA: NVTX is a header of its toolkit, which looks for a tool at the first call and otherwise does nothing. */
#include "core/range.h"

#include <nvtx3/nvToolsExt.h>
#include <pthread.h>

static nvtxDomainHandle_t domain; /* NULL where no tool listens */

static void open_domain(void) {
  domain = nvtxDomainCreateA("babel");
}

int babel_range_begin(const char *name) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_domain);
  if (!domain) return 0;
  nvtxEventAttributes_t event = {.version = NVTX_VERSION, .size = NVTX_EVENT_ATTRIB_STRUCT_SIZE, .messageType = NVTX_MESSAGE_TYPE_ASCII, .message.ascii = name};
  nvtxDomainRangePushEx(domain, &event);
  return 0;
}

void babel_range_end(const int *begun) {
  if (domain) nvtxDomainRangePop(domain);
}
