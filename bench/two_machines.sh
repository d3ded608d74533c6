#!/usr/bin/env bash
# Checks the simulation of bench/scaling on networks that it was not made from: two network namespaces
# joined by a veth pair whose ends let through so many bits a second (tc's token bucket) after a delay
# (netem, where the kernel has it). Needs root; touches nothing outside the two namespaces.
#
#   bench/two_machines.sh [BUILD_FOLDER [STEPS]]
#
# Prints for each network what bench/scaling prints under mpirun: simulated beside measured.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-$here/build}")
steps=${2:-10}
networks='1000:50 200:1000'  # Mbit/s:microseconds, one way
a=scaling$$a b=scaling$$b subnet=10.78.0

folder=$(mktemp -d)
cleanup() {
  ip netns delete "$a" 2>/dev/null || true
  ip netns delete "$b" 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT

ip netns add "$a"
ip netns add "$b"
ip link add veth0 netns "$a" type veth peer name veth0 netns "$b"
ip -n "$a" addr add $subnet.1/24 dev veth0
ip -n "$b" addr add $subnet.2/24 dev veth0
for machine in "$a" "$b"; do
  ip -n "$machine" link set lo up
  ip -n "$machine" link set veth0 up
done

# What ssh would do: enter the other machine and run the command there.
printf '#!/bin/sh\nshift\nexec ip netns exec %s unshare --uts sh -c "hostname %s; $*"\n' "$b" "$b" >"$folder/agent"
chmod +x "$folder/agent"

# Gives the delay that the link really got, in microseconds. The bucket's queue is short, as a switch's is:
# in a long one, acknowledgements wait behind what goes the same way, and halve the throughput. The burst is
# what a busy machine may come late by: 4 ms at 1 Gbit/s.
shape() {
  local mbits=$1 delay_us=$2 machine
  for machine in "$a" "$b"; do
    tc -n "$machine" qdisc replace dev veth0 root handle 1: tbf rate "${mbits}mbit" burst $((mbits / 2))kb latency 5ms
    tc -n "$machine" qdisc add dev veth0 parent 1:1 handle 10: netem delay "${delay_us}us" limit 10000 2>/dev/null ||
      delay_us=0
  done
  echo "$delay_us"
}

for network in $networks; do
  mbits=${network%:*}
  latency=$(shape "$mbits" "${network#*:}")
  [ "$latency" = "${network#*:}" ] || echo "(no netem in this kernel: the link adds no delay)"
  # The inner shell sets the first machine's name.
  # shellcheck disable=SC2016
  OMPI_MCA_plm_rsh_agent=$folder/agent timeout -k 5 300 \
    ip netns exec "$a" unshare --uts sh -c 'hostname "$1"; shift; exec "$@"' sh "$a" \
    "$here/tools/mpi_run.sh" -n 2 --hosts $subnet.1,$subnet.2 --interface $subnet.0/24 \
    "$build/bench/scaling" --steps "$steps" --bandwidth "$(awk "BEGIN { print $mbits / 1000 }")" --latency "$latency"
done
