"""Deterministic numbers behind the synthetic references of the encoder tests.

Value i of a tensor depends on its state_dict key and i alone: seed = FNV-1a-32(key), a multiplicative counter, two rounds of
mixing, then scaled to [-1, 1). tests/support/compare.c holds the same rule in C (babel_fill)."""

import math

import numpy as np


def uniform(key, count):
    seed = 2166136261
    for byte in key.encode("ascii"):
        seed = ((seed ^ byte) * 16777619) & 0xFFFFFFFF
    h = np.arange(count, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(seed)
    mask = np.uint64(0xFFFFFFFF)
    h &= mask
    h ^= h >> np.uint64(16)
    h = h * np.uint64(0x85EBCA6B) & mask
    h ^= h >> np.uint64(13)
    h = h * np.uint64(0xC2B2AE35) & mask
    h ^= h >> np.uint64(16)
    return h.astype(np.float64) / 2**31 - 1


def weight(key, shape):
    """The value rule of a weight tensor, rounded to float32."""
    u = uniform(key, math.prod(shape)).reshape(shape)
    if "running_mean" in key:
        scaled = 0.1 * u
    elif "running_var" in key:
        scaled = 1 + 0.5 * u
    elif "edge_importance" in key:
        scaled = 1 + 0.1 * u
    elif any(part in key for part in ("pos_embed.weight", "0.cls_token", "0.position")):
        scaled = 0.5 * u
    elif "xpos" in key:
        scaled = 0 * u
    elif "ypos" in key:
        scaled = 3 * u
    elif len(shape) >= 2:
        scaled = u * math.sqrt(3 / math.prod(shape[1:]))
    elif key.endswith(("gamma", "weight")):
        scaled = 1 + 0.1 * u
    else:
        scaled = 0.1 * u
    return scaled.astype(np.float32)


def network_input(shape):
    return uniform("input", math.prod(shape)).reshape(shape).astype(np.float32)
