"""Shift-GCN (NTU RGB+D, 60 classes) in PyTorch: reference numbers and fixtures for tests/encoders/test_shift_gcn.c.

  python scripts/golden/shift_gcn.py                    checks the synthetic reference numbers
  python scripts/golden/shift_gcn.py --weights FILE     also loads the real weights strictly
  python scripts/golden/shift_gcn.py --fixtures DIR     writes the fixtures, after the checks

Activations are (persons, channel, time, joint)."""

import argparse
import os

import numpy as np
import torch
from torch import nn

import fill_rule
import safetensors_file

JOINTS, PERSONS, CLASSES = 25, 2, 60
UNITS = [(3, 64, 1), (64, 64, 1), (64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 128, 1),
         (128, 256, 2), (256, 256, 1), (256, 256, 1)]


def shift_in_table(channels):
    i, j = np.meshgrid(np.arange(JOINTS), np.arange(channels), indexing="ij")
    return ((i * channels + j + j * channels) % (JOINTS * channels)).reshape(-1)


def shift_out_table(channels):
    i, j = np.meshgrid(np.arange(JOINTS), np.arange(channels), indexing="ij")
    return ((i * channels + j - j * channels) % (JOINTS * channels)).reshape(-1)


class TemporalShift(nn.Module):
    """Channel c reads time t * stride + ypos[c] (+ 0.5 with stride 2) by linear interpolation; zero outside."""

    def __init__(self, channels, stride=1):
        super().__init__()
        self.stride = stride
        self.xpos = nn.Parameter(torch.zeros(channels))
        self.ypos = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        frames = x.shape[2] // self.stride
        position = self.ypos.detach() + (0.5 if self.stride == 2 else 0)
        whole = torch.floor(position)
        part = (position - whole).to(x.dtype)
        margin = int(whole.abs().max()) + self.stride + 1
        padded = nn.functional.pad(x, (0, 0, margin, margin))
        out = torch.empty(x.shape[0], x.shape[1], frames, x.shape[3], dtype=x.dtype)
        last = (frames - 1) * self.stride + 1
        for c in range(x.shape[1]):
            at = margin + int(whole[c])
            first, second = padded[:, c, at:at + last:self.stride], padded[:, c, at + 1:at + 1 + last:self.stride]
            torch.lerp(first, second, part[c], out=out[:, c])
        return out


