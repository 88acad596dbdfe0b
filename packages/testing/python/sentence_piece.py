"""A small SentencePiece model with LLaMA's options, and what three tokenizers make of texts with it.

Two environments, since transformers 4.31, with which SQ-LLaVA was trained, cannot live beside today's:

    today/bin/pip install transformers==5.24.0 sentencepiece==0.2.3 protobuf numpy torch safetensors
    then/bin/pip install transformers==4.31.0 sentencepiece==0.1.99 numpy          # without torch
    today/bin/python sentence_piece.py DIR          # trains DIR/tokenizer.model, writes DIR/today.json
    then/bin/python sentence_piece.py DIR           # reads it, writes DIR/then.json
    today/bin/python sentence_piece.py DIR          # writes the golden file from both
"""

import json
import random
import sys
from pathlib import Path

import sentencepiece
import transformers

TEXTS = [
    "", " ", "  ", "a", " a", "a ", "USER:", "USER: What is that?", "What  is   that?", "</s>USER:", "</s> USER:", "</s>  USER:",
    "</s>VUSER: is it", "<s>What", "<s> What", "<s>\u2581What", "\u2581What", "\u2581\u2581What", "</s>\u2581What", "</s>\u2581\u2581 is", "a\u2581b", "<s>\u2581",
    "\u2581", "<s></s>", "<s></s>What is", "<unk>", "a<unk>b", " <unk> ", "What</s>is</s>that", "<s", "</s", "<s>>", "<<s>>", "\n", "\nWhat", "<s>\nWhat",
    "a\tb", "12345 678", "caf\u00e9 \u732b \U0001f600", "\U0001f600", "</s>\U0001f600", "</s>\u732b", "\u00e9\u0301", "\x00", "<0x0A>", "</s><0x0A>",
    "aaa", "aaaa", "aaaaaaaaa", "ababab", "that thatthat", "[INST] hi [/INST]", "</s>[vusr] is", "\u00a0x", "</s>\u00a0x", "\u3000",
    "The assistant gives helpful, detailed, and polite answers to the user's questions.", "ASSISTANT: It is.</s>USER: and?</s> ASSISTANT:",
]
WORDS = ("the a cat dog is on in what that where there who user USER ASSISTANT V assistant answers questions image picture and or to of it It's "
         "detailed polite helpful aaa abab blue red 1 20 345 What How many").split()


def texts() -> list[str]:
    """The list, and a hundred drawn texts of words, spaces, special words and signs of all kinds."""
    draw = random.Random(1)
    parts = WORDS + [" ", "  ", "<s>", "</s>", "<unk>", "\u2581", "\n", ".", "?", "\u00e9", "\u732b", "\U0001f600", "<", ">", "\u00df", "z"]
    return TEXTS + ["".join(draw.choice(parts) + draw.choice(["", " "]) for _ in range(draw.randint(1, 12))) for _ in range(100)]


def train(folder: Path) -> None:
    draw = random.Random(0)
    corpus = [" ".join(draw.choice(WORDS) for _ in range(draw.randint(3, 20))) for _ in range(3000)]
    corpus += ["a" * draw.randint(1, 9) for _ in range(200)] + ["  " * draw.randint(1, 4) + "code" for _ in range(100)]
    (folder / "corpus.txt").write_text("\n".join(corpus))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "corpus.txt"), model_prefix=str(folder / "tokenizer"), model_type="bpe", vocab_size=420, byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=True, split_digits=True,
        allow_whitespace_only_pieces=True, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, num_threads=1, minloglevel=2)
    config = {"tokenizer_class": "LlamaTokenizer", "legacy": False, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
              "add_bos_token": True, "add_eos_token": False, "clean_up_tokenization_spaces": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def main(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    model = folder / "tokenizer.model"
    if not model.exists():
        train(folder)
    if transformers.__version__.startswith("4."):
        tokenizer = transformers.LlamaTokenizer.from_pretrained(folder)
        ids = [tokenizer(text, add_special_tokens=False).input_ids for text in texts()]
        (folder / "then.json").write_text(json.dumps({"version": transformers.__version__, "ids": ids}))
        return
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(model))
    today = [tokenizer(text, add_special_tokens=False).input_ids for text in texts()]
    then = folder / "then.json"
    if not then.exists():
        return print("run it again after the other environment did")
    before = json.loads(then.read_text())
    import numpy as np
    from golden_file import GoldenFile
    draw = random.Random(2)
    runs = [[draw.randrange(pieces.vocab_size()) for _ in range(draw.randint(1, 9))] for _ in range(100)]
    golden = GoldenFile("sentence-piece")
    golden.put("file.model", np.frombuffer(model.read_bytes(), np.uint8))
    golden.config = {
        "versions": {"sentencepiece": sentencepiece.__version__, "then": before["version"], "today": transformers.__version__},
        "texts": texts(), "sentencepiece": [pieces.encode(text) for text in texts()], "then": before["ids"], "today": today,
        "runs": runs, "decoded": [pieces.decode(run) for run in runs],
    }
    golden.write()


main(Path(sys.argv[1]))
