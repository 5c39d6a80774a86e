"""A fixed number of random programs: interpreter, passes, adjoints, compiled code."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import pytest


@pytest.mark.parametrize("kind, count", [("scan", 25), ("network", 4), ("images", 4)])
def test_random_programs(kind, count, tool):
    result = tool("snn-fuzz", f"--kind={kind}", "--seed=1", f"--count={count}", check=False)
    assert result.returncode == 0, result.stderr[:6000]
    assert f"{count} cases, 0 failed" in result.stdout


def test_the_fuzzer_notices_other_numbers(tool):
    # This expansion splits fused multiply-adds and has another tanh.
    result = tool("snn-fuzz", "--kind=scan", "--seed=1", "--count=20", "--no-adjoint", "--no-code",
                  "--passes=func.func(math-expand-ops)", check=False)
    assert result.returncode == 1
    assert "after 'func.func(math-expand-ops)', " in result.stderr
