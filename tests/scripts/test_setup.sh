#!/usr/bin/env bash
# scripts/setup.sh on pretended machines: a folder of stubs is the whole PATH. Usage: test_setup.sh ROOT
set -euo pipefail
setup=$1/scripts/setup.sh
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT

fail() { echo "$1"; echo "--- output:"; cat "$box/output"; echo "--- calls:"; cat "$box/calls" 2>/dev/null || true; exit 1; }

stub() { printf '#!%s\n%s\n' "$(command -v bash)" "$2" >"$box/bin/$1"; chmod +x "$box/bin/$1"; }

# A bare Debian machine: the shell's own tools, no compiler. stub ID of the user.
machine() {
  rm -rf "$box/bin" "$box/calls"
  mkdir "$box/bin"
  for tool in bash cat env mktemp rm tail; do ln -s "$(command -v $tool)" "$box/bin/$tool"; done
  stub id "echo $1"
  stub dpkg-query 'exit 1'
  stub apt-get "echo \"\$*\" >>$box/calls"
}

run() { code=0; PATH=$box/bin "$(command -v bash)" "$setup" "$@" >"$box/output" 2>&1 </dev/null || code=$?; }

all='build-essential cmake ninja-build pkg-config gnuplot-nox libdnnl-dev libyaml-dev libjansson-dev liblapacke-dev zlib1g-dev liblzma-dev libopenmpi-dev openmpi-bin'

machine 0
run
[ $code = 0 ] && [ "$(cat "$box/calls")" = "-q -y install --no-install-recommends $all" ] || fail "root on a bare machine installs all"
machine 0
run --tests
grep -q "$all libcriterion-dev\$" "$box/calls" || fail "--tests adds Criterion"

machine 0
stub apt-get "echo \"\$*\" >>$box/calls; [ -e $box/fetched ] || case \"\$*\" in *update*) echo >$box/fetched ;; *) exit 100 ;; esac"
run
[ $code = 0 ] && [ "$(wc -l <"$box/calls")" = 3 ] || fail "package lists are fetched once when the first try fails"
machine 0
stub apt-get 'echo "E: no network"; exit 100'
run
[ $code = 1 ] && grep -q 'E: no network' "$box/output" || fail "a failed installation shows why"

machine 1000
run
[ $code = 1 ] && ! [ -e "$box/calls" ] && grep -q "$all" "$box/output" || fail "a user without sudo gets the list"
machine 1000
stub sudo 'exit 1'
run
[ $code = 1 ] && ! [ -e "$box/calls" ] && grep -q password "$box/output" || fail "sudo never waits for a password without a terminal"
machine 1000
stub sudo '[ "$1" = -n ] && exit 0; exec "$@"'
run
[ $code = 0 ] && grep -q zlib1g-dev "$box/calls" || fail "sudo without a prompt installs"
machine 0
rm "$box/bin/apt-get"
run
[ $code = 1 ] && grep -q 'not a Debian' "$box/output" || fail "elsewhere: the list and exit 1"

# Nothing missing: no word, no call.
machine 1000
for tool in cmake ninja pkg-config gnuplot mpirun; do stub $tool 'exit 0'; done
stub cc 'exit 0'
stub dpkg-query 'echo installed'
run --tests
[ $code = 0 ] && ! [ -s "$box/output" ] && ! [ -e "$box/calls" ] || fail "silent when nothing is missing"
run --bad
[ $code = 2 ] || fail "an unknown option is refused"
