"""Small picture files of many kinds, each with the RGB bytes that Pillow reads from it: `Image.open(file).convert("RGB")`, as the published
code opens its pictures. What Pillow does not write is put together here, chunk by chunk; JPEG files of some colours are imagecodecs'.

Pillow 12.3 and 13.0 read all of them alike.
"""

import io
import struct
import zlib

import imagecodecs
import numpy as np
from PIL import Image

from bicubic import picture
from golden_file import GoldenFile

WIDTH, HEIGHT = 19, 13


def saved(image: Image.Image, form: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


# Profiles. Small ones: a matrix and one curve.

def matrix_profile(primaries: list[list[float]], gamma: float, space: bytes = b"RGB ") -> bytes:
    """An ICC v2 display profile; columns of `primaries` are the XYZ of red, green and blue under D50."""
    fixed = lambda x: struct.pack(">i", round(x * 65536))
    xyz = lambda v: b"XYZ " + bytes(4) + b"".join(map(fixed, v))
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    text = lambda s: b"desc" + bytes(4) + struct.pack(">I", len(s) + 1) + s + bytes(79)
    tags = [(b"desc", text(b"small")), (b"wtpt", xyz([0.9642, 1, 0.8249]))]
    if space == b"RGB ":
        tags += [(b"rXYZ", xyz(primaries[0])), (b"gXYZ", xyz(primaries[1])), (b"bXYZ", xyz(primaries[2])),
                 (b"rTRC", curve), (b"gTRC", curve), (b"bTRC", curve)]
    else:
        tags += [(b"kTRC", curve)]
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags:
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content
    size = start + len(data)
    head = struct.pack(">I4sI4s4s4s12x4s4xI4xIIIIiii", size, b"none", 0x02100000, b"mntr", space, b"XYZ ", b"acsp", 0, 0, 0, 0, 0,
                       *(round(v * 65536) for v in (0.9642, 1, 0.8249)))
    return head[:128].ljust(128, b"\0") + table + data


P3 = matrix_profile([[0.5151, 0.2412, -0.0011], [0.2919, 0.6922, 0.0419], [0.1572, 0.0666, 0.7841]], 2.2)
SRGB = matrix_profile([[0.4361, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]], 2.2)
ADOBE = matrix_profile([[0.6097, 0.3111, 0.0195], [0.2053, 0.6257, 0.0609], [0.1492, 0.0632, 0.7446]], 2.2)
GRAY_PROFILE = matrix_profile([], 1.8, b"GRAY")


# PNG

def png(width: int, height: int, depth: int, color: int, rows: list[bytes], before: bytes = b"") -> bytes:
    raw = b"".join(b"\0" + row for row in rows)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)) + before
            + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def packed(values: np.ndarray, depth: int) -> list[bytes]:
    """Rows of samples of `depth` bits, most significant first."""
    if depth == 16:
        return [row.astype(">u2").tobytes() for row in values.reshape(values.shape[0], -1)]
    bits = np.unpackbits(values.reshape(values.shape[0], -1, 1).astype(np.uint8), axis=2)[:, :, 8 - depth:]
    return [np.packbits(row.reshape(-1)).tobytes() for row in bits]


