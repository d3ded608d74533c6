#!/usr/bin/python3
"""Makes tests/data/metrics.json: what numpy and scipy find for our metrics, by their definitions and
no shortcut. Needs python3-scipy; run it only to add a case, and commit what it writes.

    tests/gan/metrics/make_values.py tests/data/metrics.json
"""
import json
import sys
from pathlib import Path

import numpy as np
from scipy import linalg


def frechet(a, b):
    root = linalg.sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False)).real
    difference = a.mean(0) - b.mean(0)
    return (difference @ difference + np.trace(np.cov(a, rowvar=False)) + np.trace(np.cov(b, rowvar=False))
            - 2 * np.trace(root))


def kernel_distance(a, b):
    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3
    n = len(a)
    others = ~np.eye(n, dtype=bool)
    return kernel(a, a)[others].mean() + kernel(b, b)[others].mean() - 2 * kernel(a, b).mean()


def manifold(real, fake, k=5):
    def distances(x, y):
        return np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1))
    real_radii = np.sort(distances(real, real), axis=1)[:, k]
    fake_radii = np.sort(distances(fake, fake), axis=1)[:, k]
    between = distances(real, fake)
    inside = between < real_radii[:, None]
    return {'precision': inside.any(0).mean(), 'recall': (between < fake_radii[None]).any(1).mean(),
            'density': inside.sum(0).mean() / k, 'coverage': inside.any(1).mean()}


def inception_score(logits, splits=10):
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    scores = []
    for part in np.split(p, splits):
        scores.append(np.exp((part * (np.log(part) - np.log(part.mean(0)))).sum(1).mean()))
    return {'mean': np.mean(scores), 'deviation': np.std(scores)}


def main():
    random = np.random.default_rng(1)
    mix = random.normal(size=(6, 6))
    # float32, as features are
    a = np.maximum(random.normal(size=(60, 6)) @ mix, -1).astype(np.float32)
    b = (random.normal(size=(60, 6)) @ mix * 0.8 + 0.4).astype(np.float32)
    logits = (random.normal(size=(60, 4)) * 3).astype(np.float32)
    exact_a, exact_b = a.astype(float), b.astype(float)
    values = {'features': 6, 'classes': 4,
              'a': [float(f'{v:.9g}') for v in a.ravel()], 'b': [float(f'{v:.9g}') for v in b.ravel()],
              'logits': [float(f'{v:.9g}') for v in logits.ravel()],
              'frechet': frechet(exact_a, exact_b), 'kernel_distance': kernel_distance(exact_a, exact_b),
              'manifold': manifold(exact_a, exact_b), 'inception_score': inception_score(logits.astype(float))}
    Path(sys.argv[1]).write_text(json.dumps(values) + '\n')


if __name__ == '__main__':
    main()
