#!/usr/bin/env bash
# Everything this folder measures, as one Markdown report on stdout; some ten minutes on two cores, and five with a peer.
#
#   bench/report.sh [--quick] [--peer COMMAND] [--only SECTION] [BUILD_DIR]
#
# --only  machine, step, split, products, rooflines, growth or generation.
# --peer  also puts the step beside another program's; COMMAND as peers/compare.sh takes it.
# --quick takes a minute and shows only that everything works: its figures mean nothing.
# Nothing else should run meanwhile. Figures are medians unless they say otherwise.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

quick='' peer='' only='' command=bench/report.sh
while [[ ${1:-} == --* ]]; do
  case $1 in
    --quick) quick=yes command+=' --quick' ;;
    --peer) peer=${2:?--peer needs a command} command+=' --peer COMMAND' && shift ;;
    --only) only=${2:?--only needs a section} && shift ;;
    *) echo "report.sh: unknown option $1" >&2 && exit 2 ;;
  esac
  shift
done
build=${1:-$here/../build}
bench=$build/bench
cores=$(nproc)
all_threads=1
[ "$cores" -eq 1 ] || all_threads="1 $cores"

# How much of everything; --quick takes the second.
pick() { if [ -n "$quick" ]; then echo "$2"; else echo "$1"; fi; }
steps=$(pick 40 2) growth_steps=$(pick 20 2) product_rounds=$(pick 15 1) images=$(pick 10000 500)

step_heading() {
  echo "| $1 | ms a step (p10 to p90) | images/s | limit, ms | times the limit |"
  echo '|---|---|---|---|---|'
}
# step_row NAME STEP_TIME_OPTION ..
step_row() {
  local name=$1
  shift
  "$bench/step_time" "$@" | sed -E "s/.*median ([0-9.]+) ms\/step \(p10 ([0-9.]+) p90 ([0-9.]+)\) \| ([0-9]+) img\/s .*\
limit ([0-9.]+) ms, ([0-9.]+)x.*/| $name | \1 (\2 to \3) | \4 | \5 | \6 |/"
}

report_head() {
  local commit
  commit=$(git -C "$here" describe --always --dirty 2>/dev/null || echo unknown)
  echo '# Performance'
  echo
  echo "Made by \`$command\` on $(date -u +%F), commit $commit. Load average when it began: $(cut -d' ' -f1 /proc/loadavg)."
  if [ -n "$quick" ]; then echo '**A quick run: its figures mean nothing.**'; fi
  echo
  cat <<'TEXT'
Single precision; the reference's GAN (G 100-256-512-1024-3072, D 3072-1024-512-256-1), batch 128 where nothing
else is said. Figures are medians. Contestants take turns within one run, and every figure stands beside the
limit measured in that run: the peak of fused multiply-adds on registers, and the bandwidth of a copy far larger
than the caches, counted as bytes read plus bytes written.
TEXT
}

report_machine() {
  echo
  echo '## The machine'
  echo
  lscpu | sed -nE 's/^(Model name|CPU\(s\)|Thread\(s\) per core): +(.*)/- \1: \2/p'
  lscpu -C=NAME,ONE-SIZE,ALL-SIZE | awk 'NR > 1 {printf "%s%s %s (%s in all)", (NR > 2 ? ", " : "- caches: "), $1, $2, $3}
    END {if (NR > 1) print ""}'
  awk '/MemTotal/ {printf "- memory: %.1f GiB\n", $2 / 1048576}' /proc/meminfo
  sed -n 's/^PRETTY_NAME="\(.*\)"/- system: \1/p' /etc/os-release
  for library in tbb libhwy openblas libdeflate; do
    if pkg-config --exists "$library" 2>/dev/null; then echo "- $library $(pkg-config --modversion "$library")"; fi
  done
  "$bench/machine_report"
}

report_step() {
  echo
  echo '## The training step'
  echo
  echo "The limit is the time that the step's matrix products would take at the peak, convolutions by the
multiply-adds of the plain way; Winograd's filtering takes fewer."
  echo
  step_heading threads
  for ((threads = 1; threads <= cores; ++threads)); do
    step_row "$threads" --threads "$threads" --steps "$steps"
  done
}

report_peer() {
  echo
  echo '## The step beside a peer'
  echo
  echo "Ours and the peer's in turn, by \`bench/peers/compare.sh\`; each line is one run of one of them."
  echo
  echo '```'
  "$here/peers/compare.sh" "$peer" "$(pick 5 1)" "$build"
  "$here/peers/memory.sh" "$peer" mlp "$build"
  "$here/peers/memory.sh" "$peer" dcgan "$build"
  echo '```'
}

report_split() {
  echo
  echo '## Where the time of a step goes'
  echo
  echo "The product's own step with a clock around each layer; what works in place on the tiles of a product
runs by itself here. Shares of the peak count the products' operations alone."
  for threads in $all_threads; do
    echo
    "$bench/step_split" --threads "$threads" --steps "$steps"
  done
}

report_products() {
  cat <<'TEXT'

## The matrix products of a step

Each runs once a step. A product m x n with sums over k; a weight gradient adds to what is there. In the step itself
our weight gradients are taken by Adam where they are made and never stored (see the split above). A turn repeats its
product, so that the caches hold what fits of it. Eigen runs on one thread, compiled for AVX2.
TEXT
  for threads in $all_threads; do
    echo
    "$bench/products" --threads "$threads" --rounds "$product_rounds"
  done
}

