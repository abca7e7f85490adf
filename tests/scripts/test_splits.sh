#!/usr/bin/env bash
# scripts/make_splits.py writes the stored files anew, byte for byte. Usage: test_splits.sh ROOT
set -euo pipefail
command -v python3 >/dev/null || { echo "python3 is not here"; exit 77; }
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 "$1/scripts/make_splits.py" "$box" >/dev/null
count=0
for file in "$box"/*.csv; do
  cmp "$file" "$1/configs/splits/${file##*/}"
  count=$((count + 1))
done
[ $count = 14 ] || { echo "expected 14 files, found $count"; exit 1; }
