#!/usr/bin/env bash
# Mutation check: would the tests notice a small mistake? Works on a copy; the tree is not touched.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
Usage: scripts/mutate.sh [--seed N] [-n N] [options]
Copies the tree under $TMPDIR, builds it, checks that its tests pass, then makes N random changes of one token, one at a time, in the C sources of
kernels/cpu, data, layers, encoders, growth and eval: comparisons and their bounds, + and -, * and /, && and ||, constants, indices, true and false, min and max,
break and continue. Each is built and meets the tests of its folder, then those of the folders that use it, then the first phase end to end, until one
fails. Prints a table of killed and survived ones. A change that does not compile, or gives the same machine code, does not count.
  --seed N       which changes (default 1); the same seed and sources give the same ones
  -n N           how many that count (default 40)
  --files REGEX  only in files whose path matches, e.g. '^eval/'
  --cuda         in the kernels of the CUDA backend instead, barriers and waits removed too; built for the simulated device with access hooks, they
                 meet the device tests of their own operation, then those of all kernels, then the counters' limits and, where nvcc is, those of
                 the static facts (scripts/kernel_facts.sh)
  --limit S      seconds that one test may take before it counts as failed, marked "(time)" (default 120; --cuda: 240)
  --jobs N       parallel compilations and tests (default: one a core)
  --sanitize     build with AddressSanitizer and UndefinedBehaviorSanitizer: slower, and indices out of bounds are noticed
  --list         only list the changes in their order
  --help         this text
Tests on real data take part where the data are there (docs/data.md). Survivors are for people to judge: a missing test, or a change without effect.
The exit code is 0 when the check ran to its end, whatever survived; 130 after Ctrl-C, with the table so far.
TEXT
}

seed=1 wanted=40 files=. limit="" jobs=$(nproc) sanitize=OFF list=no cuda=no
while [ $# -gt 0 ]; do
  case $1 in
    --sanitize) sanitize=ON; shift; continue ;;
    --list) list=yes; shift; continue ;;
    --cuda) cuda=yes; shift; continue ;;
    -h | --help) usage; exit 0 ;;
  esac
  [ $# -ge 2 ] || { echo "mutate.sh: $1 needs a value, or is no option; --help lists them" >&2; exit 2; }
  case $1 in
    --seed) seed=$2 ;;
    -n) wanted=$2 ;;
    --files) files=$2 ;;
    --limit) limit=$2 ;;
    --jobs) jobs=$2 ;;
    *) echo "mutate.sh: no option is called $1; --help lists them" >&2; exit 2 ;;
  esac
  shift 2
done
if [ $cuda = yes ]; then limit=${limit:-240}; else limit=${limit:-120}; fi
for number in "$seed" "$wanted" "$limit" "$jobs"; do
  case $number in "" | *[!0-9]*) echo "mutate.sh: --seed, -n, --limit and --jobs take whole numbers" >&2; exit 2 ;; esac
done

# Which folders' tests a change in a folder meets, in this order.
declare -A chain=([kernels]="kernels layers encoders growth eval" [data]="data encoders growth eval" [layers]="layers growth eval encoders" [encoders]="encoders growth"
  [growth]="growth eval" [eval]="eval")

work=$(mktemp -d "${TMPDIR:-/tmp}/babel_mutate.XXXXXX")
killed=0 survived=0 same=0 broken=0 running=""
finish() {
  local code=$?
  trap - EXIT INT TERM
  [ -z "$running" ] || kill -- -"$running" 2>/dev/null || true
  if [ -s "$work/table" ]; then
    printf '\n%-9s %-30s %s\n' result "killed by" "change"
    sort -s -k1,1r "$work/table" # survivors first
    printf '\nseed %d: %d killed, %d survived; %d did not compile and %d gave the same machine code: they do not count\n' "$seed" $killed $survived $broken $same
  fi
  rm -rf "$work"
  exit $code
}
trap finish EXIT
trap 'exit 130' INT TERM

# patiently COMMAND.. : in a process group of its own, so that Ctrl-C ends all of it, and everything it wrote to $work/log.
patiently() {
  local code=0
  set -m
  "$@" >"$work/log" 2>&1 </dev/null &
  running=$!
  set +m
  wait "$running" || code=$?
  running=""
  return $code
}

