#!/usr/bin/python3
"""Pictures a second by PyTorch and Pillow: the same generator in eval mode, in batches of 256, alone and
with one PNG a picture in a fresh folder. One line, as that of bench/generation.

With several threads PNGs are written by as many processes, beside the one that computes: one process of
Python encodes on one core only. Where Debian's libopenblas0-openmp is installed, run this with
LD_LIBRARY_PATH naming its folder: the threads of the default OpenBLAS fight PyTorch's.

    generate_pillow.py [--threads N] [--images N] [--rounds N]      needs python3-torch, python3-pil
"""
import argparse
import os
import statistics
import sys
import time
from multiprocessing import get_context

parser = argparse.ArgumentParser()
parser.add_argument('--threads', type=int, default=1)
parser.add_argument('--images', type=int, default=10_000)
parser.add_argument('--rounds', type=int, default=3)
parser.add_argument('--output', help='folder for the pictures, which stay', required=True)
args = parser.parse_args()
os.environ['OMP_NUM_THREADS'] = os.environ['OPENBLAS_NUM_THREADS'] = str(args.threads)  # read at import
try:
    import numpy  # noqa: F401  torch.Tensor.numpy needs it
    import torch
    from PIL import Image
except ImportError as error:
    sys.exit(f'generate_pillow.py: {error}; Debian has python3-torch, python3-numpy and python3-pil')

BATCH = 256


def write_pngs(folder, first, pictures):
    for i, picture in enumerate(pictures, first):
        Image.fromarray(picture).save(f'{folder}/image_{i:05d}.png')


def make_generator():
    def block(inputs, outputs):
        return [torch.nn.Linear(inputs, outputs), torch.nn.ReLU(inplace=True), torch.nn.BatchNorm1d(outputs)]

    layers = [*block(100, 256), *block(256, 512), *block(512, 1024), torch.nn.Linear(1024, 3072), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers).eval()


@torch.inference_mode()
def batches(generator, images):
    """(number of the first, [n, 32, 32, 3] bytes) of each batch."""
    for first in range(0, images, BATCH):
        values = generator(torch.randn(min(BATCH, images - first), 100))
        values = values.mul_(127.5).add_(128).clamp_(0, 255).to(torch.uint8)
        yield first, values.view(-1, 3, 32, 32).permute(0, 2, 3, 1).contiguous().numpy()


def time_sampler(generator):
    start = time.perf_counter()
    for _ in batches(generator, args.images):
        pass
    return time.perf_counter() - start


def time_pngs(generator, writers, folder):
    os.makedirs(folder)
    start = time.perf_counter()
    pending = []
    for first, pictures in batches(generator, args.images):
        if writers is None:
            write_pngs(folder, first, pictures)
        else:
            pending.append(writers.apply_async(write_pngs, (folder, first, pictures)))
    for result in pending:
        result.get()
    return time.perf_counter() - start


def mean_size(folder):
    sizes = [entry.stat().st_size for entry in os.scandir(folder)]
    return sum(sizes) // len(sizes)


def main():
    # Started before PyTorch's threads, which a fork would not take along.
    writers = get_context('fork').Pool(args.threads) if args.threads > 1 else None
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    generator = make_generator()
    time_sampler(generator)  # warm up
    sampler, pngs = [], []
    for i in range(args.rounds):
        sampler.append(time_sampler(generator))
        pngs.append(time_pngs(generator, writers, f'{args.output}/{i}'))
    print(f'pytorch {torch.__version__} pillow {Image.__version__} thr={args.threads} images={args.images}'
          f' | sampler {args.images / statistics.median(sampler):.0f} images/s'
          f' | with PNGs {args.images / statistics.median(pngs):.0f} images/s, {mean_size(f"{args.output}/0")} bytes each')


if __name__ == '__main__':
    main()
