# cuda_toolkit.py - Where the tests find CUDA's programs: as the compiler does, on the PATH, in a toolkit or in the project's .venv.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import glob
import os
import shutil


def folders(source_dir):
    """Toolkits: of the environment, of the system, of PyPI."""
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    return [home] + sorted(glob.glob(os.path.join(source_dir, ".venv/lib/python3*/site-packages/nvidia/*")))


def find_program(source_dir, name):
    """The path of `name` (ptxas, fatbinary, ...); None where it is not installed."""
    path = os.environ.get("PATH", "").split(os.pathsep) + [os.path.join(folder, "bin") for folder in folders(source_dir)]
    return shutil.which(name, path=os.pathsep.join(path))


def has_libdevice(source_dir):
    """CUDA's library of mathematical functions."""
    return any(os.path.exists(os.path.join(folder, "nvvm/libdevice/libdevice.10.bc")) for folder in folders(source_dir))
