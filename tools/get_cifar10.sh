#!/usr/bin/env bash
# Downloads the official CIFAR-10 binary archive and unpacks it; --help tells how to call it.
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

Downloads CIFAR-10 (binary version) to DIR/$folder and prints the path
of that folder. DIR is "data" if not given. A complete folder is left as it is;
an interrupted download is continued by the next call. The right archive already
standing at DIR/cifar-10-binary.tar.gz is used without a download, and kept.

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
}

check_environment() {
  local number
  for number in "$archive_bytes" "$batch_bytes"; do
    [[ $number =~ ^[1-9][0-9]*$ ]] \
      || die $exit_usage "CIFAR10_BYTES and CIFAR10_BATCH_BYTES must be positive whole numbers, not '$number'"
  done
}

# Prints what keeps folder $1 from being the data set; nothing if it is complete.
folder_fault() {
  local file size least most right
  for file in "${files[@]}"; do
    least=$batch_bytes most=$batch_bytes right=$batch_bytes
    if [[ $file == "$meta" ]]; then least=1 most=$meta_max_bytes right="1 to $meta_max_bytes"; fi
    if [[ ! -f $1/$file ]]; then
      echo "$file is missing"
      return
    fi
    size=$(size_of "$1/$file")
    if ((size < least || size > most)); then
      echo "$file has $size bytes, should have $right"
      return
    fi
  done
}

# Prints what is wrong with archive $1; nothing if it is the right one.
archive_fault() {
  local size sum
  size=$(size_of "$1")
  if ((size != archive_bytes)); then
    echo "$size bytes, should be $archive_bytes"
    return
  fi
  sum=$(sha256sum <"$1") || sum=unreadable
  sum=${sum%% *}
  if [[ $sum != "$archive_sha256" ]]; then
    echo "sha256 $sum, should be $archive_sha256"
  fi
}

print_and_exit_if_complete() {
  [[ -z $(folder_fault "$target") ]] || return 0
  note "$target is complete"
  printf '%s\n' "$target"
  exit 0
}

open_dir() {
  mkdir -p -- "$dir" 2>/dev/null || die $exit_failed "cannot create the folder $dir"
  { exec 9>"${dir%/}/.get_cifar10.lock"; } 2>/dev/null || die $exit_failed "cannot write to the folder $dir"
}

# Descriptor 9 is left open in the programs called: if this shell is killed outright, the lock
# lasts until the last of them has stopped writing.
lock_dir() {
  flock -n 9 && return
  note "waiting for another get_cifar10 working in $dir"
  flock 9 2>/dev/null || die $exit_failed "cannot lock ${dir%/}/.get_cifar10.lock"
}

clean_up() {
  local running
  running=$(jobs -p)
  if [[ -n $running ]]; then
    kill "$running" 2>/dev/null || true
    wait || true
  fi
  rm -rf -- "$tmp"
}

# Only the holder of the lock may come here, since the name is the same for all: so whatever a
# killed run left there goes with the next run.
make_tmp() {
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  rm -rf -- "$tmp"
  mkdir -- "$tmp" 2>/dev/null || die $exit_failed "cannot create the folder $tmp"
}

# Moves $1 to the first free name $1.$2.<n>.
set_aside() {
  local n=1
  while exists "$1.$2.$n"; do n=$((n + 1)); done
  mv -T -- "$1" "$1.$2.$n" 2>/dev/null || die $exit_failed "cannot move $1 aside to $1.$2.$n"
  note "moved aside to $1.$2.$n"
}

# Sets curl_exit, http_status and curl_message.
transfer() {
  local meter=--silent
  if [[ -t 2 ]]; then meter=--progress-bar; fi
  # In the background, for bash would look at a signal only after a program in the foreground ended.
  # --globoff: brackets in the URL are meant as they stand.
  curl "$meter" --fail --globoff --location --max-redirs 5 --proto '=http,https' --proto-redir '=http,https' \
    --connect-timeout 5 --speed-limit 1000 --speed-time 20 --max-filesize "$archive_bytes" \
    --continue-at - --output "$part" --write-out '%{http_code} %{errormsg}\n' --url "$url" >"$tmp/curl" &
  curl_exit=0
  wait $! || curl_exit=$?
  read -r http_status curl_message <"$tmp/curl" || true
  curl_message=${curl_message:-curl ended with code $curl_exit}
}

# The server does not do ranges (33, 36), or has nothing from that offset on (416).
resume_refused() { ((curl_exit == 33 || curl_exit == 36)) || [[ $http_status == 416 ]]; }

