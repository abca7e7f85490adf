#!/usr/bin/env bash
# scripts/profile.sh with stand-ins for the profilers: what they are asked for, the table of a step, sentences when something is missing.
# Usage: test_profile.sh SOURCE_FOLDER
set -euo pipefail
profile=$1/scripts/profile.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
unset NSYS NCU
fail() { echo "test_profile.sh: $*"; cat output error calls 2>/dev/null; exit 1; }
expect() { # CODE ARGUMENTS..
  local wanted=$1 code=0
  shift
  : >calls
  "$profile" "$@" >output 2>error || code=$?
  [ $code = "$wanted" ] || fail "profile.sh $*: exit status $code, expected $wanted"
}
asked() { grep -qF -- "$1" calls || fail "not asked for: $1"; }

mkdir -p build/bench tools
printf '#!/bin/sh\necho "babel $*" >>%s/calls\n' "$work" >build/babel
printf '#!/bin/sh\necho "serve $* < $(cat)" >>%s/calls\n' "$work" >build/bench/babel_step_serve
for tool in nsys ncu; do # runs the program behind its own options, as the real ones do; prints what ncu --csv prints
  cat >tools/$tool <<TEXT
#!/bin/sh
echo "$tool \$*" >>$work/calls
cat >standard_input
while [ \$# -gt 0 ]; do
  case \$1 in */babel | */babel_step_serve) "\$@" <standard_input; break ;; esac
  shift
done
[ ! -e $work/csv ] || cat $work/csv
TEXT
done
chmod +x build/babel build/bench/babel_step_serve tools/*
kernel() { # ID NAME BLOCKS TIME UNIT
  local metric
  for metric in "gpu__time_duration.sum\",\"$5\",\"$4" "launch__grid_size\",\"\",\"$3" 'launch__block_size","","128' 'launch__occupancy_limit_registers","block","4' \
    'sm__cycles_active.avg","cycle","5,000.50' 'sm__cycles_elapsed.max","cycle","10,001'; do
    echo "\"$1\",\"615\",\"$2\",\"$metric\""
  done
}
{
  echo '==PROF== Connected'
  echo '"ID","Process ID","Kernel Name","Metric Name","Metric Unit","Metric Value"'
  kernel 0 'gather_kernel(list)' 256 9,000 ns
  kernel 1 'void tile_kernel<0, 1>(jobs)' 96 9,000 ns
  kernel 2 'gather_kernel(list)' 256 6,464 ns
  kernel 3 'void tile_kernel<0, 1>(jobs)' 1,096 7.5 us
} >csv

# no tool: one sentence, whatever this machine has
if [ -z "$(command -v nsys ncu; ls -d /opt/nvidia/nsight* /usr/local/cuda/nsight* /usr/local/cuda/bin/nsys /usr/local/cuda/bin/ncu 2>/dev/null)" ]; then
  expect 77 --build-dir build phase
  grep -q '^profile.sh: Nsight Systems (nsys) is not installed' error && [ "$(wc -l <error)" = 1 ] || fail "no sentence about nsys"
  expect 77 --build-dir build kernel adamw
  grep -q '^profile.sh: Nsight Compute (ncu) is not installed' error || fail "no sentence about ncu"
fi
export NSYS=$work/tools/nsys NCU=$work/tools/ncu
expect 2
expect 2 nothing
expect 2 --build-dir "$work" step
grep -q 'holds no babel' error || fail "a folder without a build passes"

expect 0 --build-dir build step
asked 'ncu --clock-control none --cache-control none --graph-profiling node --csv'
asked 'serve skeleton-video-distilled 0.5 1 cuda:tf32 < block 2'
cat >table <<'TEXT'
kernel                                                blocks  threads     fit       us  busy_%
gather_kernel                                            256      128       4     6.46      50
tile_kernel<0,1>                                        1096      128       4     7.50      50
all, one after another                                                           13.96
TEXT
diff table output || fail "another table of the step"
expect 0 --build-dir build --shape imu-skeleton --precision fp32 kernel tile
asked 'serve imu-skeleton 0.5 1 cuda:fp32 < block 2'
asked '--set full --import-source yes --kernel-name regex:tile --launch-skip 12 --launch-count 1'
asked "--import build/profile/tile.ncu-rep --page details"
rm csv
expect 1 --build-dir build kernel nosuch
grep -q 'no kernel of a step has nosuch' error || fail "a kernel that is not there"
expect 1 --build-dir build step

expect 0 --build-dir build phase
asked 'babel bank import --features build/profile/banks/skeleton.npy'
asked 'nsys profile --trace=cuda,nvtx --cuda-graph-trace=node'
asked 'babel grow --bank build/profile/banks/skeleton.bank --bank build/profile/banks/video.bank'
asked 'nsys stats'
expect 0 --build-dir build --out elsewhere phase -- --bank a --bank b
asked 'babel grow --bank a --bank b --backend cuda --out elsewhere/run --quiet'
echo "the profilers are asked for what docs/profiling.md reads"
