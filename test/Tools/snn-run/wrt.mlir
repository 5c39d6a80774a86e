// RUN: snn-run %s --random --dims=T=2,B=3 --differentiate --wrt=parameters --check | FileCheck %s --check-prefix=PARAMETERS
// RUN: snn-run %s --random --dims=T=2,B=3 --differentiate --wrt=inputs,b --check | FileCheck %s --check-prefix=NAMED
// RUN: snn-run %s --random --dims=T=2,B=3 --differentiate --check | FileCheck %s --check-prefix=ALL
// RUN: not snn-run %s --random --dims=T=2,B=3 --differentiate --wrt=w,bias 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// PARAMETERS: agree in every element of 3 results
// NAMED: agree in every element of 3 results
// ALL: agree in every element of 4 results
// UNKNOWN: wrt.mlir:[[@LINE+1]]:{{.*}}error: --wrt: @forward has no argument 'bias' to be differentiated with respect to
func.func @forward(%x: tensor<?x?x5xf32> {spiking.name = "x"}, %w: tensor<5x3xf32> {spiking.name = "w", spiking.role = "parameter"},
    %b: tensor<3xf32> {spiking.name = "b", spiking.role = "parameter"}) -> tensor<?x?x3xf32> {
  %y = spiking.linear %x, %w, %b : (tensor<?x?x5xf32>, tensor<5x3xf32>, tensor<3xf32>) -> tensor<?x?x3xf32>
  return %y : tensor<?x?x3xf32>
}
