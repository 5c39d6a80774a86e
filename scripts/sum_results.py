#!/usr/bin/env python3
"""Sums JUnit XML files: names what failed and was skipped; the last line is `N passed, N failed`.

A file that is missing or has no test counts as one failure.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def main(files):
    passed, failed, skipped = 0, [], []
    for file in map(pathlib.Path, files):
        try:
            cases = list(ElementTree.parse(file).iter("testcase"))
        except (OSError, ElementTree.ParseError) as error:
            failed.append(f"{file.name}: no results: {error}")
            continue
        if not cases:
            failed.append(f"{file.name}: no tests ran")
        for case in cases:
            name = f"{file.stem}: {case.get('classname', '')} {case.get('name', '')}"
            if case.find("failure") is not None or case.find("error") is not None:
                failed.append(name)
            elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
                skipped.append(name)
            else:
                passed += 1
    for name in skipped:
        print(f"skipped  {name}")
    for name in failed:
        print(f"FAILED   {name}")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
