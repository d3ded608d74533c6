#!/usr/bin/env bash
# Fuzzes the readers of untrusted formats, each for SECONDS, as many side by side as there are cores; prints
# what each tried, covered and found.
#
#   tests/fuzz/run.sh SECONDS [--keep] [FORMAT ..]
#
# --keep then adds the inputs that reach something new to corpus/, and drops those that others make needless.
# An input that breaks a reader is left in build-asan/fuzz/FORMAT/, and the script ends with 1.
# Needs Clang 16 with libFuzzer (Debian: clang-16 libclang-rt-16-dev).
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:?usage: tests/fuzz/run.sh SECONDS [--keep] [FORMAT ..]}
shift
keep=false
if [ "${1:-}" = --keep ]; then
  keep=true
  shift
fi
kept=tests/fuzz/corpus programs=build-asan/tests/fuzz
formats=("$@")
[ ${#formats[@]} -gt 0 ] || mapfile -t formats < <(ls "$kept")

cmake --preset asan -DMINIRAY_TESTS=ON >/dev/null
cmake --build --preset fuzz -j "$(nproc)" -- --quiet

fuzz() {
  local format=$1 work=build-asan/fuzz/$1
  local program=$programs/fuzz_$format
  rm -rf "$work"
  mkdir -p "$work/corpus"
  "$program" --write-seeds "$work/corpus"
  local found=0
  "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=8192 -print_final_stats=1 \
    -artifact_prefix="$work/" "$work/corpus" "$kept/$format" 2>"$work/log" || found=1
  local last executions
  echo "$found" >"$work/found"
  last=$(grep -o 'cov: .*' "$work/log" | tail -n 1)
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
  read -r _ edges _ features _ <<<"$last"
  printf '%-14s %12s %8s %9s %9s\n' "$format" "${executions:-?}" "${edges:-?}" "${features:-?}" "$found"
  if [ $found -ne 0 ]; then
    echo "$format: $(grep -m 1 -E 'ERROR|runtime error|not so' "$work/log"); see $work" >&2
    return 1
  fi
  if $keep; then
    mkdir "$work/merged"
    "$program" -set_cover_merge=1 -max_len=8192 "$work/merged" "$kept/$format" "$work/corpus" 2>>"$work/log"
    find "$kept/$format" -type f -delete
    mv "$work/merged"/* "$kept/$format/"
  fi
}
export -f fuzz
export seconds keep kept programs

# Of all formats, what the table's last line says.
total() {
  local executions=0 findings=0 format tried
  for format in "$@"; do
    tried=$(sed -n 's/^stat::number_of_executed_units: *//p' "build-asan/fuzz/$format/log")
    executions=$((executions + ${tried:-0}))
    findings=$((findings + $(cat "build-asan/fuzz/$format/found")))
  done
  printf '%-14s %12s %8s %9s %9s\n' all "$executions" '' '' "$findings"
}

printf '%-14s %12s %8s %9s %9s\n' format executions edges features findings
failed=0
printf '%s\n' "${formats[@]}" | xargs -P "$(nproc)" -I{} bash -euo pipefail -c 'fuzz {}' || failed=1
total "${formats[@]}"
exit $failed