def adam7(values: np.ndarray) -> bytes:
    """An interlaced 8-bit RGB file."""
    height, width, _ = values.shape
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = b"".join(b"\0" + row.tobytes() for x, y, dx, dy in passes for row in values[y::dy, x::dx] if row.size)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def png_kinds(rgb: np.ndarray, random: np.random.Generator) -> dict[str, bytes]:
    image = Image.fromarray(rgb)
    alpha = random.integers(0, 256, rgb.shape[:2] + (1,)).astype(np.uint8)
    deep = random.integers(0, 65536, rgb.shape[:2] + (4,)).astype(np.uint16)
    dark = random.integers(0, 400, rgb.shape[:2]).astype(np.uint16)  # 16-bit grey that lies near black
    palette = random.integers(0, 256, (16, 3)).astype(np.uint8)
    plte, clear = chunk(b"PLTE", palette.tobytes()), chunk(b"tRNS", bytes(range(0, 256, 16)))
    shape = (WIDTH, HEIGHT)
    indices = random.integers(0, 16, rgb.shape[:2])
    p3 = chunk(b"iCCP", b"P3\0\0" + zlib.compress(P3))
    rows = packed(rgb, 8)
    out = {
        "png-rgb": saved(image, "PNG"),
        "png-rgb-p3": png(*shape, 8, 2, rows, p3),
        "png-rgb-gamma": png(*shape, 8, 2, rows, chunk(b"gAMA", struct.pack(">I", 100000))),
        "png-rgb-chromaticities": png(*shape, 8, 2, rows, chunk(b"cHRM", struct.pack(">8I", *[31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000]))),
        "png-rgb-srgb-chunk": png(*shape, 8, 2, rows, chunk(b"sRGB", b"\0")),
        "png-rgb-cicp": png(*shape, 8, 2, rows, chunk(b"cICP", bytes([12, 13, 0, 1]))),
        "png-rgb-clear-colour": png(*shape, 8, 2, rows, chunk(b"tRNS", struct.pack(">3H", *map(int, rgb[0, 0])))),
        "png-rgb-interlaced": adam7(rgb),
        "png-rgba": png(*shape, 8, 6, packed(np.concatenate([rgb, alpha], 2), 8)),
        "png-rgba-p3": png(*shape, 8, 6, packed(np.concatenate([rgb, alpha], 2), 8), p3),
        "png-rgba-turned": saved(image.convert("RGBA"), "PNG", exif=turned()),
        "png-grey-alpha": png(*shape, 8, 4, packed(np.concatenate([rgb[..., :1], alpha], 2), 8)),
        "png-grey-profile": png(*shape, 8, 0, packed(rgb[..., 0], 8), chunk(b"iCCP", b"g\0\0" + zlib.compress(GRAY_PROFILE))),
        "png-grey-clear-colour": png(*shape, 8, 0, packed(rgb[..., 0], 8), chunk(b"tRNS", struct.pack(">H", int(rgb[0, 0, 0])))),
        "png-grey-16": png(*shape, 16, 0, packed(deep[..., 0], 16)),
        "png-grey-16-dark": png(*shape, 16, 0, packed(dark, 16)),
        "png-grey-alpha-16": png(*shape, 16, 4, packed(deep[..., :2], 16)),
        "png-rgb-16": png(*shape, 16, 2, packed(deep[..., :3], 16)),
        "png-rgb-16-p3": png(*shape, 16, 2, packed(deep[..., :3], 16), p3),
        "png-rgba-16": png(*shape, 16, 6, packed(deep, 16)),
        "png-palette-8-clear": png(*shape, 8, 3, packed(indices, 8), plte + clear),
        "png-palette-beyond": png(*shape, 8, 3, packed(indices + 3, 8), plte),
        "png-palette-p3": png(*shape, 8, 3, packed(indices, 8), p3 + plte),
        "png-one-pixel": saved(Image.new("RGB", (1, 1), (7, 130, 250)), "PNG"),
        "png-animated": saved(image, "PNG", save_all=True, append_images=[image.transpose(Image.Transpose.ROTATE_180)]),
    }
    for depth in (1, 2, 4, 8):
        grey = random.integers(0, 2**depth, rgb.shape[:2])
        out[f"png-grey-{depth}"] = png(*shape, depth, 0, packed(grey, depth))
        out[f"png-palette-{depth}"] = png(*shape, depth, 3, packed(indices % 2**depth, depth), plte)
    return out


# JPEG

def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to look at
    return exif


def with_stray_bytes(jpeg: bytes, marker: int) -> bytes:
    """Bytes that belong to nothing before the first marker of a kind."""
    at = jpeg.index(bytes([0xFF, marker]))
    return jpeg[:at] + b"\x00\x17\x2a" + jpeg[at:]


def without_bytes(jpeg: bytes, count: int) -> bytes:
    """Bytes of the scan are missing; the end is there."""
    middle = (jpeg.index(b"\xff\xda") + len(jpeg)) // 2
    return jpeg[:middle] + jpeg[middle + count:]


def damaged(jpeg: bytes) -> bytes:
    """A bit of the scan is another."""
    middle = (jpeg.index(b"\xff\xda") + len(jpeg)) // 2
    return jpeg[:middle] + bytes([jpeg[middle] ^ 0x10]) + jpeg[middle + 1:]


def without_adobe(jpeg: bytes) -> bytes:
    at = jpeg.index(b"\xff\xee")
    return jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2:at + 4], "big"):]


