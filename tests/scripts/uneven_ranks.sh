#!/usr/bin/env bash
# PC36 of the public cases: 613 pairs in batches of 256 on 1, 2, 3 and 4 ranks. What divides the batch gives the losses of one rank; 3 is refused with the numbers.
# Usage: uneven_ranks.sh BABEL
set -euo pipefail
babel=$1 here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if ! command -v mpirun >/dev/null; then echo "skipped: mpirun is not installed"; exit 77; fi
if ! ldd "$babel" | grep libmpi >/dev/null; then echo "skipped: $babel was built without MPI"; exit 77; fi
export ASAN_OPTIONS=detect_leaks=0 # rank_failures.sh says why
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
fail() { echo "uneven_ranks.sh: $1"; cat "$box/log"; exit 1; }
bash "$here/../../scripts/made_up_banks.sh" "$babel" "$box/banks" 613 imu:60 skeleton:72 >/dev/null
ranks() { # K
  timeout 100 mpirun --oversubscribe --bind-to none -n "$1" "$babel" grow --bank "$box/banks/imu.bank" --bank "$box/banks/skeleton.bank" --set batch=256 \
    --set hidden=32 --set embed_dim=64 --set max_steps=10 --quiet --out "$box/$1" >"$box/log" 2>&1
}

for k in 1 2 4; do ranks $k || fail "$k ranks failed"; done
code=0
ranks 3 || code=$?
[ $code != 0 ] && [ $code != 124 ] || fail "3 ranks: exit status $code, expected a refusal"
grep -q "batch of 256 pairs cannot be shared evenly by 3 ranks" "$box/log" || fail "3 ranks: no sentence with the numbers"
for k in 2 4; do
  paste -d' ' <(grep -o '"loss_ab": [0-9.]*' "$box/1/metrics.jsonl") <(grep -o '"loss_ab": [0-9.]*' "$box/$k/metrics.jsonl") |
    awk '{ gap = $2 - $4; if (gap < 0) gap = -gap; if (gap > 1e-4) bad = 1; n++ } END { exit bad || !n }' || fail "$k ranks: another loss than one rank"
done
echo "613 pairs in batches of 256: 2 and 4 ranks as one, 3 refused"
