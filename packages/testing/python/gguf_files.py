"""Reads what `curio merge --format gguf` writes, with gguf's own reader. Not part of installing, building or testing.

    python gguf_files.py read FOLDER    FOLDER has the files of packages/model/test/gguf-sample-cli.ts; writes ../golden/gguf.json: their
                                        settings, and of each tensor name, type, shape and the hash of its bytes. The bytes must be those
                                        that gguf's own quantisation makes of the f32 file
    python gguf_files.py check FILE FOLDER   logits of a GGUF (of --storage f32), opened by transformers' own reader, which turns the rows of
                                        q and k back, beside those of the Hugging Face folder that was merged of the same model
    python gguf_files.py llama FILE FOLDER   likewise, computed by llama.cpp; its cache of keys and values is f16

Run with gguf 0.19.0, transformers 5.24.0, torch 2.15.0; `llama` with ctransformers 0.2.27, whose llama.cpp knows version 2 of the
format, which differs in the number alone.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

IDS = [1, 261, 262, 263, 300, 310, 320, 270, 280, 290, 340, 350, 349]


def read(folder: Path) -> None:
    from gguf import GGUFReader, quants

    readers = {path.stem: GGUFReader(path) for path in sorted(folder.glob("*.gguf"))}
    plain = {tensor.name: tensor for tensor in readers["f32"].tensors}
    out = {}
    for storage, reader in readers.items():
        settings = {name: field.contents() for name, field in reader.fields.items()}
        for name in ("tokens", "scores", "token_type"):  # whole lists would be long
            whole = settings.pop(f"tokenizer.ggml.{name}")
            settings[f"tokenizer.ggml.{name}"] = {"count": len(whole), "begin": whole[:5], "end": whole[-12:]}
        tensors = []
        for tensor in reader.tensors:
            own = quants.quantize(plain[tensor.name].data, tensor.tensor_type)
            assert own.tobytes() == tensor.data.tobytes(), f"{storage} {tensor.name}"
            tensors.append({"name": tensor.name, "type": tensor.tensor_type.name, "shape": tensor.shape.tolist(),
                            "sha256": hashlib.sha256(tensor.data.tobytes()).hexdigest()[:16]})
        file = hashlib.sha256((folder / f"{storage}.gguf").read_bytes()).hexdigest()
        out[storage] = {"sha256": file, "settings": settings, "tensors": tensors}
    golden = Path(__file__).parent.parent / "golden" / "gguf.json"
    golden.write_text(json.dumps(out, ensure_ascii=False, indent=1) + "\n")
    print(len(out), "files")


def logits_of(folder: Path) -> np.ndarray:
    import torch
    from transformers import LlamaForCausalLM

    with torch.no_grad():
        return LlamaForCausalLM.from_pretrained(folder).float().eval()(torch.tensor([IDS])).logits[0, -1].numpy()


def compare(got: np.ndarray, folder: Path) -> None:
    want = logits_of(folder)
    print("logits", np.abs(got - want).max() / np.abs(want).max(), "of the greatest")


def check(file: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32).eval()
    with torch.no_grad():
        compare(model(torch.tensor([IDS])).logits[0, -1].numpy(), folder)


def llama(file: Path, folder: Path) -> None:
    from ctransformers import LLM, Config

    with tempfile.NamedTemporaryFile(suffix=".gguf") as second:
        content = bytearray(file.read_bytes())
        content[4] = 2
        second.write(content)
        second.flush()
        model = LLM(second.name, model_type="llama", config=Config(context_length=64, threads=1), lib="avx2")
        print("pieces", model.tokenize("hello world (4) x", add_bos_token=True))
        model.eval(IDS)
        compare(np.array(model.logits), folder)


if __name__ == "__main__":
    command, *paths = sys.argv[1:]
    {"read": read, "check": check, "llama": llama}[command](*map(Path, paths))
