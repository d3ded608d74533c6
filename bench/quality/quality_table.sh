#!/usr/bin/env bash
# What a preset gives in so many epochs, by one worker and by several that share the work in several ways: trains
# on CIFAR-10 and prints a Markdown table of the median epoch's seconds and of 10,000 pictures' quality
# (docs/quality.md says what the metrics are). A run that WORK_DIR holds already is not trained again.
#
#   bench/quality/quality_table.sh DATA_DIR WORK_DIR BUILD_DIR PRESET:EPOCHS[:SEED] ..
#
# WAYS, a regular expression, chooses among the ways of several workers: WAYS='2 workers, (outer|elastic)'.
set -euo pipefail
usage='usage: quality_table.sh DATA_DIR WORK_DIR BUILD_DIR PRESET:EPOCHS[:SEED] ..'
data=${1:?$usage} work=${2:?$usage} build=${3:?$usage}
: "${4:?$usage}"
shift 3
mkdir -p "$work"

# Name and options. EPOCHS: all of the run, so that copies are averaged once, at its end; SHARE: each worker's part
# of the preset's batch.
ways=(
  "average every EPOCHS epochs|--sync epochs --sync-interval EPOCHS"
  "average every epoch|--sync epochs --sync-interval 1"
  "average every epoch, batch divided|--sync epochs --sync-interval 1 --batch-size SHARE"
  "average every 50 steps|--sync steps --sync-interval 50"
  "average every 10 steps|--sync steps --sync-interval 10"
  "gradients each step|--sync gradients"
  "gradients each step, batch divided|--sync gradients --batch-size SHARE"
  "outer step every EPOCHS epochs|--outer nesterov --sync epochs --sync-interval EPOCHS"
  "outer step every 50 steps|--outer nesterov --sync steps --sync-interval 50"
  "elastic average every 10 steps|--outer elastic --sync steps --sync-interval 10"
)

# The value of a metric in gan_evaluate's lines.
metric() { sed -n "s/^$1-builtin \([0-9.e-]*\).*/\1/p" "$2"; }

# Trains and measures one row: NAME OPTION ..
row() {
  local name=$1 job generator metrics seconds
  shift
  job=$(tr -cs 'a-z0-9\n' - <<<"$preset-$epochs-$seed-$name")
  generator=$work/$job/generator.safetensors metrics=$work/$job.metrics
  [ -e "$generator" ] || "$build/gan_train" --preset "$preset" --data-dir "$data" --epochs "$epochs" --seed "$seed" \
    --sample-every 0 --checkpoint-every 0 --runs-dir "$work/runs" --job-id "$job" --save-dir "$work/$job" "$@" \
    >"$work/$job.log"
  [ -e "$metrics" ] || "$build/gan_evaluate" --model "$generator" --data-dir "$data" --num-images 10000 \
    --metrics fid,kid,prdc >"$metrics.partial"
  [ -e "$metrics" ] || mv "$metrics.partial" "$metrics"
  seconds=$(sed -n 's/.*"type":"epoch".*"seconds":\([0-9.]*\).*/\1/p' "$work/runs/$job/events.jsonl" | sort -n |
    awk '{ all[NR] = $1 } END { printf "%.1f", all[int((NR + 1) / 2)] }')
  echo "| \`$preset\` | $epochs | $seed | $name | $seconds | $(metric fid "$metrics") | $(metric kid "$metrics") |" \
    "$(metric precision "$metrics") | $(metric recall "$metrics") |"
}

echo '| preset | epochs | seed | by | seconds an epoch | fid-builtin | kid-builtin | precision | recall |'
echo '|---|---|---|---|---|---|---|---|---|'
for wanted in "$@"; do
  IFS=: read -r preset epochs seed <<<"$wanted"
  seed=${seed:-42}
  row '1 worker' --mode single
  batch=$(sed -n 's/^batch-size=//p' "$work/runs/$preset-$epochs-$seed-1-worker/config.toml")
  for workers in 2 4; do
    for way in "${ways[@]//EPOCHS/$epochs}"; do
      name="$workers workers, ${way%%|*}"
      [[ $name =~ ${WAYS:-.} ]] || continue
      read -ra flags <<<"${way#*|}"
      flags=("${flags[@]/SHARE/$((batch / workers))}")
      row "$name" --mode distributed --workers "$workers" "${flags[@]}"
    done
  done
done
