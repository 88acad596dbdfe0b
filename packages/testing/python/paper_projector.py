"""The projector by the paper's equations (specification 1.4.7), written from them as PyTorch does: [K, L] shares, a loop over tokens."""

import torch
from torch import nn

from golden_file import GoldenFile
from tiny_models import fill, gradients


class PaperProjector(nn.Module):
    def __init__(self, width: int, output_width: int, prototypes: int, iterations: int):
        super().__init__()
        self.iterations = iterations
        self.centres = nn.Parameter(torch.zeros(prototypes, width))
        self.q, self.k, self.v, self.z = (nn.Linear(width, width) for _ in range(4))
        self.mlp = nn.Sequential(nn.Linear(width, output_width), nn.Identity(), nn.Linear(output_width, output_width))

    def one(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        centres = self.centres
        for _ in range(self.iterations):
            centres = (self.q(centres) @ self.k(x).T).softmax(0) @ self.v(x)
        rows = []
        for token in x:
            cosine = nn.functional.cosine_similarity(centres, token[None], dim=1, eps=1e-12)
            rows.append(token + self.z((cosine[:, None] * centres).mean(0)))
        y = torch.stack(rows)
        hidden = self.mlp[0](y)
        return y, self.mlp[2](hidden * torch.sigmoid(1.702 * hidden))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, e = zip(*(self.one(image) for image in x))
        return torch.stack(y), torch.stack(e)


def make_paper(seed: int = 2411) -> None:
    """Two images of 21 tokens; the loss is a fixed linear functional of E."""
    width, output_width, prototypes, iterations = 12, 10, 5, 2
    file, random = GoldenFile("paper-projector"), torch.Generator().manual_seed(seed)
    file.config = {"width": width, "outputWidth": output_width, "prototypes": prototypes, "iterations": iterations}
    model = fill(PaperProjector(width, output_width, prototypes, iterations), seed).double()
    x = torch.randn(2, 21, width, generator=random).double().requires_grad_()
    loss_weights = torch.randn(2, 21, output_width, generator=random).double()
    y, e = model(x)
    loss = (e * loss_weights).sum()
    loss.backward()
    parameters = dict(model.named_parameters())
    file.put_all("weights.", parameters)
    file.put_all("in.", {"x": x, "lossWeights": loss_weights})
    file.put_all("out.", {"y": y, "e": e, "loss": loss})
    file.put_all("grad.", {**gradients(parameters), "x": x.grad})
    print(f"paper-projector: loss {loss.item():.5f}")
    file.write()
