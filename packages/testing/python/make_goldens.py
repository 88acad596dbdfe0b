"""Makes the golden files of packages/testing/golden. Not part of installing, building or testing.

Made with Python 3.11, on the CPU with one thread, and
    torch==2.15.0 transformers==5.23.0 peft==0.21.2 safetensors==0.8.0 numpy==2.4.6 Pillow==12.3.0 imagecodecs==2026.3.6
by
    python -m venv venv && venv/bin/pip install <the line above>
    venv/bin/python packages/testing/python/make_goldens.py [clip prototype paper llama whole two-stages inside bicubic pictures]

Everything is seeded: the same versions give the same files. What each tensor means stands in packages/testing/golden/README.md.
"""

import copy
import math
import sys

import torch
from transformers import get_cosine_schedule_with_warmup

from bicubic import make_bicubic
from golden_file import GoldenFile
from inside import make_inside
from paper_projector import make_paper
from pictures import make_pictures
from prototype_projector import PrototypeProjector
from tiny_models import (LANGUAGE, VISION, clip, clip_features, fill, gradients, llama, llama_logits, mean_cross_entropy, train_only,
                         weights)
from two_stages import make_two_stages
from whole_model import CONFIG, PROJECTOR_PREFIX, PLACEHOLDER, WholeModel, batch, cosine_factor

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
LORA_CONFIG = {"r": 4, "alpha": 8}


def make_clip() -> None:
    """The vision tower, its LoRA, and the gradient of a fixed linear functional of the features."""
    file, model = GoldenFile("clip"), clip(seed=11)
    file.config = {"vision": VISION, "lora": LORA_CONFIG}
    random = torch.Generator().manual_seed(12)
    pixels = torch.randn(2, 3, 24, 24, generator=random, requires_grad=False)
    loss_weights = torch.randn(2, 16, 32, generator=random)
    parameters = weights(model, "vision_model.")
    train_only(parameters, lambda name: True)
    features, seen = clip_features(model, pixels)
    loss = (features * loss_weights).sum()
    loss.backward()
    file.put_all("weights.", parameters)
    file.put_all("in.", {"pixels": pixels, "lossWeights": loss_weights})
    file.put_all("out.", {**seen, "features": features, "loss": loss})
    file.put_all("grad.", gradients(parameters))
    file.write()


def prototype_golden(file: GoldenFile, model: PrototypeProjector, x: torch.Tensor, loss_weights: torch.Tensor) -> None:
    x.requires_grad_()
    e = model(x)
    loss = (e * loss_weights).sum()
    loss.backward()
    parameters = dict(model.named_parameters())
    seen = dict(model.seen)
    file.config["margin"] = seen.pop("margin").item()
    file.put_all("weights.", parameters)
    file.put_all("in.", {"x": x, "lossWeights": loss_weights})
    file.put_all("out.", {**seen, "e": e, "loss": loss})
    file.put_all("grad.", {**gradients(parameters), "x": x.grad})
    print(f"{file.name}: smallest margin of the hard assignment {file.config['margin']:.5f}, tokens a prototype {seen['counts'].tolist()}")


