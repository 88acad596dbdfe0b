"""The `cluster` projector of SQ-LLaVA: prototype extractor and two-layer MLP, for one image at a time.

Written from the project's specification, section 1.4.2; step numbers below are that section's.
"""

import math

import torch
from torch import nn


def unit(x: torch.Tensor, axis: int) -> torch.Tensor:
    return x / x.norm(dim=axis, keepdim=True).clamp_min(1e-12)


class PrototypeProjector(nn.Module):
    def __init__(self, width: int, output_width: int, prototypes: int, iterations: int = 2):
        super().__init__()
        self.prototypes, self.iterations = prototypes, iterations
        self.sim_alpha = nn.Parameter(torch.ones(1, 1, 1))
        self.sim_beta = nn.Parameter(torch.zeros(1, 1, 1))
        self.c, self.v, self.f = (nn.Linear(width, width) for _ in range(3))
        self.ln_1 = nn.LayerNorm(width)  # in the published files, never applied
        self.mlp = nn.Sequential(nn.Linear(width, output_width), nn.Identity(), nn.Linear(output_width, output_width))
        self.seen: dict[str, torch.Tensor] = {}

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        tokens, bins = x.shape[0], self.prototypes
        edges = [(math.floor(i * tokens / bins), math.ceil((i + 1) * tokens / bins)) for i in range(bins)]
        return torch.stack([x[start:end].mean(0) for start, end in edges])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [L, D] -> E [L, H]; the intermediates of the last call stay in `seen`."""
        seen = self.seen = {}
        value, feature = self.v(x), self.f(x)  # 1
        seen["poolX"], seen["poolF"] = centres, pooled = self.pool(x), self.pool(feature)  # 2, 3
        key = unit(value, 0)  # 4: each channel over the tokens
        for t in range(self.iterations):  # 5
            seen[f"z.{t}"] = z = unit(self.c(centres), 1) @ key.T
            seen[f"a.{t}"] = a = z.softmax(0)  # over the centres, for each token
            seen[f"c.{t}"] = centres = a @ feature
        seen["cos"] = cosine = unit(centres, 1) @ unit(x, 1).T  # 6
        seen["s"] = s = torch.sigmoid(self.sim_beta[0] + self.sim_alpha[0] * cosine)  # 7
        top = s.detach().topk(2, dim=0).values
        seen["margin"] = (top[0] - top[1]).min()
        seen["assignment"] = chosen = s.detach().argmax(0)  # 8
        seen["w"] = w = s.gather(0, chosen[None])[0]
        seen["counts"] = counts = torch.bincount(chosen, minlength=self.prototypes)
        total = pooled.index_add(0, chosen, w[:, None] * feature)  # 9
        seen["g"] = g = total / (counts + 1).to(x.dtype)[:, None]
        seen["y"] = y = x + w[:, None] * g[chosen]  # 10
        hidden = self.mlp[0](y)  # 11
        return self.mlp[2](hidden * torch.sigmoid(1.702 * hidden))
