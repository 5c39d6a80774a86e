// Functions that few networks need. Clamping: min(max(x, low), high), forward and backward, in the interpreter
// and compiled.
//
// RUN: snn-run %s --function=forward --random --dims=B=200 --check | FileCheck %s
// RUN: snn-run %s --function=forward --random --dims=B=200 --differentiate --check | FileCheck %s
// RUN: snn-run %s --function=value --reference | FileCheck %s --check-prefix=VALUE
// RUN: snn-run %s --function=value | FileCheck %s --check-prefix=VALUE
// RUN: snn-run %s --function=integers --random --dims=B=200 --check | FileCheck %s
// CHECK: equal: compiled code and interpreter agree in every element of {{[0-9]}} results
// VALUE: 2.500000e-01 5.000000e-01 1.000000e+00

func.func @forward(%x: tensor<?x4xf32> {spiking.dims = ["B", 4]}, %y: tensor<?x4xf64> {spiking.dims = ["B", 4]}) -> (tensor<?x4xf32>, tensor<?x4xf64>) {
  %c0 = arith.constant 0 : index
  %B = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%B) : tensor<?x4xf32>
  %f = tensor.empty(%B) : tensor<?x4xf64>
  %a = spiking.scan step ins(%v = %x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
    %low = arith.constant -0.5 : f32
    %high = arith.constant 0.75 : f32
    %c = math.clampf %v to [%low, %high] : f32
    spiking.yield %c : f32
  }
  %b = spiking.scan step ins(%v = %y : tensor<?x4xf64>) outs(%f : tensor<?x4xf64>) {
    %low = arith.constant -0.5 : f64
    %high = arith.constant 0.75 : f64
    %c = math.clampf %v to [%low, %high] : f64
    spiking.yield %c : f64
  }
  return %a, %b : tensor<?x4xf32>, tensor<?x4xf64>
}

func.func @value() -> tensor<3xf32> {
  %x = arith.constant dense<[-2.0, 0.5, 7.0]> : tensor<3xf32>
  %low = arith.constant dense<0.25> : tensor<3xf32>
  %high = arith.constant dense<1.0> : tensor<3xf32>
  %y = math.clampf %x to [%low, %high] : tensor<3xf32>
  return %y : tensor<3xf32>
}

func.func @integers(%x: tensor<?xf32> {spiking.dims = ["B"]}) -> tensor<?xi32> {
  %c0 = arith.constant 0 : index
  %B = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%B) : tensor<?xi32>
  %y = spiking.scan step ins(%v = %x : tensor<?xf32>) outs(%e : tensor<?xi32>) {
    %scale = arith.constant 1000.0 : f32
    %w = arith.mulf %v, %scale : f32
    %i = arith.fptosi %w : f32 to i32
    %a = math.absi %i : i32
    %p = math.ctpop %i : i32
    %l = math.ctlz %a : i32
    %t = math.cttz %i : i32
    %n = math.isnormal %v : f32
    %m = arith.extui %n : i1 to i32
    %s = arith.addi %a, %p : i32
    %q = arith.muli %s, %l : i32
    %r = arith.subi %q, %t : i32
    %u = arith.addi %r, %m : i32
    spiking.yield %u : i32
  }
  return %y : tensor<?xi32>
}
