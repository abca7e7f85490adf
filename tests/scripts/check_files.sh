#!/usr/bin/env bash
# Size and leftovers. Usage: check_files.sh ROOT
set -euo pipefail
cd "$1"
# the words are written in two halves so that this file passes itself
find . \( -name 'build*' -o -name 'out*' -o -name .cuda -o -name .git \) -type d -prune -o -type f \
  \( -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.sh' -o -name '*.py' -o -name '*.awk' -o -name '*.cmake' -o -name CMakeLists.txt \) -print |
  LC_ALL=C sort | LC_ALL=C awk -v words="(^|[^A-Za-z0-9_])(TO""DO|FIX""ME)([^A-Za-z0-9_]|\$)" -v dead="^[ \t]*#[ \t]*if[ \t]+""0([^0-9]|\$)" '
  function complain(text) { print text; bad = 1 }
  {
    file = $0; lines = 0; seen++
    while ((getline line < file) > 0) {
      lines++
      if (line ~ words || line ~ dead) complain(file ":" lines ": unfinished or dead code: " line)
      if (line ~ /[\200-\377]/) complain(file ":" lines ": code is ASCII: " line)
    }
    close(file)
    if (lines > 600) complain(file ": " lines " lines, at most 600")
  }
  END { if (!seen) complain("no source file found"); exit bad }'
