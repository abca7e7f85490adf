#include "cli/backend.h"

#include <string.h>

#include "core/log.h"
#include "kernels/emulate.h"

typedef enum { AUTO, CPU, CUDA } wish;

static int rank; /* among those on this machine */

void babel_backend_rank(int local_rank) {
  rank = local_rank;
}

#ifdef BABEL_HAS_CUDA

static const bool built_in = true;

/* The simulated device is slow: it is there for who asks for it by name. */
#ifdef BABEL_SIMDEV
static const bool automatic = false;
#else
static const bool automatic = true;
#endif

static babel_status open_cuda(babel_precision precision, const babel_ops **ops) {
  int devices;
  BABEL_TRY(babel_cuda_devices(&devices));
  BABEL_TRY(babel_cuda_open(rank % devices));
  *ops = babel_ops_cuda(precision);
  return BABEL_OK;
}

#else

static const bool built_in = false, automatic = false;

static babel_status open_cuda(babel_precision precision, const babel_ops **ops) {
  return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "this program was built without CUDA");
}

#endif

static babel_status read_wish(const babel_args *args, wish *found) {
  const char *word = babel_args_value(args, "backend");
  *found = AUTO;
  if (!word || !strcmp(word, "auto")) return BABEL_OK;
  *found = !strcmp(word, "cuda") ? CUDA : CPU;
  return !strcmp(word, "cpu") || *found == CUDA ? BABEL_OK : BABEL_FAIL(BABEL_ERR_ARG, "--backend %s: expected auto, cpu or cuda", word);
}

babel_status babel_backend_check(const babel_args *args) {
  wish found;
  BABEL_TRY(read_wish(args, &found));
  return found == CUDA && !built_in ? BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "--backend cuda: this program was built without CUDA") : BABEL_OK;
}

static babel_status emulate(const char *word, wish found, const babel_ops **ops) {
  const bool tf32 = !strcmp(word, "tf32");
  if (found == CUDA) return BABEL_FAIL(BABEL_ERR_ARG, "--emulate rounds on the CPU: not with --backend cuda, where precision says how");
  if (!tf32 && strcmp(word, "bf16")) return BABEL_FAIL(BABEL_ERR_ARG, "--emulate %s: expected tf32 or bf16", word);
  *ops = babel_ops_emulate(tf32 ? BABEL_PRECISION_TF32 : BABEL_PRECISION_BF16);
  return BABEL_OK;
}

babel_status babel_backend_choose(const babel_args *args, babel_precision precision, const babel_ops **ops) {
  wish found;
  *ops = babel_ops_cpu();
  BABEL_TRY(read_wish(args, &found));
  const char *rounding = babel_args_value(args, "emulate");
  if (rounding) return emulate(rounding, found, ops);
  if (found == CPU || (found == AUTO && !automatic)) return BABEL_OK;
  babel_status status = open_cuda(precision, ops);
  if (status == BABEL_OK) return BABEL_OK;
  if (found == CUDA) return babel_fail_context("--backend cuda: ");
  babel_error reason = babel_error_take();
  babel_note("computing on the CPU: %s", reason.sentence);
  return BABEL_OK;
}

const char *babel_backend_names(void) {
  return built_in ? "cpu, cuda" : "cpu";
}
