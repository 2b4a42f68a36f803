#!/usr/bin/env bash
# Fetches the files of a data set into a folder and checks their SHA-256. (Training itself never fetches anything.)
#
# Usage: launch/fetch_data.sh cifar10|cifar100|mnist|fashion-mnist DIR [option …]
#
#   --mirror URL       folder on the web that has the files, in place of the known ones
#   --checksums FILE   table of files in place of launch/datasets.txt
#   --tries N          so often each address is tried (4)
#
# Files that are there and right are kept, a transfer that was cut goes on where it stopped, and many jobs may call this
# for one folder at once: the first fetches, the others wait. A file appears under its name only when it is whole; one that
# is wrong is put aside as NAME.bad. Needs curl or wget.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

table=$project_dir/launch/datasets.txt
mirror=
tries=4
dataset=
folder=

read_arguments() {
  local words=()
  while [[ $# -gt 0 ]]; do
    case $1 in
      --help | -h)
        print_help
        exit 0
        ;;
      --mirror | --checksums | --tries)
        [[ $# -ge 2 ]] || fail "$1: found no value; see --help"
        case $1 in
          --mirror) mirror=${2%/} ;;
          --checksums) table=$2 ;;
          --tries) tries=$2 ;;
        esac
        shift
        ;;
      -*) fail "unknown option '$1'; see --help" ;;
      *) words+=("$1") ;;
    esac
    shift
  done
  [[ ${#words[@]} -eq 2 ]] || fail "found ${#words[@]} words, expected a data set and a folder; see --help"
  dataset=${words[0]}
  folder=${words[1]}
  [[ $tries =~ ^[1-9][0-9]?$ ]] || fail "--tries: found '$tries', expected a number from 1 to 99"
  [[ -r $table ]] || fail "cannot read the table of files $table"
}

need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || fail "the program $program is missing; please install it"
  done
}

sum_of() {
  local line
  line=$(sha256sum <"$1")
  printf '%s\n' "${line%% *}"
}

size_of() {
  if [[ -f $1 ]]; then stat -c %s "$1"; else printf '0\n'; fi
}

# One transfer of an address to a file of at most so many bytes, going on at its end. The lock is not passed on: it must
# not outlive this script.
transfer() (
  ulimit -f $(($3 / 1024 + 1))
  if command -v curl >/dev/null; then
    curl --fail --location --silent --show-error --connect-timeout 30 --speed-limit 1 --speed-time 60 \
      --continue-at - --output "$2" "$1" {lock}>&- </dev/null
  else
    wget --no-verbose --tries=1 --timeout=60 --continue --output-document="$2" "$1" {lock}>&- </dev/null
  fi
)

# download ADDRESS PARTIAL BYTES: tries to complete PARTIAL.
download() {
  local address=$1 partial=$2 bytes=$3 try before
  for ((try = 1; try <= tries; try++)); do
    before=$(size_of "$partial")
    if [[ $before -gt 0 ]]; then say "$address: going on after $before of $bytes bytes"; else say "$address"; fi
    if transfer "$address" "$partial" "$bytes"; then return; fi
    if [[ $(size_of "$partial") -gt $bytes ]]; then
      say "$address sends more than the $bytes bytes of the file that is wanted"
      rm -f "$partial"
      return 1
    fi
    if [[ $before -gt 0 && $(size_of "$partial") -eq $before ]]; then
      rm -f "$partial" # a server that cannot go on in the middle
    fi
    [[ $try -eq $tries ]] || sleep "$try"
  done
  return 1
}

# take PARTIAL NAME SUM BYTES: gives the file its name if it is right, and puts it aside otherwise. Another file of that
# name stays until then: it may be good to train with.
take() {
  local partial=$1 name=$2 sum=$3 bytes=$4 found
  found=$(sum_of "$partial")
  if [[ $found == "$sum" ]]; then
    [[ ! -f $folder/$name ]] || mv -f "$folder/$name" "$folder/$name.bad"
    mv -f "$partial" "$folder/$name"
    return
  fi
  printf '%s: %s has SHA-256 %s in %d bytes, expected %s in %d; it is kept as %s\n' "$(basename "$0")" "$name" "$found" \
    "$(size_of "$partial")" "$sum" "$bytes" "$folder/$name.bad" >&2
  mv -f "$partial" "$folder/$name.bad"
  return 1
}

# fetch SUM BYTES NAME FOLDER-ADDRESS…
fetch() {
  local sum=$1 bytes=$2 name=$3 address was_there
  shift 3
  local partial=$folder/$name.partial
  if [[ -f $folder/$name ]]; then
    if [[ $(sum_of "$folder/$name") == "$sum" ]]; then return; fi
    say "$folder/$name is not the file that is wanted; once that is here, it is kept as $name.bad"
  fi
  for address in "$@"; do
    was_there=$(size_of "$partial")
    if [[ $was_there -ge $bytes ]] || download "$address/$name" "$partial" "$bytes"; then
      if take "$partial" "$name" "$sum" "$bytes"; then return; fi
      # What was there before may have come from elsewhere: once more from the beginning.
      if [[ $was_there -gt 0 ]] && download "$address/$name" "$partial" "$bytes"; then
        if take "$partial" "$name" "$sum" "$bytes"; then return; fi
      fi
    fi
  done
  fail "could not get $name from $*; give another address with --mirror, or put the file into $folder yourself"
}

# What is taken out of the archive of a data set; nothing of one that comes in files.
archived_files() {
  case $1 in
    cifar10) printf '%s\n' data_batch_{1..5}.bin test_batch.bin ;;
    cifar100) printf '%s\n' {train,test}.bin ;;
  esac
}

