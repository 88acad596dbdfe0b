"""Ops of the random programs along axes: reductions, other layouts, picking by index."""

import math

import torch
import torch.nn.functional as F

from random_op import as_float, op, one, last_axis, some_axes, has_axis, has_elements

# Over axes.


def over(x, axis, keepDims, f):
    axes = list(range(x.ndim)) if axis is None else [k % x.ndim for k in ([axis] if isinstance(axis, int) else axis)]
    return f(x, axes, keepDims) if axes else x.clone()


def extreme(f):
    """The gradient to the first of equals, whatever the number of axes."""
    def compute(x, axes, keepDims):
        flat = x.flatten(axes[0], axes[-1])
        y = f(flat, dim=axes[0]).values
        return y.reshape([1 if i in axes else n for i, n in enumerate(x.shape)] if keepDims else [n for i, n in enumerate(x.shape) if i not in axes])
    return compute


def reduction(name, f, fits=has_axis, exact=False):
    op(name, one(some_axes, fits), exact)(lambda x, axis=None, keepDims=False: over(x, axis, keepDims, f))


def variance(x, axes, keepdim):
    """In float32 PyTorch's own does not overflow on the CPU, and does on a GPU."""
    off = x - x.mean(axes, keepdim=True)
    return (off * off).mean(axes, keepdim=keepdim)


def root(x):
    """Slope 0 at 0, as PyTorch's norm and std have it."""
    return torch.where(x == 0, torch.zeros_like(x), torch.sqrt(torch.where(x == 0, torch.ones_like(x), x)))


def finite_sum(y):
    """PyTorch's gradient is NaN at the infinity of an infinite sum, the engine's 0."""
    if y.isinf().any():
        raise ValueError("a sum of exponentials is infinite")
    return y


def scores(x, axis):
    """PyTorch has NaN for a row of -inf alone, which the engine takes as equal scores."""
    if (x == -math.inf).all(axis).any():
        raise ValueError("a row of -inf alone")
    return x


reduction("sum", lambda x, axes, keep: x.sum(axes, keepdim=keep))
reduction("mean", lambda x, axes, keep: x.mean(axes, keepdim=keep), has_elements)
reduction("max", extreme(torch.max), has_elements, True)
reduction("min", extreme(torch.min), has_elements, True)
reduction("logSumExp", lambda x, axes, keep: finite_sum(x.logsumexp(axes, keepdim=keep)), has_elements)
reduction("norm", lambda x, axes, keep: root((x * x).sum(axes, keepdim=keep)), has_elements)
reduction("any", lambda x, axes, keep: (x != 0).any(axes, keepdim=keep), has_elements, True)
reduction("all", lambda x, axes, keep: (x != 0).all(axes, keepdim=keep), has_elements, True)
reduction("variance", lambda x, axes, keep: variance(x, axes, keep), has_elements)
reduction("std", lambda x, axes, keep: root(variance(x, axes, keep)), has_elements)
op("argmax", one(last_axis, has_elements), True)(lambda x, axis: as_float(x.argmax(axis)))
op("argmin", one(last_axis, has_elements), True)(lambda x, axis: as_float(x.argmin(axis)))
op("cumsum", one(last_axis, has_axis))(lambda x, axis: x.cumsum(axis))
op("softmax", one(last_axis, has_elements))(lambda x, axis: scores(x, axis).softmax(axis))
op("logSoftmax", one(last_axis, has_elements))(lambda x, axis: scores(x, axis).log_softmax(axis))


def top(x, k):
    """In the order of a stable sort, which PyTorch's topk does not promise."""
    return x.gather(-1, torch.sort(x.detach(), dim=-1, descending=True, stable=True).indices[..., :k])


op("topk", one(lambda d, x: {"k": d.random.randint(1, min(4, x.shape[-1]))}, has_elements), True)(lambda x, k: top(x, k))

# Laid out anew.


