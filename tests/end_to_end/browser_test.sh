#!/usr/bin/env bash
# Tests the dashboard with Chromium, driven by playwright-core from npm. 77: one of them is missing.
#
#   browser_test.sh FOLDER_OF_THE_PROGRAMS [FOLDER_FOR_SCREENSHOTS]
set -euo pipefail
source=$(cd "$(dirname "$0")/browser" && pwd)
programs=$1
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$chromium" ] || ! command -v npm >/dev/null; then
  echo "browser_test: chromium or npm is missing" >&2
  exit 77
fi
[ -f "$programs/tools/dashboard/charts/uPlot.iife.min.js" ] || { echo "built without charts" >&2; exit 77; }
copy=$programs/tests/browser
mkdir -p "$copy"
cp "$source"/*.json "$source"/*.mjs "$copy"
if ! (cd "$copy" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2; then
  echo "browser_test: npm could not get playwright-core" >&2
  exit 77
fi
exec node "$copy/dashboard_test.mjs" "$programs" "$chromium" "${2:-}"
