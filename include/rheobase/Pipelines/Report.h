//===- Report.h - What a compilation decided --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_PIPELINES_REPORT_H
#define RHEOBASE_PIPELINES_REPORT_H

#include "mlir/Support/LLVM.h"
#include "llvm/Support/JSON.h"
#include <memory>
#include <string>
#include <vector>

namespace mlir {
class MLIRContext;
} // namespace mlir

namespace rheobase {

/// Collects the remarks of a context's passes, by the stage that they belong
/// to.
class Report {
public:
  /// Collects from now on, and as long as the context lives. Passes then run on
  /// one thread, so that remarks have an order. Fails where the context reports
  /// remarks already.
  mlir::LogicalResult attach(mlir::MLIRContext &context);

  /// What follows belongs to the stage `name`, until the next one.
  void beginStage(llvm::StringRef name);
  /// The stage took `seconds`.
  void endStage(double seconds);

  /// For people: by function and pass, equal remarks once.
  void print(llvm::raw_ostream &os) const;
  /// `{"stages": [{"name", "seconds"}], "remarks": [{"stage", "kind", "pass",
  /// "name", "function", "location", "message", "values"}]}` in the order of
  /// the compilation; `values` are what the remark names beside its
  /// message.
  llvm::json::Value toJSON() const;

private:
  struct Remark {
    std::string stage, kind, pass, name, function, location, message;
    std::vector<std::pair<std::string, std::string>> values;
  };
  struct Stage {
    std::string name;
    double seconds = 0;
  };
  struct Contents {
    std::vector<Remark> remarks;
    std::vector<Stage> stages;
  };
  class Streamer;

  /// Shared with the context, which may live longer.
  std::shared_ptr<Contents> contents = std::make_shared<Contents>();
};

} // namespace rheobase

#endif // RHEOBASE_PIPELINES_REPORT_H
