#!/usr/bin/env bash
# Every way to break the program from outside: a sentence, the right exit status, nothing lost, nothing half-written.
# Usage: robust.sh PROGRAM plain|sanitized
set -uo pipefail
babel=$1 build=$2
work=$(mktemp -d)
mounted=""
clean() {
  [ "$BASHPID" = $$ ] || return # a child that is killed before it has become another program comes here too
  [ -z "$mounted" ] || umount "$mounted"
  rm -rf "$work"
}
trap clean EXIT
cd "$work" || exit 1
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
checks=0 failures=0 skipped=""
[ "$build" = sanitized ] && steps=500 || steps=1500

complain() { failures=$((failures + 1)); echo "FAILED: $*"; echo "--- standard error:"; head -c 2000 error; echo; }

# judge CODE WORD.. : the last command's exit status, one error line with all the words, no sanitizer report.
judge() {
  local wanted=$1 word
  checks=$((checks + 1))
  [ "$code" = "$wanted" ] || complain "$what: exit status $code, expected $wanted"
  shift
  for word; do grep -qF -- "$word" error || complain "$what: expected \"$word\" in its sentence"; done
  if [ "$wanted" = 1 ] || [ "$wanted" = 2 ]; then
    [ "$(grep -c '^babel: error: ' error)" = 1 ] || complain "$what: expected one error line"
  fi
  if grep -qE 'Sanitizer|runtime error:' error; then complain "$what: a sanitizer report"; fi
}
run() { what="babel $*" code=0; "$babel" "$@" >output 2>error || code=$?; }
good() { run "$@"; judge 0; }
nothing_left() { # no temporary file, and none of the named
  checks=$((checks + 1))
  if [ -n "$(find . -name '*.tmp.*')" ]; then complain "$what: left $(find . -name '*.tmp.*')"; fi
  local file
  for file; do [ ! -e "$file" ] || complain "$what: left $file"; done
}

npy() { # FILE ROWS COLUMNS: digits of counted numbers, as uint8
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': ($2, $3), }" >"$1"
  seq "$2" $(($2 + $2 * $3)) | head -c $(($2 * $3)) >>"$1"
}
keys() { awk -v n="$1" 'BEGIN { print "key,label,subject"; for (i = 0; i < n; i++) print "k" i "," i % 5 "," i % 3 }'; }

npy a.npy 60 8
npy b.npy 60 9
keys 60 >keys.csv
keys 59 >short.csv
good bank import --features a.npy --keys keys.csv --modality one --out a.bank
good bank import --features b.npy --keys keys.csv --modality two --out b.bank
tiny=(--set hidden=8 --set embed_dim=8 --set batch=32 --set checkpoint_seconds=0.02)
grow=(grow --bank a.bank --bank b.bank "${tiny[@]}")
touch file

### the command line
run
[ $code = 2 ] && grep -q '^Usage:' output || complain "no command: exit status $code, expected 2 and help"
run inspct a.npy; judge 2 "did you mean inspect"
run grow --bnk a.bank; judge 2 --bnk "did you mean --bank"
run grow --bank; judge 2 "--bank needs a value"
run grow --out x; judge 2 "expected two banks"
run "${grow[@]}"; judge 2 "--out is needed"
run "${grow[@]}" --out x --threads none; judge 2 "--threads none" "whole number"
run "${grow[@]}" --out x --set lr=nan; judge 2 lr "finite number" "'nan'"
run "${grow[@]}" --out x --preset bets; judge 2 preset "found 'bets'"
run inspect; judge 2 "at least one file"
run encode --encoder nobody --input a.npy --output y.npy; judge 2 nobody
good --help
good --version
### threads that wait for others do not spin for long, unless the user says so
patience() { env -u OMP_WAIT_POLICY OMP_DISPLAY_ENV=VERBOSE OMP_NUM_THREADS=2 "$@" "$babel" --version 2>&1 | sed -n "s/.*GOMP_SPINCOUNT = '\(.*\)'.*/\1/p" | tail -n 1; }
what="patience" checks=$((checks + 2))
: >error
[ "$(patience)" = 3000 ] || complain "GOMP_SPINCOUNT is $(patience), expected 3000"
[ "$(patience GOMP_SPINCOUNT=77)" = 77 ] || complain "GOMP_SPINCOUNT of the user becomes $(patience GOMP_SPINCOUNT=77)"
good grow --help
printf 'lr: 1e-3\nlearnin_rate: 1\n' >unknown.yaml
printf 'seed: 1\nlr: .nan\n' >nan.yaml
printf 'seed: 1\nlr: "1\n' >broken.yaml
run "${grow[@]}" --out x --config unknown.yaml; judge 2 "unknown.yaml: line 2" learnin_rate nearest
run "${grow[@]}" --out x --config nan.yaml; judge 2 "nan.yaml: line 2" "finite number"
run config --config broken.yaml; judge 1 "broken.yaml: line"
nothing_left x

