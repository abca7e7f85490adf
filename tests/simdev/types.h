/* Simulated device: CUDA's vector types, with CUDA's sizes and alignments. C and C++. */
#ifndef BABEL_TESTS_SIMDEV_TYPES_H
#define BABEL_TESTS_SIMDEV_TYPES_H

#define SIMDEV_ALIGN(n) __attribute__((aligned(n)))

typedef struct SIMDEV_ALIGN(8) int2 { int x, y; } int2;
typedef struct SIMDEV_ALIGN(16) int4 { int x, y, z, w; } int4;
typedef struct SIMDEV_ALIGN(8) uint2 { unsigned x, y; } uint2;
typedef struct uint3 { unsigned x, y, z; } uint3;
typedef struct SIMDEV_ALIGN(16) uint4 { unsigned x, y, z, w; } uint4;
typedef struct SIMDEV_ALIGN(8) float2 { float x, y; } float2;
typedef struct float3 { float x, y, z; } float3;
typedef struct SIMDEV_ALIGN(16) float4 { float x, y, z, w; } float4;
typedef struct SIMDEV_ALIGN(16) double2 { double x, y; } double2;
typedef struct SIMDEV_ALIGN(2) uchar2 { unsigned char x, y; } uchar2;
typedef struct SIMDEV_ALIGN(4) uchar4 { unsigned char x, y, z, w; } uchar4;

typedef struct dim3 {
  unsigned x, y, z;
#ifdef __cplusplus
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
#endif
} dim3;

#endif
