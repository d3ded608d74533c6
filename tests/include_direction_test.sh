#!/usr/bin/env bash
# The project's includes run downward; and the check sees those that do not.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/include_direction.sh" "$here/.."

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir "$tree/engine" "$tree/gan" "$tree/runtime"
expect() {
  local expected=$1 file=$2 include=$3 found=passed
  echo "$include" >"$tree/$file"
  "$here/include_direction.sh" "$tree" >/dev/null || found=rejected
  rm "$tree/$file"
  [ "$found" = "$expected" ] || { echo "'$include' in $file was $found"; exit 1; }
}
expect passed gan/a.cpp '#include "engine/shape.h"'
expect passed engine/a.cpp '#include <vector>'
expect rejected engine/a.h '#include "gan/trainer.h"'
expect rejected engine/a.h '  #  include <nn/layer.h>'
expect rejected runtime/a.cpp '#include "nn/layer.h"'
expect rejected gan/a.cpp '#include "../tools/program.h"'
expect rejected gan/a.cpp '#include "tests/support/temp_dir.h"'
