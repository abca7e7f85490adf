#!/usr/bin/env bash
# The program on devices that are not there, too old, too small, or that fail at any moment (the simulated device fails on demand): one
# sentence, the right exit status, no device memory left behind, no half-written result, and a state that can be continued.
# Usage: bad_device.sh PROGRAM [EVERY]: of long rows of failures every EVERYth is tried (default 7)
set -uo pipefail
babel=$1 every=${2:-7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
unset BABEL_SIMDEV_DEVICES BABEL_SIMDEV_ARCH BABEL_SIMDEV_MEMORY BABEL_SIMDEV_FAIL
checks=0 failures=0
[ -x "$babel" ] || { echo "bad_device.sh: $babel is not there"; exit 1; }

complain() { failures=$((failures + 1)); echo "FAILED: $*"; echo "--- standard error:"; head -c 2000 error; echo; }

# judge CODE WORD.. : the last command's exit status, one error line with all the words, nothing that the simulated device or a sanitizer found.
judge() {
  local wanted=$1 word
  checks=$((checks + 1))
  [ "$code" = "$wanted" ] || complain "$what: exit status $code, expected $wanted"
  shift
  for word; do grep -qF -- "$word" error || complain "$what: expected \"$word\" in its sentence"; done
  if [ "$wanted" != 0 ]; then [ "$(grep -c '^babel: error: ' error)" = 1 ] || complain "$what: expected one error line"; fi
  if grep -qE '^simdev: |Sanitizer|runtime error:' error; then complain "$what: a finding"; fi
}
run() { # [NAME=VALUE].. ARGUMENT..: of the simulated device, then of the program
  local settings=()
  while [[ $1 == [A-Z]*=* ]]; do settings+=("BABEL_SIMDEV_$1"); shift; done
  what="${settings[*]} babel $*" code=0
  env "${settings[@]}" "$babel" "$@" >output 2>error || code=$?
}
good() { run "$@"; judge 0; }
absent() { # no temporary file, and none of the named
  checks=$((checks + 1))
  if [ -n "$(find . -name '*.tmp.*')" ]; then complain "$what: left $(find . -name '*.tmp.*')"; fi
  local file
  for file; do [ ! -e "$file" ] || complain "$what: left $file"; done
}

npy() { # FILE ROWS COLUMNS: digits of counted numbers, as uint8
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': ($2, $3), }" >"$1"
  seq "$2" $(($2 + $2 * $3)) | head -c $(($2 * $3)) >>"$1"
}
huge() { # 600 x 8 floats of 3.3e38, sample 7 of -3.3e38: finite, but no longer once the mean is taken off
  local i number
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (600, 8), }"
  for ((i = 0; i < 4800; i++)); do
    number='\x37\x44\x78\x7f'
    if [ $((i / 8)) = 7 ]; then number='\x37\x44\x78\xff'; fi
    printf "$number"
  done
}
npy a.npy 60 8
npy b.npy 60 9
huge >huge.npy
npy many.npy 600 9
keys() { awk -v n="$1" 'BEGIN { print "key,label,subject"; for (i = 0; i < n; i++) print "k" i "," i % 5 "," i % 3 }'; }
keys 60 >keys.csv
keys 600 >many.csv
good bank import --features a.npy --keys keys.csv --modality one --out a.bank
good bank import --features b.npy --keys keys.csv --modality two --out b.bank
good bank import --features huge.npy --keys many.csv --modality one --out huge.bank
good bank import --features many.npy --keys many.csv --modality two --out many.bank
tiny=(--set hidden=8 --set embed_dim=8 --set batch=32 --set max_steps=12 --set head_epochs=2 --set checkpoint_seconds=0.000001 --quiet --backend cuda)
grow=(grow --bank a.bank --bank b.bank "${tiny[@]}")
good "${grow[@]}" --out whole

### no device, or none that the kernels were built for
run DEVICES=0 "${grow[@]}" --out x; judge 1 "--backend cuda: no CUDA device"
run DEVICES=no-driver "${grow[@]}" --out x; judge 1 "no CUDA device" "no NVIDIA driver"
run ARCH=sm_75 "${grow[@]}" --out x; judge 1 "compute capability 7.5" "at least 8.0"
absent x/trunk.safetensors
good ARCH=sm_80 "${grow[@]}" --out older
cmp -s whole/metrics.jsonl older/metrics.jsonl || complain "sm_80 and sm_90 do not compute the same"

