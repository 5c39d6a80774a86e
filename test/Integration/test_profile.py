"""snn-run --profile on the benchmarks' networks, at small sizes."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import json
import re

import pytest

CASES = {
    "bare": (dict(N=300), 0),
    "linear": (dict(N=48, X="f32"), 1),
    "mlp": (dict(I=40, H=24, O=10, X="i1"), 1),
    "recurrent": (dict(I=40, H=24, O=10), 1),
    "conv": (dict(MODE="train"), 1),
}


@pytest.mark.parametrize("name", CASES)
def test_counts(name, tool, source_dir, tmp_path):
    """Every kernel has its calls; products have the operations that their shapes say."""
    replace, products = CASES[name]
    text = (source_dir / "bench" / "cases" / f"{name}.mlir").read_text()
    for key, value in replace.items():
        text = text.replace(f"@{key}@", str(value))
    (tmp_path / "net.mlir").write_text(text)
    command = ["snn-run", "net.mlir", "--function=forward", "--differentiate", "--random", "--dims=T=3,B=5"]
    table = tool(*command, "--profile=trace.json", "--min-seconds=0", cwd=tmp_path).stdout
    trace = json.loads((tmp_path / "trace.json").read_text())
    kernels, runs = trace["rheobase"]["kernels"], trace["rheobase"]["runs"]
    assert all(kernel["calls"] % runs == 0 and kernel["calls"] > 0 and kernel["seconds"] > 0 for kernel in kernels)
    assert all(kernel["function"] == "forward_gradient" and re.fullmatch(r"(net.mlir:\d+:\d+)?", kernel["location"]) for kernel in kernels)
    assert trace["rheobase"]["machine"]["gflops"] > 0 and trace["rheobase"]["machine"]["gigabytes_per_second"] > 0
    # The trace is one run of them.
    assert len(trace["traceEvents"]) == sum(kernel["calls"] for kernel in kernels) // runs
    for kernel in kernels:
        assert f"{kernel['name']} in forward_gradient" in table
    # Every operation is somewhere: of those that are products, the work is known.
    assert any("scan" in kernel["name"] for kernel in kernels)
    work = sum(kernel.get("operations", 0) for kernel in kernels if "product" in kernel["name"] or "convolution" in kernel["name"]) // runs
    assert bool(work) == bool(products)
    if name == "linear":  # forward, and the gradients of input and weights
        assert 3 * 2 * 15 * 48 * 48 <= work <= 3 * 2 * 15 * 48 * 48 + 40 * 15 * 48
