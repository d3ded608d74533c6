#!/usr/bin/env python3
"""Tests gan_train and gan_generate as programs: exit codes, messages, and the files they leave.

Usage: cli_test.py [FOLDER OF THE PROGRAMS] [unittest arguments]
"""

import ast
import copy
import hashlib
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
ANIMATE = "gan_animate"

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
LAST_RECORD = BATCH_BYTES - RECORD_BYTES

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
    return frame(json.dumps(header).encode(), payload)


def tensors_of(header):
    return {name: entry for name, entry in header.items() if name != "__metadata__"}


def torch_names(dense_sizes):
    """Names and shapes in torch.nn.Sequential(Linear, ReLU, BatchNorm1d, ..., Linear, Tanh)."""
    shapes = {}
    last = len(dense_sizes) - 2
    for i, (before, after) in enumerate(zip(dense_sizes, dense_sizes[1:])):
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
        for digest in ("sha256", "header_sha256"):  # as files of others, which have none
            del self.header["__metadata__"][digest]

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

    def skip_with_sanitizer(self, program):
        if re.search(rb"__[at]san_init", (PROGRAMS / program).read_bytes()):
            self.skipTest("a sanitizer's own memory would be measured")

    def assert_succeeds(self, run):
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def assert_fails(self, run, code, *words):
        """One line on stderr, from the program, with these words in it."""
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertRegex(run.stderr, r"\A[^\n]+\n\Z")
        self.assertTrue(run.stderr.startswith(Path(run.args[0]).name + ": "), run.stderr)
        for word in words:
            self.assertIn(word, run.stderr)

    def assert_no_temporaries(self):
        self.assertEqual(list(self.dir.rglob("*.tmp")), [])


# --- usage ---------------------------------------------------------------------------------------

BAD_USAGE = [
    (TRAIN, ["--batch-size", "0"], "--batch-size"),
    (TRAIN, ["--batch-size", "1"], "--batch-size"),
    (TRAIN, ["--batch-size", "-3"], "--batch-size"),
    (TRAIN, ["--lr", "nan"], "--lr"),
    (TRAIN, ["--lr", "-1"], "--lr"),
    (TRAIN, ["--lr", "inf"], "--lr"),
    (TRAIN, ["--lr", "abc"], "--lr"),
    (TRAIN, ["--lr-decay", "stairs"], "--lr-decay"),
    (TRAIN, ["--warmup-steps", "-1"], "--warmup-steps"),
    (TRAIN, ["--ema", "1"], "--ema must be a number from 0"),
    (TRAIN, ["--clip-norm", "-1"], "--clip-norm"),
    (TRAIN, ["--accumulate", "0"], "--accumulate"),
    (TRAIN, ["--augment", "color,cut"], "'cut'"),
    (TRAIN, ["--loss", "wgan-gp", "--label-smoothing", "0.1"], "no labels"),
    (TRAIN, ["--loss", "wgan-gp", "--model", "dcgan"], "--d-norm none"),
    (TRAIN, ["--r1", "1", "--d-norm", "batch"], "--d-norm none"),
    (TRAIN, ["--minibatch-stddev"], "--model mlp"),
    (TRAIN, ["--minibatch-stddev", "--model", "sngan", "--r1", "1"], "--minibatch-stddev"),
    (TRAIN, ["--r1", "-1"], "--r1"),
    (TRAIN, ["--r1-every", "4"], "--r1-every"),
    (TRAIN, ["--gp-weight", "5"], "--gp-weight"),
    (TRAIN, ["--d-steps", "0"], "--d-steps"),
    (TRAIN, ["--loss", "hinge", "--label-smoothing", "0.1"], "--label-smoothing"),
    (TRAIN, ["--label-smoothing", "0.5"], "--label-smoothing"),
    (TRAIN, ["--d-norm", "batch", "--model", "sngan"], "--d-norm"),
    (TRAIN, ["--model", "dcgan", "--data", "mnist", "--image-size", "28"], "not 1x28x28"),
    (TRAIN, ["--model", "sngan", "--data", "folder:x", "--image-size", "16"], "32, 64 or 128"),
    (TRAIN, ["--data", "cifar10", "--image-size", "64"], "32 pixels a side, not 64"),
    (TRAIN, ["--data", "folder:x", "--image-size", "256"], "3x256x256"),
    (TRAIN, ["--data", "folder:x", "--image-size", "1025"], "4 to 1024"),
    (TRAIN, ["--data", "folder:"], "folder:DIR"),
    (TRAIN, ["--workers", "2"], "--mode distributed"),
    (TRAIN, ["--mode", "single", "--workers=3"], "--mode distributed"),
    (TRAIN, ["--sync", "gradients", "--sync-interval", "2"], "--sync-interval"),
    (TRAIN, ["--precision", "float16"], "float16"),
    (TRAIN, ["--preset", "nothing"], "nothing"),
    (GENERATE, ["--grid", "sheet.jpg"], ".png"),
    (GENERATE, ["--workers", "2"], "--distributed"),
    (GENERATE, ["--truncation", "-1"], "--truncation"),
    (GENERATE, ["--truncation", "inf"], "--truncation"),
    (GENERATE, ["--truncation", "1", "--latents", "z.npy"], "--latents"),
    (GENERATE, ["--interpolate", "0"], "--interpolate"),
    (GENERATE, ["--animation", "walk.gif"], ".webp"),
    (GENERATE, ["--animation", "walk.webp", "--frame-ms", "0"], "--frame-ms"),
    (ANIMATE, ["runs/x", "--output", "a.png"], ".webp"),
    (ANIMATE, [], "run"),
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
    (TRAIN, ["--data", "nothing"], "nothing"),
    (TRAIN, ["--mode", "foo"], "foo"),
    (TRAIN, ["--sync-payload", "int8"], "int8"),
    (TRAIN, ["--sync", "gradients", "--outer", "nesterov"], "--outer nesterov"),
    (TRAIN, ["--mode", "distributed", "--data", "shapes", "--workers", "0"], "--workers"),
    (TRAIN, ["--job-id", "../x"], "../x"),
    (TRAIN, ["--job-id", ".x"], ".x"),
    (TRAIN, ["--job-id", "a b"], "a b"),
    (TRAIN, ["--job-id", "a\nb"], "cannot name a run"),
    (TRAIN, ["--config", "missing.toml"], "missing.toml"),
    (TRAIN, ["--config", "unknown-key.toml"], "no-such-key"),
    (TRAIN, ["--config", "unknown-section.toml"], "no-such-section"),
    (TRAIN, ["--config", "bad-value.toml"], "--epochs"),
    (TRAIN, ["--config", "resume.toml"], "--resume"),
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
    "resume.toml": b'data = "shapes"\nresume = "a"\n',
}

