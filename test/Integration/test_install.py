"""Other projects use an installed Rheobase: a consumer with find_package, a
plugin that snn-opt loads."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import os
import subprocess

import pytest

from conftest import cached, run


@pytest.fixture(scope="module")
def prefix(build_dir):
    """Where the build is installed."""
    folder = build_dir / "test" / "install"
    run("cmake", "--install", build_dir, "--prefix", folder)
    return folder


def build_project(build_dir, prefix, source, name):
    """Builds a project against the installed tree; a second run of the tests
    finds what the first has built."""
    folder = build_dir / "test" / name
    options = [f"-DCMAKE_PREFIX_PATH={prefix}", "-G", "Ninja"]
    options += [f"-D{key}={cached(build_dir, key)}" for key in (
        "CMAKE_C_COMPILER", "CMAKE_CXX_COMPILER", "CMAKE_C_COMPILER_LAUNCHER", "CMAKE_CXX_COMPILER_LAUNCHER",
        "CMAKE_BUILD_TYPE")]
    sanitizers = "-fsanitize=address,undefined" if "Address" in cached(build_dir, "LLVM_USE_SANITIZER") else ""
    options += [f"-DCMAKE_CXX_FLAGS={sanitizers}", f"-DCMAKE_C_FLAGS={sanitizers}"]
    run("cmake", "-S", source, "-B", folder, *options)
    run("cmake", "--build", folder)
    return folder


@pytest.fixture(scope="module")
def consumer(source_dir, build_dir, prefix):
    return build_project(build_dir, prefix, source_dir / "test" / "consumer", "consumer")


@pytest.fixture(scope="module")
def plugin(source_dir, build_dir, prefix):
    return build_project(build_dir, prefix, source_dir / "examples" / "plugin", "plugin") / "ScaleThresholds.so"


def test_what_is_installed(prefix):
    include = prefix / "include" / "rheobase"
    for file in ("rt.h", "abi.h", "InitAll.h", "Dialect/Spiking/IR/Spiking.h", "Dialect/Spiking/IR/SpikingOps.h.inc",
                 "Dialect/Spiking/IR/SpikingOps.td", "Dialect/Spiking/Transforms/Passes.h.inc"):
        assert (include / file).is_file(), file
    # An installed tool finds the libraries that it needs.
    assert "OVERVIEW" in run(prefix / "bin" / "snn-opt", "--help")


def test_the_installed_package_names_no_source_folder(source_dir, prefix):
    for file in prefix.rglob("*.cmake"):
        assert str(source_dir) + "/" not in file.read_text().replace(str(prefix), ""), file


def test_consumer_of_the_compiler(consumer):
    output = run(consumer / "use-compiler")
    assert "spiking.lif" in output and "compare = #spiking.compare<gt>" in output and "preset" not in output


def test_consumer_of_the_runtime(consumer):
    program = consumer / "use-runtime"
    output = run(program)
    assert "does-not-exist.so" in output
    libraries = run("ldd", program)
    assert "LLVM" not in libraries and "MLIR" not in libraries


NETWORK = """
func.func @neuron(%x: tensor<4x8xf32>) -> tensor<4x8xi1> {
  %s, %v = spiking.lif %x {decay = 0.5, threshold = 3.0} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return %s : tensor<4x8xi1>
}
"""


@pytest.mark.parametrize("where", ["build", "installed"])
def test_plugin(build_dir, prefix, plugin, where):
    snn_opt = (build_dir if where == "build" else prefix) / "bin" / "snn-opt"
    output = run(snn_opt, f"--load-pass-plugin={plugin}", "--example-scale-thresholds=factor=0.5", input=NETWORK)
    assert "threshold = 1.500000e+00" in output
    assert "example-scale-thresholds" in run(snn_opt, f"--load-pass-plugin={plugin}", "--help")


def test_plugin_option_out_of_range(build_dir, plugin):
    result = subprocess.run(
        [build_dir / "bin" / "snn-opt", f"--load-pass-plugin={plugin}", "--example-scale-thresholds=factor=-1.0"],
        input=NETWORK, text=True, capture_output=True)
    assert result.returncode == 1 and "factor must be positive" in result.stderr


def test_missing_plugin(build_dir):
    missing = os.path.join("no", "such", "plugin.so")
    result = subprocess.run(
        [build_dir / "bin" / "snn-opt", f"--load-pass-plugin={missing}"], input=NETWORK, text=True, capture_output=True)
    assert result.returncode == 1 and missing in result.stderr
