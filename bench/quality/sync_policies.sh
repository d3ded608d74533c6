#!/usr/bin/env bash
# What averaging costs in quality: trains on CIFAR-10 with 1, 2 and 4 workers and several ways to
# average, the same number of epochs each, and prints a Markdown table of losses and of a distance
# between 10,000 generated and 50,000 real pictures (pixel_distance.py says which).
#
#   bench/quality/sync_policies.sh DATA_DIR [EPOCHS] [WORK_DIR] [BUILD_DIR]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=${1:?usage: sync_policies.sh DATA_DIR [EPOCHS] [WORK_DIR] [BUILD_DIR]}
epochs=${2:-5}
work=${3:-$(mktemp -d)}
build=${4:-$here/../../build}
mkdir -p "$work"

# name and options of each run
runs=(
  "1 worker|--mode single"
  "2 workers, average every epoch|--mode distributed --workers 2 --sync-interval 1"
  "2 workers, average every 5 epochs|--mode distributed --workers 2 --sync-interval 5"
  "4 workers, average every epoch|--mode distributed --workers 4 --sync-interval 1"
  "4 workers, average every 5 epochs|--mode distributed --workers 4 --sync-interval 5"
  "2 workers, outer step every epoch|--mode distributed --workers 2 --sync-interval 1 --outer nesterov"
  "4 workers, outer step every epoch|--mode distributed --workers 4 --sync-interval 1 --outer nesterov"
  "2 workers, outer step every 5 epochs|--mode distributed --workers 2 --sync-interval 5 --outer nesterov"
  "4 workers, outer step every 5 epochs|--mode distributed --workers 4 --sync-interval 5 --outer nesterov"
)

echo "| run of $epochs epochs | D loss | G loss | seconds | distance |"
echo "|---|---|---|---|---|"
for run in "${runs[@]}"; do
  name=${run%%|*}
  read -ra options <<<"${run#*|}"
  job=$(tr -c 'a-z0-9\n' - <<<"$name")
  [ -e "$work/runs/$job" ] || "$build/gan_train" --data-dir "$data" --epochs "$epochs" --sample-every "$epochs" \
    --runs-dir "$work/runs" --job-id "$job" --save-dir "$work/$job" "${options[@]}" >"$work/$job.log"
  "$build/gan_generate" --model "$work/$job/generator.safetensors" --num-images 10000 --npy "$work/$job.npy" >/dev/null
  distance=$(/usr/bin/python3 "$here/pixel_distance.py" "$work/$job.npy" "$data")
  seconds=$(grep -h '"type":"epoch"' "$work/runs/$job/events.jsonl" | sed 's/.*"seconds":\([0-9.]*\).*/\1/' | paste -sd+ | bc)
  grep -h '"type":"epoch"' "$work/runs/$job/events.jsonl" | tail -n 1 |
    sed "s/.*\"d_loss\":\([0-9.]*\),\"g_loss\":\([0-9.]*\).*/| $name | \1 | \2 | ${seconds%.*} | $distance |/"
done
