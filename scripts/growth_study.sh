#!/usr/bin/env bash
# One schedule under several policies and seeds, and the table of what each kept.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
Usage: scripts/growth_study.sh --schedule FILE --banks DIR --out DIR [options] [NAME[=SETTING,..]..]

Grows the schedule once a policy and seed and prints the table (babel report --policies). A policy is a value of proto_policy, `freeze` (trunk: freeze), or
NAME=KEY=VALUE,KEY=VALUE.. with the settings that it stands for. Without any: none, plain, ema_teacher (distill_weight 20), rehearsal_kd, gauss_kd, freeze.

  --schedule FILE  configs/schedules/chain_a.yaml, say
  --banks DIR      folder of its banks
  --out DIR        runs, DIR/POLICY/seedN; a run that is there is continued or taken as it is
  --seeds N        seeds a policy (default 3)
  --threads N      runs side by side, one thread each (default: all processors)
  --babel FILE     the program (default build/babel)
  --help           this text
TEXT
}

schedule="" banks="" out="" seeds=3 threads=$(nproc) babel=$here/build/babel policies=()
need() { [ $# -ge 2 ] || { echo "growth_study.sh: $1 needs a value; --help explains" >&2; exit 2; }; }
while [ $# -gt 0 ]; do
  case $1 in
    --schedule) need "$@"; schedule=$2; shift ;;
    --banks) need "$@"; banks=$2; shift ;;
    --out) need "$@"; out=$2; shift ;;
    --seeds) need "$@"; seeds=$2; shift ;;
    --threads) need "$@"; threads=$2; shift ;;
    --babel) need "$@"; babel=$2; shift ;;
    --help) usage; exit 0 ;;
    -*) echo "growth_study.sh: no option is called $1; --help lists them" >&2; exit 2 ;;
    *) policies+=("$1") ;;
  esac
  shift
done
[ -n "$schedule" ] && [ -n "$banks" ] && [ -n "$out" ] || { echo "growth_study.sh: --schedule, --banks and --out are needed; --help explains" >&2; exit 2; }
case $seeds$threads in *[!0-9]* | "") echo "growth_study.sh: --seeds and --threads take whole numbers" >&2; exit 2 ;; esac
[ ${#policies[@]} -gt 0 ] || policies=(none plain ema_teacher_20=proto_policy=ema_teacher,distill_weight=20 rehearsal_kd gauss_kd freeze)

mkdir -p "$out"
"$babel" plan "$schedule" --banks "$banks"
queue=$out/queue.txt
: >"$queue"
files=()
for policy in "${policies[@]}"; do
  name=${policy%%=*}
  case $policy in
    *=*) settings=${policy#*=} ;;
    freeze) settings=trunk=freeze ;;
    *) settings=proto_policy=$policy ;;
  esac
  for ((seed = 0; seed < seeds; seed++)); do
    printf '%q ' "$babel" grow --schedule "$schedule" --banks "$banks" --out "$out/$name/seed$seed" --seed $seed --threads 1 --quiet --resume >>"$queue"
    for setting in ${settings//,/ }; do printf '%q ' --set "$setting" >>"$queue"; done
    echo "> $(printf %q "$out/$name.seed$seed.txt")" >>"$queue"
    files+=("$name=$out/$name/seed$seed/results.json")
  done
done
xargs -P "$threads" -d '\n' -I{} bash -c '{}' <"$queue"
echo
"$babel" report --policies "${files[@]}"
