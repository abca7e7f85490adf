#include "bench/backend.h"

#include <string.h>

babel_status babel_bench_backend(const char *name, const babel_ops **ops) {
  static const char *const names[] = {"cuda:tf32", "cuda:fp32", "cuda:bf16"};
  *ops = babel_ops_cpu();
  if (!strcmp(name, "cpu")) return BABEL_OK;
  for (int i = 0; i < 3; i++) {
    if (strcmp(name, names[i]) && (i || strcmp(name, "cuda"))) continue;
#ifdef BABEL_HAS_CUDA
    static const babel_precision precisions[] = {BABEL_PRECISION_TF32, BABEL_PRECISION_FP32, BABEL_PRECISION_BF16};
    BABEL_TRY(babel_cuda_open(0));
    *ops = babel_ops_cuda(precisions[i]);
    return BABEL_OK;
#else
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: this program was built without the CUDA backend (scripts/build.sh --cuda)", name);
#endif
  }
  return BABEL_FAIL(BABEL_ERR_ARG, "no backend is called %s: expected cpu, cuda, cuda:tf32, cuda:fp32 or cuda:bf16", name);
}
