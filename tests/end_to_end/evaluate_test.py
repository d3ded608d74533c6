#!/usr/bin/env python3
"""gan_evaluate and gan_features as programs: numbers that agree however they are come by, and what
is refused.

    evaluate_test.py [BUILD_FOLDER]
"""
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

sys.dont_write_bytecode = True
from png_file import png

BUILD = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 and not sys.argv[1].startswith('-') else \
    Path(__file__).resolve().parents[2] / 'build'
FAILURE, USAGE = 1, 2
IMAGES = 400
FEATURES = 144


def run(program, *arguments):
    return subprocess.run([BUILD / program, *map(str, arguments)], cwd=FOLDER, capture_output=True, text=True)


def succeed(program, *arguments):
    done = run(program, *arguments)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


def evaluate(*arguments):
    """The lines of the metrics, as printed."""
    output = succeed('gan_evaluate', '--data', 'shapes', *arguments)
    return [line for line in output.splitlines() if re.match('[a-z]+-builtin ', line)]


def black(width, height):
    return png(width, height, bytes(3 * width * height))


def setUpModule():
    global FOLDER, EXPECTED
    temporary = tempfile.TemporaryDirectory(prefix='evaluate_test.')
    unittest.addModuleCleanup(temporary.cleanup)
    FOLDER = Path(temporary.name)
    succeed('gan_train', '--data', 'shapes', '--epochs', 0)
    succeed('gan_generate', '--num-images', IMAGES, '--output', 'pictures')
    EXPECTED = evaluate('--num-images', IMAGES, '--metrics', 'fid,kid,is,prdc', '--write-stats', 'shapes.npz')


class Numbers(unittest.TestCase):
    def test_every_metric_is_printed_with_what_the_features_are(self):
        names = [line.split()[0] for line in EXPECTED]
        self.assertEqual(names, [name + '-builtin' for name in
                                 ('fid', 'kid', 'is', 'precision', 'recall', 'density', 'coverage')])
        output = succeed('gan_evaluate', '--data', 'shapes', '--num-images', IMAGES)
        self.assertIn(f'{IMAGES} pictures against 50000 pictures of shapes', output)
        self.assertRegex(output, r'classifier of cifar10 that names 8\d\.\d% of its test pictures rightly')

    def test_statistics_are_kept(self):
        self.assertEqual(len(list((FOLDER / 'data' / 'statistics').iterdir())), 1)

    def test_threads_and_workers_change_no_digit(self):
        for options in (['--threads', 1], ['--distributed', '--workers', 3]):
            self.assertEqual(evaluate('--num-images', IMAGES, '--metrics', 'fid,kid,is,prdc', *options), EXPECTED)

    def test_statistics_computed_by_workers_are_the_same(self):
        lines = evaluate('--num-images', IMAGES, '--distributed', '--workers', 3, '--cache-dir', 'other')
        self.assertEqual(lines, EXPECTED[:1])

    def test_pictures_in_a_folder_are_as_good_as_the_model(self):
        self.assertEqual(evaluate('--samples', 'pictures', '--metrics', 'fid,kid,is,prdc'), EXPECTED)

    def test_a_file_of_statistics_is_as_good_as_the_data(self):
        output = succeed('gan_evaluate', '--num-images', IMAGES, '--stats', 'shapes.npz', '--metrics', 'fid,kid')
        self.assertEqual(output.splitlines()[-2:], EXPECTED[:2])

    def test_a_file_of_mu_and_sigma_is_enough_for_fid(self):
        with zipfile.ZipFile(FOLDER / 'shapes.npz') as whole, \
                zipfile.ZipFile(FOLDER / 'community.npz', 'w', zipfile.ZIP_DEFLATED) as part:
            for name in ('mu.npy', 'sigma.npy'):
                part.writestr(name, whole.read(name))
        output = succeed('gan_evaluate', '--num-images', IMAGES, '--stats', 'community.npz')
        self.assertEqual(output.splitlines()[-1], EXPECTED[0])
        done = run('gan_evaluate', '--num-images', IMAGES, '--stats', 'community.npz', '--metrics', 'kid')
        self.assertEqual(done.returncode, FAILURE)
        self.assertIn('holds no feature vectors', done.stderr)

    def test_statistics_are_readable_by_numpy(self):
        try:
            import numpy
        except ImportError:
            self.skipTest('there is no numpy')
        with numpy.load(FOLDER / 'shapes.npz') as stats:
            self.assertEqual(stats['mu'].shape, (FEATURES,))
            self.assertEqual(stats['sigma'].shape, (FEATURES, FEATURES))
            self.assertEqual(stats['count'][0], 50_000)

    def test_the_nearest_pictures_are_shown(self):
        evaluate('--num-images', IMAGES, '--nearest', 'nearest.png')
        header = (FOLDER / 'nearest.png').read_bytes()[16:24]
        # 64 samples, four in a row of twelve pictures, each pixel doubled, a margin of 2.
        self.assertEqual(struct.unpack('>II', header), (12 * 66 + 2, 16 * 66 + 2))


