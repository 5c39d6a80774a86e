// RUN: snn-opt %s --convert-spiking-to-linalg | FileCheck %s

// CHECK-LABEL: @recurrent
// CHECK-SAME: %[[X:.*]]: tensor<?x?x8xf32>, %[[V:.*]]: tensor<?x8xf32>
// The batch of the outputs is that of the state, which the body adds to.
// CHECK: %[[B:.*]] = tensor.dim %[[V]]
// CHECK: %[[OUT:.*]] = tensor.empty(%{{.*}}, %[[B]])
// CHECK: scf.for %[[I:.*]] = %{{.*}} iter_args(%[[SEQ:.*]] = %[[OUT]], %[[STATE:.*]] = %[[V]])
// CHECK:   %[[LAST:.*]] = arith.subi
// CHECK:   %[[T:.*]] = arith.subi %[[LAST]], %[[I]]
// CHECK:   tensor.extract_slice %[[X]][%[[T]], 0, 0]
// CHECK:   %[[NEXT:.*]] = spiking.scan step
// CHECK:   tensor.insert_slice %[[NEXT]] into %[[SEQ]][%[[T]], 0, 0]
// The state is carried in one buffer.
// CHECK:   %[[CARRIED:.*]] = bufferization.materialize_in_destination %[[NEXT]] in %[[STATE]]
// CHECK:   scf.yield %{{.*}}, %[[CARRIED]]
func.func @recurrent(%x: tensor<?x?x8xf32>, %v: tensor<?x8xf32>, %w: tensor<8x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?x?x8xf32>
  %o, %f = spiking.time_loop reverse %t = 0 to %T over(%xt = %x : tensor<?x?x8xf32>) state(%s = %v : tensor<?x8xf32>) -> (tensor<?x?x8xf32>) {
    %y = spiking.linear %s, %w : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    %z = spiking.add %y, %xt : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
    spiking.yield %z : tensor<?x8xf32> next(%z : tensor<?x8xf32>)
  }
  return %o, %f : tensor<?x?x8xf32>, tensor<?x8xf32>
}

// CHECK-LABEL: @kernel
// CHECK-NOT: spiking.kernel
// CHECK: math.fma
func.func @kernel(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x4xf32> {
  %s = spiking.kernel "linear" (%x_ = %x : tensor<?x8xf32>, %w_ = %w : tensor<8x4xf32>) -> (tensor<?x4xf32>) {
    %y = spiking.linear %x_, %w_ : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
    spiking.yield %y : tensor<?x4xf32>
  }
  return %s : tensor<?x4xf32>
}

// Scans stay as they are.
// CHECK-LABEL: @scan
// CHECK-NEXT: spiking.scan forward
func.func @scan(%x: tensor<?x8xf32>, %v: tensor<8xf32>) -> tensor<8xf32> {
  %r = spiking.scan forward ins(%i = %x : tensor<?x8xf32>) states(%s = %v : tensor<8xf32>) {
    %a = arith.addf %i, %s : f32
    spiking.yield next(%a : f32)
  }
  return %r : tensor<8xf32>
}
