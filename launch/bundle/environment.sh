# shellcheck shell=sh disable=SC2154  # bundle: set by who sources this
# What the programs of a bundle need in their environment: sourced by every script in bin/, with `bundle` set. POSIX shell
# alone: no other program need be there.

# Open MPI and PMIx were built for other folders. mpirun starts its daemons on other hosts as OPAL_PREFIX/bin/orted.
place_open_mpi() {
  export OPAL_PREFIX="$bundle" OPAL_BINDIR="$bundle/bin" OPAL_LIBDIR="$bundle/lib" OPAL_PKGLIBDIR="$bundle/lib/openmpi"
  export OPAL_DATADIR="$bundle/share" OPAL_PKGDATADIR="$bundle/share/openmpi" OPAL_SYSCONFDIR="$bundle/etc"
  export PMIX_INSTALL_PREFIX="$bundle" PMIX_LIBDIR="$bundle/lib" PMIX_PKGLIBDIR="$bundle/lib/pmix"
  export PMIX_DATADIR="$bundle/share" PMIX_PKGDATADIR="$bundle/share/pmix" PMIX_SYSCONFDIR="$bundle/etc"
  # PMIx crashes where neither HOME nor the list of users says where the home of this one is.
  export HOME="${HOME:-/}"
  # mpirun refuses to start even ranks of its own host where it finds no ssh.
  if ! command -v ssh >/dev/null 2>&1 && ! command -v rsh >/dev/null 2>&1; then
    export OMPI_MCA_plm="${OMPI_MCA_plm-^rsh}"
  fi
}

# The functions list_… add folders in which CUDA's libraries may lie to `candidates`. Lists are separated by colons.

# Where the system's loader looks.
list_loader_folders() {
  candidates=${LD_LIBRARY_PATH-}:/lib64:/usr/lib64:/lib:/usr/lib:/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu
  for file in /etc/ld.so.conf.d/*.conf; do
    [ -r "$file" ] || continue
    while read -r line || [ -n "$line" ]; do
      case $line in
        /*) candidates=$candidates:$line ;;
      esac
    done <"$file"
  done
}

# Toolkits: by variables that modules set, by nvcc's folder on the path, and where they are installed as a rule.
list_toolkits() {
  for toolkit in "${CUDA_HOME-}" "${CUDA_PATH-}" "${CUDA_ROOT-}" $parents \
    /usr/local/cuda /usr/local/cuda-[0-9]* /opt/cuda; do
    candidates=$candidates:$toolkit/lib64:$toolkit/lib:$toolkit/targets/x86_64-linux/lib
  done
}

# Python's nvidia-* packages, in environments and systems that can be seen without starting Python.
list_python_packages() {
  for parent in "${VIRTUAL_ENV-}" "${CONDA_PREFIX-}" $parents "${HOME-}/.local" /usr /usr/local; do
    for packages in "$parent"/lib*/python3*/site-packages "$parent"/lib*/python3*/dist-packages; do
      list_nvidia_packages "$packages"
    done
  done
}

# The same of the Python on the path, wherever it says its packages are.
list_packages_by_python() {
  command -v python3 >/dev/null 2>&1 || return 0
  for packages in $(python3 -c 'import sys; print(":".join(sys.path))' 2>/dev/null); do
    list_nvidia_packages "$packages"
  done
}

# list_nvidia_packages FOLDER: those in a folder of Python packages.
list_nvidia_packages() {
  for folder in "$1"/nvidia/*/lib; do
    if [ -d "$folder" ]; then candidates=$candidates:$folder; fi
  done
}

# Looks in the candidates for each library that is missing. Its home, the first folder that has it, joins `found`;
# `missing` is left with the libraries that none has.
look_in_candidates() {
  wanted=$missing
  missing=
  for library in $wanted; do
    home=
    for folder in $candidates; do
      [ ! -e "$folder/$library" ] || home=${home:-$folder}
    done
    case :$found: in
      *:"${home:-?}":*) ;;
      *) found=$found${home:+${found:+:}$home} ;;
    esac
    [ -n "$home" ] || missing=${missing:+$missing:}$library
  done
}

# read_list FILE: the libraries that the file names, a line each, into `missing`.
read_list() {
  missing=
  [ -r "$1" ] || return 0
  while read -r library; do missing=${missing:+$missing:}$library; done <"$1"
}

# Looks for the libraries in `missing` where the loader does, which finds those by itself, and then in folders that join
# `found`.
look_everywhere() {
  folders=$found
  list_loader_folders
  look_in_candidates
  found=$folders
  for list in list_toolkits list_python_packages list_packages_by_python; do
    [ -n "$missing" ] || break
    candidates=
    "$list"
    look_in_candidates
  done
}

# Whether this machine has all of CUDA's libraries that the file libexec/cuda/needs names. Those that the loader would not
# find by itself get their folders into LD_LIBRARY_PATH, and so do those of libexec/cuda/opens, which may be missing.
find_cuda() {
  IFS=:
  parents=
  for folder in $PATH; do parents=${parents:+$parents:}${folder%/*}; done
  found=
  read_list "$bundle/libexec/cuda/needs"
  look_everywhere
  if [ -z "$missing" ]; then
    read_list "$bundle/libexec/cuda/opens"
    look_everywhere
    missing=
  fi
  unset IFS
  [ -z "$missing" ] || return 1
  if [ -n "$found" ]; then export LD_LIBRARY_PATH="$found${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"; fi
}

# say_what_is_missing NAME [argument …]: where there is a GPU, or one is asked for, it would be a surprise that it is not used.
# One rank says so for all.
say_what_is_missing() {
  [ "${OMPI_COMM_WORLD_RANK:-${PMIX_RANK:-0}}" = 0 ] || return 0
  case "$* " in
    *device?cuda\ *) ;;
    *) [ -e /dev/nvidiactl ] || return 0 ;;
  esac
  echo "$1: CUDA's libraries $missing were not found, so no GPU is used; load CUDA's module, or name the toolkit by" \
    "CUDA_HOME or the libraries' folder by LD_LIBRARY_PATH" >&2
}
