"""A small safetensors writer for fixtures."""

import json
import struct

import numpy as np


def write(path, tensors, metadata):
    """tensors: name -> float32 array; metadata: str -> str. The data begin at a multiple of 64 bytes."""
    header, offset = {"__metadata__": metadata}, 0
    for name, array in tensors.items():
        assert array.dtype == np.float32
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())
