#!/usr/bin/python3
"""Tests that a saved model means the same to PyTorch as to gan_generate.

Usage: model_in_torch_test.py [FOLDER OF THE PROGRAMS] [unittest arguments]
"""

import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

try:
    import numpy as np
    import torch
    from torch import nn
except ImportError:
    print("skipped: python3-torch is missing")
    sys.exit(77)

PROGRAMS = Path(__file__).resolve().parents[2] / "build"
START_SECONDS, TRAIN_SECONDS, STOP_SECONDS = 60, 2, 30
INTERRUPTED = 130
LATENT_DIM = 100
IMAGE_SHAPE = (3, 32, 32)
PIXELS = 3072


def generator():
    return nn.Sequential(
        nn.Linear(LATENT_DIM, 256),
        nn.ReLU(),
        nn.BatchNorm1d(256),
        nn.Linear(256, 512),
        nn.ReLU(),
        nn.BatchNorm1d(512),
        nn.Linear(512, 1024),
        nn.ReLU(),
        nn.BatchNorm1d(1024),
        nn.Linear(1024, PIXELS),
        nn.Tanh(),
    )


def discriminator():
    return nn.Sequential(
        nn.Linear(PIXELS, 1024),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.3),
        nn.Linear(1024, 512),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.3),
        nn.Linear(512, 256),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.3),
        nn.Linear(256, 1),
        nn.Sigmoid(),
    )


def read_safetensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    payload = data[8 + length :]
    header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(payload[begin:end], "<f4").reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy())
    return tensors


def load_by_name(network, path):
    """Returns the names that the file lacks, and those that it has too many."""
    result = network.load_state_dict(read_safetensors(path), strict=False)
    # PyTorch counts its own batches, which no result of a network in eval() depends on.
    missing = [name for name in result.missing_keys if not name.endswith("num_batches_tracked")]
    return missing, result.unexpected_keys


def train(folder):
    """Some steps, so that weights and running statistics are no longer what they began as."""
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [PROGRAMS / "gan_train", "--data", "shapes"], cwd=folder, stdout=out, stderr=out
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while "training on" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(TRAIN_SECONDS)
        process.send_signal(signal.SIGINT)
        code = process.wait(STOP_SECONDS)
    finally:
        process.kill()
    if code != INTERRUPTED:
        raise RuntimeError(f"gan_train ended with {code}: {log.read_text()}")
    return folder / "models" / "gan"


class ModelInTorch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="model_in_torch_test.")
        cls.addClassCleanup(temporary.cleanup)
        cls.dir = Path(temporary.name)
        cls.models = train(cls.dir)

    def load(self, network, name):
        self.assertEqual(load_by_name(network, self.models / name), ([], []))
        return network.eval()

    def pictures_of_gan_generate(self, latents):
        np.save(self.dir / "latents.npy", latents)
        command = [PROGRAMS / "gan_generate", "--latents", "latents.npy", "--npy", "pictures.npy"]
        subprocess.run(command, cwd=self.dir, check=True, stdout=subprocess.DEVNULL)
        return np.load(self.dir / "pictures.npy")

    def pictures_of_torch(self, latents):
        network = self.load(generator(), "generator.safetensors")
        with torch.no_grad():
            values = network(torch.from_numpy(latents)).numpy().astype(np.float64)
        chw = np.rint((values + 1) * 127.5).reshape(-1, *IMAGE_SHAPE)
        return chw.transpose(0, 2, 3, 1)

    def test_generator_makes_the_same_pictures(self):
        latents = np.random.default_rng(1).standard_normal((150, LATENT_DIM)).astype(np.float32)
        ours = self.pictures_of_gan_generate(latents)
        theirs = self.pictures_of_torch(latents)
        self.assertEqual((ours.shape, ours.dtype), (theirs.shape, np.uint8))
        difference = np.abs(ours.astype(np.float64) - theirs)
        # A value halfway between two bytes may go either way.
        self.assertLessEqual(difference.max(), 1)
        self.assertLess(difference.mean(), 0.01)
        self.assertGreater(theirs.std(), 1, "the pictures are flat, which compares nothing")

    def test_statistics_are_of_training(self):
        tensors = read_safetensors(self.models / "generator.safetensors")
        self.assertGreater(tensors["2.running_mean"].abs().max().item(), 0)
        self.assertNotEqual(tensors["8.running_var"].unique().tolist(), [1])

    def test_discriminator_loads_and_judges(self):
        network = self.load(discriminator(), "discriminator.safetensors")
        with torch.no_grad():
            judgement = network(torch.zeros(1, PIXELS)).item()
        self.assertTrue(0 < judgement < 1, judgement)


if __name__ == "__main__":
    if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]):
        PROGRAMS = Path(sys.argv.pop(1)).resolve()
    unittest.main()
