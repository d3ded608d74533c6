#!/usr/bin/env python3
"""Two machines (network namespaces, where they are allowed) that train together through MPI: the link carries
what it should, and where a process is killed or stopped, or the link cut in the middle of a sync, the launcher
goes on from the last checkpoint, to the bits of a run that nothing happened to.

    two_machines_test.py [BUILD_FOLDER] [--long] [unittest arguments]

The short form is for the suite, with one blow of each kind; the long one deals twenty. Some are dealt side by
side; the times are printed. Exits 77, which ctest takes for skipped, where it cannot work.
"""
import concurrent.futures
import contextlib
import filecmp
import itertools
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONG = '--long' in sys.argv
if LONG:
    sys.argv.remove('--long')
BUILD = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 and not sys.argv[1].startswith('-') else ROOT / 'build'
LAUNCHER = ROOT / 'tools' / 'mpi_run.sh'
RANKS, TRAIN = BUILD / 'tests' / 'mpi_ranks', BUILD / 'gan_train'
SMALL_RUN = ['--mode', 'distributed', '--data', 'shapes', '--width', '0.1', '--batch-size', '1024', '--threads', '1']
BLOWS, SIDE_BY_SIDE = 20 if LONG else 1, 3  # jobs that mostly wait


def ip(*arguments):
    return subprocess.run(['ip', *arguments], capture_output=True, text=True)


def succeed(*arguments):
    done = ip(*arguments)
    assert done.returncode == 0, done.stderr


class Machines:
    """Two network namespaces joined by a veth pair, each with a host name of its own. They share a folder."""

    numbers = itertools.count(1)

    def __init__(self, mbits=None):
        number = next(Machines.numbers)
        self.names = [f'miniray{os.getpid()}-{number}{side}' for side in 'ab']
        self.folder = Path(tempfile.mkdtemp(prefix='two_machines.'))
        subnet = f'10.77.{number % 200}'
        a, b = self.names
        self.hosts, self.subnet = f'{subnet}.1,{subnet}.2', f'{subnet}.0/24'
        for name in self.names:
            made = ip('netns', 'add', name)
            if made.returncode != 0:
                self.close()
                raise unittest.SkipTest(f'network namespaces are not allowed here: {made.stderr.strip()}')
        succeed('link', 'add', 'veth0', 'netns', a, 'type', 'veth', 'peer', 'name', 'veth0', 'netns', b)
        for host, name in enumerate(self.names, 1):
            succeed('-n', name, 'addr', 'add', f'{subnet}.{host}/24', 'dev', 'veth0')
            for device in ('lo', 'veth0'):
                succeed('-n', name, 'link', 'set', device, 'up')
            if mbits:
                subprocess.run(['tc', '-n', name, 'qdisc', 'add', 'dev', 'veth0', 'root', 'tbf', 'rate', f'{mbits}mbit',
                                'burst', '64kb', 'latency', '50ms'], check=True)
        agent = self.folder / 'agent'
        # What ssh would do: enter the other machine and run the command there.
        agent.write_text(f'#!/bin/sh\nshift\nexec ip netns exec {b} unshare --uts sh -c "hostname {b}; $*"\n')
        agent.chmod(0o755)
        self.environment = dict(os.environ, OMPI_MCA_plm_rsh_agent=str(agent), TMPDIR=str(self.folder))

    def close(self):
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
                os.kill(pid, signal.SIGKILL)
        for name in self.names:
            ip('netns', 'delete', name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *command, launcher=(), timeout=120):
        """On the first machine, and from there on both, through the launcher."""
        a, _ = self.names
        return subprocess.Popen(
            ['ip', 'netns', 'exec', a, 'unshare', '--uts', 'sh', '-c', f'hostname {a}; exec "$@"', 'sh',
             'timeout', '-k', '5', str(timeout), str(LAUNCHER), '-n', '2', '--hosts', self.hosts,
             '--interface', self.subnet, *launcher, *map(str, command)],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors='replace')

    def run(self, *command, timeout=120):
        process = self.start(*command, timeout=timeout)
        output, _ = process.communicate()
        return process.returncode, output

    def bytes_received(self):
        """By the first machine, over the link."""
        shown = json.loads(ip('-n', self.names[0], '-j', '-s', 'link', 'show', 'veth0').stdout)
        return shown[0]['stats64']['rx']['bytes']

    def set_link(self, state):
        succeed('-n', self.names[0], 'link', 'set', 'veth0', state)

    def pids(self):
        return [int(pid) for name in self.names for pid in ip('netns', 'pids', name).stdout.split()]


