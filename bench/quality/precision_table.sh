#!/usr/bin/env bash
# Whether --precision bf16 costs quality: short conditional trainings on CIFAR-10 in float32 and in bfloat16, a pair for
# each seed, and fid-builtin of 10,000 pictures of each, as a Markdown table that ends with means, standard deviations
# and the difference of the means beside its standard error. A run that WORK_DIR holds already is not trained again, so
# that seeds can be trained by several calls at once.
#
#   bench/quality/precision_table.sh DATA_DIR WORK_DIR BUILD_DIR SEED ..
#
# TRAIN_OPTIONS in the environment replaces what is trained. One thread each.
set -euo pipefail
shopt -s inherit_errexit
usage='usage: precision_table.sh DATA_DIR WORK_DIR BUILD_DIR SEED ..'
data=${1:?$usage} work=${2:?$usage} build=${3:?$usage}
: "${4:?$usage}"
shift 3
mkdir -p "$work"
options=${TRAIN_OPTIONS:---model dcgan --width 0.25 --conditional --d-norm spectral --batch-size 64 --epochs 2 --ema 0.99}
read -ra given <<<"$options"

# fid PRECISION SEED: trains and judges, unless that was done.
fid() {
  local job=$1-$2
  [ -e "$work/$job/generator.safetensors" ] || "$build/gan_train" "${given[@]}" --precision "$1" --seed "$2" \
    --data-dir "$data" --threads 1 --sample-every 0 --checkpoint-every 0 --runs-dir "$work/runs" --job-id "$job" \
    --save-dir "$work/$job" >"$work/$job.log"
  [ -e "$work/$job.fid" ] || "$build/gan_evaluate" --model "$work/$job/generator.safetensors" --data-dir "$data" \
    --num-images 10000 --threads 1 >"$work/$job.fid"
  sed -n 's/^fid-builtin \([0-9.]*\).*/\1/p' "$work/$job.fid"
}

echo "\`gan_train $options\`, fid-builtin:"
echo
echo '| seed | float32 | bf16 |'
echo '|---|---|---|'
rows=''
for seed in "$@"; do
  exact=$(fid float32 "$seed")
  rounded=$(fid bf16 "$seed")
  rows+="| $seed | $exact | $rounded |"$'\n'
  echo "| $seed | $exact | $rounded |"
done
awk -F'|' '
  { ++n; a += $3; aa += $3 * $3; b += $4; bb += $4 * $4 }
  function variance(sum, squares) { return n > 1 ? (squares - sum * sum / n) / (n - 1) : 0 }
  END {
    va = variance(a, aa); vb = variance(b, bb)
    printf "| mean, standard deviation | %.2f, %.2f | %.2f, %.2f |\n\n", a / n, sqrt(va), b / n, sqrt(vb)
    printf "bf16 - float32: %+.2f, with a standard error of %.2f.\n", (b - a) / n, sqrt((va + vb) / n)
  }' <<<"${rows%$'\n'}"
