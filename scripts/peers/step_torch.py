"""The training step of bench/growth in PyTorch eager, in three forms that give the same gradients, timed in turns with babel's own.

  three full      L_ab backward, L_ba backward, then the weighted total backward: as the weights of Eq. (6) are written down
  module + full   gradients of each anchor's module alone for the norms, then one full backward of the weighted total
  two + combine   full gradients of L_ab and L_ba (and of the distillation) once each, combined with the weights

All do what babel's step does: row gather, standardisation, input dropout, both towers, both losses, the two norms, AdamW with decay on
matrices, the clamp of the scale, and with distillation the teacher's forward pass and its moving average. scripts/bench_peers.sh runs this.
"""
import argparse
import json
import math
import os
import statistics
import struct
import subprocess
import sys
import tempfile

import numpy
import torch
import torch.nn.functional as F

BATCH, PAIRS, VARIANTS, EMBED, HIDDEN, LAMBDA = 256, 613, 4, 512, 256, 5.0
SHAPES = {
    "imu-skeleton": ((144, 316), False),
    "imu-skeleton-distilled": ((144, 316), True),
    "skeleton-video": ((316, 512), False),
    "skeleton-video-distilled": ((316, 512), True),
}


def layer_sizes(width):
    return [(width, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, EMBED)]


PROTOTYPE = [(EMBED, HIDDEN), (HIDDEN, EMBED)]


class Model:
    """Parameters as babel lays them out: C_a, C_b, U, log scale; each layer weight (out, in), bias."""

    def __init__(self, widths, distill, dropout):
        self.widths, self.distill, self.dropout = widths, distill, dropout
        generator = torch.Generator().manual_seed(0)
        self.towers = [self.layers(layer_sizes(w), generator) for w in widths]
        self.prototype = self.layers(PROTOTYPE, generator)
        self.log_scale = torch.tensor([math.log(1 / 0.07)], requires_grad=True)
        self.rows = [torch.randn(PAIRS * VARIANTS, w, generator=generator) for w in widths]
        self.mean = [torch.zeros(w) for w in widths]
        self.inverse = [torch.ones(w) for w in widths]
        self.target = torch.arange(BATCH)
        if distill:
            self.teacher = [p.detach().clone() for p in self.towers[0] + self.prototype]
        self.step_number = 0
        self.make_optimiser()

    @staticmethod
    def layers(sizes, generator):
        out = []
        for fan_in, fan_out in sizes:
            bound = 1 / math.sqrt(fan_in)
            for shape in ((fan_out, fan_in), (fan_out,)):
                out.append(((torch.rand(shape, generator=generator) * 2 - 1) * bound).requires_grad_())
        return out

    def parameters(self):
        return self.towers[0] + self.towers[1] + self.prototype + [self.log_scale]

    def make_optimiser(self):
        matrices = [p for p in self.parameters() if p.dim() == 2]
        others = [p for p in self.parameters() if p.dim() != 2]
        groups = [{"params": matrices, "weight_decay": 1e-4}, {"params": others, "weight_decay": 0.0}]
        try:
            self.optimiser = torch.optim.AdamW(groups, lr=3e-4, betas=(0.9, 0.98), eps=1e-8, fused=True)
        except (RuntimeError, TypeError):
            self.optimiser = torch.optim.AdamW(groups, lr=3e-4, betas=(0.9, 0.98), eps=1e-8)

    @staticmethod
    def mlp(x, parameters):
        for i in range(0, len(parameters), 2):
            x = F.linear(x, parameters[i], parameters[i + 1])
            if i + 2 < len(parameters):
                x = F.relu(x)
        return x

    def inputs(self):
        order = torch.randperm(PAIRS)[:BATCH] * VARIANTS + torch.randint(VARIANTS, (BATCH,))
        out = []
        for s in range(2):
            x = (self.rows[s].index_select(0, order) - self.mean[s]) * self.inverse[s]
            out.append(F.dropout(x, self.dropout) if self.dropout else x)
        return out

    def losses(self, x):
        e = [self.mlp(self.mlp(x[s], self.towers[s]), self.prototype) for s in range(2)]
        n = [F.normalize(v) for v in e]
        logits = self.log_scale.exp() * (n[0] @ n[1].t())
        ab, ba = F.cross_entropy(logits, self.target), F.cross_entropy(logits.t(), self.target)
        if not self.distill:
            return ab, ba, None
        with torch.no_grad():
            count = len(self.towers[0])
            t = self.mlp(self.mlp(x[0], self.teacher[:count]), self.teacher[count:])
        return ab, ba, (1 - F.cosine_similarity(e[0], t)).mean()

    @staticmethod
    def norm(gradients):
        return torch.stack(torch._foreach_norm(gradients)).norm() + 1e-12

    def total(self, ab, ba, kd, g_a, g_b):
        both = g_a + g_b
        loss = (g_b / both).detach() * ab + (g_a / both).detach() * ba
        return loss if kd is None else loss + LAMBDA * kd

    def clear(self):
        for p in self.parameters():
            p.grad = None

    # ---- the three forms: gradients into .grad -------------------------------------------------------------------------------------
    def three_full(self, x):
        ab, ba, kd = self.losses(x)
        self.clear()
        ab.backward(retain_graph=True)
        g_a = self.norm([p.grad for p in self.towers[0]])
        self.clear()
        ba.backward(retain_graph=True)
        g_b = self.norm([p.grad for p in self.towers[1]])
        self.clear()
        self.total(ab, ba, kd, g_a, g_b).backward()

    def module_and_full(self, x):
        ab, ba, kd = self.losses(x)
        g_a = self.norm(torch.autograd.grad(ab, self.towers[0], retain_graph=True))
        g_b = self.norm(torch.autograd.grad(ba, self.towers[1], retain_graph=True))
        self.clear()
        self.total(ab, ba, kd, g_a, g_b).backward()

    def two_and_combine(self, x):
        ab, ba, kd = self.losses(x)
        parameters = self.parameters()
        count = len(self.towers[0])
        first = torch.autograd.grad(ab, parameters, retain_graph=True)
        second = torch.autograd.grad(ba, parameters, retain_graph=kd is not None)
        g_a, g_b = self.norm(first[:count]), self.norm(second[count : 2 * count])
        w = g_b / (g_a + g_b)
        gradients = torch._foreach_mul(list(first), w)
        torch._foreach_add_(gradients, torch._foreach_mul(list(second), 1 - w))
        if kd is not None:
            touched = [i for i in range(len(parameters) - 1) if not count <= i < 2 * count]
            third = torch.autograd.grad(LAMBDA * kd, [parameters[i] for i in touched])
            torch._foreach_add_([gradients[i] for i in touched], list(third))
        for p, g in zip(parameters, gradients):
            p.grad = g

    # ---- one whole step ------------------------------------------------------------------------------------------------------------
    def step(self, form):
        rate = 3e-5 + (3e-4 - 3e-5) * 0.5 * (1 + math.cos(math.pi * self.step_number / 600))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        form(self, self.inputs())
        self.optimiser.step()
        with torch.no_grad():
            self.log_scale.clamp_(0, math.log(100))
            if self.distill:
                torch._foreach_lerp_(self.teacher, [p.detach() for p in self.towers[0] + self.prototype], 0.004)
        self.step_number += 1


