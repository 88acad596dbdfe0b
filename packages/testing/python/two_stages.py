"""Both training stages of the tiny whole model: ten steps of stage 1, then ten of stage 2 from what it left.

Conversations, ids and labels are those that SQ-LLaVA's own code made (published-masks.safetensors). The order is the one that Curio's
sampler draws (`stepsOfSamples`, seed 7); the test compares it. Computed in float64; how far float32 strays from it stands in `config`.
No token is near a tie between two prototypes: `margin` is the least distance in all steps.
"""

import copy
import json
import math

import torch
from safetensors import safe_open
from transformers import get_cosine_schedule_with_warmup

from golden_file import FOLDER, GoldenFile
from tiny_models import clip_features
from whole_model import CONFIG, IGNORED, PLACEHOLDER, PROJECTOR_PREFIX, WholeModel

MARGIN = 0.1
PICTURES = 3  # sample k shows picture k mod 3: `spread_prototypes` gives up two of 32 directions for each
STEPS, RATE, WARMUP_RATIO, MAX_NORM, VOCABULARY = 10, 2e-3, 0.03, 1.0, 400
STAGES = {
    # factors on the rate, passes of a step, and the samples of each step
    "stage1": ({"projector": 1.0}, 2, [[5, 1, 6, 2], [0, 3, 7, 4], [0, 3, 7, 4], [5, 6, 1, 2], [3, 0, 7, 4], [5, 6, 1, 2], [0, 3, 4, 7],
                                       [5, 1, 6, 2], [0, 3, 4, 7], [5, 6, 1, 2]]),
    "stage2": ({"language": 1.0, "vision": 0.5, "projector": 0.1}, 1,
               [[8, 0, 6, 5], [1, 2, 3, 4], [7], [8, 6, 5, 2], [0, 1, 3, 4], [7], [8, 6, 3, 2], [0, 1, 4, 5], [7], [8, 0, 6, 5]]),
}


def group_of(name: str) -> str | None:
    if PROJECTOR_PREFIX in name:
        return "projector"
    if "lora_" in name:
        return "vision" if "vision_tower" in name else "language"
    return None


def samples(group: str) -> list[tuple[list[int], list[int]]]:
    with safe_open(FOLDER / "published-masks.safetensors", "numpy") as file:
        cases = json.loads(file.metadata()["config"])["cases"]
        ids, labels, lengths = (file.get_tensor(name).tolist() for name in ["ids", "labels", "lengths"])
    ends = [sum(lengths[:k + 1]) for k in range(len(cases))]
    return [(ids[end - n:end], labels[end - n:end]) for case, end, n in zip(cases, ends, lengths) if case["group"] == group]


