#!/usr/bin/python3
"""A simple distance between generated and real pictures, until a network's features can be had: the
Frechet distance of two Gaussians fitted to pictures of 4x4x3 values, each the mean of 8x8 pixels in
[0, 1]. It sees colour and coarse layout, and their variety, not detail. 0 is best.

    pixel_distance.py GENERATED.npy CIFAR10_DIR        needs python3-numpy
"""
import sys
from pathlib import Path

import numpy as np


def pooled(pictures):
    """[N, 32, 32, 3] bytes to [N, 48]."""
    blocks = pictures.reshape(len(pictures), 4, 8, 4, 8, 3).mean(axis=(2, 4))
    return blocks.reshape(len(pictures), -1) / 255


def real_pictures(folder):
    files = sorted(Path(folder).glob('**/data_batch_[1-5].bin'))
    records = np.concatenate([np.fromfile(f, np.uint8).reshape(-1, 3073) for f in files])
    return records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def frechet(a, b):
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    # trace(sqrt(A B)) = sum of the roots of the eigenvalues of A^1/2 B A^1/2
    values, vectors = np.linalg.eigh(cov_a)
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cov_b @ root), 0, None)).sum()
    return ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * cross


if __name__ == '__main__':
    print(f'{frechet(pooled(np.load(sys.argv[1])), pooled(real_pictures(sys.argv[2]))):.4f}')
