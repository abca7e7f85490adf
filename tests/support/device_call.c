#include "tests/support/device_call.h"

#include <stdlib.h>
#include <string.h>

#ifdef BABEL_SIMDEV
enum { GUARD = 0 }; /* it finds every access outside of an allocation itself, reads too */
#else
enum { GUARD = 256 };
#endif
enum { PATTERN = 0x5c, BOUNDARY = 64 };

void babel_device_begin(babel_device_call *call, const babel_ops *ops) {
  call->ops = ops;
  call->spans = call->regions = 0;
}

void babel_device_bytes(babel_device_call *call, void *field, int64_t bytes, babel_device_use use) {
  void *pointer;
  memcpy(&pointer, field, sizeof pointer);
  if (!pointer || bytes < 1) return;
  if (call->spans == BABEL_DEVICE_POINTERS) abort();
  call->span[call->spans++] = (babel_device_span){.host = pointer, .bytes = (size_t)bytes, .use = use, .field = field};
}

void babel_device_floats(babel_device_call *call, void *field, int64_t count, babel_device_use use) {
  babel_device_bytes(call, field, count * (int64_t)sizeof(float), use);
}

static int by_address(const void *a, const void *b) {
  const babel_device_span *x = a, *y = b;
  return (x->host > y->host) - (x->host < y->host);
}

static void merge(babel_device_call *call) {
  qsort(call->span, (size_t)call->spans, sizeof *call->span, by_address);
  for (int i = 0; i < call->spans; i++) {
    const babel_device_span *span = &call->span[i];
    babel_device_region *last = call->regions ? &call->region[call->regions - 1] : NULL;
    if (!last || span->host >= last->host + last->bytes) {
      last = &call->region[call->regions++];
      *last = (babel_device_region){.host = span->host, .lead = GUARD + (uintptr_t)span->host % BOUNDARY};
    }
    size_t end = (size_t)(span->host - last->host) + span->bytes;
    if (end > last->bytes) last->bytes = end;
  }
}

static size_t block_bytes(const babel_device_region *region) {
  return region->lead + region->bytes + GUARD;
}

void babel_device_release(babel_device_call *call) {
  for (int i = 0; i < call->regions; i++) {
    call->ops->free(call->region[i].device);
    free(call->region[i].sent);
    free(call->region[i].back);
  }
  call->regions = 0;
}

static babel_status send_region(const babel_device_call *call, babel_device_region *region) {
  void *device;
  size_t bytes = block_bytes(region);
  region->sent = malloc(bytes);
  region->back = malloc(bytes);
  if (!region->sent || !region->back) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for %zu bytes", bytes);
  BABEL_TRY(call->ops->alloc(&device, bytes));
  region->device = device;
  memset(region->sent, PATTERN, bytes);
  memcpy(region->sent + region->lead, region->host, region->bytes);
  return call->ops->upload(device, region->sent, bytes, NULL);
}

babel_status babel_device_send(babel_device_call *call) {
  merge(call);
  for (int i = 0; i < call->regions; i++) {
    babel_status status = send_region(call, &call->region[i]);
    if (status == BABEL_OK) continue;
    babel_device_release(call);
    return status;
  }
  for (int i = 0, r = 0; i < call->spans; i++) {
    const babel_device_span *span = &call->span[i];
    while (span->host >= call->region[r].host + call->region[r].bytes) r++;
    const babel_device_region *region = &call->region[r];
    void *pointer = region->device + region->lead + (span->host - region->host);
    memcpy(span->field, &pointer, sizeof pointer);
  }
  return BABEL_OK;
}

/* What may be written goes to the host and into `sent`; then nothing may differ. */
static babel_status fetch(babel_device_call *call, const char *noun) {
  for (int i = 0; i < call->regions; i++) BABEL_TRY(call->ops->download(call->region[i].back, call->region[i].device, block_bytes(&call->region[i]), NULL));
  for (int i = 0, r = 0; i < call->spans; i++) {
    const babel_device_span *span = &call->span[i];
    while (span->host >= call->region[r].host + call->region[r].bytes) r++;
    const babel_device_region *region = &call->region[r];
    size_t at = region->lead + (size_t)(span->host - region->host);
    if (span->use != BABEL_WRITTEN) continue;
    memcpy(span->host, region->back + at, span->bytes);
    memcpy(region->sent + at, region->back + at, span->bytes);
  }
  for (int i = 0; i < call->regions; i++)
    for (size_t at = 0; at < block_bytes(&call->region[i]); at++)
      if (call->region[i].sent[at] != call->region[i].back[at])
        return BABEL_FAIL(BABEL_ERR_STATE, "%s wrote where it must not: byte %lld of %zu of piece %d", noun,
                          (long long)at - (long long)call->region[i].lead, call->region[i].bytes, i);
  return BABEL_OK;
}

babel_status babel_device_end(babel_device_call *call, babel_status status, const char *noun) {
  babel_status waited = call->ops->synchronize(NULL);
  if (status == BABEL_OK) status = waited;
  if (status == BABEL_OK) status = fetch(call, noun);
  return status;
}
