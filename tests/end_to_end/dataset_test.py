#!/usr/bin/env python3
"""Tests the programs on data sets other than CIFAR-10: what they read, and the pictures that come out.

Usage: dataset_test.py [FOLDER OF THE PROGRAMS] [unittest arguments]
"""

import json
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parents[2] / "build"
RUN_SECONDS = 60
FAILURE, USAGE = 1, 2
GREY, RGB = 0, 2  # PNG's colour types
MARGIN = 2
SMALL = "--width 0.125 --batch-size 8 --threads 2".split()


def idx(extents, values):
    return struct.pack(f">HBB{len(extents)}I", 0, 8, len(extents), *extents) + values


def read_png(path):
    """Colour type and rows of a PNG with 8 bits a channel whose rows are not filtered, or by `up`."""
    data = path.read_bytes()
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    assert depth == 8
    at, packed = 8, b""
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += 12 + length
    channels = {GREY: 1, RGB: 3}[colour]
    raw = zlib.decompress(packed)
    stride = width * channels
    assert len(raw) == height * (1 + stride)
    rows = [bytes(stride)]
    for at in range(0, len(raw), 1 + stride):
        rows.append(unfiltered(raw[at], raw[at + 1 : at + 1 + stride], rows[-1], channels))
    return colour, rows[1:]


def unfiltered(kind, line, above, channels):
    out = bytearray()
    for i, value in enumerate(line):
        left = out[i - channels] if i >= channels else 0
        corner = above[i - channels] if i >= channels else 0
        estimate = left + above[i] - corner
        nearest = min((left, above[i], corner), key=lambda v: abs(estimate - v))
        predicted = (0, left, above[i], (left + above[i]) // 2, nearest)[kind]
        out.append((value + predicted) & 255)
    return bytes(out)


class DatasetTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="dataset_test.")
        self.addCleanup(temporary.cleanup)
        self.dir = Path(temporary.name)

    def run_program(self, program, *arguments):
        return subprocess.run(
            [PROGRAMS / program, *map(str, arguments)],
            cwd=self.dir,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=RUN_SECONDS,
        )

    def train(self, *arguments):
        return self.run_program("gan_train", *arguments)

    def assert_succeeds(self, run):
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return run

    def assert_fails(self, run, code, *words):
        """One line on stderr with these words in it; nothing was begun."""
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertRegex(run.stderr, r"\A[^\n]+\n\Z")
        for word in words:
            self.assertIn(word, run.stderr)
        self.assertFalse((self.dir / "runs").exists())

    def start_record(self, job):
        return json.loads((self.dir / "runs" / job / "events.jsonl").read_text().splitlines()[0])


class Mnist(DatasetTest):
    COUNT = 20

    def setUp(self):
        super().setUp()
        folder = self.dir / "data" / "mnist"
        folder.mkdir(parents=True)
        pixels = bytes(range(256)) * 3 + bytes(16)
        images = idx([self.COUNT, 28, 28], pixels * self.COUNT)
        labels = idx([self.COUNT], bytes(i % 10 for i in range(self.COUNT)))
        (folder / "train-images-idx3-ubyte").write_bytes(images)
        (folder / "train-labels-idx1-ubyte").write_bytes(labels)

    def test_grey_pictures_in_and_out(self):
        for model, size in [("dcgan", 32), ("mlp", 28)]:
            with self.subTest(model):
                job = ["--job-id", model, "--save-dir", model, "--image-size", size]
                options = ["--data", "mnist", "--model", model, "--epochs", 1, *SMALL]
                self.assert_succeeds(self.train(*options, *job))
                start = self.start_record(model)
                self.assertEqual((start["dataset"], start["images"]), ("mnist", self.COUNT))
                self.check_samples(model, size)
                self.check_generated(model, size)

    def check_samples(self, job, size):
        sheets = list((self.dir / "runs" / job / "samples").iterdir())
        self.assertNotEqual(sheets, [])
        for sheet in sheets:
            colour, rows = read_png(sheet)
            side = 8 * (2 * size + MARGIN) + MARGIN
            self.assertEqual((colour, len(rows), len(rows[0])), (GREY, side, side))

    def check_generated(self, model, size):
        generator = ["--model", f"{model}/generator.safetensors", "--num-images", 4]
        out = ["--output", f"out_{model}", "--grid", f"{model}.png"]
        self.assert_succeeds(self.run_program("gan_generate", *generator, *out))
        pictures = [read_png(path) for path in sorted((self.dir / f"out_{model}").iterdir())]
        self.assertEqual(len(pictures), 4)
        colour, sheet = read_png(self.dir / f"{model}.png")
        self.assertEqual(colour, GREY)
        cell = 2 * size + MARGIN
        for i, (colour, rows) in enumerate(pictures):
            self.assertEqual((colour, len(rows), len(rows[0])), (GREY, size, size))
            top, left = MARGIN + i // 2 * cell, MARGIN + i % 2 * cell
            shown = [row[left : left + 2 * size : 2] for row in sheet[top : top + 2 * size : 2]]
            self.assertEqual(shown, rows)

    def test_sizes_that_do_not_fit(self):
        for options, word in [
            (["--data", "mnist", "--image-size", 27], "28 to 1024 pixels"),
            (["--data", "mnist", "--image-size", 28, "--model", "dcgan"], "1x28x28"),
            (["--data", "cifar10", "--image-size", 64], "32 pixels a side, not 64"),
            (["--data", "cifar"], "cifar100"),
        ]:
            with self.subTest(options):
                self.assert_fails(self.train(*options), USAGE, word)

    def test_damaged_file(self):
        path = self.dir / "data" / "mnist" / "train-images-idx3-ubyte"
        path.write_bytes(path.read_bytes()[:-1])
        self.assert_fails(self.train("--data", "mnist"), FAILURE, str(path.name), "15679 values")