### too little memory: how much is needed, what to lower
for size in 1K 4K 16K 64K; do
  run MEMORY=$size "${grow[@]}" --out x; judge 1 "the device has no memory for" "are free; lower batch or variants"
  absent x/trunk.safetensors
done

# fails KIND WORD.. -- ARGUMENT..: the first, second, ... call of a kind fails, until the program gets through without reaching it.
fails() {
  local kind=$1 words=() n before=$failures
  shift
  while [ "$1" != -- ]; do words+=("$1"); shift; done
  shift
  for ((n = 1; n < 10000 && failures == before; n = n < 12 ? n + 1 : n + every)); do
    rm -rf x
    run FAIL="$kind:$n" "$@"
    if [ $code = 0 ]; then judge 0; break; fi
    judge 1 "${words[@]}"
    absent x/trunk.safetensors x.safetensors x.json
  done
  checks=$((checks + 1))
  [ $n -gt 1 ] || complain "$what: it never fails"
}

### growing: each allocation, launch, copy and kernel
fails malloc "the device has no memory for" -- "${grow[@]}" --out x
fails launch "CUDA: too many resources requested for launch (" "kernels/cuda/" -- "${grow[@]}" --out x
fails memcpy "CUDA: uncorrectable ECC error encountered (cudaMem" -- "${grow[@]}" --out x
fails kernel "CUDA: an illegal memory access was encountered (cuda" "left by a kernel" -- "${grow[@]}" --out x

### embedding and evaluating with the grown trunk
embed=(embed --trunk whole/trunk.safetensors --bank a.bank --modality one --quiet --backend cuda --out x.safetensors)
good "${embed[@]}"
rm -f x.safetensors
fails malloc "the device has no memory for" -- "${embed[@]}"
rm -f x.safetensors
fails kernel "left by a kernel" -- "${embed[@]}"
awk -F, 'NR == 1 { print "key,part"; next } { print $1 "," (NR < 20 ? "train" : NR < 35 ? "holdout" : "test") }' keys.csv >split.csv
rm -f x.safetensors
eval=(eval --protocol release --bank a.bank --bank b.bank --split split.csv --trunk whole/trunk.safetensors --heads nearest,mlp --quiet --backend cuda --out x.json)
good "${eval[@]}"
every=$((5 * every)) # its launches are much alike
for kind in malloc kernel; do
  rm -f x.json
  fails $kind -- "${eval[@]}"
done

### nothing is lost: a run that a kernel broke goes on from its state, saved every ten steps, and ends as if nothing had happened
long=("${grow[@]}" --set max_steps=45)
good "${long[@]}" --out long
for kernel in 400 500 600; do
  rm -rf x
  run FAIL=kernel:$kernel "${long[@]}" --out x; judge 1 "left by a kernel"
  [ -e x/state.safetensors ] || complain "$what: no state"
  good "${long[@]}" --resume --out x
  cmp -s long/trunk.safetensors x/trunk.safetensors || complain "continued after kernel $kernel failed: another trunk"
  cmp -s long/metrics.jsonl x/metrics.jsonl || complain "continued after kernel $kernel failed: other metrics"
done

### launches that are waited for one by one compute the same, and a kernel that fails in a step is named
export CUDA_LAUNCH_BLOCKING=1
good "${long[@]}" --out one_by_one
cmp -s long/metrics.jsonl one_by_one/metrics.jsonl || complain "CUDA_LAUNCH_BLOCKING=1: other metrics"
for kernel in 100 400 500 600; do
  rm -rf x
  run FAIL=kernel:$kernel "${long[@]}" --out x; judge 1 "illegal memory access" "(babel_"
  ! grep -q "left by a kernel" error || complain "$what: does not name the kernel"
done
unset CUDA_LAUNCH_BLOCKING

### features that are no longer finite: step, modality, row of the batch; the state of the step before stays
rm -rf x
broken=(grow --bank huge.bank --bank many.bank "${tiny[@]}" --set seed=7 --set max_steps=30)
run "${broken[@]}" --out x; judge 1 "training broke down at step 13: one, row " " of the batch (sample k7)" "the state saved before is kept"
sha256sum x/state.safetensors >sum
run "${broken[@]}" --out x --resume; judge 1 "training broke down at step 13"
sha256sum --quiet -c sum || complain "the state before the breakdown has changed"
absent x/trunk.safetensors
run "${broken[@]}" --set standardise=false --out y
judge 1 "training broke down" "All features of steps" "the largest is 3.3" "one, step " "row " "sample k"

echo "$checks checks, $failures failed"
[ $failures = 0 ]
