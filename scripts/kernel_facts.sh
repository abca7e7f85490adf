#!/usr/bin/env bash
# What the compiler says of each kernel, without a device: registers, spills, shared memory, resident blocks, instructions of the main loop;
# and what the simulated device counts.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
limits=$root/bench/static_limits.tsv

usage() {
  cat <<'EOT'
Usage: scripts/kernel_facts.sh [--counters [--babel FILE]] [--check] [--out FOLDER] [--dir FOLDER]
Compiles kernels/cuda/*.cu for sm_80 and sm_90 and writes static_sm80.md and static_sm90.md. Needs nvcc and cuobjdump 13 (CUDACXX,
CUOBJDUMP, PATH, .cuda/bin of scripts/setup_cuda.sh, /usr/local/cuda/bin) and no device. The exit code is 1 when a kernel breaks a limit
of bench/static_limits.tsv, has no row there, or a row there has no kernel; 77 when a tool is missing.
  --counters    instead: one step of a video-skeleton phase on the simulated device, what its kernels ask of the memory system, into
                counters.md; 1 when a request costs more than a limit. Needs no CUDA, takes some 20 s
  --babel FILE  for --counters: the program, of a build with BABEL_SIMDEV_HOOKS (default: built into build/simdev-hooks)
  --check       writes nothing
  --out FOLDER  where the tables go (default: bench/results)
  --dir FOLDER  where compiled files stay, for the next time (default: build/kernel_facts)
  --help        this text
EOT
}

out=$root/bench/results work=$root/build/kernel_facts check=no counters=no babel=""
while [ $# -gt 0 ]; do
  case $1 in
    --check) check=yes ;;
    --counters) counters=yes ;;
    --babel) babel=${2:?"--babel needs a file"}; shift ;;
    --out) out=${2:?"--out needs a folder"}; shift ;;
    --dir) work=${2:?"--dir needs a folder"}; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "kernel_facts.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done

# Banks as wide as the encoders' features, of any numbers: what is counted does not depend on them.
count_step() {
  local shape="first phase, video (512) and skeleton (316), batch 256, hidden 256, embedding 512, TF32, one step"
  if [ -z "$babel" ]; then
    babel=$root/build/simdev-hooks/babel
    cmake -S "$root" -B "$root/build/simdev-hooks" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBABEL_CUDA=simdev -DBABEL_SIMDEV_HOOKS=ON -DBABEL_TESTS=OFF -DBABEL_BENCH=OFF >"$work/log" &&
      cmake --build "$root/build/simdev-hooks" --target babel >>"$work/log" || { tail -n 30 "$work/log" >&2; return 1; }
  fi
  rm -rf "$work/step"
  "$root/scripts/made_up_banks.sh" "$babel" "$work/step" 256 video:512 skeleton:316 >"$work/log"
  BABEL_SIMDEV_COUNTERS=1 OMP_NUM_THREADS=1 "$babel" grow --bank "$work/step/video.bank" --bank "$work/step/skeleton.bank" --set batch=256 --set hidden=256 \
    --set embed_dim=512 --set precision=tf32 --set max_steps=1 --backend cuda --quiet --out "$work/step/out" >"$work/log" 2>"$work/step/counters" ||
    { cat "$work/step/counters" >&2; return 1; }
  awk -v wide=1.25 -v conflicts=1.1 -v reuse=10 -v extra=1.3 -v full=15 -v batch=256 -v hidden=256 -v embedding=512 -v inputs=828 -v shape="$shape" \
    -f "$root/scripts/kernel_counters.awk" "$work/step/counters"
}

mkdir -p "$work"
if [ $counters = yes ]; then
  code=0
  count_step >"$work/counters.md" || code=1
  if [ $check = no ] && [ -s "$work/counters.md" ]; then mkdir -p "$out" && cp "$work/counters.md" "$out/"; fi
  exit $code
fi

find_tool() { # NAME CANDIDATE...: the first that is there
  local name=$1 candidate
  shift
  for candidate in "$@" "$(command -v "$name" || true)" "$root/.cuda/bin/$name" "/usr/local/cuda/bin/$name"; do
    if [ -n "$candidate" ] && [ -x "$candidate" ]; then echo "$candidate"; return; fi
  done
  echo "kernel_facts.sh: $name is not there (scripts/setup_cuda.sh --force brings it)" >&2
  exit 77
}
nvcc=$(find_tool nvcc "${CUDACXX:-}")
ptxas=$(find_tool ptxas "$(dirname "$nvcc")/ptxas")
cuobjdump=$(find_tool cuobjdump "${CUOBJDUMP:-}" "$(dirname "$nvcc")/cuobjdump")

# Each source is compiled as the build does; again only when it or a header is newer.
compile() { # ARCHITECTURE SOURCE
  local base
  base=$work/$1/$(basename "$2" .cu)
  if [ -e "$base.sass" ] && [ -z "$(find "$2" "$root"/kernels -maxdepth 3 \( -name '*.h' -o -name '*.cuh' -o -path "$2" \) -newer "$base.sass" -print -quit)" ]; then return; fi
  rm -f "$base.sass"
  "$nvcc" -std=c++17 -O3 -I"$root" -arch="compute_$1" -ptx "$2" -o "$base.ptx"
  "$ptxas" -arch="sm_$1" -v "$base.ptx" -o "$base.cubin" 2>"$base.info" || { cat "$base.info" >&2; exit 1; }
  "$cuobjdump" -sass "$base.cubin" >"$base.part"
  mv "$base.part" "$base.sass"
}

table() { # ARCHITECTURE: the markdown table on standard output, broken limits on standard error
  local source base
  mkdir -p "$work/$1"
  for source in "$root"/kernels/cuda/*.cu; do
    compile "$1" "$source"
    base=$work/$1/$(basename "$source" .cu)
    awk -f "$root/scripts/kernel_facts.awk" "$base.ptx" "$base.info" "$base.sass"
  done | c++filt | sed 's/^void //; s/(.*)\t/\t/; s/, /,/g' | sort -u |
    awk -v arch="$1" -v compiler="$("$ptxas" --version | sed -n 's/^Cuda compilation tools, release //p')" -f "$root/scripts/kernel_limits.awk" "$limits" -
}

code=0
for architecture in 80 90; do
  file=$work/static_sm$architecture.md
  table "$architecture" >"$file" || code=1
  if [ $check = no ]; then mkdir -p "$out" && cp "$file" "$out/"; fi
done
exit $code
