#!/usr/bin/env bash
# Ranks with a simulated device each, over the stand-in for NCCL: one that is killed, stopped or whose NCCL fails is named in time, and what was saved is
# continued to the same end.
# Usage: device_ranks.sh BABEL killed|stopped|failed|refused|shared   (the last two go on through the host)
set -euo pipefail
babel=$1 trouble=$2 here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if ! command -v mpirun >/dev/null; then echo "skipped: mpirun is not installed"; exit 77; fi
if ! ldd "$babel" | grep libmpi >/dev/null; then echo "skipped: $babel was built without MPI"; exit 77; fi
export ASAN_OPTIONS=detect_leaks=0 # rank_failures.sh says why
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1 BABEL_RANK_SECONDS=3
unset BABEL_SIMDEV_FAIL BABEL_SIMDEV_UUID
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
bash "$here/../../scripts/made_up_banks.sh" "$babel" "$box/banks" 64 imu:12 skeleton:15 >/dev/null

fail() { echo "device_ranks.sh $trouble: $1"; cat "$box/log"; exit 1; }

# Each rank leaves its process number; rank 1 alone may have a failure.
cat >"$box/rank" <<'TEXT'
#!/usr/bin/env bash
echo $$ >"$BOX/pid.$OMPI_COMM_WORLD_RANK"
if [ "$OMPI_COMM_WORLD_RANK" = 1 ] && [ -n "${FAILURE:-}" ]; then export BABEL_SIMDEV_FAIL=$FAILURE; fi
exec "$@"
TEXT
chmod +x "$box/rank"
export BOX=$box

# Where one ends with a failure mpirun ends the others, perhaps before they can speak; with --enable-recovery it does not, and its own exit status is 0.
ranks() { # FOLDER ARGUMENT...
  local out=$box/$1
  shift
  timeout 60 mpirun --oversubscribe --bind-to none --enable-recovery -n 2 "$box/rank" "$babel" grow --backend cuda --bank "$box/banks/imu.bank" \
    --bank "$box/banks/skeleton.bank" --set max_steps=24 --set batch=16 --set hidden=16 --set embed_dim=16 --set checkpoint_seconds=0.05 --out "$out" "$@" >"$box/log" 2>&1 || true
  [ -e "$out/trunk.safetensors" ]
}

ranks whole || fail "a run without trouble failed"
if grep -q 'goes through the host' "$box/log"; then fail "NCCL is not used"; fi
grep -Eqa 'between_devices.{1,6}NCCL' "$box/whole/trunk.safetensors" || fail "the trunk does not say that NCCL was used"

# The devices go through the host instead: rank 0 says why, the result is the same but for the last digits.
through_host() { # WHY
  said=$(grep -E "goes through the host: $1" "$box/log") || fail "nobody says why NCCL is not used"
  paste -d' ' <(grep -o '"loss_ab": [0-9.]*' "$box/whole/metrics.jsonl") <(grep -o '"loss_ab": [0-9.]*' "$box/run/metrics.jsonl") |
    awk '{ gap = $2 - $4; if (gap < 0) gap = -gap; if (gap > 1e-5) bad = 1; n++ } END { exit bad || !n }' || fail "another loss through the host"
}

# A signal to rank 1 once there is a state to continue from.
strike() { # SIGNAL
  ranks run &
  run=$!
  while ! [ -s "$box/run/state.safetensors" ] && kill -0 $run 2>/dev/null; do sleep 0.01; done
  kill "-$1" "$(cat "$box/pid.1")" || fail "it was done before"
  struck=$(date +%s.%N)
  while kill -0 "$(cat "$box/pid.0")" 2>/dev/null; do sleep 0.05; done
  seconds=$(awk -v a="$struck" -v b="$(date +%s.%N)" 'BEGIN { print b - a }')
  kill -KILL "$(cat "$box/pid.1")" 2>/dev/null || true
  if wait $run; then fail "the run succeeded"; fi
}

named() { # PATTERN MOST_SECONDS
  grep -Eq "babel: error: rank 1 of 2 \(.*\)$1" "$box/log" || fail "rank 1 is not named"
  said=$(grep -E "error: rank 1" "$box/log")
  awk -v s="$seconds" -v most="$2" 'BEGIN { exit !(s < most) }' || fail "named after $seconds s, expected $2 s at most"
  ranks run --resume || fail "it cannot be continued"
  cmp -s "$box/whole/trunk.safetensors" "$box/run/trunk.safetensors" || fail "continued to another end"
}

case $trouble in
  killed)
    strike KILL
    named ' has ended without a word' 2
    ;;
  stopped)
    strike STOP
    named ': no answer for 3 s' 8 # 3 s, and 3 s to take leave of who does not answer
    ;;
  failed) # the 150th call of NCCL, in the middle; found by whoever asks first
    began=$(date +%s.%N)
    if FAILURE=nccl:150 ranks run; then fail "the run succeeded"; fi
    seconds=$(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN { print b - a }')
    grep -q 'NCCL: unhandled system error' "$box/log" || fail "nobody says what NCCL says"
    named ' failed: NCCL: unhandled system error' 15
    ;;
  refused) # the first one: its communicator
    FAILURE=nccl:1 ranks run || fail "the run failed"
    through_host 'rank 1 of 2 \(.*\) failed: NCCL: unhandled system error'
    ;;
  shared)
    BABEL_SIMDEV_UUID=7 ranks run || fail "the run failed"
    through_host 'ranks 0 and 1 have the same device'
    ;;
esac
left=$(find /dev/shm -name "simdev-nccl-$(cat "$box/pid.0")-*")
[ -z "$left" ] || fail "left $left"
echo "$said"