### files that are missing, foreign or of another shape
mkfifo pipe
: >empty.npy
printf '<!DOCTYPE html><html>404</html>' >page.pt
printf '\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01K\x02e.' >list.pt
printf '\x80\x02cposix\nsystem\nq\x00X\x0a\x00\x00\x00echo PWNEDq\x01\x85q\x02Rq\x03.' >evil.pkl
head -c 40 a.bank >cut.safetensors
for file in nowhere.npy pipe . empty.npy page.pt list.pt evil.pkl cut.safetensors file; do
  run inspect "$file"; judge 1 "$file"
  ! grep -q PWNED output error || complain "$file was executed"
done
run encode --encoder limu_bert --weights evil.pkl --input a.npy --output y.npy; judge 1 evil.pkl
run encode --encoder imu_stats --input a.npy --output y.npy; judge 1 a.npy "6 columns" "(60, 8)"
run bank import --features a.npy --keys short.csv --modality one --out x.bank; judge 1 a.npy 60 59
run bank import --features a.npy --keys a.npy --modality one --out x.bank; judge 1 a.npy "line 1"
run bank import --features a.npy --keys keys.csv --modality "One!" --out x.bank; judge 2 "One!"
head -n 31 keys.csv >half.csv
npy half.npy 30 9
good bank import --features half.npy --keys half.csv --modality two --out half.bank
run grow --bank a.bank --bank half.bank --out x; judge 1 a.bank half.bank 30 k30
run grow --bank a.bank --bank a.npy --out x; judge 1 a.npy
run eval --protocol p --bank a.bank --bank b.bank --draws keys.csv --trunk file --out r.json; judge 1 keys.csv "line 1"
nothing_left x/trunk.safetensors y.npy x.bank r.json

### features that training cannot bear: finite, but not once the mean is taken off (60 x 8 of 3.3e38, sample k7 of -3.3e38)
{
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (60, 8), }"
  for ((i = 0; i < 480; i++)); do if [ $((i / 8)) = 7 ]; then printf '\x37\x44\x78\xff'; else printf '\x37\x44\x78\x7f'; fi; done
} >huge.npy
good bank import --features huge.npy --keys keys.csv --modality one --out huge.bank
broken=(grow --bank huge.bank --bank b.bank "${tiny[@]}" --set max_steps=30 --quiet --out broken)
run "${broken[@]}"; judge 1 "training broke down at step" "one, row" "of the batch (sample k7)"
run "${broken[@]}" --set standardise=false; judge 1 "training broke down" "All features of steps 1 to" "the largest is 3.3"
nothing_left broken/trunk.safetensors

### output that cannot be written
run bank import --features a.npy --keys keys.csv --modality one --out file/x.bank; judge 1 file/x.bank
run bank import --features a.npy --keys keys.csv --modality one --out /dev/null; judge 1 /dev/null device
[ -c /dev/null ] || complain "/dev/null is no device any more"
run "${grow[@]}" --out file/x; judge 1 file
run "${grow[@]}" --out x --usage file/usage --dry-run; judge 1 file/usage
what="a full standard output"
for words in --help --version "config" "inspect a.npy"; do
  # shellcheck disable=SC2086 # words are several arguments
  code=0; "$babel" $words >/dev/full 2>error || code=$?; judge 1 "standard output" "No space left"
  # shellcheck disable=SC2086
  code=0; "$babel" $words 2>error >&- || code=$?; judge 1 "standard output" "Bad file descriptor"
