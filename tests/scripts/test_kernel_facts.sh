#!/usr/bin/env bash
# The awk programs of scripts/kernel_facts.sh on a kernel whose facts are known, and on limits that it breaks. Needs no CUDA.
# Usage: test_kernel_facts.sh SOURCE_FOLDER
set -euo pipefail
scripts=$1/scripts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "test_kernel_facts.sh: $*"; exit 1; }

cat >k.ptx <<'TEXT'
.extern .shared .align 16 .b8 buffer[];
.visible .entry k(
.maxntid 64, 2, 1
	mov.u32 %r1, buffer;
.visible .entry plain(
	ret;
TEXT
cat >k.info <<'TEXT'
ptxas info    : Compiling entry function 'k' for 'sm_80'
    16 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads
ptxas info    : Used 96 registers, used 1 barriers, 1024 bytes smem, 400 bytes cmem[0]
ptxas info    : Compiling entry function 'plain' for 'sm_80'
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 10 registers, 400 bytes cmem[0]
TEXT
# A loop of 5 with two mma inside one of 8; a loop of one; local memory outside.
cat >k.sass <<'TEXT'
		Function : k
        /*0000*/                   STL [R1], R2 ;            /* 0x0 */
        /*0010*/                   LDGSTS.E.128 [R3], [R4.64] ; /* 0x0 */
        /*0020*/                   LDSM.16.M88.4 R8, [R9] ;  /* 0x0 */
        /*0030*/              @!P1 HMMA.1688.F32.TF32 R4, R8, R10, R4 ; /* 0x0 */
        /*0040*/                   HMMA.1688.F32.TF32 R4, R8, R10, R4 ; /* 0x0 */
        /*0050*/                   FFMA R1, R2, R3, R4 ;     /* 0x0 */
        /*0060*/              @!P0 BRA P2, 0x20 ;            /* 0x0 */
        /*0070*/                   LDG.E R1, [R2.64] ;       /* 0x0 */
        /*0080*/               @P0 BRA 0x10 ;                /* 0x0 */
        /*0090*/                   BRA 0x90;                 /* 0x0 */
		Function : plain
        /*0000*/                   STG.E [R2.64], R1 ;       /* 0x0 */
        /*0010*/                   EXIT ;                    /* 0x0 */
TEXT
tab=$'\t'
awk -f "$scripts/kernel_facts.awk" k.ptx k.info k.sass >facts
cat >expected <<TEXT
k${tab}128${tab}1${tab}96${tab}12${tab}16${tab}1024${tab}5${tab}2${tab}0${tab}1${tab}0${tab}1${tab}1
plain${tab}-${tab}0${tab}10${tab}0${tab}0${tab}0${tab}2${tab}0${tab}0${tab}0${tab}1${tab}0${tab}0
TEXT
diff expected facts || fail "other facts than expected"

hold() { code=0; awk -v arch=80 -v compiler=test -f "$scripts/kernel_limits.awk" limits facts >table 2>complaints || code=$?; }
sed 's/\t12\t16\t/\t0\t16\t/' facts >good && mv good facts
printf '# a comment\nk\t96\t16\t1024\t32768\t4\t40\npl\t16\t0\t0\t0\t0\t0\n' >limits
hold
[ $code = 0 ] && [ ! -s complaints ] || fail "sound kernels are refused: $(cat complaints)"
# 128 threads of 96 registers: 5 blocks by registers; 164 KiB / (33 KiB + 1 KiB): 4 by shared memory
grep -qF '| `k` | 128 | 96 | 0 | 16 | 1024 + 32768 | 4 | 25 % | 5 | 2 | 0 | 1 | 0 | 1 | 1 | 40.0 % |' table || fail "another table: $(cat table)"
printf 'k\t88\t0\t0\t0\t6\t50\ngone\t1\t1\t1\t1\t1\t1\n' >limits
hold
[ $code = 1 ] || fail "broken limits pass"
for words in "k: uses dynamic shared" "k: 96 registers, at most 88" "k: 16 bytes of stack" "k: 1024 bytes of fixed" "k: 5 resident blocks, at least 6" \
  "k: 40.0 % tensor-core" "plain: no row" "gone: a row in"; do
  grep -qF "$words" complaints || fail "expected \"$words\" among: $(cat complaints)"
done
### counters: 1,000 bytes of operands for 20,000 FLOP; a store twice as dear as it must be
count() { code=0; awk -v wide=1.25 -v conflicts=1.1 -v reuse="$1" -v full=15 -v shape=step -f "$scripts/kernel_counters.awk" report >table 2>complaints || code=$?; }
cat >report <<'TEXT'
a line of the program
# bytes, warp requests, and per request
kernel  launches blocks and so on
babel_linear_fwd_cuda_tf32 2 64 8192 128 5 20000 2048 1000 8 4.00 1.00 500 4 4.00 1.00 0 0 0.00 0.00 0 0 0.00 0.00 0
babel_ema_kernel aligned 1 1 32 0 0 0 0 300 8 4.00 1.00 200 4 8.00 2.00 0 0 0.00 0.00 0 0 0.00 0.00 7
TEXT
count 20
[ $code = 1 ] && [ "$(cat complaints)" = "kernel_counters: babel_ema_kernel aligned: global stores cost 2.00 times the least possible, at most 1.25" ] || fail "$(cat complaints)"
grep -qF '| FLOP per operand byte that kernels with matrix products load | 20.0 | >= 20 |' table || fail "another figure: $(cat table)"
grep -qF '| launches of the step, those on a branch beside others too | 3 | |' table || fail "another number of launches: $(cat table)"
sed -i 's/8.00 2.00/4.00 1.00/' report
count 20
[ $code = 0 ] || fail "sound counters are refused: $(cat complaints)"
count 21
grep -qF "20.0 FLOP per operand byte, at least 21" complaints || fail "too few FLOP per byte pass"
grep -qF '| calls of fmaf in the step [10^6] | 0.00 | |' table || fail "another number of fmaf: $(cat table)"
sed -i 's/^babel_ema_kernel aligned/babel_adamw_kernel/' report
count 20
grep -qF "babel_adamw_kernel: 4.00 sectors a global store, at least 15" complaints || fail "a kernel that stores one float a thread passes: $(cat complaints)"
: >report
count 1
[ $code = 1 ] || fail "no counters pass"
echo "facts, counters, tables and complaints as expected"
