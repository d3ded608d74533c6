#!/usr/bin/env python3
"""Several processes through MPI, from outside: the collectives' suite, processes that fail in every
way, training and generation whose files equal those of threads, and two machines (network
namespaces, where they are allowed).

    mpi_test.py [BUILD_FOLDER]

Exits 77, which ctest takes for skipped, where there is no mpirun or the programs lack MPI.
"""
import filecmp
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 and not sys.argv[1].startswith('-') else ROOT / 'build'
LAUNCHER = ROOT / 'tools' / 'mpi_run.sh'
RANKS = BUILD / 'tests' / 'mpi_ranks'
SMALL_RUN = ['--mode', 'distributed', '--data', 'shapes', '--width', '0.25', '--batch-size', '1024', '--threads', '1',
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

    def test_metrics_are_the_same_for_any_number_of_processes_and_workers(self):
        self.train(1, 1, 'model')
        evaluate = [BUILD / 'gan_evaluate', '--model', self.folder / 'model' / 'generator.safetensors', '--data',
                    'shapes', '--num-images', '700', '--metrics', 'fid,kid,prdc', '--distributed', '--workers']
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
                   '--checkpoint-every', '0.01m']
        events = self.folder / 'runs' / 'a' / 'events.jsonl'
        for how, limit in ((signal.SIGKILL, 15), (signal.SIGSTOP, 25)):
            with self.subTest(how):
                launcher = subprocess.Popen([LAUNCHER, '-n', '2', '--max-restarts', '1', BUILD / 'gan_train', *options],
                                            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                self.addCleanup(launcher.kill)
                while not (records := self.records_of(events, 'checkpoint')):
                    self.assertIsNone(launcher.poll(), 'it ended before it saved a checkpoint')
                    time.sleep(0.02)
                pids = {r['rank']: r['pid'] for r in self.records_of(events, 'worker')}
                os.kill(pids[1], how)
                struck = time.time()
                _, messages = launcher.communicate(timeout=120)
                self.assertEqual(launcher.returncode, 0, messages)
                self.assertIn('restart 1 of 1', messages)
                self.assert_equal_files('undisturbed', 'a')
                self.assertTrue(records)
                again = self.records_of(events, 'run_started')[1]['time']
                seconds = datetime.fromisoformat(again.replace('Z', '+00:00')).timestamp() - struck
                print(f'\n{how.name}: training again {seconds:.1f} s later')
                self.assertLess(seconds, limit + 30)
                for pid in pids.values():
                    self.assertFalse(Path(f'/proc/{pid}').exists(), 'an orphan is left')
                shutil.rmtree(self.folder / 'runs' / 'a')
                shutil.rmtree(self.folder / 'a')

    @staticmethod
    def records_of(events, kind):
        text = events.read_text() if events.exists() else ''
        return [r for r in map(json.loads, text.splitlines()[:text.count('\n')]) if r['type'] == kind]

    def test_single_mode_is_for_one_process(self):
        run = launch(2, BUILD / 'gan_train', '--data', 'shapes', '--epochs', '0', cwd=self.folder)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn('--mode distributed would be right', run.stderr)


def ip(*arguments):
    return subprocess.run(['ip', *arguments], capture_output=True, text=True)


class TwoMachines(unittest.TestCase):
    """Two network namespaces joined by a veth pair, each with a host name of its own."""

    SUBNET = '10.77.0'

    def setUp(self):
        self.names = [f'miniray{os.getpid()}{side}' for side in 'ab']
        for name in self.names:
            made = ip('netns', 'add', name)
            if made.returncode != 0:
                self.skipTest(f'network namespaces are not allowed here: {made.stderr.strip()}')
            self.addCleanup(ip, 'netns', 'delete', name)
        a, b = self.names
        self.check('link', 'add', 'veth0', 'netns', a, 'type', 'veth', 'peer', 'name', 'veth0', 'netns', b)
        for number, name in enumerate(self.names, 1):
            self.check('-n', name, 'addr', 'add', f'{self.SUBNET}.{number}/24', 'dev', 'veth0')
            for device in ('lo', 'veth0'):
                self.check('-n', name, 'link', 'set', device, 'up')
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.agent = self.folder / 'agent'
        # What ssh would do: enter the other machine and run the command there.
        self.agent.write_text('#!/bin/sh\nshift\n'
                              f'exec ip netns exec {b} unshare --uts sh -c "hostname {b}; $*"\n')
        self.agent.chmod(0o755)

    def check(self, *arguments):
        done = ip(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)

    def launch(self, *command, timeout=120):
        a, _ = self.names
        hosts = f'{self.SUBNET}.1,{self.SUBNET}.2'
        environment = dict(os.environ, OMPI_MCA_plm_rsh_agent=str(self.agent))
        return subprocess.run(
            ['ip', 'netns', 'exec', a, 'unshare', '--uts', 'sh', '-c', f'hostname {a}; exec "$@"', 'sh',
             'timeout', '-k', '5', str(timeout), str(LAUNCHER), '-n', '2', '--hosts', hosts,
             '--interface', f'{self.SUBNET}.0/24', *map(str, command)],
            cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors='replace')

    def bytes_received(self):
        """By the first machine, over the link."""
        shown = json.loads(ip('-n', self.names[0], '-j', '-s', 'link', 'show', 'veth0').stdout)
        return shown[0]['stats64']['rx']['bytes']

    def test_collectives_cross_the_link(self):
        run = self.launch(RANKS, 'collectives', 1)
        self.assertEqual(run.returncode, 0, run.stderr)
        # One mean of 8 million floats, one of as many bfloat16.
        self.assertGreater(self.bytes_received(), 48_000_000)

    def test_a_stopped_machine_ends_the_job(self):
        start = time.monotonic()
        run = self.launch(RANKS, 'stop', timeout=60)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn('process 1 showed no sign of life for 3 s', run.stderr)
        self.assertLess(time.monotonic() - start, 30)

    def train(self, name, payload):
        """The bytes that it sent over the link."""
        before = self.bytes_received()
        run = self.launch(BUILD / 'gan_train', *SMALL_RUN, '--workers', '1', '--job-id', name, '--save-dir', name,
                          '--sync-payload', payload)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return self.bytes_received() - before

    def test_training_equals_that_of_threads_and_bfloat16_halves_the_bytes(self):
        sent = self.train('two', 'float32')
        alone = launch(1, BUILD / 'gan_train', *SMALL_RUN, '--workers', '2', '--job-id', 'one', '--save-dir', 'one',
                       cwd=self.folder)
        self.assertEqual(alone.returncode, 0, alone.stderr)
        for name in ('generator', 'discriminator'):
            self.assertTrue(filecmp.cmp(self.folder / 'one' / f'{name}.safetensors',
                                        self.folder / 'two' / f'{name}.safetensors', shallow=False))
        self.assertAlmostEqual(self.train('half', 'bf16') / sent, 0.5, delta=0.05)


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