FLAGS = {
    TRAIN: "--mode --epochs --batch-size --workers --sync-interval --sync-payload --latent-dim --lr "
    "--save-dir --data --data-dir --image-size --seed --threads --job-id --sample-every --config".split(),
    GENERATE: "--model --num-images --output --seed --grid --latents --npy".split(),
}


class Usage(ProgramTest):
    def test_wrong_usage(self):
        # There is no data and no model here: what is taken for right ends at once too.
        for name, text in CONFIG_FILES.items():
            self.write(name, text)
        for program, arguments, word in BAD_USAGE:
            with self.subTest(program=program, arguments=arguments):
                before = contents(self.dir)
                self.assert_fails(self.run_program(program, *arguments), USAGE, word)
                self.assertEqual(contents(self.dir), before)

    def test_help_names_every_flag(self):
        for program, flags in FLAGS.items():
            run = self.run_program(program, "--help")
            self.assert_succeeds(run)
            for flag in flags:
                with self.subTest(program=program, flag=flag):
                    self.assertRegex(run.stdout, rf"(?m)^ +{flag} ")

    def test_version(self):
        for program in FLAGS:
            run = self.run_program(program, "--version")
            self.assert_succeeds(run)
            self.assertRegex(run.stdout, r"\A\d+\.\d+\.\d+\n\Z")


# --- gan_train -----------------------------------------------------------------------------------


