"""Makes packages/testing/published: small random models in the layouts, names and quirks of published folders. Not part of
installing, building or testing.

Run once with each set of libraries (Python 3.11, torch 2.15.0, CPU), from packages/testing/python:
    transformers==4.31.0 peft==0.4.0    ->  published/transformers-4.31
    transformers==5.24.0 peft==0.21.2   ->  published/transformers-5

Each holds
    language/  the base in f16, sharded; its config.json says share4v and names a projector of its own, which is foreign
    tower/     CLIPVisionModel in bf16, beside preprocessor_config.json
    adapter/   what LLaVA's training saves: adapter_config.json and adapter_model with the pairs of language model and tower in one
               file, non_lora_trainables.bin with the projector, config.json, and Vit-lora/ with the tower's pairs once more
    expected.safetensors   a picture, ids with -200 for it, and what PyTorch computes from the saved values in f32: `image`, the rows of
               the projector; `logits`, the last ones; `merged`, the rows of the base's own projector without any adapter
"""

import copy
import json
import shutil
import sys
from pathlib import Path

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM

from prototype_projector import PrototypeProjector
from tiny_models import LANGUAGE_TARGETS, VISION_TARGETS, fill

torch.set_num_threads(1)
OLD = transformers.__version__.startswith("4.")
ROOT = Path(__file__).parent.parent / "published" / ("transformers-4.31" if OLD else "transformers-5")
WIDTH, ROWS, SIDE, PATCH = 32, 360, 96, 6  # 256 patches for the 256 prototypes that the published code builds
NAME, TOWER = "tiny-share4v-base", "org/tower"
PLACEHOLDER = -200
IDS = [1, 300, 290, PLACEHOLDER, 259, 310, 297, 275, 2, 301, 288, 320]
LAST = 9


class CLIPVisionTower(nn.Module):
    """What PEFT is wrapped around; its name and its one module stand in the published files."""

    def __init__(self, tower: nn.Module):
        super().__init__()
        self.vision_tower = tower

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.vision_tower(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]


@torch.no_grad()
def rounded(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    for p in module.parameters():
        p.copy_(p.to(dtype).float())
    return module


@torch.no_grad()
def fill_pairs(module: nn.Module, seed: int) -> None:
    """Pairs whose halves both count, in numbers that bf16 holds."""
    random = torch.Generator().manual_seed(seed)
    for name, p in sorted((name, p) for name, p in module.named_parameters() if "lora_" in name):
        p.copy_((torch.randn(p.shape, generator=random) * (0.15 if "lora_B" in name else 1.2 / p.shape[1] ** 0.5)).bfloat16().float())


def tokenizer_json() -> dict:
    """Bytes and single characters in LLaMA's order, and a <pad> that was added beyond the rows of the model."""
    pieces = ["<unk>", "<s>", "</s>", *[f"<0x{i:02X}>" for i in range(256)], "▁", *[chr(c) for c in range(33, 127)]]
    special = lambda i, s: {"id": i, "content": s, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                            "special": True}
    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [*(special(i, s) for i, s in enumerate(pieces[:3])), special(ROWS, "<pad>")],
            "normalizer": None, "pre_tokenizer": None, "post_processor": None,
            "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                                                         {"type": "ByteFallback"}, {"type": "Fuse"},
                                                         {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
            "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True,
                      "vocab": {piece: i for i, piece in enumerate(pieces)}, "merges": []}}


def edit(path: Path, change) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value, indent=2) + "\n")


def llava_keys(projector: str) -> dict:
    return {"mm_projector_type": projector, "mm_hidden_size": WIDTH, "mm_vision_select_layer": -2, "mm_vision_select_feature": "patch",
            "mm_vision_tower": TOWER, "use_mm_proj": True, "mm_use_im_start_end": False, "mm_use_im_patch_token": False,
            "image_aspect_ratio": "pad", "image_grid_pinpoints": None, "tune_mm_mlp_adapter": False, "freeze_mm_mlp_adapter": False,
            "mm_projector_lr": 2e-5}


@torch.no_grad()
def spread(projector: PrototypeProjector, tokens: torch.Tensor) -> None:
    """As WholeModel.spread_prototypes: centres that differ, so that the assignment does not hang on the last bit of a float."""
    projector.f.bias.copy_(-(tokens @ projector.f.weight.T).mean(0))
    shared = torch.stack([tokens.mean(0), projector.f(tokens).mean(0)])
    _, _, directions = torch.linalg.svd(shared, full_matrices=False)
    projector.c.weight.sub_(projector.c.weight @ directions.T @ directions)
    projector.c.bias.mul_(0.1)
    projector.sim_alpha.fill_(6.0)


