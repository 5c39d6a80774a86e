"""The examples do what they say: they learn, resume bit for bit, and run from C."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import json
import pathlib
import re
import shutil
import subprocess

import pytest

DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
NETWORKS = ["fashion_mlp", "fashion_rows", "fashion_conv"]


def losses(log):
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return [event["loss"] for event in events if event["event"] == "step"]


@pytest.mark.parametrize("name", NETWORKS)
def test_learns_and_resumes(name, source_dir, tool, tmp_path):
    """The loss falls, and neither a stop half way, nor the number of threads,
    nor the instruction set, nor how the network was compiled changes a bit."""
    network = source_dir / "examples" / f"{name}.mlir"
    program = tmp_path / f"{name}.so"
    tool("snn-compile", network, "--emit=so", "-o", program)

    def train(model, name, steps, *options):
        checkpoint, log = tmp_path / f"{name}.safetensors", tmp_path / f"{name}.jsonl"
        tool("snn-train", model, f"--data-images={DATA}/train-images-idx3-ubyte.gz",
             f"--data-labels={DATA}/train-labels-idx1-ubyte.gz", "--limit-train=500", "--batch=32", "--seed=1", "--epochs=2",
             f"--limit-steps={steps}", "--log-steps=1", f"--log={log}", f"--checkpoint={checkpoint}", "--progress=off",
             *options)
        return checkpoint.read_bytes(), losses(log)

    # 16 steps an epoch, the last of 20 samples.
    whole, loss = train(network, "whole", 22, "--threads=2")
    assert len(loss) == 22
    assert sum(loss[-5:]) < 0.85 * sum(loss[:5])
    _, first = train(program, "half", 9, "--threads=1")
    half, second = train(program, "half", 22, "--threads=1", f"--resume={tmp_path / 'half.safetensors'}")
    # The second run appends to the log of the first.
    assert first == loss[:9] and second == loss
    assert half == whole


def test_exact_statistics(source_dir, tool, tmp_path):
    """Statistics of one step instead of all, which are the same, change the loss by rounding only."""
    curves = []
    for options in ([], ["--exact"]):
        log = tmp_path / f"log{len(curves)}.jsonl"
        tool("snn-train", source_dir / "examples" / "fashion_conv.mlir", f"--data-images={DATA}/train-images-idx3-ubyte.gz",
             f"--data-labels={DATA}/train-labels-idx1-ubyte.gz", "--limit-train=256", "--batch=32", "--seed=1", "--epochs=1",
             "--log-steps=1", f"--log={log}", "--progress=off", *options)
        curves.append(losses(log))
    hoisted, exact = curves
    assert len(hoisted) == len(exact) == 8
    assert hoisted[0] == pytest.approx(exact[0], rel=1e-4)
    assert hoisted == pytest.approx(exact, rel=0.02)
    assert hoisted != exact


@pytest.fixture(scope="module")
def trained(source_dir, tool, tmp_path_factory):
    """A folder with a network that was trained a little, as a shared object."""
    folder = tmp_path_factory.mktemp("trained")
    network = source_dir / "examples" / "fashion_mlp.mlir"
    tool("snn-train", network, "--dataset=fashion-mnist", "--limit-train=4000", "--epochs=1", "--batch=32", "--seed=1",
         "--progress=off", f"--checkpoint={folder / 'fashion_mlp.safetensors'}")
    tool("snn-compile", network, "--emit=so", f"--weights={folder / 'fashion_mlp.safetensors'}",
         "-o", folder / "fashion_mlp.so")
    return folder


def test_inference_from_c(trained, source_dir, tool):
    compiler = next(path for path in map(shutil.which, ("clang-22", "cc", "gcc")) if path)
    command = [compiler, "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", source_dir / "examples" / "infer.c",
               "-I", trained, "-I", source_dir / "include", "./fashion_mlp.so", "-lz", "-o", "infer"]
    subprocess.run(command, cwd=trained, check=True)
    linked = subprocess.run(["ldd", "infer", "fashion_mlp.so"], cwd=trained, text=True, capture_output=True, check=True).stdout
    assert "libz" in linked and "not found" not in linked
    assert not re.search(r"LLVM|MLIR|python|stdc\+\+", linked), linked

    def infer(*arguments):
        return subprocess.run(["./infer", *map(str, arguments)], cwd=trained, text=True, capture_output=True, timeout=60)

    classes = set()
    hits = 0
    for index in range(20):
        result = infer(DATA, index)
        assert result.returncode == 0, result.stderr
        match = re.fullmatch(r"image (\d+): class (\d), label (\d), loss (\d+\.\d+), spike rate (0\.\d+)\n", result.stdout)
        assert match and int(match[1]) == index and 0 < float(match[5]) < 1
        classes.add(match[2])
        hits += match[2] == match[3]
    assert hits >= 12 and len(classes) > 3
    # T is a value of the call; what cannot be is an error.
    assert infer(DATA, 0, 16).returncode == 0
    negative = infer(DATA, 0, -1)
    assert negative.returncode == 1 and "infer: " in negative.stderr
    missing = infer("/nowhere", 0)
    assert missing.returncode == 1 and "cannot read sample 0 of '/nowhere/t10k-images" in missing.stderr


def test_inference_from_c_equals_snn_train(trained, source_dir, tool):
    """The embedded weights are those of the checkpoint."""
    result = tool("snn-train", source_dir / "examples" / "fashion_mlp.mlir", "--dataset=fashion-mnist", "--evaluate",
                  f"--resume={trained / 'fashion_mlp.safetensors'}", "--progress=off")
    again = tool("snn-train", trained / "fashion_mlp.so", "--time-steps=4", "--dataset=fashion-mnist", "--evaluate",
                 f"--resume={trained / 'fashion_mlp.safetensors'}", "--progress=off")
    assert result.stdout == again.stdout != ""
