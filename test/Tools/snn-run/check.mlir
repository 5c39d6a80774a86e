// --check: equal where nothing went wrong; where it did, here by passes that
// change what is computed, the first value that differs is named, with its
// operation and time step.
//
// RUN: snn-run %s --random --dims=T=5,B=3 --check | FileCheck %s --check-prefix=EQUAL
// RUN: snn-run %s --random --dims=T=5,B=3 --differentiate --check --threads=1 --isa=x86-64-v3 | FileCheck %s --check-prefix=EQUAL
// RUN: snn-run %s --random --dims=T=5,B=3 --check --passes='canonicalize,cse' | FileCheck %s --check-prefix=EQUAL
// RUN: not snn-run %s --random --dims=T=5,B=3 --check --passes=spiking-set-mode | FileCheck %s --check-prefix=PARTS
// RUN: not snn-run %s --random --dims=T=5,B=3 --check --passes=no-such-pass 2>&1 | FileCheck %s --check-prefix=UNKNOWN
//
// EQUAL: equal: compiled code and interpreter agree in every element of {{[0-9]+}} results
// PARTS: different: result {{.*}}, element [{{.*}}]: interpreter {{.*}}, compiled
// PARTS-NEXT: they part at result 0 of 'spiking.batch_norm' at {{.*}}check.mlir":[[#@LINE+12]]{{.*}}time step of a sequence) 0
// UNKNOWN: 'no-such-pass' does not refer to a registered pass

// Arguments and results as .npy, for the interpreter and compiled code alike.
// RUN: rm -rf %t && mkdir -p %t
// RUN: snn-run %s --random --dims=T=5,B=3 --seed=7 --out-dir=%t/compiled
// RUN: snn-run %s --arg x=%t/compiled/x.npy --arg w=%t/compiled/w.npy --reference --out-dir=%t/reference
// RUN: diff -r %t/compiled %t/reference
func.func @forward(%x: tensor<?x?x4xf32> {spiking.name = "x"}, %w: tensor<4x8xf32> {spiking.name = "w"}) -> (tensor<?x?x8xi1> {spiking.name = "spikes"}, tensor<?x8xf32> {spiking.name = "membrane"}) {
  %one = arith.constant dense<1.0> : tensor<8xf32>
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %i = spiking.linear %x, %w : (tensor<?x?x4xf32>, tensor<4x8xf32>) -> tensor<?x?x8xf32>
  %n, %m, %v, %sm, %sr = spiking.batch_norm %i scale(%one) shift(%zero) running(%zero, %one) {statistics = #spiking.statistics<merged>, sequence = true}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
  %s, %u = spiking.lif %n {decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, surrogate = #spiking.atan<alpha = 2.0>}
      : (tensor<?x?x8xf32>) -> (tensor<?x?x8xi1>, tensor<?x8xf32>)
  return %s, %u : tensor<?x?x8xi1>, tensor<?x8xf32>
}
