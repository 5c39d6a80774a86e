"""Everything assembles: each neuron with each surrogate and with each reset (all
of both for two neurons, to be quick), forwards and backwards, and the whole
training steps of the examples for all chips.

The kernels are those of snn-compile; ptxas does not optimize them, which is
faster and refuses the same.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import concurrent.futures
import itertools
import os
import re
import subprocess

import cuda_toolkit
import pytest
from conftest import SOURCE

# Attributes and operands that a neuron needs, and its number of states.
NEURONS = {
    "if": ("", "", 1),
    "lif": ("decay = 0.5, ", "", 1),
    "plif": ("", " weight(%w)", 1),
    "cuba_lif": ("decay = 0.5, current_decay = 0.25, ", "", 2),
    "alif": ("decay = 0.5, adaptation_decay = 0.75, adaptation_increment = 0.25, ", "", 2),
}
RESETS = ("hard", "soft", "none")
CHIPS = ("sm_80", "sm_90", "sm_100", "sm_120")
EXAMPLES = ("fashion_mlp", "fashion_rows", "fashion_conv")
SEQUENCE, SPIKES, STATE = "tensor<?x?x16xf32>", "tensor<?x?x16xi1>", "tensor<?x16xf32>"


PTXAS = cuda_toolkit.find_program(SOURCE, "ptxas")
pytestmark = pytest.mark.skipif(not PTXAS, reason="no ptxas")


def network(combinations):
    """A function with a neuron for each (neuron, surrogate, reset)."""
    lines = []
    for i, (neuron, surrogate, reset) in enumerate(combinations):
        attributes, operand, states = NEURONS[neuron]
        results = ", ".join([f"%s{i}"] + [f"%v{i}_{k}" for k in range(states)])
        types = ", ".join([SPIKES] + [STATE] * states)
        lines.append(f"  {results} = spiking.{neuron} %x{operand} {{{attributes}surrogate = #spiking.{surrogate}, "
                     f"reset = #spiking.reset<{reset}>}} : ({SEQUENCE}{', tensor<f32>' if operand else ''}) -> ({types})\n")
    types = ", ".join([SPIKES] * len(lines))
    return (f"func.func @f(%x: {SEQUENCE}, %w: tensor<f32>) -> ({types}) {{\n{''.join(lines)}"
            f"  return {', '.join(f'%s{i}' for i in range(len(lines)))} : {types}\n}}\n")


def kernels(ptx):
    """The text of each kernel of a PTX module by its name."""
    parts = re.split(r"^\.visible \.entry (\w+)\(", ptx, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def assemble(ptx, chip, cubin):
    done = subprocess.run([PTXAS, "-O0", "-arch", chip, str(ptx), "-o", str(cubin)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    assert cubin.stat().st_size > 1000


def has_loop(kernel):
    """Whether it jumps back."""
    labels = {}
    for number, line in enumerate(kernel.splitlines()):
        if match := re.match(r"(\$L\w+):", line):
            labels[match[1]] = number
        elif (match := re.search(r"\bbra(?:\.uni)? \t?(\$L\w+);", line)) and match[1] in labels:
            return True
    return False


def check(ptx):
    """The numbers of scans whose loop over time is inside, and of those that
    access memory by 128 bits."""
    assert ".extern" not in ptx
    # No buffer that is indexed at run time: the states are in registers.
    assert ".local" not in ptx
    scans = {name: text for name, text in kernels(ptx).items() if name.endswith("_scan")}
    looping = [name for name, text in scans.items() if has_loop(text)]
    wide = [name for name, text in scans.items()
            if re.search(r"(ld|st)\.global(\.nc)?\.v4\.[bfu]32", text) or re.search(r"\.v2\.[bfu]64", text)]
    return looping, wide


@pytest.fixture(scope="module")
def jobs(tool, source_dir, tmp_path_factory):
    """All results by name, computed on all cores from the beginning."""
    folder = tmp_path_factory.mktemp("ptx")
    definitions = source_dir / "include/rheobase/Dialect/Spiking/IR/SpikingSurrogates.td"
    surrogates = re.findall(r'Spiking_Surrogate(?:Alpha)?<"\w+", "(\w+)"', definitions.read_text())
    assert len(surrogates) >= 25

    def sweep(name, combinations, *options):
        source, gradient, ptx = (folder / f"{name}{suffix}" for suffix in (".mlir", ".gradient.mlir", ".ptx"))
        source.write_text(network(combinations))
        tool("snn-opt", source, "--spiking-expand-presets", "--spiking-decompose-neurons", "--spiking-differentiate=function=f",
             "-o", gradient)
        # The gradient computes the function, too: once is enough.
        gradient.write_text(gradient.read_text().replace("func.func @f(", "func.func private @f("))
        tool("snn-compile", gradient, "--target=nvptx", "--emit=ptx", "--chip=sm_90", *options, "-o", ptx)
        assemble(ptx, "sm_90", folder / f"{name}.cubin")
        return len(combinations), *check(ptx.read_text())

    def example(name, chip):
        ptx = folder / f"{name}.{chip}.ptx"
        tool("snn-compile", source_dir / "examples" / f"{name}.mlir", "--target=nvptx", "--emit=ptx", f"--chip={chip}", "-o", ptx)
        assemble(ptx, chip, ptx.with_suffix(".cubin"))
        return ptx.read_text()

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        started = {(name, chip): pool.submit(example, name, chip) for name in reversed(EXAMPLES) for chip in CHIPS}
        for neuron in NEURONS:
            # Backward passes of one step at a time: the kernels are three times as short.
            both = (itertools.product(surrogates, RESETS) if neuron in ("lif", "plif") else
                    zip(surrogates, itertools.cycle(RESETS)))
            started[neuron] = pool.submit(sweep, neuron, [(neuron, *pair) for pair in both], "--chunk-steps=1")
        turns = zip(itertools.cycle(itertools.product(NEURONS, RESETS)), surrogates)
        started["chunks"] = pool.submit(sweep, "chunks", [(neuron, surrogate, reset) for (neuron, reset), surrogate in turns])
        yield started


@pytest.mark.parametrize("name", [*NEURONS, "chunks"])
def test_neurons(jobs, name):
    """The loop over time is in the kernel, and memory is accessed by 128 bits."""
    combinations, looping, wide = jobs[name].result()
    # Forwards and backwards; neurons whose gradient does not need the membrane are merged.
    assert combinations >= 25
    assert len(looping) >= 2 * combinations - 2
    assert len(wide) >= 2 * combinations - 2


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_training_step(jobs, name, chip):
    ptx = jobs[name, chip].result()
    assert re.search(rf"^\.target {chip}", ptx, flags=re.MULTILINE)
    looping, wide = check(ptx)
    assert any(kernel.startswith("train_step") for kernel in looping)
    assert any(kernel.startswith("train_step") for kernel in wide)
