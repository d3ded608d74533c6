#!/usr/bin/env bash
# The most memory that a process held which took our training step, and a peer's: whole processes, data and libraries
# included. One thread, then two.
#
#   bench/peers/memory.sh PEER_COMMAND [MODEL] [BUILD_DIR]       MODEL is mlp or dcgan (which it is unless said)
#
# PEER_COMMAND is called as `PEER_COMMAND MODEL THREADS`. Where PEER_IMPORT is set, a command that only loads what the
# peer is built of, such as "python3 -c 'import torch'", the peer is also given without that command's memory, ours
# without what a process needs that prints its help.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
peer=${1:?usage: memory.sh PEER_COMMAND [MODEL] [BUILD_DIR]}
model=${2:-dcgan}
step_time=${3:-$here/../../build}/bench/step_time

# peak_mb COMMAND ..: its resident set at its largest.
peak_mb() {
  python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024))' "$@"
}

for threads in 1 2; do
  ours=$(peak_mb "$step_time" --model "$model" --threads "$threads" --steps 3)
  theirs=$(peak_mb "$peer" "$model" "$threads")
  awk -v a="$ours" -v b="$theirs" -v m="$model" -v t="$threads" \
    'BEGIN {printf "== %s, %d thread(s): ours %d MB, peer %d MB, %.2f of it\n", m, t, a, b, a / b}'
  [ -n "${PEER_IMPORT:-}" ] || continue
  a=$((ours - $(peak_mb "$step_time" --help)))
  b=$((theirs - $(peak_mb bash -c "$PEER_IMPORT")))
  awk -v a="$a" -v b="$b" 'BEGIN {printf "   without programs and libraries: ours %d MB, peer %d MB, %.2f of it\n", a, b, a / b}'
done
