"""What the integration tests share.

They run the programs of a build folder: $RHEOBASE_BUILD, else `build`.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import os
import pathlib
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "test"))
# What is tested is compiled.
os.environ["RHEOBASE_CACHE"] = "off"
BUILD = pathlib.Path(os.environ.get("RHEOBASE_BUILD", SOURCE / "build")).resolve()


def run(*command, **options):
    """Runs a command, which must end with 0; what it wrote to stdout."""
    result = subprocess.run([str(word) for word in command], text=True, capture_output=True, timeout=900, **options)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def cached(build_dir, name):
    """A variable of the build's CMake cache, empty if it is not there."""
    for line in (build_dir / "CMakeCache.txt").read_text().splitlines():
        if line.startswith(name + ":"):
            return line.split("=", 1)[1]
    return ""


@pytest.fixture(scope="session")
def source_dir():
    """The source tree."""
    return SOURCE


@pytest.fixture(scope="session")
def build_dir():
    """The build folder."""
    return BUILD


@pytest.fixture(scope="session")
def tool():
    """tool(name, *arguments, **options): runs a program of the build.

    Fails the test if the program fails, unless `check=False`; the result has
    `returncode`, `stdout` and `stderr` as text.
    """

    def run(name, *arguments, check=True, **options):
        program = BUILD / "bin" / name
        if not program.exists():
            pytest.fail(f"{program} does not exist: build it first")
        command = [str(program), *map(str, arguments)]
        options.setdefault("timeout", 600)
        result = subprocess.run(command, text=True, capture_output=True, **options)
        if check and result.returncode != 0:
            pytest.fail(f"{' '.join(command)} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}")
        return result

    return run
