"""Neurons and surrogate gradients against what four frameworks compute.

Every case of test/data/neurons runs in the reference interpreter: outputs are
equal, membranes and final states differ by at most 1e-6 of the largest (or 1),
gradients by at most 1e-5 of the largest of the case: those of the interpreter's
tape, and those of the compiler's adjoint, which the interpreter executes. Compiled
code, forward and adjoint, passes the same comparisons.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import json
import re

import numpy as np
import pytest

import models

CASES = 216


@pytest.fixture(scope="module")
def cases(source_dir):
    """All recorded cases."""
    folder = source_dir / "test" / "data" / "neurons"
    files = {}
    result = []
    for name, info in json.loads((folder / "cases.json").read_text()).items():
        framework, case = name.split("/")
        if framework not in files:
            files[framework] = np.load(folder / f"{framework}.npz")
        arrays = {array: files[framework][f"{case}/{array}"] for array in info["files"]}
        result.append(models.Case(name, info, arrays))
    assert len(result) == CASES
    return result


@pytest.fixture(scope="module")
def runs(cases, tool, tmp_path_factory):
    """Runs all cases in one process: for each case its functions, each with the
    folders of its results and gradients."""
    folder = tmp_path_factory.mktemp("oracles")
    jobs, functions = [], {}
    text = []
    for case in cases:
        functions[case.name] = models.functions(case)
        for f in functions[case.name]:
            text.append(f.text())
            prefix = folder / f.symbol
            arguments = []
            for name, _, array in f.arguments:
                path = f"{prefix}_{name}.npy"
                np.save(path, np.asarray(array, dtype=np.float32))
                arguments.append(path)
            job = {"module": str(folder / "cases.mlir"), "function": f.symbol, "arguments": arguments,
                   "results": f"{prefix}_r"}
            if "gx" in case.arrays and case.name not in models.FORWARD_ONLY and "s" in f.results:
                np.save(f"{prefix}_w.npy", case.arrays["w"])
                job["cotangents"] = [f"{prefix}_w.npy" if what == "s" else None for what in f.results]
                job["gradients"] = f"{prefix}_g"
            jobs.append(job)
    (folder / "cases.mlir").write_text("\n".join(text))
    (folder / "runs.json").write_text(json.dumps(jobs))
    result = tool("reference-runner", folder / "runs.json", check=False)
    assert result.returncode == 0, result.stderr[:4000]
    return folder, functions


def difference(got, expected):
    """The largest difference, relative to the largest expected value or 1."""
    assert got.shape == expected.shape
    if not got.size:
        return 0.0
    return np.max(np.abs(got.astype(np.float64) - expected)) / max(1.0, np.max(np.abs(expected)))


def compare(case, f, folder, prefix="r"):
    """What differs in a function of a case, as text."""
    problems = []
    for i, what in enumerate(f.results):
        got = np.load(folder / f"{f.symbol}_{prefix}{i}.npy")
        if what == "s":
            expected = case.arrays["s"]
            analog = not np.array_equal(expected, np.round(expected)) or case.info.get("surrogate") is None
            if analog and got.dtype == np.float32:
                if difference(got, expected) > 1e-6:
                    problems.append(f"{f.symbol}: output differs by {difference(got, expected):.2g}")
            elif not np.array_equal(got.astype(np.float32), expected):
                problems.append(f"{f.symbol}: {np.sum(got != expected)} spikes differ")
        else:
            expected = case.arrays[what]
            if difference(got, expected) > 1e-6:
                problems.append(f"{f.symbol}: {what} differs by {difference(got, expected):.2g}")
    return problems


def compare_gradients(case, f, folder, prefix="g", first=0):
    """What differs in the gradients, and how many there are. The largest is that of
    all gradients of the case."""
    problems, compared = [], 0
    largest = max(np.max(np.abs(a)) for k, a in case.arrays.items() if k == "gx" or k.startswith("grad_"))
    for i, (name, _, _) in enumerate(f.arguments):
        key = "gx" if name == "x" else "grad_" + name[2:]
        if key not in case.arrays:
            continue
        got = np.load(folder / f"{f.symbol}_{prefix}{first + i}.npy")
        expected = case.arrays[key].astype(np.float64).reshape(got.shape)
        compared += 1
        error = np.max(np.abs(got - expected)) / largest
        if not error <= 1e-5:
            problems.append(f"{f.symbol}: {key} differs by {error:.2g} of the largest")
    return problems, compared


def test_forward(cases, runs):
    folder, functions = runs
    problems = []
    for case in cases:
        compared = [what for f in functions[case.name] for what in f.results]
        assert "s" in compared, case.name
        for array in case.arrays:
            if array == "v" or array.endswith("_final"):
                assert array in compared, f"{case.name}: {array} is not compared"
        for f in functions[case.name]:
            problems += compare(case, f, folder)
    assert not problems, "\n".join(problems)


def test_gradients_of_the_tape(cases, runs):
    folder, functions = runs
    problems, compared = [], 0
    for case in cases:
        if case.name in models.FORWARD_ONLY:
            continue
        wanted = {a for a in case.arrays if a == "gx" or a.startswith("grad_")}
        f = functions[case.name][0]
        differing, count = compare_gradients(case, f, folder)
        assert count == len(wanted), f"{case.name}: {count} of {sorted(wanted)} are compared"
        problems += differing
        compared += 1
        for other in functions[case.name][1:]:
            if "s" in other.results:
                problems += compare_gradients(case, other, folder)[0]
    assert not problems, "\n".join(problems)
    assert compared == CASES - len(models.FORWARD_ONLY)


@pytest.fixture(scope="module")
def adjoints(cases, runs, tool):
    """Differentiates all functions by the compiler and runs their gradients."""
    folder, functions = runs
    source, jobs, passes = [], [], []
    for case in cases:
        f = functions[case.name][0]
        if "gx" not in case.arrays or case.name in models.FORWARD_ONLY:
            continue
        source.append(f.text())
        passes.append(f"spiking-differentiate{{function={f.symbol}}}")
        prefix = folder / f.symbol
        arguments = [f"{prefix}_{name}.npy" for name, _, _ in f.arguments]
        for i, what in enumerate(f.results):
            cotangent = case.arrays["w"] if what == "s" else np.zeros_like(case.arrays[what])
            np.save(f"{prefix}_c{i}.npy", cotangent)
            arguments.append(f"{prefix}_c{i}.npy")
        jobs.append({"module": str(folder / "adjoints.mlir"), "function": f.symbol + "_gradient",
                     "arguments": arguments, "results": f"{prefix}_a"})
    (folder / "forward.mlir").write_text("\n".join(source))
    tool("snn-opt", folder / "forward.mlir", f"--pass-pipeline=builtin.module({','.join(passes)})", "-o", folder / "adjoints.mlir")
    (folder / "adjoints.json").write_text(json.dumps(jobs))
    tool("reference-runner", folder / "adjoints.json")
    return folder, functions


def test_gradients_of_the_adjoint(cases, adjoints):
    folder, functions = adjoints
    problems, compared = [], 0
    for case in cases:
        f = functions[case.name][0]
        if "gx" not in case.arrays or case.name in models.FORWARD_ONLY:
            continue
        # The function's results come first, then a gradient for each argument.
        for i in range(len(f.results)):
            before, after = np.load(folder / f"{f.symbol}_r{i}.npy"), np.load(folder / f"{f.symbol}_a{i}.npy")
            if not np.array_equal(before, after):
                problems.append(f"{f.symbol}: result {i} is not that of the function")
        differing, count = compare_gradients(case, f, folder, "a", len(f.results))
        problems += differing
        assert count == len([a for a in case.arrays if a == "gx" or a.startswith("grad_")]), case.name
        compared += 1
    assert not problems, "\n".join(problems)
    assert compared == CASES - len(models.FORWARD_ONLY)


@pytest.fixture(scope="module")
def compiled(adjoints, tool):
    """Runs the functions of all cases and their gradients as compiled code."""
    folder, functions = adjoints
    # The functions are compiled in their own module, the gradients without them.
    text = re.sub(r"func.func @(\w+)(?<!_gradient)\(", r"func.func private @\1(", (folder / "adjoints.mlir").read_text())
    (folder / "gradients.mlir").write_text(text)
    jobs = []
    for kind, module, results in (("runs", "cases.mlir", "_k"), ("adjoints", "gradients.mlir", "_ka")):
        for job in json.loads((folder / f"{kind}.json").read_text()):
            jobs.append({"module": str(folder / module), "function": job["function"], "arguments": job["arguments"],
                         "results": job["results"].rsplit("_", 1)[0] + results, "compiled": True})
    (folder / "compiled.json").write_text(json.dumps(jobs))
    tool("reference-runner", folder / "compiled.json")
    return folder, functions


def test_forward_compiled(cases, compiled):
    folder, functions = compiled
    problems, compared = [], 0
    for case in cases:
        for f in functions[case.name]:
            problems += compare(case, f, folder, "k")
        compared += 1
    assert not problems, "\n".join(problems)
    assert compared == CASES


def test_gradients_compiled(cases, compiled):
    folder, functions = compiled
    problems, compared = [], 0
    for case in cases:
        if "gx" not in case.arrays or case.name in models.FORWARD_ONLY:
            continue
        f = functions[case.name][0]
        differing, count = compare_gradients(case, f, folder, "ka", len(f.results))
        problems += differing
        assert count == len([a for a in case.arrays if a == "gx" or a.startswith("grad_")]), case.name
        compared += 1
    assert not problems, "\n".join(problems)
    assert compared == CASES - len(models.FORWARD_ONLY)
