#!/usr/bin/env bash
# Installs what is missing, builds everything, runs every test.
#
#   tools/test.sh [--with-torch] [--preset PRESET] [CTEST_ARGUMENT ..]
#
# PRESET: release, debug, asan or tsan (CMakePresets.json). The sanitizers' two also install Clang 16, and run all
# tests but the scripts that run whole programs: those start hundreds of processes, Chromium, PyTorch or MPI, for
# minutes.
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
preset=release
if [ "${1:-}" = --preset ]; then
  preset=$2
  shift 2
fi
case $preset in asan | tsan) extra+=(clang-16 libclang-rt-16-dev) ;; esac
tools/install_packages.sh "${extra[@]}"
cmake --preset "$preset" -DMINIRAY_TESTS=ON >/dev/null
cmake --build --preset "$preset" -j "$(nproc)"
ctest --preset "$preset" -j "$(nproc)" "$@"
