#!/usr/bin/env bash
# Kills the program (-9) at random moments and goes on: the result must be the same, bit for bit, as without a kill.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
Usage: scripts/crash_test.sh [options]
Simulates a small data set, encodes it, grows a trunk and evaluates it once without interruption, then with N times a kill -9 at a random moment:
  40 %  in a growth run (every third is killed again while it continues)
  20 %  in a schedule of five phases and six modalities, any phase, until it is done
  15 %  in the first moments of one: new, begun, half grown
  15 %  in `bank build`, every second time while it writes its file; every third there is an older bank in the way
  10 %  in `eval`, every second time while it writes results.json, which has rows already
Growth continues with --resume, the others are repeated. After every kill each file that bears a final name must be whole, the old one or the
new one, and a partial file is refused; in the end all must be as without a kill, and nothing else left of growth.
  -n N           kills (default 10, at least 4)
  --babel FILE   the program (default build/babel)
  --steps N      steps of a growth run (default 1500)
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
[ "$kills" -ge 4 ] || { echo "crash_test.sh: -n $kills: expected 4 or more, one of each kind" >&2; exit 2; }
[ -x "$babel" ] || { echo "crash_test.sh: $babel is not there; scripts/build.sh makes it, or give --babel" >&2; exit 1; }
if [ -n "$keep" ]; then work=$keep; mkdir -p "$work"; else work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; fi
export OMP_WAIT_POLICY=passive # waiting threads must not burn the cores that other tests need
RANDOM=$seed

fail() { echo "crash_test.sh: $*" >&2; exit 1; }
now() { date +%s%N; } # [ns]
# timed COMMAND..: how long it takes [ms]
timed() {
  local began
  began=$(now)
  "$@" >/dev/null 2>>"$work/log" || fail "$*: $(tail -n 1 "$work/log")"
  echo $((($(now) - began) / 1000000))
}
pause() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; } # [ms]

# Waits until a file that matches the pattern appears, then up to 4 ms; 1 when the process ends without.
await_file() { # PID PATTERN
  local until=0 now
  while ! compgen -G "$2" >/dev/null; do kill -0 "$1" 2>/dev/null || return 1; done
  until=$((${EPOCHREALTIME/./} + RANDOM % 4000)) # [us]
  while now=${EPOCHREALTIME/./} && [ "$now" -lt $until ]; do :; done
}

# kill_at MOMENT COMMAND..: MOMENT in ms, or a pattern of the file whose appearance is the moment; 1 when the command ended before.
kill_at() {
  local moment=$1 code=0 pid
  shift
  "$@" >/dev/null 2>>"$work/log" &
  pid=$!
  case $moment in
    *[!0-9]*) await_file $pid "$moment" || true ;;
    *) pause "$moment" ;;
  esac
  kill -9 $pid 2>/dev/null || true
  wait $pid 2>/dev/null || code=$?
  [ $code -ne 0 ] || return 1
  [ $code -eq 137 ] || fail "a run ended with $code instead of being killed: $(tail -n 1 "$work/log")"
}

# Counts one more run that ended before its kill.
too_early() {
  early=$((early + 1))
  [ $early -lt $((3 * kills + 10)) ] || fail "runs finish before they can be killed; give more --steps or --trials"
}
early=0

"$babel" simulate --utd-mhad "$work/utd" --actions $((trials / 16)) --subjects 4 --quiet
bank=("$babel" bank build --data "$work/utd" --modality imu --encoder imu_stats --quiet)
bank_ms=$(timed "${bank[@]}" --variants 40 --out "$work/augmented.safetensors")
"${bank[@]}" --variants 0 --out "$work/imu.safetensors"
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
grow_ms=$(timed "${grow[@]}" --out "$work/whole")
evaluate=("$babel" eval --protocol one --bank "$work/imu.safetensors" --bank "$work/skeleton.safetensors" --draws "$work/draws.csv"
  --trunk "$work/whole/trunk.safetensors" --heads nearest,ridge --no-raw --quiet)
