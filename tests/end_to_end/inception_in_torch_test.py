#!/usr/bin/python3
"""Inception through files of PyTorch against torchvision's: the 2048 features and the logits of the same
pictures, what gan_evaluate prints for two folders, and files that are refused. Skipped (77) where
python3-torchvision is not there.

    inception_in_torch_test.py BUILD_FOLDER [PICTURES [unittest's arguments]]

PICTURES: how many each of the two folders has. From 2049 on, which take minutes, fid is compared instead of kid, with
pytorch-fid's formula; that needs python3-scipy.
"""
import struct
import subprocess
import sys
import tempfile
import unittest
from collections import OrderedDict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'torch'))
sys.dont_write_bytecode = True
try:
    import numpy
    import torch
    import fid_inception
    from png_file import png
except ImportError as error:
    print(f'skipped: {error}')
    sys.exit(77)

BUILD = Path(sys.argv.pop(1)).resolve()
PICTURES = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 64
FAILURE = 1
TOLERANCE = 1e-4
METRIC_TOLERANCE = 1e-4


def run(program, *arguments):
    return subprocess.run([BUILD / program, *map(str, arguments)], cwd=FOLDER, capture_output=True, text=True)


def setUpModule():
    global FOLDER, NETWORK
    temporary = tempfile.TemporaryDirectory(prefix='inception_test.')
    unittest.addModuleCleanup(temporary.cleanup)
    FOLDER = Path(temporary.name)
    torch.manual_seed(1)
    NETWORK = fid_inception.fid_inception()
    with torch.no_grad():
        for name, value in NETWORK.state_dict().items():
            if value.dim() > 1:
                value.copy_(torch.randn_like(value) * (2 / value[0].numel()) ** 0.5)
            elif name.endswith(('bn.weight', 'running_var')):
                value.copy_(torch.rand_like(value) + 0.5)
            elif value.is_floating_point():
                value.copy_(torch.randn_like(value) / 10)
    torch.save(NETWORK.state_dict(), FOLDER / 'network.pth')
    torch.save(without_counters(NETWORK.state_dict()), FOLDER / 'legacy.pth',
               _use_new_zipfile_serialization=False)
    for name in ('network', 'legacy'):
        done = run('gan_features', 'convert', f'{name}.pth', f'{name}.safetensors')
        if done.returncode != 0:
            raise AssertionError(done.stderr)


def without_counters(state):
    """As in the community's file."""
    kept = OrderedDict((name, value) for name, value in state.items()
                       if not name.endswith('num_batches_tracked'))
    kept._metadata = state._metadata
    return kept


class Values(unittest.TestCase):
    def check(self, pictures):
        folder = FOLDER / f'{pictures.shape[1]}x{pictures.shape[2]}'
        folder.mkdir()
        for i, picture in enumerate(pictures):
            (folder / f'{i:03}.png').write_bytes(png(picture.shape[1], picture.shape[0], picture.tobytes()))
        done = run('tests/inception_vectors', 'network.safetensors', folder, 'vectors')
        self.assertEqual(done.returncode, 0, done.stderr)
        found = numpy.fromfile(FOLDER / 'vectors', numpy.float32).reshape(len(pictures), -1)
        features, logits = fid_inception.vectors(NETWORK, pictures)
        for ours, torchs in ((found[:, :fid_inception.FEATURES], features),
                             (found[:, fid_inception.FEATURES:], logits)):
            self.assertEqual(ours.shape, torchs.shape)
            self.assertGreater(torchs.std(), 0.01)
            difference = numpy.abs(ours - torchs) / numpy.maximum(numpy.abs(torchs), torchs.std())
            self.assertLess(difference.max(), TOLERANCE)
            print(f'{pictures.shape}: largest relative difference {difference.max():.2g}')

    def test_small_pictures(self):
        self.check(numpy.random.default_rng(1).integers(0, 256, (18, 32, 32, 3), numpy.uint8))

    def test_large_pictures(self):
        self.check(numpy.random.default_rng(2).integers(0, 256, (2, 400, 310, 3), numpy.uint8))

    def test_both_formats_give_the_same_tensors(self):
        # Behind the header, which names the source.
        def payload(name):
            data = (FOLDER / name).read_bytes()
            return data[8 + struct.unpack('<Q', data[:8])[0]:]
        self.assertEqual(payload('legacy.safetensors'), payload('network.safetensors'))


def frechet_distance(a, b):
    """As pytorch-fid has it: numpy's covariances in double, scipy's root of their product."""
    from scipy import linalg
    first, second = numpy.cov(a, rowvar=False), numpy.cov(b, rowvar=False)
    root = linalg.sqrtm(first @ second)
    if not numpy.isfinite(root).all():
        offset = 1e-6 * numpy.eye(len(first))
        root = linalg.sqrtm((first + offset) @ (second + offset))
    difference = a.mean(0) - b.mean(0)
    return difference @ difference + numpy.trace(first) + numpy.trace(second) - 2 * numpy.trace(root.real)


def kernel_distance(a, b):
    """The paper's estimator without bias, of one block."""
    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3

    others = ~numpy.eye(len(a), dtype=bool)
    return kernel(a, a)[others].mean() + kernel(b, b)[others].mean() - 2 * kernel(a, b).mean()


