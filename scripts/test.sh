#!/usr/bin/env bash
# test.sh - sets up, builds and runs every test: GoogleTest, lit, pytest. The last line is the sum: `N passed, N failed`.
# Results as JUnit XML: build/test-results. RHEOBASE_PRESET chooses the build (default release).
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
scripts/build.sh

preset=${RHEOBASE_PRESET:-release}
case $preset in release | dev) build=$PWD/build ;; *) build=$PWD/build-$preset ;; esac
results=$build/test-results
rm -rf "$results"
mkdir -p "$results"
cache() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
python=$(cache RHEOBASE_TEST_PYTHON)

# Every test runs, whatever the ones before did; the sum below decides.
echo "== Unit tests"
(cd "$build" && ctest --parallel "$(nproc)" --output-on-failure --output-junit "$results/unit.xml" >"$results/unit.log" 2>&1 </dev/null) ||
  sed -n '/% tests passed/,$p' "$results/unit.log"
# Each snn-opt also checks that what it reads survives printing and parsing.
echo "== lit"
RHEOBASE_CHECK_ROUNDTRIP=1 "$(cache RHEOBASE_LIT)" -sv --no-progress-bar -j"$(nproc)" \
  --xunit-xml-output="$results/lit.xml" "$build/test" </dev/null || true
echo "== Integration tests"
RHEOBASE_BUILD=$build "$python" -m pytest -q -p no:cacheprovider -n "$(nproc)" --dist=loadfile --durations=5 \
  --junitxml="$results/integration.xml" test/Integration </dev/null || true

exec "$python" scripts/sum_results.py "$results"/unit.xml "$results"/lit.xml "$results"/integration.xml
