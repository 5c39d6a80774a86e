#!/usr/bin/env bash
# build.sh - configures a preset (RHEOBASE_PRESET, default release) and builds it, or the targets that are given.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${RHEOBASE_PRESET:-release}
echo "== Building (preset $preset)"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cmake --preset "$preset" -Wno-dev >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
if [ $# -gt 0 ]; then
  cmake --build --preset "$preset" --parallel "$(nproc)" --target "$@"
else
  cmake --build --preset "$preset" --parallel "$(nproc)"
fi
