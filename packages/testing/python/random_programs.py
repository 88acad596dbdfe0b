"""Writes random small programs with PyTorch's results and gradients: packages/testing/golden/random-programs.safetensors.
Not part of installing, building or testing.

Made with Python 3.11, on the CPU with one thread, and
    torch==2.15.0 numpy==2.4.6 safetensors==0.8.0
by
    python packages/testing/python/random_programs.py [how many, 400 without it] [seed]

A program is three to eight ops of random_{axes,elementwise,products}.py over inputs of odd shapes, in every second one with infinities, NaN, ties and ends of the
range among them. Right is what PyTorch computes with each op in float64, its result and its gradients rounded to float32. A program
is drawn again where it is ill-conditioned, so that no library could be held to it: where runs whose inexact ops are each off by a few
ulp differ by more than a quarter of the tolerance, or runs in float32 alone, or without subnormal numbers and -0, by more than all of it.
"""

import json
import math
import random
import sys

import numpy as np
import torch
from safetensors.numpy import save_file

from golden_file import FOLDER
import random_axes, random_elementwise, random_products  # noqa: F401, they fill OPS
from random_op import OPS

torch.set_num_threads(1)
DEFAULTS = [400, 20]  # programs, seed
SIZES = [1, 1, 2, 3, 3, 4, 5, 7, 8, 9, 13, 16, 17, 33]
MOST_ELEMENTS = 600
SPECIAL = [0.0, -0.0, 0.0, 1.0, 1.0, -1.0, 0.5, 2.5, math.inf, -math.inf, math.nan, 1e38, -3.4028234663852886e38, 1e-30, 88.8, -104.0, 3e9]
#: Of itself and of the greatest of the tensor.
TOLERANCE = {"own": 2e-5, "greatest": 2e-6}
ULP = 2.0 ** -23
LEAST_NORMAL = 2.0 ** -126


