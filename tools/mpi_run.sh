#!/usr/bin/env bash
# Starts a program on several processes or machines through OpenMPI, with options that suit training:
# no process is bound to one core (each has threads of its own), waiting processes yield.
#
#   tools/mpi_run.sh [-n PROCESSES] [--hosts A,B:2,..] [--interface SUBNET] [--max-restarts N]
#                    PROGRAM [ARGUMENT ..]
#
#   -n PROCESSES          default: one a host
#   --hosts A,B:2         machines, with the number of processes where more than one
#   --interface SUBNET    the network between them, such as 10.0.0.0/24; default: OpenMPI chooses
#   --max-restarts N      of gan_train: a job that fails is resumed from its last checkpoint so many
#                         times, 2 seconds later, then 8, 32 and 60; default 0. Needs the runs' folder
#                         on the first machine
#
#   tools/mpi_run.sh -n 2 build/gan_train --mode distributed --workers 4
set -euo pipefail

processes='' hosts='' interface='' max_restarts=0
while [ $# -gt 0 ]; do
  case $1 in
    -n) processes=$2; shift 2 ;;
    --hosts) hosts=$2; shift 2 ;;
    --interface) interface=$2; shift 2 ;;
    --max-restarts) max_restarts=$2; shift 2 ;;
    -h | --help) sed -n '2,16s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "mpi_run: unknown option $1 (--help)" >&2; exit 2 ;;
    *) break ;;
  esac
done
[ $# -gt 0 ] || { echo "mpi_run: no program was given (--help)" >&2; exit 2; }
command -v mpirun >/dev/null || { echo "mpi_run: there is no mpirun; Debian's package is openmpi-bin" >&2; exit 1; }

major=$(mpirun --version | sed -n 's/.*(Open MPI) \([0-9]*\).*/\1/p')
options=(--bind-to none --mca mpi_yield_when_idle 1)
if [ "${major:-4}" -ge 5 ]; then
  options+=(--map-by :OVERSUBSCRIBE)
  out_of_band=prte_if_include
  # Lost machines are found by the program's own signs of life; these end the daemons of both sides.
  options+=(--prtemca prte_keepalive_time 5 --prtemca prte_keepalive_intvl 2 --prtemca prte_keepalive_probes 3)
else
  options+=(--oversubscribe)
  out_of_band=oob_tcp_if_include
  options+=(--mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 2 --mca oob_tcp_keepalive_probes 3)
fi
if [ -n "$interface" ]; then
  options+=(--mca pml ob1 --mca btl tcp,self,vader --mca btl_tcp_if_include "$interface")
  if [ "${major:-4}" -ge 5 ]; then options+=(--prtemca "$out_of_band" "$interface"); else options+=(--mca "$out_of_band" "$interface"); fi
fi
[ -z "$hosts" ] || options+=(--host "$hosts")
[ -z "$processes" ] || options+=(-np "$processes")
[ "$(id -u)" -ne 0 ] || options+=(--allow-run-as-root)

# What mpirun and the programs say where a job has failed. From then on mpirun may wait for a machine that is
# cut off, for a quarter of an hour: it gets this long.
failed='has been aborted|noticed that process|MPI_ABORT was invoked|causing the job to be terminated|showed no sign of life'
grace=10
errors=$(mktemp -u)
mkfifo "$errors"
trap 'rm -f "$errors"' EXIT

# Passes on what mpirun (its process: $1) says.
watch_over() {
  local line countdown=''
  while IFS= read -r line || [ -n "$line" ]; do
    printf '%s\n' "$line" >&2
    if [ -z "$countdown" ] && [[ $line =~ $failed ]]; then
      { sleep "$grace"; pkill -KILL -P "$1"; kill -KILL "$1"; } 2>/dev/null >&2 &
      countdown=$!
    fi
  done
  [ -z "$countdown" ] || { pkill -P "$countdown"; kill "$countdown"; } 2>/dev/null || true
}

child='' stopped='' code=0
trap 'stopped=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true' INT TERM
# The program and its arguments on all processes; sets `code`.
run() {
  mpirun "${options[@]}" "$@" </dev/null 2>"$errors" &
  child=$! code=0
  watch_over "$child" <"$errors" &
  local watcher=$!
  wait "$child" || code=$?
  while kill -0 "$child" 2>/dev/null; do code=0; wait "$child" || code=$?; done  # a signal ended the wait
  child=''
  # It ends with mpirun, unless something that mpirun started has outlived it and could still speak.
  for _ in {1..20}; do
    kill -0 "$watcher" 2>/dev/null || return 0
    sleep 0.1
  done
  kill "$watcher" 2>/dev/null || true
}

if [ "$max_restarts" -eq 0 ]; then
  run "$@"
  exit "$code"
fi

# The run's name, made up here where it was not given; what else was asked, of a new run and of one that
# goes on, whose options come from its folder.
program=$1 job="" runs=runs resume=''
shift
arguments=() kept=()
while [ $# -gt 0 ]; do
  case $1 in
    --job-id) job=$2; shift 2; continue ;;
    --job-id=*) job=${1#*=}; shift; continue ;;
    --resume) job=$2 resume=yes; shift 2; continue ;;
    --resume=*) job=${1#*=} resume=yes; shift; continue ;;
    --config) arguments+=("$1" "$2"); shift 2; continue ;;
    --config=*) arguments+=("$1"); shift; continue ;;
    --runs-dir) runs=$2 ;;
    --runs-dir=*) runs=${1#*=} ;;
  esac
  arguments+=("$1") kept+=("$1")
  shift
done
: "${job:=$(date +%Y%m%d-%H%M%S)-$$}"

restarts=0 pause=2
while true; do
  if [ -n "$resume" ]; then
    run "$program" "${kept[@]}" --resume "$job"
  else
    run "$program" "${arguments[@]}" --job-id "$job"
  fi
  # Done, a wrong usage, interrupted: not to be tried again.
  case $code in 0 | 2 | 130) exit "$code" ;; esac
  if [ -n "$stopped" ] || [ "$restarts" -ge "$max_restarts" ]; then exit "$code"; fi
  restarts=$((restarts + 1))
  [ ! -f "$runs/$job/config.toml" ] || resume=yes
  echo "mpi_run: the job ended with code $code; restart $restarts of $max_restarts in $pause s, from its last checkpoint" >&2
  sleep "$pause" &
  wait "$!" || true  # until a signal
  [ -z "$stopped" ] || exit "$code"
  pause=$((pause < 16 ? 4 * pause : 60))  # what ails a machine may take a while
done
