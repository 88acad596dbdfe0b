"""Pillow's bicubic resizing, and the CLIP preprocessing of specification 1.2 made from it, on small pictures.

Pillow up to 12 resizes columns first, always; so did the versions that the published models were trained with. Pillow 13 begins with
the rows of tall pictures, which changes some values by one level.
"""

import numpy as np
from PIL import Image

from golden_file import GoldenFile

MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
STD = np.array([0.26862954, 0.26130258, 0.27577711])
FILL = (122, 116, 104)
SIZE = 24


def picture(random: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Smooth waves with noise and hard edges, so that overshoot, clipping and rounding all occur. [H, W, 3]"""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x * f + y * g) for f, g in random.uniform(0.1, 1.2, (3, 2))]
    values = np.stack(waves, -1) * 100 + 128 + random.normal(0, 20, (height, width, 3))
    values[height // 3: height // 2, width // 4: width // 2] = random.choice([0, 255], 3)
    return values.clip(0, 255).astype(np.uint8)


def preprocess(image: Image.Image, pad: bool) -> np.ndarray:
    """Specification 1.2, steps 2 to 5 -> [3, SIZE, SIZE]"""
    if pad and image.width != image.height:
        side = max(image.size)
        square = Image.new("RGB", (side, side), FILL)
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        image = square
    short = min(image.size)
    image = image.resize((int(SIZE * image.width / short), int(SIZE * image.height / short)), Image.BICUBIC)
    left, top = (image.width - SIZE) // 2, (image.height - SIZE) // 2
    image = image.crop((left, top, left + SIZE, top + SIZE))
    return ((np.asarray(image) / 255 - MEAN) / STD).transpose(2, 0, 1)


def make_bicubic() -> None:
    file, random = GoldenFile("bicubic"), np.random.default_rng(5)
    resizes = {"shrink": (37, 29, 24, 18), "grow": (10, 7, 24, 17), "mixed": (13, 40, 31, 9), "wide": (50, 8, 24, 8), "single": (1, 1, 5, 3)}
    file.config = {"resizes": {name: dict(zip(["width", "height", "outWidth", "outHeight"], sizes)) for name, sizes in resizes.items()},
                   "preprocess": {"size": SIZE, "mean": MEAN.tolist(), "std": STD.tolist(), "fill": FILL}}
    for name, (width, height, out_width, out_height) in resizes.items():
        pixels = picture(random, width, height)
        file.put(f"resize.{name}.in", pixels)
        file.put(f"resize.{name}.out", np.asarray(Image.fromarray(pixels).resize((out_width, out_height), Image.BICUBIC)))
    for name, (width, height) in {"wide": (41, 30), "tall": (19, 33), "square": (24, 24)}.items():
        pixels = picture(random, width, height)
        file.put(f"preprocess.{name}.in", pixels)
        file.put(f"preprocess.{name}.pad", preprocess(Image.fromarray(pixels), True))
        file.put(f"preprocess.{name}.crop", preprocess(Image.fromarray(pixels), False))
    file.write()
