#!/usr/bin/env python3
"""Measures matrix products alone, Rheobase's and those of libraries, interleaved, and prints one table.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

The shapes of the cases of bench/run_cpu.py and some others; forward (x W) and the gradient of the weights (x^T g). Rivals: torch (MKL in its builds from PyPI),
OpenBLAS (of NumPy), oneDNN (Debian's libdnnl2), libxsmm (Debian's libxsmm-dev); what is not installed is left out, and said. Every measurement is a process
of its own, reads its result (its sum) within the measured time, and is repeated for --rounds; a figure is the best of the rounds' medians, in GFLOP/s.
"""
import argparse, ctypes, ctypes.util, glob, json, os, statistics, subprocess, sys, tempfile, time

import run_cpu

# name: M, K, N
SHAPES = {"K2 N=256": (1600, 256, 256), "K2 N=1024": (1600, 1024, 1024), "K3": (3200, 700, 256), "K7": (3200, 784, 128), "fashion_mlp": (128, 784, 256),
          "square 512": (512, 512, 512), "tall": (8192, 256, 64), "wide": (256, 256, 4096), "deep": (256, 8192, 256), "odd": (1001, 333, 217)}
RIVALS = ["torch", "openblas", "onednn", "libxsmm"]


def library(name):
    """The shared object of a library; None where it is not installed."""
    if name == "onednn":
        return ctypes.util.find_library("dnnl")
    if name == "libxsmm":
        archive = "/usr/lib/libxsmm.a"
        if not os.path.exists(archive):
            return None
        shared = os.path.join(tempfile.gettempdir(), f"libxsmm-{os.getuid()}.so")
        blas = glob.glob("/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3")
        done = subprocess.run(["cc", "-shared", "-o", shared, "-Wl,--whole-archive", archive, "/usr/lib/libxsmmext.a", "-Wl,--no-whole-archive", *blas, "-lm", "-lpthread", "-ldl"],
                              capture_output=True)
        return shared if done.returncode == 0 else None
    return name


def rival(name, shape, gradient, threads):
    """In the rivals' Python: the median time of a product in ms."""
    import numpy as np, torch
    torch.set_num_threads(threads)
    m, k, n = shape
    x = torch.randn(m, k)
    other = torch.randn(m, n) if gradient else torch.randn(k, n)
    out = torch.empty(k, n) if gradient else torch.empty(m, n)
    a, b, c = x.numpy(), other.numpy(), out.numpy()
    rows, inner = (k, m) if gradient else (m, k)
    if name == "torch":
        def product(): torch.mm(x.t() if gradient else x, other, out=out)
    elif name == "openblas":
        def product(): np.matmul(a.T if gradient else a, b, out=c)
    else:
        lib = ctypes.CDLL(library(name))
        pointer, one, zero = lambda v: v.ctypes.data_as(ctypes.c_void_p), ctypes.c_float(1), ctypes.c_float(0)
        size = lambda v: ctypes.c_int64(v)
        if name == "onednn":
            # Row-major.
            def product():
                if lib.dnnl_sgemm(b"T"[0:1] if gradient else b"N", b"N", size(rows), size(n), size(inner), one, pointer(a), size(k), pointer(b), size(n), zero, pointer(c), size(n)):
                    raise SystemExit("dnnl_sgemm failed")
            for argument in ("dnnl_sgemm",):
                getattr(lib, argument).argtypes = [ctypes.c_char, ctypes.c_char, *[ctypes.c_int64] * 3, ctypes.c_float, ctypes.c_void_p, ctypes.c_int64,
                                                   ctypes.c_void_p, ctypes.c_int64, ctypes.c_float, ctypes.c_void_p, ctypes.c_int64]
        else:
            # Column-major: the transposed product.
            lib.libxsmm_init()
            by = lambda v: ctypes.byref(ctypes.c_int(v))
            def product():
                lib.libxsmm_sgemm(b"N", b"T" if gradient else b"N", by(n), by(rows), by(inner), ctypes.byref(one), pointer(b), by(n), pointer(a), by(k),
                                  ctypes.byref(zero), pointer(c), by(n))
    product()
    expected = (x.t() if gradient else x).double() @ other.double()
    if (out.double() - expected).abs().max() > 1e-2:
        raise SystemExit(f"{name}: a wrong product")
    times, end = [], time.perf_counter() + 0.5
    while len(times) < 7 or time.perf_counter() < end:
        start = time.perf_counter(); product(); out.sum().item(); times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps(dict(median_ms=statistics.median(times), checksum=0.0)))


