"""Scans whose results are so large that they pass by the caches.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
NEURONS = 1 << 20
CODE = f"""
func.func @forward(%x: tensor<?x?x{NEURONS}xf32> {{spiking.name = "x"}}) -> (tensor<?x?x{NEURONS}xi1>, tensor<?x{NEURONS}xf32>) {{
  %s, %v = spiking.lif %x {{decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, detach_reset = true, surrogate = #spiking.atan<alpha = 2.0>}}
      : (tensor<?x?x{NEURONS}xf32>) -> (tensor<?x?x{NEURONS}xi1>, tensor<?x{NEURONS}xf32>)
  return %s, %v : tensor<?x?x{NEURONS}xi1>, tensor<?x{NEURONS}xf32>
}}
"""


def test_streamed_results_are_those_of_the_interpreter(tool, tmp_path):
    (tmp_path / "lif.mlir").write_text(CODE)
    # 32 MiB of gradients and 8 MiB of spikes.
    result = tool("snn-run", tmp_path / "lif.mlir", "--random", "--seed=1", "--dims=T=8,B=1", "--differentiate", "--check")
    assert "agree in every element of 3 results" in result.stdout