def collate(chosen: list[tuple[list[int], list[int]]], pictures: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    longest = max(len(ids) for ids, _ in chosen)
    pad = lambda row, value: row + [value] * (longest - len(row))
    shown = [picture for picture, (ids, _) in zip(pictures, chosen) if PLACEHOLDER in ids]
    return {"ids": torch.tensor([pad(ids, 0) for ids, _ in chosen]), "labels": torch.tensor([pad(labels, IGNORED) for _, labels in chosen]),
            "textLengths": torch.tensor([len(ids) for ids, _ in chosen]), "images": torch.stack(shown or [torch.zeros_like(pictures[0])])}


def train(model: WholeModel, name: str, pictures: torch.Tensor) -> dict:
    factors, passes, order = STAGES[name]
    talks, parameters = samples(name), model.parameters_by_name()
    for key, p in parameters.items():
        p.requires_grad_(group_of(key) in factors)
        p.grad = None
    groups = {group: [p for key, p in parameters.items() if group_of(key) == group] for group in factors}
    optimizer = torch.optim.AdamW([{"params": groups[group], "lr": RATE * factor} for group, factor in factors.items()],
                                  betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    schedule = get_cosine_schedule_with_warmup(optimizer, math.ceil(WARMUP_RATIO * STEPS), STEPS)
    trained = [p for group in groups.values() for p in group]
    losses, norms, margins = [], [], []
    for indices in order:
        optimizer.zero_grad(set_to_none=True)
        size = math.ceil(len(indices) / passes)
        parts = [indices[i:i + size] for i in range(0, len(indices), size)]
        total = 0.0
        for part in parts:
            loss, seen = model(**collate([talks[i] for i in part], [pictures[i % PICTURES] for i in part]))
            (loss / len(parts)).backward()
            total += loss.item() / len(parts)
            margins.append(seen["margin"])
        losses.append(total)
        norms.append(torch.nn.utils.clip_grad_norm_(trained, MAX_NORM).item())
        optimizer.step()
        schedule.step()
    final = {key: p.detach().clone() for key, p in parameters.items() if group_of(key) in factors and p.grad is not None}
    return {"losses": losses, "gradNorms": norms, "margin": min(margins), "final": final}


def start(seed: int) -> tuple[WholeModel, torch.Tensor]:
    model = WholeModel(seed, VOCABULARY)
    pictures = torch.randn(PICTURES, 3, 24, 24, generator=torch.Generator().manual_seed(seed))
    model.spread_prototypes(pictures)
    return model, without_ties(model, pictures)


def without_ties(model: WholeModel, pictures: torch.Tensor) -> torch.Tensor:
    """Pictures moved until each token's best prototype leads by MARGIN, so that the training which follows cannot bring two close."""
    pictures = pictures.clone().requires_grad_()
    optimizer = torch.optim.Adam([pictures], 0.01)
    for _ in range(2000):
        features, leads = clip_features(model.vision, pictures)[0], []
        for one in features:
            model.projector(one)
            top = model.projector.seen["s"].topk(2, dim=0).values
            leads.append(top[0] - top[1])
        short = torch.relu(MARGIN - torch.cat(leads))
        if short.max() == 0:
            model.projector.seen = {}  # a graph cannot be copied
            return pictures.detach()
        optimizer.zero_grad()
        short.sum().backward()
        optimizer.step()
    raise ValueError(f"a lead of {MARGIN} was not reached; {MARGIN - short.max().item():.4f} was")


def run(model: WholeModel, pictures: torch.Tensor) -> dict[str, dict]:
    return {name: train(model, name, pictures.to(model.projector.sim_alpha.dtype)) for name in STAGES}


def make_two_stages(seed: int = 900) -> None:
    file, (model, pictures) = GoldenFile("two-stages"), start(seed)
    file.put_all("weights.", model.parameters_by_name())
    precise, single = run(copy.deepcopy(model).double(), pictures), run(model, pictures)
    stray = {name: {"losses": max(abs(a - b) for a, b in zip(single[name]["losses"], precise[name]["losses"])),
                    "final": max((single[name]["final"][key] - value).abs().max().item() for key, value in precise[name]["final"].items())}
             for name in STAGES}
    language = {**CONFIG["language"], "vocab_size": VOCABULARY}
    file.config = {**CONFIG, "language": language, "steps": STEPS, "learningRate": RATE, "warmupRatio": WARMUP_RATIO, "maxNorm": MAX_NORM,
                   "strayOfFloat32": stray, "margin": min(one["margin"] for one in precise.values()),
                   "stages": {name: {"factors": factors, "passes": passes, "order": order} for name, (factors, passes, order) in STAGES.items()}}
    file.put("in.images", pictures)
    for name, one in precise.items():
        file.put_all(f"out.{name}.", {key: one[key] for key in ["losses", "gradNorms"]})
        file.put_all(f"final.{name}.", one["final"])
        print(f"{name}: losses {[round(x, 4) for x in one['losses']]}, norms {[round(x, 2) for x in one['gradNorms']]}, margin {one['margin']:.5f}")
    print(f"float32 strays by {stray}")
    file.write()