class UntrainedModels(ProgramTest):
    def test_files_are_as_the_format_says(self):
        sizes = [LATENT_DIM, *HIDDEN, PIXELS]
        generator = torch_names(sizes)
        discriminator = {
            f"{at}.{kind}": shape
            for at, before, after in [(0, 3072, 1024), (3, 1024, 512), (6, 512, 256), (9, 256, 1)]
            for kind, shape in [("weight", [after, before]), ("bias", [after])]
        }
        for role, shapes in [("generator", generator), ("discriminator", discriminator)]:
            with self.subTest(role):
                self.check_model(MODELS / f"{role}.safetensors", role, shapes)

    def check_model(self, path, role, shapes):
        data = path.read_bytes()
        header, payload = parse_safetensors(data)
        self.assertEqual((len(data) - len(payload)) % 64, 0)
        tensors = tensors_of(header)
        self.assertEqual({name: entry["shape"] for name, entry in tensors.items()}, shapes)
        at = 0
        for begin, end in sorted(entry["data_offsets"] for entry in tensors.values()):
            self.assertEqual(begin, at)
            at = end
        self.assertEqual(at, len(payload))
        for entry in tensors.values():
            begin, end = entry["data_offsets"]
            self.assertEqual((entry["dtype"], end - begin), ("F32", 4 * math.prod(entry["shape"])))
        metadata = header["__metadata__"]
        self.assertEqual(metadata["role"], role)
        self.assertEqual(metadata["latent_dim"], str(LATENT_DIM))
        self.assertEqual(metadata["sha256"], hashlib.sha256(payload).hexdigest())

    def test_models_depend_on_the_seed_alone(self):
        models = {}
        for threads in (1, 2, 3):
            self.assert_succeeds(self.train("--threads", threads, "--save-dir", f"t{threads}"))
            models[threads] = contents(self.dir / f"t{threads}")
        self.assertEqual(models[1], models[2])
        self.assertEqual(models[1], models[3])
        self.assertEqual(models[1], contents(MODELS))
        self.assert_succeeds(self.train("--seed", 43, "--save-dir", "other"))
        for name, digest in contents(self.dir / "other").items():
            self.assertNotEqual(digest, models[1][name])

    def test_a_name_is_made_up_where_none_is_given(self):
        self.assert_succeeds(self.train())
        (folder,) = (self.dir / "runs").iterdir()
        self.assertRegex(folder.name, r"\A\d{8}-\d{6}-[a-z]+-[a-z]+\Z")
        self.assertEqual(events(folder)[0]["job_id"], folder.name)

    def test_an_existing_run_is_not_overwritten(self):
        self.assert_succeeds(self.train("--job-id", "a"))
        before = contents(self.dir)
        self.assert_fails(self.train("--job-id", "a", "--seed", 2), FAILURE, "runs/a'")
        self.assertEqual(contents(self.dir), before)


class Conditional(ProgramTest):
    def test_a_class_can_be_chosen(self):
        run = self.train("--conditional", "--model", "dcgan", "--width", 0.1, "--save-dir", "m")
        self.assert_succeeds(run)
        model = self.dir / "m" / "generator.safetensors"
        header, _ = parse_safetensors(model.read_bytes())
        names = header["__metadata__"]["classes"].split("\n")
        self.assertEqual(len(names), 10)
        count = ("--num-images", 600)
        every = self.npy_pictures(*count, model=model)
        star = self.npy_pictures(*count, "--class", "star", model=model)
        number = names.index("star")
        for i in range(600):
            if i % 10 == number:
                self.assertEqual(star[i], every[i])
        self.assertNotEqual(star[0], every[0])
        several = ("--class", number, "--distributed", "--workers", 3)
        self.assertEqual(self.npy_pictures(*count, *several, model=model), star)
        for name in ("blob", "10", "-1"):
            run = self.generate("--class", name, model=model)
            self.assert_fails(run, FAILURE, name, "star")
        self.assert_fails(self.generate("--class", "star"), FAILURE, "--conditional")
        self.assertFalse((self.dir / "generated").exists())


class ConfigFile(ProgramTest):
    def setUp(self):
        super().setUp()
        self.asked = ["--latent-dim", 20, "--lr", "0.0123"]
        given = ["--seed", 7, "--job-id", "a", "--save-dir", "a"]
        self.assert_succeeds(self.train(*self.asked, *given))

    def again(self, job_id, *arguments):
        """The run of `a` again, by its config file; returns its recorded config and models."""
        config = ["--config", "runs/a/config.toml", "--job-id", job_id, "--save-dir", job_id]
        self.assert_succeeds(self.run_program(TRAIN, *config, *arguments))
        return self.config_of(job_id), contents(self.dir / job_id)

    def config_of(self, job_id):
        return events(self.dir / "runs" / job_id)[0]["config"]

    def test_repeats_a_run(self):
        config, models = self.again("b")
        self.assertEqual(models, contents(self.dir / "a"))
        self.assertEqual(config | {"save_dir": "a"}, self.config_of("a"))
        self.assertEqual((config["latent_dim"], config["lr"]), (20, 0.0123))

    def test_flags_win(self):
        config, models = self.again("b", "--seed", 8)
        self.assertEqual(config["seed"], "8")
        self.assert_succeeds(self.train(*self.asked, "--seed", 8, "--save-dir", "direct"))
        self.assertEqual(models, contents(self.dir / "direct"))
        self.assertNotEqual(models, contents(self.dir / "a"))

    def test_keeps_paths(self):
        for i, folder in enumerate(["a b", "it's", 'a "b"', "a,b", "[x]", "a=b;c", "#x"]):
            with self.subTest(folder):
                self.assert_succeeds(self.train("--save-dir", folder, "--job-id", f"p{i}"))
                config = ["--config", f"runs/p{i}/config.toml", "--job-id", f"q{i}"]
                self.assert_succeeds(self.run_program(TRAIN, *config))
                self.assertEqual(self.config_of(f"q{i}")["save_dir"], folder)


