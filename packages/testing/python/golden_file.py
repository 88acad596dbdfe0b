"""One golden file under construction: named tensors plus the config that made them, written as safetensors."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

FOLDER = Path(__file__).resolve().parent.parent / "golden"


class GoldenFile:
    """Tensors are stored as F32, I32 (ids, labels, indices) or U8 (pixels)."""

    def __init__(self, name: str):
        self.name = name
        self.tensors: dict[str, np.ndarray] = {}
        self.config: dict = {}

    def put(self, name: str, value) -> None:
        if name in self.tensors:
            raise ValueError(f"{self.name}: tensor '{name}' is put twice")
        array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        if array.dtype == np.uint8:
            target = np.uint8
        elif np.issubdtype(array.dtype, np.integer) or array.dtype == np.bool_:
            target = np.int32
        else:
            target = np.float32
        stored = np.array(array, dtype=target, order="C")
        if target is np.float32 and not np.isfinite(stored).all():
            raise ValueError(f"{self.name}: tensor '{name}' is not finite")
        self.tensors[name] = stored

    def put_all(self, prefix: str, values: dict) -> None:
        for name, value in values.items():
            self.put(f"{prefix}{name}", value)

    def write(self) -> None:
        FOLDER.mkdir(exist_ok=True)
        path = FOLDER / f"{self.name}.safetensors"
        save_file(self.tensors, path, metadata={"config": json.dumps(self.config)})
        print(f"{path.name}: {len(self.tensors)} tensors, {path.stat().st_size / 1024:.0f} KiB")
