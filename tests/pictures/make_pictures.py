#!/usr/bin/env python3
"""Makes tests/data/pictures: small pictures of many kinds, and beside each what is to be read from it.

Usage: make_pictures.py FOLDER      needs Pillow and numpy; the files are in the repository

name.ext is the picture, name.ext.rgb the bytes that it must decode to, H x W x 3. JPEG files are
written and read by Pillow; PNG and BMP files of the kinds that Pillow cannot write are put together
here from the formats' descriptions, and their values are the ones that were put in.
"""

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 24, 16
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6  # PNG's colour types
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
SIZES = [5, 8, 16, 40]


def waves(width, height):
    """A smooth picture in colour: JPEG changes it little."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [np.sin(x / (4 + c)) + np.cos(y / (3 + c)) for c in range(3)]
    return np.round(127.5 + 60 * np.stack(planes, -1)).astype(np.uint8)


def png(values, colour, bits=8, palette=b"", opacity=b""):
    """values: H x W x channels, whole numbers below 2^bits, of 1, 8 or 16 bits."""
    height, width = values.shape[:2]
    flat = values.reshape(height, -1)
    rows = np.packbits(flat, axis=1) if bits == 1 else flat.astype(">u2" if bits == 16 else "u1")
    raw = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    data = b"\x89PNG\r\n\x1a\n"
    data += chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    data += chunk(b"PLTE", palette) if palette else b""
    data += chunk(b"tRNS", opacity) if opacity else b""
    return data + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def on_white(rgb, opacity):
    opacity = opacity[..., None].astype(int)
    return (rgb.astype(int) * opacity + 255 * (255 - opacity) + 127) // 255


def grey(values):
    return np.repeat(values.reshape(HEIGHT, WIDTH, 1), 3, axis=2)


def bmp(rows, bits, width, palette=b"", top_down=False):
    """rows: bytes of each row from the top, without padding."""
    rows = [row + bytes(-len(row) % 4) for row in rows]
    body = b"".join(rows if top_down else rows[::-1])
    offset = 54 + len(palette)
    height = -len(rows) if top_down else len(rows)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 0, len(body), 0, 0, len(palette) // 4, 0)
    return struct.pack("<2sIHHI", b"BM", offset + len(body), 0, 0, offset) + header + palette + body


def main(folder):
    def write(name, data, rgb):
        (folder / name).write_bytes(data)
        (folder / (name + ".rgb")).write_bytes(np.asarray(rgb).astype(np.uint8).tobytes())

    def write_jpeg(name, image, **options):
        path = folder / name
        image.save(path, "JPEG", **options)
        write(name, path.read_bytes(), np.asarray(Image.open(path).convert("RGB")))

    rng = np.random.default_rng(1)
    picture = waves(WIDTH, HEIGHT)
    image = Image.fromarray(picture)
    inks = np.concatenate([picture, waves(HEIGHT, WIDTH).transpose(1, 0, 2)[..., :1]], 2)
    write_jpeg("plain.jpg", image, quality=90)
    write_jpeg("progressive.jpg", image, quality=90, progressive=True)
    write_jpeg("full_colour.jpg", image, quality=90, subsampling=0)
    write_jpeg("grey.jpg", image.convert("L"), quality=90)
    write_jpeg("cmyk.jpg", Image.fromarray(inks, "CMYK"), quality=95)
    write_jpeg("large.jpg", Image.fromarray(waves(160, 120)), quality=60)

    opacity = rng.integers(0, 256, (HEIGHT, WIDTH))
    opacity[0, :4] = 0, 1, 254, 255
    alpha = opacity[..., None]
    dark = picture[..., :1]
    write("rgb.png", png(picture, RGB), picture)
    write("grey.png", png(dark, GREY), grey(dark))
    write("rgba.png", png(np.concatenate([picture, alpha], 2), RGBA), on_white(picture, opacity))
    write("grey_alpha.png", png(np.concatenate([dark, alpha], 2), GREY_ALPHA), on_white(grey(dark), opacity))
    bits = rng.integers(0, 2, (HEIGHT, WIDTH, 1))
    write("one_bit.png", png(bits, GREY, bits=1), grey(bits * 255))
    deep = rng.integers(0, 65536, (HEIGHT, WIDTH, 3))
    write("rgb16.png", png(deep, RGB, bits=16), np.round(deep / 257))
    write("grey16.png", png(deep[..., :1], GREY, bits=16), grey(np.round(deep[..., :1] / 257)))
    colours = rng.integers(0, 256, (16, 3), dtype=np.uint8)
    places = rng.integers(0, 16, (HEIGHT, WIDTH))
    write("palette.png", png(places[..., None], PALETTE, palette=colours.tobytes()), colours[places])
    through = np.arange(16, dtype=np.uint8) * 17
    write(
        "palette_transparent.png",
        png(places[..., None], PALETTE, palette=colours.tobytes(), opacity=through.tobytes()),
        on_white(colours[places], through[places]),
    )

    blue_first = picture[..., ::-1]
    rows = [row.tobytes() for row in blue_first]
    write("rgb24.bmp", bmp(rows, 24, WIDTH), picture)
    write("top_down.bmp", bmp(rows, 24, WIDTH, top_down=True), picture)
    write("rgb32.bmp", bmp([np.insert(r, 3, 0, axis=1).tobytes() for r in blue_first], 32, WIDTH), picture)
    table = np.insert(colours[:, ::-1], 3, 0, axis=1).tobytes()
    write("palette8.bmp", bmp([r.astype(np.uint8).tobytes() for r in places], 8, WIDTH, table), colours[places])
    halves = [bytes(16 * a + b for a, b in zip(r[::2], r[1::2])) for r in places.tolist()]
    write("palette4.bmp", bmp(halves, 4, WIDTH, table), colours[places])
    two = np.insert(colours[:2, ::-1], 3, 0, axis=1).tobytes()
    packed = [np.packbits(r).tobytes() for r in bits[..., 0].astype(np.uint8)]
    write("palette1.bmp", bmp(packed, 1, WIDTH, two), colours[bits[..., 0]])

    # The middle square of a picture that is all noise, at several sizes. Its contrast leaves room
    # for the filter's overshoot, which Pillow cuts off after each direction.
    noise = rng.integers(90, 166, (47, 61, 3), dtype=np.uint8)
    write("noise.png", png(noise, RGB), noise)
    middle = Image.fromarray(noise[:, 7 : 7 + 47])
    for size in SIZES:
        resized = middle.resize((size, size), Image.Resampling.BICUBIC)
        (folder / f"noise_{size}.rgb").write_bytes(np.asarray(resized).tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
