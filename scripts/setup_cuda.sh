#!/usr/bin/env bash
# A CUDA tool chain for builds with BABEL_CUDA=ON: the one that is there, or pinned Python wheels unpacked into .cuda/. No driver, no device.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'EOT'
Usage: scripts/setup_cuda.sh [--force] [--peers]
Does nothing where nvcc 13 and its cuobjdump are found (CUDACXX, PATH, /usr/local/cuda); without the latter, only the disassemblers are fetched. Else downloads pinned wheels with pip and unpacks them into .cuda/,
where the build looks by itself. About 0.4 GB. Needs Python 3 with venv or pip, and the network, once.
  --force  into .cuda/ although there is an nvcc
  --peers  also NCCL, and the vendor's mathematics that only bench peers link against (about 2 GB)
  --help   this text
EOT
}

force=no peers=no wanted=nvcc
for argument in "$@"; do
  case $argument in
    --force) force=yes ;;
    --peers) peers=yes ;;
    -h | --help) usage; exit 0 ;;
    *) echo "setup_cuda.sh: unknown option $argument" >&2; usage >&2; exit 2 ;;
  esac
done

wheels=(nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85
  nvidia-cuda-cuobjdump==13.2.86 nvidia-cuda-nvdisasm==13.2.86 nvidia-nvtx==13.0.85)
if [ $peers = yes ]; then wheels+=(nvidia-cublas nvidia-cudnn-cu13 nvidia-nccl-cu13 nvidia-cufft); fi

is_13() { [ -x "$1" ] && "$1" --version 2>/dev/null | grep -q 'release 13\.'; }
if [ $force = no ]; then
  for nvcc in "${CUDACXX:-}" "$(command -v nvcc || true)" /usr/local/cuda/bin/nvcc; do
    if [ -n "$nvcc" ] && is_13 "$nvcc"; then
      echo "$nvcc is there: $("$nvcc" --version | sed -n 's/^.*release /CUDA /p')"
      for tool in "$(command -v cuobjdump || true)" "$(dirname "$nvcc")/cuobjdump" "$root/.cuda/bin/cuobjdump"; do
        if [ -n "$tool" ] && [ -x "$tool" ]; then exit 0; fi
      done
      wheels=(nvidia-cuda-cuobjdump==13.2.86 nvidia-cuda-nvdisasm==13.2.86) wanted=cuobjdump
      break
    fi
  done
fi
if [ $peers = no ] && [ $wanted = nvcc ] && is_13 "$root/.cuda/bin/nvcc"; then echo "$root/.cuda is there"; exit 0; fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=python3
if ! python3 -m pip --version >/dev/null 2>&1; then
  python3 -m venv "$work/venv" || { echo "setup_cuda.sh: needs python3-venv or python3-pip (apt-get install python3-venv)" >&2; exit 1; }
  python=$work/venv/bin/python
fi
"$python" -m pip download --quiet --disable-pip-version-check --only-binary=:all: --no-deps --dest "$work/wheels" "${wheels[@]}"

# Each wheel holds nvidia/cu13/{bin,include,lib,nvvm}: laid over each other they are a toolkit.
mkdir -p "$work/all"
for wheel in "$work"/wheels/*.whl; do "$python" -m zipfile -e "$wheel" "$work/all"; done
tree=$work/all/nvidia/cu13
[ -e "$tree/bin/$wanted" ] || { echo "setup_cuda.sh: the wheels hold no nvidia/cu13/bin/$wanted" >&2; exit 1; }
chmod +x "$tree"/bin/* "$tree"/nvvm/bin/* 2>/dev/null || true
for other in cudnn nccl; do # in a folder of their own
  if [ -d "$work/all/nvidia/$other" ]; then cp -R "$work/all/nvidia/$other/." "$tree"; fi
done
for library in "$tree"/lib/*.so.*; do # wheels carry no links
  [ -e "$library" ] && ln -sf "$(basename "$library")" "${library%%.so.*}.so"
done
[ -e "$tree/lib64" ] || ln -s lib "$tree/lib64"
rm -rf "$root/.cuda"
mv "$tree" "$root/.cuda"
if [ $wanted = cuobjdump ]; then echo "$root/.cuda: the disassemblers"; exit 0; fi
echo "$root/.cuda: $("$root/.cuda/bin/nvcc" --version | sed -n 's/^.*release /CUDA /p')"
