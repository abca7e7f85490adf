#!/usr/bin/env bash
# babel's training step and encoders against PyTorch eager, in turns on this machine: scripts/peers/.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
Usage: scripts/bench_peers.sh [options]
Builds the benches, checks that both sides give the same gradients from the same inputs, then times blocks of steps in turns, several
rounds, two threads each: batch of 256 with dropout, IMU-skeleton and skeleton-video widths, without and with distillation. Prints each
contender's times and their ratio to babel's; the fastest PyTorch form is the one to compare with. Then the same for the encoders:
Shift-GCN at 64 frames, LIMU-BERT at 120 rows, batches of 1 and 32. Wants an otherwise idle machine.
  --only NAME    step or encoders
  --weights-dir DIR  published weights for the encoders (default: made-up ones; the time is the same)
  --python FILE  a Python with torch and numpy (default python3)
  --dir FOLDER   build folder (default build)
  --threads N    threads of either side (default 2)
  --rounds N     rounds (default 12, of 8 timed steps a contender: 96 steps)
  --help         this text
TEXT
}

python=python3 folder=$root/build threads=2 rounds=12 only="" weights=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
  esac
  [ $# -ge 2 ] || { echo "bench_peers.sh: $1 needs a value, or is no option; --help lists them" >&2; exit 2; }
  case $1 in
    --python) python=$2 ;;
    --dir) folder=$2 ;;
    --threads) threads=$2 ;;
    --rounds) rounds=$2 ;;
    --only) only=$2 ;;
    --weights-dir) weights=(--weights-dir "$2") ;;
    *) echo "bench_peers.sh: no option is called $1; --help lists them" >&2; exit 2 ;;
  esac
  shift 2
done
command -v "$python" >/dev/null || { echo "bench_peers.sh: there is no $python; name a Python with torch and numpy by --python" >&2; exit 1; }
"$python" -c 'import numpy, torch' 2>/dev/null || {
  echo "bench_peers.sh: $python has no torch or no numpy, and the peers need both; name another one by --python" >&2; exit 1; }

"$root/scripts/build.sh" --tests --dir "$folder"
peer() { # peer NAME SCRIPT PROGRAM options..
  [ -z "$only" ] || [ "$only" = "$1" ] || return 0
  "$python" "$root/scripts/peers/$2" --program "$folder/bench/$3" --threads "$threads" --rounds "$rounds" "${@:4}"
}
case $only in "" | step | encoders) ;; *) echo "bench_peers.sh: --only takes step or encoders" >&2; exit 2 ;; esac
peer step step_torch.py babel_step_serve
peer encoders encoders_torch.py babel_encoder_serve "${weights[@]}"
