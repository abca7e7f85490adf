#!/usr/bin/env bash
# Set-up, build, all tests, a table. Needs no Python and no network once the packages are there.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'EOF'
Usage: scripts/test.sh [--sanitize] [--simdev | --hooks | --cuda] [--long] [--only REGEX] [-L LABEL] [--jobs N] [--dir FOLDER]
Installs missing packages, builds, runs all tests, prints a table. The exit code is ctest's: 0 when nothing failed.
  --sanitize    under AddressSanitizer and UndefinedBehaviorSanitizer, in a build folder of its own (build-sanitize);
                also proves that a leak, an overrun and undefined behaviour do turn a test red
  --simdev      what runs on a device, on the simulated one, in a build folder of its own (build/simdev)
  --hooks       the same with every access of a kernel reported: races, memory never written (build/hooks; not with --sanitize)
  --cuda        the same on the device of this machine (build/cuda); without one it shows as skipped
  --long        also the long suites: fuzzing, no memory, kills at random moments (the program, a schedule, ranks)
  --only REGEX  only tests whose name matches, e.g. '^core_'
  -L LABEL      only tests of this label, e.g. ranks (several processes: mpirun)
  --jobs N      parallel compilations and tests (default: one a core)
  --dir FOLDER  build folder
  --help        this text
Tests on real data look in $BABEL_DATA (default ../shared/data) and $BABEL_WEIGHTS (default ../shared/weights), and show as
skipped where it is missing.
EOF
}

folder="" sanitize=() backend=() select=(-LE '^long$') jobs=$(nproc) name=Release
while [ $# -gt 0 ]; do
  case $1 in
    --sanitize) sanitize=(--sanitize) name=sanitizers ;;
    --simdev | --hooks | --cuda) backend=("$1") ;;
    --long) select=("${select[@]:2}") ;;
    --only) only=${2:?"--only needs an expression"}; shift ;;
    -L) label=${2:?"-L needs a label"}; shift ;;
    --jobs) jobs=${2:?"--jobs needs a number"}; shift ;;
    --dir) folder=${2:?"--dir needs a folder"}; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "test.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
[ -n "$folder" ] || { [ ${#sanitize[@]} -gt 0 ] && folder=$root/build-sanitize || folder=$root/build; [ ${#backend[@]} = 0 ] || folder+=/${backend[0]#--}; }
if [ ${#backend[@]} -gt 0 ]; then
  select+=(-L '^(device|simdev)$')
  name+=", ${backend[0]#--}"
fi
if [ -n "${label:-}" ]; then select+=(-L "^$label\$"); fi
if [ -n "${only:-}" ]; then select+=(-R "$only"); fi

"$root/scripts/setup.sh" --tests
began=$SECONDS
"$root/scripts/build.sh" --tests "${sanitize[@]}" "${backend[@]}" --dir "$folder" --jobs "$jobs"
built=$((SECONDS - began))

# Tests run side by side: waiting threads must not burn the cores that the others need.
export OMP_WAIT_POLICY=passive UBSAN_OPTIONS=print_stacktrace=1
log=$folder/test.log
code=0
ctest --test-dir "$folder" -j "$jobs" --no-tests=error --output-on-failure "${select[@]}" >"$log" 2>&1 || code=$?
awk -v name="$name" -v build="$built" -v total="$((SECONDS - began))" -v log_file="$log" -f "$root/scripts/test_table.awk" "$log"
exit "$code"
