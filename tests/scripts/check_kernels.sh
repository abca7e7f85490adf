#!/usr/bin/env bash
# Every CUDA kernel begins with babel_grid_wait (kernels/cuda/ptx/grid_wait.cuh): all are launched early, and one that does not wait reads what the
# kernel before it has not written yet. No simulation shows that. Usage: check_kernels.sh ROOT
set -euo pipefail
cd "$1"
find kernels/cuda -name '*.cu*' -exec cat {} + | LC_ALL=C awk '
  /__global__/ && !/^[ \t]*(\/\/|\/?\*)/ { inside = 1; name = "" }
  inside && match($0, /[a-z0-9_]+_kernel/) { name = substr($0, RSTART, RLENGTH) }
  inside && /;[ \t]*$/ && !waiting { inside = 0 }
  inside && /\{[ \t]*$/ { waiting = 1; next }
  waiting {
    seen++
    if ($0 !~ /^[ \t]*babel_grid_wait\(\);$/) { print name ": its first line is not babel_grid_wait();"; bad = 1 }
    inside = waiting = 0
  }
  END { if (!seen) { print "no kernel found"; bad = 1 } exit bad }'
