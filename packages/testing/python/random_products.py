"""Ops of the random programs that multiply matrices, normalise rows or walk windows."""

import math

import torch
import torch.nn.functional as F

from random_op import op, has_axis, has_elements

def product(d):
    a = d.pick(torch.float32, lambda x: x.ndim > 1)
    if a is None:
        return None
    *batch, rows, cols = d.values[a].shape
    if d.chance(0.5):
        batch = []
    options = {"transposeA": d.chance(0.3), "transposeB": d.chance(0.3)}
    inner = rows if options["transposeA"] else cols
    b = d.new([*batch, d.size(), inner] if options["transposeB"] else [*batch, inner, d.size()])
    return [a, b], options


def multiply(a, b, transposeA, transposeB):
    return (a.transpose(-2, -1) if transposeA else a) @ (b.transpose(-2, -1) if transposeB else b)


def dense_layer(d):
    x = d.pick(torch.float32, has_axis)
    if x is None:
        return None
    out = d.size()
    return [x, d.new([out, d.values[x].shape[-1]]), *([d.new([out])] if d.chance(0.6) else [])], {}


def normed(weights):
    def draw(d):
        x = d.pick(torch.float32, has_elements)
        return None if x is None else ([x, *(d.new([d.values[x].shape[-1]]) for _ in range(weights))], {"eps": d.choose([1e-5, 1e-6])})
    return draw


def grouped(d):
    x = d.pick(torch.float32, lambda x: x.ndim > 1 and x.numel() > 0)
    if x is None:
        return None
    channels = d.values[x].shape[1]
    groups = d.choose([n for n in range(1, channels + 1) if channels % n == 0])
    return [x, d.new([channels]), d.new([channels])], {"groups": groups}


def layer_norm(x, weight, bias, eps):
    """By hand, and without infinite weights, whose gradient depends on how its sums are put together."""
    if not weight.isfinite().all():
        raise ValueError("an infinite weight")
    off = x - x.mean(-1, keepdim=True)
    return off * torch.rsqrt((off * off).mean(-1, keepdim=True) + eps) * weight + bias


op("matmul", product)(multiply)
op("linear", dense_layer)(lambda x, weight, bias=None: F.linear(x, weight, bias))
op("layerNorm", normed(2))(layer_norm)
op("rmsNorm", normed(1))(lambda x, weight, eps: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight)
op("groupNorm", grouped)(lambda x, weight, bias, groups: norm_groups(x, weight, bias, groups))


def norm_groups(x, weight, bias, groups):
    """By hand, since PyTorch refuses groups of one value."""
    rows = x.reshape(x.shape[0] * groups, -1)
    off = rows - rows.mean(-1, keepdim=True)
    y = (off * torch.rsqrt(off.pow(2).mean(-1, keepdim=True) + 1e-5)).reshape(x.shape)
    per_channel = [-1] + [1] * (x.ndim - 2)
    return y * weight.reshape(per_channel) + bias.reshape(per_channel)


def picture(d):
    x = d.pick(torch.float32, lambda x: x.ndim == 4 and x.numel() > 0)
    return d.new([d.choose([1, 2]), d.choose([1, 3]), d.choose([3, 5, 6]), d.choose([4, 5, 7])]) if x is None or d.chance(0.3) else x


def convolved(d):
    x = picture(d)
    _, channels, height, width = d.values[x].shape
    out, kernel = d.choose([1, 2, 5]), [d.random.randint(1, min(3, height)), d.random.randint(1, min(3, width))]
    return [x, d.new([out, channels, *kernel]), *([d.new([out])] if d.chance(0.5) else [])], {"stride": d.choose([1, 2]), "padding": d.choose([0, 1])}


def pooled(d):
    x = picture(d)
    side = d.random.randint(1, min(3, *d.values[x].shape[2:]))
    return [x], {"kernel": side, "stride": d.choose([1, 2, 3]), "padding": d.random.randint(0, side // 2)}


def unfolded(d):
    x = picture(d)
    _, _, height, width = d.values[x].shape
    return [x], {"kernel": [d.random.randint(1, min(3, height)), d.random.randint(1, min(3, width))], "stride": d.choose([1, 2]), "padding": d.choose([0, 1])}


def binned(d):
    x = d.pick(torch.float32, lambda x: x.ndim == 3 and x.numel() > 0)
    return None if x is None else ([x], {"length": d.choose([1, 2, 3, 5])})


def attended(d):
    batch, kv, group, width = d.choose([1, 2]), d.choose([1, 2]), d.choose([1, 3]), d.choose([2, 4, 5, 8])
    tokens, more = d.choose([1, 3, 7]), d.choose([0, 2])
    q = d.pick(torch.float32, lambda x: x.ndim == 4 and x.numel() > 0)
    if q is not None and d.chance(0.5):
        batch, heads, tokens, width = d.values[q].shape
        kv = d.choose([n for n in range(1, heads + 1) if heads % n == 0])
    else:
        q = d.new([batch, kv * group, tokens, width])
    return [q, d.new([batch, kv, tokens + more, width]), d.new([batch, kv, tokens + more, width])], {"causal": d.chance(0.5)}


def attend(q, k, v, causal):
    k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], 1) for x in (k, v))
    products = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if not (products.abs() < 1e4).all():
        raise ValueError("scores so large that float32 cannot tell them apart")
    if not v.isfinite().all():
        raise ValueError("values of which 0 times is NaN, in a hidden key or in one repeated past the end")
    if causal:
        hidden = torch.ones(products.shape[-2:], dtype=torch.bool).triu(products.shape[-1] - products.shape[-2] + 1)
        products = products.masked_fill(hidden, -math.inf)
    return products.softmax(-1) @ v


def turned(d):
    x = d.pick(torch.float32, lambda x: x.ndim == 4 and x.numel() > 0 and x.shape[-1] % 2 == 0)
    return [d.new([d.choose([1, 2]), d.choose([1, 3]), d.choose([1, 5]), d.choose([2, 6, 8])]) if x is None else x], {"theta": d.choose([10000.0, 100.0])}


def rotate(x, theta):
    """[B, T, H, D]"""
    half = x.shape[-1] // 2
    angles = torch.arange(x.shape[1]).double().outer(theta ** (-torch.arange(half).double() / half)).to(x.dtype)[:, None]
    cos, sin = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


op("conv2d", convolved)(lambda x, weight, bias=None, stride=1, padding=0: F.conv2d(x, weight, bias, stride, padding))
op("avgPool2d", pooled)(lambda x, kernel, stride, padding: F.avg_pool2d(x, kernel, stride, padding))
op("maxPool2d", pooled, True)(lambda x, kernel, stride, padding: F.max_pool2d(x, kernel, stride, padding))
op("unfold", unfolded, True)(lambda x, kernel, stride, padding: F.unfold(x, kernel, stride=stride, padding=padding))
op("adaptiveAvgPool1d", binned)(lambda x, length: F.adaptive_avg_pool1d(x.transpose(1, 2), length).transpose(1, 2))
op("scaledDotProductAttention", attended)(attend)
op("rotaryEmbedding", turned)(rotate)
