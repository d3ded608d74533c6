#!/usr/bin/env bash
# From a fresh clone to pictures: installs what is missing, builds, gets CIFAR-10 (or, where it cannot
# be reached, draws the built-in pictures), trains a few epochs and generates a sheet of samples.
#
#   tools/quickstart.sh [EPOCHS]      default 3: some two minutes on two cores
set -euo pipefail
cd "$(dirname "$0")/.."
epochs=${1:-3}

tools/install_packages.sh
echo "building .."
cmake --preset release -DMINIRAY_TESTS=OFF -DMINIRAY_BENCH=OFF >/dev/null
cmake --build --preset release -j "$(nproc)" --target gan_train gan_generate | grep -E 'error|warning' || true
[ -x build/gan_train ] && [ -x build/gan_generate ]

data=cifar10
if ! tools/get_cifar10.sh data >/dev/null; then
  echo "CIFAR-10 cannot be had: training on the built-in pictures instead (--data shapes)"
  data=shapes
fi

build/gan_train --data "$data" --data-dir data --epochs "$epochs" --save-dir models/quickstart
build/gan_generate --model models/quickstart/generator.safetensors --num-images 64 \
  --output generated/quickstart --grid generated/quickstart.png
echo "look at $PWD/generated/quickstart.png"