mkdir -p "$work/evaluated"
"${evaluate[@]}" --name before --out "$work/evaluated/old.json" >/dev/null
cp "$work/evaluated/old.json" "$work/evaluated/new.json"
eval_ms=$(timed "${evaluate[@]}" --out "$work/evaluated/new.json" --predictions "$work/evaluated/new.csv")
echo "uninterrupted: $steps steps in $grow_ms ms, a bank in $bank_ms ms, an evaluation in $eval_ms ms"

### growth
# Whatever bears a final name is whole.
check_leftovers() {
  local file
  for file in "$1"/*.safetensors; do
    [ ! -e "$file" ] || "$babel" inspect "$file" >/dev/null || fail "$file is not whole after a kill"
  done
  [ ! -e "$1/trunk.safetensors" ] || cmp -s "$1/trunk.safetensors" "$work/whole/trunk.safetensors" || fail "$1/trunk.safetensors is there and another one"
}
# kill_growth MS OUT [--resume]: sets text
kill_growth() {
  kill_at "$1" "${grow[@]}" --out "${@:2}" || return 1
  done_kills=$((done_kills + 1))
  text="${text:+$text, again }after $1 ms"
  check_leftovers "$2"
}
finish_growth() { # OUT
  local file left state=none
  if [ -e "$1/state.safetensors" ]; then state=found; fi
  "${grow[@]}" --out "$1" --resume >/dev/null 2>>"$work/log" || fail "$1 cannot be continued: $(tail -n 1 "$work/log")"
  for file in trunk.safetensors metrics.jsonl watch.jsonl; do
    cmp "$work/whole/$file" "$1/$file" || fail "$1 (killed $text): $file differs from the uninterrupted run's"
  done
  left=$(ls "$1" | grep -vx -e trunk.safetensors -e metrics.jsonl -e watch.jsonl || true)
  [ -z "$left" ] || fail "$1 left $left"
  echo "$(basename "$1"): killed $text, state $state: same bits"
  rm -r "$1"
}
any_moment() { echo $((grow_ms * (3 + RANDOM % 95) / 100)); }
start_moment() { echo $((RANDOM % 40)); }

bank_kills=$(((kills * 15 + 99) / 100)) start_kills=$bank_kills eval_kills=$(((kills + 9) / 10)) schedule_kills=$((kills / 5))
growth_kills=$((kills - bank_kills - start_kills - eval_kills - schedule_kills))
done_kills=0 run=0
while [ $done_kills -lt $growth_kills ]; do
  run=$((run + 1)) out=$work/run$run text=""
  if ! kill_growth "$(any_moment)" "$out"; then
    too_early
    rm -rf "$out"
    continue
  fi
  if [ $((run % 3)) -eq 0 ] && [ $done_kills -lt $growth_kills ]; then kill_growth "$(any_moment)" "$out" --resume || true; fi
  finish_growth "$out"
done

# The moment between the trunk and the removal of the state, too short to be hit by chance.
out=$work/last text="between trunk and end"
kill_at "$out/state.safetensors" "${grow[@]}" --out "$out" || too_early
cp "$work"/whole/{trunk.safetensors,metrics.jsonl,watch.jsonl} "$out"
finish_growth "$out"

### its first moments: new, begun and, every second time, half grown
done_kills=0 run=0
while [ $done_kills -lt $start_kills ]; do
  run=$((run + 1)) out=$work/start$run text="" before=$done_kills
  if [ $((run % 2)) -eq 0 ]; then
    kill_at "$(any_moment)" "${grow[@]}" --out "$out" || true
    text="half grown"
  else kill_growth "$(start_moment)" "$out" || true
  fi
  for again in 1 2; do
    if [ $done_kills -lt $start_kills ]; then kill_growth "$(start_moment)" "$out" --resume || true; fi
  done
  finish_growth "$out"
  [ $done_kills -gt $before ] || too_early
done

### a schedule: six simulated sensors, five phases
"$babel" simulate --banks "$work/six" >/dev/null
schedule=("$babel" grow --schedule "$root/configs/schedules/quick.yaml" --banks "$work/six" --quiet --resume
  --set embed_dim=64 --set hidden=48 --set batch=64 --set watch_epochs=0 --set checkpoint_seconds=0.05)
schedule_ms=$(timed "${schedule[@]}" --out "$work/six_whole")
done_kills=0
while [ $done_kills -lt "$schedule_kills" ]; do
  # several kills a run, each some way into what is left
  if kill_at $((schedule_ms * (3 + RANDOM % 60) / 100)) "${schedule[@]}" --out "$work/six_run"; then
    done_kills=$((done_kills + 1))
    for file in "$work"/six_run/*/trunk.safetensors; do
      [ ! -e "$file" ] || cmp -s "$file" "$work/six_whole/$(basename "$(dirname "$file")")/trunk.safetensors" || fail "$file is there and another one"
    done
    continue
  fi
  cmp "$work/six_whole/trunk.safetensors" "$work/six_run/trunk.safetensors" && cmp "$work/six_whole/results.json" "$work/six_run/results.json" ||
    fail "a schedule that was killed $done_kills times differs"
  rm -r "$work/six_run"
done
"${schedule[@]}" --out "$work/six_run" >/dev/null 2>>"$work/log" || fail "the schedule cannot be continued: $(tail -n 1 "$work/log")"
cmp "$work/six_whole/trunk.safetensors" "$work/six_run/trunk.safetensors" && cmp "$work/six_whole/results.json" "$work/six_run/results.json" ||
  fail "a schedule that was killed differs"
echo "schedule: $done_kills kills: same bits"

### bank build and eval
# either FILE [OLD] NEW: FILE is absent or OLD, or it is NEW; no part of it elsewhere that the program takes for whole
either() {
  local new=${*: -1} old=${2:-} part
  if [ $# -eq 2 ]; then [ ! -e "$1" ] || cmp -s "$1" "$new" || fail "$1 is there and another one"
  else cmp -s "$1" "$old" || cmp -s "$1" "$new" || fail "$1 is neither the old nor the new one"
  fi
  for part in "$1".tmp.*; do
    [ -e "$part" ] || continue
    partial=$((partial + 1))
    ! "$babel" inspect "$part" >/dev/null 2>&1 || cmp -s "$part" "$new" || fail "$part is taken for whole"
    rm "$part"
  done
}
# moment NUMBER MS FILE: any, or while FILE is written
moment() {
  if [ $(($1 % 2)) -eq 0 ]; then echo "$3.tmp.*"; else echo $((RANDOM % ($2 + $2 / 20 + 1))); fi
}

done_kills=0 partial=0
mkdir -p "$work/banks"
file=$work/banks/imu.safetensors
while [ $done_kills -lt $bank_kills ]; do
  rm -f "$file"
  old=()
  if [ $((done_kills % 3)) -eq 2 ]; then
    cp "$work/imu.safetensors" "$file"
    old=("$work/imu.safetensors")
  fi
  kill_at "$(moment $done_kills "$bank_ms" "$file")" "${bank[@]}" --variants 40 --out "$file" || { too_early; continue; }
  done_kills=$((done_kills + 1))
  either "$file" "${old[@]}" "$work/augmented.safetensors"
done
"${bank[@]}" --variants 40 --out "$file"
cmp "$file" "$work/augmented.safetensors" || fail "$file differs from the one of an uninterrupted run"
echo "bank build: $done_kills kills, $partial partial files, all refused: same bits"

done_kills=0 partial=0
out=$work/evaluated
while [ $done_kills -lt $eval_kills ]; do
  cp "$out/old.json" "$out/results.json"
  rm -f "$out/answers.csv"
  kill_at "$(moment $done_kills "$eval_ms" "$out/results.json")" "${evaluate[@]}" --out "$out/results.json" --predictions "$out/answers.csv" ||
    { too_early; continue; }
  done_kills=$((done_kills + 1))
  either "$out/results.json" "$out/old.json" "$out/new.json"
  either "$out/answers.csv" "$out/new.csv"
  if cmp -s "$out/results.json" "$out/new.json"; then continue; fi
  "${evaluate[@]}" --out "$out/results.json" --predictions "$out/answers.csv" >/dev/null
  cmp "$out/results.json" "$out/new.json" && cmp "$out/answers.csv" "$out/new.csv" || fail "an evaluation after a kill differs"
done
echo "eval: $done_kills kills, $partial partial files, none taken for whole: same bits"
echo "$kills kills, every result as without them"
