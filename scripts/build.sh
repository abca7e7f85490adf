#!/usr/bin/env bash
# Configures and builds babel (Release). Quiet unless something is wrong.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'EOF'
Usage: scripts/build.sh [--dir FOLDER] [--tests] [--sanitize] [--cuda | --simdev | --hooks] [--jobs N]
Builds the program FOLDER/babel. Packages must be there already: scripts/setup.sh, and scripts/setup_cuda.sh for --cuda.
  --dir FOLDER  build folder (default: build, or build-sanitize with --sanitize; /cuda, /simdev or /hooks in it with these)
  --tests       build the tests and benches too
  --sanitize    with AddressSanitizer and UndefinedBehaviorSanitizer
  --cuda        with the CUDA backend (needs nvcc, no device)
  --simdev      with the CUDA backend on the simulated device of the tests (needs a C++ compiler, neither nvcc nor a device)
  --hooks       --simdev with every access of a kernel reported: races, memory never written, counters (not with --sanitize)
  --jobs N      parallel compilations (default: one a core)
  --help        this text
EOF
}

folder="" tests=no sanitize=OFF cuda=OFF hooks=OFF jobs=$(nproc)
while [ $# -gt 0 ]; do
  case $1 in
    --dir) folder=${2:?"--dir needs a folder"}; shift ;;
    --tests) tests=yes ;;
    --sanitize) sanitize=ON ;;
    --cuda) cuda=ON ;;
    --simdev) cuda=simdev ;;
    --hooks) cuda=simdev hooks=ON ;;
    --jobs) jobs=${2:?"--jobs needs a number"}; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "build.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
[ -n "$folder" ] || {
  [ $sanitize = ON ] && folder=$root/build-sanitize || folder=$root/build
  case $cuda$hooks in ON*) folder+=/cuda ;; simdevOFF) folder+=/simdev ;; simdevON) folder+=/hooks ;; esac
}

options=(-DCMAKE_BUILD_TYPE=Release "-DBABEL_SANITIZE=$sanitize" "-DBABEL_CUDA=$cuda" "-DBABEL_SIMDEV_HOOKS=$hooks")
target=(--target babel)
if [ $tests = yes ]; then
  options+=(-DBABEL_TESTS=ON -DBABEL_BENCH=ON)
  target=()
elif [ ! -e "$folder/CMakeCache.txt" ]; then
  options+=(-DBABEL_TESTS=OFF -DBABEL_BENCH=OFF) # Criterion need not be there
fi
if command -v ccache >/dev/null; then options+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache); fi
[ -e "$folder/CMakeCache.txt" ] || options+=(-G Ninja)

mkdir -p "$folder"
log=$folder/build.log
if ! { cmake -S "$root" -B "$folder" "${options[@]}" && cmake --build "$folder" -j "$jobs" "${target[@]}"; } >"$log" 2>&1; then
  tail -n 60 "$log" >&2
  echo "build.sh: the build failed; all of its output: $log" >&2
  exit 1
fi
