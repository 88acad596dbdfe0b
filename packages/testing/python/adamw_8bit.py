"""The dynamic maps of 8-bit moments, and three steps of 8-bit AdamW, by bitsandbytes on the CPU.

    venv/bin/pip install torch==2.15.0 bitsandbytes==0.50.2 numpy safetensors
    venv/bin/python packages/testing/python/adamw_8bit.py

4,300 elements: 16 blocks of 256 and a part of one; a block without gradients, and gradients of 1e-12 to 1.
"""

import bitsandbytes
import torch
from bitsandbytes.functional import create_dynamic_map

from golden_file import GoldenFile

SIZE, BLOCK, STEPS = 4300, 256, 3
SETTINGS = {"lr": 0.01, "beta1": 0.9, "beta2": 0.98, "eps": 1e-6, "weightDecay": 0.05}


def main() -> None:
    torch.set_num_threads(1)
    file, random = GoldenFile("adamw-8bit"), torch.Generator().manual_seed(81)
    signed, unsigned = create_dynamic_map(True), create_dynamic_map(False)
    x = torch.randn(SIZE, generator=random)
    blocks = -(-SIZE // BLOCK)
    codes = [torch.zeros(SIZE, dtype=torch.uint8) for _ in range(2)]
    absmax = [torch.zeros(blocks) for _ in range(2)]
    file.config = {**SETTINGS, "steps": STEPS, "bitsandbytes": bitsandbytes.__version__, "torch": torch.__version__}
    file.put_all("map.", {"signed": signed, "unsigned": unsigned})
    file.put("in.x", x)
    for step in range(STEPS):
        g = torch.randn(SIZE, generator=random) * 10 ** torch.linspace(-12, 0, SIZE)
        g[2 * BLOCK:3 * BLOCK] = 0
        torch.ops.bitsandbytes.optimizer_update_8bit_blockwise(
            "adam", g, x, codes[0], codes[1], SETTINGS["beta1"], SETTINGS["beta2"], 0.0, 0.0, SETTINGS["eps"], step + 1,
            SETTINGS["lr"], signed, unsigned, absmax[0], absmax[1], SETTINGS["weightDecay"], 1.0)
        file.put_all(f"{step}.", {"g": g, "x": x.clone(), "first": codes[0].clone(), "second": codes[1].clone(),
                                  "first_absmax": absmax[0].clone(), "second_absmax": absmax[1].clone()})
    file.write()


if __name__ == "__main__":
    main()
