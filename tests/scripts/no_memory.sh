#!/usr/bin/env bash
# Takes the memory away at many moments of many commands: a sentence and exit status 1 (or 2), no signal, nothing half-written; a command that
# succeeds all the same has written what it writes otherwise. Usage: no_memory.sh PROGRAM PRELOAD ROOT [MOMENTS a command, default 12]
set -uo pipefail
babel=$1 preload=$2 seeds=$3/tests/fuzz/seeds moments=${4:-12}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export OMP_NUM_THREADS=1
runs=0 failures=0

complain() { failures=$((failures + 1)); echo "FAILED: allocation $at of: babel $*"; head -c 600 error; echo; }

allocations() { # command..: how many there are
  COUNT_ALLOCATIONS=1 LD_PRELOAD=$preload "$babel" "$@" 2>&1 >/dev/null | sed -n 's/^allocations: //p' | tail -n 1
}

# sweep OUTPUT command..: OUTPUT is what the command writes, - for nothing.
sweep() {
  local out=$1 all code mode
  shift
  rm -rf "$out" wanted
  all=$(allocations "$@")
  if [ "$out" != - ]; then mv "$out" wanted; fi
  for ((k = 1; k <= moments; k++)); do
    at=$((start + 1 + (all - start - 1) * (k - 1) / (moments > 1 ? moments - 1 : 1)))
    for mode in once "from then on"; do
      code=0 runs=$((runs + 1))
      rm -rf "$out"
      if [ "$mode" = once ]; then
        FAIL_ONCE=1 FAIL_AT=$at LD_PRELOAD=$preload "$babel" "$@" >output 2>error || code=$?
      else
        FAIL_AT=$at LD_PRELOAD=$preload "$babel" "$@" >output 2>error || code=$?
      fi
      case $code in
        0) [ "$out" = - ] || cmp -s "$out" wanted || complain "$@ ($mode): succeeded with another result" ;;
        1 | 2) [ "$(grep -cE '^(babel: error|libgomp): ' error)" = 1 ] || complain "$@ ($mode): no sentence"
               [ "$out" = - ] || [ ! -e "$out" ] || complain "$@ ($mode): failed and left $out" ;;
        *) complain "$@ ($mode): exit status $code" ;;
      esac
      [ -z "$(find . -name '*.tmp.*')" ] || complain "$@ ($mode): left a temporary file"
    done
  done
}

npy() { # FILE ROWS COLUMNS
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': ($2, $3), }" >"$1"
  seq "$2" $(($2 + $2 * $3)) | head -c $(($2 * $3)) >>"$1"
}

start=$(allocations --version) # before the program itself begins: other libraries' own
[ -n "$start" ] || { echo "no allocation was counted: the preloaded library does not work here"; exit 77; }
npy a.npy 40 8
npy b.npy 40 9
npy imu.npy 130 6
awk 'BEGIN { print "key,label,subject"; for (i = 0; i < 40; i++) print "k" i "," i % 5 "," i % 3 }' >keys.csv
awk 'BEGIN { print "draw,role,key"; for (i = 0; i < 40; i++) print "0," (i < 5 ? "support" : "query") ",k" i }' >draws.csv
{ echo key,part; for ((i = 0; i < 20; i++)); do echo "k$i,train"; done; } >split.csv
"$babel" bank import --features a.npy --keys keys.csv --modality one --out a.bank >/dev/null
"$babel" bank import --features b.npy --keys keys.csv --modality two --out b.bank >/dev/null
"$babel" simulate --utd-mhad utd --actions 1 --subjects 1 >/dev/null
small=(--set hidden=8 --set embed_dim=8 --set batch=32 --set max_steps=12 --quiet)
"$babel" grow --bank a.bank --bank b.bank "${small[@]}" --out run >/dev/null

for file in checkpoint/torch.pt checkpoint/deflated.pt checkpoint/legacy.pt mat/inertial.mat npy/columns.npy ntu/two.skeleton trunk/two.safetensors bank/timed.safetensors; do
  sweep - inspect "$seeds/$file"
done
sweep - config --config "$seeds/yaml/settings.yaml"
sweep - report "$seeds/results/two.json" --all
sweep - check utd
sweep x.bank bank import --features a.npy --keys keys.csv --modality one --out x.bank
sweep x.bank bank select --bank a.bank --split split.csv --out x.bank
sweep x.bank bank build --data utd --modality imu --encoder imu_stats --variants 2 --out x.bank --quiet
sweep y.npy encode --encoder limu_bert --random-weights --input imu.npy --output y.npy
sweep y.npy embed --trunk run/trunk.safetensors --bank a.bank --out y.npy
sweep again/trunk.safetensors grow --bank a.bank --bank b.bank "${small[@]}" --out again --force
sweep r.json eval --protocol p --bank a.bank --bank b.bank --split split.csv --draws draws.csv --trunk run/trunk.safetensors --heads nearest,ridge --out r.json

echo "$runs runs, $failures failed"
[ $failures = 0 ]
