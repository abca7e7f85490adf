#include "bench/cublaslt.h"

#include <cublasLt.h>
#include <dlfcn.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/rng.h"
#include "tests/support/device_timer.h"

enum { WORKSPACE = 32 << 20 };

#define FUNCTIONS(X)                                                                                                                     \
  X(cublasLtCreate)                                                                                                                      \
  X(cublasLtMatmulDescCreate)                                                                                                            \
  X(cublasLtMatmulDescDestroy)                                                                                                           \
  X(cublasLtMatmulDescSetAttribute)                                                                                                      \
  X(cublasLtMatrixLayoutCreate)                                                                                                          \
  X(cublasLtMatrixLayoutDestroy)                                                                                                         \
  X(cublasLtMatmulPreferenceCreate)                                                                                                      \
  X(cublasLtMatmulPreferenceDestroy)                                                                                                     \
  X(cublasLtMatmulPreferenceSetAttribute)                                                                                                \
  X(cublasLtMatmulAlgoGetHeuristic)                                                                                                      \
  X(cublasLtMatmul)

#define DECLARE(name) __typeof__(&name) name##_;
static struct {
  FUNCTIONS(DECLARE)
  cublasLtHandle_t handle;
} lt; /* for the life of the program */

struct babel_cublaslt {
  const babel_ops *ops;
  void *a, *b, *c, *bias, *workspace;
  cublasLtMatmulDesc_t product;
  cublasLtMatrixLayout_t layout[3]; /* of the library's A, B, C */
  cublasLtMatmulAlgo_t algorithm;
};

static babel_status check(cublasStatus_t status, const char *what) {
  return status == CUBLAS_STATUS_SUCCESS ? BABEL_OK : BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: status %d", what, (int)status);
}
#define LT(name, ...) BABEL_TRY(check(lt.name##_(__VA_ARGS__), #name))

static babel_status open_library(void) {
  static const char *const file = "libcublasLt.so.13";
  if (lt.handle) return BABEL_OK;
  void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!library) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s is not on this machine (or not in LD_LIBRARY_PATH)", file);
#define LOAD(name)                                                                                      \
  *(void **)&lt.name##_ = dlsym(library, #name);                                                        \
  if (!lt.name##_) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s has no function " #name, file);
  FUNCTIONS(LOAD)
  LT(cublasLtCreate, &lt.handle);
  return BABEL_OK;
}

/* `count` random numbers on the device, as float32 or bf16. */
static babel_status operand(const babel_ops *ops, void **at, int64_t count, bool bf16) {
  void *host;
  BABEL_TRY(ops->alloc(at, (size_t)count * sizeof(float)));
  BABEL_TRY(babel_alloc(&host, (size_t)count, sizeof(float)));
  for (int64_t i = 0; i < count; i++) {
    union {
      float value;
      uint32_t bits;
    } x = {.value = babel_rng_uniform(3, BABEL_RNG_CONTROL, (uint64_t)i) - 0.5f};
    if (bf16) ((uint16_t *)host)[i] = (uint16_t)(x.bits >> 16);
    else ((float *)host)[i] = x.value;
  }
  babel_status status = ops->upload(*at, host, (size_t)count * (bf16 ? 2 : 4), NULL);
  if (status == BABEL_OK) status = ops->synchronize(NULL);
  free(host);
  return status;
}

/* The library stores columns: C^T = op(B)^T op(A)^T, so its A is our B, and what is transposed stays so. */
static babel_status describe(babel_cublaslt *p, babel_precision precision, const babel_cublaslt_shape *s) {
  const cublasComputeType_t computes[] = {[BABEL_PRECISION_TF32] = CUBLAS_COMPUTE_32F_FAST_TF32, [BABEL_PRECISION_FP32] = CUBLAS_COMPUTE_32F,
                                          [BABEL_PRECISION_BF16] = CUBLAS_COMPUTE_32F};
  const cudaDataType_t type = precision == BABEL_PRECISION_BF16 ? CUDA_R_16BF : CUDA_R_32F;
  const cublasOperation_t op_a = s->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N, op_b = s->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasLtEpilogue_t epilogue = s->relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS;
  const uint64_t m = (uint64_t)s->m, n = (uint64_t)s->n, k = (uint64_t)s->k;
  LT(cublasLtMatmulDescCreate, &p->product, computes[precision], CUDA_R_32F);
  LT(cublasLtMatmulDescSetAttribute, p->product, CUBLASLT_MATMUL_DESC_TRANSA, &op_a, sizeof op_a);
  LT(cublasLtMatmulDescSetAttribute, p->product, CUBLASLT_MATMUL_DESC_TRANSB, &op_b, sizeof op_b);
  if (s->bias) LT(cublasLtMatmulDescSetAttribute, p->product, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue);
  if (s->bias) LT(cublasLtMatmulDescSetAttribute, p->product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &p->bias, sizeof p->bias);
  LT(cublasLtMatrixLayoutCreate, &p->layout[0], type, s->transpose_b ? k : n, s->transpose_b ? n : k, (int64_t)(s->transpose_b ? k : n));
  LT(cublasLtMatrixLayoutCreate, &p->layout[1], type, s->transpose_a ? m : k, s->transpose_a ? k : m, (int64_t)(s->transpose_a ? m : k));
  LT(cublasLtMatrixLayoutCreate, &p->layout[2], CUDA_R_32F, n, m, (int64_t)n);
  return BABEL_OK;
}

