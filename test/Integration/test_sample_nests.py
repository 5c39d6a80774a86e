"""In an inference no current of all samples and all time steps is in memory.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import re

import pytest

LIF = "decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, surrogate = #spiking.atan<alpha = 2.0>"


def mlp(batch):
    b = batch or "?"
    return f"""
func.func @forward(%x: tensor<?x{b}x8xf32> {{spiking.name = "x"}}, %w1: tensor<8x1500xf32> {{spiking.name = "w1"}}, %b1: tensor<1500xf32> {{spiking.name = "b1"}},
    %w2: tensor<1500x10xf32> {{spiking.name = "w2"}}) -> (tensor<?x{b}x10xi1>, tensor<{b}x10xf32>) {{
  %i1 = spiking.linear %x, %w1, %b1 : (tensor<?x{b}x8xf32>, tensor<8x1500xf32>, tensor<1500xf32>) -> tensor<?x{b}x1500xf32>
  %s1, %v1 = spiking.lif %i1 {{{LIF}}} : (tensor<?x{b}x1500xf32>) -> (tensor<?x{b}x1500xi1>, tensor<{b}x1500xf32>)
  %i2 = spiking.linear %s1, %w2 : (tensor<?x{b}x1500xi1>, tensor<1500x10xf32>) -> tensor<?x{b}x10xf32>
  %s2, %v2 = spiking.lif %i2 {{{LIF}}} : (tensor<?x{b}x10xf32>) -> (tensor<?x{b}x10xi1>, tensor<{b}x10xf32>)
  return %s2, %v2 : tensor<?x{b}x10xi1>, tensor<{b}x10xf32>
}}
"""


def conv(batch):
    b = batch or "?"
    shape = f"{b}x16x16x12"
    return f"""
