//===- SurrogateInterface.td - What a surrogate gradient knows -*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_SURROGATEINTERFACE_TD
#define RHEOBASE_SPIKING_SURROGATEINTERFACE_TD

include "mlir/IR/Interfaces.td"

def SurrogateAttrInterface : AttrInterface<"SurrogateAttrInterface"> {
  let cppNamespace = "::rheobase::spiking";
  let description = [{
    A surrogate gradient: the function whose derivative replaces that of a spike.
    Both formulas are written once, over the scalar algebra (ScalarAlgebra.h),
    and serve the compiler, the reference interpreter and the gradient checks.
  }];
  let methods = [
    InterfaceMethod<[{
      The surrogate's primal at `u`, the argument of the spike: a smooth (or
      piecewise smooth) stand-in for the Heaviside function.
    }], "::rheobase::spiking::Expr", "getPrimal", (ins "::rheobase::spiking::Expr":$u)>,
    InterfaceMethod<[{
      The derivative that replaces d spike / d u at `u`.
    }], "::rheobase::spiking::Expr", "getDerivative", (ins "::rheobase::spiking::Expr":$u)>
  ];
}

#endif // RHEOBASE_SPIKING_SURROGATEINTERFACE_TD
