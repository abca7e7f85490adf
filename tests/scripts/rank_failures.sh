#!/usr/bin/env bash
# Ranks that are killed, stopped or out of memory: the others stop in time with a sentence that names the one, and what was saved is continued to the same end.
# Usage: rank_failures.sh BABEL MOMENTS   (random moments; every second one stops a rank instead of killing it)
set -euo pipefail
babel=$1 moments=$2 here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if ! command -v mpirun >/dev/null; then echo "skipped: mpirun is not installed"; exit 77; fi
if ! ldd "$babel" | grep libmpi >/dev/null; then echo "skipped: $babel was built without MPI"; exit 77; fi
export ASAN_OPTIONS=detect_leaks=0 # Open MPI keeps 120 KB a rank to its end, out of libraries that it has unloaded by then: no suppression can name them
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1 BABEL_RANK_SECONDS=${BABEL_RANK_SECONDS:-4}
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
bash "$here/../../scripts/made_up_banks.sh" "$babel" "$box/banks" 300 imu:30 skeleton:36 >/dev/null
common=(--bank "$box/banks/imu.bank" --bank "$box/banks/skeleton.bank" --set max_steps=300 --set batch=32 --set hidden=32 --set embed_dim=64 --set checkpoint_seconds=0.1)

fail() { echo "rank_failures.sh: $1"; cat "$box/log" 2>/dev/null || true; exit 1; }

# Each rank leaves its process number; one may be given little memory.
cat >"$box/rank" <<'TEXT'
#!/usr/bin/env bash
echo $$ >"$BOX/pid.$OMPI_COMM_WORLD_RANK.new" && mv "$BOX/pid.$OMPI_COMM_WORLD_RANK.new" "$BOX/pid.$OMPI_COMM_WORLD_RANK"
if [ "${SMALL:-}" = "$OMPI_COMM_WORLD_RANK" ]; then ulimit -v "$SMALL_KB"; fi
exec "$@"
TEXT
chmod +x "$box/rank"
export BOX=$box

ranks() { # K ARGUMENT...
  local k=$1
  shift
  mpirun --oversubscribe --bind-to none -n "$k" "$box/rank" "$babel" grow "${common[@]}" "$@"
}

seconds=$(date +%s.%N)
ranks 2 --out "$box/whole" >"$box/log" 2>&1 || fail "a run without trouble failed"
seconds=$(awk -v a="$seconds" -v b="$(date +%s.%N)" 'BEGIN { print b - a }')

any_lives() {
  local file
  for file in "$box"/pid.[0-9]; do if kill -0 "$(cat "$file")" 2>/dev/null; then return 0; fi; done
  return 1
}

# The end of a run that is in trouble: not later than 30 s from `began`, a failure, the rank's name.
expect_end() { # PID RANK WHAT
  local code=0 began=$SECONDS gone=0
  while kill -0 "$1" 2>/dev/null && [ $((SECONDS - began)) -le 30 ]; do
    sleep 0.05
    # mpirun itself may stay for ever when a rank dies before MPI knows of it: what counts is that no rank does.
    if any_lives; then gone=0; else gone=$((gone + 1)); fi
    if [ $gone -gt 100 ]; then pkill -KILL -P "$1" || true; fi
    # Stopped when all had said goodbye: the other is done, only mpirun waits for it.
    if [ -e "$box/run/trunk.safetensors" ] && ! kill -0 "$(cat "$box/pid.$((1 - $2))")" 2>/dev/null; then kill -CONT "$(cat "$box/pid.$2")" 2>/dev/null || true; fi
  done
  if kill -0 "$1" 2>/dev/null; then kill -9 "$1" $(cat "$box"/pid.*) 2>/dev/null || true; fail "$3: the others still run after 30 s"; fi
  wait "$1" || code=$?
  for file in "$box"/pid.*; do if kill -0 "$(cat "$file")" 2>/dev/null; then sleep 3; fi; done
  for file in "$box"/pid.*; do if kill -0 "$(cat "$file")" 2>/dev/null; then fail "$3: $file is still there"; fi; done
  [ $code != 0 ] || return 1 # it was done before
  grep -Eq "babel: (error: )?.*rank $2 of|process rank $2 |the (start|end) of MPI|another rank" "$box/log" || fail "$3: nobody names rank $2"
}

resume() {
  ranks 2 --out "$box/run" --resume >"$box/log" 2>&1 || fail "$1: it cannot be continued"
  cmp -s "$box/whole/trunk.safetensors" "$box/run/trunk.safetensors" || fail "$1: continued to another end"
}

trouble=0 named=0
for ((i = 0; i < moments; i++)); do
  rm -rf "$box/run" "$box"/pid.*
  signal=$([ $((i % 2)) = 0 ] && echo KILL || echo STOP) victim=$((RANDOM % 2))
  ranks 2 --out "$box/run" >"$box/log" 2>&1 &
  run=$!
  while ! [ -s "$box/pid.$victim" ]; do sleep 0.01; done
  sleep "$(awk -v r=$RANDOM -v s="$seconds" 'BEGIN { print r / 32768 * s }')"
  what="$signal of rank $victim, moment $i"
  kill -$signal "$(cat "$box/pid.$victim")" 2>/dev/null || true
  if expect_end $run $victim "$what"; then
    trouble=$((trouble + 1))
    if grep -Eq "babel: .*rank $victim of" "$box/log"; then named=$((named + 1)); fi
  fi
  resume "$what"
done

# Too little memory for one.
rm -rf "$box/run" "$box"/pid.*
if [ -z "${SANITIZED:-}" ]; then
  for kb in 400000 300000; do
    SMALL=1 SMALL_KB=$kb ranks 2 --out "$box/run" --set hidden=2048 --set embed_dim=2048 >"$box/log" 2>&1 && continue
    grep -q "memory" "$box/log" || fail "a rank without memory: nobody says so"
    break
  done
  grep -q "memory" "$box/log" || fail "a rank without memory: it had enough"
fi

# Another number of ranks continues what was begun by two.
rm -rf "$box/run" "$box"/pid.*
ranks 2 --out "$box/run" >"$box/log" 2>&1 &
run=$!
while ! [ -s "$box/run/state.safetensors" ] && kill -0 $run 2>/dev/null; do sleep 0.01; done
kill -KILL "$(cat "$box/pid.1")" 2>/dev/null || true
wait $run || true
for k in 1 4; do
  rm -rf "$box/other" && cp -r "$box/run" "$box/other"
  if ! [ -e "$box/other/trunk.safetensors" ]; then
    if ranks $k --out "$box/other" --resume >"$box/log" 2>&1; then fail "$k ranks continue without --force"; fi
    ranks $k --out "$box/other" --resume --force >"$box/log" 2>&1 || fail "$k ranks cannot continue what 2 began"
  fi
  awk -F'loss_ab": ' '{ split($2, v, ","); loss[FILENAME] = v[1] } END { for (a in loss) for (b in loss) if ((loss[a] - loss[b])^2 > 1e-6) exit 1 }' \
    "$box/whole/metrics.jsonl" "$box/other/metrics.jsonl" || fail "$k ranks continue to another loss"
done
if ranks 3 --out "$box/three" >"$box/log" 2>&1; then fail "a batch of 32 is shared by 3 ranks"; fi
grep -q "batch of 32 pairs cannot be shared evenly by 3 ranks" "$box/log" || fail "the numbers are missing"
echo "$trouble of $moments moments met a run; in $named of them a surviving rank named the other; all continued to the same bits"
