#!/usr/bin/env bash
# The program's NVTX ranges as a profiler sees them, on the CPU and where there is one on a device: which, within which, and none left open,
# also after a failure. Usage: ranges.sh PROGRAM LISTENER
set -euo pipefail
babel=$1 listener=$2 banks=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../scripts" && pwd)/made_up_banks.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive BABEL_NVTX_LOG=$work/ranges
fail() { echo "ranges.sh: $*"; cat ranges output 2>/dev/null; exit 1; }
heard() { # CODE ARGUMENTS..: the ranges are in `ranges`, each kind once, in the order of first appearance
  local wanted=$1 code=0
  shift
  rm -f ranges
  NVTX_INJECTION64_PATH=$listener "$babel" "$@" >output 2>&1 || code=$?
  [ $code = "$wanted" ] || fail "babel $*: exit status $code, expected $wanted"
  [ -s ranges ] || fail "babel $*: no listener was asked for"
  [ "$(tail -n 1 ranges)" = "open: 0" ] || fail "babel $*: ranges are left open"
  count=$(grep -c '^  steps$' ranges || true)
  sed '$d' ranges | awk '!seen[$0]++' >kinds
}
is() { diff "$1" kinds || fail "other ranges"; }

"$banks" "$babel" . 24 imu:12 skeleton:20 >/dev/null
grow=(grow --bank imu.bank --bank skeleton.bank --set embed_dim=40 --set hidden=24 --set batch=8 --set max_steps=20 --set variants=1 --quiet)
heard 0 "${grow[@]}" --backend cpu --out cpu
[ "$count" = 20 ] || fail "$count steps, expected 20"
cat >cpu_kinds <<'TEXT'
growth phase
  prepare
  start
  steps
    forward
    backward
    gradients
      weigh
    update
  report
  finish
TEXT
is cpu_kinds
heard 0 embed --trunk cpu/trunk.safetensors --bank imu.bank --backend cpu --out x.npy
echo embed >embed_kinds
is embed_kinds
# features of 3e38, doubled by the dropout, are infinite
{ printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (8, 4), }"; for i in {1..32}; do printf '\xe6\xb1\x61\x7f'; done; } >huge.npy
{ echo key,label,subject; seq -f 'k%.0f,0,0' 8; } >keys.csv
"$babel" bank import --features huge.npy --keys keys.csv --modality imu --out huge.bank --quiet >/dev/null
"$babel" bank import --features huge.npy --keys keys.csv --modality skeleton --out huge2.bank --quiet >/dev/null
heard 1 grow --bank huge.bank --bank huge2.bank --set standardise=false --set batch=8 --set variants=1 --set max_steps=20 --quiet --backend cpu --out broken
grep -q '^  report$' ranges || fail "it did not fail where it should"

code=0
"$babel" "${grow[@]}" --backend cuda --out cuda >output 2>&1 || code=$?
if [ $code = 1 ] && grep -qF 'no CUDA device' output && [ "${BABEL_REQUIRE_CUDA:-0}" != 1 ]; then exit 0; fi
heard 0 "${grow[@]}" --backend cuda --out cuda --force
cat >cuda_kinds <<'TEXT'
growth phase
  prepare
  start
  steps
    record
      forward
      backward
      weigh
      update
  report
  finish
TEXT
is cuda_kinds
[ "$(grep -c '^    record$' ranges)" = 1 ] || fail "a step is recorded more than once"
