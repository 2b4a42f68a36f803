#!/bin/sh
# Starts the program of this script's name that lies in libexec/ of the bundle. Needs a POSIX shell, and no other program
# unless it is called by a symbolic link.
script=$0
case $script in
  */*) ;;
  *) script=$(command -v -- "$script") ;;
esac
name=${script##*/}
if [ -L "$script" ]; then
  script=$(readlink -f -- "$script") && name=${script##*/}
fi
bundle=$(CDPATH='' cd -- "${script%/*}/.." && pwd -P) || exit 1
. "$bundle/libexec/environment.sh"
place_open_mpi
if [ -x "$bundle/libexec/mpi/$name" ]; then
  exec "$bundle/libexec/mpi/$name" "$@"
fi
if [ -x "$bundle/libexec/cuda/$name" ]; then
  if find_cuda; then
    exec "$bundle/libexec/cuda/$name" "$@"
  fi
  say_what_is_missing "$name" "$@"
fi
exec "$bundle/libexec/cpu/$name" "$@"