class SpatialShift(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.cout = cout
        self.Linear_weight = nn.Parameter(torch.zeros(cin, cout))
        self.Linear_bias = nn.Parameter(torch.zeros(1, 1, cout))
        self.Feature_Mask = nn.Parameter(torch.zeros(1, JOINTS, cin))
        self.shift_in = nn.Parameter(torch.from_numpy(shift_in_table(cin)), requires_grad=False)
        self.shift_out = nn.Parameter(torch.from_numpy(shift_out_table(cout)), requires_grad=False)
        self.down = nn.Sequential(nn.Conv2d(cin, cout, 1), nn.BatchNorm2d(cout)) if cin != cout else None
        self.bn = nn.BatchNorm1d(JOINTS * cout)

    def forward(self, x):
        n, cin, t, v = x.shape
        flat = x.permute(0, 2, 3, 1).reshape(n * t, v * cin)
        g = flat[:, self.shift_in].view(n * t, v, cin) * (torch.tanh(self.Feature_Mask) + 1)
        y = (torch.matmul(g, self.Linear_weight) + self.Linear_bias).reshape(n * t, v * self.cout)
        z = self.bn(y[:, self.shift_out]).view(n, t, v, self.cout).permute(0, 3, 1, 2)
        return torch.relu(z + (self.down(x) if self.down is not None else x))


class TemporalUnit(nn.Module):
    def __init__(self, channels, stride):
        super().__init__()
        self.bn, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.shift_in, self.shift_out = TemporalShift(channels), TemporalShift(channels, stride)
        self.temporal_linear = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        x = torch.relu(self.temporal_linear(self.shift_in(self.bn(x))))
        return self.bn2(self.shift_out(x))


class Residual(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.stride = stride
        self.conv, self.bn = nn.Conv2d(cin, cout, 1), nn.BatchNorm2d(cout)

    def forward(self, x):
        frames = x.shape[2] // self.stride
        return self.bn(self.conv(x[:, :, ::self.stride][:, :, :frames]))


class Unit(nn.Module):
    def __init__(self, cin, cout, stride, first):
        super().__init__()
        self.first = first
        self.gcn1 = SpatialShift(cin, cout)
        self.tcn1 = TemporalUnit(cout, stride)
        self.residual = Residual(cin, cout, stride) if not first and (cin != cout or stride != 1) else None

    def forward(self, x):
        y = self.tcn1(self.gcn1(x))
        if self.first:
            return torch.relu(y)
        return torch.relu(y + (self.residual(x) if self.residual is not None else x))


class ShiftGCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.data_bn = nn.BatchNorm1d(PERSONS * JOINTS * 3)
        for number, (cin, cout, stride) in enumerate(UNITS, 1):
            setattr(self, f"l{number}", Unit(cin, cout, stride, number == 1))
        self.fc = nn.Linear(256, CLASSES)

    def features(self, x):
        """x (3, T, joints, persons) -> [unit outputs], pooled (persons, 256)."""
        c, t, v, m = x.shape
        x = x.permute(3, 2, 0, 1).reshape(1, m * v * c, t)
        x = self.data_bn(x).view(m, v, c, t).permute(0, 2, 3, 1)
        units = []
        for number in range(1, 11):
            x = getattr(self, f"l{number}")(x)
            units.append(x)
        return units, x.mean((2, 3))

    def forward(self, x):
        units, pooled = self.features(x)
        return units, pooled, self.fc(pooled.mean(0))


def fill(model):
    state = model.state_dict()
    for key, value in state.items():
        if value.is_floating_point():
            state[key] = torch.from_numpy(fill_rule.weight(key, tuple(value.shape))).to(value.dtype)
    model.load_state_dict(state, strict=True)


def close(name, value, expected, digits=2e-6):
    value = float(value)
    if not abs(value - expected) <= digits * max(abs(expected), 1):
        raise SystemExit(f"{name}: {value:.9g}, the reference is {expected:.9g}")
    print(f"{name:14s} {value:.9g}")


def check_synthetic(model):
    x = torch.from_numpy(fill_rule.network_input((3, 64, JOINTS, PERSONS)))
    close("input", x.double().sum(), -62.691159)
    with torch.no_grad():
        units, pooled, scores = model(x)
    pooled = pooled.mean(0).double()
    close("pooled sum", pooled.sum(), 2643.4226)
    close("pooled L2", pooled.norm(), 216.81905)
    for i, expected in ((0, 2.650883), (1, 10.293436), (255, 3.107363)):
        close(f"pooled[{i}]", pooled[i], expected)
    close("scores sum", scores.double().sum(), -9.701781, 1e-5)
    close("scores L2", scores.double().norm(), 94.319638)
    for i, expected in ((0, 10.676428), (1, -6.445571), (2, -5.243239), (59, 10.661216)):
        close(f"scores[{i}]", scores[i], expected, 5e-6)
    for unit, total, norm in ((1, 39143.43, 144.6998), (4, 318343.5, 937.1921), (5, 252467.9, 920.7286), (8, 684456.9, 2538.842),
                              (10, 2114738, 6527.896)):
        close(f"l{unit} sum", units[unit - 1].double().sum(), total)
        close(f"l{unit} L2", units[unit - 1].double().norm(), norm)


def write_fixture(model, folder):
    """An odd, short length in double: 21 -> 10 -> 5 frames, two persons."""
    x = torch.from_numpy(fill_rule.network_input((3, 21, JOINTS, PERSONS))).double()
    with torch.no_grad():
        units, pooled, scores = model.double()(x)
        first = model.fc(pooled[0])
    tensors = {"pooled": pooled, "first_scores": first, "scores": scores, "unit_sums": torch.stack([u.sum() for u in units]),
               "unit_norms": torch.stack([u.norm() for u in units])}
    safetensors_file.write(os.path.join(folder, "shift_gcn_t21.safetensors"),
                           {name: value.float().numpy() for name, value in tensors.items()}, {"made_by": "scripts/golden/shift_gcn.py"})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights")
    parser.add_argument("--fixtures")
    options = parser.parse_args()
    model = ShiftGCN().eval()
    fill(model)
    check_synthetic(model)
    if options.fixtures:
        write_fixture(model, options.fixtures)
    if options.weights:
        state = torch.load(options.weights, map_location="cpu", weights_only=True)
        for key in state:
            if key.endswith(("gcn1.shift_in", "gcn1.shift_out")):
                expected = model.state_dict()[key]
                assert torch.equal(state[key], expected), key
        model.float().load_state_dict(state, strict=True)
        print(len(state), "entries loaded strictly")


if __name__ == "__main__":
    main()
