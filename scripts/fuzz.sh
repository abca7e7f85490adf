#!/usr/bin/env bash
# Fuzzes the parsers of all file formats with libFuzzer, under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
Usage: scripts/fuzz.sh SECONDS [PARSER..] [--dir FOLDER] [--jobs N]
Builds the fuzzers with Clang and runs each for SECONDS, starting from tests/fuzz/seeds and what earlier runs have found. Prints a table; the exit
code is 1 when a parser crashed, leaked, hung (10 s) or asked for more than 64 MiB at once for an input below 1 MiB (MAT files, which are
compressed 1,100 times at most: below 57,000 bytes). The input is then in FOLDER/crashes: add it to tests/fuzz/seeds/PARSER.
  PARSER        mat npy checkpoint pickle safetensors bank trunk yaml schedule split draws keys ntu mars mmego results (default: all)
  --dir FOLDER  build folder (default build-fuzz); its corpus/ is kept from run to run
  --jobs N      parallel compilations (default: one a core)
  --help        this text
TEXT
}

seconds="" folder=$root/build-fuzz jobs=$(nproc) parsers=()
while [ $# -gt 0 ]; do
  case $1 in
    --dir) folder=${2:?"--dir needs a folder"}; shift ;;
    --jobs) jobs=${2:?"--jobs needs a number"}; shift ;;
    -h | --help) usage; exit 0 ;;
    -*) echo "fuzz.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
    *[!0-9]*) parsers+=("$1") ;;
    *) seconds=$1 ;;
  esac
  shift
done
[ -n "$seconds" ] || { usage >&2; exit 2; }
[ ${#parsers[@]} -gt 0 ] || parsers=(mat npy checkpoint pickle safetensors bank trunk yaml schedule split draws keys ntu mars mmego results)
for parser in "${parsers[@]}"; do
  [ -d "$root/tests/fuzz/seeds/$parser" ] || { echo "fuzz.sh: no parser is called $parser" >&2; exit 2; }
done

# Clang with its fuzzing library and OpenMP: a program that needs all three.
try=$(mktemp -d)
trap 'rm -rf "$try"' EXIT
echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return n && *d > 300; }' >"$try/a.c"
if ! clang -fopenmp -fsanitize=fuzzer,address,undefined "$try/a.c" -o "$try/a" 2>/dev/null; then
  echo "fuzz.sh: needs Clang with libFuzzer: apt-get install clang libclang-rt-14-dev libomp-14-dev" >&2
  exit 77
fi

log=$folder/build.log
mkdir -p "$folder"
options=(-DCMAKE_C_COMPILER=clang -DBABEL_FUZZ=ON -DBABEL_SANITIZE=ON -DCMAKE_C_FLAGS_RELEASE="-O1 -g1")
if command -v ccache >/dev/null; then options+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache); fi
[ -e "$folder/CMakeCache.txt" ] || options+=(-G Ninja)
if ! { cmake -S "$root" -B "$folder" "${options[@]}" && cmake --build "$folder" -j "$jobs" --target "${parsers[@]/#/fuzz_}"; } >"$log" 2>&1; then
  tail -n 60 "$log" >&2
  echo "fuzz.sh: the build failed; all of its output: $log" >&2
  exit 1
fi

export OMP_NUM_THREADS=1 ASAN_OPTIONS=quarantine_size_mb=16
printf '%-12s %12s %10s %10s %9s %s\n' parser executions exec/s "peak MiB" corpus crashes
bad=0
for parser in "${parsers[@]}"; do
  corpus=$folder/corpus/$parser crashes=$folder/crashes/$parser- out=$folder/fuzz_$parser.log
  mkdir -p "$corpus" "$folder/crashes"
  before=$(find "$folder/crashes" -name "$parser-*" | wc -l)
  largest=1048576
  if [ "$parser" = mat ]; then largest=57000; fi
  "$folder/tests/fuzz/fuzz_$parser" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=64 -max_len=$largest -print_final_stats=1 \
    -artifact_prefix="$crashes" "$corpus" "$root/tests/fuzz/seeds/$parser" >"$out" 2>&1 || bad=1
  found=$(($(find "$folder/crashes" -name "$parser-*" | wc -l) - before))
  awk -v parser="$parser" -v found="$found" -v corpus="$(find "$corpus" -type f | wc -l)" '
    /^stat::number_of_executed_units/ { units = $2 }
    /^stat::average_exec_per_sec/ { speed = $2 }
    /^stat::peak_rss_mb/ { peak = $2 }
    END { printf "%-12s %12d %10d %10d %9d %d\n", parser, units, speed, peak, corpus, found }' "$out"
  if [ "$found" != 0 ]; then grep -m3 -E 'ERROR|SUMMARY|runtime error' "$out" | sed 's/^/  /'; fi
done
exit $bad