def jpeg_kinds(rgb: np.ndarray) -> dict[str, bytes]:
    image = Image.fromarray(rgb)
    cmyk = np.ascontiguousarray(np.concatenate([rgb[::-1], rgb[..., 1:2] // 2], 2))
    plain = saved(image, "JPEG", quality=80)
    encode = lambda values, space, outer, **more: imagecodecs.jpeg8_encode(values, level=80, colorspace=space, outcolorspace=outer, **more)
    return {
        "jpeg-444": saved(image, "JPEG", quality=90, subsampling=0),
        "jpeg-422": saved(image, "JPEG", quality=80, subsampling=1),
        "jpeg-420": saved(image, "JPEG", quality=80, subsampling=2),
        "jpeg-411": encode(rgb, "RGB", "YCBCR", subsampling="411"),
        "jpeg-440": encode(rgb, "RGB", "YCBCR", subsampling="440"),
        "jpeg-rgb": encode(rgb, "RGB", "RGB"),
        "jpeg-grey": saved(image.convert("L"), "JPEG", quality=80),
        "jpeg-grey-profile": saved(image.convert("L"), "JPEG", quality=80, icc_profile=GRAY_PROFILE),
        "jpeg-progressive": saved(image, "JPEG", quality=80, progressive=True),
        "jpeg-restarts": saved(image, "JPEG", quality=80, restart_marker_blocks=1),
        "jpeg-worst": saved(image, "JPEG", quality=1),
        "jpeg-best": saved(image, "JPEG", quality=100, subsampling=0),
        "jpeg-p3": saved(image, "JPEG", quality=80, icc_profile=P3),
        "jpeg-adobe-rgb": saved(image, "JPEG", quality=80, icc_profile=ADOBE),
        "jpeg-srgb": saved(image, "JPEG", quality=80, icc_profile=SRGB),
        "jpeg-turned": saved(image, "JPEG", quality=80, exif=turned()),
        "jpeg-cmyk": saved(Image.fromarray(cmyk, "CMYK"), "JPEG", quality=80),
        "jpeg-cmyk-unmarked": without_adobe(saved(Image.fromarray(cmyk, "CMYK"), "JPEG", quality=80)),
        "jpeg-ycck": encode(cmyk, "CMYK", "YCCK"),
        "jpeg-one-pixel": saved(image.crop((3, 3, 4, 4)), "JPEG", quality=80),
        "jpeg-stray-before-table": with_stray_bytes(plain, 0xDB),
        "jpeg-stray-before-scan": with_stray_bytes(plain, 0xDA),
        "jpeg-stray-before-end": plain[:-2] + b"\x00\x17\x2a" + plain[-2:],
        "jpeg-bytes-after-end": plain + b"tail of another program",
        "jpeg-bytes-missing": without_bytes(saved(image, "JPEG", quality=95), 40),
        "jpeg-damaged": damaged(saved(image, "JPEG", quality=95)),
        "jpeg-fill-bytes": plain.replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1),
    }


# BMP and PNM

def bmp(width: int, height: int, depth: int, data: bytes, compression: int = 0, palette: bytes = b"", masks: bytes = b"") -> bytes:
    start = 14 + 40 + len(masks) + len(palette)
    return (b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start)
            + struct.pack("<IiiHHIIiiII", 40, width, height, 1, depth, compression, len(data), 2835, 2835, len(palette) // 4, 0)
            + masks + palette + data)


def lines(rows: list[bytes]) -> bytes:
    """Rows from below, each a multiple of four bytes."""
    return b"".join(row + bytes(-len(row) % 4) for row in reversed(rows))


def bmp_kinds(rgb: np.ndarray, random: np.random.Generator) -> dict[str, bytes]:
    image, shape = Image.fromarray(rgb), (WIDTH, HEIGHT)
    table = np.concatenate([random.integers(0, 256, (256, 3)), np.zeros((256, 1))], 1).astype(np.uint8)
    indices = random.integers(0, 256, rgb.shape[:2])
    five = rgb.astype(int) >> 3
    x555 = (five[..., 0] << 10 | five[..., 1] << 5 | five[..., 2]).astype("<u2")
    x565 = (five[..., 0] << 11 | (rgb[..., 1].astype(int) >> 2) << 5 | five[..., 2]).astype("<u2")
    x888 = np.concatenate([rgb[..., ::-1], np.full(rgb.shape[:2] + (1,), 77, np.uint8)], 2)
    # Runs, stretches copied as they are (padded to two bytes), ends of lines, a jump, the end.
    rle8 = b"".join(bytes([5, i, 0, 4, 1, 2, 3, i, 10, 9, 0, 0]) for i in range(HEIGHT - 2)) + bytes([0, 2, 3, 1, 16, 200, 0, 1])
    rle4 = b"".join(bytes([7, 16 * (i % 16) + 3, 0, 6, 0x12, 0x34, 0x5B, 0, 6, 0xA9, 0, 0]) for i in range(HEIGHT)) + bytes([0, 1])
    flags = lambda *m: struct.pack("<3I", *m)
    return {
        "bmp-24": saved(image, "BMP"),
        "bmp-24-top-down": bmp(WIDTH, -HEIGHT, 24, lines(packed(rgb[::-1, :, ::-1], 8))),
        "bmp-32": bmp(*shape, 32, lines(packed(x888, 8))),
        "bmp-32-masks": bmp(*shape, 32, lines(packed(x888, 8)), 3, masks=flags(0xFF0000, 0xFF00, 0xFF)),
        "bmp-16": bmp(*shape, 16, lines([row.tobytes() for row in x555])),
        "bmp-16-565": bmp(*shape, 16, lines([row.tobytes() for row in x565]), 3, masks=flags(0xF800, 0x7E0, 0x1F)),
        "bmp-8": bmp(*shape, 8, lines(packed(indices, 8)), palette=table.tobytes()),
        "bmp-8-grey": saved(image.convert("L"), "BMP"),
        "bmp-8-few-colours": bmp(*shape, 8, lines(packed(indices % 7, 8)), palette=table[:7].tobytes()),
        "bmp-8-beyond-palette": bmp(*shape, 8, lines(packed(indices % 11, 8)), palette=table[:7].tobytes()),
        "bmp-4": bmp(*shape, 4, lines(packed(indices % 16, 4)), palette=table[:16].tobytes()),
        "bmp-1": bmp(*shape, 1, lines(packed(indices % 2, 1)), palette=table[:2].tobytes()),
        "bmp-1-black-white": saved(image.convert("1"), "BMP"),
        "bmp-8-runs": bmp(*shape, 8, rle8, 1, palette=table.tobytes()),
        "bmp-4-runs": bmp(*shape, 4, rle4, 2, palette=table[:16].tobytes()),
        "bmp-os2": b"BM" + struct.pack("<IHHI", 0, 0, 0, 26) + struct.pack("<IHHHH", 12, *shape, 1, 24) + lines(packed(rgb[..., ::-1], 8)),
    }


def pnm_kinds(rgb: np.ndarray, random: np.random.Generator) -> dict[str, bytes]:
    grey, bits = rgb[..., 0], random.integers(0, 2, rgb.shape[:2])
    deep = random.integers(0, 1001, rgb.shape).astype(">u2")
    head = lambda magic, most=None: f"{magic}\n# made by hand\n{WIDTH} {HEIGHT}\n".encode() + (b"" if most is None else f"{most}\n".encode())
    plain = lambda values: "\n".join(" ".join(map(str, row)) for row in values.reshape(HEIGHT, -1)).encode() + b"\n"
    return {
        "ppm": head("P6", 255) + rgb.tobytes(),
        "ppm-low": head("P6", 100) + (rgb % 101).astype(np.uint8).tobytes(),
        "ppm-16": head("P6", 1000) + deep.tobytes(),
        "ppm-plain": head("P3", 255) + plain(rgb),
        "pgm": head("P5", 255) + grey.tobytes(),
        "pgm-low": head("P5", 100) + (grey % 101).astype(np.uint8).tobytes(),
        "pgm-16": head("P5", 65535) + (random.integers(0, 65536, rgb.shape[:2])).astype(">u2").tobytes(),
        "pgm-plain": head("P2", 255) + plain(grey),
        "pbm": head("P4") + b"".join(packed(bits, 1)),
        "pbm-plain": head("P1") + plain(bits),
    }


# GIF, WebP, TIFF, AVIF

def larger_screen(gif: bytes) -> bytes:
    """The first frame covers a part of the screen."""
    return gif[:6] + struct.pack("<HH", WIDTH + 3, HEIGHT + 2) + gif[10:]


def other_kinds(rgb: np.ndarray, random: np.random.Generator) -> dict[str, bytes]:
    image = Image.fromarray(rgb)
    back = image.transpose(Image.Transpose.ROTATE_180)
    alpha = Image.fromarray(np.concatenate([rgb, random.integers(0, 256, rgb.shape[:2] + (1,)).astype(np.uint8)], 2), "RGBA")
    few = image.quantize(16)
    deep = Image.fromarray(random.integers(0, 65536, rgb.shape[:2]).astype(np.uint16))
    tiff = lambda of, **more: saved(of, "TIFF", **more)
    return {
        "gif": saved(few, "GIF", interlace=0),
        "gif-interlaced": saved(few, "GIF", interlace=1),
        "gif-clear": saved(few, "GIF", transparency=3),
        "gif-part-of-screen": larger_screen(saved(few, "GIF", transparency=3)),
        "gif-part-opaque": larger_screen(saved(few, "GIF")),
        "gif-animated": saved(few, "GIF", save_all=True, append_images=[back.quantize(16)]),
        "gif-grey": saved(image.convert("L"), "GIF"),
        "webp-lossless": saved(image, "WEBP", lossless=True),
        "webp-lossy": saved(image, "WEBP", quality=70),
        "webp-lossy-p3": saved(image, "WEBP", quality=70, icc_profile=P3),
        "webp-lossless-alpha": saved(alpha, "WEBP", lossless=True, exact=True),
        "webp-lossy-alpha": saved(alpha, "WEBP", quality=70),
        "webp-animated": saved(image, "WEBP", lossless=True, save_all=True, append_images=[back]),
        "tiff-rgb": tiff(image),
        "tiff-rgb-lzw": tiff(image, compression="tiff_lzw"),
        "tiff-rgb-deflate": tiff(image, compression="tiff_adobe_deflate"),
        "tiff-rgb-packbits": tiff(image, compression="packbits"),
        "tiff-rgb-jpeg": tiff(image, compression="jpeg"),
        "tiff-rgb-p3": tiff(image, icc_profile=P3),
        "tiff-rgba": tiff(alpha),
        "tiff-grey": tiff(image.convert("L")),
        "tiff-grey-alpha": tiff(alpha.convert("LA")),
        "tiff-grey-16": tiff(deep),
        "tiff-black-white": tiff(image.convert("1")),
        "tiff-fax": tiff(image.convert("1"), compression="group4"),
        "tiff-palette": tiff(few),
        "tiff-cmyk": tiff(Image.fromarray(np.asarray(alpha), "CMYK")),
        "tiff-turned": tiff(image, tiffinfo={274: 6}),
        "tiff-float": tiff(Image.fromarray(rgb[..., 0].astype(np.float32) * 1.5 - 40)),
        "tiff-pages": tiff(image, save_all=True, append_images=[back]),
        "avif-444": saved(image, "AVIF", quality=90, subsampling="4:4:4"),
        "avif-420": saved(image, "AVIF", quality=70, subsampling="4:2:0"),
        "avif-alpha": saved(alpha, "AVIF", quality=80),
    }


def refused_kinds(rgb: np.ndarray) -> dict[str, bytes]:
    """What Pillow refuses to read to its end."""
    image = Image.fromarray(rgb)
    cut = lambda content: content[: len(content) * 2 // 3]
    return {
        "jpeg-cut": cut(saved(image, "JPEG", quality=95)),
        "jpeg-progressive-cut": cut(saved(image, "JPEG", quality=95, progressive=True)),
        "png-cut": cut(saved(image, "PNG")),
        "webp-cut": cut(saved(image, "WEBP", lossless=True)),
        "bmp-cut": cut(saved(image, "BMP")),
        "ppm-cut": cut(saved(image, "PPM")),
        "tiff-cut": saved(image, "TIFF")[:-HEIGHT * WIDTH],
        "bmp-head": saved(image, "BMP")[:30],
        "ppm-head": b"P6\n19",
        "empty": b"",
    }


def make_pictures() -> None:
    file, random = GoldenFile("pictures"), np.random.default_rng(7)
    rgb = picture(random, WIDTH, HEIGHT)
    kinds = {**png_kinds(rgb, random), **jpeg_kinds(rgb), **bmp_kinds(rgb, random), **pnm_kinds(rgb, random), **other_kinds(rgb, random)}
    refused = refused_kinds(rgb)
    for name, content in kinds.items():
        file.put(f"file.{name}", np.frombuffer(content, np.uint8))
        file.put(f"rgb.{name}", np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))
    for name, content in refused.items():
        file.put(f"file.{name}", np.frombuffer(content, np.uint8))
        try:
            Image.open(io.BytesIO(content)).convert("RGB")
        except Exception:
            continue
        raise ValueError(f"pictures: Pillow reads '{name}'; it was to be refused")
    file.config = {"kinds": list(kinds), "refused": list(refused)}
    file.write()