done
what="grow with closed streams" code=0
"$babel" "${grow[@]}" --set max_steps=40 --out closed <&- >&- 2>error || code=$?
judge 1 "standard output"
run inspect closed/trunk.safetensors; judge 0
[ ! -s closed/.lock ] || complain "output ended up in the lock file"
what="all streams closed" code=0
"$babel" "${grow[@]}" --set max_steps=40 --out closed2 <&- >&- 2>&- || code=$?
: >error; checks=$((checks + 1)); [ "$code" = 1 ] || complain "$what: exit status $code"
cmp -s closed/trunk.safetensors closed2/trunk.safetensors || complain "$what: another trunk"
what="a closed pipe"
{ "$babel" grow --help 2>error; echo $? >code; } | :
code=$(cat code); case $code in 0) ;; *) judge 1 "standard output" "Broken pipe" ;; esac
what="a limit on file sizes" code=0
(ulimit -f 1 && exec "$babel" "${grow[@]}" --set max_steps=40 --out limited --quiet) >output 2>error || code=$?
judge 1 limited/ "File too large"
nothing_left limited/trunk.safetensors
if [ "$(id -u)" = 0 ] && mkdir disk && mount -t tmpfs -o size=96k none disk 2>/dev/null; then
  mounted=$work/disk
  run bank import --features a.npy --keys keys.csv --modality one --out disk/a.bank; judge 0
  before=$(sha256sum <disk/a.bank)
  head -c 200000 /dev/zero >disk/filler 2>/dev/null
  run bank import --features b.npy --keys keys.csv --modality one --out disk/a.bank; judge 1 disk/a.bank "No space left"
  [ "$before" = "$(sha256sum <disk/a.bank)" ] || complain "a full disk took the old bank"
  rm disk/filler
  npy wide.npy 60 400
  good bank import --features wide.npy --keys keys.csv --modality wide --out wide.bank
  run grow --bank wide.bank --bank b.bank --set hidden=64 --set max_steps=40 --set checkpoint_seconds=0 --out disk/run; judge 1 disk/run "No space left"
  nothing_left disk/run/trunk.safetensors
  umount "$mounted" && mounted=""
else
  skipped="$skipped full-disk(needs-root)"
fi

### too little memory
if [ "$build" = sanitized ]; then
  skipped="$skipped memory-limit(sanitizers-need-it)"
else
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': (100000, 300), }" >many.npy
  truncate -s $((128 + 100000 * 300)) many.npy
  keys 100000 >many.csv
  for limit in 90000 150000 200000; do
    what="import with $limit KiB" code=0
    (ulimit -v $limit && exec "$babel" bank import --features many.npy --keys many.csv --modality m --out many.bank) >output 2>error || code=$?
    judge 1 memory
    nothing_left many.bank
  done
  rm -f many.npy
fi

### interrupted, killed, twice at once
good "${grow[@]}" --set max_steps=$steps --out whole
for wait in 0 0.05 0.2; do # the machine decides when the signal comes
  "$babel" "${grow[@]}" --set max_steps=$steps --out run --force --quiet >first_output 2>first_error & pid=$!
  for ((i = 0; i < 500; i++)); do [ -e run/state.safetensors ] && break; sleep 0.01; done
  kill -STOP $pid
  run "${grow[@]}" --set max_steps=$steps --out run --force; judge 1 run "another run is writing"
  kill -CONT $pid
  sleep $wait
  kill -TERM $pid
  what="grow ended by SIGTERM" code=0
  wait $pid || code=$?
  cp first_error error
  [ $code = 0 ] || break
done
judge 130 "interrupted at step" --resume
nothing_left run/trunk.safetensors
run "${grow[@]}" --set max_steps=$steps --out run; judge 1 run/state.safetensors --resume
run "${grow[@]}" --set max_steps=$((steps - 1)) --out run --resume; judge 1 run/state.safetensors "another configuration"
cp -r run killed
good "${grow[@]}" --set max_steps=$steps --out run --resume
same() { cmp -s "whole/trunk.safetensors" "$1/trunk.safetensors" && cmp -s whole/metrics.jsonl "$1/metrics.jsonl" || complain "$what: another result than without interruption"; }
same run
good "${grow[@]}" --set max_steps=$steps --out run --resume # finished: nothing to do
same run
if [ -e killed/state.previous.safetensors ]; then
  truncate -s $(($(stat -c %s killed/state.safetensors) * 6 / 10)) killed/state.safetensors
  good "${grow[@]}" --set max_steps=$steps --out killed --resume
  grep -q 'killed/state.safetensors' error || complain "$what: the damaged state is not named"
  [ -e killed/state.safetensors.damaged ] || complain "$what: the damaged state was thrown away"
  same killed
