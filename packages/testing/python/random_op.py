"""The ops of the random programs: what PyTorch makes of them, and how one is drawn. An op's name and options are the engine's."""

from dataclasses import dataclass
from typing import Callable

import torch

OPS: dict[str, "Op"] = {}


@dataclass
class Op:
    compute: Callable
    draw: Callable
    #: Its result is rounded once and no more, so that other libraries give the same bits.
    exact: bool = False


def op(name: str, draw: Callable, exact: bool = False):
    return lambda compute: OPS.setdefault(name, Op(compute, draw, exact))


# How one is drawn: d is the draw under way (random_programs.py). Returns the numbers of the operands and the options, or None.

def one(options: Callable = lambda d, x: {}, fits: Callable = lambda x: True):
    def draw(d):
        x = d.pick(torch.float32, fits)
        return None if x is None else ([x], options(d, d.values[x]))
    return draw


def pair(kind=torch.float32):
    def draw(d):
        a = d.pick(kind)
        return None if a is None else ([a, d.beside(a)] if d.chance(0.5) else [d.beside(a), a], {})
    return draw


def number(d, x):
    return {"number": d.choose([0.5, -1.0, 2.0, 3.0, -0.25, 0.0])}


def last_axis(d, x):
    return {"axis": d.choose([*range(x.ndim), -1])}


def some_axes(d, x):
    """One axis, neighbouring ones or all."""
    if d.chance(0.25):
        return {"keepDims": d.chance(0.5)}
    first = d.random.randrange(x.ndim)
    axes = list(range(first, d.random.randint(first, x.ndim - 1) + 1))
    return {"axis": axes if len(axes) > 1 or d.chance(0.3) else axes[0] - (x.ndim if d.chance(0.3) else 0), "keepDims": d.chance(0.5)}


has_axis = lambda x: x.ndim > 0
has_elements = lambda x: x.ndim > 0 and x.numel() > 0


def as_float(x):
    """In the wide type that the program is run in."""
    return x.to(torch.get_default_dtype())
