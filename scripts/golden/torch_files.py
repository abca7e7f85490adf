"""Small checkpoints written by PyTorch itself, for the tests of the reader (tests/core/test_checkpoint_files.c).

python3 scripts/golden/torch_files.py --fixtures tests/fixtures
"""

import argparse
import os

import numpy as np
import torch

import fill_rule

TYPES = {"f32": torch.float32, "f64": torch.float64, "f16": torch.float16, "bf16": torch.bfloat16, "i64": torch.int64,
         "i32": torch.int32, "i16": torch.int16, "i8": torch.int8, "u8": torch.uint8, "bool": torch.bool}


def checkpoint():
    steps = np.trunc(64 * fill_rule.uniform("torch", 24)).reshape(2, 3, 4)
    state = {}
    for name, dtype in TYPES.items():
        if dtype.is_floating_point:
            values = steps / 4
        elif dtype == torch.bool:
            values = steps % 2
        else:
            values = np.abs(steps)
        whole = torch.tensor(values).to(dtype)
        state[f"module.whole.{name}"] = whole
        state[f"module.part.{name}"] = whole[1:, ::2].permute(2, 0, 1)
    state["module.expanded"] = torch.arange(3.0).expand(5, 3)
    state["module.empty"] = torch.zeros(0, 7)
    state["module.parameter"] = torch.nn.Parameter(torch.ones(2))
    return {"epoch": 3, "args": argparse.Namespace(lr=0.1, name="run"), "state_dict": state, "best": np.float64(0.5)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fixtures", required=True, help="folder to write into")
    folder = parser.parse_args().fixtures
    torch.save(checkpoint(), os.path.join(folder, "torch_zip.pt"))
    torch.save(checkpoint(), os.path.join(folder, "torch_zip_protocol_4.pt"), pickle_protocol=4)
    torch.save(checkpoint(), os.path.join(folder, "torch_legacy.pt"), _use_new_zipfile_serialization=False)


main()