FORMS = {"three full": Model.three_full, "module + full": Model.module_and_full, "two + combine": Model.two_and_combine}


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    out = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            out[name] = torch.from_numpy(numpy.frombuffer(data[8 + size + begin : 8 + size + end], dtype=numpy.float32).copy()).reshape(entry["shape"])
    return out


class Ours:
    """babel's side, run on request by a process of its own."""

    def __init__(self, program, *arguments):
        self.program = os.path.basename(program)
        self.process = subprocess.Popen([program, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.program} ended before it answered")
        return line.split()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def split(flat, parameters):
    at, out = 0, []
    for p in parameters:
        out.append(flat[at : at + p.numel()].reshape(p.shape))
        at += p.numel()
    assert at == flat.numel()
    return out


def compare(program, shape, threads, limit=1e-5, backend="cpu"):
    """Both sides' gradients on the same inputs and parameters, without dropout. A few steps in: the distillation is not 0 then."""
    widths, distill = SHAPES[shape]
    ours = Ours(program, shape, 0, threads, backend)
    ours.ask("steps 20")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "step.safetensors")
        ours.ask("dump " + path)
        theirs = read_safetensors(path)
    ours.close()
    model = Model(widths, distill, 0.0)
    with torch.no_grad():
        for p, value in zip(model.parameters(), split(theirs["params"], model.parameters())):
            p.copy_(value)
        if distill:
            values = split(theirs["teacher"], model.parameters())
            count = len(model.towers[0])
            for p, value in zip(model.teacher, values[:count] + values[2 * count : -1]):
                p.copy_(value)
    inputs = [theirs["input.a"], theirs["input.b"]]
    for name, form in FORMS.items():
        form(model, inputs)
        gap = torch.cat([(p.grad - g).flatten() for p, g in zip(model.parameters(), split(theirs["grads"], model.parameters()))])
        worst = max(float((p.grad - g).norm() / (g.norm() + 1e-12)) for p, g in zip(model.parameters(), split(theirs["grads"], model.parameters())) if p.dim() == 2)
        error = float(gap.norm() / theirs["grads"].norm())
        print(f"# {shape}: gradients of '{name}' against babel's: {error:.1e} of their norm, worst matrix {worst:.1e}")
        if not (error <= limit and worst <= 10 * limit):
            sys.exit(f"step_torch.py: {shape}: the gradients differ")


