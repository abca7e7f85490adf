"""ST-GCN in PyTorch, any number of units, joints and classes: reference numbers and fixtures for tests/encoders/test_st_gcn.c.

  python scripts/golden/st_gcn.py                    checks graph and synthetic reference numbers
  python scripts/golden/st_gcn.py --weights FILE     also the scores of the small real file with 33 joints
  python scripts/golden/st_gcn.py --fixtures DIR     writes the fixtures, after the checks

Activations are (persons, channel, time, joint)."""

import argparse
import os

import numpy as np
import torch
from torch import nn

import fill_rule
import safetensors_file

NTU_EDGES = [(1, 2), (2, 21), (3, 21), (4, 3), (5, 21), (6, 5), (7, 6), (8, 7), (9, 21), (10, 9), (11, 10), (12, 11), (13, 1),
             (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18), (20, 19), (22, 23), (23, 8), (24, 25), (25, 12)]
NTU_UNITS = [(3, 64, 1), (64, 64, 1), (64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 128, 1), (128, 256, 2),
             (256, 256, 1), (256, 256, 1)]
SMALL_UNITS = [(3, 32, 1), (32, 32, 1), (32, 32, 1), (32, 16, 1), (16, 16, 2)]


def adjacency(joints, edges, centre):
    """A[subset][source][destination] by the spatial strategy; distances end after one hop."""
    b = np.eye(joints)
    for i, j in edges:
        b[i, j] = b[j, i] = 1
    g = b / b.sum(0)
    distance = np.where(b[:, centre] > 0, 1.0, np.inf)
    distance[centre] = 0
    a = np.zeros((3, joints, joints))
    for v in range(joints):
        for w in range(joints):
            if b[v, w]:
                a[0 if v == w else 2 if distance[v] < distance[w] else 1, v, w] = g[v, w]
    return a


class GraphConv(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, 3 * cout, 1)

    def forward(self, x, a):
        n, _, t, v = x.shape
        return torch.einsum("nkctv,kvw->nctw", self.conv(x).view(n, 3, -1, t, v), a).contiguous()


class Unit(nn.Module):
    def __init__(self, cin, cout, stride, first):
        super().__init__()
        self.first = first
        self.gcn = GraphConv(cin, cout)
        self.tcn = nn.Sequential(nn.BatchNorm2d(cout), nn.ReLU(), nn.Conv2d(cout, cout, (9, 1), (stride, 1), (4, 0)),
                                 nn.BatchNorm2d(cout), nn.Dropout(0.5))
        if not first and (cin != cout or stride != 1):
            self.residual = nn.Sequential(nn.Conv2d(cin, cout, 1, (stride, 1)), nn.BatchNorm2d(cout))

    def forward(self, x, a):
        y = self.tcn(self.gcn(x, a))
        if not self.first:
            y = y + (self.residual(x) if hasattr(self, "residual") else x)
        return torch.relu(y)


class STGCN(nn.Module):
    def __init__(self, a, units, classes):
        super().__init__()
        joints = a.shape[1]
        self.register_buffer("A", torch.tensor(a, dtype=torch.float32))
        self.data_bn = nn.BatchNorm1d(3 * joints)
        self.st_gcn_networks = nn.ModuleList(Unit(cin, cout, s, i == 0) for i, (cin, cout, s) in enumerate(units))
        self.edge_importance = nn.ParameterList(nn.Parameter(torch.ones(a.shape)) for _ in units)
        self.fcn = nn.Conv2d(units[-1][1], classes, 1)

    def forward(self, x):
        """x (3, T, joints, persons) -> [unit outputs], pooled (persons, C), scores (classes)."""
        c, t, v, m = x.shape
        x = x.permute(3, 2, 0, 1).reshape(m, v * c, t)
        x = self.data_bn(x).view(m, v, c, t).permute(0, 2, 3, 1)
        units = []
        for unit, importance in zip(self.st_gcn_networks, self.edge_importance):
            x = unit(x, self.A * importance)
            units.append(x)
        pooled = x.mean((2, 3))
        return units, pooled, self.fcn(pooled.mean(0)[None, :, None, None]).view(-1)


def fill(model):
    state = model.state_dict()
    for key, value in state.items():
        if value.is_floating_point() and key != "A":
            state[key] = torch.from_numpy(fill_rule.weight(key, tuple(value.shape))).to(value.dtype)
    model.load_state_dict(state, strict=True)


