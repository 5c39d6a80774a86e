// Waiting threads sleep soon, unless the environment says otherwise.
//
// RUN: env OMP_DISPLAY_ENV=VERBOSE snn-run %s --random --dims=B=3 2>&1 | FileCheck %s
// RUN: env OMP_DISPLAY_ENV=VERBOSE KMP_BLOCKTIME=7ms snn-run %s --random --dims=B=3 2>&1 | FileCheck %s --check-prefix=GIVEN
// CHECK: KMP_BLOCKTIME='100us
// GIVEN: KMP_BLOCKTIME='7ms
func.func @forward(%x: tensor<?x4xf32> {spiking.dims = ["B", 4]}, %w: tensor<4x8xf32>) -> tensor<?x8xf32> {
  %y = spiking.linear %x, %w : (tensor<?x4xf32>, tensor<4x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
