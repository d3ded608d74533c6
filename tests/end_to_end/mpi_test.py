#!/usr/bin/env python3
"""Several processes through MPI, from outside: the collectives' suite, processes that fail in every
way, training and generation whose files equal those of threads. (Two machines: two_machines_test.py.)

    mpi_test.py [BUILD_FOLDER]

Exits 77, which ctest takes for skipped, where there is no mpirun or the programs lack MPI.
"""
import filecmp
import json
import os
import random
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
BUILD = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 and not sys.argv[1].startswith('-') else ROOT / 'build'
LAUNCHER = ROOT / 'tools' / 'mpi_run.sh'
RANKS = BUILD / 'tests' / 'mpi_ranks'
SMALL_RUN = ['--mode', 'distributed', '--data', 'shapes', '--width', '0.1', '--batch-size', '1024', '--threads', '1',
             '--epochs', '1', '--sync', 'steps', '--sync-interval', '4']


def launch(processes, *command, cwd=None, timeout=120):
    return subprocess.run(['timeout', '-k', '5', str(timeout), LAUNCHER, '-n', str(processes), *map(str, command)],
                          cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace')


class Collectives(unittest.TestCase):
    def test_every_world(self):
        for processes, workers in ((1, 1), (2, 1), (3, 1), (7, 1), (2, 2), (3, 2)):
            with self.subTest(processes=processes, workers=workers):
                run = launch(processes, RANKS, 'collectives', workers, timeout=240)
                self.assertEqual(run.returncode, 0, run.stderr)


class Failures(unittest.TestCase):
    """Process 1 of 3 fails while the others wait for it; their limit is 3 s."""

    def failing(self, how):
        start = time.monotonic()
        run = launch(3, RANKS, how, timeout=60)
        self.assertNotEqual(run.returncode, 0)
        self.assertLess(time.monotonic() - start, 20)
        self.assertNotIn('was passed', run.stderr)
        return run.stderr

    def test_a_process_that_throws(self):
        self.assertIn('out of paint', self.failing('throw'))

    def test_a_process_that_is_killed(self):
        self.assertIn('signal 9', self.failing('kill'))

    def test_a_process_that_is_stopped(self):
        self.assertIn('process 1 showed no sign of life for 3 s', self.failing('stop'))

    def test_a_process_that_never_comes(self):
        self.assertIn('process 1 showed no sign of life for 3 s', self.failing('hang'))


class Programs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def train(self, processes, workers, name, *options):
        run = launch(processes, BUILD / 'gan_train', *SMALL_RUN, '--workers', workers, '--job-id', name,
                     '--save-dir', name, *options, cwd=self.folder)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return run.stdout

    def assert_equal_files(self, a, b):
        names = sorted(p.relative_to(self.folder / a) for p in (self.folder / a).rglob('*') if p.is_file())
        self.assertEqual(names, sorted(p.relative_to(self.folder / b)
                                       for p in (self.folder / b).rglob('*') if p.is_file()))
        self.assertTrue(names)
        for name in names:
            self.assertTrue(filecmp.cmp(self.folder / a / name, self.folder / b / name, shallow=False), name)

    def test_processes_and_threads_end_with_the_same_bits(self):
        for payload in ('float32', 'bf16'):
            with self.subTest(payload):
                self.train(1, 2, f'threads-{payload}', '--sync-payload', payload)
                output = self.train(2, 1, f'processes-{payload}', '--sync-payload', payload)
                self.assertIn('a world of 2 workers in 2 processes', output.splitlines()[0])
                self.assertNotIn('\x1b', output)  # plain lines: no bar that is drawn again and again
                self.assert_equal_files(f'threads-{payload}', f'processes-{payload}')
                self.assert_every_rank_records(f'processes-{payload}')

    def test_another_number_of_processes_goes_on_with_a_run(self):
        """With a warning; and with the bits that as many threads end with."""
        self.train(1, 2, 'first', '--checkpoint-every', '1')
        for name, processes, workers in (('processes', 3, 1), ('threads', 1, 3), ('mixed', 1, 1)):
            shutil.copytree(self.folder / 'runs' / 'first', self.folder / 'runs' / name)
            run = launch(processes, BUILD / 'gan_train', '--resume', name, '--workers', workers, '--epochs', '2',
                         '--save-dir', name, cwd=self.folder)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            self.assertIn(f'the checkpoint is of 2 workers, now there are {processes * workers}', run.stdout)
            events = self.folder / 'runs' / name / 'events.jsonl'
            self.assertEqual([(r['epoch'], r['epochs']) for r in self.records_of(events, 'epoch')][-2:], [(1, 2), (2, 2)])
            self.assertEqual([r['world'] for r in self.records_of(events, 'run_started')], [2, processes * workers])
        self.assert_equal_files('processes', 'threads')

    def assert_every_rank_records(self, job):
        """In one file, line by line, though two processes wrote it."""
        lines = (self.folder / 'runs' / job / 'events.jsonl').read_text().splitlines()
        records = [json.loads(line) for line in lines]
        workers = {(r['rank'], r['pid']) for r in records if r['type'] == 'worker'}
        self.assertEqual(sorted(rank for rank, _ in workers), [0, 1])
        self.assertEqual(len({pid for _, pid in workers}), 2)
        self.assertEqual([r['how'] for r in records if r['type'] == 'run_ended'], ['finished'])

    def test_generation_is_the_same_for_any_number_of_processes_and_workers(self):
        self.train(1, 1, 'model')
        model = self.folder / 'model' / 'generator.safetensors'
        for name, processes, workers in (('a', 1, 1), ('b', 1, 3), ('c', 2, 1), ('d', 3, 2)):
            run = launch(processes, BUILD / 'gan_generate', '--model', model, '--num-images', 700,
                         '--distributed', '--workers', workers, '--output', name, '--grid', f'{name}.png',
                         cwd=self.folder)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assert_equal_files('a', name)
            self.assertTrue(filecmp.cmp(self.folder / 'a.png', self.folder / f'{name}.png', shallow=False))

    def make_few_pictures(self):
        """BMP files of noise, whose features take less time than those of 50,000."""
        folder, side = self.folder / 'pictures', 32
        folder.mkdir()
        header = struct.pack('<2sIIIIiiHHIIiiII', b'BM', 54 + 3 * side * side, 0, 54, 40, side, side, 1, 24, 0,
                             3 * side * side, 0, 0, 0, 0)
        for i in range(300):
            (folder / f'{i}.bmp').write_bytes(header + random.Random(i).randbytes(3 * side * side))

    def test_metrics_are_the_same_for_any_number_of_processes_and_workers(self):
        self.make_few_pictures()
        self.train(1, 1, 'model')
        evaluate = [BUILD / 'gan_evaluate', '--model', self.folder / 'model' / 'generator.safetensors', '--data',
                    'folder:pictures', '--num-images', '700', '--metrics', 'fid,kid,prdc', '--distributed', '--workers']
        # The last two take the data set's statistics from the others' cache.
        for processes, workers, cache in ((1, 2, 'a'), (3, 1, 'b'), (2, 2, 'a'), (1, 1, 'b')):
            run = launch(processes, *evaluate, workers, '--cache-dir', cache, cwd=self.folder)
            self.assertEqual(run.returncode, 0, run.stderr)
            if processes == 1 and workers == 2:
                expected = run.stdout
                self.assertIn('fid-builtin', expected)
            self.assertEqual(run.stdout, expected)

    def test_processes_started_differently_are_named(self):
        train = [BUILD / 'gan_train', *SMALL_RUN, '--workers', '1']
        run = launch(1, *train, '--lr', '0.001', ':', '-np', '1', *train, '--lr', '0.002', cwd=self.folder)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn('process 1 was started with --lr 0.002', run.stderr)
        self.assertFalse((self.folder / 'runs').exists())

    def test_a_killed_process_is_no_loss(self):
        """The launcher starts the job again, which ends with the bits of one that nothing happened to."""
        self.train(2, 1, 'undisturbed')
        options = [*SMALL_RUN, '--workers', '1', '--job-id', 'a', '--save-dir', 'a', '--record-interval', '0',
                   '--checkpoint-every', '0.005m']
        events = self.folder / 'runs' / 'a' / 'events.jsonl'
        launcher = subprocess.Popen([LAUNCHER, '-n', '2', '--max-restarts', '1', BUILD / 'gan_train', *options],
                                    cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(launcher.kill)
        while not self.records_of(events, 'checkpoint'):
            self.assertIsNone(launcher.poll(), 'it ended before it saved a checkpoint')
            time.sleep(0.02)
        pids = {r['rank']: r['pid'] for r in self.records_of(events, 'worker')}
        os.kill(pids[1], signal.SIGKILL)
        _, messages = launcher.communicate(timeout=120)
        self.assertEqual(launcher.returncode, 0, messages)
        self.assertIn('restart 1 of 1', messages)
        self.assertTrue(self.records_of(events, 'resumed'))
        self.assert_equal_files('undisturbed', 'a')
        for pid in pids.values():
            self.assertFalse(Path(f'/proc/{pid}').exists(), 'an orphan is left')

    def test_a_signal_to_the_launcher_stops_the_training(self):
        for restarts in ('0', '3'):
            with self.subTest(restarts=restarts):
                job = f'stopped-{restarts}'
                launcher = subprocess.Popen(
                    [LAUNCHER, '-n', '2', '--max-restarts', restarts, BUILD / 'gan_train', *SMALL_RUN, '--workers', '1',
                     '--epochs', '1000', '--job-id', job, '--save-dir', job, '--record-interval', '0'],
                    cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                self.addCleanup(launcher.kill)
                events = self.folder / 'runs' / job / 'events.jsonl'
                while not self.records_of(events, 'metrics'):
                    self.assertIsNone(launcher.poll())
                    time.sleep(0.02)
                launcher.terminate()
                self.assertNotEqual(launcher.wait(60), 0)
                self.assertEqual(self.records_of(events, 'run_ended')[-1]['how'], 'interrupted')

    @staticmethod
    def records_of(events, kind):
        text = events.read_text() if events.exists() else ''
        return [r for r in map(json.loads, text.splitlines()[:text.count('\n')]) if r['type'] == kind]

    def test_single_mode_is_for_one_process(self):
        run = launch(2, BUILD / 'gan_train', '--data', 'shapes', '--epochs', '0', cwd=self.folder)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn('--mode distributed would be right', run.stderr)


def skip(why):
    print(f'skipped: {why}')
    sys.exit(77)


if __name__ == '__main__':
    if shutil.which('mpirun') is None:
        skip('there is no mpirun (openmpi-bin)')
    probe = launch(2, RANKS, 'collectives')
    if 'built without MPI' in probe.stderr:
        skip('the programs were built without MPI (libopenmpi-dev)')
    unittest.main()