class Refusals(unittest.TestCase):
    def refused(self, code, message, *arguments):
        done = run('gan_evaluate', *arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(message, done.stderr)
        self.assertEqual(done.stderr.count('\n'), 1, done.stderr)

    def test_too_few_pictures(self):
        self.refused(FAILURE, f'needs at least {FEATURES + 1} pictures; --num-images has {FEATURES}',
                     '--data', 'shapes', '--num-images', FEATURES)

    def test_pictures_of_another_size(self):
        for name, size in (('mixed', (32, 31)), ('large', (64, 64))):
            (FOLDER / name).mkdir()
            for i in range(200):
                (FOLDER / name / f'{i:03}.png').write_bytes(black(*((32, 32) if name == 'mixed' else size)))
        (FOLDER / 'mixed' / '150.png').write_bytes(black(32, 31))
        self.refused(FAILURE, "mixed/150.png' has 32x31 pixels", '--data', 'shapes', '--samples', 'mixed')
        self.refused(FAILURE, 'shapes has pictures of 32 pixels a side, not 64', '--data', 'shapes',
                     '--samples', 'large')

    def test_files_of_another_kind(self):
        model = 'models/gan/generator.safetensors'
        self.refused(FAILURE, 'holds a generator', '--data', 'shapes', '--features', model)
        self.refused(FAILURE, 'not a zip archive', '--stats', model)
        self.refused(FAILURE, 'no-such-file', '--data', 'shapes', '--model', 'no-such-file')
        self.refused(FAILURE, 'no-such-folder', '--data', 'shapes', '--samples', 'no-such-folder')

    def test_statistics_of_another_network(self):
        with zipfile.ZipFile(FOLDER / 'shapes.npz') as whole, \
                zipfile.ZipFile(FOLDER / 'foreign.npz', 'w') as part:
            for name in whole.namelist():
                data = bytearray(whole.read(name))
                if name == 'network.npy':
                    data[-1] = ord('x')
                part.writestr(name, bytes(data))
        self.refused(FAILURE, "statistics of another network's 144 features", '--stats', 'foreign.npz')

    def test_options_that_make_no_sense(self):
        self.refused(USAGE, "no metric 'fed'", '--metrics', 'fed')
        self.refused(USAGE, '--num-images', '--num-images', 0)
        self.refused(USAGE, 'excludes', '--samples', 'pictures', '--num-images', 5)
        self.refused(USAGE, '--nearest', '--stats', 'shapes.npz', '--nearest', 'a.png')


class Features(unittest.TestCase):
    def test_what_cannot_be_learned_from_is_refused(self):
        done = run('gan_features', 'train', '--data', 'cifar10', '--data-dir', 'nowhere')
        self.assertEqual(done.returncode, FAILURE)
        self.assertIn('nowhere', done.stderr)
        self.assertEqual(run('gan_features').returncode, USAGE)
        self.assertEqual(run('gan_features', 'train', '--epochs', 0).returncode, USAGE)


if __name__ == '__main__':
    unittest.main()
