#!/usr/bin/env bash
# Installs what building and running sibp_dist needs and this system lacks (Debian and Ubuntu packages).
#
# Usage: launch/install.sh [tests|report|cluster]
#
#   tests     also what the tests need, the reports' among them, and trackers, Optuna, onnxruntime and clang-tidy by pip in
#             build/python
#   report    also what the reports of experiments are drawn with
#   cluster   only what the tests on emulated hosts need besides, Slurm and an ssh server: for containers and machines of
#             tests, as the packages start their services
#
# Uses sudo when not root. On systems without apt-get it names what is missing and fails.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

packages=(
  g++ cmake ninja-build openmpi-bin libopenmpi-dev libeigen3-dev libboost-dev libboost-program-options-dev
  libopenblas-dev liblapacke-dev libhwloc-dev libdnnl-dev ocl-icd-opencl-dev libfmt-dev libspdlog-dev nlohmann-json3-dev zlib1g-dev libzip-dev libssl-dev libxxhash-dev dataset-fashion-mnist
  python3 curl ca-certificates
)
report_packages=(python3-matplotlib python3-jinja2)
test_packages=(python3-numpy python3-pil libhdf5-dev python3-h5py libgtest-dev libgmock-dev libbenchmark-dev clang-format patchelf zstd python3-venv "${report_packages[@]}")
# Where there is no such package, the test that wants it says so. (Ubuntu's chromium only fetches a snap.)
optional_test_packages=(chromium valgrind valgrind-mpi zsh fish python3-dev dpkg-dev file man-db)
# Where there is no such package, the program is built without what needs it: export to ONNX, TOML.
optional_packages=(libonnx-dev libprotobuf-dev libtomlplusplus-dev)
# From PyPI, as Debian lacks most of them. clang-tidy, of one version, as each adds checks, is a quarter of Debian's work:
# it looks for nothing in the headers of the system.
python_packages=(tensorboard mlflow-skinny wandb prometheus-client optuna onnxruntime clang-tidy==23.1.4)
cluster_packages=(slurm-wlm openssh-server openssh-client iproute2)
# What stands for the packages on systems without dpkg: programs and headers that a compiler would find.
programs=(g++ cmake ninja mpirun python3)
headers=(
  mpi.h Eigen/Core boost/program_options.hpp cblas.h fmt/format.h spdlog/spdlog.h nlohmann/json.hpp zlib.h zip.h
  openssl/evp.h xxhash.h lapacke.h hwloc.h
)
test_programs=(clang-format)
test_headers=(gtest/gtest.h gmock/gmock.h benchmark/benchmark.h)
python_modules=()
report_modules=(matplotlib jinja2)

is_installed() {
  [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

install_with_apt() {
  local missing=() package run_as_root=()
  for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  if [[ ${#missing[@]} -eq 0 ]]; then
    say "nothing to install: all ${#packages[@]} packages are there"
    return
  fi
  say "installing ${missing[*]}"
  if [[ $(id -u) -ne 0 ]]; then
    command -v sudo >/dev/null || fail "not root and no sudo; as root run: apt-get install ${missing[*]}"
    run_as_root=(sudo)
  fi
  "${run_as_root[@]}" apt-get update </dev/null
  "${run_as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}" \
    </dev/null
}

# Adds to the packages those of optional_packages that this system offers, Ubuntu's placeholders for snaps left out.
add_optional_packages() {
  local package description
  command -v apt-cache >/dev/null || return 0
  for package in "${optional_packages[@]}"; do
    description=$(apt-cache show "$package" 2>/dev/null) || continue
    if [[ $description == *Version:* && $description != *snap* ]]; then
      packages+=("$package")
    fi
  done
}

has_header() {
  local compiler=g++
  command -v mpicxx >/dev/null && compiler=mpicxx
  printf '#include <%s>\n' "$1" | "$compiler" -std=c++20 -I/usr/include/eigen3 -x c++ -fsyntax-only - 2>/dev/null
}

name_what_is_missing() {
  local missing=() name
  for name in "${programs[@]}"; do
    command -v "$name" >/dev/null || missing+=("the program $name")
  done
  for name in "${headers[@]}"; do
    has_header "$name" || missing+=("the header <$name>")
  done
  for name in ${python_modules[@]+"${python_modules[@]}"}; do
    python3 -c "import $name" 2>/dev/null || missing+=("the Python module $name")
  done
  if [[ ${#missing[@]} -eq 0 ]]; then
    say "nothing to install; Fashion-MNIST, if it is not there, is github.com/zalandoresearch/fashion-mnist (--data-dir)"
    return
  fi
  printf 'missing: %s\n' "${missing[@]}" >&2
  fail "this script installs Debian and Ubuntu packages only; please install these by your system's own means"
}

# Into build/python, which sees the system's packages too. Their tests are skipped where that fails.
install_python_packages() {
  local python=$project_dir/build/python/bin/python3 system=/usr/bin/python3
  "$python" -m pip show --quiet "${python_packages[@]%%==*}" 2>/dev/null && return
  say "installing ${python_packages[*]} in build/python"
  [[ -x $system ]] || system=python3
  "$system" -m venv --system-site-packages "$project_dir/build/python" </dev/null &&
    "$python" -m pip install --quiet --disable-pip-version-check "${python_packages[@]}" </dev/null ||
    say "not installed; the tests of trackers, sweeps and exported models, and clang-tidy, will be skipped"
}

case ${1-} in
  --help | -h)
    print_help
    exit 0
    ;;
  tests)
    packages+=("${test_packages[@]}")
    programs+=("${test_programs[@]}")
    headers+=("${test_headers[@]}")
    python_modules+=("${report_modules[@]}")
    optional_packages+=("${optional_test_packages[@]}")
    add_optional_packages
    ;;
  cluster)
    packages=("${cluster_packages[@]}")
    programs=(slurmctld sshd ip)
    headers=()
    ;;
  report)
    packages+=("${report_packages[@]}")
    python_modules+=("${report_modules[@]}")
    ;;
  '') add_optional_packages ;;
  *) fail "unknown argument '$1'; see --help" ;;
esac

if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
  install_with_apt
else
  name_what_is_missing
fi
if [[ ${1-} == tests ]]; then
  install_python_packages
fi
