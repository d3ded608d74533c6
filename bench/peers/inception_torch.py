#!/usr/bin/python3
"""Pictures a second by torchvision's inception_v3, patched to the FID's form, in evaluation mode and batches of
32 without gradients. One line, as that of bench/inception.

    inception_torch.py [--threads N] [--images N] [--batch-size N] [--rounds N] [--save FILE.pth]

--save writes the network's random weights, for 'gan_features convert', and ends. Needs python3-torchvision.
"""
import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tests' / 'torch'))
sys.dont_write_bytecode = True
try:
    import numpy
    import torch
    import fid_inception
except ImportError as error:
    sys.exit(f'inception_torch.py: {error}; Debian has python3-torchvision')

parser = argparse.ArgumentParser()
parser.add_argument('--threads', type=int, default=1)
parser.add_argument('--images', type=int, default=256)
parser.add_argument('--batch-size', type=int, default=32)
parser.add_argument('--rounds', type=int, default=3)
parser.add_argument('--save', metavar='FILE.pth')
args = parser.parse_args()

torch.set_num_threads(args.threads)
network = fid_inception.fid_inception()
fid_inception.set_known_weights(network)
if args.save:
    torch.save(network.state_dict(), args.save)
    sys.exit()
pictures = numpy.random.default_rng(1).integers(0, 256, (args.images, 32, 32, 3), numpy.uint8)


def run():
    for first in range(0, args.images, args.batch_size):
        fid_inception.vectors(network, pictures[first:first + args.batch_size])


fid_inception.vectors(network, pictures[:args.batch_size])  # warm up
seconds = []
for _ in range(args.rounds):
    start = time.perf_counter()
    run()
    seconds.append(time.perf_counter() - start)
print(f'torch thr={args.threads} images={args.images} batch={args.batch_size} | '
      f'{args.images / statistics.median(seconds):.1f} images/s')