class Preset(ProgramTest):
    SMALL = ["--data", "shapes", "--epochs", 0, "--width", 0.05]

    def models(self, name, *arguments):
        run = self.run_program(TRAIN, *arguments, "--job-id", name, "--save-dir", name)
        self.assert_succeeds(run)
        return contents(self.dir / name)

    def test_is_the_flags_that_the_help_names(self):
        shown = self.run_program(TRAIN, "--help").stdout
        flags = re.search(r"cifar10-fast: [^.]*\. (--.*)", shown)
        spelled = self.models("spelled", *flags.group(1).split(), *self.SMALL)
        self.assertEqual(spelled, self.models("named", "--preset", "cifar10-fast", *self.SMALL))
        self.assertEqual(spelled, self.models("behind", *self.SMALL, "--preset=cifar10-fast"))
        config = ["--config", "runs/named/config.toml"]
        self.assertEqual(spelled, self.models("again", *config))
        self.assertNotEqual(spelled, self.models("plain", *self.SMALL))

    def test_reference_is_the_default(self):
        plain = self.models("plain", *self.SMALL)
        self.assertEqual(plain, self.models("named", "--preset", "reference", *self.SMALL))

    def test_may_be_told_to_average_otherwise(self):
        distributed = ["--preset", "cifar10-fast", "--mode", "distributed"]
        self.models("a", *self.SMALL, *distributed, "--sync", "steps", "--sync-interval", 3)
        interval_alone = self.run_program(TRAIN, *self.SMALL, *distributed, "--sync-interval", 3)
        self.assert_fails(interval_alone, USAGE, "--sync-interval", "--sync epochs")

    def test_refused(self):
        self.models("a", *self.SMALL)
        for arguments, words in [
            (["--preset", "best"], ["best", "cifar10-best"]),
            (["--preset", "reference", "--config", "runs/a/config.toml"], ["--preset", "--config"]),
            (["--preset", "reference", "--resume", "a"], ["--preset", "--resume"]),
        ]:
            with self.subTest(arguments=arguments):
                self.assert_fails(self.run_program(TRAIN, *arguments), USAGE, *words)


BAD_DATA = [
    ("missing", "data_batch_3.bin", Path.unlink, "no such file"),
    ("first missing", "data_batch_1.bin", Path.unlink, "data_batch_1.bin"),
    ("cut off", "data_batch_2.bin", lambda path: os.truncate(path, BATCH_BYTES - 1), "30729999"),
    ("too long", "data_batch_5.bin", lambda path: os.truncate(path, BATCH_BYTES + 1), "30730001"),
    ("empty", "data_batch_1.bin", lambda path: os.truncate(path, 0), "0 bytes"),
    ("label", "data_batch_4.bin", lambda path: put_byte(path, 7777 * RECORD_BYTES, 10), "7777"),
    ("last label", "data_batch_5.bin", lambda path: put_byte(path, LAST_RECORD, 10), "9999"),
]


class Cifar10(ProgramTest):
    def setUp(self):
        super().setUp()
        self.models = self.copy_models(self.dir / "models" / "gan")

    def train_on(self, data_dir):
        return self.run_program(TRAIN, "--epochs", 0, "--seed", 5, "--data-dir", data_dir)

    def assert_refused(self, run, *words):
        self.assert_fails(run, FAILURE, *words)
        self.assertEqual(contents(self.models), contents(MODELS))
        self.assertFalse((self.dir / "runs").exists())

    def test_good_files_in_both_places(self):
        make_cifar10(self.dir / "inside" / "cifar-10-batches-bin")
        make_cifar10(self.dir / "direct")
        for data_dir in ("inside", "direct"):
            self.assert_succeeds(self.train_on(data_dir))
        starts = [events(folder)[0] for folder in (self.dir / "runs").iterdir()]
        self.assertEqual([(s["dataset"], s["images"]) for s in starts], [("cifar10", 50_000)] * 2)

    def test_no_folder(self):
        self.assert_refused(self.train_on("nowhere"), "nowhere", "data_batch_1.bin")

    def test_bad_files(self):
        for what, name, spoil, word in BAD_DATA:
            with self.subTest(what):
                data_dir = self.dir / what.replace(" ", "-")
                spoil(make_cifar10(data_dir) / name)
                self.assert_refused(self.train_on(data_dir), data_dir.name, name, word)


