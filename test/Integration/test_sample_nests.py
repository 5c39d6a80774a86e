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


def recurrent(batch):
    b = batch or "?"
    return f"""
func.func @forward(%x: tensor<?x{b}x8xf32> {{spiking.name = "x"}}, %wi: tensor<8x48xf32> {{spiking.name = "wi"}}, %wr: tensor<48x48xf32> {{spiking.name = "wr"}},
    %v0: tensor<{b}x48xf32> {{spiking.name = "v0"}}, %z0: tensor<{b}x48xi1> {{spiking.name = "z0"}}) -> (tensor<?x{b}x48xi1>, tensor<{b}x48xf32>) {{
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?x{b}x8xf32>
  %s, %vT, %zT = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x{b}x8xf32>) state(%v = %v0 : tensor<{b}x48xf32>, %z = %z0 : tensor<{b}x48xi1>) -> (tensor<?x{b}x48xi1>) {{
    %a = spiking.linear %x_t, %wi : (tensor<{b}x8xf32>, tensor<8x48xf32>) -> tensor<{b}x48xf32>
    %r = spiking.linear %z, %wr : (tensor<{b}x48xi1>, tensor<48x48xf32>) -> tensor<{b}x48xf32>
    %i = arith.addf %a, %r : tensor<{b}x48xf32>
    %s1, %v1 = spiking.lif %i, %v {{{LIF}}} : (tensor<{b}x48xf32>, tensor<{b}x48xf32>) -> (tensor<{b}x48xi1>, tensor<{b}x48xf32>)
    spiking.yield %s1 : tensor<{b}x48xi1> next(%v1, %s1 : tensor<{b}x48xf32>, tensor<{b}x48xi1>)
  }}
  return %s, %vT : tensor<?x{b}x48xi1>, tensor<{b}x48xf32>
}}
"""


NETWORKS = {"mlp": mlp, "conv": conv, "own_neuron": own_neuron, "recurrent": recurrent}


def float_buffers(text):
    """Types of float buffers of more than two dimensions."""
    made = re.findall(r"memref\.alloc\([^)]*\).* : (memref<\S+)", text) + re.findall(r"memref\.view [^\n]* to (memref<\S+)", text)
    return [made for made in made if re.match(r"memref<(\w+x|\?x){3,}f(32|64)", made)]


def check_buffers(tool, folder, text, *options):
    """Compiles a network: float sequences must be made in its only nest, for the samples of a block."""
    path = folder / "net.mlir"
    path.write_text(text)
    tool("snn-compile", path, "--emit=llvm", f"--dump-dir={folder}", "-o", folder / "net.ll", *options)
    (buffers,) = folder.glob("*-buffers.mlir")
    text = buffers.read_text()
    name = re.search(r"func\.func @(\w+)", path.read_text()).group(1)
    function = re.search(rf"  func\.func private @{name}\(.*?\n  }}\n", text, re.S).group(0)
    (nest,) = re.findall(r"\n    scf\.forall .*?\n    }", function, re.S) or [""]
    assert not float_buffers(function.replace(nest, "")), function
    assert float_buffers(nest), nest
    # The samples of a share, and of a block of it.
    *_, block = re.findall(r"(%\w+) = arith\.minsi %\w+, %\w+ : index", nest[:nest.index("memref.alloc")])
    for sizes, made in re.findall(r"memref\.alloc\(([^)]*)\).* : (memref<\S+)", nest):
        if float_buffers(f"memref.alloc({sizes}) : {made}"):
            assert block in sizes.split(", "), made


@pytest.mark.parametrize("options", [[], ["--openmp=false"]], ids=["threads", "one_thread"])
@pytest.mark.parametrize("batch", [None, 48], ids=["dynamic", "static"])
@pytest.mark.parametrize("network", NETWORKS)
def test_currents_exist_for_a_block_of_samples(tool, tmp_path, network, batch, options):
    check_buffers(tool, tmp_path, NETWORKS[network](batch), *options)


def random_scans(tool, count):
    """The fuzzer's scans whose samples know nothing of each other: text, and types of arguments by name. They use their inputs."""
    text = tool("snn-fuzz", "--kind=scan", "--seed=1", f"--count={count}", "--print", "--no-code", "--no-adjoint").stdout
    for seed, program in re.findall(r"// seed (\d+)\n(func\.func .*?\n}\n)", text, re.S):
        signature = program[:program.index(" -> ")]
        types = dict(re.findall(r"(%\w+): tensor<([^>]*)>", signature))
        space = types["%s0"].split("x")
        sums = [shape.split("x") for name, shape in types.items() if name.startswith("%a")]
        if " step " not in program and len(space) > 2 and all(len(s) == len(space) and s[0] != "1" for s in sums):
            element, sum = space[-1], "\\2"
            lines = ""
            for name, shape in types.items():
                if name[1] == "x" and shape.count("x") == 1:
                    program = program.replace(f"{name}: tensor<{shape}>", f'{name}: tensor<{shape}> {{spiking.dims = ["T"]}}', 1)
                if name[1] in "xp":
                    lines += f"    %used_{name[1:]} = arith.addf {sum}, %b{name[1:]} : {element}\n"
                    sum = f"%used_{name[1:]}"
            program = re.sub(r"    spiking\.yield (.*) next\((%\w+)", rf"{lines}    spiking.yield \1 next({sum}", program)
            yield seed, program, types