def rheobase(shape, gradient, args, extra=()):
    m, k, n = shape
    if gradient:
        text = f"""func.func @forward(%x: tensor<?x{k}xf32>, %g: tensor<?x{n}xf32>) -> tensor<{k}x{n}xf32> {{
  %w = spiking.linear_weight_gradient %x, %g : (tensor<?x{k}xf32>, tensor<?x{n}xf32>) -> tensor<{k}x{n}xf32>
  return %w : tensor<{k}x{n}xf32>
}}"""
    else:
        text = f"""func.func @forward(%x: tensor<?x{k}xf32>, %w: tensor<{k}x{n}xf32>) -> tensor<?x{n}xf32> {{
  %y = spiking.linear %x, %w : (tensor<?x{k}xf32>, tensor<{k}x{n}xf32>) -> tensor<?x{n}xf32>
  return %y : tensor<?x{n}xf32>
}}"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "product.mlir")
        with open(path, "w") as file:
            file.write(text)
        return run_cpu.run_json([os.path.join(args.bin, "snn-run"), path, "--random", "--seed=1", "--time", "--json", "--min-seconds=0.5", f"--threads={args.threads}",
                                 f"--dims=B={m}", *extra], args)


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "--rival":
        return rival(sys.argv[2], tuple(map(int, sys.argv[3].split(","))), sys.argv[4] == "gradient", int(sys.argv[5]))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", default="", help="only shapes whose names contain one of these, comma-separated")
    parser.add_argument("--rounds", type=int, default=3, help="visits of each rival (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="cores that everybody may use (default: %(default)s)")
    parser.add_argument("--timeout", type=int, default=120, help="seconds after which a process is given up (default: %(default)s)")
    parser.add_argument("--bin", default=os.path.join(run_cpu.ROOT, "build", "bin"), help="folder of snn-run")
    args = parser.parse_args()
    python = run_cpu.environment()
    rivals = [name for name in RIVALS if library(name)]
    for name in set(RIVALS) - set(rivals):
        print(f"{name} is not installed", file=sys.stderr)
    # The narrower vectors where there are wider ones: what other machines do.
    isas = {"rheobase": ()}
    with open("/proc/cpuinfo") as file:
        if " avx512f " in file.read():
            isas["rheobase, AVX2"] = ("--isa=x86-64-v3",)
    print("| shape (M x K x N) | product | " + " | ".join([*isas, *rivals]) + " | rheobase / best rival |")
    print("| --- " * (len(isas) + len(rivals) + 3) + "|")
    failed = False
    for name, shape in SHAPES.items():
        if args.shapes and not any(part in name for part in args.shapes.split(",")):
            continue
        for kind in ("forward", "gradient"):
            best = {}
            for _ in range(args.rounds):
                for who in [*isas, *rivals]:
                    if who in isas:
                        result = rheobase(shape, kind == "gradient", args, isas[who])
                    else:
                        result = run_cpu.run_json([python, os.path.abspath(__file__), "--rival", who, ",".join(map(str, shape)), kind, str(args.threads)], args)
                    if "error" in result:
                        print(f"  {name} {kind} {who}: {result['error']}", file=sys.stderr)
                        failed |= who in isas
                        continue
                    best[who] = min(best.get(who, float("inf")), result["median_ms"])
            flops = 2 * shape[0] * shape[1] * shape[2] / 1e6
            figures = [f"{flops / best[who]:.0f}" if who in best else "-" for who in [*isas, *rivals]]
            least = min((best[who] for who in rivals if who in best), default=None)
            ratio = f"{least / best['rheobase']:.2f}" if least and "rheobase" in best else "-"
            print(f"| {name} ({' x '.join(map(str, shape))}) | {kind} | " + " | ".join(figures) + f" | {ratio} |", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
