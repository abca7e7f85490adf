#!/usr/bin/env bash
# Who may include whom. Usage: check_includes.sh ROOT. Quoted includes are written from the root: "kernels/ops.h".
set -euo pipefail
cd "$1"
declare -A may=(
  [core]="" [kernels]="core/" [comm]="core/" [data]="core/"
  [layers]="core/ kernels/" [loss]="core/ kernels/" [encoders]="core/ kernels/ layers/ data/"
  # training and evaluation see feature banks, splits and the table of operations, never a raw file or an encoder
  [growth]="core/ kernels/ops.h data/bank.h data/split.h comm/ layers/ loss/"
  [eval]="core/ kernels/ops.h data/bank.h data/split.h layers/ loss/ growth/"
  [sim]="core/ data/"
  [cli]="core/ kernels/ comm/ data/ layers/ loss/ encoders/ growth/ eval/ sim/"
  [bench]="core/ kernels/ comm/ data/ layers/ loss/ encoders/ growth/ eval/ sim/ tests/support/"
  [tests]="core/ kernels/ comm/ data/ layers/ loss/ encoders/ growth/ eval/ sim/"
)
bad=0 seen=0
while IFS=: read -r file line text; do
  folder=${file%%/*} target=${text#*\"} target=${target%%\"*} allowed=no seen=$((seen + 1))
  for prefix in "$folder/" ${may[$folder]}; do
    if [[ $target == "$prefix"* ]]; then allowed=yes; fi
  done
  if [ $allowed = no ]; then echo "$file:$line: $folder/ may not include \"$target\""; bad=1; fi
done < <(for folder in "${!may[@]}"; do
  if [ -d "$folder" ]; then grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$folder" --include='*.[ch]' --include='*.cu*' || true; fi
done)
if [ $seen -eq 0 ]; then echo "no include found under $1"; bad=1; fi
exit $bad
