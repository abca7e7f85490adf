#!/usr/bin/env python3
"""Writes the split and draw files of UTD-MHAD's depth trials, MARS and mmEgo. Usage: make_splits.py [FOLDER], default configs/splits.

Needs no data: the lengths of all recordings stand below. Windows hold 30 frames and begin every 5 (data/window_set.h). A draw's support is, per
class, the window with the smallest hash of "draw/<draw>/<key>" in the support pool, as in the files of UTD-MHAD.
"""
import csv, hashlib, os, sys

FRAMES, STEP = 30, 5
MARS = {  # frames of movements 1, 2, ..
    (1, "validate"): (200, 238, 244, 261, 194, 265, 240, 214, 253, 265), (1, "test"): (198, 236, 243, 259, 194, 264, 240, 212, 252, 264),
    (3, "validate"): (177, 177, 177, 179, 178, 179, 179, 179, 179, 179), (3, "test"): (176, 175, 175, 179, 176, 178, 177, 177, 179, 177),
    (4, "validate"): (167, 160, 173, 174, 179, 179, 178, 178, 150), (4, "test"): (165, 158, 171, 174, 177, 178, 178, 176, 149)}
MMEGO = {  # frames of actions 1 to 13
    5: (94, 92, 93, 78, 67, 79, 94, 91, 94, 81, 94, 94, 92), 6: (95, 94, 92, 74, 79, 75, 92, 92, 93, 71, 94, 94, 91),
    8: (94, 93, 93, 76, 84, 88, 93, 83, 88, 62, 94, 94, 91), 10: (94, 91, 92, 75, 52, 80, 94, 91, 90, 66, 93, 94, 83)}


def fnv(text):
    h = 2166136261
    for c in text.encode():
        h = ((h ^ c) * 16777619) & 0xffffffff
    h ^= h >> 16  # final mix of murmur3: FNV's low bits alone are weak on short keys
    h = h * 0x85ebca6b & 0xffffffff
    h ^= h >> 13
    h = h * 0xc2b2ae35 & 0xffffffff
    return h ^ (h >> 16)


def windows(runs):
    """Of {class: (name, frames)}: [(class, key, first)]."""
    return [(c, f"{name}_f{first}", first) for c, (name, frames) in runs.items() for first in range(0, frames - FRAMES + 1, STEP)]


def mars(subject, part):
    return windows({m: (f"s{subject}_{part}_m{m}", n) for m, n in enumerate(MARS[subject, part], 1)})


def mmego(snippet):
    return windows({a: (f"a{a:02}_r{snippet:02}", n) for a, n in enumerate(MMEGO[snippet], 1)})


def write(name, head, rows):
    path = os.path.join(folder, name)
    with open(path, "w", newline="\n") as f:
        f.write(head + "\n")
        f.writelines(",".join(map(str, row)) + "\n" for row in rows)
    print(hashlib.sha256(open(path, "rb").read()).hexdigest(), name, len(rows))


def splits(name, train, test, apart):
    """NAME.csv, and NAME_apart.csv whose test part begins at multiples of `apart` frames: what retrieval looks among."""
    rows = [(key, "train") for _, key, _ in train]
    write(f"{name}.csv", "key,part", rows + [(key, "test") for _, key, _ in test])
    write(f"{name}_apart.csv", "key,part", rows + [(key, "holdout" if first % apart else "test") for _, key, first in test])


def draws(name, even, odd, count=20):
    """Draw d: one support window a class from `even` for even d and from `odd` for odd d; queries are the other pool."""
    rows = []
    for d in range(count):
        support, query = (odd, even) if d % 2 else (even, odd)
        for label in sorted({c for c, _, _ in support}):
            rows.append((d, "support", min((k for c, k, _ in support if c == label), key=lambda k: (fnv(f"draw/{d}/{k}"), k))))
        rows += [(d, "query", key) for _, key, _ in query]
    write(f"{name}_draws.csv", "draw,role,key", rows)


def first_trials(split, ending, a, b):
    """The depth files at hand are of trial 1: those rows of a stored split; one-shot from one test subject to the other, both ways."""
    with open(os.path.join(root, split)) as f:
        rows = [(row["key"], row["part"]) for row in csv.DictReader(f) if row["key"].endswith("_t1")]
    write(f"utd_mhad_lidar{ending}.csv", "key,part", rows)
    of = lambda subject: [key for key, part in rows if part == "test" and f"_s{subject}_" in key]
    pairs = [(0, of(a), of(b)), (1, of(b), of(a))]
    write(f"utd_mhad_draws_lidar{ending}.csv", "draw,role,key", [(d, role, key) for d, support, query in pairs
                                                                 for role, keys in (("support", support), ("query", query)) for key in keys])


root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "configs", "splits")
folder = sys.argv[1] if len(sys.argv) > 1 else root
splits("mars", sum((mars(s, p) for s in (1, 3) for p in ("validate", "test")), []), mars(4, "validate") + mars(4, "test"), 30)
draws("mars", mars(4, "validate"), mars(4, "test"))
splits("mmego", mmego(5) + mmego(6), mmego(8) + mmego(10), 15)
draws("mmego", mmego(8), mmego(10))
first_trials("utd_mhad_613_248.csv", "", 7, 8)
for a, b in ((1, 2), (3, 4), (5, 6)):
    first_trials(f"utd_mhad_fold_{a}{b}.csv", f"_fold_{a}{b}", a, b)