is_unpacked() {
  [[ ${#archived[@]} -gt 0 ]] && (cd "$folder" && sha256sum --check --status "$unpacked_sums" 2>/dev/null)
}

unpack() {
  local archive=$folder/$1 temporary=$folder/.unpacking
  say "unpacking $archive"
  rm -rf "$temporary"
  mkdir "$temporary"
  tar -xzf "$archive" -C "$temporary" --strip-components=1 || fail "cannot unpack $archive"
  (cd "$temporary" && sha256sum "${archived[@]}" >"$unpacked_sums") || fail "$archive lacks files of $dataset"
  mv -f "${archived[@]/#/$temporary/}" "$folder"
  mv -f "$temporary/$unpacked_sums" "$folder"
  rm -rf "$temporary" "$archive"
}

# fetch_all ROW…: the files of these rows of the table.
fetch_all() {
  local row sum bytes name addresses
  for row in "$@"; do
    read -r _ sum bytes name addresses <<<"$row"
    # shellcheck disable=SC2086  # addresses are words
    fetch "$sum" "$bytes" "$name" ${mirror:-$addresses}
    [[ ${#archived[@]} -eq 0 ]] || unpack "$name"
  done
}

read_arguments "$@"
mapfile -t rows < <(awk -v dataset="$dataset" '$1 == dataset' "$table")
[[ ${#rows[@]} -gt 0 ]] || fail "unknown data set '$dataset', expected cifar10, cifar100, mnist or fashion-mnist"
need awk flock sha256sum stat tar
command -v curl >/dev/null || command -v wget >/dev/null || fail "neither curl nor wget is there; please install one"
mkdir -p "$folder" || fail "cannot make the folder $folder"
exec {lock}>>"$folder/.fetch_data.lock" || fail "cannot write in $folder"
if ! flock --nonblock "$lock"; then
  say "another fetch into $folder is under way; waiting for it"
  flock "$lock" || fail "cannot lock $folder/.fetch_data.lock"
fi
mapfile -t archived < <(archived_files "$dataset")
# The sums of the files that were unpacked stand in this file, so that a later call can tell that they are right.
unpacked_sums=$dataset.sha256
if ! is_unpacked; then
  fetch_all "${rows[@]}"
fi
say "$folder holds $dataset: sibp_dist --dataset $dataset --data-dir $folder"
