"""Ids and labels of conversations by SQ-LLaVA's own code, which is read from the user's checkout of heliossun/SQ-LLaVA and never copied.

    venv/bin/pip install transformers==4.31.0 sentencepiece==0.2.3 torch safetensors numpy protobuf   # and peft==0.4.0 for the others
    venv/bin/python packages/testing/python/published_masks.py CHECKOUT

The vocabulary is a small SentencePiece model with LLaMA's options, in which the roles are whole words as in LLaMA's own. `edge` and `drawn` are conversations that the published masks treat well or
badly; `stage1` and `stage2` are what two_stages.py trains on. Self-questions are those that say `ask`: the original's `random` is led.
"""

import ast
import random
import sys
import tempfile
import types
from copy import deepcopy
from pathlib import Path

import numpy as np
import sentencepiece
import torch
import transformers

from golden_file import GoldenFile

SYSTEM = "A chat."
NAMES = ["preprocess_multimodal", "preprocess_v1", "preprocess_v1_sq2", "preprocess_plain"]


def functions(file: Path, names: list[str], known: dict) -> dict:
    """Some functions of a file, without what the rest of it imports."""
    tree = ast.parse(file.read_text())
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in names]
    exec(compile(tree, str(file), "exec"), known)
    return known


def vocabulary(folder: Path) -> bytes:
    """`USER` needs a piece without a leading space too: what follows `</s>` would else be unknown."""
    draw = random.Random(0)
    lines = [" ".join(draw.choice(WORDS + ROLES) for _ in range(12)) for _ in range(2000)]
    (folder / "corpus.txt").write_text("\n".join(lines))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "corpus.txt"), model_prefix=str(folder / "tokenizer"), model_type="bpe", vocab_size=400, byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=True, split_digits=True,
        allow_whitespace_only_pieces=True, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, num_threads=1, minloglevel=2)
    return (folder / "tokenizer.model").read_bytes()


class Original:
    def __init__(self, checkout: Path):
        constants, conversation = types.ModuleType("constants"), types.ModuleType("conversation")
        sys.modules["conversation"] = conversation  # dataclasses look their module up
        exec((checkout / "sqllava/constants.py").read_text(), constants.__dict__)
        exec((checkout / "sqllava/conversation.py").read_text(), conversation.__dict__)
        self.conversation, self.draws = conversation, iter(())
        known = {"torch": torch, "transformers": transformers, "conversation_lib": conversation, "copy": __import__("copy"), "Dict": dict,
                 "Sequence": list, "DataArguments": object, "random": lambda: next(self.draws), **constants.__dict__}
        functions(checkout / "sqllava/mm_utils.py", ["tokenizer_image_token"], known)
        self.code = functions(checkout / "train.py", NAMES, known)
        with tempfile.TemporaryDirectory() as folder:
            self.model = vocabulary(Path(folder))
            self.tokenizer = transformers.LlamaTokenizer.from_pretrained(folder, legacy=False, padding_side="right")
        self.tokenizer.pad_token = self.tokenizer.unk_token

    def labels(self, template: str, turns: list[dict], has_image: bool, max_length: int) -> tuple[list[int], list[int]]:
        chat = self.conversation.conv_templates["plain" if template == "plain" else template].copy()
        if template != "plain":
            chat.system = SYSTEM
        self.conversation.default_conversation = chat
        self.tokenizer.model_max_length = max_length
        sources = [[{"from": turn["from"], "value": turn["value"]} for turn in turns]]
        self.draws = iter([0.0 if turn.get("ask") else 1.0 for j, turn in enumerate(turns) if j > 0 and turn["from"] == "human"])
        settings = types.SimpleNamespace(is_multimodal=True, mm_use_im_start_end=False)
        if has_image:
            sources = self.code["preprocess_multimodal"](deepcopy(sources), settings)
        if template == "plain":
            made = self.code["preprocess_plain"](sources, self.tokenizer)
        elif template == "v1_sq":
            made = self.code["preprocess_v1_sq2"](sources, self.tokenizer, has_image=has_image, sq_r=0.5)
        else:
            made = self.code["preprocess_v1"](sources, self.tokenizer, has_image=has_image)
        return made["input_ids"][0].tolist(), made["labels"][0].tolist()


def human(value: str, ask: bool = False) -> dict:
    return {"from": "human", "value": value, **({"ask": True} if ask else {})}


def gpt(value: str) -> dict:
    return {"from": "gpt", "value": value}


