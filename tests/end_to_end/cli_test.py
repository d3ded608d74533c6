#!/usr/bin/env python3
"""Tests gan_train and gan_generate as programs: exit codes, messages, and the files they leave.

Usage: cli_test.py [FOLDER OF THE PROGRAMS] [unittest arguments]
"""

import ast
import copy
import hashlib
import itertools
import json
import math
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import types
import unittest
import zlib
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parents[2] / "build"
TRAIN = "gan_train"
GENERATE = "gan_generate"

FAILURE, USAGE, INTERRUPTED = 1, 2, 130
RUN_SECONDS = 60
STOP_SECONDS = 5
MEGABYTE = 1 << 20
LEAN_BYTES = 300 * MEGABYTE

LATENT_DIM = 100
HIDDEN = [256, 512, 1024]
SIDE, CHANNELS = 32, 3
PIXELS = SIDE * SIDE * CHANNELS
MARGIN, WHITE = 2, 255

BATCH_FILES = [f"data_batch_{i}.bin" for i in range(1, 6)]
RECORD_BYTES = 1 + PIXELS
BATCH_BYTES = 10_000 * RECORD_BYTES

# Untrained models for all tests, made once.
MODELS = None


def setUpModule():
    global MODELS
    temporary = tempfile.TemporaryDirectory(prefix="cli_test.")
    unittest.addModuleCleanup(temporary.cleanup)
    command = [PROGRAMS / TRAIN, "--data", "shapes", "--epochs", "0"]
    subprocess.run(command, cwd=temporary.name, check=True, stdout=subprocess.DEVNULL)
    MODELS = Path(temporary.name) / "models" / "gan"


# --- files ---------------------------------------------------------------------------------------


def contents(folder):
    """What is below a folder: a digest for each file, since a model is too long to be shown."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "folder"
        for path in sorted(folder.rglob("*"))
    }


def events(run_folder):
    return [json.loads(line) for line in (run_folder / "events.jsonl").read_text().splitlines()]


def make_cifar10(folder):
    """Files of the right size whose pictures are black and whose labels are 0, without a block."""
    folder.mkdir(parents=True)
    for name in BATCH_FILES:
        (folder / name).touch()
        os.truncate(folder / name, BATCH_BYTES)
    return folder


def put_byte(path, at, value):
    with path.open("r+b") as file:
        file.seek(at)
        file.write(bytes([value]))


# --- safetensors, from the format's description alone --------------------------------------------


def parse_safetensors(data):
    (length,) = struct.unpack_from("<Q", data)
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def frame(header, payload):
    return struct.pack("<Q", len(header)) + header + payload


def pack_safetensors(header, payload):
    header["__metadata__"]["sha256"] = hashlib.sha256(payload).hexdigest()
    return frame(json.dumps(header).encode(), payload)


def tensors_of(header):
    return {name: entry for name, entry in header.items() if name != "__metadata__"}


def torch_names(dense_sizes):
    """Names and shapes in torch.nn.Sequential(Linear, ReLU, BatchNorm1d, ..., Linear, Tanh)."""
    shapes = {}
    last = len(dense_sizes) - 2
    for i, (before, after) in enumerate(itertools.pairwise(dense_sizes)):
        shapes[f"{3 * i}.weight"] = [after, before]
        shapes[f"{3 * i}.bias"] = [after]
        if i < last:
            for name in ("weight", "bias", "running_mean", "running_var"):
                shapes[f"{3 * i + 2}.{name}"] = [after]
    return shapes


class Damage:
    """Ways to spoil a good generator file; each returns the bytes of a bad one."""

    def __init__(self, good):
        self.good = good
        self.header, self.payload = parse_safetensors(good)

    def header_text(self):
        return json.dumps(self.header).encode()

    def with_metadata(self, **values):
        header = copy.deepcopy(self.header)
        header["__metadata__"].update(values)
        return pack_safetensors(header, self.payload)

    def without_metadata(self, key):
        header = copy.deepcopy(self.header)
        del header["__metadata__"][key]
        return frame(json.dumps(header).encode(), self.payload)

    def with_entry(self, name, **values):
        header = copy.deepcopy(self.header)
        header[name].update(values)
        return pack_safetensors(header, self.payload)

    def with_value(self, name, value):
        begin, _ = self.header[name]["data_offsets"]
        payload = self.payload[:begin] + struct.pack("<f", value) + self.payload[begin + 4 :]
        return pack_safetensors(copy.deepcopy(self.header), payload)

    def with_tensor(self, name, floats):
        header = copy.deepcopy(self.header)
        end = len(self.payload)
        header[name] = {
            "dtype": "F32",
            "shape": [floats],
            "data_offsets": [end, end + 4 * floats],
        }
        return pack_safetensors(header, self.payload + bytes(4 * floats))

    def without_tensor(self, name):
        begin, end = self.header[name]["data_offsets"]
        header, payload = self.moved(end, begin - end)
        del header[name]
        return pack_safetensors(header, payload)

    def renamed(self, old, new):
        header = copy.deepcopy(self.header)
        header[new] = header.pop(old)
        return pack_safetensors(header, self.payload)

    def with_key_twice(self, name):
        twice = f'{{"{name}": {json.dumps(self.header[name])}, '.encode()
        return frame(twice + self.header_text()[1:], self.payload)

    def with_gap(self, name):
        return pack_safetensors(*self.moved(self.header[name]["data_offsets"][1], 4))

    def with_overlap(self, first, second):
        """Two tensors of one size at one place; all else, the payload's size too, is right."""
        begin, end = self.header[first]["data_offsets"]
        header, payload = self.moved(end, begin - end)
        assert header[first]["data_offsets"] == header[second]["data_offsets"]
        return pack_safetensors(header, payload)

    def with_flipped_bit(self):
        damaged = bytearray(self.good)
        damaged[-5] ^= 1
        return bytes(damaged)

    def moved(self, at, by):
        """All tensors from `at` on lie `by` bytes later; the bytes before make room."""
        header = copy.deepcopy(self.header)
        for entry in tensors_of(header).values():
            if entry["data_offsets"][0] >= at:
                entry["data_offsets"] = [offset + by for offset in entry["data_offsets"]]
        return header, self.payload[: at + min(by, 0)] + bytes(max(by, 0)) + self.payload[at:]


