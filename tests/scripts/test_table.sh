#!/usr/bin/env bash
# scripts/test_table.awk on an invented run of ctest. Usage: test_table.sh ROOT
set -euo pipefail
output=$(awk -v name=Release -v build=7 -v total=19 -v log_file=test.log -f "$1/scripts/test_table.awk" <<'EOF'
Test project /somewhere
      Start 12: core_rng
 1/5 Test #12: core_rng .........................   Passed    0.18 sec
      Start  2: data_mat
 2/5 Test  #2: data_mat .........................***Failed    1.25 sec
the reason
 3/5 Test  #3: data_real ........................***Skipped   0.01 sec
 4/5 Test  #4: eval_heads .......................***Timeout 300.05 sec
 5/5 Test  #5: gate_leak ........................***Exception: SegFault  0.02 sec

40% tests passed, 3 tests failed out of 5
EOF
)
expected='--- data_mat ---
the reason
--- eval_heads ---
--- gate_leak ---


result     seconds  test (Release)
FAILED        1.25  data_mat
FAILED      300.05  eval_heads
FAILED        0.02  gate_leak
skipped       0.01  data_real
passed        0.18  core_rng

build 7 s, tests 12 s, together 19 s; all output: test.log
1 passed, 3 failed, 1 skipped'
diff <(printf '%s\n' "$expected") <(printf '%s\n' "$output")
