#!/usr/bin/env bash
# Packs sibp_dist for machines without packages, network or root, such as the nodes of a cluster: a folder that runs where
# it is put, and DIR.tar.zst of it.
#
# Usage: launch/bundle.sh DIR [option …]
#
#   --arch LIST        compute capabilities of the GPUs, such as 90 or '80;90' (default: all that the toolkit knows)
#   --build-dir DIR    pack the programs built there (target bundle_programs) rather than building them
#   --data DIR         folder of Fashion-MNIST's files (default: where Debian's package puts them)
#   --no-archive       the folder alone
#
# The folder holds the programs, GPU tests and benchmarks in bin/, every library they need but CUDA's and the C library,
# Open MPI with mpirun, the scripts of launch/, and Fashion-MNIST. It runs on machines whose C library is as new as this
# one's. bin/sibp_dist looks for CUDA's libraries itself: those that the system or a module has, or Python's nvidia-*
# packages; where there are none, it starts a program without GPU support. README.txt in the folder says how it is used.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

bundle=
build_dir=
architectures=
data_dir=/usr/share/datasets/fashion-mnist
with_archive=true
cuda_libraries='^lib(cuda|cudart|cublas|cublasLt|cusolver|cusparse|cudnn[a-z_]*|nccl|nvJitLink|nvrtc|nvidia-.*)\.so'
c_library='^(ld-linux.*|linux-vdso|lib(c|m|mvec|pthread|dl|rt|util|resolv|anl|nsl))\.so'
# Of launch/; the others build, install or test.
scripts=(benchmark experiment gpu_check supervisor tracking
  {benchmark,common,experiment,fetch_data,gpu_check,plan,report,run,slurm,sweep,train}.sh datasets.txt {scaling,sibp,sibp_gpu}.sbatch)

read_arguments() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --help | -h)
        print_help
        exit 0
        ;;
      --no-archive) with_archive=false ;;
      --arch | --build-dir | --data)
        [[ $# -ge 2 ]] || fail "$1: found no value; see --help"
        case $1 in
          --arch) architectures=$2 ;;
          --build-dir) build_dir=$2 ;;
          --data) data_dir=$2 ;;
        esac
        shift
        ;;
      -*) fail "unknown option '$1'; see --help" ;;
      *)
        [[ -z $bundle ]] || fail "found '$1' after '$bundle', expected one folder; see --help"
        bundle=${1%/}
        ;;
    esac
    shift
  done
  [[ -n $bundle ]] || fail "found no folder; see --help"
  [[ ! -e $bundle ]] || fail "$bundle is there already; name a new folder or remove it"
  [[ -z $architectures || -z $build_dir ]] || fail "--arch does not go with --build-dir: those programs are built already"
}

# What is missing is said before anything is written.
check_needs() {
  local tool file
  for tool in ldd patchelf mpirun ompi_info; do
    command -v "$tool" >/dev/null || fail "the program $tool is missing; launch/install.sh tests installs it"
  done
  [[ $with_archive == false ]] || command -v zstd >/dev/null ||
    fail "the program zstd is missing; launch/install.sh tests installs it, or leave out the archive by --no-archive"
  [[ $(mpirun --version) == *'Open MPI) 4.'* ]] ||
    fail "found $(mpirun --version | head -n 1), expected Open MPI 4, whose parts this script knows"
  [[ -f $build_dir/bundle_programs.txt ]] ||
    fail "$build_dir/bundle_programs.txt is not there; --build-dir names a folder configured by CMake with -DSIBP_TESTS=ON"
  while read -r _ _ file; do
    [[ -x $file ]] || fail "$file is not there; build it: cmake --build $build_dir --target bundle_programs"
  done <"$build_dir/bundle_programs.txt"
  [[ -f $data_dir/train-images-idx3-ubyte || -f $data_dir/train-images-idx3-ubyte.gz ]] ||
    fail "$data_dir has no Fashion-MNIST; --data names a folder with its files"
}

build_programs() {
  "$project_dir/launch/install.sh" tests
  build_dir=$project_dir/build/bundle
  say "building the programs in build/bundle"
  (
    cd "$project_dir" &&
      cmake --preset release -B "$build_dir" -DSIBP_TESTS=ON \
        ${architectures:+-DSIBP_GPU=on "-DCMAKE_CUDA_ARCHITECTURES=$architectures"} </dev/null &&
      cmake --build "$build_dir" --target bundle_programs --parallel "$(core_count)" </dev/null
  )
}

# place_program FOLDER NAME FILE: in libexec/FOLDER, with the script in bin/ that starts it.
place_program() {
  mkdir -p "$bundle/libexec/$1" "$bundle/bin"
  install -m 755 "$3" "$bundle/libexec/$1/$2"
  install -m 755 "$project_dir/launch/bundle/start.sh" "$bundle/bin/$2"
}

place_programs() {
  local folder name file
  while read -r folder name file; do
    place_program "$folder" "$name" "$file"
  done <"$build_dir/bundle_programs.txt"
  place_program mpi mpirun "$(command -v mpirun)"
  place_program mpi orted "$(command -v orted)"
  install -m 644 "$project_dir/launch/bundle/environment.sh" "$bundle/libexec"
}