def behind_a_product(program, types):
    """The scan's first input is a current."""
    *outer, columns, element = types["%x0"].split("x")
    inputs, weights, output = (f"tensor<{x}>" for x in ("x".join([*outer, "8", element]), f"8x{columns}x{element}", types["%x0"]))
    program = program.replace(f"%x0: {output}", f"%in: {inputs}, %w: {weights}", 1)
    return program.replace("{\n", f"{{\n  %x0 = spiking.linear %in, %w : ({inputs}, {weights}) -> {output}\n", 1)


def in_a_convolution(program, types):
    """Convolution, batch norm, the scan on images, mean pool of its spikes; None: its inputs have shapes of their own."""
    batch, columns, element = types["%s0"].split("x")
    if types["%x0"] != f"?x{batch}x{columns}x{element}":
        return None
    for name, shape in types.items():
        known = ["?x" + element] if name.startswith("%x") else [f"{batch}x{columns}x{element}"]
        if shape not in [element, types["%x0"], *known] + ([f"1x{element}", f"{columns}x{element}"] if name.startswith("%p") else []):
            return None
    sequence, image = f"tensor<?x{batch}x{columns}x", f"tensor<{batch}x{columns}x"
    program = program.replace(sequence, f"tensor<?x{batch}x6x6x{columns}x").replace(image, f"tensor<{batch}x6x6x{columns}x")
    x, v, k = f"tensor<?x{batch}x6x6x{columns}x{element}>", f"tensor<{columns}x{element}>", f"tensor<3x3x2x{columns}x{element}>"
    images = x.replace(f"x{columns}x{element}", f"x2x{element}")
    program = program.replace(f"%x0: {x}", f"%in: {images}, %k: {k}, %g: {v}, %h: {v}, %m: {v}, %n: {v}", 1)
    program = program.replace("{\n", f"""{{
  %conv = spiking.conv %in, %k {{padding = array<i64: 1, 1>, layout = #spiking.layout<channels_last>}} : ({images}, {k}) -> {x}
  %x0, %running, %ratio, %mean, %variance = spiking.batch_norm %conv scale(%g) shift(%h) running(%m, %n) {{statistics = #spiking.statistics<merged>, mode = #spiking.mode<inference>}}
      : ({x}, {v}, {v}, {v}, {v}) -> ({x}, {v}, {v}, {v}, {v})
""", 1)
    spikes = x.replace(f"x{element}>", "xi1>")
    pooled = x.replace("x6x6x", "x3x3x")
    program = program.replace("  return %r0,", f"""  %pool = spiking.avg_pool %r0 {{kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>}} : ({spikes}) -> {pooled}
  return %pool,""", 1)
    head, tail = program.rsplit(spikes, 1)
    return head.replace(f"-> ({spikes}", f"-> ({pooled}", 1) + pooled + tail


def test_currents_of_random_scans_exist_for_a_block_of_samples(tool, tmp_path):
    counts = [0, 0]
    for seed, program, types in random_scans(tool, 24):
        kinds = [behind_a_product(program, types), in_a_convolution(program, types) if len(types["%s0"].split("x")) == 3 else None]
        for kind, text in enumerate(kinds):
            if text is None:
                continue
            folder = tmp_path / f"{seed}_{kind}"
            folder.mkdir()
            check_buffers(tool, folder, text)
            counts[kind] += 1
            # Few samples; many, a share for each thread.
            if counts[kind] <= 2:
                sizes = "T=5,B=3" if counts[kind] == 1 else "T=200,B=40"
                assert "agree in every element" in tool("snn-run", folder / "net.mlir", "--random", "--seed=3", f"--dims={sizes}", "--check").stdout
    assert min(counts) >= 3, counts


@pytest.mark.parametrize("samples", [3, 48], ids=["few", "many"])
@pytest.mark.parametrize("network", NETWORKS)
def test_nests_compute_what_the_interpreter_computes(tool, tmp_path, network, samples):
    path = tmp_path / "net.mlir"
    path.write_text(NETWORKS[network](None))
    # 48 samples are more than the caches hold.
    result = tool("snn-run", path, "--random", "--seed=3", f"--dims=T=16,B={samples}", "--check")
    assert "agree in every element" in result.stdout


@pytest.mark.parametrize("batch, sizes", [(None, "T=9,B=3"), (None, "T=9,B=40"), (40, "B=9")])
def test_backward_loops_compute_states_again_block_by_block(tool, tmp_path, batch, sizes):
    path = tmp_path / "net.mlir"
    path.write_text(recurrent(batch))
    # The only size that is not known is called B.
    result = tool("snn-run", path, "--function=forward", "--differentiate", "--random", "--seed=3", f"--dims={sizes}", "--check")
    assert "agree in every element" in result.stdout


def test_nests_of_a_static_batch(tool, tmp_path):
    path = tmp_path / "net.mlir"
    for network in (own_neuron, recurrent):
        path.write_text(network(48))
        assert "agree in every element" in tool("snn-run", path, "--random", "--seed=3", "--dims=B=16", "--check").stdout
