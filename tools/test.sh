#!/usr/bin/env bash
# Installs what is missing, builds everything, runs every test.
#
#   tools/test.sh [--with-torch] [CTEST_ARGUMENT ..]
#
# --with-torch also installs python3-torch, for the test that loads a model into PyTorch,
# python3-torchvision, for the one of Inception, and python3-protobuf, for the one that reads event files.
# Where MINIRAY_CIFAR10 names a folder that holds CIFAR-10, the tests on real pictures run too.
set -euo pipefail
cd "$(dirname "$0")/.."

extra=(libgtest-dev libbenchmark-dev python3 libopenmpi-dev openmpi-bin iproute2)
if [ "${1:-}" = --with-torch ]; then
  shift
  extra+=(python3-torch python3-torchvision python3-numpy python3-protobuf)
fi
tools/install_packages.sh "${extra[@]}"
cmake --preset release -DMINIRAY_TESTS=ON -DMINIRAY_BENCH=ON >/dev/null
cmake --build --preset release -j "$(nproc)"
ctest --preset release -j "$(nproc)" "$@"
