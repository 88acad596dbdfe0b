"""Makes packages/testing/published/clip: a small random CLIP as the Hugging Face hub has them, and what transformers computes with it.
Not part of installing, building or testing.

    python packages/testing/python/clip_folder.py

Made with Python 3.11, torch 2.15.0, transformers 5.24.0, pillow. The folder holds config.json, preprocessor_config.json, a byte-level
BPE of CLIP's kind trained on a few lines (tokenizer.json), model.safetensors in f16, and expected.json: texts, their ids cut as
CLIPProcessor cuts them, and of two pictures that a formula draws `logits` (logits_per_image) and `cosines`, computed in f32.
"""

import json
from pathlib import Path

import numpy
import torch
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

from tiny_models import fill

FOLDER = Path(__file__).parent.parent / "published" / "clip"
BOS, EOS = "<|startoftext|>", "<|endoftext|>"
POSITIONS, SIDE = 24, 24
LINES = ["a large red seven at top left", "which digit is red ?", "a photo of a cat", "how many digits are there ?", "what color is the two ?"] * 4
TEXTS = ["a photo of a cat", "Which DIGIT is red?", "  a   large red\tseven ", "it's the cat's 42nd café, 日本 🙂!", "", "x", "a large red seven at top left " * 8,
         "don't stop -- it'll end", "naïve coöperation No.7"]


def tokenizer() -> CLIPTokenizer:
    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    bpe.normalizer = normalizers.Lowercase()
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False))
    merges = [tuple(pair) for pair in json.loads(bpe.to_str())["model"]["merges"]]
    merges = [(a, b) for a, b in merges if not a.startswith("Ġ")]
    words = [*alphabet, *(letter + "</w>" for letter in alphabet)]
    words += [word for a, b in merges if (word := a + b) not in words]
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys([*words, BOS, EOS]))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=POSITIONS)


def picture(k: int) -> Image.Image:
    """Of 40 by 30 pixels: a formula that the test has too."""
    rgb = numpy.array([(i * (k + 3) + i % 97) % 256 for i in range(3 * 40 * 30)], dtype=numpy.uint8)
    return Image.fromarray(rgb.reshape(30, 40, 3))


@torch.no_grad()
def main() -> None:
    words = tokenizer()
    size = len(words)
    text = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=POSITIONS, vocab_size=size,
                bos_token_id=size - 2, eos_token_id=size - 1, pad_token_id=size - 1, hidden_act="quick_gelu")
    vision = dict(hidden_size=48, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, image_size=SIDE, patch_size=6, hidden_act="quick_gelu")
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=20, attn_implementation="eager"))
    for i, part in enumerate((model.text_model, model.vision_model, model.text_projection, model.visual_projection)):
        fill(part, 77 + i)
    model.logit_scale.fill_(2.5)
    model.half().save_pretrained(FOLDER)
    words.save_pretrained(FOLDER)
    processor = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    processor.save_pretrained(FOLDER)
    model = CLIPModel.from_pretrained(FOLDER, dtype=torch.float32, attn_implementation="eager").eval()
    inputs = words(TEXTS, padding=True, truncation=True, max_length=POSITIONS, return_tensors="pt")
    pixels = processor(images=[picture(0), picture(1)], return_tensors="pt")["pixel_values"]
    out = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], pixel_values=pixels)
    ids = [[each for each, kept in zip(row, mask) if kept] for row, mask in zip(inputs["input_ids"].tolist(), inputs["attention_mask"].tolist())]
    cosines = out.image_embeds @ out.text_embeds.T
    expected = {"texts": TEXTS, "ids": ids, "logits": out.logits_per_image.tolist(), "cosines": cosines.tolist()}
    (FOLDER / "expected.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n")
    print(size, ids[:4], [[round(x, 3) for x in row] for row in cosines.tolist()])


if __name__ == "__main__":
    main()
