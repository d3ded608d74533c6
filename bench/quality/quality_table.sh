#!/usr/bin/env bash
# What a preset gives in so many epochs, by one worker and by several that average in several ways: trains on
# CIFAR-10 and prints a Markdown table of seconds and of 10,000 pictures' quality (docs/quality.md says what
# the metrics are). A run that WORK_DIR holds already is not trained again.
#
#   bench/quality/quality_table.sh DATA_DIR WORK_DIR BUILD_DIR PRESET:EPOCHS ..
set -euo pipefail
usage='usage: quality_table.sh DATA_DIR WORK_DIR BUILD_DIR PRESET:EPOCHS ..'
data=${1:?$usage} work=${2:?$usage} build=${3:?$usage}
: "${4:?$usage}"
shift 3
mkdir -p "$work"

# name and options of each way to share the work
ways=(
  "1 worker|--mode single"
  "2 workers, average every epoch|--mode distributed --workers 2 --sync-interval 1"
  "2 workers, average every 5 epochs|--mode distributed --workers 2 --sync-interval 5"
  "2 workers, average each step's gradients|--mode distributed --workers 2 --sync gradients"
  "2 workers, outer step every 5 epochs|--mode distributed --workers 2 --sync-interval 5 --outer nesterov"
  "4 workers, average every epoch|--mode distributed --workers 4 --sync-interval 1"
  "4 workers, average every 5 epochs|--mode distributed --workers 4 --sync-interval 5"
  "4 workers, average each step's gradients|--mode distributed --workers 4 --sync gradients"
  "4 workers, outer step every 5 epochs|--mode distributed --workers 4 --sync-interval 5 --outer nesterov"
)

# The value of a metric in gan_evaluate's lines.
metric() { sed -n "s/^$1-builtin \([0-9.e-]*\).*/\1/p" "$2"; }

echo '| preset | epochs | by | seconds | fid-builtin | kid-builtin | precision | recall |'
echo '|---|---|---|---|---|---|---|---|'
for wanted in "$@"; do
  preset=${wanted%%:*} epochs=${wanted#*:}
  for way in "${ways[@]}"; do
    name=${way%%|*}
    read -ra options <<<"${way#*|}"
    job=$preset-$epochs-$(tr -c 'a-z0-9\n' - <<<"$name")
    generator=$work/$job/generator.safetensors metrics=$work/$job.metrics
    [ -e "$generator" ] || "$build/gan_train" --preset "$preset" --data-dir "$data" --epochs "$epochs" --sample-every 0 \
      --checkpoint-every 0 --runs-dir "$work/runs" --job-id "$job" --save-dir "$work/$job" "${options[@]}" >"$work/$job.log"
    "$build/gan_evaluate" --model "$generator" --data-dir "$data" --num-images 10000 --metrics fid,kid,prdc >"$metrics"
    seconds=$(sed -n 's/.*"type":"epoch".*"seconds":\([0-9.]*\).*/\1/p' "$work/runs/$job/events.jsonl" |
      awk '{ sum += $1 } END { printf "%.0f", sum }')
    echo "| \`$preset\` | $epochs | $name | $seconds | $(metric fid "$metrics") | $(metric kid "$metrics") |" \
      "$(metric precision "$metrics") | $(metric recall "$metrics") |"
  done
done
