"""The training step of bench/growth in PyTorch eager, in three forms that give the same gradients, timed in turns with babel's own.

  three full      L_ab backward, L_ba backward, then the weighted total backward: as the weights of Eq. (6) are written down
  module + full   gradients of each anchor's module alone for the norms, then one full backward of the weighted total
  two + combine   full gradients of L_ab and L_ba (and of the distillation) once each, combined with the weights

All do what babel's step does: row gather, standardisation, input dropout, both towers, both losses, the two norms, AdamW with decay on
matrices, the clamp of the scale; with distillation the teacher's forward pass and its moving average; with rehearsal (rehearsal_kd) rows of the earlier
phases' towers through the network and through its teacher, which is still. scripts/bench_peers.sh runs this.
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
WIDTHS = (144, 316, 900, 1024, 512, 60)  # IMU, skeleton, Wi-Fi, mmWave, video, LiDAR
PHASES = ((0, 1), (1, 2), (2, 3), (1, 4), (4, 5))  # the paper's order
REHEARSED_ROWS = 128


class Shape:
    """Widths of the pair, whether a is distilled on its own rows, and [tower, rows] of what is rehearsed: towers 0 and 1 are the pair's."""

    def __init__(self, widths, distill=False, earlier=0):
        self.widths, self.distill, self.rehearsed, self.earlier = list(widths), distill, [], earlier
        tower_of = {PHASES[earlier][s]: s for s in range(2)} if earlier else {}
        for p in range(earlier):
            for modality in PHASES[p]:
                if modality not in tower_of:
                    tower_of[modality] = len(self.widths)
                    self.widths.append(WIDTHS[modality])
        sides = {}
        for p in range(earlier):
            for modality in PHASES[p]:
                sides[modality] = sides.get(modality, 0) + (p + 1) * REHEARSED_ROWS // earlier - p * REHEARSED_ROWS // earlier
        self.rehearsed = [(tower_of[modality], rows) for modality, rows in sides.items()]


SHAPES = {
    "imu-skeleton": Shape((144, 316)),
    "imu-skeleton-distilled": Shape((144, 316), distill=True),
    "skeleton-wifi": Shape((316, 900)),
    "skeleton-wifi-rehearsed": Shape((316, 900), earlier=1),
    "wifi-mmwave": Shape((900, 1024)),
    "wifi-mmwave-rehearsed": Shape((900, 1024), earlier=2),
    "skeleton-video": Shape((316, 512)),
    "skeleton-video-distilled": Shape((316, 512), distill=True),
    "skeleton-video-rehearsed": Shape((316, 512), earlier=3),
    "video-lidar": Shape((512, 60)),
    "video-lidar-rehearsed": Shape((512, 60), earlier=4),
}


def layer_sizes(width):
    return [(width, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, EMBED)]


PROTOTYPE = [(EMBED, HIDDEN), (HIDDEN, EMBED)]


