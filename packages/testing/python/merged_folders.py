"""What `curio merge` writes, beside PEFT and transformers. Not part of installing, building or testing.

    python merged_folders.py make             writes published/transformers-5/merged.safetensors: the matrices of language model and tower
                                              after PEFT's merge_and_unload of the published folders there, in f32
    python merged_folders.py check FOLDER LAYOUT   opens a merged folder (of --storage f32) with transformers and compares its logits with
                                              LAYOUT's expected.safetensors, which were computed with the branches beside their matrices

Run with Python 3.11, torch 2.15.0, transformers 5.24.0, peft 0.21.2 (`check` of transformers-4.31 with 4.31.0 too), on the CPU.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPVisionModel, LlamaForCausalLM

from prototype_projector import PrototypeProjector

torch.set_num_threads(1)
ROOT = Path(__file__).parent.parent / "published"
PLACEHOLDER = -200


class CLIPVisionTower(nn.Module):
    """The module that the published adapters of the tower were made around."""

    def __init__(self, tower: nn.Module):
        super().__init__()
        self.vision_tower = tower


def make() -> None:
    from peft import PeftModel

    layout = ROOT / "transformers-5"
    llama = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(layout / "language", dtype=torch.float32), layout / "adapter")
    tower = PeftModel.from_pretrained(CLIPVisionTower(CLIPVisionModel.from_pretrained(layout / "tower", dtype=torch.float32)),
                                      layout / "adapter" / "Vit-lora")
    branches = {name.split(".lora_A")[0] for model in (llama, tower) for name in model.state_dict() if ".lora_A" in name}
    language, vision = llama.merge_and_unload().state_dict(), tower.merge_and_unload().state_dict()
    tensors = {}
    for branch in branches:
        name = branch.removeprefix("base_model.model.") + ".weight"
        if name in language:
            tensors[name] = language[name].contiguous()
        else:
            own = name.removeprefix("vision_tower.").removeprefix("vision_model.")
            tensors["vision_model." + own] = vision[name].contiguous()
    save_file(dict(sorted(tensors.items())), layout / "merged.safetensors", {"config": "{}"})
    print(len(tensors), "matrices")


@torch.no_grad()
def check(folder: Path, layout: str) -> None:
    expected = load_file(ROOT / layout / "expected.safetensors")
    llama = LlamaForCausalLM.from_pretrained(folder).float().eval()
    tower = CLIPVisionModel.from_pretrained(folder / "vision_tower").float().eval()
    tensors = {}
    for file in sorted(folder.glob("*.safetensors")):
        tensors |= load_file(file)
    prefix = "model.mm_projector."
    own = {name.removeprefix(prefix): value.float() for name, value in tensors.items() if name.startswith(prefix)}
    config = json.loads((folder / "config.json").read_text())
    width = config["hidden_size"]
    projector = PrototypeProjector(width, width, config["mm_num_prototypes"], config["mm_prototype_iterations"])
    projector.load_state_dict(own)
    features = tower(expected["pixels"][None], output_hidden_states=True).hidden_states[config["mm_vision_select_layer"]][:, 1:]
    image = projector(features[0])
    ids = expected["ids"].tolist()
    cut = ids.index(PLACEHOLDER)
    table = llama.get_input_embeddings().weight
    embeddings = torch.cat([table[ids[:cut]], image, table[ids[cut + 1:]]])
    logits = llama(inputs_embeds=embeddings[None]).logits[0, -expected["logits"].shape[0]:]
    size = expected["logits"].abs().max()
    print("image rows", ((image - expected["image"]).abs().max() / expected["image"].abs().max()).item(),
          "logits", ((logits - expected["logits"]).abs().max() / size).item(), "of the greatest")


if __name__ == "__main__":
    make() if sys.argv[1] == "make" else check(Path(sys.argv[2]), sys.argv[3])
