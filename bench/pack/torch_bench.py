"""./pack compare: PyTorch on the same device, as rows like the bench's, the most important first: cuBLAS f32 (TF32 off), f16, bf16; scaled-dot-product attention by its
usual way and by SDPBackend.MATH; a LLaMA-7B-layer LoRA step; products of LoRA's and small sizes; an MLP step; a device copy. Needs python3 with torch on that machine;
Curio itself never needs either. On a GPU PyTorch's usual f32 attention multiplies on tensor cores in three parts of TF32, whatever allow_tf32 says; MATH is f32 throughout."""
import argparse, json, os, statistics, sys, time

began = time.perf_counter()
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--json", help="write the rows there")
parser.add_argument("--device", default="cuda", help="cuda, or cpu to try the script")
parser.add_argument("--small", action="store_true", help="small shapes only")
parser.add_argument("--seconds", type=float, default=1e9, help="no row is begun after that")
options = parser.parse_args()

try:
    import torch
    import torch.nn.functional as F
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError as error:
    sys.exit(f"compare: this python3 has no torch that serves ({error}); CURIO_PYTHON=/path/to/python names one that has.")
if options.device == "cuda" and not torch.cuda.is_available():
    sys.exit("compare: torch sees no CUDA device.")

device = torch.device(options.device)
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.manual_seed(1)
rows, left_out = [], []
place = torch.cuda.get_device_name(0) if device.type == "cuda" else "cpu"
# Where ./pack first-run listens: a JSON a line.
reports = os.fdopen(3, "w", buffering=1) if os.environ.get("CURIO_REPORTS") else None


def report(value):
    if reports:
        reports.write(json.dumps(value) + "\n")


def milliseconds(f):
    """Best and median of 5 samples, each of as many calls as take 20 ms."""
    def sample(count):
        if device.type == "cuda":
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            for _ in range(count):
                f()
            end.record()
            torch.cuda.synchronize()
            return begin.elapsed_time(end) / count
        start = time.perf_counter()
        for _ in range(count):
            f()
        return 1000 * (time.perf_counter() - start) / count
    sample(3)
    count = max(1, min(400, int(20 / max(sample(2), 1e-3))))
    samples = [sample(count) for _ in range(5)]
    return min(samples), statistics.median(samples)


def row(op, shape, variant, make, flops=None, bytes_=None):
    """Times what `make` gives. A row that fails takes no other with it."""
    if time.perf_counter() - began > options.seconds:
        left_out.append(f"{op} {shape} {variant}")
        return
    name = {"op": op, "shape": shape, "library": "pytorch", "variant": variant}
    try:
        best, median = milliseconds(make())
    except Exception as error:
        sentence = str(error).strip().split("\n")[0][:200]
        print(f"{op:28} {shape:18} {variant:36} failed: {sentence}", flush=True)
        report({**name, "bestMs": None, "medianMs": None, "tflops": None, "gbps": None, "failed": sentence})
        return
    finally:
        if device.type == "cuda":
            torch.cuda.empty_cache()
    tflops, gbps = flops and flops / best / 1e9, bytes_ and bytes_ / best / 1e6
    rows.append({**name, "bestMs": best, "medianMs": median, "gflops": tflops and 1000 * tflops, "gbps": gbps, "percentOfRoof": None})
    report({**name, "bestMs": best, "medianMs": median, "tflops": tflops, "gbps": gbps})
    rate = f"{tflops:.2f} TFLOP/s" if tflops else f"{gbps:.0f} GB/s" if gbps else ""
    print(f"{op:28} {shape:18} {variant:36} {best:10.4f} ms {median:10.4f} ms  {rate}", flush=True)


def tensor(*shape, dtype=torch.float32, grad=False):
    return (torch.rand(*shape, device=device, dtype=torch.float32) - 0.5).to(dtype).requires_grad_(grad)


TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def matmul(layout, m, n, k, types=("f32",)):
    for name in types:
        def make():
            a = tensor(*((k, m) if layout[0] == "t" else (m, k)), dtype=TYPES[name])
            b = tensor(*((n, k) if layout[1] == "t" else (k, n)), dtype=TYPES[name])
            x, y = (a.T if layout[0] == "t" else a), (b.T if layout[1] == "t" else b)
            return lambda: x @ y
        row(f"matmul {layout}", f"{m}x{n}x{k}", name, make, flops=2 * m * n * k)


def attention(heads, tokens, width, causal):
    shape, suffix = f"{heads}x{tokens}x{width}", " causal" if causal else ""
    flops = 4 * heads * tokens**2 * width / (2 if causal else 1)
    usual = "default (3×TF32 tensor cores)" if device.type == "cuda" else "default"
    for name, kind, backends in [("f32", usual, None), ("f32", "MATH", [SDPBackend.MATH]), ("bf16", "default", None)]:
        def call(f):
            def inside():
                if backends is None:
                    return f()
                with sdpa_kernel(backends):
                    return f()
            return inside
        def made():
            q, k, v = (tensor(1, heads, tokens, width, dtype=TYPES[name], grad=True) for _ in range(3))
            return q, k, v, lambda: F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        def forward():
            _, _, _, run = made()
            def once():
                with torch.no_grad():
                    run()
            return call(once)
        def backward():
            q, k, v, run = made()
            y, dy = call(run)(), tensor(1, heads, tokens, width, dtype=TYPES[name])
            return call(lambda: torch.autograd.grad(y, (q, k, v), dy, retain_graph=True))
        row(f"attention forward{suffix}", shape, f"{name} {kind}", forward, flops=flops)
        row(f"attention backward{suffix}", shape, f"{name} {kind}", backward, flops=2.5 * flops)


