//===- SpikingDialect.td - The spiking dialect ------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_DIALECT_TD
#define RHEOBASE_SPIKING_DIALECT_TD

include "mlir/IR/OpBase.td"

def Spiking_Dialect : Dialect {
  let name = "spiking";
  let summary = "Spiking neural networks: time loops, neurons, synapses and their training.";
  let description = [{
    A spiking network is a loop over time steps around a stack of layers. The
    dialect has two value-semantics levels. In *step form* (L0) a
    `spiking.time_loop` holds one step of the whole network; in *sequence form*
    (L1) operators take whole sequences, whose leading dimension is time, and
    neurons are scans over it. All synapse operations treat leading dimensions
    as batch dimensions, so one operation serves both forms. docs/Semantics.md
    has the equations, the arithmetic and the labels of all rules.

    Rules that hold for all operations, and those of the dialect's attributes on functions:

    * `spiking_c1`: an operation of the dialect has no attributes but its own and those of other dialects.
    * `spiking_c2`: an attribute `spiking.<name>` is `spiking.training` on a function, `spiking.role`, `spiking.name` or
      `spiking.initializer` on an argument, or `spiking.role`, `spiking.name` or `spiking.aliases` on a result.
    * `spiking_c3`: `spiking.manifest` and `spiking.module_name` are strings on a module.
    * `spiking_c4`: `spiking.spikes` of an operation is an array of the numbers of operands whose elements are bytes.
    * `entry_c1`: `spiking.dtype` of an argument or result is a string, `spiking.dims` an array of names and sizes.
    * `role_c1`: `spiking.role` is a string: on an argument "parameter", "optimizer", "state", "input", "label",
      "time_steps", "learning_rate", "seed" or "step"; on a result "parameter", "optimizer", "state", "loss", "metric" or
      "output".
    * `name_c1`: `spiking.name` is a string, not empty, and no two arguments or results of a function have the same.
    * `initializer_c1`: `spiking.initializer`, on an argument with one of the roles "parameter", "optimizer" and "state", is a
      `#spiking.init` or elements of the argument's type.
    * `aliases_c1`: `spiking.aliases`, on a result, is the index of an argument of the same type, which no other result
      aliases.
  }];
  let cppNamespace = "::rheobase::spiking";
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::tensor::TensorDialect"
  ];
  let extraClassDeclaration = [{
    void registerAttributes();

    /// On a function argument: what the argument is ("parameter", "optimizer",
    /// "state", "input", "label", "time_steps", "learning_rate", "seed", "step"),
    /// the `role` of docs/RuntimeABI.md.
    static constexpr llvm::StringLiteral kRoleAttrName = "spiking.role";
    /// On a function argument or result: its name in manifests, checkpoints and messages.
    static constexpr llvm::StringLiteral kNameAttrName = "spiking.name";
    /// On a persistent function argument: how it starts (an InitializerAttr or elements).
    static constexpr llvm::StringLiteral kInitializerAttrName = "spiking.initializer";
    /// On a function result: the index of the donated argument that it updates.
    static constexpr llvm::StringLiteral kAliasesAttrName = "spiking.aliases";
    /// On a module: its manifest, JSON text, and its name in symbols.
    static constexpr llvm::StringLiteral kManifestAttrName = "spiking.manifest";
    static constexpr llvm::StringLiteral kModuleNameAttrName = "spiking.module_name";
    /// On a function argument or result: its element type at the ABI, and the
    /// sizes (integers) and names (strings) of its dimensions.
    static constexpr llvm::StringLiteral kDTypeAttrName = "spiking.dtype";
    static constexpr llvm::StringLiteral kDimsAttrName = "spiking.dims";
    /// On a forward function: how it is trained (a TrainingAttr).
    static constexpr llvm::StringLiteral kTrainingAttrName = "spiking.training";
    /// On an operation: the numbers of the operands whose bytes are spikes.
    static constexpr llvm::StringLiteral kSpikesAttrName = "spiking.spikes";
  }];
}

#endif // RHEOBASE_SPIKING_DIALECT_TD
