#!/usr/bin/env python3
"""Adds a pass to the spiking dialect: writes its three files.

    scripts/new_pass.py spiking-remove-detach "replace spiking.detach by its operand"

- the definition, at the end of include/rheobase/Dialect/Spiking/Transforms/Passes.td
- the code, lib/Dialect/Spiking/Transforms/RemoveDetach.cpp
- the test, test/Dialect/Spiking/Transforms/remove-detach.mlir

What is written builds and passes its test as it stands: a pass that changes
nothing. No other file needs an edit. docs/NewPass.md goes on from here.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]

DEFINITION = """\
def {name}Pass : Pass<"{option}"> {{
  let summary = "{summary}";
  let description = [{{
    What it does, and when it does not.

    ```mlir
    before
    // becomes
    after
    ```
  }}];
}}

"""

CODE = """\
{header}
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace rheobase::spiking {{
#define GEN_PASS_DEF_{upper}PASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
}} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase::spiking;

namespace {{
struct {name}Pass : rheobase::spiking::impl::{name}PassBase<{name}Pass> {{
  void runOnOperation() override {{
    RewritePatternSet patterns(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }}
}};
}} // namespace
"""

TEST = """\
// RUN: snn-opt %s --{option} | FileCheck %s

// What it does.
// CHECK-LABEL: func.func @changed
// CHECK:         spiking.detach
func.func @changed(%x: tensor<4xf32>) -> tensor<4xf32> {{
  %y = spiking.detach %x : tensor<4xf32>
  return %y : tensor<4xf32>
}}

// Where it must not fire.
// CHECK-LABEL: func.func @unchanged
// CHECK-NEXT:    return
func.func @unchanged(%x: tensor<4xf32>) -> tensor<4xf32> {{
  return %x : tensor<4xf32>
}}
"""


def banner(text):
    """The first line of a C++ file, 80 columns wide."""
    return f"//===- {text} ".ljust(75, "-") + "===//"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("option", help="the pass as an option, spiking-...")
    parser.add_argument("summary", help="what it does, in one line")
    parser.add_argument("--root", type=pathlib.Path, default=ROOT, help="the source tree (%(default)s)")
    arguments = parser.parse_args()

    option, root = arguments.option, arguments.root
    if not re.fullmatch(r"spiking(-[a-z0-9]+)+", option):
        parser.error(f"expected an option such as spiking-remove-detach, got '{option}'")
    if '"' in arguments.summary or "\n" in arguments.summary:
        parser.error("the summary is one line, without quotes")
    stem = option.removeprefix("spiking-")
    name = "".join(word.capitalize() for word in stem.split("-"))
    values = dict(name=name, upper=name.upper(), option=option, summary=arguments.summary,
                  header=banner(f"{name}.cpp - {arguments.summary[0].upper() + arguments.summary[1:]}"))

    definitions = root / "include/rheobase/Dialect/Spiking/Transforms/Passes.td"
    code = root / "lib/Dialect/Spiking/Transforms" / f"{name}.cpp"
    test = root / "test/Dialect/Spiking/Transforms" / f"{stem}.mlir"
    text = definitions.read_text()
    for file, exists in ((definitions, f'"{option}"' in text), (code, code.exists()), (test, test.exists())):
        if exists:
            sys.exit(f"{file.relative_to(root)}: {option} is there already")
    end = text.rindex("#endif")
    definitions.write_text(text[:end] + DEFINITION.format(**values) + text[end:])
    code.write_text(CODE.format(**values))
    test.write_text(TEST.format(**values))
    for file in (definitions, code, test):
        print(file.relative_to(root))
    return 0


if __name__ == "__main__":
    sys.exit(main())
