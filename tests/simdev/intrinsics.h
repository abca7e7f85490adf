/* Simulated device: make_*, bit casts, cached loads and arithmetic intrinsics by CUDA's names. The fast approximate ones
 * (__expf, __fdividef, ...) are missing on purpose: no kernel of ours uses them. */
#ifndef BABEL_TESTS_SIMDEV_INTRINSICS_H
#define BABEL_TESTS_SIMDEV_INTRINSICS_H

static inline int2 make_int2(int x, int y) { return int2{x, y}; }
static inline int4 make_int4(int x, int y, int z, int w) { return int4{x, y, z, w}; }
static inline uint2 make_uint2(unsigned x, unsigned y) { return uint2{x, y}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return uint4{x, y, z, w}; }
static inline float2 make_float2(float x, float y) { return float2{x, y}; }
static inline float4 make_float4(float x, float y, float z, float w) { return float4{x, y, z, w}; }

template <class To, class From>
static inline To simdev_bits(From x) {
  static_assert(sizeof(To) == sizeof(From), "a bit cast keeps the size");
  To y;
  memcpy(&y, &x, sizeof y);
  return y;
}
static inline unsigned __float_as_uint(float x) { return simdev_bits<unsigned>(x); }
static inline int __float_as_int(float x) { return simdev_bits<int>(x); }
static inline float __uint_as_float(unsigned x) { return simdev_bits<float>(x); }
static inline float __int_as_float(int x) { return simdev_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return simdev_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return simdev_bits<double>(x); }

/* cvt.rna.tf32.f32: 10 explicit mantissa bits, to nearest, ties away from zero; the low 13 bits are zero. */
static inline uint32_t simdev_cvt_rna_tf32(float x) {
  const uint32_t bits = __float_as_uint(x);
  if (x != x) return 0x7fffffffu;
  return (bits & 0x7f800000u) == 0x7f800000u ? bits : (bits + 0x1000u) & 0xffffe000u;
}

/* cvt.rn.bf16x2.f32 d, high, low: to nearest, ties to even; NaN becomes 0x7fff. */
static inline uint32_t simdev_bf16_of(float x) {
  const uint32_t bits = __float_as_uint(x);
  return x != x ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}
static inline uint32_t simdev_cvt_rn_bf16x2(float high, float low) { return simdev_bf16_of(high) << 16 | simdev_bf16_of(low); }

template <class T> static inline T __ldg(const T *p) { return *p; }
template <class T> static inline T __ldcg(const T *p) { return *p; }
template <class T> static inline T __ldcs(const T *p) { return *p; }
template <class T> static inline void __stcg(T *p, T v) { *p = v; }
template <class T> static inline void __stcs(T *p, T v) { *p = v; }

static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline float __frsqrt_rn(float x) { return (float)(1 / sqrt((double)x)); }
static inline double rsqrt(double x) { return 1.0 / sqrt(x); }
/* Counted: the fused multiply-adds that the source spells. Those that nvcc makes of a * b + c besides are in the static facts. */
void simdev_count_fused(void);
static inline float simdev_fmaf(float a, float b, float c) {
  simdev_count_fused();
  return __builtin_fmaf(a, b, c);
}
#define fmaf(a, b, c) simdev_fmaf(a, b, c)
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fsqrt_rn(float a) { return sqrtf(a); }
static inline float __frcp_rn(float a) { return 1.0f / a; }

static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}

/* CUDA has min and max of every arithmetic type without a header. */
#define SIMDEV_MIN_MAX(T)                                       \
  static inline T min(T a, T b) { return b < a ? b : a; }       \
  static inline T max(T a, T b) { return a < b ? b : a; }
SIMDEV_MIN_MAX(int)
SIMDEV_MIN_MAX(unsigned)
SIMDEV_MIN_MAX(long)
SIMDEV_MIN_MAX(unsigned long)
SIMDEV_MIN_MAX(long long)
SIMDEV_MIN_MAX(unsigned long long)
#undef SIMDEV_MIN_MAX
/* As fminf, fmaxf: the operand that is a number, when the other is NaN. */
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }

#endif
