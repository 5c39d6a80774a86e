// Arguments that are updated in place, where their old values are results, too.
//
// RUN: snn-run %s --function=swap --random --check | FileCheck %s
// RUN: snn-run %s --function=old --random --check | FileCheck %s
// RUN: snn-run %s --function=both --random --check | FileCheck %s
// RUN: snn-run %s --function=loop --random --arg T=3 --check | FileCheck %s
// RUN: snn-run %s --function=after --random --arg T=3 --check | FileCheck %s
// CHECK: equal: compiled code and interpreter agree in every element of 2 results

func.func @swap(%p: tensor<8xf32>, %q: tensor<8xf32>) -> (tensor<8xf32> {spiking.aliases = 0}, tensor<8xf32> {spiking.aliases = 1}) {
  return %q, %p : tensor<8xf32>, tensor<8xf32>
}
func.func @old(%p: tensor<2x4xf32>, %x: tensor<2x4xf32>) -> (tensor<8xf32>, tensor<2x4xf32> {spiking.aliases = 0}) {
  %old = spiking.flatten %p {dims = 2} : (tensor<2x4xf32>) -> tensor<8xf32>
  %new = arith.addf %p, %x : tensor<2x4xf32>
  return %old, %new : tensor<8xf32>, tensor<2x4xf32>
}
func.func @both(%x: tensor<4x8xf32>, %v0: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32> {spiking.aliases = 1}) {
  %s, %v1 = spiking.lif %x, %v0 {decay = 0.5, surrogate = #spiking.atan} : (tensor<4x8xf32>, tensor<8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  %t, %v2 = spiking.lif %x, %v0 {decay = 0.25, surrogate = #spiking.atan} : (tensor<4x8xf32>, tensor<8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return %v1, %v2 : tensor<8xf32>, tensor<8xf32>
}
// Recurrent weights: the states are carried by a loop.
func.func @loop(%x: tensor<8xf32>, %w: tensor<8x8xf32> {spiking.role = "parameter"}, %v0: tensor<8xf32>, %T: index {spiking.role = "time_steps"})
    -> (tensor<8xf32>, tensor<8xf32> {spiking.aliases = 2}) {
  %vT = spiking.time_loop %t = 0 to %T state(%v = %v0 : tensor<8xf32>) -> () {
    %i = spiking.linear %v, %w : (tensor<8xf32>, tensor<8x8xf32>) -> tensor<8xf32>
    %u = arith.addf %i, %x : tensor<8xf32>
    spiking.yield next(%u : tensor<8xf32>)
  }
  return %v0, %vT : tensor<8xf32>, tensor<8xf32>
}
func.func @after(%x: tensor<8xf32>, %w: tensor<8x8xf32> {spiking.role = "parameter"}, %v0: tensor<8xf32>, %T: index {spiking.role = "time_steps"})
    -> (tensor<8xf32>, tensor<8xf32> {spiking.aliases = 2}) {
  %vT = spiking.time_loop %t = 0 to %T state(%v = %v0 : tensor<8xf32>) -> () {
    %i = spiking.linear %v, %w : (tensor<8xf32>, tensor<8x8xf32>) -> tensor<8xf32>
    spiking.yield next(%i : tensor<8xf32>)
  }
  %y = arith.addf %v0, %x : tensor<8xf32>
  return %y, %vT : tensor<8xf32>, tensor<8xf32>
}
