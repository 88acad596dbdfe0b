"""What the tiny whole model attends to while it writes, the words it chose among, and the prototypes of its picture.

It reads weights and answer from whole.safetensors, so that the two files fit: made again elsewhere, those weights differ (an SVD in them).
"""

import math

import torch
from safetensors.torch import load_file

from golden_file import FOLDER, GoldenFile
from tiny_models import LANGUAGE, clip_features
from whole_model import IGNORED, PROTOTYPES, ITERATIONS, WHOLE_LANGUAGE, PLACEHOLDER, WholeModel

WORDS = 5


def rotate(x: torch.Tensor) -> torch.Tensor:
    """Rotary positions 0, 1, ... of x [H, T, D], in LLaMA's order of halves."""
    half = x.shape[-1] // 2
    speed = LANGUAGE["rope_theta"] ** (-torch.arange(half, dtype=x.dtype) / half)
    angle = torch.arange(x.shape[1], dtype=x.dtype)[:, None] * speed
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * angle.cos() - second * angle.sin(), second * angle.cos() + first * angle.sin()], -1)


def attention_of(layer, h: torch.Tensor) -> torch.Tensor:
    """The weights of one layer over its input h [T, C]: mean over the heads of softmax(q kT / sqrt(D)), causal, [T, T]."""
    heads, kv_heads = WHOLE_LANGUAGE["num_attention_heads"], WHOLE_LANGUAGE["num_key_value_heads"]
    x, tokens = layer.input_layernorm(h), len(h)
    q = rotate(layer.self_attn.q_proj(x).view(tokens, heads, -1).transpose(0, 1))
    k = rotate(layer.self_attn.k_proj(x).view(tokens, kv_heads, -1).transpose(0, 1)).repeat_interleave(heads // kv_heads, 0)
    scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
    later = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
    return scores.masked_fill(later, -torch.inf).softmax(-1).mean(0)


@torch.no_grad()
def make_inside() -> None:
    """One forward pass over prompt and answer together, without a cache."""
    file, model, whole = GoldenFile("inside"), WholeModel(seed=0), load_file(FOLDER / "whole.safetensors")
    for name, parameter in model.parameters_by_name().items():
        parameter.copy_(whole[f"weights.{name}"])
    prompt, ids = whole["generate.promptIds"].long(), whole["generate.ids"].tolist()
    image = whole["in.images"][int(whole["generate.image"])]
    embeddings, _, (length,), _ = model.splice(prompt[None], torch.full_like(prompt, IGNORED)[None], torch.tensor([len(prompt)]), image[None])
    inputs = torch.cat([embeddings, model.language.get_input_embeddings().weight[ids[:-1]][None]], 1)
    causal = model.language.base_model.model
    states = causal(inputs_embeds=inputs, output_hidden_states=True, output_attentions=True, use_cache=False)
    looks = torch.stack([attention_of(layer, h[0]) for layer, h in zip(causal.model.layers, states.hidden_states)])
    for ours, theirs in zip(looks, states.attentions):
        assert torch.allclose(ours, theirs[0].mean(0), atol=1e-6), "the plain attention differs from that of transformers"
    features, _ = clip_features(model.vision, image[None])
    steps, at = slice(length - 1, length - 1 + len(ids)), int((prompt == PLACEHOLDER).nonzero())
    top = states.logits[0, steps].softmax(-1).topk(WORDS)
    assert top.indices[:, 0].tolist() == ids, "another continuation than that of whole.safetensors"
    model.projector(features[0])
    seen = model.projector.seen
    file.config = {"words": WORDS, "prototypes": PROTOTYPES, "margin": seen["margin"].item(),
                   "wordMargin": (top.values[:, :-1] - top.values[:, 1:]).min().item()}
    file.put("attention", looks[:, steps, at:at + features.shape[1]].transpose(0, 1))
    file.put_all("words.", {"ids": top.indices, "probabilities": top.values})
    file.put_all("prototypes.", {**{f"share.{t}": seen[f"a.{t}"].T for t in range(ITERATIONS)}, "centre": seen["assignment"], "weight": seen["w"]})
    print(f"inside: margins {file.config}")
    file.write()
