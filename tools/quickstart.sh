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
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { cmake --preset release -DMINIRAY_TESTS=OFF -DMINIRAY_BENCH=OFF &&
  cmake --build --preset release -j "$(nproc)" --target gan_train gan_generate; } >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  echo "quickstart: the build failed" >&2
  exit 1
fi

data=cifar10
if ! tools/get_cifar10.sh data >/dev/null; then
  echo "CIFAR-10 cannot be had: training on the built-in pictures instead (--data shapes)"
  data=shapes
fi

build/gan_train --data "$data" --data-dir data --epochs "$epochs" --save-dir models/quickstart
build/gan_generate --model models/quickstart/generator.safetensors --num-images 64 \
  --output generated/quickstart --grid generated/quickstart.png
echo "look at $PWD/generated/quickstart.png"
