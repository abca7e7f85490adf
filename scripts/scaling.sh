#!/usr/bin/env bash
# Time of a training step by ranks and threads: docs/scaling.md.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
Usage: scripts/scaling.sh [--babel FILE] [--batches "N .."] [--layouts "RANKSxTHREADS .."] [--repeats N]
Grows made-up banks (widths 316 and 513, preset ours) for 5 and for 35 steps and divides the difference of the two times by 30; the layouts take turns, the
least time of the repeats counts. Prints a table: ms a step, and how many times faster than the first layout.
  --babel FILE     the program (default build/babel)
  --batches LIST   default "256 2048"
  --layouts LIST   default "1x1 2x1 1x2"
  --repeats N      default 3
  --help           this text
TEXT
}

babel=$root/build/babel batches="256 2048" layouts="1x1 2x1 1x2" repeats=3
while [ $# -gt 0 ]; do
  case $1 in -h | --help) usage; exit 0 ;; esac
  [ $# -ge 2 ] || { echo "scaling.sh: $1 needs a value, or is no option; --help lists them" >&2; exit 2; }
  case $1 in
    --babel) babel=$2 ;;
    --batches) batches=$2 ;;
    --layouts) layouts=$2 ;;
    --repeats) repeats=$2 ;;
    *) echo "scaling.sh: no option is called $1; --help lists them" >&2; exit 2 ;;
  esac
  shift 2
done
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

seconds() { # LAYOUT BATCH STEPS
  local ranks=${1%x*} threads=${1#*x} start
  local command=("$babel" grow --bank "$box/a.bank" --bank "$box/b.bank" --out "$box/run" --force --quiet --threads "$threads" --set "batch=$2" --set "max_steps=$3")
  [ "$ranks" = 1 ] || command=(mpirun --oversubscribe --bind-to none -n "$ranks" "${command[@]}")
  rm -rf "$box/run"
  start=$(date +%s.%N)
  "${command[@]}" >/dev/null
  awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN { print b - a }'
}

printf '%6s %8s %10s %8s\n' batch layout "ms a step" speed-up
for batch in $batches; do
  bash "$root/scripts/made_up_banks.sh" "$babel" "$box" "$batch" a:316 b:513 >/dev/null
  rm -f "$box/times"
  for ((i = 0; i < repeats; i++)); do
    for layout in $layouts; do echo "$layout $(seconds "$layout" "$batch" 5) $(seconds "$layout" "$batch" 35)" >>"$box/times"; done
  done
  awk -v batch="$batch" -v layouts="$layouts" '
    !($1 in short) || $2 < short[$1] { short[$1] = $2 }
    !($1 in long) || $3 < long[$1] { long[$1] = $3 }
    END {
      n = split(layouts, order, " ")
      for (i = 1; i <= n; i++) {
        ms = (long[order[i]] - short[order[i]]) / 30 * 1000
        if (i == 1) base = ms
        printf "%6d %8s %10.1f %8.2f\n", batch, order[i], ms, base / ms
      }
    }' "$box/times"
done
