#!/usr/bin/env python3
"""Writes the table of rules at the end of docs/Semantics.md.

The rules and their labels stand in the definitions of attributes and operations
(include/rheobase/Dialect/Spiking/IR/*.td) as list items:

    * `linear_c2`: the bias is [out].

With --check, nothing is written, and the exit status says whether the table is
up to date.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
DEFINITIONS = ROOT / "include" / "rheobase" / "Dialect" / "Spiking" / "IR"
DOCUMENT = ROOT / "docs" / "Semantics.md"
BEGIN = "<!-- The rules: written by scripts/update_rules.py. -->"
END = "<!-- End of the rules. -->"
# A list item with its label, up to the next item, an empty line or the end of
# the text.
RULE = re.compile(r"\* `(\w+_c\d+)`: (.*?)(?=\n\s*\* |\n\s*\n|\s*\}\]|\";)", re.DOTALL)


def collect_rules():
    """All rules, as (label, text), in the order of the definitions."""
    rules = {}
    for file in sorted(DEFINITIONS.glob("*.td")):
        for label, text in RULE.findall(file.read_text()):
            if label in rules:
                sys.exit(f"{file.name}: the label {label} is used twice")
            rules[label] = " ".join(text.split())
    return rules


def render(rules):
    """The section of the document."""
    lines = [BEGIN, "## Rules", "", "| label | rule |", "| --- | --- |"]
    for label, text in sorted(rules.items(), key=sort_key):
        lines.append(f"| `{label}` | {text.replace('|', chr(92) + '|')} |")
    return "\n".join(lines + [END]) + "\n"


def sort_key(rule):
    """By name, then by number."""
    name, number = rule[0].rsplit("_c", 1)
    return name, int(number)


def update(check):
    """Brings the document up to date, unless `check`; returns whether it was not."""
    text = DOCUMENT.read_text()
    section = render(collect_rules())
    if BEGIN in text:
        begin, end = text.index(BEGIN), text.index(END) + len(END) + 1
        updated = text[:begin] + section + text[end:]
    else:
        updated = text.rstrip("\n") + "\n\n" + section
    if updated == text:
        return False
    if not check:
        DOCUMENT.write_text(updated)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say whether the table is up to date")
    arguments = parser.parse_args()
    if update(arguments.check) and arguments.check:
        print(f"{DOCUMENT.relative_to(ROOT)} is out of date: run scripts/update_rules.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
