#!/usr/bin/env bash
# What --precision bf16 costs and saves: the step in float32 and in bfloat16 in turn, as a Markdown table of medians
# over the rounds, and the most memory that a process of each held (batch 128, 32x32 pictures).
#
#   bench/precision.sh [BUILD_DIR] [MODEL ..]     MODEL is mlp, dcgan or sngan (all unless said); sngan is of width 0.25
#
# ROUNDS (5) and STEPS (4) in the environment say how much. Nothing else should run meanwhile.
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "$0")" && pwd)
step_time=${1:-$here/../build}/bench/step_time
shift $(($# > 0 ? 1 : 0))
models=("$@")
[ ${#models[@]} -gt 0 ] || models=(mlp dcgan sngan)

median() { sort -n | awk '{ x[NR] = $1 } END { print x[int((NR + 1) / 2)] }'; }
# column NUMBER PRECISION: of the rows of measurements, their median.
column() { awk -v c="$1" -v p="$2" '$1 == p { print $c }' <<<"$rows" | median; }

echo '| model | threads | ms a step: float32 | bf16 | ratio | peak MB: float32 | bf16 | ratio |'
echo '|---|---|---|---|---|---|---|---|'
for model in "${models[@]}"; do
  width=1 name=$model
  if [ "$model" = sngan ]; then width=0.25 name='sngan, width 0.25'; fi
  for threads in 1 2; do
    rows=$(for ((round = 0; round < ${ROUNDS:-5}; ++round)); do
      for precision in float32 bf16; do
        "$step_time" --model "$model" --width "$width" --threads "$threads" --steps "${STEPS:-4}" --precision "$precision" |
          sed -E "s/.*median ([0-9.]+) ms.*peak memory ([0-9]+) MB/$precision \1 \2/"
      done
    done)
    awk -v a="$(column 2 float32)" -v b="$(column 2 bf16)" -v m="$(column 3 float32)" -v n="$(column 3 bf16)" \
      -v name="$name" -v t="$threads" \
      'BEGIN { printf "| %s | %d | %.1f | %.1f | %.2f | %d | %d | %.2f |\n", name, t, a, b, b / a, m, n, n / m }'
  done
done