def same_models(one, other):
    return all(filecmp.cmp(one / f'{name}.safetensors', other / f'{name}.safetensors', shallow=False)
               for name in ('generator', 'discriminator'))


class Link(unittest.TestCase):
    def setUp(self):
        self.machines = Machines()
        self.addCleanup(self.machines.close)

    def test_collectives_cross_the_link(self):
        code, output = self.machines.run(RANKS, 'collectives', 1)
        self.assertEqual(code, 0, output)
        # One mean of 2 million floats, one of as many bfloat16.
        self.assertGreater(self.machines.bytes_received(), 12_000_000)

    def test_a_stopped_machine_ends_the_job(self):
        start = time.monotonic()
        code, output = self.machines.run(RANKS, 'stop', timeout=60)
        self.assertNotEqual(code, 0)
        self.assertIn('process 1 showed no sign of life for 3 s', output)
        self.assertLess(time.monotonic() - start, 30)

    def train(self, name, payload):
        """The bytes that it sent over the link."""
        before = self.machines.bytes_received()
        code, output = self.machines.run(TRAIN, *SMALL_RUN, '--epochs', '1', '--sync', 'steps', '--sync-interval', '4',
                                         '--workers', '1', '--job-id', name, '--save-dir', name, '--sync-payload', payload)
        self.assertEqual(code, 0, output)
        return self.machines.bytes_received() - before

    def test_training_equals_that_of_threads_and_bfloat16_halves_the_bytes(self):
        sent = self.train('two', 'float32')
        subprocess.run([TRAIN, *SMALL_RUN, '--epochs', '1', '--sync', 'steps', '--sync-interval', '4', '--workers', '2',
                        '--job-id', 'one', '--save-dir', 'one'],
                       cwd=self.machines.folder, check=True, stdout=subprocess.DEVNULL)
        self.assertTrue(same_models(self.machines.folder / 'one', self.machines.folder / 'two'))
        self.assertAlmostEqual(self.train('half', 'bf16') / sent, 0.5, delta=0.05)


