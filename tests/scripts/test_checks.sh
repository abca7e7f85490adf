#!/usr/bin/env bash
# The checks can fail: each is given a tree with one fault and must name it. Usage: test_checks.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

expect() { # code, text, command...
  local code=0 output expected=$1 text=$2
  shift 2
  output=$("$@" 2>&1) || code=$?
  if [ $code -ne "$expected" ] || [[ $output != *"$text"* ]]; then
    echo "expected exit $expected and '$text' from: $*; got exit $code and:"
    echo "$output"
    exit 1
  fi
}

tree() { # an empty tree with one good file
  rm -rf "$root/tree"
  mkdir -p "$root/tree/core" "$root/tree/data" "$root/tree/growth" "$root/tree/build"
  printf '#include "core/b.h"\n#include <stdio.h>\n' >"$root/tree/core/a.c"
}

tree
expect 0 "" "$here/check_includes.sh" "$root/tree"
expect 0 "" "$here/check_files.sh" "$root/tree"
echo '#include "core/b.h"' >"$root/tree/data/a.c"
echo '#include "data/bank.h"' >"$root/tree/growth/a.c"
expect 0 "" "$here/check_includes.sh" "$root/tree"
echo '  #  include "data/mat.h"' >"$root/tree/growth/a.h"
expect 1 'growth/a.h:1: growth/ may not include "data/mat.h"' "$here/check_includes.sh" "$root/tree"
tree
echo '#include "data/x.h"' >>"$root/tree/core/a.c"
expect 1 'core/a.c:3: core/ may not include "data/x.h"' "$here/check_includes.sh" "$root/tree"
tree
echo '#include "b.h"' >>"$root/tree/core/a.c"
expect 1 'may not include "b.h"' "$here/check_includes.sh" "$root/tree"
rm -r "$root/tree/core"
expect 1 "no include found" "$here/check_includes.sh" "$root/tree"

tree
for ((i = 0; i < 601; i++)); do echo; done >"$root/tree/core/long.h"
expect 1 "core/long.h: 601 lines" "$here/check_files.sh" "$root/tree"
tree
echo "/* TO""DO: later */" >"$root/tree/core/b.c"
expect 1 "core/b.c:1:" "$here/check_files.sh" "$root/tree"
tree
echo "# if ""0" >"$root/tree/core/b.c"
expect 1 "unfinished or dead code" "$here/check_files.sh" "$root/tree"
tree
printf '/* \303\251 */\n' >"$root/tree/core/b.c"
expect 1 "code is ASCII" "$here/check_files.sh" "$root/tree"

mkdir "$root/tree/docs"
echo 'see `core/a.c` and `a.c`' >"$root/tree/docs/a.md"
expect 0 "" "$here/check_docs.sh" "$root/tree"
echo 'see `core/gone.c`' >>"$root/tree/docs/a.md"
expect 1 "docs/a.md:2: core/gone.c does not exist" "$here/check_docs.sh" "$root/tree"

expect 77 "no dependency files" "$here/check_cuda.sh" "$root/tree/build"
echo 'a.o: /x/core/status.h /usr/include/stdio.h' >"$root/tree/build/a.d"
expect 0 "" "$here/check_cuda.sh" "$root/tree/build"
echo 'b.o: /usr/include/cuda_runtime.h' >"$root/tree/build/b.d"
expect 1 "/usr/include/cuda_runtime.h" "$here/check_cuda.sh" "$root/tree/build"
