#!/usr/bin/env bash
# Kills growth runs (-9) at random moments and continues them: the result must be the same, bit for bit, as without a kill.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
Usage: scripts/crash_test.sh [options]
Simulates a small data set, encodes it, grows a trunk once without interruption, then N times with a kill -9 at a random moment (every
third run is killed again while it continues), each continued with --resume until it finishes. After every kill each file that bears a final
name must be whole; in the end trunk.safetensors, metrics.jsonl and watch.jsonl must be those of the uninterrupted run, and nothing else left.
  -n N           kills (default 10)
  --babel FILE   the program (default build/babel)
  --steps N      steps of a run (default 1500)
  --trials N     simulated trials to train on (default 64; 8 a subject)
  --seed N       of the moments (default 1)
  --keep DIR     work in this folder and leave it there
  --help         this text
TEXT
}

kills=10 babel=$root/build/babel steps=1500 trials=64 seed=1 keep=""
while [ $# -gt 0 ]; do
  case $1 in -h | --help) usage; exit 0 ;; esac
  [ $# -ge 2 ] || { echo "crash_test.sh: $1 needs a value, or is no option; --help lists them" >&2; exit 2; }
  case $1 in
    -n) kills=$2 ;;
    --babel) babel=$2 ;;
    --steps) steps=$2 ;;
    --trials) trials=$2 ;;
    --seed) seed=$2 ;;
    --keep) keep=$2 ;;
    *) echo "crash_test.sh: no option is called $1; --help lists them" >&2; exit 2 ;;
  esac
  shift 2
done
case $kills$steps$trials$seed in *[!0-9]*) echo "crash_test.sh: -n, --steps, --trials and --seed take whole numbers" >&2; exit 2 ;; esac
[ -x "$babel" ] || { echo "crash_test.sh: $babel is not there; scripts/build.sh makes it, or give --babel" >&2; exit 1; }
if [ -n "$keep" ]; then work=$keep; mkdir -p "$work"; else work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; fi
export OMP_WAIT_POLICY=passive # waiting threads must not burn the cores that other tests need
RANDOM=$seed

fail() { echo "crash_test.sh: $*" >&2; exit 1; }
now() { date +%s%N; } # [ns]

"$babel" simulate --utd-mhad "$work/utd" --actions $((trials / 16)) --subjects 4 --quiet
"$babel" bank build --data "$work/utd" --modality imu --encoder imu_stats --variants 0 --out "$work/imu.safetensors" --quiet
"$babel" bank build --data "$work/utd" --modality skeleton --encoder st_gcn --random-weights --variants 0 --out "$work/skeleton.safetensors" --quiet
{ # one draw to watch: a support sample an action, the rest are queries
  echo draw,role,key
  for file in "$work"/utd/Inertial/*_inertial.mat; do
    key=$(basename "$file" _inertial.mat)
    case $key in *_s1_t1) role=support ;; *) role=query ;; esac
    echo "0,$role,$key"
  done
} >"$work/draws.csv"
grow=("$babel" grow --bank "$work/imu.safetensors" --bank "$work/skeleton.safetensors" --watch "one=$work/draws.csv" --quiet
  --set embed_dim=64 --set hidden=48 --set variants=0 --set batch=24 --set max_steps="$steps" --set watch_epochs=20 --set checkpoint_seconds=0.05)

began=$(now)
"${grow[@]}" --out "$work/whole" >/dev/null
whole=$((($(now) - began) / 1000000)) # [ms]
echo "uninterrupted: $steps steps in $whole ms"

# run OUT [--resume], killed after a random part of the usual time; 1 when it finished before that.
kill_once() {
  local delay=$((whole * (3 + RANDOM % 95) / 100)) code=0
  "${grow[@]}" --out "$@" >/dev/null 2>>"$work/log" &
  local pid=$!
  sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
  kill -9 $pid 2>/dev/null || true
  wait $pid 2>/dev/null || code=$?
  [ $code -ne 0 ] || return 1
  [ $code -eq 137 ] || fail "a run ended with $code instead of being killed: $(tail -n 1 "$work/log")"
  killed_after=$delay
}

# Whatever bears a final name is whole.
check_leftovers() {
  local file
  for file in "$1"/*.safetensors; do
    [ ! -e "$file" ] || "$babel" inspect "$file" >/dev/null || fail "$file is not whole after a kill"
  done
  [ ! -e "$1/trunk.safetensors" ] || cmp -s "$1/trunk.safetensors" "$work/whole/trunk.safetensors" || fail "$1/trunk.safetensors is there and another one"
}

done_kills=0 run=0 early=0
while [ "$done_kills" -lt "$kills" ]; do
  run=$((run + 1))
  out=$work/run$run
  if ! kill_once "$out"; then
    early=$((early + 1))
    [ "$early" -lt $((3 * kills + 10)) ] || fail "runs finish before they can be killed; give more --steps"
    rm -rf "$out"
    continue
  fi
  done_kills=$((done_kills + 1))
  text="killed after $killed_after ms"
  check_leftovers "$out"
  if [ $((run % 3)) -eq 0 ] && [ "$done_kills" -lt "$kills" ] && kill_once "$out" --resume; then
    done_kills=$((done_kills + 1))
    text="$text, again after $killed_after ms"
    check_leftovers "$out"
  fi
  state=none
  if [ -e "$out/state.safetensors" ]; then state=found; fi
  "${grow[@]}" --out "$out" --resume >/dev/null 2>>"$work/log" || fail "run $run cannot be continued: $(tail -n 1 "$work/log")"
  for file in trunk.safetensors metrics.jsonl watch.jsonl; do
    cmp "$work/whole/$file" "$out/$file" || fail "run $run ($text): $file differs from the uninterrupted run's"
  done
  left=$(ls "$out" | grep -vx -e trunk.safetensors -e metrics.jsonl -e watch.jsonl || true)
  [ -z "$left" ] || fail "run $run left $left"
  echo "run $run: $text, state $state: same bits"
done
echo "$done_kills kills, every result as without them"
