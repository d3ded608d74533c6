#!/usr/bin/env bash
# Installs the Debian packages that the build needs, those that are missing. Further names may be
# given. Uses sudo where not root; says what to do where there is neither apt nor sudo.
set -euo pipefail

packages=(g++ cmake make pkg-config libeigen3-dev libopenblas-dev libtbb-dev libhwy-dev libstb-dev
  libcli11-dev nlohmann-json3-dev libsimdjson-dev libboost-dev libdeflate-dev libjpeg-dev libpng-dev libssl-dev libwebp-dev curl "$@")

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install_packages: these packages are missing, and there is no sudo: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
if ! command -v apt-get >/dev/null; then
  echo "install_packages: there is no apt-get; install the equals of: ${missing[*]}" >&2
  exit 1
fi
echo "installing ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 5 "$log" >&2
  echo "install_packages: apt-get could not install: ${missing[*]}" >&2
  exit 1
fi