def make_prototype_small() -> None:
    """Specification 1.4.5, its printed numbers asserted."""
    d, tokens, n, h = 4, 9, 4, 3
    file, model = GoldenFile("prototype-small"), PrototypeProjector(d, h, n).double()
    file.config = {"width": d, "outputWidth": h, "prototypes": n, "iterations": 2}
    with torch.no_grad():
        for layer, k in [(model.c, 0.1), (model.v, 0.2), (model.f, 0.3), (model.mlp[0], 0.4), (model.mlp[2], 0.5)]:
            rows, columns = layer.weight.shape
            layer.weight.copy_(torch.tensor([[0.5 * math.sin(0.9 * i + 0.7 * j + k) for j in range(columns)] for i in range(rows)]))
            layer.bias.copy_(torch.tensor([0.1 * math.sin(0.4 * i + k) for i in range(rows)]))
        model.sim_alpha.fill_(1.5)
        model.sim_beta.fill_(-0.25)
    x = torch.tensor([[math.sin(0.7 * l + 1.3 * i) for i in range(d)] for l in range(tokens)], dtype=torch.float64)
    loss_weights = torch.tensor([[math.cos(0.3 * l + 0.5 * i) for i in range(h)] for l in range(tokens)], dtype=torch.float64)
    prototype_golden(file, model, x, loss_weights)

    def equals(name: str, printed: list[float]) -> None:
        found = torch.tensor(file.tensors[name]).flatten()[: len(printed)] if "@" not in name else None
        if found is None:
            tensor, row = name.split("@")
            found = torch.tensor(file.tensors[tensor])[int(row)].flatten()[: len(printed)]
        worst = (found - torch.tensor(printed)).abs().max().item()
        assert worst < 3e-6, f"{name}: {found.tolist()} is not {printed}"

    equals("out.e@0", [0.696067, 0.812942, 0.361512]); equals("out.e@4", [-0.074125, -0.046281, 0.063502])
    equals("out.e@8", [0.246412, 0.336140, 0.218396]); equals("out.assignment", [0, 0, 1, 1, 1, 2, 2, 2, 3])
    equals("out.poolX@0", [0.543222, 0.766745, -0.133016, -0.837908]); equals("out.z.0@0", [0.371163, 0.724666, 0.770778])
    equals("out.c.0@0", [-0.018274, 0.676030, 0.950770, 0.633316]); equals("out.c.1@3", [-0.281119, 0.341721, 0.796569, 0.773948])
    equals("out.g@0", [0.137532, 0.574983, 0.606903, 0.220485]); equals("out.y@0", [0.078194, 1.290467, 0.860558, -0.562409])
    equals("out.loss", [3.079768]); equals("grad.sim_alpha", [0.311072]); equals("grad.sim_beta", [0.555528])
    equals("grad.c.bias", [-0.143266, -0.231799, -0.081098, 0.052737]); equals("grad.v.bias", [0.045973, -0.041877, 0.000042, 0.018041])
    equals("grad.f.bias", [-0.610188, 2.053427, 1.099446, -2.162732]); equals("grad.c.weight@0", [0.092659, 0.184336, -0.012239, -0.203943])
    equals("grad.v.weight@0", [0.312428, 0.474710, -0.058459, -0.505985]); equals("grad.f.weight@0", [1.476213, 0.739335, -1.080670, -1.317491])
    equals("grad.mlp.0.bias", [0.166554, 1.819718, 1.680899]); equals("grad.mlp.2.bias", [2.365935, -0.841262, -3.842488])
    equals("grad.x@0", [1.581277, 1.473488, 0.808380, -0.058061]); equals("grad.x@8", [-0.583392, -0.751022, -0.574022, -0.138905])
    file.write()


def make_prototype_large(seed: int = 2187) -> None:
    d, tokens, n, h = 32, 36, 16, 24
    file, model = GoldenFile("prototype-large"), fill(PrototypeProjector(d, h, n), seed).double()
    file.config = {"width": d, "outputWidth": h, "prototypes": n, "iterations": 2}
    random = torch.Generator().manual_seed(seed)
    x, loss_weights = torch.randn(tokens, d, generator=random).double(), torch.randn(tokens, h, generator=random).double()
    prototype_golden(file, model, x, loss_weights)
    file.write()


def make_llama(name: str, kv_heads: int, seed: int) -> None:
    """One decoder with LoRA: a padded batch of three lengths, all weights trained so that LoRA's gradients and the base's stand together."""
    file, model = GoldenFile(name), llama(seed, num_key_value_heads=kv_heads)
    file.config = {"language": {**LANGUAGE, "num_key_value_heads": kv_heads}, "lora": LORA_CONFIG}
    random = torch.Generator().manual_seed(seed + 1)
    lengths, longest = [12, 7, 4], 12
    ids = torch.randint(3, 40, (3, longest), generator=random)
    labels = torch.where(torch.rand(3, longest, generator=random) < 0.6, ids, torch.full_like(ids, -100))
    for b, length in enumerate(lengths):
        ids[b, length:], labels[b, length:] = 0, -100
    parameters = weights(model)
    train_only(parameters, lambda name: True)
    embeddings = model.get_input_embeddings()(ids)
    embeddings.retain_grad()
    logits, seen = llama_logits(model, embeddings, lengths)
    loss = mean_cross_entropy(logits, labels)
    loss.backward()
    valid = (torch.arange(longest)[None] < torch.tensor(lengths)[:, None]).float()[..., None]
    file.put_all("weights.", parameters)
    file.put_all("in.", {"ids": ids, "labels": labels, "lengths": lengths})
    file.put_all("out.", {**{key: value * valid for key, value in {"embeddings": embeddings, **seen, "logits": logits}.items()}, "loss": loss})
    file.put_all("grad.", {**gradients(parameters), "embeddings": embeddings.grad})
    file.write()


BATCHES = [(701, [(True, 12), (False, 21), (True, 9)]), (702, [(True, 14), (True, 10), (False, 15)])]


def trainable(name: str) -> bool:
    return "lora_" in name or PROJECTOR_PREFIX in name


