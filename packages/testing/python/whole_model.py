"""The tiny whole model: image -> CLIP + LoRA -> prototype projector -> splice at the placeholder -> LLaMA + LoRA -> mean cross-entropy."""

import math

import torch
from torch import nn
from transformers import DynamicCache

from prototype_projector import PrototypeProjector
from tiny_models import LANGUAGE, VISION, clip, clip_features, fill, llama, llama_logits, mean_cross_entropy, weights

PLACEHOLDER, IGNORED = -200, -100
WHOLE_LANGUAGE = dict(hidden_size=48, intermediate_size=64, num_attention_heads=6, num_key_value_heads=2)
PROTOTYPES, ITERATIONS = 6, 2
VISION_PREFIX, PROJECTOR_PREFIX = "model.vision_tower.vision_tower.vision_model.", "model.mm_projector."
CONFIG = {"vision": VISION, "language": {**LANGUAGE, **WHOLE_LANGUAGE}, "projector": {"prototypes": PROTOTYPES, "iterations": ITERATIONS},
          "visionLora": {"r": 4, "alpha": 8}, "languageLora": {"r": 4, "alpha": 8}}


def batch(seed: int, samples: list[tuple[bool, int]]) -> dict[str, torch.Tensor]:
    """Samples (has an image, text ids) -> ids and labels [B, S] right-padded with 0 and -100, and images [I, 3, 24, 24] in order."""
    random = torch.Generator().manual_seed(seed)
    longest = max(count for _, count in samples)
    ids = torch.zeros(len(samples), longest, dtype=torch.long)
    labels = torch.full_like(ids, IGNORED)
    for b, (has_image, count) in enumerate(samples):
        row = torch.randint(3, LANGUAGE["vocab_size"], (count,), generator=random)
        row[0] = 1
        row[-1] = 2
        answer = torch.rand(count, generator=random) < 0.6
        answer[:5] = False  # start token, placeholder, question
        answer[-1] = True
        if has_image:
            row[2 + b % 2] = PLACEHOLDER
        ids[b, :count] = row
        labels[b, :count] = torch.where(answer, row, torch.full_like(row, IGNORED))
    images = torch.randn(sum(has for has, _ in samples), 3, 24, 24, generator=random)
    return {"ids": ids, "labels": labels, "textLengths": torch.tensor([count for _, count in samples]), "images": images}


class WholeModel(nn.Module):
    def __init__(self, seed: int, vocab_size: int = LANGUAGE["vocab_size"]):
        super().__init__()
        self.vision, self.language = clip(seed), llama(seed + 1, **WHOLE_LANGUAGE, vocab_size=vocab_size)
        self.projector = fill(PrototypeProjector(VISION["hidden_size"], WHOLE_LANGUAGE["hidden_size"], PROTOTYPES, ITERATIONS), seed + 2)

    @torch.no_grad()
    def spread_prototypes(self, images: torch.Tensor) -> None:
        """Makes prototypes differ on these images. With random weights all of them point the same way (specification 1.4.6), and the
        hard assignment, hence every figure after it, would hang on the last bit of a float. So: centre the features, and let the
        query layer ignore what the tokens of an image have in common."""
        projector, (tokens, _) = self.projector, clip_features(self.vision, images)
        projector.f.bias.copy_(-(tokens @ projector.f.weight.T).mean((0, 1)))
        shared = torch.cat([tokens.mean(1), projector.f(tokens).mean(1)])
        _, _, directions = torch.linalg.svd(shared, full_matrices=False)
        projector.c.weight.sub_(projector.c.weight @ directions.T @ directions)
        projector.c.bias.mul_(0.1)
        projector.sim_alpha.fill_(6.0)

    def parameters_by_name(self) -> dict[str, torch.Tensor]:
        return {**weights(self.vision, VISION_PREFIX), **weights(self.projector, PROJECTOR_PREFIX), **weights(self.language)}

    def splice(self, ids, labels, text_lengths, images):
        """Specification 2.7: the placeholder's embedding becomes the image rows, its label as many ignored labels. A text takes none of
        the rows of an image, so that a batch of texts alone, which comes with an empty image, has gradients of zero and not none."""
        features, _ = clip_features(self.vision, images)
        projected, margins = [], []
        for one in features:
            projected.append(self.projector(one))
            margins.append(self.projector.seen["margin"].item())
        table = self.language.get_input_embeddings().weight
        rows, row_labels, used = [], [], 0
        for b, count in enumerate(text_lengths.tolist()):
            text, text_labels = ids[b, :count], labels[b, :count]
            at = (text == PLACEHOLDER).nonzero().flatten().tolist()
            if at:
                image, cut = projected[used], at[0]
                used += 1
                rows.append(torch.cat([table[text[:cut]], image, table[text[cut + 1:]]]))
                row_labels.append(torch.cat([text_labels[:cut], torch.full((len(image),), IGNORED), text_labels[cut + 1:]]))
            else:
                rows.append(torch.cat([table[text], projected[0][:0]]))
                row_labels.append(text_labels)
        lengths = [len(row) for row in rows]
        embeddings = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        expanded = nn.utils.rnn.pad_sequence(row_labels, batch_first=True, padding_value=IGNORED)
        return embeddings, expanded, lengths, {"features": features, "projected": torch.stack(projected), "margin": min(margins[:used], default=math.inf)}

    def forward(self, ids, labels, textLengths, images):
        embeddings, expanded, lengths, seen = self.splice(ids, labels, textLengths, images)
        logits, blocks = llama_logits(self.language, embeddings, lengths)
        return mean_cross_entropy(logits, expanded), {**seen, **blocks, "embeddings": embeddings, "labels": expanded, "lengths": lengths,
                                                      "logits": logits}

    @torch.no_grad()
    def greedy(self, ids: torch.Tensor, image: torch.Tensor, count: int) -> dict:
        """Prefill, then one token at a time with a key-value cache; checked against a full recompute. No stop token."""
        nothing = torch.full_like(ids, IGNORED)
        prompt, _, (length,), _ = self.splice(ids[None], nothing[None], torch.tensor([len(ids)]), image[None])
        table, decoder = self.language.get_input_embeddings().weight, self.language.base_model.model
        cache, chunk, chosen, rows = DynamicCache(), prompt, [], []
        for _ in range(count):
            logits = decoder(inputs_embeds=chunk, past_key_values=cache, use_cache=True).logits[0, -1]
            rows.append(logits)
            chosen.append(int(logits.argmax()))
            chunk = table[chosen[-1]][None, None]
        whole = torch.cat([prompt, table[chosen[:-1]][None]], 1)
        again = llama_logits(self.language, whole, [whole.shape[1]])[0][0, length - 1:]
        assert torch.allclose(again, torch.stack(rows), atol=1e-5), "cached and recomputed logits differ"
        top = torch.stack(rows).topk(2).values
        return {"ids": chosen, "logits": torch.stack(rows), "margin": (top[:, 0] - top[:, 1]).min().item()}


def cosine_factor(step: int, total: int, warmup_ratio: float) -> float:
    """transformers' get_cosine_schedule_with_warmup at the 0-based optimizer step, warm-up = ceil(ratio * total)."""
    warmup = math.ceil(warmup_ratio * total)
    if step < warmup:
        return step / max(1, warmup)
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / max(1, total - warmup))))
