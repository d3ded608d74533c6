#!/usr/bin/env bash
# Rejects an #include that runs upward: a folder may include itself and those below it alone.
#
#   tests/include_direction.sh ROOT
set -euo pipefail
root=${1:?usage: include_direction.sh ROOT}

declare -A may_see=(
  [engine]='engine'
  [nn]='engine|nn'
  [runtime]='engine|runtime'
  [gan]='engine|nn|runtime|gan'
  [tools]='engine|nn|runtime|gan|tools'
  [bench]='engine|nn|runtime|gan|tools|bench'
)
ours='engine|nn|runtime|gan|tools|bench|tests'

status=0
for folder in "${!may_see[@]}"; do
  [ -d "$root/$folder" ] || continue
  # Includes with a path that goes up would hide what they name.
  upward=$(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]' "$root/$folder" --include='*.h' --include='*.cpp' |
    grep -E "[\"<](($ours)/|\.\.)" | grep -vE "[\"<](${may_see[$folder]})/" || true)
  if [ -n "$upward" ]; then
    printf '%s\n' "$upward"
    echo "$folder/ may include ${may_see[$folder]//|/, } alone"
    status=1
  fi
done
exit $status