fi

### a file that is cut while it is read; signals to commands that cannot stop half-way
printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (100000000,), }" >big.npy
truncate -s $((128 + 400000000)) big.npy
what="a file cut short while it is read"
"$babel" inspect big.npy >output 2>error & pid=$!
sleep 0.1
truncate -s 4096 big.npy
code=0; wait $pid || code=$?
judge 1 # caught while mapped, or told by its size
truncate -s $((128 + 400000000)) big.npy
what="inspect ended by SIGTERM"
"$babel" inspect big.npy >output 2>error & pid=$!
sleep 0.1
kill -TERM $pid
code=0; wait $pid || code=$?
judge 143
rm big.npy

### a locale with decimal commas
mkdir locale
cat >comma.src <<'TEXT'
LC_NUMERIC
decimal_point "<U002C>"
thousands_sep "<U002E>"
grouping 3;3
END LC_NUMERIC
LC_CTYPE
copy "POSIX"
END LC_CTYPE
TEXT
localedef -c -i comma.src -f ANSI_X3.4-1968 locale/comma >/dev/null 2>&1
if [ -e locale/comma/LC_NUMERIC ]; then
  printf 'lr: 3e-4\ntemperature: 0.08\n' >numbers.yaml
  "$babel" config --config numbers.yaml >plain.txt
  "$babel" inspect a.npy >>plain.txt
  comma() { LOCPATH=$work/locale LC_ALL=comma "$babel" "$@" 2>error; }
  what="decimal commas" code=0
  { comma config --config numbers.yaml; comma inspect a.npy; } >comma.txt || code=$?
  judge 0
  cmp -s plain.txt comma.txt || complain "$what: other numbers"
  grep -q '^tau: 0.08 ' comma.txt || complain "$what: tau is not 0.08"
  comma "${grow[@]}" --set max_steps=$steps --out comma --quiet >output || complain "$what: grow failed"
  same comma
  run config --set lr=0,1; judge 2 "0,1"
else
  skipped="$skipped decimal-commas(no-localedef)"
fi

### a data folder with damage
good simulate --utd-mhad data --actions 2 --subjects 1
truncate -s 700 data/Inertial/a1_s1_t1_inertial.mat
flip=data/Skeleton/a2_s1_t2_skeleton.mat
size=$(stat -c %s $flip)
byte=$(od -An -tu1 -j $((size / 2)) -N 1 $flip)
printf "\\x$(printf %02x $((byte ^ 16)))" | dd of=$flip bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
run check data
judge 1 "2 damaged"
for file in a1_s1_t1_inertial.mat a2_s1_t2_skeleton.mat; do grep -q "^  .*$file: " output || complain "$what: $file is not named with its reason"; done
build() { run bank build --data data --variants 0 --quiet --out "$1.built" --modality "$@"; }
build imu --encoder imu_stats; judge 1 a1_s1_t1_inertial.mat
build skeleton --encoder st_gcn --random-weights; judge 1 a2_s1_t2_skeleton.mat
nothing_left imu.built skeleton.built
what="bank build ended by SIGTERM" code=0
"$babel" bank build --data data --variants 300 --quiet --skip-damaged --out skeleton.built --modality skeleton --encoder st_gcn --random-weights >output 2>error & pid=$!
sleep 0.2
kill -TERM $pid
wait $pid || code=$?
judge 130 "interrupted while encoding"
nothing_left skeleton.built
build imu --encoder imu_stats --skip-damaged; judge 0 "left out" a1_s1_t1_inertial.mat
grep -q '7 trials' output || complain "$what: expected 7 trials"
build skeleton --encoder st_gcn --random-weights --skip-damaged; judge 0 "left out" a2_s1_t2_skeleton.mat
grep -q '7 trials' output || complain "$what: expected 7 trials"
run grow --bank imu.built --bank skeleton.built "${tiny[@]}" --out x; judge 1 imu.built skeleton.built a1_s1_t1 a2_s1_t2
nothing_left x/trunk.safetensors

echo "$checks checks, $failures failed${skipped:+; left out:$skipped}"
[ $failures = 0 ]