open_mpi_folder() {
  ompi_info --path "$1" --parsable | sed -n "s/^path:$1://p" | head -n 1
}

# Components are loaded by Open MPI, PMIx and UCX when they run, so no program names them.
place_components() {
  local pmix ucx
  mkdir -p "$bundle"/{etc,share} "$bundle/lib/openmpi"
  cp -L "$(open_mpi_folder pkglibdir)"/*.so "$bundle/lib/openmpi"
  cp -LR "$(open_mpi_folder pkgdatadir)" "$bundle/share/openmpi"
  cp -L "$(open_mpi_folder sysconfdir)/openmpi-mca-params.conf" "$bundle/etc"
  pmix=$(library_file libpmix.so "$bundle"/lib/openmpi/*.so)
  if [[ -d ${pmix%/*}/pmix ]]; then cp -LR "${pmix%/*}/pmix" "$bundle/lib/pmix"; fi
  if [[ -d ${pmix%/*}/../share/pmix ]]; then cp -LR "${pmix%/*}/../share/pmix" "$bundle/share/pmix"; fi
  ucx=$(library_file libucs.so "$bundle"/lib/openmpi/*.so)
  if [[ -d ${ucx%/*}/ucx ]]; then cp -LR "${ucx%/*}/ucx" "$bundle/lib/ucx"; fi
}

# library_file NAME FILE…: the library that the files need whose name begins so; nothing if there is none.
library_file() {
  local name=$1 found
  shift
  found=$(ldd "$@" 2>/dev/null | awk -v name="$name" 'index($1, name) == 1 && $2 == "=>" { print $3; exit }')
  [[ -z $found ]] || readlink -f "$found"
}

elf_files() {
  find "$bundle/libexec" "$bundle/lib" -type f \( -perm -100 -o -name '*.so*' \) | sort
}

# Copies what the programs and components need, and has each file look for it in the bundle before anything else: a
# module's LD_LIBRARY_PATH must not mix another Open MPI in, nor must the bundle's libraries get into ssh or srun.
place_libraries() {
  local name file lacking=()
  while read -r name file; do
    [[ $name =~ $cuda_libraries || $name =~ $c_library ]] && continue
    if [[ $file == /* ]]; then install -m 644 "$file" "$bundle/lib/$name"; else lacking+=("$name"); fi
  done < <(elf_files | xargs ldd | awk '$2 == "=>" { print $1, $3 }' | sort -u)
  [[ ${#lacking[@]} -eq 0 ]] || fail "these libraries are missing on this machine: ${lacking[*]}"
  elf_files | while read -r file; do
    patchelf --force-rpath --set-rpath "\$ORIGIN/$(realpath --relative-to="$(dirname "$file")" "$bundle/lib")" "$file"
  done
}

# The lists of CUDA's libraries that bin/ looks for: those that programs need to start, and those that they open if they are
# there, which they name themselves.
list_cuda_libraries() {
  [[ -d $bundle/libexec/cuda ]] || return 0
  find "$bundle/libexec/cuda" -type f -perm -100 -exec grep -aoh 'libcudnn\.so\.[0-9]*' {} + | sort -u \
    >"$bundle/libexec/cuda/opens" || true
  find "$bundle/libexec/cuda" -type f -perm -100 -exec patchelf --print-needed {} \; | grep -E "$cuda_libraries" | sort -u \
    >"$bundle/libexec/cuda/needs"
}

place_scripts_and_data() {
  local script
  mkdir -p "$bundle/launch" "$bundle/data/fashion-mnist"
  for script in "${scripts[@]}"; do
    cp -R "$project_dir/launch/$script" "$bundle/launch"
  done
  find "$bundle/launch" -name __pycache__ -prune -exec rm -r {} +
  cp -L "$data_dir"/{train,t10k}-*-ubyte* "$bundle/data/fashion-mnist"
  find "$bundle/data" -name '*.gz' -exec gzip -d {} +  # the archive packs them smaller
  install -m 644 "$project_dir/LICENSE" "$project_dir/launch/bundle/README.txt" "$bundle"
}

read_arguments "$@"
[[ -n $build_dir ]] || build_programs
check_needs
say "packing into $bundle"
# What is cut short is not under the name of a whole bundle.
target=$bundle
bundle=$target.part
rm -rf "$bundle"
mkdir -p "$bundle"
place_programs
place_components
place_libraries
list_cuda_libraries
place_scripts_and_data
mv "$bundle" "$target"
if [[ $with_archive == true ]]; then
  archive=$target.tar.zst
  tar -C "$(dirname "$target")" --sort=name --owner=0 --group=0 --numeric-owner -cf - "$(basename "$target")" |
    zstd -q -f -19 --long=27 -T0 -o "$archive.part"
  mv "$archive.part" "$archive"
  say "$archive: $(($(stat -c %s "$archive") / 1000000)) MB; unpack it by tar or by cmake -E tar xf"
fi
