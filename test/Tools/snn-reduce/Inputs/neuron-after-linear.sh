#!/bin/sh
# A tester of snn-reduce: a module is interesting (status 1) if it verifies and a
# firing neuron still takes the result of a product.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
snn-opt "$1" --mlir-print-local-scope 2>/dev/null | grep -q 'spiking.linear' || exit 0
snn-opt "$1" 2>/dev/null | grep -q 'spiking.\(alif\|if\)' || exit 0
exit 1
