#!/usr/bin/env bash
# A schedule of five phases and six modalities, and its report, killed (-9) at random moments and continued: in the end every file in the folder is,
# bit for bit, the one of a run without a kill, and there is no other.
# Usage: schedule_kills.sh BABEL SCHEDULE MOMENTS [RANKS]
# The moments are spread over a whole run; from every fourth on the next file that is being written is waited for, and after every fifth the next one meets
# a run that continues. With RANKS a rank is killed or, every second time, stopped: the
# others say which one and end within 30 s. SEED draws the moments.
set -euo pipefail
babel=$1 moments=$3 ranks=${4:-} here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
box=$(mktemp -d)
trap 'if [ "$BASHPID" = $$ ]; then rm -rf "$box"; fi' EXIT
fail() { echo "schedule_kills.sh: $1"; cat "$box/log" 2>/dev/null || true; exit 1; }
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
if [ -n "$ranks" ]; then . "$here/ranks_in_trouble.sh"; fi
RANDOM=${SEED:-1}

"$babel" simulate --banks "$box/banks" --quiet >/dev/null
grow=("$babel" grow --schedule "$2" --banks "$box/banks" --quiet --resume --out "$box/run" --set embed_dim=32 --set hidden=24 --set batch=32
  --set max_steps=20 --set watch_epochs=0 --set checkpoint_seconds=0.005)
growth() {
  if [ -n "$ranks" ]; then mpi "$ranks" "${grow[@]}"
  else
    "${grow[@]}"
    if command -v gnuplot >/dev/null; then "$babel" report --html "$box/run"; fi
  fi
}
run() { growth >"$box/log" 2>&1; }
now() { echo $((${EPOCHREALTIME/./} / 1000)); } # [ms]

# In a process group of its own, so that whatever is running is what a kill meets.
start() {
  set -m
  run &
  set +m
}
# met MOMENT: kills the run at this moment [s]; 1 when it has ended before.
met() {
  local code=0
  start
  if [ -n "$ranks" ]; then
    victim=$((RANDOM % ranks)) signal=$([ $((hit % 2)) = 0 ] && echo KILL || echo STOP)
    what="$signal of rank $victim after $1 s"
    strike $! $victim "$signal" "$1" "$what" || return 1
    if grep -Eq "babel: .*rank $victim of" "$box/log"; then named=$((named + 1)); fi
    return 0
  fi
  what="killed after $1 s"
  sleep "$1"
  if [ $((hit % 4)) = 3 ]; then
    while kill -0 $! 2>/dev/null && ! compgen -G "$box/run/*.tmp.*" >/dev/null && ! compgen -G "$box/run/*/*.tmp.*" >/dev/null; do :; done
  fi
  kill -KILL -- -$! 2>/dev/null || true
  wait $! 2>/dev/null || code=$?
  [ $code = 0 ] || [ $code = 137 ] || fail "$what: it ended with $code before"
  [ $code != 0 ]
}
# Where the run was: phases done, and what a kill has left half-written.
note_place() {
  local file done_phases=0
  for file in "$box"/run/*/trunk.safetensors; do
    [ -e "$file" ] || continue
    done_phases=$((done_phases + 1))
    cmp -s "$file" "$box/whole${file#"$box/run"}" || fail "$what: $file is there and another one"
  done
  after[done_phases]=$((${after[done_phases]:-0} + 1))
  for file in $(find "$box/run" -name '*.tmp.*' 2>/dev/null); do
    file=${file%.tmp.*} halves+=("${file##*/}")
  done
}
finish() {
  rm -f "$box"/pid.*
  run || fail "$what: it cannot be continued"
  diff -r "$box/whole" "$box/run" >"$box/log" || fail "$what: continued to another end"
  rm -r "$box/run"
}

began=$(now)
run || fail "a run without a kill failed"
took=$(($(now) - began)) ms=$took
mv "$box/run" "$box/whole"
began=$(now) hit=0 late=0 named=0 halves=() after=()
while [ $hit -lt "$moments" ]; do
  rm -f "$box"/pid.*
  if met "$(awk -v i=$hit -v r="$RANDOM" -v n="$moments" -v ms=$ms 'BEGIN { printf "%.3f", (i + r / 32768) / n * ms / 1000 }')"; then
    hit=$((hit + 1))
    note_place
    if [ $((hit % 5)) = 0 ] && [ $hit -lt "$moments" ]; then continue; fi
  else
    late=$((late + 1)) ms=$((ms * 97 / 100)) # the machine had more to do when the first run was timed
    [ $late -le $((moments + 10)) ] || fail "runs end before they can be killed"
  fi
  finish
done
echo "a run takes $took ms; $hit moments in $((($(now) - began) / 1000)) s, $late more came too late: same bits"
echo "phases done by then, and how often:$(for i in "${!after[@]}"; do echo -n " $i: ${after[i]}"; done)"
echo "half-written by then: ${#halves[@]} files $([ ${#halves[@]} = 0 ] || printf '%s\n' "${halves[@]}" | sort | uniq -c | tr -s '\n ' ' ')"
if [ -n "$ranks" ]; then echo "in $named of them a surviving rank named the other, else mpirun did or MPI was starting or ending"; fi
