/* The PTX instructions that kernels/cuda/ptx/ wraps: tensor-core products and ldmatrix by the table of fragments.h, async copies. */
#include "kernels/cuda/ptx/fragments.h"
#include "tests/simdev/block.h"

#define FRAGMENT(operand, elements, row, column, confirmed) BABEL_FRAGMENT_FUNCTION(static, operand, row, column)
BABEL_FRAGMENTS(FRAGMENT)

struct mma_operand { float *d; const uint32_t *a, *b; const float *c; };

static float float_of(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

/* acc (16, 8) += a (16, k) b (k, 8) with acc from c, and the result to each lane's d. */
template <int K> static void multiply(simdev_warp *w, float a[16][K], float b[K][8]) {
  float acc[16][8];
  for (int e = 0; e < 4 * 32; ++e) {
    const babel_fragment_place at = babel_fragment_accumulator(e / 4, e % 4);
    acc[at.row][at.column] = static_cast<mma_operand *>(w->operand[e / 4])->c[e % 4];
  }
  for (int i = 0; i < 16; ++i)
    for (int k = 0; k < K; ++k)
      for (int j = 0; j < 8; ++j) acc[i][j] += a[i][k] * b[k][j];
  for (int e = 0; e < 4 * 32; ++e) {
    const babel_fragment_place at = babel_fragment_accumulator(e / 4, e % 4);
    static_cast<mma_operand *>(w->operand[e / 4])->d[e % 4] = acc[at.row][at.column];
  }
}

static float tf32(uint32_t bits) { return float_of(bits & 0xffffe000u); }

/* Element e of an operand in bf16, two a register. */
static float bf16(const uint32_t *registers, int e) { return float_of(registers[e / 2] >> 16 * (e % 2) << 16); }

static void resolve_mma_tf32(simdev_warp *w, unsigned) {
  float a[16][8], b[8][8];
  for (int lane = 0; lane < 32; ++lane) {
    const mma_operand *o = static_cast<mma_operand *>(w->operand[lane]);
    for (int e = 0; e < 4; ++e) {
      const babel_fragment_place at = babel_fragment_tf32_a(lane, e);
      a[at.row][at.column] = tf32(o->a[e]);
    }
    for (int e = 0; e < 2; ++e) {
      const babel_fragment_place at = babel_fragment_tf32_b(lane, e);
      b[at.row][at.column] = tf32(o->b[e]);
    }
  }
  multiply<8>(w, a, b);
  simdev_count_mma(16 * 8 * 8);
}

static void resolve_mma_bf16(simdev_warp *w, unsigned) {
  float a[16][16], b[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    const mma_operand *o = static_cast<mma_operand *>(w->operand[lane]);
    for (int e = 0; e < 8; ++e) {
      const babel_fragment_place at = babel_fragment_bf16_a(lane, e);
      a[at.row][at.column] = bf16(o->a, e);
    }
    for (int e = 0; e < 4; ++e) {
      const babel_fragment_place at = babel_fragment_bf16_b(lane, e);
      b[at.row][at.column] = bf16(o->b, e);
    }
  }
  multiply<16>(w, a, b);
  simdev_count_mma(16 * 8 * 16);
}

/* All of a warp's 32 lanes execute it: a short warp or one that has lost a lane is a finding. */
static void meet_all(simdev_resolve *resolve, void *operand, const void *pc) {
  if (simdev_now.running_warp->exists != 0xffffffffu) {
    simdev_finding("warp divergence", "%s: a warp-wide instruction in a warp of fewer than 32 threads", simdev_code_line(pc));
  }
  simdev_meet(resolve, 0xffffffffu, operand, {nullptr, 0}, pc);
}

void simdev_mma_tf32_16x8x8(float d[4], const uint32_t a[4], const uint32_t b[2], const float c[4]) {
  mma_operand operand = {d, a, b, c};
  meet_all(resolve_mma_tf32, &operand, __builtin_return_address(0));
}

void simdev_mma_bf16_16x8x16(float d[4], const uint32_t a[4], const uint32_t b[2], const float c[4]) {
  mma_operand operand = {d, a, b, c};
  meet_all(resolve_mma_bf16, &operand, __builtin_return_address(0));
}

/* ldmatrix: two halves are one float of the table's; transposed: row and column of each 8 x 8 matrix change places. */

struct ldmatrix_operand { uint32_t *d; const uint16_t *row; };

template <int trans> static void resolve_ldmatrix(simdev_warp *w, unsigned) {
  const uint16_t *row[32];
  for (int lane = 0; lane < 32; ++lane) row[lane] = static_cast<ldmatrix_operand *>(w->operand[lane])->row;
  for (int lane = 0; lane < 32; ++lane) {
    uint32_t *d = static_cast<ldmatrix_operand *>(w->operand[lane])->d;
    for (int e = 0; e < 4; ++e) {
      const babel_fragment_place at = babel_fragment_ldmatrix_x4(lane, e);
      const uint16_t *const *m = row + at.row / 8 * 8;
      const int g = at.row % 8, t = 2 * at.column;
      const uint32_t low = trans ? m[t][g] : m[g][t], high = trans ? m[t + 1][g] : m[g][t + 1];
      d[e] = low | high << 16;
    }
  }
}

void simdev_ldmatrix_x4(uint32_t d[4], const void *row, int trans) {
  simdev_touch(row, 16, 16, SIMDEV_READ, __builtin_return_address(0));
  ldmatrix_operand operand = {d, static_cast<const uint16_t *>(row)};
  meet_all(trans ? resolve_ldmatrix<1> : resolve_ldmatrix<0>, &operand, __builtin_return_address(0));
}

/* cp.async */

void simdev_cp_async(void *shared, const void *global, int bytes, int source_bytes) {
  const void *pc = __builtin_return_address(0);
  const simdev_range range = simdev_shared_range();
  if ((bytes != 4 && bytes != 8 && bytes != 16) || source_bytes < 0 || source_bytes > bytes) {
    simdev_finding("async copy", "%s: of %d bytes, %d of them read", simdev_code_line(pc), bytes, source_bytes);
  }
  if (static_cast<char *>(shared) < range.begin || static_cast<char *>(shared) >= range.end) {
    simdev_finding("async copy", "%s: its destination is not in shared memory", simdev_code_line(pc));
  }
  const size_t size = static_cast<size_t>(bytes);
  simdev_touch(shared, size, size, SIMDEV_WRITE, pc);
  if (source_bytes) simdev_touch(global, static_cast<size_t>(source_bytes), size, SIMDEV_READ, pc);
  memset(shared, 0xff, size);
  simdev_copy_started(shared, size);
  simdev_now.running->copies.push_back({shared, global, bytes, source_bytes, pc});
}

void simdev_cp_async_commit(void) { simdev_now.running->groups.push_back(simdev_now.running->copies.size()); }

/* The oldest n copies have landed. */
static void land(simdev_thread *t, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const simdev_copy &c = t->copies[i];
    const size_t size = static_cast<size_t>(c.bytes), source = static_cast<size_t>(c.source_bytes);
    memset(c.to, 0, size);
    if (source) memcpy(c.to, c.from, source);
    simdev_copy_landed(c.to, size, c.pc, false);
  }
  t->copies.erase(t->copies.begin(), t->copies.begin() + static_cast<std::ptrdiff_t>(n));
}

void simdev_cp_async_wait(int groups) {
  simdev_thread *t = simdev_now.running;
  if (t->groups.size() <= static_cast<size_t>(groups)) return;
  const size_t complete = t->groups.size() - static_cast<size_t>(groups), n = t->groups[complete - 1];
  land(t, n);
  t->groups.erase(t->groups.begin(), t->groups.begin() + static_cast<std::ptrdiff_t>(complete));
  for (size_t &end : t->groups) end -= n;
}

void simdev_cp_async_wait_all(void) {
  land(simdev_now.running, simdev_now.running->copies.size());
  simdev_now.running->groups.clear();
}
