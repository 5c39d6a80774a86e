"""The LIF neuron of the NIR paper, by forward and by exponential Euler."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import json
import math

import numpy as np
import pytest

DT, TAU, THRESHOLD = 1e-4, 2.5e-3, 0.1

MODULE = """
func.func @{name}(%x: tensor<?x1xf64>, %T: index) -> (tensor<?x1xi1>, tensor<?x1xf64>) {{
  %v0 = arith.constant dense<0.0> : tensor<1xf64>
  %s, %v, %last = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x1xf64>) state(%m = %v0 : tensor<1xf64>) -> (tensor<?x1xi1>, tensor<?x1xf64>) {{
    %z, %n = spiking.lif %x_t, %m {{decay = {decay!r}, threshold = {threshold}, reset = #spiking.reset<hard, value = 0.0>,
        compare = #spiking.compare<gt>, input_scaling = #spiking.input_scaling<one_minus_decay>}}
      : (tensor<1xf64>, tensor<1xf64>) -> (tensor<1xi1>, tensor<1xf64>)
    spiking.yield %z, %n : tensor<1xi1>, tensor<1xf64> next(%n : tensor<1xf64>)
  }}
  return %s, %v : tensor<?x1xi1>, tensor<?x1xf64>
}}
"""


@pytest.mark.parametrize("name, decay, file, tolerance", [
    ("forward_euler", 1 - DT / TAU, "lif_norse.csv", 1e-7),
    # The closed form resets inside the step and integrates on.
    ("exponential_euler", math.exp(-DT / TAU), "lif_exact.csv", 0.0064),
])
def test_nir_lif(name, decay, file, tolerance, source_dir, tool, tmp_path):
    recorded = np.loadtxt(source_dir / "test" / "data" / "nir_lif" / file, delimiter=",")
    assert recorded.shape == (1000, 3)
    np.save(tmp_path / "x.npy", recorded[:, :1].copy())
    (tmp_path / "m.mlir").write_text(MODULE.format(name=name, decay=decay, threshold=THRESHOLD))
    (tmp_path / "runs.json").write_text(json.dumps([{
        "module": str(tmp_path / "m.mlir"), "function": name,
        "arguments": [str(tmp_path / "x.npy"), len(recorded)], "results": str(tmp_path / "r")}]))
    tool("reference-runner", tmp_path / "runs.json")
    spikes, membrane = np.load(tmp_path / "r0.npy"), np.load(tmp_path / "r1.npy")
    assert np.array_equal(spikes[:, 0], recorded[:, 2] != 0)
    assert np.flatnonzero(spikes).tolist() == [460, 510, 710, 760]
    assert np.max(np.abs(membrane[:, 0] - recorded[:, 1])) <= tolerance
