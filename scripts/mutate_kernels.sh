#!/usr/bin/env bash
# Would the kernel tests notice a small mistake in a CUDA kernel, a barrier that is missing? On the simulated device; options as scripts/mutate.sh.
exec "$(dirname "${BASH_SOURCE[0]}")/mutate.sh" --cuda "$@"
