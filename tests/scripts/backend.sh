#!/usr/bin/env bash
# The program on a device: a short phase on simulated recordings, beside the same phase on the CPU. The shuffles, variants and dropout masks
# come from the same counters, so that the losses of the two differ by rounding alone.
# Usage: backend.sh PROGRAM. Exit code 77 = skipped: no device here (a failure with BABEL_REQUIRE_CUDA=1).
set -euo pipefail
babel=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive

fail() {
  echo "backend.sh: $*"
  [ ! -s error ] || { echo "--- standard error:"; cat error; }
  exit 1
}
# expect CODE ARGUMENTS.. : runs the program; output and error hold what it said.
expect() {
  local wanted=$1 code=0
  shift
  "$babel" "$@" >output 2>error || code=$?
  if grep -qE 'Sanitizer|runtime error:|^simdev:' output error; then cat output; fail "babel $*: a report"; fi
  [ $code = "$wanted" ] || fail "babel $*: exit status $code, expected $wanted"
}
good() { expect 0 "$@"; }
sentence() { grep -qF -- "$1" error || fail "expected the sentence \"$1\""; }
near() { # LIMIT, then pairs of numbers on standard input
  awk -v limit="$1" '{ gap = $1 - $2; if (gap < 0) gap = -gap; size = $2 < 0 ? -$2 : $2; seen++
    if (!(gap <= limit * (size > 1 ? size : 1))) { print "line " NR ": " $1 " and " $2; bad = 1 } } END { exit bad || !seen }'
}

"$babel" --version | grep -qF 'backends: cpu, cuda' || fail "a program without CUDA: $("$babel" --version)"
good simulate --utd-mhad utd --actions 3 --subjects 2
good bank build --data utd --modality imu --encoder imu_stats --variants 2 --out imu.bank
good bank build --data utd --modality skeleton --encoder st_gcn --random-weights --variants 2 --out pooled_scores=skeleton.bank
settings=(--set embed_dim=40 --set hidden=24 --set batch=12 --set max_steps=20 --set variants=2 --set input_dropout=0.5 --set precision=fp32 --set head_epochs=5 --set head_hidden=24)
grow=(grow --bank imu.bank --bank skeleton.bank "${settings[@]}" --quiet)

code=0
"$babel" "${grow[@]}" --backend cuda --out cuda >output 2>error || code=$?
if [ $code = 1 ] && grep -qF 'no CUDA device' error; then
  [ "$(wc -l <error)" = 1 ] || fail "more than one sentence"
  [ "${BABEL_REQUIRE_CUDA:-0}" != 1 ] || fail "a device is required"
  good "${grow[@]}" --backend auto --out auto # goes on without
  exit 77
fi
[ $code = 0 ] || fail "babel grow --backend cuda: exit status $code"
good "${grow[@]}" --backend cpu --out cpu
for word in 'backend\":\"cuda' 'compute capability'; do grep -aqF "$word" cuda/trunk.safetensors || fail "the manifest does not hold $word"; done

# one line every ten steps: both losses, both weights, the scale
values() { sed 's/[{},]/\n/g' "$1/metrics.jsonl" | sed -nE 's/^ *"(loss_ab|loss_ba|w_ab|w_ba|scale)": *//p'; }
[ "$(values cuda | wc -l)" = 10 ] || fail "the metrics hold $(values cuda | wc -l) values"
paste <(values cuda) <(values cpu) | near 1e-4 || fail "the losses above, on the device and on the CPU, differ"

good "${grow[@]}" --backend cuda --out again
cmp cuda/trunk.safetensors again/trunk.safetensors || fail "the same run on the device gave another trunk"
good embed --trunk cuda/trunk.safetensors --bank imu.bank --backend cuda --out cuda.npy
good embed --trunk cuda/trunk.safetensors --bank imu.bank --backend cpu --out cpu.npy
numbers() { tail -c +129 "$1" | od -An -v -w4 -tf4; }
paste <(numbers cuda.npy) <(numbers cpu.npy) | near 1e-5 || fail "the embeddings above differ"

# the heads: support is trial 1, queries are trials 3 and 4; the mlp head trains on the device
strings -n 6 imu.bank | grep -oE 'a[0-9]+_s[0-9]+_t[0-9]+' | awk 'BEGIN { print "key,part" } !seen[$0]++ { print $0 "," (/t1$/ ? "holdout" : /t2$/ ? "train" : "test") }' >split.csv
for backend in cpu cuda; do
  good eval --protocol release --bank imu.bank --bank skeleton.bank --split split.csv --trunk cpu/trunk.safetensors --backend $backend --predictions $backend.csv --out $backend.json
done
[ "$(grep -c ',mlp,' cuda.csv)" -ge 40 ] || fail "$(grep -c ',mlp,' cuda.csv) answers of mlp heads"
scores() { awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "score") at = i; next } { print $at }' "$1"; }
paste <(scores cuda.csv) <(scores cpu.csv) | near 1e-4 || fail "the scores above, on the device and on the CPU, differ"

# later phases, by every policy: on the CPU's trunk, on both; a third modality of the same samples, made of the IMU's features
"$babel" embed --trunk cpu/trunk.safetensors --bank imu.bank --backend cpu --out lidar.npy >/dev/null 2>&1
{ echo key,label,subject; strings -n 6 imu.bank | grep -oE 'a[0-9]+_s[0-9]+_t[0-9]+' | awk '!seen[$0]++ { split($0, part, "[a_s]+"); print $0 "," part[2] - 1 "," part[3] - 1 }'; } >keys.csv
good bank import --features lidar.npy --keys keys.csv --modality lidar --out lidar.bank
for policy in none plain ema_teacher snapshot_teacher ema_deploy rehearsal_kd gauss_kd replay frozen slow grad_proj freeze; do
  set_policy=(--set "proto_policy=$policy")
  [ $policy != freeze ] || set_policy=(--set trunk=freeze)
  trunk=cpu
  case $policy in # those that begin with the first phase
    none | grad_proj) trunk=first.$policy; good "${grow[@]}" "${set_policy[@]}" --backend cpu --out "$trunk" ;;
  esac
  for backend in cpu cuda; do
    good grow --from $trunk/trunk.safetensors --bank skeleton.bank --bank lidar.bank --set grow_steps=10 --set variants=0 "${set_policy[@]}" --backend $backend --out "$policy.$backend" --quiet
  done
  paste <(values $policy.cuda) <(values $policy.cpu) | near 1e-4 || fail "$policy: the losses above, on the device and on the CPU, differ"
done

# the other precisions run
for precision in tf32 bf16; do good "${grow[@]}" --set precision=$precision --set max_steps=2 --backend cuda --out $precision; done
expect 2 "${grow[@]}" --set precision=fp16 --out x
sentence "precision"