def quartiles(values):
    ordered = sorted(values)
    at = lambda q: ordered[min(len(ordered) - 1, int(q * len(ordered)))]
    return at(0.25), at(0.5), at(0.75)


def measure(program, shape, threads, rounds, block):
    """Every round runs a block of steps of each contender, in rotating order; the first two steps of a block warm the caches."""
    widths, distill = SHAPES[shape]
    ours = Ours(program, shape, 0.5, threads)
    names = ["babel"] + list(FORMS)
    models = {name: Model(widths, distill, 0.5) for name in FORMS}
    times = {name: [] for name in names}
    medians = {name: [] for name in names}
    peaks = []
    flops = 0.0
    import time

    def run(name, count):
        if name == "babel":
            return [float(t) / 1e3 for t in ours.ask(f"steps {count}")]
        out = []
        for _ in range(count):
            start = time.perf_counter()
            models[name].step(FORMS[name])
            out.append((time.perf_counter() - start) * 1e3)
        return out

    for name in names:
        run(name, 5)
    for r in range(rounds):
        for i in range(len(names)):
            name = names[(i + r) % len(names)]
            found = run(name, block + 2)[2:]
            times[name] += found
            medians[name].append(statistics.median(found))
        peak, flops = (float(v) for v in ours.ask("peak"))
        peaks.append(peak)
    ours.close()
    return names, times, medians, max(peaks), flops


def report(shape, names, times, medians, peak, flops):
    fastest = min(names[1:], key=lambda n: statistics.median(times[n]))
    print(f"# {shape}: peak {peak * 1e-9:.0f} GFLOP/s, babel's matrix products {flops * 1e-9:.2f} GFLOP a step")
    print(f"{'shape':26} {'contender':14} {'steps':>5} {'min_ms':>8} {'q1_ms':>8} {'median':>8} {'q3_ms':>8} {'ratio':>7} {'q1':>6} {'q3':>6} {'by min':>6}")
    for name in names:
        low, middle, high = quartiles(times[name])
        ratios = quartiles([t / o for t, o in zip(medians[name], medians["babel"])])
        note = " <- fastest peer" if name == fastest else ""
        if name == "babel":
            note = f" {flops / (middle * 1e-3) / peak * 100:.0f} % of peak by the median, {flops / (min(times[name]) * 1e-3) / peak * 100:.0f} % by the minimum"
        print(f"{shape:26} {name:14} {len(times[name]):5} {min(times[name]):8.2f} {low:8.2f} {middle:8.2f} {high:8.2f} "
              f"{ratios[1]:7.2f} {ratios[0]:6.2f} {ratios[2]:6.2f} {min(times[name]) / min(times['babel']):6.2f}{note}")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description="PyTorch peers of babel's training step, timed in turns with it.")
    parser.add_argument("--program", required=True, help="babel_step_serve")
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--block", type=int, default=8, help="timed steps of a contender in a round")
    parser.add_argument("--compare-only", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(0)
    print(f"# PyTorch {torch.__version__}, {options.threads} threads each; ratio: the contender's time over babel's, median and quartiles over the rounds")
    for shape in options.shapes.split(","):
        if shape not in SHAPES:
            sys.exit(f"step_torch.py: no shape is called {shape}; there are {', '.join(SHAPES)}")
        compare(options.program, shape, options.threads)
        if not options.compare_only:
            report(shape, *measure(options.program, shape, options.threads, options.rounds, options.block))


if __name__ == "__main__":
    main()
