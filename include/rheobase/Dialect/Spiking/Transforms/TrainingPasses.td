//===- TrainingPasses.td - Differentiation and training ---*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Included by Passes.td.
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_TRAININGPASSES_TD
#define RHEOBASE_SPIKING_TRAININGPASSES_TD

include "mlir/Pass/PassBase.td"

def DifferentiatePass : Pass<"spiking-differentiate", "::mlir::ModuleOp"> {
  let summary = "reverse mode with surrogate gradients";
  let description = [{
    For a function `@f` creates `@f_gradient`: it takes f's arguments and a cotangent for each of its float and spike
    results, and gives f's results and the gradients of the arguments `wrt`. Each operation's adjoint comes from its
    `DifferentiableOpInterface`; scans and time loops are walked in reverse. Spikes have the derivative of their
    surrogate (docs/Semantics.md, gradients). Results that update an argument (`spiking.aliases`) have no cotangent.

    ```mlir
    func.func @f(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x4xf32> {
      %y = spiking.linear %x, %w : ...
      return %y
    }
    // becomes, beside @f
    func.func @f_gradient(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>, %g: tensor<?x4xf32>)
        -> (tensor<?x4xf32>, tensor<?x8xf32>, tensor<8x4xf32>) {
      %y = spiking.linear %x, %w : ...
      %t = spiking.transpose %w {permutation = array<i64: 1, 0>} : ...
      %dx = spiking.linear %g, %t : ...
      %dw = spiking.linear_weight_gradient %x, %g : ...
      return %y, %dx, %dw
    }
    ```
  }];
  let options = [
    Option<"functionName", "function", "std::string", "\"forward\"", "The function to differentiate">,
    ListOption<"withRespectTo", "wrt", "unsigned",
               "Arguments to differentiate with respect to (default: all of a float type that are inputs or parameters)">,
    Option<"truncate", "truncate", "int64_t", "0",
           "Truncated backpropagation: the cotangent of a state stops at steps that are multiples of this number; 0: never">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

#endif // RHEOBASE_SPIKING_TRAININGPASSES_TD
