"""Files that `torch.save` writes, as bytes in one golden file, with the values that they hold.

Run from this folder with torch and safetensors installed: `python torch_files.py`. The published SQ-LLaVA files are of
protocol 2; 3 to 5 come from `torch.save(..., pickle_protocol=...)`.
"""

import io
import tempfile
from collections import OrderedDict

import numpy as np
import torch

from golden_file import GoldenFile

torch.manual_seed(0)
golden = GoldenFile("torch-files")
golden.config = {"torch": torch.__version__}


def saved(value, **options) -> np.ndarray:
    file = io.BytesIO()
    torch.save(value, file, **options)
    return np.frombuffer(file.getvalue(), np.uint8)


def put(name: str, value, **options) -> None:
    """The file's bytes under `file.NAME`, and each tensor's values under `NAME.`."""
    golden.put(f"file.{name}", saved(value, **options))
    golden.put_all(f"{name}.", {key: tensor.resolve_neg().float() for key, tensor in value.items()})


# The projector of sq-llava.md 1.4.1 at width 8, 4 prototypes, as stage 1 writes it: bf16 in an ordered map.
projector = OrderedDict(
    (f"model.mm_projector.{name}", torch.randn(shape).to(torch.bfloat16))
    for name, shape in {
        "sim_alpha": (1, 1, 1), "sim_beta": (1, 1, 1), "c.weight": (8, 8), "c.bias": (8,), "v.weight": (8, 8),
        "v.bias": (8,), "f.weight": (8, 8), "f.bias": (8,), "ln_1.weight": (8,), "ln_1.bias": (8,),
        "mlp.0.weight": (6, 8), "mlp.0.bias": (6,), "mlp.2.weight": (6, 6), "mlp.2.bias": (6,),
    }.items()
)
put("mm_projector", projector)
put("non_lora_trainables", {f"base_model.model.{name}": tensor for name, tensor in projector.items()})

# A module's own state: OrderedDict with _metadata, which BUILD sets.
module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2)).half()
for protocol in (2, 3, 4, 5):
    put(f"state-{protocol}", module.state_dict(), pickle_protocol=protocol)

base = torch.arange(24.0).reshape(2, 3, 4)
put("parameters", {"w": torch.nn.Parameter(base.clone()), "b": torch.nn.Parameter(torch.ones(2), requires_grad=False)})
put("views", {"turned": base.permute(2, 0, 1), "part": base[:, 1:, ::2], "empty": base[:, :0], "shared": base})
# A row for every use of it: larger than what is stored, and smaller than its file.
put("expanded", {"rows": torch.tensor([1.0, 2.0, 3.0]).expand(5, 3)})

golden.put("file.wide", saved({"w": torch.ones(1).expand(100000)}))
golden.put("file.negated", saved({"w": torch.tensor([1 + 2j]).conj().imag}))
golden.put("file.legacy", saved({"w": torch.ones(2)}, _use_new_zipfile_serialization=False))
golden.put("file.nested", saved({"epoch": 3, "state_dict": {"w": torch.ones(2)}}))
golden.put("file.sparse", saved({"w": torch.eye(2).to_sparse()}))

# From 4 GiB on torch writes zip64 records. Of that file the ends are kept, between which it is zeros.
large = torch.zeros(2**30 + 250)
large[-1] = 7
with tempfile.TemporaryFile() as file:
    torch.save(OrderedDict(first=torch.tensor([1.0, 2.0]), large=large, last=torch.tensor([3.0])), file)
    size, ends = file.tell(), 4096
    file.seek(0)
    golden.put("large.begin", np.frombuffer(file.read(ends), np.uint8))
    file.seek(size - ends)
    golden.put("large.end", np.frombuffer(file.read(), np.uint8))
    golden.config["large"] = size
golden.write()
