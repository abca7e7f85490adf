#!/usr/bin/env bash
# Every file that a document names in `backticks` exists. Usage: check_docs.sh ROOT
set -euo pipefail
cd "$1"
bad=0 seen=0
while IFS=: read -r document line name; do
  seen=$((seen + 1))
  if [ ! -e "$name" ]; then echo "$document:$line: $name does not exist"; bad=1; fi
done < <(grep -noE '`(core|kernels|comm|data|layers|loss|encoders|growth|eval|sim|cli|bench|configs|scripts|tests|docs|cmake)/[A-Za-z0-9_./]+`' $(ls README.md docs/*.md 2>/dev/null) /dev/null | tr -d '`')
if [ $seen -eq 0 ]; then echo "no file name found in the documents under $1"; bad=1; fi
exit $bad
