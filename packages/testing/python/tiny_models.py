"""Tiny CLIP and LLaMA with LoRA: Hugging Face's modules, seeded weights that make every term count, published names."""

import math
import warnings

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM

warnings.filterwarnings("ignore")

VISION = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, image_size=24, patch_size=6,
              hidden_act="quick_gelu", layer_norm_eps=1e-5)
LANGUAGE = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4, vocab_size=40,
                rms_norm_eps=1e-5, rope_theta=10000.0, max_position_embeddings=256, hidden_act="silu", tie_word_embeddings=False,
                bos_token_id=1, eos_token_id=2)
LORA = dict(r=4, lora_alpha=8, lora_dropout=0.0, bias="none")
VISION_TARGETS = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]
LANGUAGE_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def fill(module: nn.Module, seed: int) -> nn.Module:
    """Seeded values far from the trivial ones: biases, norm offsets and lora_B are not zero, norm weights are not one."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(module.named_parameters()):
            noise = torch.randn(p.shape, generator=random)
            if "sim_" in name:
                p.fill_(3.0 if "alpha" in name else -0.25)
            elif "norm" in name or "ln_1" in name:
                p.copy_(0.1 * noise + (1.0 if name.endswith("weight") else 0.0))
            elif name.endswith("bias"):
                p.copy_(0.1 * noise)
            elif "lora_B" in name:
                p.copy_(0.15 * noise)
            elif "embed" in name and "patch" not in name:
                p.copy_(0.5 * noise)
            else:
                p.copy_(noise * (1.2 / math.sqrt(p[0].numel())))
    return module


def clip(seed: int) -> nn.Module:
    model = CLIPVisionModel(CLIPVisionConfig(**VISION, attn_implementation="eager"))
    return fill(get_peft_model(model, LoraConfig(**LORA, target_modules=VISION_TARGETS)), seed).eval()


def llama(seed: int, **changes) -> nn.Module:
    model = LlamaForCausalLM(LlamaConfig(**{**LANGUAGE, **changes}, attn_implementation="eager"))
    return fill(get_peft_model(model, LoraConfig(**LORA, target_modules=LANGUAGE_TARGETS)), seed).eval()


def published(name: str, prefix: str = "") -> str:
    """The checkpoint's name of a PEFT module's parameter: wrapper words out, `lora_A.weight` as on disk."""
    name = name.removeprefix("base_model.model.").replace(".base_layer.", ".").replace(".default.", ".")
    return prefix + name


def weights(module: nn.Module, prefix: str = "") -> dict[str, torch.Tensor]:
    return {published(name, prefix): p for name, p in module.named_parameters()}


def gradients(parameters: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Only what the loss reaches: a parameter without gradient (the tower's last block, ln_1) is absent."""
    return {name: p.grad for name, p in parameters.items() if p.grad is not None}


def train_only(parameters: dict[str, torch.Tensor], wanted) -> None:
    for name, p in parameters.items():
        p.requires_grad_(wanted(name))
        p.grad = None


class Listener:
    """Collects the output of chosen submodules during a forward pass."""

    def __init__(self, modules: dict[str, nn.Module]):
        self.seen: dict[str, torch.Tensor] = {}
        self.handles = [module.register_forward_hook(self.hook(name)) for name, module in modules.items()]

    def hook(self, name: str):
        def keep(_module, _inputs, output):
            self.seen[name] = output[0] if isinstance(output, tuple) else output
        return keep

    def close(self) -> dict[str, torch.Tensor]:
        for handle in self.handles:
            handle.remove()
        return self.seen


def clip_features(model: nn.Module, pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """pixels [B, 3, S, S] -> features [B, P, C] of the layer before last without the class token, and every stage."""
    tower = model.base_model.model
    listener = Listener({"embeddings": tower.pre_layrnorm, **{f"block.{i}": b for i, b in enumerate(tower.encoder.layers)}})
    states = model(pixel_values=pixels, output_hidden_states=True).hidden_states
    seen = listener.close()
    last_used = len(tower.encoder.layers) - 2
    assert torch.equal(states[-2], seen[f"block.{last_used}"]) and torch.equal(states[0], seen["embeddings"])
    del seen[f"block.{last_used + 1}"]
    return seen[f"block.{last_used}"][:, 1:], seen


def llama_logits(model: nn.Module, embeddings: torch.Tensor, lengths: list[int]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """embeddings [B, T, C], right-padded -> logits [B, T, V] and the stream after each block and after the last norm."""
    decoder = model.base_model.model.model
    listener = Listener({**{f"block.{i}": b for i, b in enumerate(decoder.layers)}, "norm": decoder.norm})
    mask = (torch.arange(embeddings.shape[1])[None] < torch.tensor(lengths)[:, None]).long()
    logits = model(inputs_embeds=embeddings, attention_mask=mask, use_cache=False).logits
    return logits, listener.close()


def mean_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Position t predicts label t+1; the mean is over all labels of the batch that are not -100."""
    return nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
