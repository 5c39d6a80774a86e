// RUN: not snn-opt %s --convert-products-to-vector=vector-bits=128 2>&1 | FileCheck %s
// RUN: not snn-opt %s --pass-pipeline="builtin.module(func.func(convert-spiking-scan-to-loops{vector-width=0}))" 2>&1 | FileCheck %s --check-prefix=WIDTH
// CHECK: error: vector-bits must be 256 or 512, got 128
// WIDTH: error: vector-width must be at least 1, got 0
func.func @f() {
  return
}
