#!/usr/bin/env bash
# Ranks that are killed, stopped or out of memory: the others stop in time with a sentence that names the one, and what was saved is continued to the same end.
# Usage: rank_failures.sh BABEL MOMENTS   (random moments; every second one stops a rank instead of killing it)
set -euo pipefail
babel=$1 moments=$2 here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
fail() { echo "rank_failures.sh: $1"; cat "$box/log" 2>/dev/null || true; exit 1; }
. "$here/ranks_in_trouble.sh"
bash "$here/../../scripts/made_up_banks.sh" "$babel" "$box/banks" 300 imu:30 skeleton:36 >/dev/null
common=(--bank "$box/banks/imu.bank" --bank "$box/banks/skeleton.bank" --set max_steps=300 --set batch=32 --set hidden=32 --set embed_dim=64 --set checkpoint_seconds=0.1)


ranks() { # K ARGUMENT...
  mpi "$1" "$babel" grow "${common[@]}" "${@:2}"
}

seconds=$(date +%s.%N)
ranks 2 --out "$box/whole" >"$box/log" 2>&1 || fail "a run without trouble failed"
seconds=$(awk -v a="$seconds" -v b="$(date +%s.%N)" 'BEGIN { print b - a }')

resume() {
  ranks 2 --out "$box/run" --resume >"$box/log" 2>&1 || fail "$1: it cannot be continued"
  cmp -s "$box/whole/trunk.safetensors" "$box/run/trunk.safetensors" || fail "$1: continued to another end"
}

trouble=0 named=0
for ((i = 0; i < moments; i++)); do
  rm -rf "$box/run" "$box"/pid.*
  signal=$([ $((i % 2)) = 0 ] && echo KILL || echo STOP) victim=$((RANDOM % 2))
  ranks 2 --out "$box/run" >"$box/log" 2>&1 &
  what="$signal of rank $victim, moment $i"
  if strike $! $victim $signal "$(awk -v r=$RANDOM -v s="$seconds" 'BEGIN { print r / 32768 * s }')" "$what"; then
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