def bmp(width, height, colour):
    """One colour, red, green and blue, all over."""
    row = bytes(colour[::-1]) * width
    row += bytes(-len(row) % 4)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 54 + len(row) * height, 0, 0, 54) + header + row * height


class Folder(DatasetTest):
    COUNT = 200

    def setUp(self):
        super().setUp()
        self.pictures = self.dir / "my pictures"
        for i in range(self.COUNT):
            folder = self.pictures / f"class {i % 3}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{i}.bmp").write_bytes(bmp(20 + i % 7, 24, (i, 10, 20)))
        self.asked = ["--data", "folder:my pictures", "--image-size", 16, "--model", "dcgan"]

    def train_on_folder(self, *arguments):
        return self.train(*self.asked, "--epochs", 1, *SMALL, *arguments)

    def contents(self, folder):
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def test_decodes_once_and_trains(self):
        before = self.contents(self.pictures)
        first = self.assert_succeeds(self.train_on_folder("--job-id", "a", "--save-dir", "a"))
        self.assertIn(f"decoded {self.COUNT} pictures", first.stdout)
        again = ["--config", "runs/a/config.toml", "--job-id", "b", "--save-dir", "b"]
        second = self.assert_succeeds(self.train(*again))
        self.assertNotIn("decod", second.stdout)
        self.assertEqual(*((self.dir / m / "generator.safetensors").read_bytes() for m in "ab"))
        for job in "ab":
            start = self.start_record(job)
            self.assertEqual(
                (start["dataset"], start["images"]), ("folder:my pictures", self.COUNT)
            )
        self.assertEqual(self.contents(self.pictures), before)
        self.assertEqual(len(list((self.dir / "data").glob("folder_*_16.pictures"))), 1)

    def test_workers_share_the_cache(self):
        options = ["--mode", "distributed", "--workers", 2, "--data-dir", "cache"]
        self.assert_succeeds(self.train_on_folder(*options, "--sharding", "by-class"))
        self.assertEqual(len(list((self.dir / "cache").glob("*.pictures"))), 1)

    def test_corrupt_pictures(self):
        for i in range(2):
            (self.pictures / "class 0" / f"{i}.jpg").write_bytes(b"no picture")
        run = self.assert_succeeds(self.train_on_folder())
        self.assertIn("class 0/0.jpg", run.stdout)
        self.assertIn(f"2 of the {self.COUNT + 2} pictures", run.stdout)
        (self.pictures / "class 0" / "2.jpg").write_bytes(b"no picture")
        before = self.contents(self.dir / "runs")
        run = self.train_on_folder()
        self.assertEqual(run.returncode, FAILURE)
        self.assertIn("more than 1% of all 203", run.stderr)
        self.assertEqual(self.contents(self.dir / "runs"), before)

    def test_refused_before_anything_is_decoded(self):
        (self.dir / "empty").mkdir()
        for options, code, word in [
            (["--data", "folder:"], USAGE, "folder:DIR"),
            (["--image-size", 3], USAGE, "4 to 1024"),
            (["--image-size", 48], USAGE, "3x48x48"),
            (["--data", "folder:missing"], FAILURE, "there is no folder 'missing'"),
            (["--data", "folder:empty"], FAILURE, "no picture in the folder 'empty'"),
        ]:
            with self.subTest(options):
                asked = dict(zip(self.asked[::2], self.asked[1::2])) | dict([options])
                run = self.train(*(part for option in asked.items() for part in option))
                self.assert_fails(run, code, word)
                self.assertFalse((self.dir / "data").exists())


if __name__ == "__main__":
    if len(sys.argv) > 1 and Path(sys.argv[1]).is_dir():
        PROGRAMS = Path(sys.argv.pop(1)).resolve()
    unittest.main()
