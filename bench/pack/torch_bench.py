"""./pack compare: PyTorch on the same device, as rows like the bench's: cuBLAS f32 (TF32 off), f16, bf16; scaled-dot-product attention; an MLP step; a
LLaMA-7B-layer LoRA step; a device copy. Needs python3 with torch on that machine; Curio itself never needs either."""
import argparse, json, statistics, sys, time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--json", help="write the rows there")
parser.add_argument("--device", default="cuda", help="cuda, or cpu to try the script")
parser.add_argument("--small", action="store_true", help="small shapes only")
options = parser.parse_args()

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit("compare: this python3 has no torch; CURIO_PYTHON=/path/to/python names one that has.")
if options.device == "cuda" and not torch.cuda.is_available():
    sys.exit("compare: torch sees no CUDA device.")

device = torch.device(options.device)
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.manual_seed(1)
rows = []


def milliseconds(f):
    """Best and median of 10 samples, each of as many calls as take 20 ms."""
    def sample(count):
        if device.type == "cuda":
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            for _ in range(count):
                f()
            end.record()
            torch.cuda.synchronize()
            return begin.elapsed_time(end) / count
        began = time.perf_counter()
        for _ in range(count):
            f()
        return 1000 * (time.perf_counter() - began) / count
    sample(3)
    count = max(1, int(20 / max(sample(1), 1e-3)))
    samples = [sample(count) for _ in range(10)]
    return min(samples), statistics.median(samples)


def row(op, shape, variant, f, flops=None, bytes_=None):
    best, median = milliseconds(f)
    rows.append({"op": op, "shape": shape, "library": "pytorch", "variant": variant, "bestMs": best, "medianMs": median,
                 "gflops": flops and flops / best / 1e6, "gbps": bytes_ and bytes_ / best / 1e6, "percentOfRoof": None})
    rate = f"{flops / best / 1e9:.2f} TFLOP/s" if flops else f"{bytes_ / best / 1e6:.0f} GB/s" if bytes_ else ""
    print(f"{op:34} {shape:20} {variant:8} {best:9.3f} ms  {median:9.3f} ms  {rate}", flush=True)


def tensor(*shape, dtype=torch.float32, grad=False):
    return (torch.rand(*shape, device=device, dtype=torch.float32) - 0.5).to(dtype).requires_grad_(grad)


size = 2**24 if not options.small else 2**20
source, target = tensor(size), tensor(size)
row("copy", f"{4 * size >> 20}MB", "f32", lambda: target.copy_(source), bytes_=8 * size)

for n in [256] if options.small else [512, 1024, 2048, 4096]:
    for name, dtype in [("f32", torch.float32), ("f16", torch.float16), ("bf16", torch.bfloat16)]:
        a, b = tensor(n, n, dtype=dtype), tensor(n, n, dtype=dtype)
        row("matmul", f"{n}x{n}x{n}", name, lambda: a @ b, flops=2 * n**3)

for heads, tokens, width in [(2, 64, 32)] if options.small else [(8, 512, 64), (16, 577, 64), (32, 2048, 128)]:
    for name, dtype in [("f32", torch.float32), ("bf16", torch.bfloat16)]:
        q, k, v = (tensor(1, heads, tokens, width, dtype=dtype, grad=True) for _ in range(3))
        dy = tensor(1, heads, tokens, width, dtype=dtype)
        flops = 4 * heads * tokens**2 * width
        with torch.no_grad():
            row("attention forward", f"{heads}x{tokens}x{width}", name, lambda: F.scaled_dot_product_attention(q, k, v), flops=flops)
        both = lambda: torch.autograd.grad(F.scaled_dot_product_attention(q, k, v), (q, k, v), dy)
        row("attention forward and backward", f"{heads}x{tokens}x{width}", name, both, flops=3.5 * flops)


def step_of(parameters, loss):
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    def once():
        optimizer.zero_grad(set_to_none=False)
        loss().backward()
        optimizer.step()
    return once


w1, b1, w2, b2 = (torch.nn.Parameter(tensor(*shape)) for shape in [(1024, 512), (1024,), (512, 1024), (512,)])
x, y = tensor(256, 512), tensor(256, 512)
row("MLP step", "256x512x1024x512", "f32", step_of([w1, b1, w2, b2], lambda: F.mse_loss(F.linear(F.relu(F.linear(x, w1, b1)), w2, b2), y)), flops=2 * 256 * (2 * 512 * 1024 + 3 * 1024 * 512))

C, FF, HEADS, T, R = (128, 352, 4, 32, 8) if options.small else (4096, 11008, 32, 512, 128)
for name, dtype in [("f32", torch.float32), ("bf16", torch.bfloat16)]:
    shapes = {"q": (C, C), "k": (C, C), "v": (C, C), "o": (C, C), "gate": (FF, C), "up": (FF, C), "down": (C, FF)}
    frozen = {key: tensor(*shape, dtype=dtype) / C**0.5 for key, shape in shapes.items()}
    lora = {key: (torch.nn.Parameter(tensor(R, inner, dtype=dtype)), torch.nn.Parameter(tensor(out, R, dtype=dtype))) for key, (out, inner) in shapes.items()}
    norms = [torch.ones(C, device=device, dtype=dtype) for _ in range(2)]
    xs, ys = tensor(1, T, C, dtype=dtype, grad=True), tensor(1, T, C, dtype=dtype)
    angle = torch.arange(T, device=device)[:, None] * 10000 ** (-torch.arange(0, C // HEADS, 2, device=device) / (C // HEADS))
    cos, sin = torch.cat([angle.cos()] * 2, -1).to(dtype), torch.cat([angle.sin()] * 2, -1).to(dtype)

    def dense(z, key):
        a, b = lora[key]
        return F.linear(z, frozen[key]) + 2 * F.linear(F.linear(z, a), b)

    def turn(z):
        half = z.shape[-1] // 2
        return z * cos + torch.cat([-z[..., half:], z[..., :half]], -1) * sin

    def norm(z, weight):
        return z * torch.rsqrt(z.float().pow(2).mean(-1, keepdim=True) + 1e-5).to(dtype) * weight

    def layer():
        h = norm(xs, norms[0])
        q, k, v = (dense(h, key).view(1, T, HEADS, C // HEADS).transpose(1, 2) for key in "qkv")
        z = xs + dense(F.scaled_dot_product_attention(turn(q), turn(k), v, is_causal=True).transpose(1, 2).reshape(1, T, C), "o")
        h = norm(z, norms[1])
        return F.mse_loss(z + dense(F.silu(dense(h, "gate")) * dense(h, "up"), "down"), ys)

    weights = sum(out * inner for out, inner in shapes.values())
    adapters = sum(R * (out + inner) for out, inner in shapes.values())
    flops = 2 * T * (2 * weights + 3 * adapters) + 3.5 * 2 * HEADS * T * T * (C // HEADS)
    row("LLaMA layer LoRA step", f"{T}x{C}x{FF}r{R}", name, step_of([p for pair in lora.values() for p in pair], layer), flops=flops)

if options.json:
    place = torch.cuda.get_device_name(0) if device.type == "cuda" else "cpu"
    with open(options.json, "w") as file:
        json.dump({"adapter": place, "versions": {"torch": torch.__version__, "cuda": torch.version.cuda}, "rows": rows}, file, indent=1)
