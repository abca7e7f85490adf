/* Little-endian numbers at any address: file formats hold them unaligned. */
#ifndef BABEL_CORE_BYTES_H
#define BABEL_CORE_BYTES_H

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Tensors are mapped straight from little-endian files; a big-endian machine would need a conversion in every
 * reader. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "babel reads its files in place and needs a little-endian machine"
#endif

static inline uint16_t babel_u16(const void *at) {
  uint16_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static inline uint32_t babel_u32(const void *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static inline uint64_t babel_u64(const void *at) {
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

#ifdef __cplusplus
}
#endif
#endif
