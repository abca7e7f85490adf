"""LIMU-BERT in PyTorch, from the equations in encoders/limu_bert_net.h: reference numbers and the fixture for
tests/encoders/test_limu_bert_net.c.

  python scripts/golden/limu_bert.py                    checks the synthetic reference numbers
  python scripts/golden/limu_bert.py --weights DIR      also the four published files (hhar, motion, shoaib, uci)
  python scripts/golden/limu_bert.py --fixtures DIR     writes the fixture, after the checks

Everything in double; the fixture is rounded to float32 once."""

import argparse
import math
import os

import numpy as np
import torch

import fill_rule
import safetensors_file

HIDDEN, INNER, HEADS, STEPS, CHANNELS = 72, 144, 4, 120, 6

SHAPES = {
    "transformer.embed.lin": (HIDDEN, CHANNELS),
    "transformer.embed.pos_embed": (STEPS, HIDDEN),
    "transformer.embed.norm": None,
    "transformer.attn.proj_q": (HIDDEN, HIDDEN),
    "transformer.attn.proj_k": (HIDDEN, HIDDEN),
    "transformer.attn.proj_v": (HIDDEN, HIDDEN),
    "transformer.proj": (HIDDEN, HIDDEN),
    "transformer.norm1": None,
    "transformer.pwff.fc1": (INNER, HIDDEN),
    "transformer.pwff.fc2": (HIDDEN, INNER),
    "transformer.norm2": None,
    "fc": (HIDDEN, HIDDEN),
    "linear": (HIDDEN, HIDDEN),
    "norm": None,
    "decoder": (CHANNELS, HIDDEN),
}


def tensor_shapes():
    for name, shape in SHAPES.items():
        if shape is None:
            yield name + ".gamma", (HIDDEN,)
            yield name + ".beta", (HIDDEN,)
        else:
            yield name + ".weight", shape
            if not name.endswith("pos_embed"):
                yield name + ".bias", shape[:1]


class LimuBert:
    """weights: name -> tensor; computes in their type."""

    def __init__(self, weights):
        self.w = weights

    def linear(self, name, x):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def norm(self, name, x):
        deviation = x - x.mean(-1, keepdim=True)
        scale = torch.sqrt((deviation**2).mean(-1, keepdim=True) + 1e-12)
        return self.w[name + ".gamma"] * deviation / scale + self.w[name + ".beta"]

    @staticmethod
    def gelu(x):
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))

    def attention(self, h):
        steps, width = h.shape[0], HIDDEN // HEADS
        q, k, v = (self.linear("transformer.attn.proj_" + n, h).view(steps, HEADS, width).transpose(0, 1) for n in "qkv")
        p = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(width), -1)
        return (p @ v).transpose(0, 1).reshape(steps, HIDDEN)

    def block(self, h):
        a = self.attention(h)
        h = self.norm("transformer.norm1", a + self.linear("transformer.proj", a))
        inner = self.gelu(self.linear("transformer.pwff.fc1", h))
        return self.norm("transformer.norm2", h + self.linear("transformer.pwff.fc2", inner))

    def stages(self, x):
        """[after the embeddings, after block 1, .., after block 4]"""
        e = self.norm("transformer.embed.norm", self.linear("transformer.embed.lin", x))
        h = self.norm("transformer.embed.norm", e + self.w["transformer.embed.pos_embed.weight"][: len(x)])
        out = [h]
        for _ in range(4):
            out.append(self.block(out[-1]))
        return out

    def decode(self, h):
        return self.linear("decoder", self.norm("norm", self.gelu(self.linear("linear", h))))


def load(path):
    state = torch.load(path, map_location="cpu", weights_only=True)
    expected = dict(tensor_shapes())
    assert {k: tuple(v.shape) for k, v in state.items()} == expected, path
    return LimuBert({k: v.double() for k, v in state.items()})


def synthetic():
    return LimuBert({name: torch.from_numpy(fill_rule.weight(name, shape)).double() for name, shape in tensor_shapes()})


def hash_input():
    return torch.from_numpy(fill_rule.network_input((STEPS, CHANNELS))).double()


