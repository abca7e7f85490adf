"""The training step on a GPU: babel's against PyTorch eager and PyTorch captured in a CUDA graph, blocks of steps in turns on the same device.

The forms are those of step_torch.py; both sides draw the batch, the dropout and the learning rate of every step anew. A block is awaited once, at
its end, as in training. Gradients of babel's step are first compared with those of PyTorch on the CPU. scripts/gpu_check.sh runs this."""
import argparse
import math
import statistics
import sys
import time

import torch

import step_torch
from step_torch import BATCH, FORMS, PAIRS, SHAPES, VARIANTS, Model, Ours, quartiles

LIMITS = {"fp32": 1e-5, "tf32": 5e-2, "bf16": 2e-1}


class DeviceModel(Model):
    def __init__(self, shape, dropout):
        super().__init__(shape, dropout, "cuda")

    def make_optimiser(self):
        self.rate = torch.tensor(3e-4, device=self.device)
        matrices = [p for p in self.parameters() if p.dim() == 2]
        others = [p for p in self.parameters() if p.dim() != 2]
        self.optimiser = torch.optim.AdamW([{"params": matrices, "weight_decay": 1e-4}, {"params": others, "weight_decay": 0.0}], lr=self.rate,
                                           betas=(0.9, 0.98), eps=1e-8, fused=True, capturable=True)

    def order(self):
        return torch.rand(PAIRS, device=self.device).argsort()[:BATCH] * VARIANTS + torch.randint(VARIANTS, (BATCH,), device=self.device)

    def update(self, form):
        form(self, self.inputs())
        self.optimiser.step()
        self.finish()

    def set_rate(self):
        self.rate.fill_(3e-5 + (3e-4 - 3e-5) * 0.5 * (1 + math.cos(math.pi * self.step_number / 600)))
        self.step_number += 1


class Eager:
    def __init__(self, shape, form):
        self.model, self.form = DeviceModel(shape, 0.5), form

    def block(self, count):
        for _ in range(count):
            self.model.set_rate()
            self.model.update(self.form)


class Captured(Eager):
    def __init__(self, shape, form):
        super().__init__(shape, form)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.model.update(form)
        torch.cuda.current_stream().wait_stream(side)
        self.model.clear()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.model.update(form)

    def block(self, count):
        for _ in range(count):
            self.model.set_rate()
            self.graph.replay()


def timed(contender, count):
    torch.cuda.synchronize()
    start = time.perf_counter()
    contender.block(count)
    torch.cuda.synchronize()
    return (time.perf_counter() - start) * 1e6 / count


def measure(program, shape, backend, rounds, block):
    ours = Ours(program, shape, 0.5, 1, backend)
    peers = {f"eager, {name}": Eager(SHAPES[shape], form) for name, form in FORMS.items()}
    peers.update({f"graph, {name}": Captured(SHAPES[shape], form) for name, form in FORMS.items()})
    names = ["babel"] + list(peers)
    run = lambda name: float(ours.ask(f"block {block}")[0]) if name == "babel" else timed(peers[name], block)
    times = {name: [] for name in names}
    for name in names:
        run(name)
    for r in range(rounds):
        for i in range(len(names)):
            name = names[(i + r) % len(names)]
            times[name].append(run(name))
    alone = [float(t) for t in ours.ask(f"steps {block}")]
    ours.close()
    report(shape, backend, names, times, statistics.median(alone))


def report(shape, backend, names, times, alone):
    print(f"# {shape}, {backend}: one step awaited on the host by itself takes babel {alone:.1f} us")
    print(f"{'shape':26} {'contender':24} {'blocks':>6} {'min_us':>8} {'q1_us':>8} {'median':>8} {'q3_us':>8} {'ratio':>7} {'q1':>6} {'q3':>6}")
    for name in names:
        low, middle, high = quartiles(times[name])
        ratios = quartiles([t / o for t, o in zip(times[name], times["babel"])])
        print(f"{shape:26} {name:24} {len(times[name]):6} {min(times[name]):8.1f} {low:8.1f} {middle:8.1f} {high:8.1f} "
              f"{ratios[1]:7.2f} {ratios[0]:6.2f} {ratios[2]:6.2f}")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description="babel's training step and PyTorch's on a GPU, timed in turns.")
    parser.add_argument("--program", required=True, help="babel_step_serve, built with the CUDA backend")
    parser.add_argument("--precision", default="tf32", choices=sorted(LIMITS))
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--block", type=int, default=50, help="steps of a contender in a round")
    options = parser.parse_args()
    backend = f"cuda:{options.precision}"
    torch.backends.cuda.matmul.allow_tf32 = options.precision != "fp32"
    torch.manual_seed(0)
    print(f"# {torch.cuda.get_device_name()}, PyTorch {torch.__version__}, {options.precision}; ratio: the contender's time over babel's")
    for shape in options.shapes.split(","):
        step_torch.compare(options.program, shape, 1, LIMITS[options.precision], backend)
        measure(options.program, shape, backend, options.rounds, options.block)


if __name__ == "__main__":
    main()
