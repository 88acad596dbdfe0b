"""PyTorch on the CPU for `npm run bench:peers`, which starts it: python3 torch_peer.py THREADS.

Says {"version": …} first, then answers requests, a JSON line each: open (its float32 inputs follow as raw bytes), time, read (its float32 results
follow the answer), close. An answer with "error" says why not. bench/peers/src/torch.ts is the other side."""
import json
import math
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]))


def attention(causal):
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=causal)


# What an op computes of its inputs, and how many of them, from the first, learn.
OPS = {
    "matmul": (torch.matmul, 2),
    "linear": (F.linear, 1),
    "softmax": (lambda x: F.softmax(x, -1), 1),
    "layerNorm": (lambda x, weight, bias: F.layer_norm(x, x.shape[-1:], weight, bias, 1e-5), 1),
    "rmsNorm": (lambda x, weight: F.rms_norm(x, x.shape[-1:], weight, 1e-6), 1),
    "crossEntropy": (lambda x, targets: F.cross_entropy(x, targets.long()), 1),
    "attention": (attention(False), 3),
    "causalAttention": (attention(True), 3),
}


def forward(f, inputs):
    def run():
        with torch.no_grad():
            return [f(*inputs)]
    return run


def gradients(f, learning, inputs, with_forward):
    """The gradients of the inputs that learn; the last of `inputs` arrives as the output's."""
    *inputs, dy = inputs
    leaves = [x.requires_grad_() for x in inputs[:learning]]
    if with_forward:
        return lambda: torch.autograd.grad(f(*inputs), leaves, dy)
    y = f(*inputs)
    return lambda: torch.autograd.grad(y, leaves, dy, retain_graph=True)


def mlp(x, p):
    return F.linear(F.relu(F.linear(x, p["w1"], p["b1"])), p["w2"], p["b2"])


def gpt_block(heads):
    def net(x, p):
        batch, tokens, width = x.shape
        dense = lambda y, name: F.linear(y, p[f"{name}.weight"], p[f"{name}.bias"])
        norm = lambda y, name: F.layer_norm(y, (width,), p[f"{name}.weight"], p[f"{name}.bias"], 1e-5)
        normed = norm(x, "ln1")
        q, k, v = (dense(normed, name).view(batch, tokens, heads, width // heads).transpose(1, 2) for name in "qkv")
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, tokens, width)
        middle = x + dense(y, "o")
        return middle + dense(F.gelu(dense(norm(middle, "ln2"), "up"), approximate="tanh"), "down")
    return net


def llama_layer(heads, eps, theta, lora_scale):
    """A LLaMA decoder of one layer with LoRA on its seven linears, and the norm after it; names are the checkpoint's."""
    def net(x, p):
        _, tokens, width = x.shape
        depth = width // heads
        angles = torch.arange(tokens)[:, None] * theta ** (-torch.arange(0, depth, 2) / depth)
        cos, sin = (torch.cat([each] * 2, -1) for each in (angles.cos(), angles.sin()))

        def dense(y, name):
            at = f"model.layers.0.{name}"
            return F.linear(y, p[f"{at}.weight"]) + lora_scale * F.linear(F.linear(y, p[f"{at}.lora_A.weight"]), p[f"{at}.lora_B.weight"])

        def turned(y):
            return y * cos + torch.cat([-y[..., depth // 2:], y[..., :depth // 2]], -1) * sin

        norm = lambda y, name: F.rms_norm(y, (width,), p[f"model.{name}.weight"], eps)
        h = norm(x, "layers.0.input_layernorm")
        q, k, v = (dense(h, f"self_attn.{name}_proj").view(1, tokens, heads, depth).transpose(1, 2) for name in "qkv")
        y = F.scaled_dot_product_attention(turned(q), turned(k), v, is_causal=True).transpose(1, 2).reshape(x.shape)
        x = x + dense(y, "self_attn.o_proj")
        h = norm(x, "layers.0.post_attention_layernorm")
        x = x + dense(F.silu(dense(h, "mlp.gate_proj")) * dense(h, "mlp.up_proj"), "mlp.down_proj")
        return norm(x, "norm")
    return net


NETS = {"MLP": lambda: mlp, "GPT block": gpt_block, "LLaMA layer": llama_layer}


def step(net, names, trained, inputs, adam):
    """A training step under mean square error; the last two of `inputs` are x and the target, the others parameters. Gives its loss."""
    *values, x, target = inputs
    parameters = dict(zip(names, values))
    learning = [parameters[name].requires_grad_() for name in trained]
    optimizer = torch.optim.Adam(learning, lr=adam["lr"], betas=(adam["beta1"], adam["beta2"]), eps=adam["eps"], fused=True)

    def run():
        optimizer.zero_grad()
        loss = F.mse_loss(net(x, parameters), target)
        loss.backward()
        optimizer.step()
        return [loss.detach()]
    return run


def adamw(inputs, options):
    """AdamW's update of one parameter by a gradient that stays; gives the parameter."""
    parameter, gradient = inputs
    parameter = torch.nn.Parameter(parameter)
    parameter.grad = gradient
    optimizer = torch.optim.AdamW([parameter], lr=options["lr"], betas=tuple(options["betas"]), eps=options["eps"], weight_decay=options["weightDecay"], fused=True)

    def run():
        optimizer.step()
        return [parameter.detach()]
    return run


def opened(request, inputs):
    kind = request["kind"]
    if kind == "step":
        return step(NETS[request["net"]](**request["sizes"]), request["names"], request["trained"], inputs, request["adam"])
    if kind == "adamw":
        return adamw(inputs, request["options"])
    f, learning = OPS[request["op"]]
    return forward(f, inputs) if kind == "forward" else gradients(f, learning, inputs, kind == "both")


def received(shape):
    data = sys.stdin.buffer.read(4 * math.prod(shape))
    return torch.frombuffer(bytearray(data), dtype=torch.float32).reshape(shape)


def answer(message, results=()):
    sys.stdout.buffer.write(json.dumps(message).encode() + b"\n")
    for result in results:
        sys.stdout.buffer.write(result.contiguous().numpy().tobytes())
    sys.stdout.buffer.flush()


jobs = {}
answer({"version": torch.__version__.split("+")[0]})
for line in iter(sys.stdin.buffer.readline, b""):
    request = json.loads(line)
    do, name = request["do"], request["id"]
    try:
        if do == "open":
            # All bytes are taken before anything can fail, or the next line would be read among them.
            inputs = [received(shape) for shape in request["shapes"]]
            jobs[name] = opened(request, inputs)
            answer({})
        elif do == "time":
            began = time.perf_counter()
            for _ in range(request["count"]):
                jobs[name]()
            answer({"ms": 1e3 * (time.perf_counter() - began)})
        elif do == "read":
            results = jobs[name]()
            answer({"sizes": [result.numel() for result in results]}, results)
        else:
            jobs.pop(name, None)
            answer({})
    except Exception as error:
        answer({"error": (str(error).strip() or type(error).__name__).split("\n")[0]})
