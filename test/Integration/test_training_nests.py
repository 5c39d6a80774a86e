"""In a training step, what is between the products and the sums over all samples goes through the cache, with any neuron, and gives the same bits.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import json

import pytest

CL = "layout = #spiking.layout<channels_last>"
LIF = ("    %s{n}, %v{n} = spiking.lif %n{n} {{decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, surrogate = #spiking.atan<alpha = 2.0>}}"
       " : ({t}xf32>) -> ({t}xi1>, {u}xf32>)\n")
# Two states, a branch, a parameter of each channel.
OWN = """    %e{n} = tensor.empty(%T, %B) : {t}xi1>
    %z{n} = tensor.splat %zero[%B] : {u}xf32>
    %s{n}, %v{n}, %a{n} = spiking.scan forward ins(%i = %n{n} : {t}xf32>) params(%p = %g{n} : tensor<{c}xf32>) outs(%e{n} : {t}xi1>) states(%v = %z{n} : {u}xf32>, %a = %z{n} : {u}xf32>) {{
      %h = arith.addf %v, %i : f32
      %w = arith.subf %h, %a : f32
      %f = spiking.fire %w {{surrogate = #spiking.triangle}} : f32 -> i1
      %y = scf.if %f -> f32 {{
        %j = arith.mulf %h, %p : f32
        scf.yield %j : f32
      }} else {{
        scf.yield %h : f32
      }}
      %b = arith.mulf %y, %p : f32
      spiking.yield %f : i1 next(%y, %b : f32, f32)
    }}
"""


def network(neuron, pool, statistics, batch="?"):
    """Two blocks of convolution, batch normalization, neuron and pool."""
    spikes = "i1" if pool == "max" else "f32"

    def block(n, input, element, size, channels, out):
        t, u, c = f"tensor<?x{batch}x{size}x{size}x{out}", f"tensor<{batch}x{size}x{size}x{out}", f"tensor<{out}xf32>"
        saved = c if statistics == "merged" else f"tensor<?x{out}xf32>"
        p = f"tensor<?x{batch}x{size // 2}x{size // 2}x{out}x{spikes}>"
        return f"""    %c{n} = spiking.conv {input}, %k{n} {{padding = array<i64: 1, 1>, {CL}}} : (tensor<?x{batch}x{size}x{size}x{channels}x{element}>, tensor<3x3x{channels}x{out}xf32>) -> {t}xf32>
    %n{n}, %nm{n}, %nr{n}, %sm{n}, %sr{n} = spiking.batch_norm %c{n} scale(%g{n}) shift(%b{n}) running(%m{n}, %r{n}) {{statistics = #spiking.statistics<{statistics}>, sequence = true, mode = #spiking.mode<train>}}
        : ({t}xf32>, {c}, {c}, {c}, {c}) -> ({t}xf32>, {c}, {c}, {saved}, {saved})
{neuron.format(n=n, t=t, u=u, c=out)}    %p{n} = spiking.{pool}_pool %s{n} {{kernel = array<i64: 2, 2>, {CL}}} : ({t}xi1>) -> {p}
"""

    def arguments(n, channels, out):
        c = f"tensor<{out}xf32>"
        role = '{spiking.role = "parameter"}'
        state = '{spiking.role = "state"}'
        return f"%k{n}: tensor<3x3x{channels}x{out}xf32> {role}, %g{n}: {c} {role}, %b{n}: {c} {role}, %m{n}: {c} {state}, %r{n}: {c} {state}"

    return f"""func.func @forward(%x: tensor<?x{batch}x16x16x3xf32> {{spiking.name = "x"}}, {arguments(1, 3, 8)}, {arguments(2, 8, 32)})
    -> (tensor<?x{batch}x4x4x32x{spikes}>, tensor<8xf32> {{spiking.aliases = 4}}, tensor<8xf32> {{spiking.aliases = 5}}, tensor<32xf32> {{spiking.aliases = 9}}, tensor<32xf32> {{spiking.aliases = 10}}) {{
    %zeroth = arith.constant 0 : index
    %first = arith.constant 1 : index
    %zero = arith.constant 0.0 : f32
    %T = tensor.dim %x, %zeroth : tensor<?x{batch}x16x16x3xf32>
    %B = tensor.dim %x, %first : tensor<?x{batch}x16x16x3xf32>
{block(1, "%x", "f32", 16, 3, 8)}{block(2, "%p1", spikes, 8, 8, 32)}    return %p2, %nm1, %nr1, %nm2, %nr2 : tensor<?x{batch}x4x4x32x{spikes}>, tensor<8xf32>, tensor<8xf32>, tensor<32xf32>, tensor<32xf32>
}}
"""


NETWORKS = {"lif": (LIF, "avg", "merged"), "own": (OWN, "max", "per_step"), "lif-max": (LIF, "max", "merged")}


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_the_interpreter(tool, tmp_path, name):
    path = tmp_path / "net.mlir"
    path.write_text(network(*NETWORKS[name]))
    # One program serves all sizes: few samples, and a share for each thread; both widths of vectors.
    for sizes, options in [("T=3,B=2", ["--threads=2"]), ("T=2,B=33", ["--threads=2"]), ("T=2,B=33", ["--threads=1", "--isa=x86-64-v3"])]:
        result = tool("snn-run", path, "--function=forward", "--differentiate", "--random", "--seed=3", f"--dims={sizes}", "--check", *options)
        assert "agree in every element" in result.stdout


def test_operations_share_loops(tool, tmp_path):
    path, gradient, report = tmp_path / "net.mlir", tmp_path / "gradient.mlir", tmp_path / "report.json"
    path.write_text(network(*NETWORKS["lif"]))
    tool("snn-run", path, "--function=forward", "--differentiate", "--wrt=parameters", f"--save-module={gradient}")
    tool("snn-compile", gradient, "--emit=llvm", f"--report={report}", f"--dump-dir={tmp_path}", "-o", tmp_path / "net.ll")
    nests = [remark["message"] for remark in json.loads(report.read_text())["remarks"] if remark["name"] == "sample-blocks" and "go through" in remark["message"]]
    counts = [int(message.split("go through ")[1].split()[0]) for message in nests]
    # Forward: convolution and sums; neuron, pool, convolution and sums; neuron and pool. Backward: two nests; the last
    # one has the gradients of a normalization, a convolution, a pool and a neuron, and the sums.
    assert len(counts) >= 4 and max(counts) >= 5, nests
    # The cotangent that the pool hands to the first layer's neuron exists for a block only.
    (buffers,) = tmp_path.glob("*-buffers.mlir")
    assert "memref<?x?x8x2x8x2x8xf32>" in buffers.read_text()
    top = [line for line in buffers.read_text().splitlines() if line.startswith("    %") and "x8x2x8x2x8xf32>" in line and ("memref.view" in line or "memref.alloc" in line)]
    assert not top, top