# --- npy -----------------------------------------------------------------------------------------


def pack_npy(shape, values, descr="<f4", fortran_order=False):
    header = repr({"descr": descr, "fortran_order": fortran_order, "shape": tuple(shape)})
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + values


def parse_npy(data):
    assert data[:8] == b"\x93NUMPY\x01\x00"
    (length,) = struct.unpack_from("<H", data, 8)
    assert (10 + length) % 64 == 0
    return ast.literal_eval(data[10 : 10 + length].decode()), data[10 + length :]


def normal_rows(seed, count, latent_dim=LATENT_DIM):
    source = random.Random(seed)
    return [
        struct.pack(f"<{latent_dim}f", *(source.gauss(0, 1) for _ in range(latent_dim)))
        for _ in range(count)
    ]


# --- PNG -----------------------------------------------------------------------------------------


def png_chunks(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "the signature is wrong"
    at = 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (crc,) = struct.unpack_from(">I", data, at + 8 + length)
        assert crc == zlib.crc32(kind + body), f"the CRC of {kind} is wrong"
        yield kind, body
        at += 12 + length


def paeth(left, up, corner):
    estimate = left + up - corner
    return min((left, up, corner), key=lambda value: abs(estimate - value))


PNG_FILTERS = [
    None,
    lambda left, up, corner: left,
    lambda left, up, corner: up,
    lambda left, up, corner: (left + up) // 2,
    paeth,
]


def unfilter(kind, line, above):
    if kind == 0:
        return line
    predict = PNG_FILTERS[kind]
    line = bytearray(CHANNELS) + line
    above = bytes(CHANNELS) + above
    for i in range(CHANNELS, len(line)):
        predicted = predict(line[i - CHANNELS], above[i], above[i - CHANNELS])
        line[i] = (line[i] + predicted) & 255
    return bytes(line[CHANNELS:])


def decode_png(data):
    """Width, height and the pixels' bytes of an RGB picture with 8 bits a channel."""
    chunks = list(png_chunks(data))
    assert chunks[0][0] == b"IHDR" and chunks[-1] == (b"IEND", b"")
    width, height, *form = struct.unpack(">IIBBBBB", chunks[0][1])
    assert form == [8, 2, 0, 0, 0], f"it is not plain RGB with 8 bits: {form}"
    raw = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    stride = width * CHANNELS
    assert len(raw) == height * (1 + stride)
    lines = [bytes(stride)]
    for at in range(0, len(raw), 1 + stride):
        lines.append(unfilter(raw[at], raw[at + 1 : at + 1 + stride], lines[-1]))
    return width, height, b"".join(lines[1:])


def zoomed_row(picture, y, zoom):
    row = picture[y * SIDE * CHANNELS : (y + 1) * SIDE * CHANNELS]
    pixels = (row[x : x + CHANNELS] for x in range(0, len(row), CHANNELS))
    return b"".join(pixel * zoom for pixel in pixels)


def expected_sheet(pictures, zoom):
    """Width, height and pixels of the sheet: a square of cells, white where there is no picture."""
    columns = math.ceil(math.sqrt(len(pictures)))
    margin = bytes([WHITE]) * MARGIN * CHANNELS
    width = columns * (SIDE * zoom + MARGIN) + MARGIN
    white = bytes([WHITE]) * width * CHANNELS
    lines = [white] * MARGIN
    for first in range(0, len(pictures), columns):
        for y in range(SIDE):
            cells = (zoomed_row(p, y, zoom) + margin for p in pictures[first : first + columns])
            line = margin + b"".join(cells)
            lines += [line + white[len(line) :]] * zoom
        lines += [white] * MARGIN
    return width, len(lines), b"".join(lines)


# --- running the programs ------------------------------------------------------------------------


def limit_file_size(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def has_sanitizer(program):
    return re.search(rb"__[at]san_init", (PROGRAMS / program).read_bytes()) is not None


def wait_with_usage(process, seconds):
    """Waits as Popen.wait does, and returns the peak of the process's memory in bytes.

    Python's own peak counts too, since the child starts in its memory: tests must stay small.
    """
    guard = threading.Timer(seconds, os.kill, (process.pid, signal.SIGKILL))
    guard.start()
    _, status, usage = os.wait4(process.pid, 0)
    guard.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * 1024


class ProgramTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="cli_test.")
        self.addCleanup(temporary.cleanup)
        self.dir = Path(temporary.name)

    def run_program(self, program, *arguments, **options):
        return subprocess.run(
            [PROGRAMS / program, *map(str, arguments)],
            cwd=self.dir,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=RUN_SECONDS,
            **options,
        )

    def train(self, *arguments, **options):
        """A run of no epoch, which saves the untrained models at once."""
        base = ["--data", "shapes", "--epochs", 0]
        return self.run_program(TRAIN, *base, *arguments, **options)

    def generate(self, *arguments, model=None, **options):
        model = model or MODELS / "generator.safetensors"
        return self.run_program(GENERATE, "--model", model, *arguments, **options)

    def write(self, name, data):
        path = self.dir / name
        path.write_bytes(data)
        return path

    def copy_models(self, folder):
        return shutil.copytree(MODELS, folder, dirs_exist_ok=True)

    def npy_pictures(self, *arguments, **options):
        """The pictures of a run with --npy, as bytes."""
        path = self.dir / "pictures.npy"
        self.assert_succeeds(self.generate("--npy", path, *arguments, **options))
        header, values = parse_npy(path.read_bytes())
        count = header["shape"][0]
        self.assertEqual(
            header,
            {"descr": "|u1", "fortran_order": False, "shape": (count, SIDE, SIDE, CHANNELS)},
        )
        self.assertEqual(len(values), count * PIXELS)
        return [values[at : at + PIXELS] for at in range(0, len(values), PIXELS)]

    def start_training(self, *arguments):
        """Returns when the steps have begun. Output goes to files, which nobody needs to drain."""
        command = [PROGRAMS / TRAIN, "--data", "shapes", *map(str, arguments)]
        streams = {name: self.dir / name for name in ("stdout", "stderr")}
        with streams["stdout"].open("w") as out, streams["stderr"].open("w") as err:
            process = subprocess.Popen(command, cwd=self.dir, stdout=out, stderr=err)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + RUN_SECONDS
        while "training on" not in streams["stdout"].read_text():
            self.assertIsNone(process.poll(), streams["stderr"].read_text())
            self.assertLess(time.monotonic(), deadline, "it does not begin to train")
            time.sleep(0.05)
        return process

    def train_and_stop(self, number, seconds, *arguments):
        """Sends the signal after that many seconds of training."""
        process = self.start_training(*arguments)
        time.sleep(seconds)
        start = time.monotonic()
        process.send_signal(number)
        peak_bytes = wait_with_usage(process, RUN_SECONDS)
        return types.SimpleNamespace(
            args=process.args,
            returncode=process.returncode,
            stdout=(self.dir / "stdout").read_text(),
            stderr=(self.dir / "stderr").read_text(),
            stop_seconds=time.monotonic() - start,
            peak_bytes=peak_bytes,
        )

    def assert_succeeds(self, run):
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def assert_fails(self, run, code, *words):
        """One line on stderr, from the program, with these words in it."""
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertRegex(run.stderr, r"\A[^\n]+\n\Z")
        self.assertTrue(run.stderr.startswith(Path(run.args[0]).name + ": "), run.stderr)
        for word in words:
            self.assertIn(word, run.stderr)

    def assert_no_temporaries(self, folder=None):
        self.assertEqual(list((folder or self.dir).rglob("*.tmp")), [])


# --- usage ---------------------------------------------------------------------------------------

BAD_USAGE = [
    (TRAIN, ["--batch-size", "0"], "--batch-size"),
    (TRAIN, ["--batch-size", "1"], "--batch-size"),
    (TRAIN, ["--batch-size", "-3"], "--batch-size"),
    (TRAIN, ["--lr", "nan"], "--lr"),
    (TRAIN, ["--lr", "-1"], "--lr"),
    (TRAIN, ["--lr", "inf"], "--lr"),
    (TRAIN, ["--lr", "abc"], "--lr"),
    (TRAIN, ["--latent-dim", "0"], "--latent-dim"),
    (TRAIN, ["--workers", "0"], "--workers"),
    (TRAIN, ["--sync-interval", "0"], "--sync-interval"),
    (TRAIN, ["--epochs", "-1"], "--epochs"),
    (TRAIN, ["--epochs", "1.5"], "--epochs"),
    (TRAIN, ["--epochs", "99999999999999999999"], "--epochs"),
    (TRAIN, ["--epochs"], "--epochs"),
    (TRAIN, ["--threads", "-1"], "--threads"),
    (TRAIN, ["--sample-every", "-1"], "--sample-every"),
    (TRAIN, ["--seed", "-1"], "--seed"),
    (TRAIN, ["--seed", "18446744073709551616"], "--seed"),
    (TRAIN, ["--no-such-flag"], "--no-such-flag"),
    (TRAIN, ["no-flag"], "no-flag"),
    (TRAIN, ["--no-such\nflag"], "flag"),
    (TRAIN, ["--data", "mnist"], "mnist"),
    (TRAIN, ["--mode", "foo"], "foo"),
    (TRAIN, ["--mode", "distributed"], "--mode distributed"),
    (TRAIN, ["--job-id", "../x"], "../x"),
    (TRAIN, ["--job-id", ".x"], ".x"),
    (TRAIN, ["--job-id", "a b"], "a b"),
    (TRAIN, ["--config", "missing.toml"], "missing.toml"),
    (TRAIN, ["--config", "unknown-key.toml"], "no-such-key"),
    (TRAIN, ["--config", "unknown-section.toml"], "no-such-section"),
    (TRAIN, ["--config", "bad-value.toml"], "--epochs"),
    (GENERATE, ["--num-images", "0"], "--num-images"),
    (GENERATE, ["--num-images", "-1"], "--num-images"),
    (GENERATE, ["--npy", "a.npy", "--output", "out"], "--npy"),
    (GENERATE, ["--latents", "a.npy", "--seed", "1"], "--latents"),
    (GENERATE, ["--latents", "a.npy", "--num-images", "1"], "--latents"),
    (GENERATE, ["--seed", "-1"], "--seed"),
    (GENERATE, ["--threads", "-1"], "--threads"),
    (GENERATE, ["--no-such-flag"], "--no-such-flag"),
    (GENERATE, ["--config", "unknown-key.toml"], "no-such-key"),
]

CONFIG_FILES = {
    "unknown-key.toml": b"no-such-key = 1\n",
    "unknown-section.toml": b"[no-such-section]\nepochs = 1\n",
    "bad-value.toml": b"epochs = -1\n",
}

FLAGS = {
    TRAIN: "--mode --epochs --batch-size --workers --sync-interval --latent-dim --lr --save-dir "
    "--data --data-dir --seed --threads --job-id --sample-every --config".split(),
    GENERATE: "--model --num-images --output --seed --grid --latents --npy".split(),
}


class Usage(ProgramTest):
    def test_wrong_usage(self):
        for name, text in CONFIG_FILES.items():
            self.write(name, text)
        # With data and a model at hand nothing but the usage is wrong.
        make_cifar10(self.dir / "data")
        (self.dir / "models").mkdir()
        (self.dir / "models" / "gan").symlink_to(MODELS)
        before = sorted(self.dir.rglob("*"))
        for program, arguments, word in BAD_USAGE:
            with self.subTest(program=program, arguments=arguments):
                # An argument that is taken after all must not train for hours.
                self.addCleanup(self.remove_all_but, before)
                epochs = ["--epochs", "0"] if program == TRAIN else []
                if "--epochs" in arguments or "bad-value.toml" in arguments:
                    epochs = []
                self.assert_fails(self.run_program(program, *epochs, *arguments), USAGE, word)
                self.assertEqual(sorted(self.dir.rglob("*")), before)
            self.doCleanups