class Draw:
    """A program as it grows. Values are inputs and results of ops, numbered together in the order of their making."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.torch = torch.Generator().manual_seed(seed)
        self.is_special = self.chance(0.5)
        self.values: list[torch.Tensor] = []
        self.steps: list[dict] = []
        self.used: set[int] = set()
        for _ in range(self.random.randint(1, 2)):
            self.new(self.sizes(self.random.choice([0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5])))

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def choose(self, items):
        return self.random.choice(items)

    def size(self) -> int:
        return 0 if self.chance(0.01) else self.choose(SIZES)

    def sizes(self, rank: int) -> list[int]:
        while True:
            sizes = [self.size() for _ in range(rank)]
            if math.prod(sizes) <= MOST_ELEMENTS:
                return sizes

    def add(self, value: torch.Tensor, step: dict) -> int:
        self.values.append(value)
        self.steps.append(step)
        return len(self.values) - 1

    def new(self, shape: list[int], kind=torch.float32) -> int:
        """A new input."""
        if kind == torch.bool:
            x = torch.rand(shape, generator=self.torch) < 0.5
        else:
            x = torch.randn(shape, generator=self.torch)
            if self.chance(0.2):
                x = x.round()  # ties, and values where floor, relu and the like turn
            if self.is_special:
                flat = x.view(-1)
                for i in range(len(flat)):
                    if self.chance(0.06):
                        flat[i] = self.choose(SPECIAL)
        return self.add(x, {"input": True})

    def indices(self, shape: list[int], below: int) -> int:
        x = torch.randint(0, below, shape, generator=self.torch)
        return self.add(x, {"input": True})

    def pick(self, kind, fits=lambda x: True):
        """A value, a late or unused one rather than others; None where none fits."""
        fitting = [i for i, x in enumerate(self.values) if x.dtype == kind and x.numel() <= MOST_ELEMENTS and fits(x)]
        unused = [i for i in fitting if i not in self.used]
        if unused and self.chance(0.8):
            return self.choose(unused[-2:])
        return self.choose(fitting[-4:]) if fitting else None

    def like(self, i: int) -> int:
        return self.new(list(self.values[i].shape), self.values[i].dtype)

    def beside(self, i: int) -> int:
        """A value that broadcasts with value i."""
        x = self.values[i]
        fitting = [j for j, y in enumerate(self.values) if y.dtype == x.dtype and broadcasts(x.shape, y.shape)]
        if fitting and self.chance(0.5):
            return self.choose(fitting)
        return self.new(self.shape_beside(x), x.dtype)

    def broadcast_with(self, i: int) -> int:
        """A new float that broadcasts with value i."""
        return self.new(self.shape_beside(self.values[i]))

    def shape_beside(self, x: torch.Tensor) -> list[int]:
        shape = [n if self.chance(0.6) else 1 for n in x.shape][self.random.randint(0, x.ndim):]
        if len(shape) == x.ndim and x.ndim < 5 and self.chance(0.2):
            shape = [self.choose([1, 2, 3]), *shape]
        return shape

    def has_loose_truth(self) -> bool:
        """Whether a truth value is there that nothing has used; few ops do."""
        return any(x.dtype == torch.bool and i not in self.used for i, x in enumerate(self.values))

    def grow(self) -> None:
        """One more op."""
        while True:
            name = self.choose(OF_TRUTH if self.has_loose_truth() and self.chance(0.7) else NAMES)
            kept = len(self.values)
            found = OPS[name].draw(self)
            if found:
                ins, options = found
                try:
                    y = OPS[name].compute(*(self.values[i] for i in ins), **options)
                except (RuntimeError, ValueError, IndexError):
                    y = None  # sizes that do not go together
                if y is not None and y.numel() <= MOST_ELEMENTS and y.ndim <= 6:
                    self.used.update(ins)
                    self.add(y.detach(), {"op": name, "inputs": ins, "options": options})
                    return
            del self.values[kept:], self.steps[kept:]


def broadcasts(a, b) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(reversed(a), reversed(b)))


#: Each once, so that a rare op is drawn as often as `add`.
NAMES = sorted(OPS)
OF_TRUTH = ["where", "castFloat", "logicalAnd", "logicalNot", "logicalOr", "logicalXor"]


def draw(seed: int) -> tuple[list[dict], list[torch.Tensor], list[int]] | None:
    """The steps that the last one needs, the values of its inputs and its shape; None where fewer than three ops are left."""
    d = Draw(seed)
    for _ in range(d.random.randint(4, 9)):
        d.grow()
    last = max(i for i, step in enumerate(d.steps) if "op" in step)
    if d.values[last].dtype != torch.float32:
        return None
    needed, stack = set(), [last]
    while stack:
        i = stack.pop()
        if i not in needed:
            needed.add(i)
            stack += d.steps[i].get("inputs", [])
    order = sorted(needed, key=lambda i: ("op" in d.steps[i], i))
    place = {i: k for k, i in enumerate(order)}
    steps = [d.steps[i] if "op" not in d.steps[i] else {**d.steps[i], "inputs": [place[j] for j in d.steps[i]["inputs"]]} for i in order]
    count = sum("op" in step for step in steps)
    given = [d.values[i] for i in order if "op" not in d.steps[i]]
    return (steps, given, list(d.values[last].shape)) if 3 <= count <= 8 else None


def by_ulps(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return (1 + 2 * ULP * torch.randn(x.shape, generator=generator, dtype=torch.float32)).to(x.dtype)


class Off(torch.autograd.Function):
    """The value itself, its gradient off by a few ulp."""

    @staticmethod
    def forward(ctx, x, generator):
        ctx.generator = generator
        return x.clone()

    @staticmethod
    def backward(ctx, dy):
        return dy * by_ulps(dy, ctx.generator), None


def run(steps, given, weights, off: torch.Generator | None = None, wide=torch.float64, flushes=False):
    """The result and the gradients of its sum by `weights`, one for each float input: each op in a wide type, its result and gradients
    rounded to float32. With `off` each inexact op is off by a few ulp, with `flushes` subnormal results and -0 are 0."""
    torch.set_default_dtype(wide)
    values = [x.detach().clone().requires_grad_() if x.is_floating_point() else x for x in given]
    floats = [x for x in values if x.is_floating_point()]
    for step in steps[len(given):]:
        known = OPS[step["op"]]
        ins = [values[i].to(wide) if values[i].is_floating_point() else values[i] for i in step["inputs"]]
        if off is not None and not known.exact:
            ins = [Off.apply(x, off) if x.is_floating_point() else x for x in ins]
        y = known.compute(*ins, **step["options"])
        if y.is_floating_point():
            y = y.float()
            if off is not None and not known.exact:
                y = y * by_ulps(y, off)
            if flushes:
                y = torch.where(y.detach().abs() < LEAST_NORMAL, y - y.detach(), y)
        values.append(y)
    y = values[-1]
    grads = torch.autograd.grad(y, floats, weights, allow_unused=True) if y.requires_grad else [None] * len(floats)
    torch.set_default_dtype(torch.float32)
    return [y.detach(), *grads]


def differ(a: torch.Tensor | None, right: torch.Tensor | None, share: float) -> bool:
    """Whether a is off by more than a share of the tolerance."""
    if a is None or right is None:
        return a is not right
    a, right = a.double(), right.double()
    finite = right.isfinite()
    if not torch.equal(a.isfinite(), finite) or not torch.equal(a[~finite].nan_to_num(1, 2, 3), right[~finite].nan_to_num(1, 2, 3)):
        return True
    greatest = right[finite].abs().max() if finite.any() else torch.tensor(0.0)
    most = TOLERANCE["own"] * right[finite].abs() + TOLERANCE["greatest"] * greatest
    return bool(((a[finite] - right[finite]).abs() > share * most).any())


def settled(steps, given, shape):
    """The weights and the right tensors, or None where the program is ill-conditioned."""
    weights = torch.randn(shape, generator=torch.Generator().manual_seed(math.prod(shape)))
    right = run(steps, given, weights)
    others = [(run(steps, given, weights, torch.Generator().manual_seed(seed)), 0.25) for seed in range(6)]
    others += [(run(steps, given, weights, wide=torch.float32), 1), (run(steps, given, weights, flushes=True), 1)]
    if any(differ(a, b, share) for each, share in others for a, b in zip(each, right)):
        return None
    return weights, right


def main() -> None:
    count, first = (int(given) for given in [*sys.argv[1:], *DEFAULTS[len(sys.argv) - 1:]])
    programs, tensors, seed, dropped = [], {}, first * 1_000_000, 0
    while len(programs) < count:
        seed += 1
        drawn = draw(seed)
        try:
            found = drawn and settled(*drawn)
        except ValueError:  # what an op leaves out
            found = None
        if not found:
            dropped += drawn is not None
            continue
        (steps, given, shape), (weights, right) = drawn, found
        name = str(len(programs))
        programs.append({"name": name, "seed": seed, "inputs": [str(x.dtype).removeprefix("torch.") for x in given],
                         "steps": steps[len(given):], "shape": shape})
        for i, x in enumerate(given):
            tensors[f"{name}.in.{i}"] = x.numpy().astype(np.float32 if x.is_floating_point() else np.int32)
        tensors[f"{name}.weights"] = weights.numpy()
        tensors[f"{name}.out"] = right[0].numpy()
        floats = [i for i, x in enumerate(given) if x.is_floating_point()]
        for i, grad in zip(floats, right[1:]):
            if grad is not None:
                tensors[f"{name}.grad.{i}"] = grad.numpy()
    config = {"torch": torch.__version__.split("+")[0], "tolerance": TOLERANCE, "programs": programs}
    path = FOLDER / "random-programs.safetensors"
    save_file({name: np.ascontiguousarray(x).reshape(x.shape) for name, x in tensors.items()}, path,
              metadata={"config": json.dumps(config, separators=(",", ":"), allow_nan=False)})
    ops = [step["op"] for program in programs for step in program["steps"]]
    print(f"{len(programs)} programs of {len(ops)} ops, {dropped} dropped as ill-conditioned, {path.stat().st_size / 1024:.0f} KiB")
    print(f"never drawn: {sorted(set(OPS) - set(ops))}")


main()
