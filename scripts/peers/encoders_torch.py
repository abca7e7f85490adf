"""The frozen encoders in PyTorch eager, timed in turns with babel's own: Shift-GCN at 64 frames and LIMU-BERT at 120 rows, batches of 1 and 32.

  Shift-GCN   channel slices   the temporal shift as two slices and a lerp for each channel (scripts/golden/shift_gcn.py)
              index            the same shift as two indexed reads of the whole array and one lerp
  LIMU-BERT   plain            attention, layer norm and GELU as they are written down
              fused            scaled_dot_product_attention, layer_norm, gelu of the library

Weights are made up by the fill rule of the golden files unless --weights-dir has the published ones; the time does not depend on them.
Outputs of both sides are compared first. scripts/bench_peers.sh runs this."""
import argparse
import math
import os
import statistics
import sys
import tempfile
import time

import numpy
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import fill_rule
import limu_bert
import safetensors_file
import shift_gcn
from step_torch import Ours, quartiles, read_safetensors

FRAMES = 64


class IndexedShift(torch.nn.Module):
    """The temporal shift of shift_gcn.TemporalShift by index tables."""

    def __init__(self, shift, frames):
        super().__init__()
        position = shift.ypos.detach() + (0.5 if shift.stride == 2 else 0)
        whole = torch.floor(position)
        self.part = (position - whole).view(1, -1, 1, 1)
        self.margin = int(whole.abs().max()) + shift.stride + 1
        at = torch.arange(frames // shift.stride) * shift.stride
        self.first = (self.margin + whole.long().view(-1, 1) + at.view(1, -1)).contiguous()
        self.channel = torch.arange(len(position)).view(-1, 1)

    def forward(self, x):
        padded = F.pad(x, (0, 0, self.margin, self.margin))
        return torch.lerp(padded[:, self.channel, self.first], padded[:, self.channel, self.first + 1], self.part)


class SkeletonPeer:
    def __init__(self, model, indexed):
        self.model = model
        self.frames = FRAMES
        if indexed:
            frames = FRAMES
            for number, (_, _, stride) in enumerate(shift_gcn.UNITS, 1):
                unit = getattr(model, f"l{number}").tcn1
                unit.shift_in, unit.shift_out = IndexedShift(unit.shift_in, frames), IndexedShift(unit.shift_out, frames)
                frames //= stride

    def __call__(self, x):
        """x (samples, frames, 25, 3), person 0 -> (samples, 256)"""
        n, t, v, c = x.shape
        bn = self.model.data_bn
        x = x.permute(0, 2, 3, 1).reshape(n, v * c, t)
        x = F.batch_norm(x, bn.running_mean[: v * c], bn.running_var[: v * c], bn.weight[: v * c], bn.bias[: v * c], False, 0.0, bn.eps)
        x = x.view(n, v, c, t).permute(0, 2, 3, 1)
        for number in range(1, 11):
            x = getattr(self.model, f"l{number}")(x)
        return x.mean((2, 3))


class ImuPeer:
    def __init__(self, weights, fused):
        self.w, self.fused = weights, fused

    def linear(self, name, x):
        return F.linear(x, self.w[name + ".weight"], self.w[name + ".bias"])

    def norm(self, name, x):
        gamma, beta = self.w[name + ".gamma"], self.w[name + ".beta"]
        if self.fused:
            return F.layer_norm(x, x.shape[-1:], gamma, beta, 1e-12)
        deviation = x - x.mean(-1, keepdim=True)
        return gamma * deviation / torch.sqrt((deviation**2).mean(-1, keepdim=True) + 1e-12) + beta

    def gelu(self, x):
        return F.gelu(x) if self.fused else 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))

    def attention(self, h):
        n, steps, hidden = h.shape
        q, k, v = (self.linear("transformer.attn.proj_" + p, h).view(n, steps, limu_bert.HEADS, -1).transpose(1, 2) for p in "qkv")
        if self.fused:
            a = F.scaled_dot_product_attention(q, k, v)
        else:
            a = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(q.shape[-1]), -1) @ v
        return a.transpose(1, 2).reshape(n, steps, hidden)

    def __call__(self, x):
        e = self.norm("transformer.embed.norm", self.linear("transformer.embed.lin", x))
        h = self.norm("transformer.embed.norm", e + self.w["transformer.embed.pos_embed.weight"][: x.shape[1]])
        for _ in range(4):
            a = self.attention(h)
            h = self.norm("transformer.norm1", a + self.linear("transformer.proj", a))
            inner = self.gelu(self.linear("transformer.pwff.fc1", h))
            h = self.norm("transformer.norm2", h + self.linear("transformer.pwff.fc2", inner))
        return h


def skeleton_model(path):
    model = shift_gcn.ShiftGCN().eval()
    if path:
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    else:
        shift_gcn.fill(model)
    return model


def imu_weights(path):
    if path:
        return {k: v.float() for k, v in torch.load(path, map_location="cpu", weights_only=True).items()}
    return {k: v.float() for k, v in limu_bert.synthetic().w.items()}


