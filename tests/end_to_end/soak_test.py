#!/usr/bin/env python3
"""A training of very many steps, of a tiny model with every kind of record, picture and checkpoint: its memory
stays what it was, no file stays open, its records and checkpoints stay few.

    soak_test.py [BUILD_FOLDER] [--steps 100000] [unittest arguments]

The short form, for the suite, takes 20,000 steps. Prints what it measured.
"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STEPS = 20_000
if '--steps' in sys.argv:
    at = sys.argv.index('--steps')
    STEPS = int(sys.argv[at + 1])
    del sys.argv[at:at + 2]
BUILD = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 and not sys.argv[1].startswith('-') else ROOT / 'build'

SIDE, BATCH, STEPS_IN_EPOCH = 28, 8, 300
MODES = {'single': (1, []), 'distributed': (2, ['--mode', 'distributed', '--workers', '2', '--sync', 'steps',
                                                '--sync-interval', '10', '--outer', 'nesterov'])}


def make_pictures(folder, count):
    """Files of the MNIST kind."""
    folder.mkdir()
    pixels = random.Random(1).randbytes(count * SIDE * SIDE)
    (folder / 'train-images-idx3-ubyte').write_bytes(struct.pack('>4i', 2051, count, SIDE, SIDE) + pixels)
    (folder / 'train-labels-idx1-ubyte').write_bytes(struct.pack('>2i', 2049, count) + bytes(i % 10 for i in range(count)))


class Soak(unittest.TestCase):
    def measure(self, process):
        """(resident bytes, open files) of a running process; None once it has ended."""
        try:
            status = Path(f'/proc/{process.pid}/status').read_text()
            resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith('VmRSS'))
            return 1024 * resident, len(os.listdir(f'/proc/{process.pid}/fd'))
        except (OSError, StopIteration):
            return None

    def train(self, mode):
        workers, options = MODES[mode]
        epochs = STEPS // STEPS_IN_EPOCH
        with tempfile.TemporaryDirectory(prefix='soak_test.') as folder:
            folder = Path(folder)
            make_pictures(folder / 'data', BATCH * STEPS_IN_EPOCH * workers)
            start = time.monotonic()
            process = subprocess.Popen(
                [BUILD / 'gan_train', '--data', 'mnist', '--data-dir', 'data', '--image-size', '28', '--width', '0.01',
                 '--batch-size', str(BATCH), '--threads', '1', '--epochs', str(epochs), '--job-id', 'a', '--ema', '0.99',
                 '--sample-every', '10', '--record-interval', '0.1', '--checkpoint-every', '0.01m', '--gradient-norms',
                 '50', '--tensorboard', 'tensorboard', *options], cwd=folder, stdout=subprocess.DEVNULL)
            measured = []
            while process.poll() is None:
                if (now := self.measure(process)) and (folder / 'runs' / 'a' / 'events.jsonl').exists():
                    measured.append(now)
                time.sleep(0.05)
            seconds = time.monotonic() - start
            self.assertEqual(process.returncode, 0)
            run = folder / 'runs' / 'a'
            kinds = [json.loads(line)['type'] for line in (run / 'events.jsonl').read_text().splitlines()]
            checkpoints = list((run / 'checkpoints').glob('checkpoint_*'))
            # A fifth of the way every kind of thing has happened; the end is the last fifth.
            fifth = max(1, len(measured) // 5)
            early, late = measured[fifth:2 * fifth], measured[-fifth:]
            before, after = (max(resident for resident, _ in some) for some in (early, late))
            # Several may be open for a moment; a lost one is open at every moment.
            files = [min(files for _, files in some) for some in (early, late)]
            print(f'\n{mode}: {epochs * STEPS_IN_EPOCH} steps of each worker in {seconds:.0f} s: resident '
                  f'{before / 1e6:.1f} MB, at the end {after / 1e6:.1f} MB; open files {files[0]}, {files[1]}; '
                  f'{len(kinds)} records, {kinds.count("checkpoint")} checkpoints made, {len(checkpoints)} kept')
            self.assertLess(after - before, 2e6)
            self.assertLessEqual(files[1], files[0])
            self.assertLessEqual(len(checkpoints), 3)
            # By the clock, and a few an epoch.
            timed = seconds / 0.1 * (workers + 2) + seconds / 0.5
            self.assertLess(len(kinds), timed + epochs * (workers + 3) + 20)
            self.assertEqual(kinds[-1], 'run_ended')

    def test_one_worker(self):
        self.train('single')

    def test_two_workers(self):
        self.train('distributed')


if __name__ == '__main__':
    unittest.main()