check_transfer() {
  local kept
  case $curl_exit in
    0) ;;
    1 | 2 | 3 | 27) die $exit_failed "cannot download $url: $curl_message" ;;
    23) die $exit_failed "cannot write $part: $curl_message" ;;
    63)
      rm -f -- "$part"
      die $exit_failed "wrong file at $url: more than the $archive_bytes bytes which it should have"
      ;;
    *)
      kept=$(size_of "$part")
      die $exit_unreachable "cannot download $url: $curl_message ($kept of $archive_bytes bytes are here)"
      ;;
  esac
}

download() {
  local had
  had=$(size_of "$part")
  if ((had > archive_bytes)); then
    note "$part is longer than the archive, starting over"
    rm -f -- "$part"
    had=0
  fi
  ((had < archive_bytes)) || return 0
  need curl
  note "downloading $url ($had of $archive_bytes bytes are here)"
  transfer
  if ((had > 0)) && resume_refused; then
    note "the server does not continue a download, starting over"
    rm -f -- "$part"
    transfer
  fi
  check_transfer
}

# Sets archive to a file which is known to be the right one.
get_archive() {
  local fault
  if exists "$kept_archive"; then
    fault=$(archive_fault "$kept_archive")
    if [[ -z $fault ]]; then
      note "using $kept_archive"
      archive=$kept_archive
      return
    fi
    note "$kept_archive is not the right archive: $fault"
    set_aside "$kept_archive" wrong
  fi
  archive=$part
  download
  fault=$(archive_fault "$part")
  [[ -z $fault ]] || reject "$fault"
}

# A wrong download goes away, so that the next run starts clean; a file which the user put there stays.
reject() {
  if [[ $archive == "$part" ]]; then rm -f -- "$part"; fi
  die $exit_failed "wrong archive $archive (from $url): $*"
}

# $1 is the archive's listing. Of a member's name only what we unpack matters; a link under such a
# name could make a later write or read go elsewhere.
check_member() {
  local member=$folder/$2 found=no mode name
  while read -r mode _ _ _ _ name; do
    case $name in
      "$member") [[ $mode == -* ]] && found=yes && continue ;;
      "$member "* | "$member/"*) ;;
      *) continue ;;
    esac
    reject "$member is not a regular file in it"
  done <<<"$1"
  [[ $found == yes ]] || reject "$member is not in it"
}

unpack() {
  local listing file message fault
  listing=$(tar --numeric-owner -tvz <"$archive" 2>/dev/null) || reject "tar cannot read it"
  for file in "${files[@]}"; do check_member "$listing" "$file"; done
  # A failure here is one of this machine (a full disk), not of the archive, which therefore stays.
  message=$(tar -xz --no-same-owner --no-same-permissions -C "$tmp" -- \
    "${files[@]/#/$folder/}" <"$archive" 2>&1) || {
    message=${message%%$'\n'*}
    die $exit_failed "cannot unpack $archive into $tmp: ${message:-tar was stopped}"
  }
  fault=$(folder_fault "$tmp/$folder")
  [[ -z $fault ]] || reject "$fault"
  sync -- "$tmp/$folder"/* "$tmp/$folder" 2>/dev/null || die $exit_failed "cannot write $tmp/$folder to the disk"
}

put_in_place() {
  # Between the two renames there is no data set under the name: nothing may stop us there.
  trap '' HUP INT TERM
  # rmdir succeeds for an empty folder only, which nobody misses.
  if exists "$target" && ! rmdir -- "$target" 2>/dev/null; then
    note "$target is incomplete: $(folder_fault "$target")"
    set_aside "$target" incomplete
  fi
  mv -T -- "$tmp/$folder" "$target" 2>/dev/null || die $exit_failed "cannot rename $tmp/$folder to $target"
  sync -- "$dir" 2>/dev/null || note "$dir could not be synced to the disk"
}

put_archive_away() {
  [[ $archive == "$part" ]] || return 0
  if [[ $keep_archive == yes ]]; then
    mv -T -- "$part" "$kept_archive" 2>/dev/null || die $exit_failed "cannot rename $part to $kept_archive"
  else
    rm -f -- "$part"
  fi
}

main() {
  parse_arguments "$@"
  check_environment
  target=${dir%/}/$folder
  tmp=${dir%/}/.get_cifar10.tmp
  kept_archive=${dir%/}/cifar-10-binary.tar.gz
  part=$kept_archive.part

  print_and_exit_if_complete
  need tar gzip sha256sum flock
  open_dir
  lock_dir
  # Another run may have done the work while we waited for the lock.
  print_and_exit_if_complete
  make_tmp
  get_archive
  unpack
  put_in_place
  put_archive_away
  printf '%s\n' "$target"
}

main "$@"
