#!/usr/bin/env python3
#===- kernel_grid.py - Kernels of products with spikes, and the choice ----===#
#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===#
"""Times products with spikes on a grid of shapes and densities: each kernel, and the one that the program chooses as it runs.

The rows "chosen / fastest" say how far the choice is from the faster kernel. With --json, one line for each point.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

# Rows, steps, columns. Not those of the benchmark's cases.
LINEAR = [(500, 300, 200), (2000, 512, 96), (100, 2048, 512), (64, 700, 1000), (4000, 160, 40), (16, 400, 300), (1, 600, 256)]
GRADIENT = [(500, 300, 200), (2000, 512, 96), (128, 2048, 512), (64, 700, 1000), (4000, 160, 40)]
# Images, rows and columns, channels in and out of a 3 x 3 kernel.
CONV = [(32, 14, 48, 96), (64, 8, 100, 64), (16, 20, 16, 24)]
DENSITIES = [0.02, 0.07, 0.15, 0.3, 0.5]
KERNELS = ["dense", "selective", "auto"]


def linear(m, k, n):
    return f"{m} x {k} x {n}", m, f"""
func.func @f(%x: tensor<?x{k}xi1>, %w: tensor<{k}x{n}xf32>, %b: tensor<{n}xf32>) -> tensor<?x{n}xf32> {{
  %y = spiking.linear %x, %w, %b : (tensor<?x{k}xi1>, tensor<{k}x{n}xf32>, tensor<{n}xf32>) -> tensor<?x{n}xf32>
  return %y : tensor<?x{n}xf32>
}}"""


def gradient(m, k, n):
    return f"weight gradient {k} x {m} x {n}", m, f"""
func.func @f(%x: tensor<?x{k}xi1>, %g: tensor<?x{n}xf32>) -> tensor<{k}x{n}xf32> {{
  %y = spiking.linear_weight_gradient %x, %g : (tensor<?x{k}xi1>, tensor<?x{n}xf32>) -> tensor<{k}x{n}xf32>
  return %y : tensor<{k}x{n}xf32>
}}"""


def conv(m, s, k, n):
    x, w, y = f"tensor<?x{s}x{s}x{k}xi1>", f"tensor<3x3x{k}x{n}xf32>", f"tensor<?x{s}x{s}x{n}xf32>"
    return f"conv {m} x {s} x {s}, {k} to {n}", m, f"""
func.func @f(%x: {x}, %w: {w}) -> {y} {{
  %y = spiking.conv %x, %w {{layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>}} : ({x}, {w}) -> {y}
  return %y : {y}
}}"""


def conv_gradient(m, s, k, n):
    x, w, y = f"tensor<?x{s}x{s}x{k}xi1>", f"tensor<3x3x{k}x{n}xf32>", f"tensor<?x{s}x{s}x{n}xf32>"
    return f"conv weight gradient {m} x {s} x {s}, {k} to {n}", m, f"""
func.func @f(%x: {x}, %g: {y}) -> {w} {{
  %y = spiking.conv_weight_gradient %x, %g {{layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>}} : ({x}, {y}) -> {w}
  return %y : {w}
}}"""


POINTS = [linear(*p) for p in LINEAR] + [gradient(*p) for p in GRADIENT] + [conv(*p) for p in CONV] + [conv_gradient(*p) for p in CONV]


def measure(options, path, batch, density, kernel):
    command = [options.snn_run, path, "--function=f", "--random", "--seed=1", f"--dims=B={batch}", f"--spike-rate={density}",
               f"--force-kernel={kernel}", "--time", "--json", f"--min-seconds={options.seconds}", f"--threads={options.threads}",
               f"--isa={options.isa}"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["median_ms"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snn-run", default="build/bin/snn-run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--isa", default="host")
    parser.add_argument("--seconds", type=float, default=0.15, help="for each figure")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--filter", default="", help="points whose name contains this")
    parser.add_argument("--first", type=int, default=0, help="first point")
    parser.add_argument("--count", type=int, default=len(POINTS), help="number of points")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.json:
        print("| product | density | dense, ms | selective, ms | chosen, ms | chosen / fastest |\n| --- | --- | --- | --- | --- | --- |")
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, batch, text in POINTS[options.first:options.first + options.count]:
            if options.filter not in name:
                continue
            path = pathlib.Path(folder) / "f.mlir"
            path.write_text(text)
            for density in DENSITIES:
                # Interleaved, the least of the medians: whole processes are slow at times where the machine is shared.
                times = {kernel: 1e9 for kernel in KERNELS}
                for _ in range(options.rounds):
                    for kernel in KERNELS:
                        times[kernel] = min(times[kernel], measure(options, path, batch, density, kernel))
                ratio = times["auto"] / min(times["dense"], times["selective"])
                worst = max(worst, ratio)
                if options.json:
                    print(json.dumps({"product": name, "density": density, "ms": times, "ratio": ratio}))
                else:
                    print(f"| {name} | {density} | {times['dense']:.4f} | {times['selective']:.4f} | {times['auto']:.4f} | {ratio:.2f} |")
                sys.stdout.flush()
    print(f"the slowest choice takes {worst:.2f} of the faster kernel's time", file=sys.stderr)


if __name__ == "__main__":
    main()