def contenders(encoder, folder, weights_dir):
    """[(name, callable)], and a weight file for babel"""
    if encoder == "shift_gcn":
        published = os.path.join(weights_dir, "shift_gcn", "ntu_joint_xsub.pt") if weights_dir else None
        made = os.path.join(folder, "shift_gcn.pt")
        torch.save(skeleton_model(published).state_dict(), made)
        return [("channel slices", SkeletonPeer(skeleton_model(published), False)), ("index", SkeletonPeer(skeleton_model(published), True))], made
    published = os.path.join(weights_dir, "limu_bert", "hhar.pt") if weights_dir else None
    made = os.path.join(folder, "limu_bert.pt")
    torch.save(imu_weights(published), made)
    return [("plain", ImuPeer(imu_weights(published), False)), ("fused", ImuPeer(imu_weights(published), True))], made


def make_input(encoder, samples):
    shape = (samples, FRAMES, shift_gcn.JOINTS, 3) if encoder == "shift_gcn" else (samples, limu_bert.STEPS, limu_bert.CHANNELS)
    return fill_rule.network_input(shape)


def compare(label, ours, peers, x, folder, limit):
    path = os.path.join(folder, "output.safetensors")
    ours.ask("dump " + path)
    found = read_safetensors(path)["output"]
    for name, peer in peers:
        expected = peer(x).reshape(found.shape)
        error = float((found - expected).norm() / expected.norm())
        print(f"# {label}: '{name}' against babel's output: {error:.1e}")
        if not error <= limit:
            sys.exit(f"encoders_torch.py: {label}: the outputs differ")


def count_flops(peer, x):
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with counter:
        peer(x)
    return counter.get_total_flops()


def measure(label, ours, peers, x, rounds, block):
    """Every round runs a block of passes of each contender, in rotating order; the first pass of a block warms the caches."""
    names = ["babel"] + [name for name, _ in peers]
    calls = dict(peers)
    times, medians, peaks = {n: [] for n in names}, {n: [] for n in names}, []

    def run(name, count):
        if name == "babel":
            return [float(t) / 1e3 for t in ours.ask(f"runs {count}")]
        out = []
        for _ in range(count):
            start = time.perf_counter()
            calls[name](x)
            out.append((time.perf_counter() - start) * 1e3)
        return out

    for name in names:
        run(name, 2)
    for r in range(rounds):
        for i in range(len(names)):
            name = names[(i + r) % len(names)]
            found = run(name, block + 1)[1:]
            times[name] += found
            medians[name].append(statistics.median(found))
        peaks.append(float(ours.ask("peak")[0]))
    report(label, names, times, medians, max(peaks), count_flops(peers[-1][1], x))


def report(label, names, times, medians, peak, flops):
    fastest = min(names[1:], key=lambda n: statistics.median(times[n]))
    print(f"# {label}: peak {peak * 1e-9:.0f} GFLOP/s, products {flops * 1e-9:.3f} GFLOP a pass")
    print(f"{'shape':18} {'contender':15} {'passes':>6} {'min_ms':>8} {'q1_ms':>8} {'median':>8} {'q3_ms':>8} {'ratio':>6} {'q1':>6} {'q3':>6}")
    for name in names:
        low, middle, high = quartiles(times[name])
        ratios = quartiles([t / o for t, o in zip(medians[name], medians["babel"])])
        note = " <- fastest peer" if name == fastest else ""
        if name == "babel":
            note = f" {flops / (middle * 1e-3) / peak * 100:.0f} % of peak by the median"
        print(f"{label:18} {name:15} {len(times[name]):6} {min(times[name]):8.2f} {low:8.2f} {middle:8.2f} {high:8.2f} "
              f"{ratios[1]:6.2f} {ratios[0]:6.2f} {ratios[2]:6.2f}{note}")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description="PyTorch peers of babel's frozen encoders, timed in turns with them.")
    parser.add_argument("--program", required=True, help="babel_encoder_serve")
    parser.add_argument("--weights-dir", help="published weights: limu_bert/hhar.pt, shift_gcn/ntu_joint_xsub.pt")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=12)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    torch.set_grad_enabled(False)
    print(f"# PyTorch {torch.__version__}, {options.threads} threads each; ratio: the contender's time over babel's, median and quartiles over the rounds")
    for encoder, limit in (("shift_gcn", 1e-5), ("limu_bert", 1e-5)):
        for samples in (1, 32):
            with tempfile.TemporaryDirectory() as folder:
                peers, weights = contenders(encoder, folder, options.weights_dir)
                x = make_input(encoder, samples)
                path = os.path.join(folder, "input.safetensors")
                safetensors_file.write(path, {"input": x}, {})
                ours = Ours(options.program, encoder, weights, path, str(options.threads))
                label = f"{encoder} x{samples}"
                x = torch.from_numpy(numpy.ascontiguousarray(x))
                compare(label, ours, peers, x, folder, limit)
                measure(label, ours, peers, x, options.rounds, 4 if samples > 1 else 12)
                ours.close()


if __name__ == "__main__":
    main()
