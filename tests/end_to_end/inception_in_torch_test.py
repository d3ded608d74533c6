#!/usr/bin/python3
"""Inception through files of PyTorch against torchvision's: the 2048 features and the logits of the same
pictures, and files that are refused. Skipped (77) where python3-torchvision is not there.

    inception_in_torch_test.py BUILD_FOLDER
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
FAILURE = 1
TOLERANCE = 1e-4


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
