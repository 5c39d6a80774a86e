//===- Tape.cpp - Reverse-mode differentiation of scalars -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Reference/Tape.h"

namespace rheobase::reference {

/// Room for 4 GiB of edges.
static constexpr size_t kMaxEdges = size_t(1) << 28;

Tape::Tape() { ends.push_back(0); }

uint32_t Tape::addNode() {
  if (edges.size() >= kMaxEdges || ends.size() >= kMaxEdges) {
    full = true;
    return 0;
  }
  ends.push_back(edges.size());
  return uint32_t(ends.size() - 1);
}

void Tape::record(Scalar &result, llvm::ArrayRef<Use> uses) {
  result.node = 0;
  if (full || llvm::all_of(uses, [](const Use &use) {
        return use.operand.node == 0;
      }))
    return;
  for (const Use &use : uses)
    if (use.operand.node != 0)
      edges.push_back({use.operand.node, use.partial});
  result.node = addNode();
}

std::vector<double>
Tape::sweep(llvm::ArrayRef<std::pair<Scalar, double>> seeds) const {
  std::vector<double> derivatives(ends.size(), 0.0);
  // A cotangent of zero is a number like any other: what it is multiplied with
  // may be infinite. What no seed reaches has no cotangent.
  std::vector<bool> isReached(ends.size(), false);
  auto add = [&](uint32_t node, double contribution) {
    derivatives[node] += contribution;
    isReached[node] = true;
  };
  for (auto [scalar, seed] : seeds)
    add(scalar.node, seed);
  for (size_t node = ends.size(); node-- > 1;) {
    if (!isReached[node])
      continue;
    for (uint64_t e = ends[node - 1]; e < ends[node]; ++e)
      add(edges[e].node, derivatives[node] * edges[e].partial);
  }
  derivatives[0] = 0.0;
  return derivatives;
}

} // namespace rheobase::reference