class Unwritable(ProgramTest):
    """Root may write into any folder, but not into a file."""

    def setUp(self):
        super().setUp()
        self.write("file", b"mine")

    def test_training(self):
        for flag in ("--save-dir", "--runs-dir"):
            with self.subTest(flag):
                self.assert_fails(self.train(flag, "file/below"), FAILURE, "file/below")
                self.assertEqual(list(self.dir.rglob("*.safetensors")), [])
                self.assertEqual(list(self.dir.rglob("events.jsonl")), [])

    def test_pictures(self):
        for arguments in (["--output"], ["--npy"], ["--output", "out", "--grid"]):
            with self.subTest(arguments):
                run = self.generate(*arguments, "file/below")
                self.assert_fails(run, FAILURE, "file/below")

    def tearDown(self):
        self.assertEqual((self.dir / "file").read_bytes(), b"mine")


class FullDisk(ProgramTest):
    def assert_models_kept(self, run, models):
        self.assert_fails(run, FAILURE, "generator.safetensors")
        self.assertEqual(contents(models), contents(MODELS))
        (folder,) = (self.dir / "runs").iterdir()
        last = events(folder)[-1]
        self.assertEqual((last["type"], last["how"]), ("run_ended", "failed"))
        self.assertIn("generator.safetensors", last["message"])

    def test_models_beyond_the_largest_file(self):
        models = self.copy_models(self.dir / "models" / "gan")
        run = self.train("--seed", 5, preexec_fn=limit_file_size(MEGABYTE))
        self.assert_models_kept(run, models)

    def test_models_on_a_full_disk(self):
        models = self.mount(round(2.5 * MODELS.joinpath("generator.safetensors").stat().st_size))
        self.copy_models(models)
        self.assert_models_kept(self.train("--seed", 5, "--save-dir", models), models)

    def mount(self, size):
        folder = self.dir / "disk"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        try:
            mounted = subprocess.run(command, capture_output=True).returncode == 0
        except FileNotFoundError:
            mounted = False
        if not mounted:
            self.skipTest("a small file system may not be mounted here")
        self.addCleanup(subprocess.run, ["umount", str(folder)], check=True)
        return folder

    def test_pictures(self):
        old = {name: self.write(name, b"old") for name in ("pictures.npy", "sheet.png")}
        for arguments, largest, name in [
            (["--npy", "pictures.npy"], 2 * PIXELS, "pictures.npy"),
            (["--num-images", 64, "--grid", "sheet.png"], 2 * PIXELS, "sheet.png"),
            (["--output", "out", "--threads", 3], 500, "image_000"),
        ]:
            with self.subTest(arguments):
                run = self.generate(*arguments, preexec_fn=limit_file_size(largest))
                self.assert_fails(run, FAILURE, name)
        self.assertEqual([path.read_bytes() for path in old.values()], [b"old"] * 2)
        self.assertEqual(list((self.dir / "out").iterdir()), [])

    def tearDown(self):
        self.assert_no_temporaries()


RUN_STARTED_FIELDS = {
    "job_id": str,
    "config": dict,
    "dataset": str,
    "images": int,
    "world": int,
    "version": str,
    "host": str,
    "pid": int,
    "cpu": str,
    "simd": str,
    "threads": int,
    "parameters": int,
}