def step_of(parameters, loss):
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=device.type == "cuda")
    def once():
        optimizer.zero_grad(set_to_none=False)
        loss().backward()
        optimizer.step()
    return once


def mlp_step():
    w1, b1, w2, b2 = (torch.nn.Parameter(tensor(*shape)) for shape in [(1024, 512), (1024,), (512, 1024), (512,)])
    x, y = tensor(256, 512), tensor(256, 512)
    return step_of([w1, b1, w2, b2], lambda: F.mse_loss(F.linear(F.relu(F.linear(x, w1, b1)), w2, b2), y))


C, FF, HEADS, T, R = (128, 352, 4, 32, 128) if options.small else (4096, 11008, 32, 512, 128)
SHAPES = {"q": (C, C), "k": (C, C), "v": (C, C), "o": (C, C), "gate": (FF, C), "up": (FF, C), "down": (C, FF)}


def llama_step(dtype, quantised=False):
    def frozen(key):
        out, inner = SHAPES[key]
        weight = tensor(out, inner, dtype=dtype) / C**0.5
        if not quantised:
            return lambda z: F.linear(z, weight)
        import bitsandbytes as bnb
        layer = bnb.nn.Linear4bit(inner, out, bias=False, compute_dtype=dtype, quant_type="nf4")
        layer.weight = bnb.nn.Params4bit(weight.cpu(), requires_grad=False, quant_type="nf4")
        return layer.to(device)
    base = {key: frozen(key) for key in SHAPES}
    lora = {key: (torch.nn.Parameter(tensor(R, inner, dtype=dtype)), torch.nn.Parameter(tensor(out, R, dtype=dtype))) for key, (out, inner) in SHAPES.items()}
    norms = [torch.ones(C, device=device, dtype=dtype) for _ in range(2)]
    xs, ys = tensor(1, T, C, dtype=dtype), tensor(1, T, C, dtype=dtype)
    angle = torch.arange(T, device=device)[:, None] * 10000 ** (-torch.arange(0, C // HEADS, 2, device=device) / (C // HEADS))
    cos, sin = torch.cat([angle.cos()] * 2, -1).to(dtype), torch.cat([angle.sin()] * 2, -1).to(dtype)

    def dense(z, key):
        a, b = lora[key]
        return base[key](z) + 2 * F.linear(F.linear(z, a), b)

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

    return step_of([p for pair in lora.values() for p in pair], layer)


WEIGHTS = sum(out * inner for out, inner in SHAPES.values())
ADAPTERS = sum(R * (out + inner) for out, inner in SHAPES.values())
LLAMA_FLOPS = 2 * T * (2 * WEIGHTS + 3 * ADAPTERS) + 3.5 * 2 * HEADS * T * T * (C // HEADS)


def copy(size):
    def make():
        source, target = tensor(size), tensor(size)
        return lambda: target.copy_(source)
    row("copy", f"{4 * size >> 20}MB", "f32", make, bytes_=8 * size)


def llama(name, dtype, quantised=False):
    row("LLaMA layer LoRA step", f"{T}x{C}x{FF}r{R}", name, lambda: llama_step(dtype, quantised), flops=LLAMA_FLOPS)


report({"fact": "pytorch", "value": {"device": place, "torch": torch.__version__, "cuda": torch.version.cuda, "seconds to import": time.perf_counter() - began}})
print(f"{place}; torch {torch.__version__}, CUDA {torch.version.cuda}", flush=True)
large, middle = (256, 128) if options.small else (4096, 2048)
every = ("f32", "f16", "bf16")
matmul("nn", large, large, large, every)
matmul("nn", middle, middle, middle, every)
for shape in [(2, 64, 32, False)] if options.small else [(8, 512, 64, False), (16, 577, 64, False), (32, 2048, 128, True), (32, 2048, 128, False)]:
    attention(*shape)
llama("f32", torch.float32)
llama("bf16", torch.bfloat16)
for size in [2**20] if options.small else [2**26, 2**24]:
    copy(size)
if device.type == "cuda":
    llama("nf4 by bitsandbytes, bf16", torch.bfloat16, quantised=True)
for layout in ("nt", "tn"):
    matmul(layout, large, large, large, ("f32",))
if not options.small:
    for layout, m, n, k in [
        ("nt", 512, 4096, 4096), ("nn", 512, 4096, 4096), ("nt", 512, 11008, 4096), ("nt", 512, 4096, 11008), ("nt", 512, 128, 4096), ("nt", 512, 4096, 128),
        ("nn", 512, 128, 4096), ("tn", 128, 4096, 512), ("tn", 4096, 128, 512), ("nt", 640, 160, 160), ("nt", 640, 16, 160), ("nt", 640, 432, 160), ("tn", 160, 16, 640),
        ("nt", 1, 4096, 4096),
    ]:
        matmul(layout, m, n, k, ("f32", "bf16") if k * n > 2**20 else ("f32",))
    for shape in [(32, 512, 128, True), (64, 100, 32, True)]:
        attention(*shape)
    for n in (512, 1024):
        matmul("nn", n, n, n, every)
row("MLP step", "256x512x1024x512", "f32", mlp_step, flops=2 * 256 * (2 * 512 * 1024 + 3 * 1024 * 512))
if left_out:
    print(f"left out after {options.seconds:.0f} s: {', '.join(left_out)}", flush=True)
    report({"fact": "left out for want of time", "value": left_out})

if options.json:
    with open(options.json, "w") as file:
        json.dump({"adapter": place, "versions": {"torch": torch.__version__, "cuda": torch.version.cuda}, "rows": rows}, file, indent=1)
