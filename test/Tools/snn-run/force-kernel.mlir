// Each kernel of a product with spikes gives what the interpreter gives.
//
// RUN: snn-run %s --random --dims=T=3,B=3 --check | FileCheck %s
// RUN: snn-run %s --random --dims=T=3,B=3 --check --differentiate --force-kernel=dense | FileCheck %s
// RUN: snn-run %s --random --dims=T=3,B=3 --check --differentiate --force-kernel=selective | FileCheck %s
// RUN: not snn-run %s --random --dims=T=3,B=3 --force-kernel=sparse 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not snn-compile %s --emit=obj -o - --force-kernel=sparse 2>&1 | FileCheck %s --check-prefix=NAME
// CHECK: equal
// NAME: expected auto, dense, selective, got 'sparse'
//
// An artefact brings what measures along; its kernels are the compiler's matter.
// RUN: snn-compile %s --emit=so --openmp=false -o %t.so --report 2>&1 | FileCheck %s --check-prefix=REPORT
// REPORT: a product with spikes in register blocks or by adding rows, whichever is measured to be faster at run time
// RUN: snn-compile %s --emit=so --openmp=false -o %t.so --report --force-kernel=selective 2>&1 | FileCheck %s --check-prefix=ASKED
// ASKED: a product with spikes by adding rows, as asked for
func.func @forward(%x: tensor<?x?x70xi1> {spiking.name = "x", spiking.dims = ["T", "B", 70]}, %w: tensor<70x20xf32>) -> tensor<?x?x20xf32> {
  %y = spiking.linear %x, %w : (tensor<?x?x70xi1>, tensor<70x20xf32>) -> tensor<?x?x20xf32>
  return %y : tensor<?x?x20xf32>
}
