#!/usr/bin/env bash
# Downloads the official CIFAR-10 binary archive and unpacks it; `--help` tells how to call it.
#
# stdout carries only the folder's path, everything else goes to stderr.
# A line "get_cifar10: ..." on stderr is an error; there is one at most.
#
# Environment (for tests and mirrors):
#   CIFAR10_URL          where the archive comes from (http or https)
#   CIFAR10_BYTES        size of the archive
#   CIFAR10_SHA256       sha256 of the archive, lower case hex
#   CIFAR10_BATCH_BYTES  size of each .bin file in it
set -euo pipefail

# The listing of tar is parsed below, so nothing may change how it looks.
export LC_ALL=C
unset TAR_OPTIONS

readonly url=${CIFAR10_URL:-https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz}
readonly archive_bytes=${CIFAR10_BYTES:-170052171}
readonly archive_sha256=${CIFAR10_SHA256:-c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd}
readonly batch_bytes=${CIFAR10_BATCH_BYTES:-30730000}
readonly meta_max_bytes=1000

readonly folder=cifar-10-batches-bin
readonly meta=batches.meta.txt
readonly files=(data_batch_{1..5}.bin test_batch.bin "$meta")

readonly exit_failed=1 exit_usage=2 exit_unreachable=3

usage() {
  cat <<TEXT
Usage: get_cifar10.sh [--keep-archive] [DIR]

Downloads CIFAR-10 (binary version) to DIR/$folder and prints the path of
that folder. DIR is "data" if not given. A complete folder is left as it is; an
interrupted download is continued by the next call. An archive already standing
at DIR/cifar-10-binary.tar.gz is used in place of a download, and kept.

  --keep-archive  keep the downloaded archive as DIR/cifar-10-binary.tar.gz
  --help          print this text

Exit codes: 0 done, 2 wrong usage, 3 the archive cannot be reached (network),
1 any other error, 128+n ended by signal n.
TEXT
}

note() { printf '%s\n' "$*" >&2; }

die() {
  local code=$1
  shift
  printf 'get_cifar10: %s\n' "$*" >&2
  exit "$code"
}

need() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || die $exit_failed "the program '$tool' is needed but not installed"
  done
}

exists() { [[ -e $1 || -L $1 ]]; }

# A file which is not there counts as empty.
size_of() { stat -L -c %s -- "$1" 2>/dev/null || echo 0; }

parse_arguments() {
  dir='' keep_archive=no
  local options=yes
  while (($#)); do
    case $options:$1 in
      yes:--help) usage; exit 0 ;;
      yes:--keep-archive) keep_archive=yes ;;
      yes:--) options=no ;;
      yes:-*) die $exit_usage "unknown option '$1' (see --help)" ;;
      *)
        [[ -n $1 ]] || die $exit_usage "DIR is empty (see --help)"
        [[ -z $dir ]] || die $exit_usage "more than one DIR: '$dir' and '$1' (see --help)"
        dir=$1
        ;;
    esac
    shift
  done
  dir=${dir:-data}
  # A leading dash would be taken for an option by the programs called below.
  [[ $dir != -* ]] || dir=./$dir

  local number
  for number in "$archive_bytes" "$batch_bytes"; do
    [[ $number =~ ^[1-9][0-9]*$ ]] \
      || die $exit_usage "CIFAR10_BYTES and CIFAR10_BATCH_BYTES must be positive numbers, not '$number'"
  done
}

# Prints what keeps folder $1 from being the data set; nothing if it is complete.
folder_fault() {
  local file size
  for file in "${files[@]}"; do
    if [[ ! -f $1/$file ]]; then
      echo "$file is missing"
      return
    fi
    size=$(size_of "$1/$file")
    if [[ $file == "$meta" ]]; then
      ((size >= 1 && size <= meta_max_bytes)) && continue
      echo "$file has $size bytes, should have 1 to $meta_max_bytes"
      return
    fi
    ((size == batch_bytes)) && continue
    echo "$file has $size bytes, should have $batch_bytes"
    return
  done
}

# Prints what is wrong with archive $1; nothing if it is the right one.
archive_fault() {
  local size sum
  size=$(size_of "$1")
  if ((size != archive_bytes)); then
    echo "has $size bytes, should have $archive_bytes"
    return
  fi
  sum=$(sha256sum <"$1") || sum=unreadable
  sum=${sum%% *}
  if [[ $sum != "$archive_sha256" ]]; then
    echo "has sha256 $sum, should have $archive_sha256"
  fi
}

finish() {
  [[ $keep_target_note == '' ]] || note "$keep_target_note"
  printf '%s\n' "$target"
  exit 0
}