def main(seed: int) -> None:
    shutil.rmtree(ROOT, ignore_errors=True)
    language, tower_folder, adapter = ROOT / "language", ROOT / "tower", ROOT / "adapter"
    sizes = dict(hidden_size=WIDTH, intermediate_size=48, num_attention_heads=4)
    llama = LlamaForCausalLM(LlamaConfig(**sizes, num_key_value_heads=2, num_hidden_layers=2, vocab_size=ROWS, rms_norm_eps=1e-5,
                                         max_position_embeddings=512, bos_token_id=1, eos_token_id=2, pad_token_id=0))
    rounded(fill(llama, seed), torch.float16)
    tower = CLIPVisionModel(CLIPVisionConfig(**sizes, num_hidden_layers=3, image_size=SIDE, patch_size=PATCH))
    rounded(fill(tower, seed + 1), torch.bfloat16)

    # The base, with a projector of its own.
    torch.manual_seed(seed)
    own = rounded(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH)), torch.float16)
    llama.model.mm_projector = own
    pixels = torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed + 5))
    with torch.no_grad():
        merged = own(CLIPVisionTower(tower.eval())(pixels[None])[0])
    # A copy, since 4.31 keeps its tables of angles as buffers, which would stay rounded.
    copy.deepcopy(llama).half().save_pretrained(language, max_shard_size="60KB")
    del llama.model.mm_projector
    edit(language / "config.json", lambda c: c.update(model_type="share4v", architectures=["Share4VLlamaForCausalLM"],
                                                      _name_or_path="./checkpoints/" + NAME, **llava_keys("mlp2x_gelu")))
    (language / "tokenizer.json").write_text(json.dumps(tokenizer_json(), ensure_ascii=False) + "\n")
    copy.deepcopy(tower).bfloat16().save_pretrained(tower_folder)
    CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}).save_pretrained(tower_folder)

    # The adapters: LoRA on the language model, then a tower with its own is put into it, as LLaVA's training does.
    config = LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, bias="none", target_modules=LANGUAGE_TARGETS, task_type="CAUSAL_LM")
    if not OLD:
        config = LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, target_modules=LANGUAGE_TARGETS, task_type="CAUSAL_LM", use_rslora=True,
                            rank_pattern={"layers.1.mlp.up_proj": 4}, alpha_pattern={"^model.layers.0.*q_proj|o_proj": 24})
    wrapped = CLIPVisionTower(tower)
    tower_peft = get_peft_model(wrapped, LoraConfig(r=4, lora_alpha=8, lora_dropout=0.2, bias="none", target_modules=VISION_TARGETS))
    whole = get_peft_model(llama, config)
    fill_pairs(whole, seed + 2), fill_pairs(wrapped, seed + 3)
    projector = fill(PrototypeProjector(WIDTH, WIDTH, 256, 2), seed + 4)

    whole.eval(), tower_peft.eval()
    with torch.no_grad():
        features = wrapped(pixels[None])[0]
        spread(projector, features)
        rounded(projector, torch.bfloat16)
        image = projector(features)
        table = llama.get_input_embeddings().weight
        cut = IDS.index(PLACEHOLDER)
        embeddings = torch.cat([table[IDS[:cut]], image, table[IDS[cut + 1:]]])
        logits = whole(inputs_embeds=embeddings[None]).logits[0, -LAST:]
        bare = projector.seen
    margin = bare["margin"].item()

    for module in (whole, wrapped):
        for n, p in module.named_parameters():
            if "lora_" in n:
                p.data = p.data.bfloat16()
    llama.model.vision_tower = wrapped
    whole.save_pretrained(adapter)
    tower_peft.save_pretrained(adapter / "Vit-lora")
    for folder in (adapter, adapter / "Vit-lora"):
        (folder / "README.md").unlink(missing_ok=True)
    edit(adapter / "adapter_config.json", lambda c: c.update(base_model_name_or_path="./checkpoints/" + NAME))
    torch.save({f"base_model.model.model.mm_projector.{n}": p.data.bfloat16() for n, p in projector.named_parameters()},
               adapter / "non_lora_trainables.bin")
    llava = llama.config.to_dict()
    llava.update(model_type="llava", architectures=["LlavaLlamaForCausalLM"], num_latents=256, qav_loss=False, loss_alpha=0.5,
                 vision_tower_lr=2e-4, tokenizer_model_max_length=2048, tokenizer_padding_side="right", **llava_keys("cluster"))
    (adapter / "config.json").write_text(json.dumps(llava, indent=2) + "\n")
    (adapter / "trainer_state.json").write_text('{"log_history": []}\n')
    about = {"transformers": transformers.__version__, "peft": peft.__version__, "torch": torch.__version__, "margin": margin}
    save_file({"pixels": pixels, "ids": torch.tensor(IDS, dtype=torch.int32),
               "image": image.contiguous(), "merged": merged.contiguous(), "logits": logits.contiguous()}, ROOT / "expected.safetensors", {"config": json.dumps(about)})
    print(about, "clusters used", bare["assignment"].unique().numel(), "size of logits", logits.abs().max().item())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 73 if OLD else 88)  # the closest assignments differ by over 1e-4
