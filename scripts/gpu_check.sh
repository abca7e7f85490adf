#!/usr/bin/env bash
# Everything that only a device can say, in a few minutes and in one table: the device tests, the program, compute-sanitizer, the bench.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
  cat <<'EOT'
Usage: scripts/gpu_check.sh [--build-dir FOLDER] [--out FOLDER] [--only LIST]
       scripts/gpu_check.sh --pack FILE.tar.xz
Runs on a machine with a device; a missing one is a failure. Exit code 0 when every row of the table is ok.
  --build-dir FOLDER  a build with BABEL_CUDA=ON, or an unpacked FILE.tar.xz (default: builds build/cuda on this machine)
  --out FOLDER        logs and table.txt (default: gpu_check in the build folder)
  --only LIST         of tests,program,sanitizer,bench (default: all)
  --pack FILE.tar.xz  no device needed: builds for any x86-64-v3 processor and packs programs, libraries and this script for a machine with a
                      device that has no compiler and no network (glibc 2.34 or newer): unpack, then ./gpu_check.sh --build-dir .
                      Without NCCL, which one device does not need and which is larger than all the rest
  --help              this text
EOT
}

build="" out="" pack="" only=tests,program,sanitizer,bench
while [ $# -gt 0 ]; do
  case $1 in
    --build-dir) build=${2:?"--build-dir needs a folder"}; shift ;;
    --out) out=${2:?"--out needs a folder"}; shift ;;
    --only) only=${2:?"--only needs a list"}; shift ;;
    --pack) pack=${2:?"--pack needs a file"}; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "gpu_check.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
root=$here
[ -e "$root/tests/scripts/backend.sh" ] || root=$here/..

make_pack() {
  local file=$1 folder=$root/build/cuda-pack program library
  local programs=(babel bench/babel_bench bench/babel_step_serve tests/support/babel_device_run)
  cmake -S "$root" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBABEL_CUDA=ON "-DBABEL_CUDA_ARCHITECTURES=80-real;90-real" -DBABEL_NATIVE=OFF \
    -DBABEL_NCCL=OFF -DCMAKE_C_FLAGS=-march=x86-64-v3 '-DCMAKE_BUILD_RPATH=$ORIGIN/lib;$ORIGIN/../lib;$ORIGIN/../../lib' -DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags >/dev/null
  mapfile -t -O ${#programs[@]} programs < <(awk '!/^#/ { print $3 }' "$folder/device_tests.txt" | sort -u)
  cmake --build "$folder" -j "${JOBS:-$(nproc)}" --target "${programs[@]##*/}" >"$folder/build.log" 2>&1 || { tail -n 40 "$folder/build.log" >&2; exit 1; }
  stage=$(mktemp -d) # removed at the end of the script
  trap 'rm -rf "$stage"' EXIT
  mkdir -p "$stage/lib" "$stage/tests/scripts"
  cp "$folder/device_tests.txt" "$stage"
  cp "$root/scripts/gpu_check.sh" "$stage"
  cp "$root/tests/scripts/backend.sh" "$stage/tests/scripts"
  for program in "${programs[@]}"; do
    mkdir -p "$stage/$(dirname "$program")"
    strip -o "$stage/$program" "$folder/$program"
    for library in $(ldd "$folder/$program" | awk '/=> \// { print $3 }'); do
      case ${library##*/} in # these belong to the machine
        libc.so.* | libm.so.* | libdl.so.* | libpthread.so.* | librt.so.* | libresolv.so.* | libstdc++.so.* | libgcc_s.so.*) ;;
        *) cp -nL "$library" "$stage/lib" ;;
      esac
    done
  done
  # by size: equal kernels lie near each other, so that xz finds them
  (cd "$stage" && find . -type f -printf '%s %p\n' | sort -n | cut -d' ' -f2- | tar -c -T - | xz -T1 --lzma2=preset=3,dict=128MiB) >"$file"
  echo "$file: $(($(stat -c %s "$file") / 1000000)) MB, $(du -sm "$stage" | cut -f1) MB unpacked"
}
if [ -n "$pack" ]; then make_pack "$pack"; exit 0; fi

if [ -z "$build" ]; then
  build=$root/build/cuda
  "$root/scripts/build.sh" --cuda --tests --dir "$build"