IMAGE = "<image>\n"
LOOK = human(IMAGE + "What is that?")
EDGES = [
    [LOOK, gpt("A cat.")],
    [human("What is that?\n<image>"), gpt("A cat."), human("Where is it?"), gpt("on the picture ")],
    [LOOK, gpt("A cat."), human("What is it looking at?", True), gpt("It is the dog."), human("How many?"), gpt("20")],
    [LOOK, gpt("A cat ASSISTANT: A cat.")],
    [LOOK, gpt("A cat."), human("Where?"), gpt("there ASSISTANT: and there."), human("What?", True), gpt("the dog ASSISTANT: it.")],
    [LOOK, gpt("A cat."), human("Say ASSISTANT: twice", True), gpt("ASSISTANT: ASSISTANT:")],
    [LOOK, gpt("A cat."), human("What is it?", True), gpt("It is."), human("What is it?", True), gpt("It is.")],
    *[[LOOK, gpt("A cat."), human(text, True), gpt("A dog "), human(text, True), gpt("x")] for text in ["\nWhat", "3 cats?", "\u732b?", "V is", "VUSER: is"]],
    [LOOK, gpt("A </s> cat."), human("Where?", True), gpt("there.")],
    [LOOK, gpt("an <unk> is here")],
    [LOOK, gpt("A cat."), human("Where?", True)],
    [LOOK, gpt("A cat."), human("Where?")],
    [gpt("Hello."), LOOK, gpt("A cat.")],
    [LOOK, gpt("VUSER: or USER: is it")],
]
TEXTS = [
    [human("Who is there?"), gpt("the dog.")],
    [human("Who is there?"), gpt("the dog."), human("and where?"), gpt("on the picture.")],
    [gpt("Hello."), human("Who?"), gpt("the dog.")],
    [gpt("Hello.")] + [human("Who?"), gpt("the dog.")] * 2,
    [human("Who?"), gpt("the dog ASSISTANT: it is.")],
    [human("Who?"), gpt("a </s> b"), human("and?"), gpt("c")],
    [human("Who?"), gpt("<unk>")],
    [human("Who?"), gpt("it."), human("and?")],
    [human("the dog is on the picture " * 12), gpt("it is the dog " * 12)],
    [human("the dog is on the picture "), gpt("it is the dog " * 30)],
]
ROLES = ["USER:", "VUSER:", "ASSISTANT:", "A", "B", "V", "W", *[f"{letter}{role}" for letter in "xyz" for role in ("USER", "VUSER")]]
WORDS = "the a cat dog is on in what that where there who answers questions image picture detailed polite blue red 1 20 345 How many".split()
MARKS = ["", "", "", ".", "?", " ", "\n", " ASSISTANT: ", "</s>", " <unk>"]


def drawn(draw: random.Random) -> list[dict]:
    def words(marks: list[str]) -> str:
        return " ".join(draw.choice(WORDS) for _ in range(draw.randint(1, 7))) + draw.choice(marks) + draw.choice(["", "", "x"])
    marks = MARKS if draw.random() < 0.3 else MARKS[:7]
    turns = []
    for i in range(draw.randint(1, 4)):
        turns += [human(words(marks[:5]), i > 0 and draw.random() < 0.5), gpt(words(marks))]
    return turns


CAPTIONS = ["a blue cat", "the dog is in the picture.", "2 red cats, 1 dog", "what a picture", "it", "the cat is on the dog and the dog is on it .",
            "a detailed image of 345 questions", "red"]
TALKS = [
    [human(IMAGE + "What is that?"), gpt("A blue cat."), human("Where is it?", True), gpt("on the picture."), human("How many?"), gpt("1")],
    [human("Who is there?"), gpt("the dog."), human("and where?"), gpt("in the picture.")],
    [human(IMAGE + "How many cats?"), gpt("20")],
    [human("Who answers\n<image>"), gpt("the polite assistant."), human("What is red?", True), gpt("it is the dog."), human("that?", True), gpt("the cat")],
    [human("What questions"), gpt("detailed questions and polite answers.")],
    [human(IMAGE + "Where is the image?"), gpt("there."), human("is that it?"), gpt("It is.")],
    [human(IMAGE + "Who?"), gpt("the user and the assistant is in the image."), human("How many is that?", True), gpt("2")],
    [human("1 20 345?"), gpt("a"), human("and that?"), gpt("a cat")],
    [human(IMAGE + "What is on the cat? red or blue or in"), gpt("a red dog."), human("there?"), gpt("the blue."), human("the 20?", True), gpt("is that")],
]


def main(checkout: Path) -> None:
    original, draw, cases = Original(checkout), random.Random(1), []

    def add(group: str, template: str, turns: list[dict], has_image: bool, max_length: int = 2048) -> None:
        ids, labels = original.labels(template, turns, has_image, max_length)
        cases.append({"group": group, "template": template, "image": has_image, "maxLength": max_length, "turns": turns, "ids": ids, "labels": labels})

    for template in ["v1_sq", "v1"]:
        plain = [[{**turn, "ask": False} for turn in turns] for turns in EDGES] if template == "v1" else EDGES
        for turns in plain:
            add("edge", template, turns, True)
        for turns in TEXTS:
            add("edge", template, turns, False)
        for turns in TEXTS[-2:]:
            add("edge", template, turns, False, 96)
        for _ in range(60):
            turns, shown = drawn(draw), draw.random() < 0.7
            if shown:
                turns[0]["value"] = IMAGE + turns[0]["value"]
            if template == "v1" or not shown:
                turns = [{**turn, "ask": False} for turn in turns]
            add("drawn", template, turns, shown)
    for caption in CAPTIONS:
        add("stage1", "plain", [human("<image>\nWhat is it?"), gpt(caption)], True)
    for turns in TALKS:
        add("stage2", "v1_sq", turns, IMAGE.strip() in turns[0]["value"])
    golden = GoldenFile("published-masks")
    golden.put("file.model", np.frombuffer(original.model, np.uint8))
    golden.put("ids", [id for case in cases for id in case["ids"]])
    golden.put("labels", [label for case in cases for label in case["labels"]])
    golden.put("lengths", [len(case["ids"]) for case in cases])
    golden.config = {"system": SYSTEM, "transformers": transformers.__version__,
                     "cases": [{key: case[key] for key in ["group", "template", "image", "maxLength", "turns"]} for case in cases]}
    lost = sum(all(label == -100 for label in case["labels"]) for case in cases)
    print(f"{len(cases)} conversations, {lost} of them without a label, the longest of {max(len(case['ids']) for case in cases)} ids")
    golden.write()


main(Path(sys.argv[1]))
