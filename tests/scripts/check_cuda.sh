#!/usr/bin/env bash
# A CPU build reads no CUDA header: some machines have them all in a system folder, where a stray include finds them unseen.
# Usage: check_cuda.sh BUILD. Asks the dependency files that the compiler wrote. Exit 77 = skipped: there are none yet.
set -euo pipefail
dependencies=$({ ninja -C "$1" -t deps 2>/dev/null || true; find "$1" -name '*.d' -exec cat {} +; })
if ! grep -q 'core/status\.h' <<<"$dependencies"; then echo "no dependency files under $1"; exit 77; fi
if grep -oE '[^[:space:]]*/(cuda|cudnn|cublas|cufft|curand|cusparse|nccl|nvml|nvtx|nvrtc)[^/[:space:]]*\.h[p]*' <<<"$dependencies" | sort -u | grep .; then
  echo "a CPU build read the CUDA headers above"
  exit 1
fi