static babel_status choose(babel_cublaslt *p) {
  cublasLtMatmulPreference_t preference;
  cublasLtMatmulHeuristicResult_t found = {0};
  const size_t bytes = WORKSPACE;
  int count = 0;
  LT(cublasLtMatmulPreferenceCreate, &preference);
  cublasStatus_t status = lt.cublasLtMatmulPreferenceSetAttribute_(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof bytes);
  if (status == CUBLAS_STATUS_SUCCESS)
    status = lt.cublasLtMatmulAlgoGetHeuristic_(lt.handle, p->product, p->layout[0], p->layout[1], p->layout[2], p->layout[2], preference, 1, &found, &count);
  lt.cublasLtMatmulPreferenceDestroy_(preference);
  BABEL_TRY(check(status, "cublasLtMatmulAlgoGetHeuristic"));
  if (!count) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "cublasLt has no algorithm for this shape");
  p->algorithm = found.algo;
  return BABEL_OK;
}

babel_status babel_cublaslt_create(babel_cublaslt **product, const babel_ops *ops, babel_precision precision, const babel_cublaslt_shape *shape) {
  const bool bf16 = precision == BABEL_PRECISION_BF16;
  const int64_t m = shape->m, n = shape->n, k = shape->k;
  babel_status status;
  *product = NULL;
  BABEL_TRY(open_library());
  babel_cublaslt *p = calloc(1, sizeof *p);
  if (!p) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a product");
  p->ops = ops;
  BABEL_TRY_OR(operand(ops, &p->a, m * k, bf16), fail);
  BABEL_TRY_OR(operand(ops, &p->b, k * n, bf16), fail);
  BABEL_TRY_OR(operand(ops, &p->bias, n, false), fail);
  BABEL_TRY_OR(ops->alloc(&p->c, (size_t)(m * n) * sizeof(float)), fail);
  BABEL_TRY_OR(ops->alloc(&p->workspace, WORKSPACE), fail);
  BABEL_TRY_OR(describe(p, precision, shape), fail);
  BABEL_TRY_OR(choose(p), fail);
  *product = p;
  return BABEL_OK;
fail:
  babel_cublaslt_destroy(p);
  return status;
}

void babel_cublaslt_destroy(babel_cublaslt *p) {
  if (!p) return;
  void *memory[] = {p->a, p->b, p->c, p->bias, p->workspace};
  for (int i = 0; i < 5; i++)
    if (memory[i]) p->ops->free(memory[i]);
  for (int i = 0; i < 3; i++)
    if (p->layout[i]) lt.cublasLtMatrixLayoutDestroy_(p->layout[i]);
  if (p->product) lt.cublasLtMatmulDescDestroy_(p->product);
  free(p);
}

static babel_status once(babel_cublaslt *p, babel_stream *s) {
  const float one = 1, zero = 0;
  LT(cublasLtMatmul, lt.handle, p->product, &one, p->b, p->layout[0], p->a, p->layout[1], &zero, p->c, p->layout[2], p->c, p->layout[2], &p->algorithm,
     p->workspace, WORKSPACE, (cudaStream_t)s);
  return BABEL_OK;
}

babel_status babel_cublaslt_run(babel_cublaslt *p) {
  babel_stream *s = NULL;
  BABEL_TRY(once(p, NULL));
  if (!babel_device_timer_begin(p->ops, &s)) return p->ops->synchronize(NULL);
  babel_status status;
  do status = once(p, s);
  while (status == BABEL_OK && babel_device_timer_again());
  return babel_device_timer_end(status);
}
