#!/usr/bin/env bash
# setup.sh - installs what building, testing and the demonstration need on Debian 12, and is missing: packages with apt,
# and ptxas and fatbinary from PyPI into .venv where there is no CUDA toolkit. Does nothing where nothing is missing.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail
cd "$(dirname "$0")/.."

# docs/Dependencies.md says what each is for.
packages=(
  git ca-certificates
  cmake ninja-build ccache clang-22 lld-22
  libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools libomp-22-dev
  libzstd-dev zlib1g-dev libedit-dev libcurl4-openssl-dev
  nlohmann-json3-dev libgtest-dev
  python3 python3-venv python3-numpy python3-pytest python3-pytest-xdist
  dataset-fashion-mnist
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "setup.sh: expected Debian 12 with apt-get; install what corresponds to: ${missing[*]}" >&2
    exit 1
  fi
  sudo=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "setup.sh: run as root, or install sudo, to install: ${missing[*]}" >&2; exit 1; }
    sudo=(sudo)
  fi
  echo "== Installing ${missing[*]}"
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
fi

# ptxas and fatbinary, as the compiler looks for them (docs/Dependencies.md).
cuda=${CUDA_HOME:-${CUDA_PATH:-/usr/local/cuda}}
have() { command -v "$1" >/dev/null || [ -x "$cuda/bin/$1" ] || compgen -G ".venv/lib/python3*/site-packages/nvidia/*/bin/$1" >/dev/null; }
if ! have ptxas || ! have fatbinary; then
  echo "== Installing ptxas and fatbinary into .venv"
  [ -x .venv/bin/python ] || /usr/bin/python3 -m venv .venv
  if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check 'nvidia-cuda-nvcc>=13,<14' </dev/null; then
    echo "setup.sh: PyPI's nvidia-cuda-nvcc cannot be installed: PTX can be emitted, cubin and fatbin cannot" >&2
  fi
fi
