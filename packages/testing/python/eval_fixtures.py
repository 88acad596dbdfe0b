"""Seeded inputs of the scorers: what people and models answer, and what breaks parsers."""

import random

NOUNS = "dog cat man woman bus train table plate pizza phone kite horse giraffe sign street umbrella bench clock sheep bear frisbee surfboard".split()
COLOURS = "red green blue white black brown yellow orange pink gray".split()
SHORT = ["yes", "no", "Yes", "No.", "one", "two", "Ten", "none", "zero", "3", "10", "1,000", "2.5", "3.", ".5", "a dog", "The Dog", "an apple",
         "unanswerable", "unsuitable", "Unanswerable.", "left", "on the left", "t-shirt", "tee shirt", "dont", "can't", "cant", "the", "a", "",
         "it's", "dog's", "men's room", "$5.00", "50%", "7:30", "7:30 pm", "1/2", "a/c", "U.S.A.", "u.s.", "e.g. this", "rock & roll", "(none)",
         "[red]", "{blue}", "x=3", "a + b", "back\\slash", "under_score", "a-b", "well-known", "> 5", "<b>", "me@x.com", "`tick`", "what?", "stop!",
         "black, white", "black,white", "10,5", "1,2,3", "1,,2", "one, two", "\"quoted\"", "'s", "s'", "yes;", "; no", "new\nline", "tab\tbed", "  padded  ",
         "café", "É", "İstanbul", "ΟΔΟΣ", "５", "３,４", "2 . 5", "a.b.c", "...", "......................................... end", "no-break\u00a0space",
         "\u3000wide", "x\x1fy", "\u0085next", "zero.", "ten,", "the a an", "she's", "ow's'at", "somebody'd", "Im", "I'dve", "they'd've", "somebodydve", "None", "nan", "two dogs", "thirty two", "-5", "- 5", "5-", "5 -"]
PUNCTUATION = list(";/[]\"{}()=+\\_-><@`,?!.':")


def answer_text(rng: random.Random, contractions: list[str]) -> str:
    kind = rng.randrange(8)
    if kind < 2:
        return rng.choice(SHORT)
    if kind == 2:
        return rng.choice(contractions)
    words = [rng.choice([rng.choice(NOUNS), rng.choice(COLOURS), rng.choice(SHORT), rng.choice(contractions), "a", "the", "an", "two", str(rng.randrange(3000))]) for _ in range(rng.randrange(1, 5))]
    text = rng.choice([" ", " ", " ", "  ", ", ", ",", "-", "/"]).join(words)
    if kind > 5:
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(PUNCTUATION) + rng.choice(["", " "]) + text[at:]
    return rng.choice([text, text, text.upper(), text.capitalize(), text + "."])


def ten_answers(rng: random.Random, prediction: str, contractions: list[str]) -> list[str]:
    """Ten annotators who agree with the prediction none to ten times."""
    agreeing = rng.choice([0, 0, 1, 2, 3, 4, 5, 9, 10])
    others = [answer_text(rng, contractions) for _ in range(rng.randrange(1, 4))]
    answers = [prediction if i < agreeing else rng.choice(others) for i in range(10)]
    rng.shuffle(answers)
    return answers


def answers_file(ids: list, texts: list[str], prompts: list[str], extra: dict = {}) -> list[dict]:
    return [{"question_id": each, "prompt": prompt, "text": text, "answer_id": f"answer{i}", "model_id": "curio-tiny", "metadata": {}, **extra}
            for i, (each, text, prompt) in enumerate(zip(ids, texts, prompts))]


LETTER_REPLIES = ["{x}", "{x}.", "{x}. {o}", "The answer is {x}.", "The answer is {x}", "the answer is {x}.", "The answer is {x}. The answer is {y}.", "{o}", "({x})",
                  "{x}: {o}", "{x}.{o}", "I think {x} and {y}", "Answer: {x}", "Z", "F. none", "A", "E", "G", "", " {x}", "{x} ", "{x}\n", "{x}) {o}", "It is {o}.", "A {o} near B",
                  "The correct answer is **{x}**. It shows {o}, as one can see very well in this picture", "answer is {x}{y}", "{x}, {y}", "a", "{o} and {p}", "Sorry, I can't help with images of people yet.",
                  "Cannot determine the answer {x}", "A dog that runs over the wide green field", "option {x} is best of them all by far, I believe", "选项{x}", "答案是 {x}。", "FAILED"]


def choice_reply(rng: random.Random, letters: str, options: list[str], truth: int, right: float = 0.5) -> str:
    chosen = truth if rng.random() < right else rng.randrange(len(options))
    other = rng.randrange(len(options))
    form = rng.choice(LETTER_REPLIES[:5] if rng.random() < 0.5 else LETTER_REPLIES)
    return form.format(x=letters[chosen], y=letters[other], o=options[chosen], p=options[other])


YES_NO = ["Yes", "No", "yes", "no", "Yes.", "No.", "No, there is no dog.", "Yes, there is a dog. No cat though.", "There is not a fork", "There isn't any", "Not here", "not,", "no,", "NO", "nO", "None",
          "", ".", ". no", "yes no", "yes  no", "no\nreally", "\nno", "know", "nothing", "No\tdog", "Yes! no?", "It is (no) fork", "cannot", "can not", "Maybe", "The answer is no", "nope", "No!", "No;", "no.yes", "yes.no", "«no»"]

REPLIES = ["{a} {b}", "{a} {b}\nThe first assistant…", "{a},{b}", "{a}, {b}", "{a}.5 {b}.5\nwhy", " {a} {b}", "{a} {b} ", "{a}  {b}", "{a}/10 {b}/10", "Assistant 1: {a}", "", "nan {b}", "inf {b}", "{a}e0 {b}", "1_0 {b}", "+{a} -{b}", "{a}. .{b}", "{a}\t{b}", "{a} {b}\r\nwhy", "\n{a} {b}", "{a} x", "{a}", "infinity -Infinity", "1__0 {b}", "_1 {b}", "٣ {b}", "0x1 {b}", "{a}. {b}."]
