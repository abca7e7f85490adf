/* One call of a device operation on memory of the host: device_ops.h says what is checked.
 *
 *   babel_device_call call;
 *   babel_device_begin(&call, ops);
 *   babel_device_floats(&call, &job.y, n, BABEL_WRITTEN);   for every pointer of every job, by the address of the pointer
 *   BABEL_TRY(babel_device_send(&call));                    the pointers now point to the device
 *   status = babel_device_end(&call, ops->...(&job, 1, NULL), "noun");
 *   babel_device_release(&call); */
#ifndef BABEL_TESTS_SUPPORT_DEVICE_CALL_H
#define BABEL_TESTS_SUPPORT_DEVICE_CALL_H

#include "kernels/ops.h"

enum { BABEL_DEVICE_POINTERS = 1024 };

typedef enum { BABEL_READ, BABEL_WRITTEN } babel_device_use; /* written: read too where the operation does */

typedef struct {
  unsigned char *host;
  size_t bytes;
  babel_device_use use;
  void *field; /* the job's pointer */
} babel_device_span;

typedef struct {
  unsigned char *host; /* first byte of overlapping spans */
  size_t bytes, lead;  /* of them; bytes in front of them in the block: guard band and alignment */
  unsigned char *device, *sent, *back;
} babel_device_region;

typedef struct {
  const babel_ops *ops;
  int spans, regions;
  babel_device_span span[BABEL_DEVICE_POINTERS];
  babel_device_region region[BABEL_DEVICE_POINTERS];
} babel_device_call;

void babel_device_begin(babel_device_call *call, const babel_ops *ops);
/* A NULL pointer stays NULL; so does one to a count below 1: whoever checks sizes will say so. */
void babel_device_bytes(babel_device_call *call, void *field, int64_t bytes, babel_device_use use);
void babel_device_floats(babel_device_call *call, void *field, int64_t count, babel_device_use use);
babel_status babel_device_send(babel_device_call *call);
/* Waits, copies back and checks; the pieces stay on the device. */
babel_status babel_device_end(babel_device_call *call, babel_status status, const char *noun);
void babel_device_release(babel_device_call *call);

#endif
