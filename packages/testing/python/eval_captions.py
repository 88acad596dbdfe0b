"""Seeded captions: what people and models write of pictures, and what the PTB tokenizer treats in its own way."""

import random

from eval_fixtures import COLOURS, NOUNS

VERBS = "standing sitting lying running jumping eating holding riding parked waiting".split()
PLACES = ["on a street", "in the grass", "next to a bench", "at the beach", "in front of a house", "under a tree", "near the water", "on top of a table"]
PEOPLE = ["a man", "A woman", "two people", "The boy", "a group of children", "a little girl's mother", "someone", "A player", "the dogs' owner"]
SPECIAL = ["don't", "Don't", "can't", "cannot", "Cannot", "won't", "isn't", "I'm", "it's", "It's", "they're", "we've", "he'd", "she'll", "DON'T", "o'clock", "y'all", "'tis", "'twas", "ma'am", "rock'n'roll",
           "gonna", "gotta", "wanna", "lemme", "gimme", "dunno", "d'ye", "more'n", "whaddya", "ain't", "dogs'", "dog's", "James's", "the 90's", "1990s", "'90s", "90s", "children's",
           "U.S.", "U.S.A.", "u.s.", "U.K.", "Mr. Smith", "Mrs. Jones", "Dr. No", "St. Paul", "Jan. 5", "a.m.", "p.m.", "7 p.m.", "7pm", "7:30", "12:45 pm", "e.g.", "i.e.", "etc.", "vs.", "Inc.", "Co.", "Ave.", "No. 5", "Jr.",
           "1,000", "3.5", "1/2", "2 1/2", "50%", "$5", "$5.00", "US$5", "#1", "5'", "6'2\"", "20x30", "4x4", "2nd", "1st", "+5", "-5", "1-2", "10-20", "555-1234", "(555) 123-4567", "10,000,000", ".5", "3.", "1.2.3", "5.0.", "24/7", "11/12/2013", "2013-11-12",
           "t-shirt", "black-and-white", "close-up", "half-eaten", "double-decker", "--", "-", "---", "...", "....", ". . .", "..", "?!", "!!", "!!!", "??", "?", "word--word", "word - word", "a–b", "a—b", "and/or", "his/her", "w/", "w/o",
           "(left)", "[sic]", "{x}", "<b>", "<b>bold</b>", "a<b", "a>b", "\"quoted\"", "'quoted'", "``quoted''", "“curly”", "‘curly’", "it’s", "don’t", "`", "``", "''", "\"", "'", "&", "AT&T", "rock & roll", "R&B", "A&W", "&amp;", "@", "me@x.com", "@user", "#tag",
           "www.flickr.com", "http://x.org/a.html", "example.com", "photo.jpg", "a_b", "_", "*", "**", "~", "^", "|", "\\", "a\\b", "=", "+", "a+b", "a=b", ";", ":", "a:b", "a;b", "a,b", "a ,b", "colour.Next", "end.", "end .", "end!", "end?", "end,", "e.t.", "café", "naïve", "Übung", "日本", "é", "½", "€5", "£5", "5€", "5°", "°", "©", "™", "•", ":)", ":-)", ";)", "=)", ":D", "<3",
           "no-one", "x-ray", "T-Rex", "ex-wife", "e-mail", "co-op", "McDonald's", "O'Brien", "o'brien", "D'Angelo", "L'Oreal", "d'oh", "hors d'oeuvres", "'em", "'cause", "s'more", "C'mon", "int'l", "Hawai'i", "B&W", "Q&A", "Ph.D.", "B.C.", "J.R. Smith", "a. b", "A. man", "A.", "b.", "vs", "mt. everest", "ft.", "in.", "lb.", "oz.", "cm.", "ok.", "no.", "No.", "no. 5", "jpg.", "x.", "tv.", "T.V.", "TV.",
           "<aeb@cwi.nl>", "###", "##", "<<", ">>", "l’opera", "dell’Opera", "-----", "------", "0.x", "32\\*1024", "2 1/2 cups", "100 200 300"]


def sentence(rng: random.Random) -> str:
    parts = [rng.choice(PEOPLE + [f"a {rng.choice(COLOURS)} {rng.choice(NOUNS)}"] * 3), rng.choice(["is ", "are ", ""]) + rng.choice(VERBS)]
    if rng.random() < 0.4:
        parts.append(f"with a {rng.choice(NOUNS)}")
    if rng.random() < 0.7:
        parts.append(rng.choice(PLACES))
    if rng.random() < 0.2:
        parts.append(rng.choice(["and", "while", ", then"]) + f" the {rng.choice(NOUNS)} is {rng.choice(VERBS)}")
    return " ".join(parts) + rng.choice([".", ".", " .", "", "", "!"])


def special_sentence(rng: random.Random, word: str | None = None) -> str:
    words = sentence(rng).split(" ")
    for each in [word] if word else [rng.choice(SPECIAL) for _ in range(rng.randrange(1, 3))]:
        words.insert(rng.randrange(len(words) + 1), each)
    return " ".join(words)


def captions(rng: random.Random, count: int) -> tuple[list[str], list[list[str]]]:
    """Predictions and one to six references each; a prediction may be empty, equal to a reference, or about something else."""
    predictions, references = [], []
    for i in range(count):
        own = [sentence(rng) for _ in range(rng.choice([1, 2, 5, 5, 5, 6]))]
        if rng.random() < 0.3:
            own[rng.randrange(len(own))] = special_sentence(rng)
        kind = rng.random()
        shuffled = rng.choice(own).split()
        rng.shuffle(shuffled)
        predictions.append(rng.choice(own) if kind < 0.2 else " ".join(shuffled) if kind < 0.35 else special_sentence(rng) if kind < 0.5 else "" if kind > 0.99 else rng.choice(NOUNS) if kind > 0.97 else sentence(rng))
        references.append(own)
    return predictions, references
