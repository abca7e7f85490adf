#!/usr/bin/env bash
# The program on the simulated device computes the same bits in whatever order it runs blocks, threads, streams and branches of a graph.
# Usage: device_seeds.sh PROGRAM [SEEDS] (default 8)
set -euo pipefail
babel=$1 seeds=${2:-8}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive

npy() { # FILE ROWS COLUMNS: digits of counted numbers, as uint8
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': ($2, $3), }" >"$1"
  { seq "$2" $(($2 + $2 * $3)) || :; } | head -c $(($2 * $3)) >>"$1" # head leaves early
}
npy a.npy 70 37
npy b.npy 70 60
awk 'BEGIN { print "key,label,subject"; for (i = 0; i < 70; i++) print "k" i "," i % 5 "," i % 3 }' >keys.csv
for side in a b; do "$babel" bank import --features $side.npy --keys keys.csv --modality "side_$side" --out $side.bank --quiet >log; done

for ((seed = 0; seed < seeds; seed++)); do
  export BABEL_SIMDEV_SEED=$seed
  "$babel" grow --bank a.bank --bank b.bank --set hidden=40 --set embed_dim=72 --set batch=33 --set max_steps=5 --quiet --backend cuda --out "s$seed" >log
  "$babel" embed --trunk "s$seed/trunk.safetensors" --bank a.bank --modality side_a --quiet --backend cuda --out "s$seed/e.safetensors" >log
  for file in metrics.jsonl trunk.safetensors e.safetensors; do
    cmp "s0/$file" "s$seed/$file" || { echo "device_seeds.sh: seed $seed: another $file"; exit 1; }
  done
done
echo "$seeds orders, the same metrics, trunk and embeddings"
