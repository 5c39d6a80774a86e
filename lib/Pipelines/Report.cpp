//===- Report.cpp - What a compilation decided ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Pipelines/Report.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"

#include <map>

using namespace mlir;
using namespace rheobase;

class Report::Streamer : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit Streamer(std::shared_ptr<Contents> contents)
      : contents(std::move(contents)) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    Remark entry;
    if (!contents->stages.empty())
      entry.stage = contents->stages.back().name;
    switch (remark.getRemarkType()) {
    case llvm::remarks::Type::Passed:
      entry.kind = "passed";
      break;
    case llvm::remarks::Type::Missed:
      entry.kind = "missed";
      break;
    case llvm::remarks::Type::Failure:
      entry.kind = "failed";
      break;
    default:
      entry.kind = "analysis";
      break;
    }
    entry.pass = remark.getCategoryName().str();
    entry.name = remark.getRemarkName().str();
    if (remark.getFunction() != "<unknown function>")
      entry.function = remark.getFunction().str();
    if (auto loc = remark.getLocation()->findInstanceOf<FileLineColLoc>())
      entry.location =
          (llvm::sys::path::filename(loc.getFilename().getValue()) + ":" +
           Twine(loc.getLine()) + ":" + Twine(loc.getColumn()))
              .str();
    for (const auto &argument : remark.getArgs()) {
      if (argument.key == "Remark")
        entry.message += argument.val;
      else
        entry.values.emplace_back(argument.key, argument.val);
    }
    contents->remarks.push_back(std::move(entry));
  }

private:
  std::shared_ptr<Contents> contents;
};

LogicalResult Report::attach(MLIRContext &context) {
  context.disableMultithreading();
  remark::RemarkCategories all;
  all.passed = all.missed = all.analysis = all.failed = ".*";
  return remark::enableOptimizationRemarks(
      context, std::make_unique<Streamer>(contents),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), all);
}

void Report::beginStage(StringRef name) {
  contents->stages.push_back({name.str()});
}

void Report::endStage(double seconds) {
  contents->stages.back().seconds = seconds;
}

void Report::print(raw_ostream &os) const {
  double total = 0;
  os << "stages\n";
  for (const Stage &stage : contents->stages) {
    os << "  "
       << llvm::format("%-10s %8.3f s", stage.name.c_str(), stage.seconds)
       << "\n";
    total += stage.seconds;
  }
  os << "  " << llvm::format("%-10s %8.3f s", "all", total) << "\n";

  // Function, pass, line: how often, and where first.
  struct Line {
    int64_t count = 0;
    std::string location;
  };
  using Lines =
      llvm::MapVector<std::string, Line, std::map<std::string, unsigned>>;
  using Passes =
      llvm::MapVector<std::string, Lines, std::map<std::string, unsigned>>;
  llvm::MapVector<std::string, Passes, std::map<std::string, unsigned>>
      functions;
  for (const Remark &remark : contents->remarks) {
    StringRef sign = remark.kind == "passed"     ? "+ "
                     : remark.kind == "analysis" ? "  "
                                                 : "- ";
    Line &line =
        functions[remark.function][remark.pass][(sign + remark.message).str()];
    if (line.count++ == 0)
      line.location = remark.location;
  }
  for (const auto &[function, passes] : functions) {
    os << "\n"
       << (function.empty() ? std::string("module") : "function " + function)
       << "\n";
    for (const auto &[pass, lines] : passes) {
      os << "  " << pass << "\n";
      for (const auto &[message, line] : lines) {
        os << "    " << message;
        if (line.count > 1)
          os << " (" << line.count << " times)";
        if (!line.location.empty())
          os << "  [" << line.location << "]";
        os << "\n";
      }
    }
  }
}

llvm::json::Value Report::toJSON() const {
  llvm::json::Array stages, remarks;
  for (const Stage &stage : contents->stages)
    stages.push_back(
        llvm::json::Object{{"name", stage.name}, {"seconds", stage.seconds}});
  for (const Remark &remark : contents->remarks) {
    llvm::json::Object values;
    for (const auto &[key, value] : remark.values) {
      int64_t number;
      if (StringRef(value).getAsInteger(10, number))
        values[key] = value;
      else
        values[key] = number;
    }
    remarks.push_back(llvm::json::Object{{"stage", remark.stage},
                                         {"kind", remark.kind},
                                         {"pass", remark.pass},
                                         {"name", remark.name},
                                         {"function", remark.function},
                                         {"location", remark.location},
                                         {"message", remark.message},
                                         {"values", std::move(values)}});
  }
  return llvm::json::Object{{"stages", std::move(stages)},
                            {"remarks", std::move(remarks)}};
}
