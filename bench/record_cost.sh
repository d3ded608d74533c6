#!/usr/bin/env bash
# What recording and watching cost a training: epochs without records, with them, and with the
# dashboard in the trainer's own process and streams of events that are listened to; in turns.
#
#   bench/record_cost.sh [FOLDER_OF_THE_PROGRAMS] [ROUNDS] [STREAMS]
set -euo pipefail
programs=$(realpath "${1:-build}")
rounds=${2:-3}
streams=${3:-20}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

train() { # NAME OPTION ..
  "$programs/gan_train" --data shapes --epochs 1 --job-id "$@" >"log_$1"
}
listen() { # to the dashboard of the run that starts now
  sleep 2
  local link
  link=$(sed -n 's/^dashboard: \(http[^ ]*\).*/\1/p' "log_$1")
  # One process for all: clients are elsewhere, as a rule.
  python3 - "$link" "$1" "$streams" <<'PYTHON'
import select, socket, sys, urllib.parse
link, run, streams = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2], int(sys.argv[3])
open_streams = [socket.create_connection((link.hostname, link.port)) for _ in range(streams)]
for stream in open_streams:
    stream.sendall(f"GET /api/events?runs={run} HTTP/1.1\r\nHost: {link.netloc}\r\n\r\n".encode())
while open_streams:
    for stream in select.select(open_streams, [], [])[0]:
        try:
            ended = not stream.recv(1 << 16)
        except ConnectionError:
            ended = True
        if ended:
            open_streams.remove(stream)
PYTHON
}
for round in $(seq "$rounds"); do
  train "without_$round" --record-interval 3600 --gradient-norms 0 --sample-every 0
  train "recorded_$round" --sample-every 0
  listen "watched_$round" &
  train "watched_$round" --sample-every 0 --dashboard --port 0
  wait
done

python3 - "$rounds" <<'PYTHON'
import json, statistics, sys
def seconds(kind, round):
    with open(f"runs/{kind}_{round}/events.jsonl") as lines:
        return next(r["seconds"] for r in map(json.loads, lines) if r["type"] == "epoch")
rounds = range(1, int(sys.argv[1]) + 1)
base = [seconds("without", r) for r in rounds]
print(f"without records  {statistics.median(base):.2f} s an epoch")
for kind in ("recorded", "watched"):
    times = [seconds(kind, r) for r in rounds]
    ratios = sorted(t / b for t, b in zip(times, base))
    print(f"{kind:15}  {statistics.median(times):.2f} s, {100 * (statistics.median(ratios) - 1):+.2f} %"
          f" (pairs: {', '.join(f'{100 * (r - 1):+.2f}' for r in ratios)})")
PYTHON
