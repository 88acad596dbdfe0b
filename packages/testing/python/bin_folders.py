"""Opens what Curio writes as .bin with PyTorch and PEFT. Not part of installing, building or testing.

    python bin_folders.py file FILE            the file of packages/nn/test/torch-writer.test.ts: every tensor is what the test wrote
    python bin_folders.py adapter BIN SAFE     two folders of one adapter in both formats: the same bytes, loaded under weights_only, and
                                              PeftModel opens both around published/transformers-5/language with the same logits

Run with torch 2.15.0, transformers 5.24.0, peft 0.21.2.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file


def load(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)


def file(path: Path) -> None:
    got = load(path)
    half = torch.arange(0x3C00, 0x3C00 + 300, dtype=torch.int16).view(torch.float16).reshape(300, 1)
    want = {"model.mm_projector.c.weight": torch.tensor([[1, -2.5, 3], [0, 1e-3, 7]]), "half": half,
            "brain": torch.tensor([1, -3], dtype=torch.bfloat16), "scalar": torch.tensor(4.0), "ids": torch.tensor([-1, 70000]),
            "none": torch.zeros(0, 5), "ключ": torch.tensor([[[0.5]]])}
    assert list(got) == list(want)
    for name, value in want.items():
        assert got[name].dtype == value.dtype and torch.equal(got[name], value), name
    mapped = torch.load(path, weights_only=True, mmap=True)
    assert all(torch.equal(mapped[name], value) for name, value in want.items())
    print(len(want), "tensors are equal")


def adapter(binary: Path, safe: Path) -> None:
    from peft import PeftModel
    from transformers import LlamaForCausalLM

    count = 0
    for path in sorted(binary.rglob("*.bin")):
        got, want = load(path), load_file(safe / path.relative_to(binary).with_suffix(".safetensors"))
        assert set(got) == set(want)
        assert all(got[name].dtype == want[name].dtype and torch.equal(got[name], want[name]) for name in want), path
        count += 1
    language = Path(__file__).parent.parent / "published" / "transformers-5" / "language"
    ids = torch.tensor([[1, 300, 290, 259, 310]])
    logits = [PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(language, dtype=torch.float32), folder).eval()(ids).logits
              for folder in (binary, safe)]
    assert torch.equal(*logits)
    print(count, "files are equal, and so are the logits")


if __name__ == "__main__":
    file(Path(sys.argv[2])) if sys.argv[1] == "file" else adapter(Path(sys.argv[2]), Path(sys.argv[3]))
