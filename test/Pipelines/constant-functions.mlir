// Functions of constants: no folder computes them with the C library, wherever the constants come from. The interpreter runs
// the source as it stands.
//
// RUN: snn-run %s --function=dense --random --reference > %t.1
// RUN: snn-run %s --function=dense --random > %t.2
// RUN: diff %t.1 %t.2
// RUN: snn-run %s --function=splat --random --dims=B=3 --reference > %t.1
// RUN: snn-run %s --function=splat --random --dims=B=3 > %t.2
// RUN: diff %t.1 %t.2
// RUN: FileCheck %s < %t.2
// CHECK: result0: f32

func.func @dense(%x: tensor<4xf32>) -> (tensor<4xf32> {spiking.name = "result0"}) {
  %c = arith.constant dense<[0.3, 1.7, -2.9, 11.3]> : tensor<4xf32>
  %e = math.exp %c : tensor<4xf32>
  %s = math.sin %e : tensor<4xf32>
  %t = math.tanh %s : tensor<4xf32>
  %y = arith.mulf %t, %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

func.func @splat(%x: tensor<?x4xf32> {spiking.dims = ["B", 4]}) -> (tensor<?x4xf32> {spiking.name = "result0"}) {
  %c0 = arith.constant 0 : index
  %k = arith.constant 7.123 : f32
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %c = tensor.splat %k[%n] : tensor<?x4xf32>
  %e = math.exp %c : tensor<?x4xf32>
  %d = arith.constant dense<0.77> : tensor<4xf32>
  %l = math.log %d : tensor<4xf32>
  %r = spiking.repeat %l times(%n) : (tensor<4xf32>) -> tensor<?x4xf32>
  %s = math.sin %r : tensor<?x4xf32>
  %y = arith.addf %e, %s : tensor<?x4xf32>
  %z = arith.mulf %y, %x : tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}
