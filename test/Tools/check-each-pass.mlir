// RUN: snn-opt %s --check-each-pass --spiking-decompose-neurons --canonicalize --cse | FileCheck %s
// RUN: not snn-opt %s --check-each-pass --math-uplift-to-fma --spiking-decompose-neurons -o /dev/null 2>&1 | FileCheck %s --check-prefix=WRONG

// CHECK-LABEL: func @network
// CHECK:         spiking.scan forward
// CHECK-NOT:     spiking.lif
func.func @network(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>) {
  %i = spiking.linear %x, %w : (tensor<?x?x8xf32>, tensor<8x4xf32>) -> tensor<?x?x4xf32>
  %s, %v = spiking.lif %i {decay = 0.5, threshold = 0.25} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  return %s, %v : tensor<?x?x4xi1>, tensor<?x4xf32>
}

// What a fast-math flag allows is not the reference arithmetic.
// WRONG: error: pass 'math-uplift-to-fma' changes what 'contracted' computes: result 0 is {{.*}} at [{{.*}}] and was
// CHECK-LABEL: func @contracted
func.func @contracted(%x: tensor<64xf32>, %y: tensor<64xf32>, %z: tensor<64xf32>) -> tensor<64xf32> {
  %m = arith.mulf %x, %y fastmath<fast> : tensor<64xf32>
  %a = arith.addf %m, %z fastmath<fast> : tensor<64xf32>
  return %a : tensor<64xf32>
}
