#!/usr/bin/env python3
"""Training runs that are killed, whose disk fails, whose files are damaged: each is resumed and must end
with the bits of a run that nothing happened to. Prints what it counted.

    crash_test.py [BUILD_FOLDER] [--long] [unittest arguments]

The short form is for the suite; the long one, by hand, half an hour.
"""
import hashlib
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONG = "--long" in sys.argv
if LONG:
    sys.argv.remove("--long")
BUILD = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else ROOT / "build"
TRAIN, GENERATE = BUILD / "gan_train", BUILD / "gan_generate"

SIDE, PICTURES = 28, 480
SMALL = ["--data", "mnist", "--data-dir", "data", "--image-size", "28", "--width", "0.05", "--batch-size", "16",
         "--threads", "1", "--epochs", "5", "--sample-every", "2", "--ema", "0.9",
         "--record-interval", "0", "--checkpoint-every", "0.0005m", "--keep-checkpoints", "2"]
# A checkpoint an epoch and few records: most of the calls that change files are then a checkpoint's.
MOSTLY_CHECKPOINTS = ["--record-interval", "3600", "--checkpoint-every", "1"]
RUNS = {
    "single": ["--save-dir", "models"],
    "distributed": ["--mode", "distributed", "--workers", "2", "--sync", "steps", "--sync-interval", "3",
                    "--outer", "nesterov", "--save-dir", "models"],
}


def make_pictures(folder):
    """Files of the MNIST kind: 28x28 squares of one grey each."""
    folder.mkdir()
    pictures = b"".join(bytes([i % 256]) * (SIDE * SIDE) for i in range(PICTURES))
    (folder / "train-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, PICTURES, SIDE, SIDE) + pictures)
    labels = bytes(i % 10 for i in range(PICTURES))
    (folder / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, PICTURES) + labels)


