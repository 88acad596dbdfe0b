"""Ops of the random programs that go element by element."""

import math

import torch
import torch.nn.functional as F

from random_op import as_float, op, one, pair, number


class Line(torch.autograd.Function):
    """A value with a slope that the gradient is multiplied by, so that infinity times 0 is NaN."""

    @staticmethod
    def forward(ctx, x, value, slope):
        ctx.slope = slope
        return torch.full_like(x, value)

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.slope, None, None


def gate(f):
    """A gate f, which goes to 0 at -inf and to x at inf; PyTorch's formulas, or their gradients, have inf * 0 there."""
    def compute(x):
        y = f(torch.where(x.isinf(), torch.zeros_like(x), x))
        return torch.where(x == math.inf, x, torch.where(x == -math.inf, Line.apply(x, -0.0, 0.0), y))
    return compute


class Tanh(torch.autograd.Function):
    """Its slope is 1 / cosh², where PyTorch's 1 - y² has no digits left."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, dy):
        [x] = ctx.saved_tensors
        return dy / torch.cosh(x) ** 2


class QuickGelu(torch.autograd.Function):
    """x * sigmoid(1.702 x), whose slope at 0 is one number, not a sum of products with x = 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(1.702 * x)

    @staticmethod
    def backward(ctx, dy):
        [x] = ctx.saved_tensors
        s = torch.sigmoid(1.702 * x)
        return dy * (s + 1.702 * x * s * (1 - s))


def sign(x):
    """NaN where x is, as in NumPy; PyTorch makes 0 of it."""
    return torch.where(x.isnan(), x.detach(), torch.sign(x))


def elu(x, alpha):
    """By hand, since the slope that PyTorch has at NaN depends on the length of the row."""
    return torch.where(x > 0, x, alpha * torch.expm1(torch.where(x > 0, torch.zeros_like(x), x)))


for name, compute, exact in [
    ("abs", torch.abs, True), ("ceil", torch.ceil, True), ("cos", torch.cos, False), ("erf", torch.erf, False), ("exp", torch.exp, False),
    ("expm1", torch.expm1, False), ("floor", torch.floor, True), ("gelu", gate(F.gelu), False), ("log", torch.log, False), ("log1p", torch.log1p, False),
    ("geluTanh", gate(lambda x: F.gelu(x, approximate="tanh")), False), ("neg", torch.neg, True), ("relu", torch.relu, True),
    ("quickGelu", gate(QuickGelu.apply), False), ("round", torch.round, True), ("rsqrt", torch.rsqrt, False),
    ("sigmoid", torch.sigmoid, False), ("sign", sign, True), ("silu", gate(F.silu), False), ("sin", torch.sin, False),
    ("softplus", F.softplus, False), ("sqrt", torch.sqrt, True), ("tanh", Tanh.apply, False), ("dense", torch.clone, True),
]:
    op(name, one(), exact)(lambda x, compute=compute: compute(x))

op("elu", one(lambda d, x: {"alpha": d.choose([1.0, 0.5, 2.0])}))(lambda x, alpha: elu(x, alpha))
op("leakyRelu", one(lambda d, x: {"slope": d.choose([0.01, 0.2, -0.5])}), True)(lambda x, slope: F.leaky_relu(x, slope))
op("clamp", one(lambda d, x: d.choose([{"low": -1.0, "high": 1.0}, {"low": 0.0, "high": 6.0}, {"low": 0.5, "high": 0.5}])), True)(
    lambda x, low, high: torch.clamp(x, low, high))
op("pow", one(lambda d, x: {"number": d.choose([0, 1, 2, 3, 4, -1, -2, 1.5, -1.5])}))(lambda x, number: torch.pow(x, number))
op("affine", one(lambda d, x: {"scale": d.choose([2.0, -0.5, 1.5]), "shift": d.choose([0.0, 1.0, -3.0])}))(
    lambda x, scale, shift: x * scale + shift)
for name, compute in [("add", torch.add), ("sub", torch.sub), ("mul", torch.mul), ("div", torch.div), ("maximum", torch.maximum),
                      ("minimum", torch.minimum)]:
    op(name, pair(), name != "div")(compute)
    as_tensor = lambda x, number: torch.tensor(number, dtype=x.dtype)
    op(f"{name}Number", one(number), name != "div")(lambda x, number, f=compute: f(x, as_tensor(x, number)))
    op(f"number{name.capitalize()}", one(number), name != "div")(lambda x, number, f=compute: f(as_tensor(x, number), x))


def gated(d):
    x = d.pick(torch.float32)
    return None if x is None else ([x, d.like(x)], {})


op("swiglu", gated)(lambda x, up: gate(F.silu)(x) * up)
op("mseLoss", gated)(F.mse_loss)
op("l1Loss", gated)(F.l1_loss)

# Truth values.

for name, compute in [("eq", torch.eq), ("ne", torch.ne), ("lt", torch.lt), ("le", torch.le), ("gt", torch.gt), ("ge", torch.ge)]:
    op(name, pair(), True)(compute)
for name, compute in [("logicalAnd", torch.logical_and), ("logicalOr", torch.logical_or), ("logicalXor", torch.logical_xor)]:
    op(name, pair(torch.bool), True)(compute)
for name, compute in [("isNaN", torch.isnan), ("isInf", torch.isinf), ("isFinite", torch.isfinite)]:
    op(name, one(), True)(compute)


def truth(d):
    x = d.pick(torch.bool)
    return None if x is None else ([x], {})


op("logicalNot", truth, True)(torch.logical_not)
op("castFloat", truth, True)(as_float)


def choice(d):
    x = d.pick(torch.bool)
    if x is None:
        return None
    a = d.broadcast_with(x)
    return [x, a, d.beside(a)], {}


op("where", choice, True)(torch.where)
