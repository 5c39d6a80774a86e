"""Kernels for the GPU compute what the CPU's code computes, bit for bit.

The module that PTX is emitted from is executed on the CPU (kernels_on_cpu.py).
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import re

import numpy as np
import pytest

import kernels_on_cpu


@pytest.fixture(scope="module")
def tools(build_dir):
    cache = (build_dir / "CMakeCache.txt").read_text()

    def variable(name):
        return re.search(r"^%s:\w+=(.*)$" % name, cache, re.M).group(1)

    llvm_bin = re.sub(r"/lib/cmake/mlir/?$", "/bin", variable("MLIR_DIR"))
    return kernels_on_cpu.Toolchain(str(build_dir / "bin" / "snn-opt"), llvm_bin, variable("CMAKE_C_COMPILER"))


class Both:
    """A function through both pipelines."""

    def __init__(self, tools, folder, text, options=""):
        self.gpu = kernels_on_cpu.compile_for_gpu(tools, text, str(folder), options=options)
        self.cpu = kernels_on_cpu.compile_for_cpu(tools, text, str(folder))

    def check(self, function, *arguments):
        """Calls it with equal arguments; returns them after the call."""
        ours = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
        theirs = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
        self.gpu(function, *ours)
        self.cpu(function, *theirs)
        for i, (mine, other) in enumerate(zip(ours, theirs)):
            if isinstance(mine, np.ndarray):
                np.testing.assert_array_equal(mine, other, err_msg="argument %d of %s" % (i, function))
        return ours


def floats(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def unaligned(array):
    """The same values at an address that is no multiple of 16."""
    raw = np.empty(array.nbytes + 64, np.uint8)
    start = -raw.ctypes.data % 16 + array.itemsize
    copy = raw[start:start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


FORWARD = """
func.func @forward(%x: memref<?x?xNxf32>, %s: memref<?x?xNxi8>, %state: memref<?xNxf32>, %th: memref<Nxf32>, %k: memref<f32>) {
  spiking.scan forward ins(%i = %x : memref<?x?xNxf32>) params(%p = %th : memref<Nxf32>, %d = %k : memref<f32>)
      outs(%s : memref<?x?xNxi8>) states(%v = %state : memref<?xNxf32>) {
    %zero = arith.constant 0.0 : f32
    %kv = arith.mulf %v, %d : f32
    %h = arith.addf %kv, %i : f32
    %u = arith.subf %h, %p : f32
    %f = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
    %t = spiking.time_step
    %t8 = arith.index_cast %t : index to i8
    %v1 = scf.if %f -> (f32) {
      scf.yield %zero : f32
    } else {
      %e = math.tanh %h : f32
      scf.yield %e : f32
    }
    %o = arith.extui %f : i1 to i8
    %o1 = arith.addi %o, %t8 : i8
    spiking.yield %o1 : i8 next(%v1 : f32)
  }
  return
}
"""


@pytest.mark.parametrize("neurons", [128, 10, 1])
def test_forward_scan(tools, tmp_path, neurons):
    both = Both(tools, tmp_path, FORWARD.replace("xN", "x%d" % neurons).replace("<N", "<%d" % neurons))
    rng = np.random.default_rng(1)
    for steps, batch in ((1, 1), (5, 3), (16, 4), (0, 2), (3, 2)):
        arguments = [floats(rng, steps, batch, neurons) + np.float32(0.5), np.zeros((steps, batch, neurons), np.int8),
                     floats(rng, batch, neurons), np.abs(floats(rng, neurons)), np.array(0.7, np.float32)]
        result = both.check("forward", *arguments)
        if steps and batch * neurons > 4:
            assert (result[1] & 1).any()
        if steps:
            # An unaligned buffer takes the way of single neurons.
            again = both.check("forward", unaligned(arguments[0]), *arguments[1:])
            np.testing.assert_array_equal(again[1], result[1])


BACKWARD = """
func.func @backward(%x: memref<TxBxNxf32>, %g: memref<TxBxNxf32>, %gx: memref<TxBxNxf32>, %gv: memref<BxNxf32>, %v0: memref<BxNxf32>,
                    %th: memref<Nxf32>, %gth: memref<Nxf32>, %gk: memref<f32>, %gb: memref<Bx1xf32>, %gall: memref<BxNxf32>) {
  spiking.scan reverse ins(%i = %x : memref<TxBxNxf32>, %gs = %g : memref<TxBxNxf32>) params(%p = %th : memref<Nxf32>)
      outs(%gx : memref<TxBxNxf32>) states(%d = %gv : memref<BxNxf32>)
      accumulators(%gth : memref<Nxf32>, %gk : memref<f32>, %gb : memref<Bx1xf32>, %gall : memref<BxNxf32>)
      replay(%v = %v0 : memref<BxNxf32>) {
    %one = arith.constant 1.0 : f32
    %half = arith.constant 0.5 : f32
    %hv = arith.mulf %v, %half : f32
    %h = arith.addf %hv, %i : f32
    %u = arith.subf %h, %p : f32
    %n = arith.negf %u : f32
    %e = math.exp %n : f32
    %e1 = arith.addf %e, %one : f32
    %sg = arith.divf %one, %e1 : f32
    %gu = arith.mulf %sg, %gs : f32
    %gh = arith.addf %d, %gu : f32
    %gd = arith.mulf %gh, %half : f32
    %gp = arith.negf %gu : f32
    %gkv = arith.mulf %gh, %v : f32
    spiking.yield %gh : f32 next(%gd : f32) accumulate(%gp, %gkv, %gh, %gu : f32, f32, f32, f32)
  } replaying {
  ^bb0(%i: f32, %gs: f32, %p: f32, %v: f32):
    %half = arith.constant 0.5 : f32
    %zero = arith.constant 0.0 : f32
    %hv = arith.mulf %v, %half : f32
    %h = arith.addf %hv, %i : f32
    %f = arith.cmpf oge, %h, %p : f32
    %v1 = arith.select %f, %zero, %h : f32
    spiking.yield next(%v1 : f32)
  }
  return
}
"""


@pytest.mark.parametrize("steps,neurons,chunk", [("?", 8, 4), ("?", 6, 3), (4, 8, 4), (7, 8, 4), (9, 8, 2)])
def test_backward_scan(tools, tmp_path, steps, neurons, chunk):
    text = BACKWARD
    for name, value in (("xf32", "Xf32"), ("<T", "<%s" % steps), ("xB", "x?"), ("<B", "<?"), ("xN", "x%d" % neurons),
                        ("<N", "<%d" % neurons), ("Xf32", "xf32")):
        text = text.replace(name, value)
    both = Both(tools, tmp_path, text, options="chunk-steps=%d" % chunk)
    rng = np.random.default_rng(2)
    for count in (0, 1, 4, 7, 16) if steps == "?" else (steps,):
        for batch in (1, 4, 5):
            sequence = (count, batch, neurons)
            both.check("backward", floats(rng, *sequence), floats(rng, *sequence), floats(rng, *sequence),
                       floats(rng, batch, neurons), floats(rng, batch, neurons), np.abs(floats(rng, neurons)),
                       floats(rng, neurons), np.array(0.25, np.float32), floats(rng, batch, 1),
                       floats(rng, batch, neurons))


SPACE = """
func.func @space(%x: memref<?x?x3x4x?xf32>, %c: memref<3x1x1xf32>, %w: memref<?xf32>, %m: memref<?x1x1x1xf32>, %state: memref<?x3x4x?xf32>, %y: memref<?x?x3x4x?xf32>) {
  %t = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %T = memref.dim %x, %t : memref<?x?x3x4x?xf32>
  %B = memref.dim %x, %c1 : memref<?x?x3x4x?xf32>
  %c4 = arith.constant 4 : index
  %W = memref.dim %x, %c4 : memref<?x?x3x4x?xf32>
  // Step by step, on slices.
  scf.for %i = %t to %T step %c1 {
    %xt = memref.subview %x[%i, 0, 0, 0, 0] [1, %B, 3, 4, %W] [1, 1, 1, 1, 1] : memref<?x?x3x4x?xf32> to memref<?x3x4x?xf32, strided<[?, ?, ?, 1], offset: ?>>
    %yt = memref.subview %y[%i, 0, 0, 0, 0] [1, %B, 3, 4, %W] [1, 1, 1, 1, 1] : memref<?x?x3x4x?xf32> to memref<?x3x4x?xf32, strided<[?, ?, ?, 1], offset: ?>>
    spiking.scan step ins(%a = %xt : memref<?x3x4x?xf32, strided<[?, ?, ?, 1], offset: ?>>)
        params(%p = %c : memref<3x1x1xf32>, %q = %w : memref<?xf32>, %r = %m : memref<?x1x1x1xf32>)
        outs(%yt : memref<?x3x4x?xf32, strided<[?, ?, ?, 1], offset: ?>>) states(%v = %state : memref<?x3x4x?xf32>) {
      %h = arith.mulf %v, %p : f32
      %h1 = arith.addf %h, %q : f32
      %h2 = arith.subf %h1, %r : f32
      %h3 = arith.addf %h2, %a : f32
      spiking.yield %h3 : f32 next(%h3 : f32)
    }
  }
  return
}
"""


def test_broadcast_and_slices(tools, tmp_path):
    both = Both(tools, tmp_path, SPACE)
    rng = np.random.default_rng(3)
    for batch, width in ((2, 4), (3, 5), (1, 1)):
        both.check("space", floats(rng, 3, batch, 3, 4, width), floats(rng, 3, 1, 1), floats(rng, width),
                   floats(rng, batch, 1, 1, 1), floats(rng, batch, 3, 4, width), floats(rng, 3, batch, 3, 4, width))


PRODUCTS = """
#id = affine_map<(t, b, n) -> (t, b, n)>
func.func @linear(%x: memref<?x?xKxi8>, %w: memref<KxNxf32>, %y: memref<?x?xNxf32>) {
  linalg.generic {indexing_maps = [affine_map<(t, b, n, k) -> (t, b, k)>, affine_map<(t, b, n, k) -> (k, n)>, affine_map<(t, b, n, k) -> (t, b, n)>],
                  iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x?xKxi8>, memref<KxNxf32>) outs(%y : memref<?x?xNxf32>) {
  ^bb0(%a: i8, %b: f32, %c: f32):
    %f = arith.sitofp %a : i8 to f32
    %d = math.fma %f, %b, %c : f32
    linalg.yield %d : f32
  }
  return
}
func.func @weights(%x: memref<?x?xKxf32>, %g: memref<?x?xNxf32>, %gw: memref<KxNxf32>) {
  linalg.generic {indexing_maps = [affine_map<(k, n, t, b) -> (t, b, k)>, affine_map<(k, n, t, b) -> (t, b, n)>, affine_map<(k, n, t, b) -> (k, n)>],
                  iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %g : memref<?x?xKxf32>, memref<?x?xNxf32>) outs(%gw : memref<KxNxf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %d = math.fma %a, %b, %c : f32
    linalg.yield %d : f32
  }
  return
}
func.func @grouped(%x: memref<?x2x6x7xf32>, %w: memref<2x3x2x5xf32>, %y: memref<?x2x4x5xf32>) {
  linalg.generic {indexing_maps = [affine_map<(b, g, h, n, i, j) -> (b, g, h + i, j * 2 + 1)>, affine_map<(b, g, h, n, i, j) -> (g, i, j, n)>, affine_map<(b, g, h, n, i, j) -> (b, g, h, n)>],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : memref<?x2x6x7xf32>, memref<2x3x2x5xf32>) outs(%y : memref<?x2x4x5xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %d = math.fma %a, %b, %c : f32
    linalg.yield %d : f32
  }
  return
}
"""


@pytest.mark.parametrize("depth,columns", [(784, 10), (33, 70), (16, 64), (1, 1)])
def test_products(tools, tmp_path, depth, columns):
    text = PRODUCTS.replace("xf32", "Xf32").replace("K", str(depth)).replace("xN", "x%d" % columns).replace("X", "x")
    both = Both(tools, tmp_path, text)
    rng = np.random.default_rng(4)
    for steps, batch in ((1, 1), (3, 5), (4, 33), (0, 3)):
        spikes = rng.integers(-2, 3, (steps, batch, depth)).astype(np.int8)
        both.check("linear", spikes, floats(rng, depth, columns), floats(rng, steps, batch, columns))
        both.check("weights", floats(rng, steps, batch, depth), floats(rng, steps, batch, columns),
                   floats(rng, depth, columns))
    both.check("grouped", floats(rng, 3, 2, 6, 7), floats(rng, 2, 3, 2, 5), floats(rng, 3, 2, 4, 5))


HOST = """
func.func @host(%x: memref<?x?xf32>, %rate: memref<f32>, %loss: memref<f32>, %count: memref<i32>, %padded: memref<?x?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %zero = arith.constant 0.0 : f32
  %n = memref.dim %x, %c0 : memref<?x?xf32>
  %m = memref.dim %x, %c1 : memref<?x?xf32>
  %sum = memref.alloc() : memref<f32>
  linalg.fill ins(%zero : f32) outs(%sum : memref<f32>)
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> ()>], iterator_types = ["reduction", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%sum : memref<f32>) {
  ^bb0(%a: f32, %s: f32):
    %i = linalg.index 1 : index
    %k = arith.index_cast %i : index to i32
    %f = arith.sitofp %k : i32 to f32
    %p = arith.mulf %a, %f : f32
    %d = arith.addf %s, %p : f32
    linalg.yield %d : f32
  }
  %r = memref.load %rate[] : memref<f32>
  %s = memref.load %sum[] : memref<f32>
  %rs = arith.mulf %r, %s : f32
  memref.store %rs, %loss[] : memref<f32>
  // The rate changes after it was loaded.
  memref.store %zero, %rate[] : memref<f32>
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} outs(%x : memref<?x?xf32>) {
  ^bb0(%a: f32):
    %e = arith.mulf %a, %r : f32
    %g = math.exp %e : f32
    linalg.yield %g : f32
  }
  %hits = scf.for %i = %c0 to %n step %c1 iter_args(%h = %c0) -> (index) {
    %v = memref.load %x[%i, %c0] : memref<?x?xf32>
    %one = arith.constant 1.0 : f32
    %above = arith.cmpf ogt, %v, %one : f32
    %h1 = scf.if %above -> (index) {
      %h2 = arith.addi %h, %c1 : index
      scf.yield %h2 : index
    } else {
      scf.yield %h : index
    }
    scf.yield %h1 : index
  }
  %hits32 = arith.index_cast %hits : index to i32
  memref.store %hits32, %count[] : memref<i32>
  linalg.fill ins(%zero : f32) outs(%padded : memref<?x?xf32>)
  %inner = memref.subview %padded[1, 2] [%n, %m] [1, 1] : memref<?x?xf32> to memref<?x?xf32, strided<[?, 1], offset: ?>>
  linalg.copy ins(%x : memref<?x?xf32>) outs(%inner : memref<?x?xf32, strided<[?, 1], offset: ?>>)
  memref.dealloc %sum : memref<f32>
  return
}
"""


def test_host_scalars_and_copies(tools, tmp_path):
    both = Both(tools, tmp_path, HOST)
    rng = np.random.default_rng(5)
    result = both.check("host", floats(rng, 6, 5), np.array(0.5, np.float32), np.array(7, np.float32),
                        np.array(-1, np.int32), floats(rng, 8, 8))
    assert result[1] == 0 and 0 < result[3] < 6 and result[4][0, 0] == 0 and result[4][1, 2] == result[0][0, 0]
