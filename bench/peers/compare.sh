#!/usr/bin/env bash
# Our training step beside a peer's, in turn (A B A B ..), and the ratio of their medians.
#
#   bench/peers/compare.sh PEER_COMMAND [ROUNDS] [BUILD_DIR]
#
# PEER_COMMAND is called as `PEER_COMMAND mlp THREADS` and prints a line with "median M ms/step".
# Nothing else should run meanwhile. A ratio above 1 means that we are faster.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
peer=${1:?usage: compare.sh PEER_COMMAND [ROUNDS] [BUILD_DIR]}
rounds=${2:-5}
build=${3:-$here/../../build}

median_of_line() { sed -n 's/.*median \([0-9.]*\) ms\/step.*/\1/p'; }
median() { sort -n | awk '{v[NR]=$1} END {print (NR % 2) ? v[(NR+1)/2] : (v[NR/2] + v[NR/2+1]) / 2}'; }

for threads in 1 2; do
  ours=() theirs=()
  for ((round = 1; round <= rounds; ++round)); do
    line=$("$build/bench/step_time" --threads "$threads")
    echo "$line"
    ours+=("$(median_of_line <<<"$line")")
    line=$("$peer" mlp "$threads")
    echo "$line"
    theirs+=("$(median_of_line <<<"$line")")
  done
  a=$(printf '%s\n' "${ours[@]}" | median)
  b=$(printf '%s\n' "${theirs[@]}" | median)
  awk -v a="$a" -v b="$b" -v t="$threads" \
    'BEGIN {printf "== %d thread(s): ours %.1f ms, peer %.1f ms, ratio %.2f\n", t, a, b, b / a}'
done