# Google Benchmark's medians as rows: kernel, threads, counters.
roofline_rows() {
  awk -F, '
    $1 == "name" {
      gsub(/"/, "")
      for (i = 1; i <= NF; ++i) column[$i] = i
    }
    /_median"/ {
      gsub(/"|\/real_time_median/, "")
      threads = kernel = $1
      sub(/.*threads:/, "", threads)
      sub(/\/threads:.*/, "", kernel)
      sub(/dense_product\//, "", kernel)
      sub(/\/batch:/, ", ", kernel)
      sub(/\/in:/, " x ", kernel)
      sub(/\/out:/, " to ", kernel)
      gsub(/_/, " ", kernel)
      printf "| %s | %d | %.2f | %.1f | %.1f | %.1f | %.0f%% |\n", kernel, threads, $column["flop/byte"],
        $column["GFLOP/s"], $column["GB/s"], $column["roof_GFLOP/s"], 100 * $column["of_roof"]
    }'
}

report_rooflines() {
  cat <<'TEXT'

## Rooflines

The roof is min(peak, flop per byte x copy bandwidth). Bytes are counted as the copy's: operands read and results
written, once each. Adam and the averages run over 7.64 million numbers a buffer, of which the last level of cache
may hold a part: they can exceed the roof of memory.

| kernel | threads | flop/byte | GFLOP/s | GB/s | roof, GFLOP/s | of the roof |
|---|---|---|---|---|---|---|
TEXT
  "$bench/kernels_bench" --benchmark_filter='dense_product/.*(in:3072/out:1024|in:1024/out:3072)/|^adam|^add_|^approach' \
    --benchmark_repetitions="$(pick 5 2)" --benchmark_min_time="$(pick 0.2 0.01)" --benchmark_report_aggregates_only=true \
    --benchmark_format=csv 2>/dev/null | roofline_rows
}

report_growth() {
  echo
  echo '## Growth'
  for threads in $all_threads; do
    echo
    step_heading "batch, $threads thread(s)"
    for batch in 32 64 128 256 512 1024; do
      step_row "$batch" --batch-size "$batch" --threads "$threads" --steps "$growth_steps"
    done
  done
  for threads in $all_threads; do
    echo
    step_heading "hidden widths, $threads thread(s)"
    for width in 0.5 1 2; do
      step_row "x $width" --width "$width" --threads "$threads" --steps "$growth_steps"
    done
  done
  echo
  "$bench/scaling" --workers "$cores" --rounds "$(pick 3 1)" --steps "$(pick 40 4)"
  printf '\nThe dcgan:\n\n'
  "$bench/scaling" --model dcgan --workers "$cores" --rounds "$(pick 3 1)" --steps "$(pick 20 2)"
}

# generation_row PROGRAM ..: its line as a row. Pictures stay to the end: some file systems look long
# for a place where many files were removed just now.
generation_row() {
  "$@" --output "$(mktemp -d "$pictures/XXXXXX")/made" | sed -E '
    s/^(.*) thr=([0-9]+) images=[0-9]+ \| sampler ([0-9]+) images\/s/| \1 | \2 | \3 |/
    s/\(([0-9.]+) GFLOP\/s, ([0-9]+%)[^)]*\)/\1 | \2/
    s/\| \| with/| | | with/
    s/with PNGs ([0-9]+) images\/s, ([0-9]+) bytes each/\1 | \2/
    s/files alone ([0-9]+) a second/\1 |/
    s/([0-9])$/\1 | |/'
}

# A Python that has PyTorch and Pillow, or nothing.
find_python() {
  for python in python3 /usr/bin/python3; do
    if "$python" -c 'import numpy, torch, PIL' 2>/dev/null; then
      echo "$python"
      break
    fi
  done
}

report_generation() {
  local python openmp rounds
  pictures=$(mktemp -d)
  trap 'rm -rf "$pictures"' EXIT
  python=$(find_python)
  openmp=/usr/lib/$(uname -m)-linux-gnu/openblas-openmp  # where it is installed: see generate_pillow.py
  rounds=$(pick 3 1)
  echo
  echo '## Generation'
  echo
  echo "$images pictures, 32x32x3: the sampler alone, and the whole way to PNGs in a fresh folder. Each row is one run.
Files alone: as many files of the same size, made by as many threads with the system's bare calls (create, write, close).
The file system: $(df --output=fstype "$pictures" | tail -1)."
  [ -n "$python" ] || echo 'There is no Python with PyTorch and Pillow here to compare with.'
  echo
  echo '| program | threads | sampler, images/s | GFLOP/s | of the peak | with PNGs, images/s | bytes a PNG | files alone, a second |'
  echo '|---|---|---|---|---|---|---|---|'
  for threads in $all_threads; do
    for _ in $(pick '1 2' 1); do
      generation_row "$bench/generation" --threads "$threads" --images "$images" --rounds "$rounds"
      [ -z "$python" ] || LD_LIBRARY_PATH=$openmp${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} generation_row \
        "$python" "$here/peers/generate_pillow.py" --threads "$threads" --images "$images" --rounds "$rounds"
    done
  done | tee "$pictures/rows"
  [ -z "$python" ] || generation_ratios "$pictures/rows"
}

# Ours over the peer's, of the means of each one's rows.
generation_ratios() {
  echo
  awk -F' *[|] *' '
    {
      program = $2 ~ /^miniray/ ? "ours" : "peer"
      sampler[program, $3] += $4
      pngs[program, $3] += $7
      threads[$3]
    }
    END {
      for (n in threads) {
        printf "%d thread(s): the sampler %.1f times the peer, with PNGs %.1f times.\n", n,
          sampler["ours", n] / sampler["peer", n], pngs["ours", n] / pngs["peer", n]
      }
    }' "$1" | sort -n
}

if [ -n "$only" ]; then
  "report_$only"
  exit
fi
report_head
report_machine
report_step
[ -z "$peer" ] || report_peer
report_split
report_products
report_rooflines
report_growth
report_generation
