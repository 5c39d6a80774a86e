# lit.cfg.py - How lit runs the tests.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Substitutions: every program of build/bin by its name, LLVM's FileCheck, not,
# split-file, ..., and %python, %cc, %cxx, %source (the source tree), %build.
# Features: ptxas, fatbinary, libdevice, avx2, avx512.
# RHEOBASE_CHECK_ROUNDTRIP=1 makes every snn-opt verify that its input survives
# printing and parsing.

import os
import sys

import lit.formats

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cuda_toolkit  # noqa: E402

config.name = "Rheobase"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Unit", "Integration", "Inputs", "consumer"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.rheobase_build_dir, "test")

# An unset variable in a pattern is a mistake in the test.
config.environment["FILECHECK_OPTS"] = "-enable-var-scope"
# What is tested is compiled.
config.environment["RHEOBASE_CACHE"] = "off"
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "OMP_NUM_THREADS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]


path = [config.rheobase_tools_dir, config.llvm_tools_dir, config.environment["PATH"]]
for program in ("ptxas", "fatbinary"):
    found = cuda_toolkit.find_program(config.rheobase_source_dir, program)
    if found:
        config.available_features.add(program)
        path.append(os.path.dirname(found))
config.environment["PATH"] = os.pathsep.join(path)
if cuda_toolkit.has_libdevice(config.rheobase_source_dir):
    config.available_features.add("libdevice")

try:
    with open("/proc/cpuinfo") as info:
        flags = next((line for line in info if line.startswith("flags")), "").split()
except OSError:
    flags = []
if {"avx2", "fma"} <= set(flags):
    config.available_features.add("avx2")
if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= set(flags):
    config.available_features.add("avx512")

config.substitutions += [
    ("%python", config.python_executable),
    ("%cxx", config.cxx),
    ("%cc", config.cc),
    ("%source", config.rheobase_source_dir),
    ("%build", config.rheobase_build_dir),
]
if os.environ.get("RHEOBASE_CHECK_ROUNDTRIP", "0") not in ("", "0"):
    config.substitutions.append((r"(?<![\w/.-])snn-opt(?![\w.-])", "snn-opt --verify-roundtrip"))

missing = {"ptxas", "fatbinary", "libdevice", "avx2", "avx512"} - config.available_features
if missing:
    lit_config.note("not on this machine: " + ", ".join(sorted(missing)))
