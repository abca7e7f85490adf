#!/usr/bin/env bash
# Feature banks of made-up numbers, for what does not depend on them: counts, times. FOLDER/NAME.bank, pair by pair the same keys.
# Usage: made_up_banks.sh BABEL FOLDER PAIRS NAME:WIDTH..
set -euo pipefail
babel=$1 folder=$2 pairs=$3
shift 3
mkdir -p "$folder"
{ echo key,label,subject; seq -f 'k%.0f,0,0' "$pairs"; } >"$folder/keys.csv"
for bank; do
  width=${bank#*:} name=${bank%%:*}
  { printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': ($pairs, $width), }"
    { seq 1000000 || :; } | head -c $((pairs * width)); } >"$folder/$name.npy"
  "$babel" bank import --features "$folder/$name.npy" --keys "$folder/keys.csv" --modality "$name" --out "$folder/$name.bank" --quiet
  rm "$folder/$name.npy"
done