### the copy
mkdir -p "$work/src" "$work/tmp"
if git -C "$root" rev-parse --git-dir >/dev/null 2>&1; then
  (cd "$root" && git ls-files -z -co --exclude-standard | while IFS= read -r -d '' file; do if [ -f "$file" ]; then printf '%s\0' "$file"; fi; done)
else
  (cd "$root" && find . \( -name 'build*' -o -name 'out*' \) -prune -o -type f -print0)
fi | tar -C "$root" --null -T - -cf - | tar -C "$work/src" -xf -
cd "$work/src"
for kind in DATA WEIGHTS; do # beside the tree, as the tests look for them
  variable=BABEL_$kind
  export "$variable=${!variable:-$root/../shared/${kind,,}}"
done
for tool in CUDACXX=nvcc CUOBJDUMP=cuobjdump; do # the copy has no .cuda/
  if [ -x "$root/.cuda/bin/${tool#*=}" ]; then export "${tool%%=*}=$root/.cuda/bin/${tool#*=}"; fi
done

### the changes, in their random order: file, line, column, length, new text
sources() {
  if [ $cuda = yes ]; then find kernels/cuda -name '*.cu' -o -name '*.cuh'
  else find kernels/cpu data layers encoders growth eval -name '*.c' 2>/dev/null || true
  fi | grep -E -- "$files" | LC_ALL=C sort
}
[ -n "$(sources)" ] || { echo "mutate.sh: no source file matches $files" >&2; exit 2; }
sources | xargs awk -f scripts/mutate.awk | awk -v seed="$seed" '
  function random(n) { state = state * 16807 % 2147483647; return int(state / 2147483647 * n) } # Park and Miller: the same in every awk
  BEGIN { FS = OFS = "\t"; state = seed % 2147483646 + 1; for (i = 0; i < 8; i++) random(1) }
  { if (!($1 in count)) kinds[kind_count++] = $1; line[$1, count[$1]++] = $2 OFS $3 OFS $4 OFS $5 OFS $6 }
  END { # a kind, then one of its changes: constants would outnumber all others
    while (kind_count) {
      k = random(kind_count); kind = kinds[k]; i = random(count[kind])
      print line[kind, i]
      line[kind, i] = line[kind, --count[kind]]
      if (!count[kind]) kinds[k] = kinds[--kind_count]
    }
  }' >"$work/all"
if [ $list = yes ]; then cat "$work/all"; exit 0; fi
head -n $((4 * wanted)) "$work/all" >"$work/changes" # of which enough count

### the unchanged copy must pass
sed -i -E "s/TIMEOUT [0-9]+/TIMEOUT $limit/" cmake/tests.cmake tests/*/CMakeLists.txt
cmake_options=(-G Ninja -DCMAKE_BUILD_TYPE=Release -DBABEL_TESTS=ON -DBABEL_BENCH=OFF "-DBABEL_SANITIZE=$sanitize")
if [ $cuda = yes ]; then cmake_options+=(-DBABEL_CUDA=simdev -DBABEL_SIMDEV_HOOKS=ON); fi
if command -v ccache >/dev/null; then cmake_options+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache); fi
patiently cmake -S . -B build "${cmake_options[@]}" || { tail -n 30 "$work/log" >&2; exit 1; }
export OMP_WAIT_POLICY=passive TMPDIR=$work/tmp

# A stage is the tests of a folder, the first phase (end_to_end), the device tests of one operation (device:l2norm) or of all kernels (device), or what
# scripts/kernel_facts.sh holds (facts).
targets() {
  case $1 in
    end_to_end | facts) echo babel ;;
    device:*) echo babel_device_run "test_kernels_${1#*:}" ;;
    device) echo babel_device_run; targets kernels ;;
    *) ninja -C build -t targets all | sed -n "s/^\(test_$1_[A-Za-z0-9_]*\): .*/\1/p" ;;
  esac
}
select_tests() {
  case $1 in
    device:*) echo "-R ^kernels_${1#*:}_cuda" ;;
    device) echo "-L ^device\$ -R ^kernels_" ;;
    *) echo "-L ^$1\$" ;;
  esac
}
stages_of() { # FILE
  local noun
  if [ $cuda = no ]; then echo "${chain[${1%%/*}]} end_to_end"; return; fi
  noun=$(basename "$1") noun=${noun%.*}
  while [ "${noun%_*}" != "$noun" ] && [ ! -e "tests/kernels/test_$noun.c" ]; do noun=${noun%_*}; done # linear_tile.cuh: linear
  if [ -e "tests/kernels/test_$noun.c" ]; then echo "device:$noun"; fi
  echo device facts
}
build() { patiently nice ninja -C build -j "$jobs" $(targets "$1"); }
# A change can ask for all memory or disk there is: 8 GB and files of 1 GB end it (not under sanitizers and on the simulated device, which reserve
# far more).
bounded() { if [ $sanitize$cuda = OFFno ]; then ulimit -v 8388608; fi; ulimit -f 1048576; exec "$@"; }
facts() {
  local code=0
  scripts/kernel_facts.sh --counters --check --babel build/babel --dir "$work/facts" || return 1
  scripts/kernel_facts.sh --check --dir "$work/facts" || code=$?
  [ $code = 0 ] || [ $code = 77 ] # no nvcc
}
check() { if [ "$1" = facts ]; then patiently facts; else check_tests "$1"; fi; }
check_tests() { patiently bounded nice ctest --test-dir build -j "$jobs" --stop-on-failure $(select_tests "$1"); }
needed=$(cut -f1 "$work/changes" | sort -u | while read -r file; do printf '%s\n' $(stages_of "$file"); done | grep -v : | sort -u)
began=$SECONDS
for folder in $needed; do
  build "$folder" || { tail -n 30 "$work/log" >&2; echo "mutate.sh: the unchanged tree does not build" >&2; exit 1; }
  check "$folder" || { tail -n 30 "$work/log" >&2; echo "mutate.sh: the tests of $folder fail on the unchanged tree" >&2; exit 1; }