fi
build=$(cd "$build" && pwd)
[ -e "$build/device_tests.txt" ] || { echo "gpu_check.sh: $build holds no device_tests.txt: not a build with BABEL_CUDA=ON and tests" >&2; exit 2; }
out=${out:-$build/gpu_check}
mkdir -p "$out"
out=$(cd "$out" && pwd)
table=$out/table.txt
: >"$table"
failed=0

wants() { [[ ,$only, == *,$1,* ]]; }

# row NAME LIMIT COMMAND..: a line of the table; the output is in NAME.log.
row() {
  local name=$1 limit=$2 code=0 began=$EPOCHREALTIME result
  shift 2
  timeout "$limit" "$@" >"$out/$name.log" 2>&1 || code=$?
  case $code in
    0) result=ok ;;
    77) result=skipped failed=1 ;; # a device is required: nothing may be skipped
    124) result="FAILED: more than $limit s" failed=1 ;;
    *) result="FAILED: exit status $code" failed=1 ;;
  esac
  printf '%-44s %8s s  %s\n' "$name" "$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')" "$result" | tee -a "$table"
}

export BABEL_REQUIRE_CUDA=1 OMP_WAIT_POLICY=passive
{
  echo "# $("$build/babel" --version)"
  echo "# $(nvidia-smi --query-gpu=name,driver_version,clocks.sm,temperature.gpu --format=csv,noheader 2>/dev/null || echo 'no nvidia-smi')"
  echo "# $(uname -srm), glibc $(ldd --version 2>/dev/null | sed -n '1s/.* //p'), $(nproc) processors"
} | tee -a "$table"

# Small tests of every kernel family: the tools slow a kernel down by a factor of 10 to 100.
sanitize() { # TOOL TEST ENVIRONMENT PROGRAM FILTER
  local before=$failed
  row "$1-$2" 90 env "$3" compute-sanitizer --tool "$1" --target-processes all --error-exitcode 9 "$build/$4" -j1 --filter "$5"
  if grep -qE 'Device not supported|Unable to (load|find)' "$out/$1-$2.log"; then
    sed -i '$d' "$table"
    failed=$before
    echo "# compute-sanitizer does not support this device or machine" | tee -a "$table"
    return 1
  fi
  if ! grep -q 'ERROR SUMMARY: 0 errors\|RACECHECK SUMMARY: 0 hazards' "$out/$1-$2.log" || grep -qE 'SUMMARY: [1-9]' "$out/$1-$2.log"; then
    echo "# $1-$2: $(grep -hE 'SUMMARY' "$out/$1-$2.log" | sort | uniq -c | tr -s ' ' | tr '\n' ';')" | tee -a "$table"
  fi
}
sanitize_all() {
  local tool
  command -v compute-sanitizer >/dev/null || { echo "# compute-sanitizer is not installed" | tee -a "$table"; return 0; }
  for tool in memcheck racecheck initcheck synccheck; do
    sanitize $tool step BABEL_TEST_BACKEND=cuda tests/growth/test_growth_step_device '*inputs_have*' || return 0
    sanitize $tool linear BABEL_TEST_BACKEND=cuda:tf32 tests/kernels/test_kernels_linear '*list_of_jobs*'
    sanitize $tool adamw BABEL_TEST_BACKEND=cuda tests/kernels/test_kernels_adamw '*clamped*'
  done
}

set -f # the filters of tests hold stars
if wants tests; then
  while read -r name setting program arguments; do
    [[ $name == \#* ]] && continue
    long=()
    [[ $name != *_long ]] || long=(BABEL_TEST_LONG=1)
    row "$name" 200 env "$setting" "${long[@]}" "$build/tests/support/babel_device_run" "$build/$program" $arguments
  done <"$build/device_tests.txt"
fi
if wants program; then row program_cuda 200 bash "$root/tests/scripts/backend.sh" "$build/babel"; fi
if wants sanitizer; then sanitize_all; fi
if wants bench; then
  for precision in tf32 fp32 bf16; do
    for what in kernels step; do
      row "bench-$what-$precision" 150 "$build/bench/babel_bench" $what --backend "cuda:$precision" --seconds 0.1 --json "$out/bench-$what-$precision.json"
      grep -v '^# [A-Za-z%/_]*[:,]' "$out/bench-$what-$precision.log" | tee -a "$table" || true
    done
  done
fi
[ $failed = 0 ] && echo "# everything ok" | tee -a "$table" || echo "# NOT everything is ok: logs in $out" | tee -a "$table"
exit $failed
