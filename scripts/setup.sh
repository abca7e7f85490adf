#!/usr/bin/env bash
# Installs what babel needs to be built, and nothing else. Silent when nothing is missing.
set -euo pipefail

usage() {
  cat <<'EOF'
Usage: scripts/setup.sh [--tests] [--list]
Installs the Debian packages that are missing: as root, or through sudo. Elsewhere it lists them and stops with exit code 1.
  --tests  also what the tests need (Criterion)
  --list   only list what is missing; exit code 1 when something is
  --help   this text
EOF
}

tests=no list=no
for argument in "$@"; do
  case $argument in
    --tests) tests=yes ;;
    --list) list=yes ;;
    -h | --help) usage; exit 0 ;;
    *) echo "setup.sh: unknown option $argument" >&2; usage >&2; exit 2 ;;
  esac
done

missing=()

# A working compiler, whoever made it: C11, OpenMP, linking.
compiles() {
  local folder ok=no
  command -v cc >/dev/null || return 1
  folder=$(mktemp -d)
  echo 'int main(void) { return 0; }' >"$folder/a.c"
  cc -std=c11 -fopenmp "$folder/a.c" -o "$folder/a" 2>/dev/null && ok=yes
  rm -rf "$folder"
  [ $ok = yes ]
}

need_command() { # package command...
  local package=$1 command
  shift
  for command in "$@"; do command -v "$command" >/dev/null && return; done
  missing+=("$package")
}

need_header() { # package header
  local package=$1 header=$2
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] && return
  { command -v cc && echo "#include <$header>" | cc -E -x c -; } >/dev/null 2>&1 && return
  missing+=("$package")
}

compiles || missing+=(build-essential)
need_command cmake cmake
need_command ninja-build ninja
need_command pkg-config pkg-config pkgconf
need_command gnuplot-nox gnuplot
need_header libdnnl-dev dnnl.h
need_header libyaml-dev yaml.h
need_header libjansson-dev jansson.h
need_header liblapacke-dev lapacke.h
need_header zlib1g-dev zlib.h
need_header liblzma-dev lzma.h
need_header libopenmpi-dev mpi.h # ranks: mpirun -n K babel grow
need_command openmpi-bin mpirun
[ $tests = no ] || need_header libcriterion-dev criterion/criterion.h

[ ${#missing[@]} -gt 0 ] || exit 0

refuse() { # reason
  {
    echo "babel needs packages that are not installed here: ${missing[*]}"
    echo "$1"
  } >&2
  exit 1
}

install="apt-get install --no-install-recommends ${missing[*]}"
[ $list = no ] || refuse "They can be installed with: $install"
command -v apt-get >/dev/null || refuse "This is not a Debian system: install what corresponds to these Debian 12 packages."

run=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || refuse "Install them as root: $install"
  if ! sudo -n true 2>/dev/null && ! [ -t 0 ]; then refuse "sudo asks for a password; run: sudo $install"; fi
  run=(sudo)
fi

echo "babel: installing ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >"$log" 2>&1; }
# The package lists may be absent (a bare machine) or old (a package has moved on): fetch them when the first try fails.
if ! apt install --no-install-recommends "${missing[@]}"; then
  apt update || { tail -n 20 "$log" >&2; refuse "The package lists could not be fetched."; }
  apt install --no-install-recommends "${missing[@]}" || { tail -n 20 "$log" >&2; refuse "The installation failed."; }
fi
