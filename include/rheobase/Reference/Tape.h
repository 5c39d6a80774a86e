//===- Tape.h - Reverse-mode differentiation of scalars ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each scalar that depends on a variable has a node; a node knows the nodes that
// it was computed from and the partial derivatives with respect to them. Partial
// derivatives and their sums are doubles, whatever the program's types.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_REFERENCE_TAPE_H
#define RHEOBASE_REFERENCE_TAPE_H

#include "rheobase/Reference/Tensor.h"

namespace rheobase::reference {

class Tape {
public:
  /// A scalar that a result was computed from, and the partial derivative.
  struct Use {
    Scalar operand;
    double partial;
  };

  Tape();

  /// Marks `scalar` as a variable.
  void makeVariable(Scalar &scalar) { scalar.node = addNode(); }
  /// Records how `result` was computed; a constant if all operands are.
  void record(Scalar &result, llvm::ArrayRef<Use> uses);

  /// Sweeps backwards: the derivative of `sum of seed * scalar` with respect to
  /// every node.
  std::vector<double>
  sweep(llvm::ArrayRef<std::pair<Scalar, double>> seeds) const;

  /// Whether there was no room for more nodes; what follows is not recorded.
  bool isFull() const { return full; }

private:
  uint32_t addNode();

  struct Edge {
    uint32_t node;
    double partial;
  };
  /// The edges of node i end where those of node i + 1 start. Node 0 stands for
  /// all constants.
  std::vector<Edge> edges;
  std::vector<uint64_t> ends;
  bool full = false;
};

} // namespace rheobase::reference

#endif // RHEOBASE_REFERENCE_TAPE_H