done
echo "the tests of" $needed "pass on the unchanged copy ($((SECONDS - began)) s with building)"

### one change at a time
objects_of() { # a kernel's header is part of several
  if [ $cuda = no ]; then echo "build/${1%%/*}/CMakeFiles/babel_${1%%/*}.dir/${1#*/}.o"
  else find kernels/cuda -name '*.cu' -printf 'build/kernels/CMakeFiles/babel_kernels.dir/cuda/%P.o\n' | LC_ALL=C sort
  fi
}
compile() { patiently nice ninja -C build -j "$jobs" $(objects_of "$1" | sed 's|^build/||'); }
code_of() {
  local object
  for object in $(objects_of "$1"); do strip -g -o "$work/stripped" "$object" && cat "$work/stripped"; done | sha256sum
}
meet_tests() { # FILE: sets result and culprit
  local stage
  result=survived culprit="-"
  for stage in $(stages_of "$1"); do
    build "$stage" || { result=unbuilt; return; }
    check "$stage" && continue
    result=killed
    culprit=$(sed -nE -e 's/^ *[0-9]+\/[0-9]+ +Test +#[0-9]+: ([A-Za-z0-9_]+) .*\*\*\*Timeout.*/\1 (time)/p' \
      -e 's/^ *[0-9]+\/[0-9]+ +Test +#[0-9]+: ([A-Za-z0-9_]+) .*\*\*\*.*/\1/p' "$work/log" | head -n 1)
    [ "$stage" != facts ] || culprit="kernel_facts.sh"
    return
  done
}
while IFS=$'\t' read -r file line column length new; do
  [ $((killed + survived)) -lt "$wanted" ] || break
  original=$(sed -n "${line}p" "$file")
  old=${original:column-1:length}
  compile "$file" || { tail -n 30 "$work/log" >&2; exit 1; } # the change before this one may still be in the objects
  before=$(code_of "$file")
  cp "$file" "$work/original"
  awk -v line="$line" -v column="$column" -v size="$length" -v new="$new" '
    NR == line { $0 = substr($0, 1, column - 1) new substr($0, column + size) } { print }' "$work/original" >"$file"
  if ! compile "$file"; then broken=$((broken + 1)) result=""
  elif [ "$(code_of "$file")" = "$before" ]; then same=$((same + 1)) result=""
  else meet_tests "$file"
  fi
  cp "$work/original" "$file"
  case $result in
    unbuilt) broken=$((broken + 1)) ;;
    killed | survived)
      if [ $result = killed ]; then killed=$((killed + 1)); else survived=$((survived + 1)); fi
      printf '%-9s %-30s %s:%d: %s -> %s in: %s\n' $result "$culprit" "$file" "$line" "$old" "${new:-nothing}" "$(sed 's/^ *//' <<<"$original")" |
        tee -a "$work/table" ;;
  esac
done <"$work/changes"