class Model:
    """Parameters as babel lays them out: C_a, C_b, modules of rehearsed towers, U, log scale; each layer weight (out, in), bias."""

    def __init__(self, shape, dropout, device="cpu"):
        self.shape, self.dropout, self.device = shape, dropout, device
        generator = torch.Generator().manual_seed(0)
        self.towers = [self.layers(layer_sizes(w), generator) for w in shape.widths]
        self.prototype = self.layers(PROTOTYPE, generator)
        self.log_scale = torch.tensor([math.log(1 / 0.07)], device=device, requires_grad=True)
        self.rows = [torch.randn(PAIRS * VARIANTS, w, generator=generator).to(device) for w in shape.widths]
        self.mean = [torch.zeros(w, device=device) for w in shape.widths]
        self.inverse = [torch.ones(w, device=device) for w in shape.widths]
        self.target = torch.arange(BATCH, device=device)
        self.held = [(0, BATCH)] if shape.distill else shape.rehearsed  # [tower, rows] of the distillation
        copy = lambda parameters: [p.detach().clone() for p in parameters]
        self.teacher = {t: copy(self.towers[t]) for t, _ in self.held}
        self.teacher_prototype = copy(self.prototype) if self.held else []
        self.pair = self.towers[0] + self.towers[1] + self.prototype + [self.log_scale]
        self.distilled = [p for t, _ in self.held for p in self.towers[t]] + (self.prototype if self.held else [])
        self.step_number = 0
        self.make_optimiser()

    def layers(self, sizes, generator):
        out = []
        for fan_in, fan_out in sizes:
            bound = 1 / math.sqrt(fan_in)
            for shape in ((fan_out, fan_in), (fan_out,)):
                out.append(((torch.rand(shape, generator=generator) * 2 - 1) * bound).to(self.device).requires_grad_())
        return out

    def parameters(self):
        return [p for tower in self.towers for p in tower] + self.prototype + [self.log_scale]

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

    def taken(self, tower, order):
        x = (self.rows[tower].index_select(0, order) - self.mean[tower]) * self.inverse[tower]
        return F.dropout(x, self.dropout) if self.dropout else x

    def order(self):
        return torch.randperm(PAIRS)[:BATCH] * VARIANTS + torch.randint(VARIANTS, (BATCH,))

    def inputs(self):
        order = self.order()
        rehearsed = [self.taken(t, torch.randint(PAIRS * VARIANTS, (rows,), device=self.device)) for t, rows in self.shape.rehearsed]
        return [self.taken(s, order) for s in range(2)] + rehearsed

    def losses(self, x):
        e = [self.mlp(self.mlp(x[s], self.towers[s]), self.prototype) for s in range(2)]
        n = [F.normalize(v) for v in e]
        logits = self.log_scale.exp() * (n[0] @ n[1].t())
        ab, ba = F.cross_entropy(logits, self.target), F.cross_entropy(logits.t(), self.target)
        if not self.held:
            return ab, ba, None
        inputs = x[:1] if self.shape.distill else x[2:]
        with torch.no_grad():
            t = self.mlp(torch.cat([self.mlp(f, self.teacher[tower]) for f, (tower, _) in zip(inputs, self.held)]), self.teacher_prototype)
        if not self.shape.distill:
            e[0] = self.mlp(torch.cat([self.mlp(f, self.towers[tower]) for f, (tower, _) in zip(inputs, self.held)]), self.prototype)
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
        count = len(self.towers[0])
        first = torch.autograd.grad(ab, self.pair, retain_graph=True)
        second = torch.autograd.grad(ba, self.pair, retain_graph=kd is not None)
        g_a, g_b = self.norm(first[:count]), self.norm(second[count : 2 * count])
        w = g_b / (g_a + g_b)
        gradients = torch._foreach_mul(list(first), w)
        torch._foreach_add_(gradients, torch._foreach_mul(list(second), 1 - w))
        self.clear()
        for p, g in zip(self.pair, gradients):
            p.grad = g
        if kd is None:
            return
        third = torch.autograd.grad(LAMBDA * kd, self.distilled)
        both = [(p.grad, g) for p, g in zip(self.distilled, third) if p.grad is not None]
        torch._foreach_add_([a for a, _ in both], [b for _, b in both])
        for p, g in zip(self.distilled, third):
            if p.grad is None:
                p.grad = g

    # ---- one whole step ------------------------------------------------------------------------------------------------------------
    def step(self, form):
        rate = 3e-5 + (3e-4 - 3e-5) * 0.5 * (1 + math.cos(math.pi * self.step_number / 600))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        form(self, self.inputs())
        self.optimiser.step()
        self.finish()
        self.step_number += 1

    def finish(self):
        with torch.no_grad():
            self.log_scale.clamp_(0, math.log(100))
            if self.shape.distill:
                torch._foreach_lerp_(self.teacher[0] + self.teacher_prototype, [p.detach() for p in self.towers[0] + self.prototype], 0.004)


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
    ours = Ours(program, shape, 0, threads, backend)
    ours.ask("steps 20")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "step.safetensors")
        ours.ask("dump " + path)
        theirs = read_safetensors(path)
    ours.close()
    model = Model(SHAPES[shape], 0.0)
    with torch.no_grad():
        for p, value in zip(model.parameters(), split(theirs["params"], model.parameters())):
            p.copy_(value)
        if model.held:
            values = split(theirs["teacher"], model.parameters())
            count = len(model.towers[0])
            for tower, parameters in model.teacher.items():
                for p, value in zip(parameters, values[count * tower :]):
                    p.copy_(value)
            for p, value in zip(model.teacher_prototype, values[count * len(model.towers) :]):
                p.copy_(value)
    inputs = [theirs["input." + chr(ord("a") + s)] for s in range(2 + len(SHAPES[shape].rehearsed))]
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
    ours = Ours(program, shape, 0.5, threads)
    names = ["babel"] + list(FORMS)
    models = {name: Model(SHAPES[shape], 0.5) for name in FORMS}
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