def digests(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*.safetensors"))}


def is_whole(checkpoint):
    """By the documented format alone."""
    try:
        line, digest, rest = (checkpoint / "manifest").read_bytes().split(b"\n")
        if rest or hashlib.sha256(line).hexdigest().encode() != digest:
            return False
        for rank, expected in enumerate(json.loads(line)["digests"]):
            data = (checkpoint / f"rank_{rank:04}.safetensors").read_bytes()
            (length,) = struct.unpack_from("<Q", data)
            header, payload = data[8:8 + length], data[8 + length:]
            metadata = json.loads(header)["__metadata__"]
            blank = header.replace(expected.encode(), b"0" * 64)
            if metadata["header_sha256"] != expected or hashlib.sha256(blank).hexdigest() != expected:
                return False
            if metadata["sha256"] != hashlib.sha256(payload).hexdigest():
                return False
        return True
    except (OSError, ValueError, KeyError, struct.error):
        return False


class Crash(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="crash_test.")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.base = Path(cls.temporary.name)
        make_pictures(cls.base / "data")
        cls.shim = cls.base / "fault.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", cls.shim, Path(__file__).with_name("fault.c"), "-ldl"],
                       check=True)
        cls.expected, cls.seconds = {}, {}
        for name in RUNS:
            folder = cls.folder_for(name, "reference")
            start = time.monotonic()
            done = subprocess.run(cls.first_command(name), cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            cls.seconds[name] = time.monotonic() - start
            cls.expected[name] = digests(folder / "models")
            assert cls.expected[name]

    @classmethod
    def folder_for(cls, name, trial):
        folder = cls.base / f"{name}-{trial}"
        folder.mkdir()
        (folder / "data").symlink_to(cls.base / "data")
        return folder

    @staticmethod
    def first_command(name, *more):
        return [TRAIN, *SMALL, *RUNS[name], *more, "--job-id", "a"]

    def next_command(self, name, folder, *more):
        """A run that died before it had a config has not begun."""
        if (folder / "runs" / "a" / "config.toml").exists():
            return [TRAIN, "--resume", "a"]
        return self.first_command(name, *more)

    def finish(self, name, folder, environment=None, *more):
        done = subprocess.run(self.next_command(name, folder, *more), cwd=folder, env=environment, capture_output=True,
                              text=True, errors="replace", timeout=120)
        return done

    def assert_ends_right(self, name, folder, what):
        done = self.finish(name, folder)
        self.assertEqual(done.returncode, 0, f"{what}: {done.stderr}")
        self.assertEqual(digests(folder / "models"), self.expected[name], what)
        self.check_records(folder, what)
        shutil.rmtree(folder)
        return done

    def check_records(self, folder, what):
        """At most one line is broken for each time that a write failed; the last record is the end."""
        lines = (folder / "runs" / "a" / "events.jsonl").read_text(errors="replace").splitlines()
        self.assertEqual(json.loads(lines[-1])["how"], "finished", what)

    def checkpoints(self, folder):
        return sorted((folder / "runs" / "a" / "checkpoints").glob("checkpoint_*"))

    def assert_keeps_a_whole_one(self, folder, what):
        events = folder / "runs" / "a" / "events.jsonl"
        if events.exists() and b'"type":"checkpoint"' in events.read_bytes():
            self.assertTrue(any(map(is_whole, self.checkpoints(folder))), what)

    def test_killed_at_random_moments(self):
        wanted = 100 if LONG else 3  # of each kind of run
        randomness = random.Random(1)
        all_kills = runs = 0
        for name in RUNS:
            kills = trial = 0
            while kills < wanted:
                trial += 1
                folder = self.folder_for(name, trial)
                for _ in range(randomness.randint(1, 3)):
                    process = subprocess.Popen(self.next_command(name, folder), cwd=folder,
                                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    try:
                        process.wait(randomness.uniform(0, self.seconds[name]))
                        break
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.wait()
                        kills += 1
                    self.assert_keeps_a_whole_one(folder, trial)
                self.assert_ends_right(name, folder, f"{name} {trial}")
            all_kills, runs = all_kills + kills, runs + trial
        print(f"\nkilled {all_kills} times in {runs} runs: {runs} of {runs} ended bit-identical")

    def calls_of(self, name):
        folder = self.folder_for(name, "count")
        counted = folder / "count"
        done = self.finish(name, folder, self.faulty("none", 0, FAULT_COUNT=str(counted)), *MOSTLY_CHECKPOINTS)
        self.assertEqual(done.returncode, 0, done.stderr)
        shutil.copy(counted, self.base)
        shutil.rmtree(folder)
        return int((self.base / "count").read_text())

    def faulty(self, kind, call, **more):
        return dict(os.environ, LD_PRELOAD=str(self.shim), FAULT_KIND=kind, FAULT_CALL=str(call), **more)

    def test_faults_at_calls_that_change_files(self):
        randomness = random.Random(2)
        tried, covered = {}, []
        for name in RUNS:
            calls = self.calls_of(name)
            covered.append(f"{name}: {calls if LONG else 5} of {calls} calls")
            for kind in ("kill", "eio", "enospc", "short"):
                chosen = range(1, calls + 1) if LONG else randomness.sample(range(1, calls + 1), 5)
                for call in chosen:
                    window = randomness.choice((1, 1, 30))
                    folder = self.folder_for(name, f"{kind}-{call}")
                    what = f"{name}, {kind} at call {call} of {calls}"
                    done = self.finish(name, folder, self.faulty(kind, call, FAULT_CALLS=str(window),
                                                                   FAULT_BYTES=str(randomness.choice((1, 0, -1)))),
                                       *MOSTLY_CHECKPOINTS)
                    self.assertIn(done.returncode, (0, 1, 2, -signal.SIGKILL), what)
                    if done.returncode > 0:
                        self.assertRegex(done.stderr, r"\Agan_train: .*\n\Z", what)
                    self.assert_keeps_a_whole_one(folder, what)
                    self.assert_ends_right(name, folder, what)
                    tried[kind] = tried.get(kind, 0) + 1
        print(f"\nfaults at calls that change files ({'; '.join(covered)}): {tried}: all resumed and ended bit-identical")

    def test_damaged_checkpoints_are_passed_over(self):
        randomness = random.Random(3)
        trials = 500 if LONG else 4
        for name in RUNS:
            master = self.folder_for(name, "master")
            self.assertEqual(self.finish(name, master).returncode, 0)
            for trial in range(trials):
                for damage in (self.flip, self.cut):
                    folder = self.base / f"{name}-damaged"
                    shutil.copytree(master, folder, symlinks=True)
                    newest = self.checkpoints(folder)[-1]
                    damage(randomness.choice(sorted(newest.iterdir())), randomness)
                    done = self.assert_ends_right(name, folder, f"{name} {trial} {damage.__name__}")
                    resumed = re.search(r"from .*/(checkpoint_\d+)", done.stdout).group(1)
                    self.assertNotEqual(resumed, newest.name)
        print(f"\ndamaged checkpoints: {2 * trials} bits flipped and {2 * trials} files cut, all found")

    def test_damaged_models_are_refused(self):
        randomness = random.Random(4)
        model = self.base / "single-reference" / "models" / "generator.safetensors"
        good = model.read_bytes()
        header_end = 8 + struct.unpack_from("<Q", good)[0]
        flips = [randomness.randrange(8 * len(good)) for _ in range(1000 if LONG else 20)]
        flips += [randomness.randrange(8 * header_end) for _ in range(1000 if LONG else 20)]
        cuts = list(range(header_end)) if LONG else randomness.sample(range(header_end), 20)
        cuts += [randomness.randrange(header_end, len(good)) for _ in range(1000 if LONG else 10)]
        damaged = self.base / "damaged.safetensors"
        refused = 0
        for what, data in [*(("flip", self.flipped(good, bit)) for bit in flips),
                           *(("cut", good[:size]) for size in cuts)]:
            damaged.write_bytes(data)
            done = subprocess.run([GENERATE, "--model", damaged, "--num-images", "1", "--output", self.base / "out"],
                                  capture_output=True, text=True, errors="replace")
            self.assertEqual(done.returncode, 1, what)
            self.assertRegex(done.stderr, r"\Agan_generate: .*damaged.safetensors.*\n\Z")
            refused += 1
        print(f"\ndamaged models: {len(flips)} flipped bits and {len(cuts)} cuts, {refused} of "
              f"{len(flips) + len(cuts)} refused")

    def test_another_number_of_workers_goes_on_with_a_run(self):
        """A warning says so; each later resume with as many is exact again, and silent."""
        folder = self.folder_for("single", "elastic")
        self.assertEqual(self.finish("single", folder).returncode, 0)
        epochs, before = 5, 1
        for workers in (2, 4, 2, 3, 1):
            epochs += 1
            mode = ["--mode", "distributed", "--workers", str(workers)] if workers > 1 else ["--mode", "single"]
            done = subprocess.run([TRAIN, "--resume", "a", *mode, "--epochs", str(epochs)], cwd=folder,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"warning: the checkpoint is of {before} worker", done.stdout)
            self.assertIn(f"now there are {workers}: ", done.stdout)
            self.check_records(folder, workers)
            events = map(json.loads, (folder / "runs" / "a" / "events.jsonl").read_text().splitlines())
            self.assertEqual([r["epoch"] for r in events if r["type"] == "epoch"][-1], epochs)
            before = workers
        again = subprocess.run([TRAIN, "--resume", "latest", "--epochs", str(epochs + 1)], cwd=folder,
                               capture_output=True, text=True)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertNotIn("now there are", again.stdout)
        # What else a run was asked for, it keeps.
        refused = subprocess.run([TRAIN, "--resume", "a", "--workers", "2", "--sync", "steps"], cwd=folder,
                                 capture_output=True, text=True)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("--sync steps contradicts the run", refused.stderr)
        shutil.rmtree(folder)

    @staticmethod
    def flipped(data, bit):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        return bytes(damaged)

    def flip(self, path, randomness):
        data = path.read_bytes()
        path.write_bytes(self.flipped(data, randomness.randrange(8 * len(data))))

    @staticmethod
    def cut(path, randomness):
        os.truncate(path, randomness.randrange(path.stat().st_size))


if __name__ == "__main__":
    unittest.main()