def make_whole(seed: int = 415) -> None:
    """One forward and backward of the whole model, and greedy generation, at the initial weights."""
    file, model = GoldenFile("whole"), WholeModel(seed)
    inputs, other = (batch(*one) for one in BATCHES)
    model.spread_prototypes(torch.cat([inputs["images"], other["images"]]))
    parameters = model.parameters_by_name()
    train_only(parameters, trainable)
    loss, seen = model(**inputs)
    loss.backward()
    valid = (torch.arange(seen["logits"].shape[1])[None] < torch.tensor(seen["lengths"])[:, None]).float()[..., None]
    keep_valid = {key: seen[key] * valid for key in ["embeddings", "block.0", "block.1", "norm", "logits"]}
    prompt = torch.tensor([1, 7, PLACEHOLDER, 9, 23, 5, 14])
    generated = model.greedy(prompt, inputs["images"][1], 20)
    file.config = {**CONFIG, "margin": seen["margin"], "generateMargin": generated["margin"]}
    print(f"whole: loss {loss.item():.5f}, margin {seen['margin']:.5f}, generated {generated['ids']} by margin {generated['margin']:.5f}")
    assert 2 not in generated["ids"], "the end token would stop a generator early; take another seed"
    file.put_all("weights.", parameters)
    file.put_all("in.", inputs)
    file.put_all("out.", {**keep_valid, **{key: seen[key] for key in ["features", "projected", "labels", "lengths"]}, "loss": loss})
    file.put_all("grad.", gradients(parameters))
    file.put_all("generate.", {"promptIds": prompt, "image": 1, "ids": generated["ids"], "logits": generated["logits"]})
    file.write()
    make_trace(model)


STEPS, LEARNING_RATE, PROJECTOR_FACTOR, WARMUP_RATIO, MAX_NORM = 10, 5e-3, 0.2, 0.03, 1.0


def run_trace(model: WholeModel, batches: list[dict]) -> dict:
    parameters = model.parameters_by_name()
    train_only(parameters, trainable)
    projector = [p for name, p in parameters.items() if trainable(name) and PROJECTOR_PREFIX in name]
    lora = [p for name, p in parameters.items() if trainable(name) and PROJECTOR_PREFIX not in name]
    optimizer = torch.optim.AdamW([{"params": lora, "lr": LEARNING_RATE}, {"params": projector, "lr": LEARNING_RATE * PROJECTOR_FACTOR}],
                                  betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    schedule = get_cosine_schedule_with_warmup(optimizer, math.ceil(WARMUP_RATIO * STEPS), STEPS)
    losses, norms, rates, margins = [], [], [], []
    for step in range(STEPS):
        rates.append([group["lr"] for group in optimizer.param_groups])
        assert abs(rates[-1][0] - LEARNING_RATE * cosine_factor(step, STEPS, WARMUP_RATIO)) < 1e-12
        optimizer.zero_grad(set_to_none=True)
        loss, seen = model(**batches[step % len(batches)])
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(lora + projector, MAX_NORM).item())
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        margins.append(seen["margin"])
    final = {name: p.detach().clone() for name, p in parameters.items() if trainable(name) and p.grad is not None}
    return {"losses": losses, "gradNorms": norms, "learningRates": rates, "margin": min(margins), "final": final}


def make_trace(model: WholeModel) -> None:
    """Ten optimizer steps from the weights of whole.safetensors, and how far the same run in float64 strays: the honest tolerance."""
    file = GoldenFile("trace")
    batches = [batch(*one) for one in BATCHES]
    precise = run_trace(copy.deepcopy(model).double(), [{**b, "images": b["images"].double()} for b in batches])
    trace = run_trace(model, batches)
    stray = {
        "losses": max(abs(a - b) for a, b in zip(trace["losses"], precise["losses"])),
        "gradNorms": max(abs(a - b) for a, b in zip(trace["gradNorms"], precise["gradNorms"])),
        "final": max((trace["final"][n] - precise["final"][n]).abs().max().item() for n in trace["final"]),
    }
    file.config = {"steps": STEPS, "learningRate": LEARNING_RATE, "groups": [["lora_", 1], ["mm_projector", PROJECTOR_FACTOR]],
                   "betas": [0.9, 0.999], "eps": 1e-8, "weightDecay": 0, "maxNorm": MAX_NORM, "warmupRatio": WARMUP_RATIO,
                   "margin": trace["margin"], "strayFromFloat64": stray}
    print(f"trace: losses {[round(x, 4) for x in trace['losses']]}, norms {[round(x, 3) for x in trace['gradNorms']]}, margin {trace['margin']:.5f}")
    print(f"trace: float32 strays from float64 by {stray}")
    for i, one in enumerate(batches):
        file.put_all(f"in.batch.{i}.", one)
    file.put_all("out.", {key: trace[key] for key in ["losses", "gradNorms", "learningRates"]})
    file.put_all("final.", trace["final"])
    file.write()


MAKERS = {
    "clip": make_clip,
    "prototype": lambda: (make_prototype_small(), make_prototype_large()),
    "paper": make_paper,
    "llama": lambda: (make_llama("llama", 4, 21), make_llama("llama-gqa", 2, 23)),
    "whole": make_whole,
    "two-stages": make_two_stages,
    "inside": make_inside,
    "bicubic": make_bicubic,
    "pictures": make_pictures,
}

if __name__ == "__main__":
    for wanted in sys.argv[1:] or MAKERS:
        MAKERS[wanted]()