func.func @forward(%x: tensor<?x{b}x16x16x2xf32> {{spiking.name = "x"}}, %k: tensor<3x3x2x12xf32> {{spiking.name = "k"}}, %g: tensor<12xf32> {{spiking.name = "g"}},
    %h: tensor<12xf32> {{spiking.name = "h"}}, %m: tensor<12xf32> {{spiking.name = "m", spiking.role = "state"}}, %r: tensor<12xf32> {{spiking.name = "r", spiking.role = "state"}}) -> tensor<?x{b}x8x8x12xf32> {{
  %c = spiking.conv %x, %k {{padding = array<i64: 1, 1>, layout = #spiking.layout<channels_last>}} : (tensor<?x{b}x16x16x2xf32>, tensor<3x3x2x12xf32>) -> tensor<?x{shape}xf32>
  %n, %m1, %r1, %sm, %sr = spiking.batch_norm %c scale(%g) shift(%h) running(%m, %r) {{statistics = #spiking.statistics<merged>, mode = #spiking.mode<inference>}}
      : (tensor<?x{shape}xf32>, tensor<12xf32>, tensor<12xf32>, tensor<12xf32>, tensor<12xf32>) -> (tensor<?x{shape}xf32>, tensor<12xf32>, tensor<12xf32>, tensor<12xf32>, tensor<12xf32>)
  %f, %v = spiking.lif %n {{{LIF}}} : (tensor<?x{shape}xf32>) -> (tensor<?x{shape}xi1>, tensor<{shape}xf32>)
  %p = spiking.avg_pool %f {{kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>}} : (tensor<?x{shape}xi1>) -> tensor<?x{b}x8x8x12xf32>
  return %p : tensor<?x{b}x8x8x12xf32>
}}
"""


def own_neuron(batch):
    """A neuron of the user's own: two states, a loop, a branch, a parameter of each neuron and one for all."""
    b = batch or "?"
    return f"""
func.func @forward(%x: tensor<?x{b}x8xf32> {{spiking.name = "x"}}, %w: tensor<8x1500xf32> {{spiking.name = "w"}}, %p: tensor<1500xf32> {{spiking.name = "p"}},
    %q: tensor<1xf32> {{spiking.name = "q"}}, %v0: tensor<{b}x1500xf32> {{spiking.name = "v0"}}, %a0: tensor<{b}x1500xf32> {{spiking.name = "a0"}}, %w2: tensor<1500x3xf32> {{spiking.name = "w2"}})
    -> (tensor<?x{b}x3xf32>, tensor<{b}x1500xf32>) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %zero = arith.constant 0.0 : f32
  %half = arith.constant 0.5 : f32
  %i = spiking.linear %x, %w : (tensor<?x{b}x8xf32>, tensor<8x1500xf32>) -> tensor<?x{b}x1500xf32>
  %t = tensor.dim %x, %c0 : tensor<?x{b}x8xf32>
  %b = tensor.dim %x, %c1 : tensor<?x{b}x8xf32>
  %e = tensor.empty({"%t" if batch else "%t, %b"}) : tensor<?x{b}x1500xi8>
  %s, %v1, %a1 = spiking.scan forward ins(%c = %i : tensor<?x{b}x1500xf32>) params(%pp = %p : tensor<1500xf32>, %qq = %q : tensor<1xf32>)
      outs(%e : tensor<?x{b}x1500xi8>) states(%v = %v0 : tensor<{b}x1500xf32>, %a = %a0 : tensor<{b}x1500xf32>) {{
    %u = scf.for %k = %c0 to %c3 step %c1 iter_args(%y = %v) -> (f32) {{
      %y1 = arith.mulf %y, %half : f32
      %y2 = arith.addf %y1, %c : f32
      scf.yield %y2 : f32
    }}
    %w1 = arith.subf %u, %a : f32
    %n = spiking.fire %w1 {{kind = #spiking.fire_kind<ternary>, threshold = 0.5 : f64, surrogate = #spiking.atan}} : f32 -> i8
    %nf = arith.sitofp %n : i8 to f32
    %big = arith.cmpf ogt, %u, %pp : f32
    %a2 = scf.if %big -> f32 {{
      %z = arith.addf %a, %nf : f32
      scf.yield %z : f32
    }} else {{
      %z = arith.mulf %a, %qq : f32
      scf.yield %z : f32
    }}
    spiking.yield %n : i8 next(%w1, %a2 : f32, f32)
  }}
  %o = spiking.linear %s, %w2 : (tensor<?x{b}x1500xi8>, tensor<1500x3xf32>) -> tensor<?x{b}x3xf32>
  return %o, %a1 : tensor<?x{b}x3xf32>, tensor<{b}x1500xf32>
}}
"""


NETWORKS = {"mlp": mlp, "conv": conv, "own_neuron": own_neuron}


def nest_of(text):
    """The function, and in it what is done if there are few samples and what else."""
    function = text[text.index("func.func private @forward("):]
    function = function[:function.index("\n  }\n")]
    choice = re.search(r"\n    scf\.if [^\n]*\{\n(.*?)\n    \} else \{\n(.*?)\n    \}\n", function, re.S)
    assert choice, function
    return function[:choice.start()] + function[choice.end():], choice.group(1), choice.group(2)


def float_buffers(text):
    """Types of float buffers of more than two dimensions."""
    made = re.findall(r"memref\.alloc\([^)]*\).* : (memref<\S+)", text) + re.findall(r"memref\.view [^\n]* to (memref<\S+)", text)
    return [made for made in made if re.match(r"memref<(\w+x|\?x){3,}f32", made)]


@pytest.mark.parametrize("batch", [None, 48], ids=["dynamic", "static"])
@pytest.mark.parametrize("network", NETWORKS)
def test_currents_exist_for_a_block_of_samples(tool, tmp_path, network, batch):
    path = tmp_path / "net.mlir"
    path.write_text(NETWORKS[network](batch))
    tool("snn-compile", path, "--emit=llvm", f"--dump-dir={tmp_path}", "-o", tmp_path / "net.ll")
    (buffers,) = tmp_path.glob("*-buffers.mlir")
    always, _, nest = nest_of(buffers.read_text())
    assert not float_buffers(always)
    # All of a nest is in its loop.
    assert len(re.findall(r"\n      scf\.forall", "\n" + nest)) == 1
    assert float_buffers(nest)
    block = re.search(r"(%\w+) = arith\.minsi %\w+, %\w+ : index", nest[nest.index("scf.forall"):]).group(1)
    for sizes, made in re.findall(r"memref\.alloc\(([^)]*)\).* : (memref<\S+)", nest):
        if float_buffers(f"memref.alloc({sizes}) : {made}"):
            assert block in sizes.split(", "), made


@pytest.mark.parametrize("samples", [3, 48], ids=["few", "many"])
@pytest.mark.parametrize("network", NETWORKS)
def test_nests_compute_what_the_interpreter_computes(tool, tmp_path, network, samples):
    path = tmp_path / "net.mlir"
    path.write_text(NETWORKS[network](None))
    # 48 samples are more than the caches hold.
    result = tool("snn-run", path, "--random", "--seed=3", f"--dims=T=16,B={samples}", "--check")
    assert "agree in every element" in result.stdout


def test_nests_of_a_static_batch(tool, tmp_path):
    path = tmp_path / "net.mlir"
    path.write_text(own_neuron(48))
    assert "agree in every element" in tool("snn-run", path, "--random", "--seed=3", "--dims=B=16", "--check").stdout