def inception_score(logits):
    """Of ten parts in order, as torch-fidelity takes them of pictures that are not shuffled."""
    p = numpy.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    edges = [len(p) * i // 10 for i in range(11)]
    parts = [p[i:j] for i, j in zip(edges, edges[1:])]
    return numpy.mean([numpy.exp((part * numpy.log(part / part.mean(0))).sum(1).mean()) for part in parts])


class Metrics(unittest.TestCase):
    """From pictures in files to the printed number: PNG, resizing, network, metric."""

    def pictures(self, name, seed, block, contrast):
        """Random squares under a random tint; returns the features and the logits that torch finds."""
        random = numpy.random.default_rng(seed)
        squares = random.normal(size=(PICTURES, 32 // block, 32 // block, 3)).repeat(block, 1).repeat(block, 2)
        values = 128 + contrast * squares + 40 * random.normal(size=(PICTURES, 1, 1, 3))
        pictures = values.clip(0, 255).astype(numpy.uint8)
        (FOLDER / name).mkdir()
        for i, picture in enumerate(pictures):
            (FOLDER / name / f'{i:05}.png').write_bytes(png(32, 32, picture.tobytes()))
        parts = [fid_inception.vectors(NETWORK, pictures[i:i + 64]) for i in range(0, PICTURES, 64)]
        return [numpy.concatenate(values).astype(float) for values in zip(*parts)]

    def test_printed_numbers_are_those_of_torch_and_numpy(self):
        features, logits = self.pictures('samples', 1, 4, 30)
        reference, _ = self.pictures('reference', 2, 8, 40)
        expected = {'is': inception_score(logits)}
        if PICTURES > fid_inception.FEATURES:
            expected['fid'] = frechet_distance(reference, features)
        else:  # one block: a data set's order, which is shuffled, does not show
            expected['kid'] = kernel_distance(reference, features)
        done = run('gan_evaluate', '--samples', 'samples', '--data', 'folder:reference', '--metrics',
                   ','.join(expected), '--features', 'inception:network.safetensors')
        self.assertEqual(done.returncode, 0, done.stderr)
        printed = dict(line.split()[:2] for line in done.stdout.splitlines())
        ours = {name: float(printed[f'{name}-other-inception']) for name in expected}
        for name, value in expected.items():
            print(f'{name} of {PICTURES} pictures: {ours[name]}, by torch and numpy {value:.6g}')
        for name, value in expected.items():
            self.assertLess(abs(ours[name] - value), METRIC_TOLERANCE * abs(value), name)


class Refusals(unittest.TestCase):
    def refused(self, message, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, FAILURE, done.stderr)
        self.assertIn(message, done.stderr)
        self.assertEqual(done.stderr.count('\n'), 1, done.stderr)

    def convert(self, message, change):
        state = without_counters(NETWORK.state_dict())
        torch.save(change(state) or state, FOLDER / 'changed.pth')
        self.refused(message, 'gan_features', 'convert', 'changed.pth', 'changed.safetensors')
        self.assertFalse((FOLDER / 'changed.safetensors').exists())

    def test_weights_of_another_network(self):
        self.convert("it has no 'Mixed_7c.branch_pool.bn.weight'",
                     lambda state: state.__delitem__('Mixed_7c.branch_pool.bn.weight'))
        self.convert("it has a 'AuxLogits.fc.weight'",
                     lambda state: state.update({'AuxLogits.fc.weight': torch.zeros(1)}))
        self.convert("its 'fc.weight' is 1000x2048, not 1008x2048",
                     lambda state: state.update({'fc.weight': torch.zeros(1000, 2048)}))
        self.convert("numbers of PyTorch's type Half", lambda state: state.update({'fc.bias': state['fc.bias'].half()}))
        self.convert("'fc.bias' holds a number that is not finite",
                     lambda state: state.update({'fc.bias': torch.full((1008,), float('nan'))}))

    def test_files_of_another_kind(self):
        self.convert("it names 'pathlib.PosixPath'", lambda state: {'path': Path('a')})
        self.convert('no dictionary of tensors', lambda state: [1])
        torch.jit.script(torch.nn.Linear(2, 2)).save(FOLDER / 'script.pth')
        self.refused("it names '__torch__", 'gan_features', 'convert', 'script.pth', 'out')
        whole = (FOLDER / 'legacy.pth').read_bytes()
        (FOLDER / 'cut.pth').write_bytes(whole[:len(whole) // 2])
        self.refused('it is cut off', 'gan_features', 'convert', 'cut.pth', 'out')
        self.refused('no-such-file', 'gan_features', 'convert', 'no-such-file', 'out')
        self.refused("'gan_features convert' makes one", 'gan_evaluate', '--data', 'shapes', '--samples',
                     FOLDER, '--features', 'inception:legacy.pth')

    def test_another_file_is_warned_of(self):
        done = run('gan_features', 'convert', 'network.pth', 'again.safetensors')
        self.assertEqual(done.returncode, 0)
        self.assertIn('is not the known file, whose SHA-256 begins with 6726825d', done.stderr)
        self.assertEqual(done.stderr.count('\n'), 1)


if __name__ == '__main__':
    unittest.main()