def close(name, value, expected, digits=1e-7):
    value = float(value)
    if not abs(value - expected) <= digits * max(abs(expected), 1):
        raise SystemExit(f"{name}: {value:.10g}, the reference is {expected:.10g}")
    print(f"{name:14s} {value:.9g}")


def check_graph(a):
    for k, (count, total) in enumerate(((25, 8.95), (40, 13.3), (8, 2.75))):
        assert (a[k] != 0).sum() == count
        close(f"A[{k}] total", a[k].sum(), total, 1e-12)
    close("A norm", np.sqrt((a**2).sum()), 2.99165506, 2e-9)


def check_synthetic(model):
    def run(shape):
        x = torch.from_numpy(fill_rule.network_input(shape)).double()
        with torch.no_grad():
            units, pooled, scores = model(x)
        return x.sum(), units, pooled.mean(0), scores

    total, units, pooled, scores = run((3, 64, 25, 1))
    close("input", total, -70.6758386)
    close("pooled sum", pooled.sum(), 69.9259355)
    close("pooled L2", pooled.norm(), 6.05566504)
    for i, expected in ((0, 0.401067987), (1, 0.320987816), (2, 0.0901974576), (255, 0.453078095)):
        close(f"pooled[{i}]", pooled[i], expected)
    close("scores sum", scores.sum(), -1.65556432)
    close("scores L2", scores.norm(), 2.67805148)
    for i, expected in ((0, -0.607397599), (1, -0.121854635), (2, -0.00657127562), (20, 0.446940096), (30, -0.398668542),
                        (58, -0.671802166), (59, -0.144836716)):
        close(f"scores[{i}]", scores[i], expected)
    expected = [(12059.0344, 67.2950074), (17764.1238, 85.7510084), (22173.2508, 102.910707), (26017.4615, 112.907511),
                (17378.8381, 94.0505149), (20249.8624, 103.723648), (24151.8582, 114.552771), (19522.9343, 105.282019),
                (23862.8696, 118.744672), (27970.3742, 129.770654)]
    for i, (s, norm) in enumerate(expected):
        close(f"unit {i} sum", units[i].sum(), s)
        close(f"unit {i} L2", units[i].norm(), norm)
    total, _, pooled, scores = run((3, 300, 25, 2))
    close("input", total, -147.484057)
    close("pooled sum", pooled.sum(), 72.3710956)
    close("pooled L2", pooled.norm(), 6.34258191)
    close("scores sum", scores.sum(), -1.36853711)
    close("scores L2", scores.norm(), 2.79773082)
    for i, value in ((0, -0.646765153), (1, -0.115637028), (20, 0.461924341), (59, -0.110309661)):
        close(f"scores[{i}]", scores[i], value)


def check_small(path):
    state = torch.load(path, map_location="cpu", weights_only=True)
    model = STGCN(state["A"].numpy(), SMALL_UNITS, 5).eval()
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all(key.endswith("num_batches_tracked") for key in missing), (missing, unexpected)
    with torch.no_grad():
        _, _, scores = model.double()(torch.from_numpy(fill_rule.network_input((3, 60, 33, 1))).double())
    for i, expected in enumerate((-21.73849, -0.6909225, -3.148667, 13.80649, 11.845)):
        close(f"small[{i}]", scores[i], expected, 1e-6)


def write_fixture(model, folder):
    """An odd, short length in double: 19 -> 10 -> 5 frames, two persons."""
    with torch.no_grad():
        units, pooled, scores = model(torch.from_numpy(fill_rule.network_input((3, 19, 25, 2))).double())
    tensors = {"pooled": pooled, "scores": scores, "unit_sums": torch.stack([u.sum() for u in units]),
               "unit_norms": torch.stack([u.norm() for u in units])}
    safetensors_file.write(os.path.join(folder, "st_gcn_t19.safetensors"),
                           {name: value.float().numpy() for name, value in tensors.items()}, {"made_by": "scripts/golden/st_gcn.py"})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights")
    parser.add_argument("--fixtures")
    options = parser.parse_args()
    a = adjacency(25, [(i - 1, j - 1) for i, j in NTU_EDGES], 20)
    check_graph(a)
    model = STGCN(a, NTU_UNITS, 60).eval()
    fill(model)
    model.double()
    check_synthetic(model)
    if options.fixtures:
        write_fixture(model, options.fixtures)
    if options.weights:
        check_small(options.weights)


if __name__ == "__main__":
    main()