class Stopping(ProgramTest):
    def check_stop(self, number):
        run = self.train_and_stop(number, 2, "--job-id", "a")
        self.assertEqual((run.returncode, run.stderr), (INTERRUPTED, ""))
        self.assertLess(run.stop_seconds, STOP_SECONDS)
        self.assertIn("models/gan", run.stdout.splitlines()[-1])
        self.assert_no_temporaries()
        self.check_records(self.dir / "runs" / "a")
        self.check_models(self.dir / "models" / "gan")

    def check_records(self, folder):
        records = events(folder)
        for record in records:
            self.assertEqual(record["v"], 1)
            self.assertRegex(record["time"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
        first, *_, saved, last = records
        self.assertEqual(first["type"], "run_started")
        found = {key: type(first.get(key)) for key in RUN_STARTED_FIELDS}
        self.assertEqual(found, RUN_STARTED_FIELDS)
        self.assertEqual((first["job_id"], first["dataset"]), ("a", "shapes"))
        self.assertEqual((saved["type"], saved["path"]), ("models_saved", "models/gan"))
        self.assertEqual((last["type"], last["how"]), ("run_ended", "interrupted"))

    def check_models(self, folder):
        path = folder / "generator.safetensors"
        header, payload = parse_safetensors(path.read_bytes())
        begin, end = header["2.running_mean"]["data_offsets"]
        self.assertTrue(any(payload[begin:end]), "no step was made")
        self.assertEqual(len(self.npy_pictures("--num-images", 3, model=path)), 3)

    def test_ctrl_c(self):
        self.check_stop(signal.SIGINT)

    def test_sigterm(self):
        self.check_stop(signal.SIGTERM)

    def test_memory(self):
        self.skip_with_sanitizer(TRAIN)
        run = self.train_and_stop(signal.SIGINT, 3)
        self.assertEqual(run.returncode, INTERRUPTED, run.stderr)
        self.assertLess(run.peak_bytes, LEAN_BYTES)


# Stops one thread of another process for good, as a tracer that never lets it go on.
STOP_THREAD = """
import ctypes, os, sys
PTRACE_ATTACH, WALL = 16, 0x40000000
thread = int(sys.argv[1])
if ctypes.CDLL(None).ptrace(PTRACE_ATTACH, ctypes.c_long(thread), None, None) != 0:
    sys.exit()
os.waitpid(thread, WALL)
print("stopped", flush=True)
os.waitpid(thread, WALL)  # until its process ends
"""


class HangingWorker(ProgramTest):
    def busiest_thread(self, pid):
        """Other than the main thread, by the time in its /proc/PID/task/THREAD/stat."""
        seconds = {}
        for task in Path(f"/proc/{pid}/task").iterdir():
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            seconds[int(task.name)] = int(fields[11]) + int(fields[12])
        del seconds[pid]
        return max(seconds, key=seconds.get)

    def test_ends_in_time_with_its_name(self):
        process = self.start_training(
            *"--mode distributed --workers 2 --threads 1 --sync steps --sync-interval 4".split(),
            *"--timeout 3 --job-id hang".split(),
        )
        time.sleep(1)
        command = [sys.executable, "-c", STOP_THREAD, str(self.busiest_thread(process.pid))]
        tracer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.addCleanup(tracer.communicate)
        self.addCleanup(tracer.kill)
        if tracer.stdout.readline() != "stopped\n":
            self.skipTest("threads of other processes cannot be traced here")
        self.assertEqual(process.wait(RUN_SECONDS), FAILURE)
        self.assertRegex(
            (self.dir / "stderr").read_text(),
            r"\Agan_train: rank [01] failed: it showed no sign of life for 3\.0* s .*\n\Z",
        )
        last = (self.dir / "runs" / "hang" / "events.jsonl").read_text().splitlines()[-1]
        self.assertEqual(json.loads(last)["how"], "failed")


# --- gan_generate --------------------------------------------------------------------------------


class Pictures(ProgramTest):
    def test_one_file_for_each_picture(self):
        count = 70
        self.assert_succeeds(self.generate("--num-images", count, "--output", "out"))
        paths = sorted((self.dir / "out").iterdir())
        self.assertEqual([p.name for p in paths], [f"image_{i:05}.png" for i in range(count)])
        decoded = [decode_png(path.read_bytes()) for path in paths]
        self.assertEqual({(width, height) for width, height, _ in decoded}, {(SIDE, SIDE)})
        pictures = [pixels for _, _, pixels in decoded]
        self.assertEqual(pictures, self.npy_pictures("--num-images", count))
        self.assertEqual(len(set(pictures)), count)

    def test_sheet(self):
        # Beyond 256 pictures a sheet shows them in their own size.
        for count, zoom in [(1, 2), (70, 2), (257, 1)]:
            with self.subTest(count):
                pictures = self.npy_pictures("--num-images", count, "--grid", "sheet.png")
                sheet = decode_png((self.dir / "sheet.png").read_bytes())
                expected = expected_sheet(pictures, zoom)
                self.assertEqual(sheet[:2], expected[:2])
                self.assertTrue(sheet[2] == expected[2], "the sheet's pixels differ")

    def test_a_picture_depends_on_model_seed_and_place_alone(self):
        pictures = self.npy_pictures("--num-images", 70)
        for threads in (1, 2, 3):
            with self.subTest(threads):
                self.assertTrue(
                    pictures == self.npy_pictures("--num-images", 70, "--threads", threads)
                )
        self.assertTrue(pictures[:10] == self.npy_pictures("--num-images", 10))
        self.assertTrue(pictures[:10] == self.npy_pictures())
        others = self.npy_pictures("--num-images", 70, "--seed", 43)
        self.assertTrue(set(pictures).isdisjoint(others))

    def test_paths_and_truncation_are_the_same_for_any_workers(self):
        flags = ["--num-images", 600, "--interpolate", 7, "--truncation", 0.8]
        pictures = self.npy_pictures(*flags, "--animation", "walk.webp")
        walk = (self.dir / "walk.webp").read_bytes()
        self.assertEqual((walk[:4], walk[8:12]), (b"RIFF", b"WEBP"))
        workers = ["--distributed", "--workers", 3, "--animation", "again.webp"]
        self.assertTrue(pictures == self.npy_pictures(*flags, *workers))
        self.assertTrue(walk == (self.dir / "again.webp").read_bytes())
        self.assertTrue(pictures[:5] == self.npy_pictures(*flags[2:], "--num-images", 5))
        # Every seventh picture has a latent of its own.
        own = self.npy_pictures("--num-images", 3, "--truncation", 0.8)
        self.assertTrue(pictures[0] == own[0])
        self.assertTrue(pictures[1] not in own)

    def test_default_folder(self):
        self.assert_succeeds(self.generate("--num-images", 1))
        names = [path.name for path in (self.dir / "generated").iterdir()]
        self.assertEqual(names, ["image_00000.png"])


class StatusLine(ProgramTest):
    def test_a_terminal_shows_how_far_it_is_and_is_left_clean(self):
        model = MODELS / "generator.safetensors"
        shown = self.on_terminal(GENERATE, "--model", model, "--num-images", 300)
        self.assertRegex(shown, r"\r\[#+\.*\] making: \d+ of 300 pictures\x1b\[K")
        self.assertTrue(shown.endswith("\r\x1b[K"), shown)

    def on_terminal(self, program, *arguments):
        """What appears on a terminal that is its stderr."""
        ours, its = os.openpty()
        with open(ours, "rb", buffering=0) as terminal:
            command = [PROGRAMS / program, *map(str, arguments)]
            process = subprocess.Popen(
                command, cwd=self.dir, stderr=its, stdout=subprocess.DEVNULL
            )
            os.close(its)
            shown = b""
            try:
                while part := terminal.read(4096):
                    shown += part
            except OSError:  # Linux says so when the other end is closed
                pass
        self.assertEqual(process.wait(RUN_SECONDS), 0, shown)
        return shown.decode()


def bad_latents():
    rows = b"".join(normal_rows(1, 2))
    shape = (2, LATENT_DIM)
    good = pack_npy(shape, rows)
    return [
        ("empty", b"", "magic"),
        ("not npy", rows, "magic"),
        ("header cut off", good[:60], "cut off"),
        ("values cut off", good[:-1], "799 bytes"),
        ("a byte too many", good + b"\0", "801 bytes"),
        ("float64", pack_npy(shape, rows * 2, "<f8"), "float32"),
        ("big-endian", pack_npy(shape, rows, ">f4"), "type '>f4'"),
        ("Fortran order", pack_npy(shape, rows, fortran_order=True), "C order"),
        ("one extent", pack_npy((2 * LATENT_DIM,), rows), "two extents"),
        ("three extents", pack_npy((1, 2, LATENT_DIM), rows), "two extents"),
        ("no row", pack_npy((0, LATENT_DIM), b""), "empty"),
        ("other latent_dim", pack_npy((4, LATENT_DIM // 2), rows), "50 numbers"),
    ]


class Latents(ProgramTest):
    def pictures(self, rows):
        path = self.write("z.npy", pack_npy((len(rows), LATENT_DIM), b"".join(rows)))
        return self.npy_pictures("--latents", path)

    def test_one_picture_a_row(self):
        rows = normal_rows(1, 3)
        path = self.write("z.npy", pack_npy((3, LATENT_DIM), b"".join(rows)))
        self.assert_succeeds(self.generate("--latents", path, "--output", "out"))
        paths = sorted((self.dir / "out").iterdir())
        self.assertEqual([p.name for p in paths], [f"image_{i:05}.png" for i in range(3)])
        decoded = [decode_png(p.read_bytes())[2] for p in paths]
        self.assertEqual(decoded, self.pictures(rows))

    def test_equal_rows_give_equal_pictures(self):
        a, b = normal_rows(1, 2)
        pictures = self.pictures([a, b] * 100)
        self.assertTrue(pictures == pictures[:2] * 100)
        self.assertNotEqual(pictures[0], pictures[1])

    def test_bad_files(self):
        for what, data, word in bad_latents():
            with self.subTest(what):
                self.write("z.npy", data)
                self.assert_refused("z.npy", word)

    def test_no_file(self):
        self.assert_refused("missing.npy", "no such file")
        (self.dir / "folder.npy").mkdir()
        self.assert_refused("folder.npy", "regular file")

    def assert_refused(self, name, word):
        run = self.generate("--latents", name, "--output", "out")
        self.assert_fails(run, FAILURE, name, word)
        self.assertFalse((self.dir / "out").exists())


def bad_models():
    """What is wrong, the file's bytes (too long to be listed), and a word of the message."""
    good = (MODELS / "generator.safetensors").read_bytes()
    discriminator = (MODELS / "discriminator.safetensors").read_bytes()
    damage = Damage(good)
    payload_at = len(good) - len(damage.payload)
    yield "empty", b"", "8 bytes"
    yield "7 bytes", good[:7], "8 bytes"
    yield "random bytes", random.Random(1).randbytes(1000), "header claims"
    for length in (8, 100, payload_at - 1):
        yield f"{length} bytes", good[:length], "header claims"
    for length in (payload_at, payload_at + 1_000_000, len(good) - 1):
        yield f"{length} bytes", good[:length], "the file holds"
    yield "a byte too many", good + b"\0", "the file holds"
    for length in (100_000_001, 1 << 63, (1 << 64) - 1):
        yield f"header of {length}", struct.pack("<Q", length) + good[8:], "header claims"
    for text in (b"", b"{", b"not JSON", b"[]", b'{"a": 1}', b"{" * 1000, b'{"\xff": {}}'):
        yield f"header {text[:8]}", frame(text, b""), "header"
    yield "key twice", damage.with_key_twice("0.bias"), "twice"
    yield "gap", damage.with_gap("0.bias"), "gap"
    yield "overlap", damage.with_overlap("0.bias", "2.weight"), "overlap"
    yield "flipped bit", damage.with_flipped_bit(), "SHA-256"
    for value in (math.nan, math.inf, -math.inf):
        yield f"a weight of {value}", damage.with_value("3.weight", value), "not finite"
    yield "statistic", damage.with_value("5.running_var", math.nan), "not finite"
    yield "shape", damage.with_entry("0.weight", shape=[100, 256]), "256x100"
    yield "rank", damage.with_entry("9.bias", shape=[3072, 1]), "3072x1"
    yield "size", damage.with_entry("9.bias", shape=[3071]), "offsets of '9.bias'"
    yield "extents", damage.with_entry("9.bias", shape=[1 << 62, 1 << 62]), "overflows"
    yield "sign", damage.with_entry("9.bias", shape=[-3072]), "negative"
    yield "type", damage.with_entry("9.bias", dtype="I32"), "F32"
    yield "architecture", damage.with_metadata(architecture="foo"), "'foo'"
    for text in ("0", "-5", "99999999999999999999", "abc", "", " 100", "100 ", "1e2", "100\n"):
        yield f"latent_dim {text!r}", damage.with_metadata(latent_dim=text), "no network"
    yield "other latent_dim", damage.with_metadata(latent_dim="101"), "256x101"
    for text in ("3x32", "2x32x32", "3x0x32", "3x32x32x", "3x99999x99999"):
        yield f"image_shape {text}", damage.with_metadata(image_shape=text), "no network"
    for text in ("", "256x", "0", "x".join(["8"] * 17), "65537"):
        yield f"hidden {text}", damage.with_metadata(hidden=text), "no network"
    for key in ("role", "architecture", "latent_dim", "image_shape", "hidden", "d_norm"):
        yield f"no {key}", damage.without_metadata(key), f"'{key}'"
    bare = json.dumps(tensors_of(damage.header)).encode()
    yield "no metadata", frame(bare, damage.payload), "metadata"
    yield "discriminator", discriminator, "discriminator"
    yield "extra tensor", damage.with_tensor("11.bias", 8), "tensors"
    yield "missing tensor", damage.without_tensor("5.running_mean"), "tensors"
    yield "other name", damage.renamed("9.bias", "9.offset"), "9.bias"


class BadModels(ProgramTest):
    def assert_refused(self, name, word):
        self.assert_fails(self.generate(model=name), FAILURE, name, word)
        self.assertFalse((self.dir / "generated").exists())

    def test_bad_files(self):
        for what, data, word in bad_models():
            with self.subTest(what):
                self.write("bad.safetensors", data)
                self.assert_refused("bad.safetensors", word)

    def test_no_file(self):
        self.assert_refused("missing.safetensors", "no such file")
        (self.dir / "folder.safetensors").mkdir()
        self.assert_refused("folder.safetensors", "regular file")

    def test_memory_is_not_taken_on_a_files_word(self):
        """A network of more than a gigabyte by its description, in a file of 15 megabytes."""
        self.skip_with_sanitizer(GENERATE)
        damage = Damage((MODELS / "generator.safetensors").read_bytes())
        path = self.write("bad", damage.with_metadata(hidden="256x16384x16384"))
        command = [PROGRAMS / GENERATE, "--model", path]
        process = subprocess.Popen(command, cwd=self.dir, stderr=subprocess.PIPE)
        peak_bytes = wait_with_usage(process, RUN_SECONDS)
        self.assertIn(str(path).encode(), process.communicate()[1])
        self.assertEqual(process.returncode, FAILURE)
        self.assertLess(peak_bytes, LEAN_BYTES)


if __name__ == "__main__":
    if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]):
        PROGRAMS = Path(sys.argv.pop(1)).resolve()
    unittest.main()