class Job:
    """A training on two machines, whose link is slow enough to be in the middle of a sync for most of the time."""

    OPTIONS = [*SMALL_RUN, '--epochs', '2', '--sync', 'steps', '--sync-interval', '1', '--workers', '1',
               '--record-interval', '0', '--checkpoint-every', '0.01m', '--job-id', 'a', '--save-dir', 'models']

    def __init__(self):
        self.machines = Machines(mbits=200)
        self.events = self.machines.folder / 'runs' / 'a' / 'events.jsonl'
        self.lines = []  # (time, line) of what the launcher and the programs say

    def start(self):
        self.launcher = self.machines.start(TRAIN, *self.OPTIONS, launcher=['--max-restarts', '3'], timeout=300)
        self.reader = threading.Thread(target=lambda: self.lines.extend(
            (time.time(), line) for line in self.launcher.stdout))
        self.reader.start()

    def records(self, kind):
        text = self.events.read_text() if self.events.exists() else ''
        records = [r for r in map(json.loads, text.splitlines()[:text.count('\n')]) if r['type'] == kind]
        for record in records:
            record['time'] = datetime.fromisoformat(record['time'].replace('Z', '+00:00')).timestamp()
        return records

    def wait_for(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, f'{what}: not within {seconds} s\n{self.output()}'
            assert self.launcher.poll() is None, f'it ended before {what}\n{self.output()}'
            time.sleep(0.01)
        return found

    def output(self):
        return ''.join(line for _, line in self.lines)

    def restart(self):
        """When the launcher said that it starts again."""
        return next((when for when, line in self.lines if 'mpi_run: the job ended' in line), None)

    def strike(self, how, rank):
        pids = {r['rank']: r['pid'] for r in self.records('worker')}
        if how != 'cut':
            os.kill(pids[rank], {'kill': signal.SIGKILL, 'stop': signal.SIGSTOP}[how])
            return
        counters = Path(f'/proc/{pids[0]}/net/dev')  # of its network namespace

        def received():
            line = next(line for line in counters.read_text().splitlines() if 'veth0' in line)
            return int(line.split(':')[1].split()[0])

        moving = 0
        while moving < 4:  # 20 ms at full speed: half a megabyte of a sync of some three
            before = received()
            time.sleep(0.005)
            moving = moving + 1 if received() - before > 50_000 else 0
        self.machines.set_link('down')


def deal(how, trial, undisturbed):
    """The times in seconds: until it was seen, until the job trains again, until no process of before is left."""
    randomness = random.Random(f'{how} {trial}')
    job = Job()
    try:
        job.start()
        job.wait_for(lambda: job.records('checkpoint') and len({r['rank'] for r in job.records('worker')}) == 2,
                     'the first checkpoint')
        time.sleep(randomness.uniform(0, 2))
        job.strike(how, trial % 2)
        struck = time.time()
        restart = job.wait_for(job.restart, 'the restart')
        if how == 'cut':
            job.machines.set_link('up')
        job.wait_for(lambda: len(job.records('run_started')) > 1, 'training again')
        lost = [r['time'] for r in job.records('worker_lost')]
        again = job.records('run_started')[1]['time']
        code = job.launcher.wait()
        job.reader.join()
        assert code == 0, job.output()
        assert job.records('resumed'), job.output()
        assert same_models(job.machines.folder / 'models', undisturbed), f'{how} {trial}: other bits'
        gone = time.time() + 5
        while time.time() < gone and job.machines.pids():
            time.sleep(0.05)
        assert not job.machines.pids(), f'{how} {trial}: orphans {job.machines.pids()}'
        said = [when for when, line in job.lines if 'showed no sign of life' in line or 'noticed that process' in line]
        seen = min([*lost, *said, restart]) - struck
        assert seen < 15, f'{how} {trial}: seen after {seen:.1f} s\n{job.output()}'
        assert again - restart < 30, f'{how} {trial}: training again {again - restart:.1f} s after the end'
        return seen, restart - struck, again - restart
    finally:
        if job.launcher.poll() is None:
            job.launcher.terminate()
        job.machines.close()
        job.launcher.wait()
        job.reader.join()
        job.launcher.stdout.close()


class Blows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='two_machines.')
        cls.addClassCleanup(folder.cleanup)
        cls.undisturbed = Path(folder.name) / 'models'
        options = [*Job.OPTIONS, '--workers', '2']
        subprocess.run([TRAIN, *options], cwd=folder.name, check=True, stdout=subprocess.DEVNULL)
        cls.pool = concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE)
        cls.addClassCleanup(cls.pool.shutdown, cancel_futures=True)
        cls.trials = {} if LONG else {how: cls.begin(how) for how in ('kill', 'stop', 'cut')}

    @classmethod
    def begin(cls, how):
        return [cls.pool.submit(deal, how, trial, cls.undisturbed) for trial in range(BLOWS)]

    def survive(self, how):
        trials = self.trials.get(how) or self.begin(how)
        times = list(zip(*(trial.result() for trial in trials)))
        shown = '; '.join(f'{what} {statistics.median(seconds):.1f} s (at most {max(seconds):.1f})'
                          for what, seconds in zip(('seen after', 'the job ended after', 'training again then in'), times))
        print(f'\n{how}: {BLOWS} of {BLOWS} ended with the bits of the undisturbed run, no orphan; {shown}')

    def test_a_killed_process_is_no_loss(self):
        self.survive('kill')

    def test_a_stopped_process_is_no_loss(self):
        self.survive('stop')

    def test_a_link_cut_in_the_middle_of_a_sync_is_no_loss(self):
        self.survive('cut')


def skip(why):
    print(f'skipped: {why}')
    sys.exit(77)


if __name__ == '__main__':
    for program, package in (('mpirun', 'openmpi-bin'), ('ip', 'iproute2')):
        if shutil.which(program) is None:
            skip(f'there is no {program} ({package})')
    probe = subprocess.run([LAUNCHER, '-n', '2', RANKS, 'collectives'], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if 'built without MPI' in probe.stderr:
        skip('the programs were built without MPI (libopenmpi-dev)')
    unittest.main()
