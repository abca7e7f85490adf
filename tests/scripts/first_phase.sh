#!/usr/bin/env bash
# The whole first phase with the program itself, on a tiny simulated set: every command once, its exit status, and what its files hold.
# Usage: first_phase.sh PROGRAM
set -euo pipefail
babel=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive

fail() {
  echo "first_phase.sh: $*"
  [ ! -s error ] || { echo "--- standard error:"; cat error; }
  exit 1
}
# expect CODE ARGUMENTS.. : runs the program; output and error hold what it said.
expect() {
  local wanted=$1 code=0
  shift
  "$babel" "$@" >output 2>error || code=$?
  if grep -qE 'Sanitizer|runtime error:' error; then fail "babel $*: a sanitizer report"; fi
  [ $code = "$wanted" ] || fail "babel $*: exit status $code, expected $wanted"
}
good() { expect 0 "$@"; }
says() { grep -qF -- "$1" output || { cat output; fail "expected \"$1\" in the output above"; }; }
sentence() { grep -qF -- "$1" error || fail "expected the sentence \"$1\""; }
rows() { # FILE EXPECTED PATTERN
  local found
  found=$(grep -c "$3" "$1" || true)
  [ "$found" = "$2" ] || fail "$1: $found times $3, expected $2"
}

### a set of 3 actions x 2 subjects x 3 trials
good simulate --utd-mhad utd --actions 3 --subjects 2
rm utd/*/*_t4_*
expect 1 check utd
says "utd: 18 trials, 18 sound pairs, 843 missing, 0 damaged"
expect 1 simulate --utd-mhad utd --actions 1
sentence "exists already"

### banks
good bank build --data utd --modality imu --encoder imu_stats --variants 2 --out imu.bank
says "imu.bank: imu by imu_stats"
good bank build --data utd --modality skeleton --encoder st_gcn --random-weights --variants 0 --out scores=scores.bank --out pooled_scores=skeleton.bank
rm utd/Inertial/a2_s1_t2_*
truncate -s 300 utd/Inertial/a3_s1_t2_inertial.mat
expect 1 bank build --data utd --modality imu --encoder imu_stats --variants 0 --out fewer.bank
sentence "a3_s1_t2_inertial.mat"
[ ! -e fewer.bank ] || fail "a failed build left its bank"
good bank build --data utd --modality imu --encoder imu_stats --variants 0 --skip-damaged --out fewer.bank
says "16 trials"
expect 2 bank build --data utd --modality imu --encoder imu_stat --out x.bank
good inspect imu.bank skeleton.bank scores.bank utd/Skeleton/a1_s1_t1_skeleton.mat
says "valid: imu of utd_mhad (all), 18 samples, 2 variants, 1 steps, 78 features"
says '"simulated":true'

### split and draws: subject 1 trains; of subject 2, trial 1 is held out, trials 2 and 3 are support and query in turn
{
  echo key,part
  for action in 1 2 3; do
    for trial in 1 2 3; do
      echo "a${action}_s1_t$trial,train"
      if [ $trial = 1 ]; then part=holdout; else part=test; fi
      echo "a${action}_s2_t$trial,$part"
    done
  done
} >split.csv
{
  echo draw,role,key
  for draw in 0 1; do
    for action in 1 2 3; do
      echo "$draw,support,a${action}_s2_t$((2 + draw))"
      echo "$draw,query,a${action}_s2_t$((3 - draw))"
    done
  done
} >draws.csv
good inspect split.csv draws.csv
says "9 train, 3 holdout, 6 test"
says "draw 1: 3 support, 3 query"
good bank select --bank imu.bank --split split.csv --part test --out test.bank
says "test.bank: 6 of 18 samples"

### growth
good config --preset best --set embed_dim=32 --set hidden=16 --set neighbour_k=3 --set max_steps=20 --set batch=8 --set watch_epochs=5
cp output small.yaml
good config --config small.yaml
cmp -s output small.yaml || fail "a resolved configuration, read back, is another one"
good config --config small.yaml --json
says '"neighbour_k"'
good config --markdown
expect 2 config --set neighbours=3
grow=(grow --bank imu.bank --bank skeleton.bank --split split.csv --config small.yaml --watch paper=draws.csv)
good "${grow[@]}" --dry-run --out run0
says "steps       20"
[ ! -e run0 ] || fail "a dry run left its folder"
for seed in 0 1; do good "${grow[@]}" --seed $seed --out run$seed; done
good "${grow[@]}" --seed 0 --out again
cmp run0/trunk.safetensors again/trunk.safetensors || fail "the same run gave another trunk"
if cmp -s run0/trunk.safetensors run1/trunk.safetensors; then fail "another seed gave the same trunk"; fi
for run in run0 run1; do [ "$(ls $run)" = "$(printf 'metrics.jsonl\ntrunk.safetensors\nwatch.jsonl')" ] || fail "$run holds $(ls $run)"; done
expect 1 "${grow[@]}" --out run0
sentence "--resume"
good "${grow[@]}" --out run0 --resume
expect 1 grow --bank imu.bank --bank skeleton.bank --config small.yaml --out run0 --resume --set lr=1e-4
sentence "another configuration"
good inspect run0/trunk.safetensors
says "run0/trunk.safetensors: a trunk"
expect 2 grow --bank imu.bank --bank fewer.bank --config small.yaml --out x
sentence "both hold imu"
expect 1 grow --bank fewer.bank --bank skeleton.bank --split split.csv --config small.yaml --out lost
sentence "a2_s1_t2, a3_s1_t2"
[ -z "$(ls lost)" ] || fail "a growth that could not begin left $(ls lost)"

### evaluation: 3 raw and 5 aligned rows a head, 5 ensemble and 5 aligned + raw by nearest class embedding, 5 best-on-query of two heads, 2 of retrieval
eval=(eval --bank imu.bank --bank skeleton.bank --split split.csv)
trunks=(--trunk run0/trunk.safetensors --trunk run1/trunk.safetensors)
good "${eval[@]}" --protocol paper --draws draws.csv "${trunks[@]}" --extra --heads nearest,ridge,mlp,transductive --name tiny \
  --predictions predictions.csv --classes classes.csv --out results.json
rows results.json 54 '"kind"'
rows results.json 10 '"best-on-query"'
rows results.json 52 '"one-shot"'
rows results.json 54 '"utd_mhad (simulated)"'
rows results.json 32 '"random"' # as labelled by the bank of a random encoder: aligned, best-on-query, retrieval
rows results.json 54 '"tiny"'
rows predictions.csv $((3 * 2 * (4 * (3 + 5 * 2) + 5 + 5 * 2))) ',tiny,'
rows classes.csv $((3 * 4 * (3 + 5))) ',tiny,'
good "${eval[@]}" --protocol release "${trunks[@]}" --heads nearest --no-raw --out results.json
good "${eval[@]}" --protocol strict-folds --draws draws.csv --trunk run0/trunk.safetensors --split split.csv --draws draws.csv \
  --trunk run1/trunk.safetensors --heads nearest --out results.json
rows results.json $((54 + 7 + 10)) '"kind"'
cp results.json before.json
expect 2 "${eval[@]}" --protocol strict-folds --draws draws.csv "${trunks[@]}" --draws draws.csv --trunk run0/trunk.safetensors --out results.json
expect 1 eval --bank imu.bank --bank scores.bank --split split.csv --protocol paper --draws draws.csv "${trunks[@]}" --out results.json
sentence "was grown with 316"
cmp results.json before.json || fail "a failed evaluation changed the results"
{ # features of the same width, but of another encoder than the tower's
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': (18, 78), }"
  seq 1000 | head -c $((18 * 78))
} >foreign.npy
{
  echo key,label,subject
  for action in 1 2 3; do for subject in 1 2; do for trial in 1 2 3; do echo "a${action}_s${subject}_t$trial,$((action - 1)),$subject"; done; done; done
} >foreign.csv
good bank import --features foreign.npy --keys foreign.csv --modality imu --out foreign.bank
good eval --bank foreign.bank --bank skeleton.bank --split split.csv --protocol paper --draws draws.csv "${trunks[@]}" --heads nearest --out foreign.json
sentence "warning: foreign.bank"
sentence "imu_stats"
for form in "" --all --markdown; do
  good report results.json $form
  says simulated
done
truncate -s -40 before.json
expect 1 report before.json
sentence "before.json"

### embeddings, and back in as a user's own features
good embed --trunk run0/trunk.safetensors --bank imu.bank --out imu.npy --keys keys.csv
says "imu.npy: 18 imu embeddings of 32 numbers"
good embed --trunk run0/trunk.safetensors --encoder imu_stats --input utd/Inertial/a1_s1_t1_inertial.mat --input utd/Inertial/a1_s2_t1_inertial.mat --out two.npy
says "two.npy: 2 imu embeddings"
good embed --trunk run0/trunk.safetensors --encoder imu_stats --input utd/Inertial/a1_s1_t1_inertial.mat --aligned --out one.npy
good embed --trunk run0/trunk.safetensors --bank test.bank --modality imu --out test.npy
cmp <(tail -c +129 one.npy) <(tail -c +129 imu.npy | head -c 128) || fail "a raw file's embedding is not that of its row in the bank"
expect 1 embed --trunk run0/trunk.safetensors --bank scores.bank --out x.npy
sentence "was grown with 316"
expect 1 embed --trunk run0/trunk.safetensors --encoder limu_bert --random-weights --input utd/Inertial/a1_s1_t1_inertial.mat --out x.npy
sentence "was grown with"
good inspect imu.npy two.npy
says "(18, 32)"
good bank import --features imu.npy --keys keys.csv --modality uwb --dataset mine --out own.bank
good inspect own.bank
says "valid: uwb of mine (all), 18 samples"
expect 1 inspect results.json

### nothing is left behind
[ -z "$(find . -name '*.tmp.*')" ] || fail "left: $(find . -name '*.tmp.*')"
for file in x x.bank x.npy; do [ ! -e $file ] || fail "a failed command left $file"; done
echo "first phase: all as it should be"
