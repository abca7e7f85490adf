#!/usr/bin/env bash
# The mutation check finds the tokens it should, and none in comments, texts and preprocessor lines. Usage: test_mutate.sh ROOT
set -euo pipefail
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/scripts" "$root/eval"
cp "$1"/scripts/mutate.sh "$1"/scripts/mutate.awk "$root/scripts"
cat >"$root/eval/a.c" <<'TEXT'
#define TWICE(x) (2 * (x) + 1 < 3 && \
                  (x) > 4)
/* a < b && c + 1
   0 == 1 */ static int f(int *p, int n) { // n - 5
  const char *text = "1 < 2 \" + 3"; char c = '5'; int x[SIZE];
  for (int i = 0; i < n && !p[i]; i++) p[i] += n * 3;
  return fmax(p[n], 1.5f) >= 0x10 ? true : text[7u];
}
TEXT
sort -t "	" -k2,2n -k3,3n >"$root/expected" <<'TEXT'
eval/a.c	6	16	1	1
eval/a.c	6	21	1	<=
eval/a.c	6	25	2	||
eval/a.c	6	28	1	
eval/a.c	6	30	3	[i + 1]
eval/a.c	6	41	3	[i + 1]
eval/a.c	6	45	2	-=
eval/a.c	6	50	1	/
eval/a.c	6	52	1	4
eval/a.c	7	10	4	fmin
eval/a.c	7	16	3	[n + 1]
eval/a.c	7	21	4	(1.5f * 2)
eval/a.c	7	27	2	>
eval/a.c	7	37	4	false
eval/a.c	7	49	2	8u
TEXT
list() { bash "$root/scripts/mutate.sh" --list "$@"; }
list --seed 3 >"$root/3"
sort -t "	" -k2,2n -k3,3n "$root/3" | diff "$root/expected" -
list --seed 3 | cmp - "$root/3"
if list --seed 4 | cmp -s - "$root/3"; then echo "another seed gave the same order"; exit 1; fi
if list --files '^data/' 2>"$root/error"; then echo "no file, and no complaint"; exit 1; fi
grep -q "no source file matches" "$root/error"
