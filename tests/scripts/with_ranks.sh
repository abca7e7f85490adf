#!/usr/bin/env bash
# Usage: with_ranks.sh K PROGRAM ARGUMENT... Exit code 77 where that cannot be: no mpirun, or a program without MPI.
set -euo pipefail
ranks=$1
shift
export ASAN_OPTIONS=detect_leaks=0 # Open MPI keeps 120 KB a rank to its end, out of libraries that it has unloaded by then: no suppression can name them
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1
if ! command -v mpirun >/dev/null; then echo "skipped: mpirun is not installed"; exit 77; fi
if ! ldd "$1" | grep libmpi >/dev/null; then echo "skipped: $1 was built without MPI"; exit 77; fi
exec mpirun --oversubscribe --bind-to none -n "$ranks" "$@"
