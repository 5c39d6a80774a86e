#!/usr/bin/env bash
# demo.sh - from a clean clone to a trained spiking network: installs what is missing, builds, trains examples/fashion_mlp.mlir
# on Fashion-MNIST, evaluates it, and emits it as PTX, cubin and a CPU shared object with its C header.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail
cd "$(dirname "$0")/.."

epochs=${RHEOBASE_DEMO_EPOCHS:-8}
out=build/demo
scripts/setup.sh
scripts/build.sh
mkdir -p "$out"
bin=build/bin

echo "== Training examples/fashion_mlp.mlir on 60,000 images, $epochs epochs"
"$bin/snn-train" examples/fashion_mlp.mlir --dataset=fashion-mnist --epochs="$epochs" --batch=128 --seed=1 --threads=2 \
  --checkpoint="$out/fashion_mlp.safetensors" --log="$out/fashion_mlp.csv"

echo "== Emitting the trained network"
"$bin/snn-compile" examples/fashion_mlp.mlir --target=nvptx --chip=sm_90 --emit=ptx -o "$out/fashion_mlp.ptx"
"$bin/snn-compile" examples/fashion_mlp.mlir --target=nvptx --chip=sm_90 --emit=cubin -o "$out/fashion_mlp.cubin"
"$bin/snn-compile" examples/fashion_mlp.mlir --target=cpu --emit=so --weights="$out/fashion_mlp.safetensors" -o "$out/fashion_mlp.so"

cat <<DONE

Written to $out:
$(cd "$out" && ls -1sh fashion_mlp.* | sed 's/^/  /')

Next:
  $bin/snn-opt examples/fashion_mlp.mlir --spiking-distribute-time-loop     see the loop over time move into the layers
  $bin/snn-compile examples/fashion_mlp.mlir --until=planned -o -        the planned training step
  $bin/snn-train examples/fashion_mlp.mlir --dataset=fashion-mnist --resume=$out/fashion_mlp.safetensors --epochs=$((epochs + 2))
  clang-22 examples/infer.c -Iinclude -I$out $out/fashion_mlp.so -lz -o $out/infer && $out/infer   classify an image from C
  $bin/snn-train --help                                                     everything about training
DONE
