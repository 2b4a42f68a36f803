# shellcheck shell=bash
# Functions shared by the scripts of this folder. To be sourced.

project_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Whether these scripts lie in a bundle (launch/bundle.sh): its programs and mpirun are in bin/, and nothing is installed
# or built there.
is_bundle() {
  [[ -f $project_dir/libexec/environment.sh ]]
}

if is_bundle; then
  export PATH=$project_dir/bin:$PATH
fi

say() {
  printf '== %s\n' "$*"
}

fail() {
  printf '%s: error: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# The comment block at the top of the running script, as its help.
print_help() {
  awk 'NR > 1 && /^#/ { sub(/^# ?/, ""); print; next } NR > 1 { exit }' "$0"
}

# Cores this process may run on. nproc honours affinity, but OMP_NUM_THREADS too, which says nothing about cores.
core_count() {
  env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc
}

# Open MPI refuses to start for root, as in most containers, unless told twice.
allow_mpi_as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
}

# OpenBLAS chooses its kernels by the names of processors that were on the market when it was released, and falls back to
# AVX2 on newer ones, which halves the speed where there is AVX-512. Says so by the processor's abilities instead.
choose_blas_kernels() {
  if grep -qs -m1 -w avx512vl /proc/cpuinfo; then
    export OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-SkylakeX}
  fi
}

# The program where none is named by PROGRAM: the bundle's, that of the prefix where `cmake --install` put these scripts, in
# share/sibp_dist/launch, or the project's.
default_program() {
  if is_bundle; then
    printf '%s\n' "$project_dir/bin/sibp_dist"
  elif [[ -x $project_dir/../../bin/sibp_dist ]]; then
    realpath "$project_dir/../../bin/sibp_dist"
  else
    printf '%s\n' "$project_dir/build/release/sibp_dist"
  fi
}

# prepare_program [argument of install.sh]: installs what is missing and builds the program, but in a bundle.
prepare_program() {
  is_bundle && return
  "$project_dir/launch/install.sh" "$@"
  build_preset release
}

# build_preset NAME [-DOPTION=VALUE …]: configures and builds a preset of CMakePresets.json in build/NAME.
build_preset() {
  say "configuring and building the preset '$1' in build/$1"
  (
    cd "$project_dir" &&
      cmake --preset "$@" </dev/null &&
      cmake --build --preset "$1" --parallel "$(core_count)" </dev/null
  )
}

# python_with MODULES [argument …]: runs a Python that has these modules. Debian's packages belong to Debian's own Python,
# which need not be the first one on the path.
python_with() {
  local modules=$1 candidate
  shift
  for candidate in python3 /usr/bin/python3 "$project_dir/build/python/bin/python3"; do
    if "$candidate" -c "import $modules" 2>/dev/null; then
      PYTHONPATH="$project_dir/launch${PYTHONPATH:+:$PYTHONPATH}" "$candidate" -B "$@"
      return
    fi
  done
  fail "no python3 with $modules; launch/install.sh tests, or python3 -m pip install, installs them"
}

# Runs a Python that has what the reports are drawn with.
experiment_python() {
  python_with jinja2,matplotlib "$@"
}

# Prints the first Python that has matplotlib, and python3 if there is none.
python_for_plots() {
  local candidate
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import matplotlib' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  printf 'python3\n'
}

# supervise [option of the supervisor …] -- [option of sibp_dist …]: becomes the supervisor of a run.
supervise() {
  command -v python3 >/dev/null || fail "no python3, which the supervisor needs (3.9 or newer)"
  PYTHONPATH="$project_dir/launch${PYTHONPATH:+:$PYTHONPATH}" exec python3 -B -m supervisor \
    --program "${PROGRAM:-$(default_program)}" "$@" </dev/null
}

# is_given NAME [word …]: whether the user chose the program's option --NAME, in these words or in the environment.
is_given() {
  local name=$1 argument variable
  shift
  for argument in "$@"; do
    [[ $argument == "--$name" || $argument == "--$name="* ]] && return 0
  done
  variable=${name//-/_}
  variable=SIBP_${variable^^}
  [[ -n ${!variable-} ]]
}