def other_shape(d, x):
    """The sizes of x, some merged, some split off."""
    sizes = list(x.shape)
    if len(sizes) > 1 and d.chance(0.7):
        k = d.random.randrange(len(sizes) - 1)
        sizes[k:k + 2] = [sizes[k] * sizes[k + 1]]
    elif sizes:
        k = d.random.randrange(len(sizes))
        part = d.choose([n for n in range(1, sizes[k] + 1) if sizes[k] % n == 0] or [1])
        sizes[k:k + 1] = [part, sizes[k] // part if part else 0]
    else:
        sizes = [1, 1]
    return {"shape": sizes}


def shuffled(d, x):
    order = list(range(x.ndim))
    d.random.shuffle(order)
    return {"order": order}


def part(d, x):
    axis = d.random.randrange(x.ndim)
    start = d.random.randint(0, x.shape[axis])
    return {"axis": axis, "start": start, "end": d.random.randint(start, x.shape[axis])}


op("reshape", one(other_shape), True)(lambda x, shape: x.reshape(shape))
op("permute", one(shuffled, has_axis), True)(lambda x, order: x.permute(order))
op("transpose", one(fits=lambda x: x.ndim > 1), True)(lambda x: x.transpose(-2, -1))
op("slice", one(part, has_elements), True)(lambda x, axis, start, end: x.narrow(axis, start, end - start))
op("unsqueeze", one(lambda d, x: {"axis": d.random.randint(-x.ndim - 1, x.ndim)}, lambda x: x.ndim < 5), True)(lambda x, axis: x.unsqueeze(axis))
op("squeeze", one(), True)(lambda x: x.squeeze())
op("expand", one(lambda d, x: {"shape": [d.choose([2, 3]), *[n if n != 1 else d.choose([1, 3]) for n in x.shape]]}, lambda x: x.ndim < 5), True)(
    lambda x, shape: x.expand(shape))
op("repeat", one(lambda d, x: {"times": [d.choose([1, 1, 2, 3]) for _ in x.shape]}, lambda x: 0 < x.ndim < 4), True)(
    lambda x, times: x.repeat(times))
op("flip", one(last_axis, has_elements), True)(lambda x, axis: x.flip([axis]))
op("roll", one(lambda d, x: {"shift": d.random.randint(-4, 4), **last_axis(d, x)}, has_elements), True)(
    lambda x, shift, axis: x.roll(shift, axis))
op("pad", one(lambda d, x: {"sides": [[d.random.randint(0, 2), d.random.randint(0, 2)] for _ in range(d.random.randint(1, x.ndim))],
                            "number": d.choose([0.0, -1.5])}, has_axis), True)(
    lambda x, sides, number: F.pad(x, [n for side in reversed(sides) for n in side], value=number))
op("tril", one(lambda d, x: {"diagonal": d.random.randint(-2, 2)}, lambda x: x.ndim > 1), True)(lambda x, diagonal: x.tril(diagonal))
op("triu", one(lambda d, x: {"diagonal": d.random.randint(-2, 2)}, lambda x: x.ndim > 1), True)(lambda x, diagonal: x.triu(diagonal))


def joined(d):
    a = d.pick(torch.float32, has_axis)
    if a is None:
        return None
    axis = d.random.randrange(d.values[a].ndim)
    shape = [d.size() if i == axis else n for i, n in enumerate(d.values[a].shape)]
    return [a, d.new(shape)] if d.chance(0.5) else [d.new(shape), a], {"axis": axis}


def stacked(d):
    a = d.pick(torch.float32, lambda x: x.ndim < 5)
    return None if a is None else ([a, d.like(a)], {"axis": d.random.randint(0, d.values[a].ndim)})


op("cat", joined, True)(lambda a, b, axis: torch.cat([a, b], axis))
op("stack", stacked, True)(lambda a, b, axis: torch.stack([a, b], axis))

# By index.


def selected(d):
    x = d.pick(torch.float32, has_elements)
    if x is None:
        return None
    axis = d.random.randrange(d.values[x].ndim)
    return [x, d.indices([d.size()], d.values[x].shape[axis])], {"axis": axis}


def gathered(d):
    x = d.pick(torch.float32, has_elements)
    if x is None:
        return None
    axis = d.random.randrange(d.values[x].ndim)
    shape = [d.size() if i == axis else n for i, n in enumerate(d.values[x].shape)]
    return [x, d.indices(shape, d.values[x].shape[axis])], {"axis": axis}


def scattered(d):
    found = gathered(d)
    if found is None:
        return None
    [x, index], options = found
    return [x, index, d.new(list(d.values[index].shape))], options


def looked_up(d):
    table = d.pick(torch.float32, lambda x: x.ndim == 2 and x.numel() > 0)
    return None if table is None else ([d.indices(d.sizes(2), d.values[table].shape[0]), table], {})


op("indexSelect", selected, True)(lambda x, index, axis: x.index_select(axis, index))
op("gather", gathered, True)(lambda x, index, axis: x.gather(axis, index))
op("scatterAdd", scattered)(lambda x, index, values, axis: x.scatter_add(axis, index, values))
op("embedding", looked_up, True)(lambda ids, table: F.embedding(ids, table))


def labelled(d):
    x = d.pick(torch.float32, has_elements)
    return None if x is None else ([x, d.indices(list(d.values[x].shape[:-1]), d.values[x].shape[-1])], {})


op("crossEntropy", labelled)(lambda x, targets: F.cross_entropy(scores(x, -1).reshape(-1, x.shape[-1]), targets.reshape(-1)))
