/* The inner part of SHA-256 (FIPS 180-4, section 6.2.2): 64 bytes a block into the state. */
#ifndef BABEL_CORE_SHA256_BLOCKS_H
#define BABEL_CORE_SHA256_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

/* By the processor's own instructions where it has them, else plainly; both give the same. */
void babel_sha256_blocks(uint32_t state[8], const unsigned char *at, size_t blocks);
void babel_sha256_blocks_plainly(uint32_t state[8], const unsigned char *at, size_t blocks);

#endif
