#!/usr/bin/env bash
# babel_bench: its list, one quick row with its check, and the comparison of two result files.
# Usage: bench.sh BABEL_BENCH cpu|cuda [hooks]. Exit code 77 = skipped: no device here (a failure with BABEL_REQUIRE_CUDA=1).
set -euo pipefail
bench=$1 backend=$2 hooks=${3:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
fail() { echo "bench.sh: $*"; head -n 30 output error 2>/dev/null; exit 1; }
expect() { # CODE ARGUMENTS..: what the program says is in output and error
  local wanted=$1 code=0
  shift
  "$bench" "$@" >output 2>error || code=$?
  [ $code = "$wanted" ] || fail "babel_bench $*: exit status $code, expected $wanted"
}
says() { grep -qF -- "$1" output || fail "expected \"$1\""; }
complains() { [ "$(wc -l <error)" = 1 ] && grep -qF -- "$1" error || fail "expected one sentence with \"$1\""; }

expect 0 list --backend "$backend"
[ "$(sort output | uniq -d | wc -l)" = 0 ] || fail "rows of the same name: they cannot be compared"
for row in 'linear_fwd           256x397->256' 'adamw_teacher        773000' 'step                 imu-skeleton-best 397/1892' 'step                 video-lidar-distilled 512/60'; do says "$row"; done
if [ "$backend" = cpu ]; then says attention; else ! grep -q attention output || fail "a row of the CPU on a device"; fi
expect 0 list wifi --backend "$backend"
[ "$(wc -l <output)" = 6 ] || fail "the pattern wifi does not name six rows"

code=0
"$bench" kernels l2norm_fwd --backend "$backend" --seconds 0.01 --json a.json >output 2>error || code=$?
if [ $code = 2 ] && grep -qF 'no CUDA device' error; then
  [ "${BABEL_REQUIRE_CUDA:-0}" != 1 ] || fail "a device is required"
  exit 77
fi
[ $code = 0 ] || fail "the row l2norm_fwd: exit status $code"
[ "$(grep -c '^l2norm_fwd .* 256x512 ' output)" = 1 ] && ! grep -q '^l2norm_fwd .* FAIL' output || fail "not the row that was asked for"
if [ "$hooks" = hooks ]; then grep -qE '^l2norm_fwd .* 1     1\.05     0\.53 ' output || fail "other counters: one launch reads 256 x 512 floats twice and writes them"; fi
expect 2 kernels nosuchrow --backend "$backend"
complains nosuchrow

# one row as measured, one that got twice as slow, one that only the other file has, one whose check failed
rows() { # MEDIAN OTHER FAILED
  cat <<TEXT
{"babel_bench": 1, "backend": "cpu", "device": "a machine", "commit": "0123", "rows": [
 {"op": "adamw", "shape": "773000", "failed": false, "iters": 11, "med_us": $1},
 {"op": "gelu", "shape": "$2", "failed": false, "iters": 11, "med_us": 3},
 {"op": "sgd", "shape": "138267", "failed": $3, "iters": 11, "med_us": 3}]}
TEXT
}
rows 100 17280 false >b.json
rows 200 552960 true >c.json
expect 0 compare b.json c.json
grep -qE '^adamw +773000 +100\.00 +200\.00 +us +2\.000$' output || fail "no ratio of 2"
grep -qE '^gelu +17280 +only in A$' output && grep -qE '^gelu +552960 +only in B$' output || fail "a row of one file alone is not said"
grep -qE '^sgd +138267 +its check failed in B$' output || fail "a failed check is not said"
expect 0 compare a.json a.json
says l2norm_fwd
if [ "$backend" = cpu ]; then grep -qE ' us +1\.000$' output || fail "a file beside itself: not 1"; fi
head -c 100 b.json >broken.json
expect 2 compare b.json broken.json
complains "broken.json, line 2"
echo '{"rows": []}' >other.json
expect 2 compare other.json b.json
complains "other.json: not a file"
sed 's/"op": "gelu", //' b.json >nameless.json
expect 2 compare nameless.json b.json
complains "nameless.json: row 2"
expect 2 compare b.json nosuchfile.json
complains nosuchfile.json
for arguments in '' 'list a b' 'compare b.json' 'measure' 'kernels --seconds 0' '--json'; do
  expect 2 $arguments
  grep -q '^usage: ' error || fail "\"babel_bench $arguments\" does not explain itself"
done
expect 0 --help
says 'babel_bench compare A B'
