#!/usr/bin/env bash
# Inception's features by this program and by torchvision under PyTorch on the same cores, in turn; the
# medians of each. Needs build/bench/inception, build/gan_features and python3-torchvision.
#
#   bench/peers/inception.sh [THREADS [IMAGES [ROUNDS]]]      (default: all cores, 256, 2)
set -euo pipefail
cd "$(dirname "$0")/../.."
threads=${1:-$(nproc)} images=${2:-256} rounds=${3:-2}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-/usr/bin/python3}
# PyTorch is to choose its kernels itself.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

"$python" bench/peers/inception_torch.py --save "$folder/network.pth"
build/gan_features convert "$folder/network.pth" "$folder/network.safetensors" 2>/dev/null
for ((i = 0; i < rounds; ++i)); do
  build/bench/inception --network "$folder/network.safetensors" --threads "$threads" --images "$images"
  "$python" bench/peers/inception_torch.py --threads "$threads" --images "$images" --rounds 1
done
