#!/usr/bin/env bash
# Compiles every kernel of our own for 64-bit ARM: NEON is a target that a build for x86-64 never sees.
#
#   compile_neon.sh DEFINITION    what engine is compiled with, HWY_DISABLED_TARGETS=..
#
# Exits with 77 (skipped) without a cross compiler or Highway's headers in their usual place.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
compiler=aarch64-linux-gnu-g++
command -v "$compiler" >/dev/null && [ -d /usr/include/hwy ] || {
  echo "skipped: needs $compiler and /usr/include/hwy"
  exit 77
}
headers=$(mktemp -d)
trap 'rm -rf "$headers"' EXIT
ln -s /usr/include/hwy "$headers/hwy"  # alone: the other headers there are this machine's
for source in "$root"/engine/kernels/*.cpp; do
  grep -q blas_library "$source" && continue  # needs OpenBLAS's headers for ARM
  "$compiler" -std=c++20 -O1 -Wall -Wextra -Werror -Wno-restrict -fsyntax-only "-D$1" \
    -I "$root" -isystem "$headers" "$source"
done
