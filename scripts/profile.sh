#!/usr/bin/env bash
# Where the time goes on a device: Nsight Systems on a growth phase, Nsight Compute on a step or one kernel of it. docs/profiling.md reads it.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'EOT'
Usage: scripts/profile.sh [options] phase [-- ARGUMENTS OF babel grow]
       scripts/profile.sh [options] step
       scripts/profile.sh [options] kernel NAME
  phase        Nsight Systems: a time line of a short growth phase (on banks of made-up numbers, skeleton 316 and video 512, unless arguments
               are given), its ranges, calls and kernels added up. Writes phase.nsys-rep, phase.txt
  step         Nsight Compute: one line a kernel of a replayed step: its time, blocks, how long the average processor was busy. Writes step.csv
  kernel NAME  Nsight Compute, everything that it measures, of the first kernel of the second step whose name contains NAME: the linear layers
               are linear_tile, the loss contrastive_logits and contrastive_cotangents. Writes NAME.ncu-rep, NAME.txt
Options:
  --shape NAME        of the step (default skeleton-video-distilled; babel_step_serve without arguments lists them)
  --precision NAME    tf32 (default), fp32 or bf16
  --build-dir FOLDER  a build with BABEL_CUDA=ON and the benches (default: builds build/cuda)
  --out FOLDER        results (default: profile in the build folder)
  --help              this text
The tools are looked for in $NSYS and $NCU, PATH, and where their installers put them. Exit status 77 when the one that is needed is missing.
EOT
}

shape=skeleton-video-distilled precision=tf32 build="" out="" what="" name="" grow=()
while [ $# -gt 0 ]; do
  case $1 in
    --shape) shape=${2:?"--shape needs a name"}; shift ;;
    --precision) precision=${2:?"--precision needs a name"}; shift ;;
    --build-dir) build=${2:?"--build-dir needs a folder"}; shift ;;
    --out) out=${2:?"--out needs a folder"}; shift ;;
    -h | --help) usage; exit 0 ;;
    --) shift; grow=("$@"); break ;;
    phase | step) what=$1 ;;
    kernel) what=kernel name=${2:?"kernel needs a name"}; shift ;;
    *) echo "profile.sh: $1 is no option and no thing to profile" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
[ -n "$what" ] || { usage >&2; exit 2; }

find_tool() { # NAME GIVEN TITLE PLACE..: the last place that has it, so that the newest of several versions is taken
  local tool=$1 given=$2 title=$3 place found=""
  shift 3
  for place in "$@" "$(command -v "$tool" || true)" "$given"; do
    if [ -n "$place" ] && [ -x "$place" ]; then found=$place; fi
  done
  if [ -z "$found" ]; then
    echo "profile.sh: $title ($tool) is not installed here: it comes with the CUDA toolkit or from NVIDIA by itself; \$${tool^^} may name it" >&2
    exit 77
  fi
  echo "$found"
}
if [ "$what" = phase ]; then
  tool=$(find_tool nsys "${NSYS:-}" "Nsight Systems" /opt/nvidia/nsight-systems*/{,*/}bin/nsys /usr/local/cuda/bin/nsys)
else
  tool=$(find_tool ncu "${NCU:-}" "Nsight Compute" /opt/nvidia/nsight-compute/*/ncu /usr/local/cuda/nsight-compute*/ncu /usr/local/cuda/bin/ncu)
fi
if [ -z "$build" ]; then
  build=$root/build/cuda
  "$root/scripts/build.sh" --cuda --tests --dir "$build"
fi
for program in babel bench/babel_step_serve; do
  [ -x "$build/$program" ] || { echo "profile.sh: $build holds no $program: not a build with BABEL_CUDA=ON and the benches" >&2; exit 2; }
done
out=${out:-$build/profile}
mkdir -p "$out"

phase() {
  if [ ${#grow[@]} = 0 ]; then
    "$root/scripts/made_up_banks.sh" "$build/babel" "$out/banks" 613 skeleton:316 video:512
    grow=(--bank "$out/banks/skeleton.bank" --bank "$out/banks/video.bank" --set max_steps=200 --set "precision=$precision")
  fi
  rm -rf "$out/run"
  # a graph is shown by its kernels: one long bar otherwise
  "$tool" profile --trace=cuda,nvtx --cuda-graph-trace=node --sample=none --cpuctxsw=none --force-overwrite=true --output="$out/phase" \
    "$build/babel" grow "${grow[@]}" --backend cuda --out "$out/run" --quiet
  "$tool" stats --force-export=true --report nvtx_sum --report cuda_api_sum --report cuda_gpu_kern_sum --report cuda_gpu_mem_time_sum "$out/phase.nsys-rep" | tee "$out/phase.txt"
}

# Clocks and caches stay as they are in training; a graph is taken apart. Two steps: the second is warm.
compute() { # OPTIONS OF ncu..
  echo "block 2" | "$tool" --clock-control none --cache-control none --graph-profiling node "$@" "$build/bench/babel_step_serve" "$shape" 0.5 1 "cuda:$precision"
}
metrics=gpu__time_duration.sum,launch__grid_size,launch__block_size,launch__occupancy_limit_registers,sm__cycles_active.avg,sm__cycles_elapsed.max

case $what in
  phase) phase ;;
  step)
    compute --csv --metrics $metrics >"$out/step.csv" || { cat "$out/step.csv" >&2; exit 1; }
    awk -f "$root/scripts/profile_step.awk" "$out/step.csv" ;;
  kernel)
    first=$(compute --csv --metrics gpu__time_duration.sum --kernel-name "regex:$name" | awk '/^"[0-9]/ { n++ } END { print int(n / 2) }')
    [ "$first" != 0 ] || { echo "profile.sh: no kernel of a step has $name in its name" >&2; exit 1; }
    compute --set full --import-source yes --kernel-name "regex:$name" --launch-skip "$first" --launch-count 1 --force-overwrite --export "$out/$name" >/dev/null
    "$tool" --import "$out/$name.ncu-rep" --page details | tee "$out/$name.txt" ;;
esac