def sine_input():
    t, c = np.arange(1, STEPS + 1)[:, None], np.arange(1, CHANNELS + 1)[None]
    return torch.from_numpy(np.sin(0.05 * t * c).astype(np.float32)).double()


def expect(label, tensor, total, norm, elements):
    flat = tensor.flatten()
    found = [flat.sum().item(), flat.norm().item()] + [flat[i].item() for i in elements]
    for got, want in zip(found, [total, norm] + list(elements.values())):
        assert abs(got - want) <= 6e-9 * max(1, abs(want)), (label, got, want)
    print(f"{label}: {len(found)} numbers agree")


def check_synthetic():
    expect("synthetic weights", synthetic().stages(hash_input())[4], -97.2295997, 91.6881321,
           {0: -1.74568094, 1: 0.362701914, 2: 0.0692414256, 2880: -1.7456827, 8638: -0.253764308, 8639: -1.36306161})


def check_published(folder):
    places = (0, 1, 2, 2880, 4320, 8638, 8639)
    rows = [
        (182.506733, 60.4477862, -0.0825207474, -0.359331271, -0.0611630902, 0.281679461, -0.182594895, -0.0822382685, -0.433649155),
        (-152.558795, 38.9597522, 0.939039962, 0.157231226, -0.214093226, -0.881765981, -0.368047773, -0.278987933, 0.198904589),
        (-95.235996, 31.2553966, 0.827313705, -0.853292488, -0.443385812, 0.607430697, 0.587448218, 0.413833983, 0.074735767),
        (-38.5623531, 30.9092304, 0.459379188, -0.199154268, -0.249713362, 0.476056891, 0.474316558, -0.531868085, 0.116782977),
        (-106.357072, 35.7180382, 0.229118475, 0.99161058, -0.374940161, 0.229668175, 0.22906039, -0.203409932, -0.43099082),
    ]
    net = load(os.path.join(folder, "hhar.pt"))
    stages = net.stages(sine_input())
    for i, row in enumerate(rows):
        expect(f"hhar.pt, sines, stage {i}", stages[i], row[0], row[1], dict(zip(places, row[2:])))
    expect("hhar.pt, sines, decoder", net.decode(stages[4]), 61.704765, 15.1135371,
           {0: -0.292240196, 1: 0.217842883, 2: 0.265669246, 240: -0.292729157, 360: -0.292210752, 718: -0.518984582, 719: -0.314130178})
    expect("hhar.pt, sines, 40 rows", net.stages(sine_input()[:40])[4], -24.8525514, 20.8946202,
           {0: -0.0985783521, 1: 1.21798452, 2879: -0.133028503})
    for name, total, norm, elements in (
        ("hhar.pt", -127.280903, 37.8081106, (-0.0439729003, 1.04726366, -0.40051495)),
        ("motion.pt", 49.1458864, 51.4300878, (-0.140383081, 0.303168537, -1.04801952)),
        ("shoaib.pt", 71.3309268, 38.6993881, (-0.418685635, -0.0602045542, 0.112874476)),
        ("uci.pt", 164.110194, 69.3226712, (0.354968417, 0.000176798384, -1.34181607)),
    ):
        stages = load(os.path.join(folder, name)).stages(hash_input())
        expect(f"{name}, hash input", stages[4], total, norm, dict(zip((0, 1, 8639), elements)))


def write_fixture(folder):
    net, x = synthetic(), hash_input()
    stages = net.stages(x)
    outputs = {"embedding": stages[0], "block_1": stages[1], "block_4": stages[4], "decoded": net.decode(stages[4]),
               "block_4_of_7_rows": net.stages(x[:7])[4]}
    path = os.path.join(folder, "limu_bert.safetensors")
    safetensors_file.write(path, {name: value.float().numpy() for name, value in outputs.items()},
                           {"made_by": "scripts/golden/limu_bert.py", "weights": "fill rule", "input": "fill rule, (120, 6)"})
    print("written", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", help="folder with hhar.pt, motion.pt, shoaib.pt, uci.pt")
    parser.add_argument("--fixtures", help="folder to write limu_bert.safetensors into")
    options = parser.parse_args()
    check_synthetic()
    if options.weights:
        check_published(options.weights)
    if options.fixtures:
        write_fixture(options.fixtures)


if __name__ == "__main__":
    main()
