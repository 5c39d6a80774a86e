"""Every rule of the dialect has one label: in its definition, in the error
message, in docs/Semantics.md and in a test that breaks it."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import re
import subprocess
import sys

import pytest

LABEL = re.compile(r"\b[a-z0-9_]+_c\d+\b")
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')


def read_all(folder, *patterns):
    """The texts of all files, joined."""
    files = sorted(file for pattern in patterns for file in folder.rglob(pattern))
    assert files
    return "\n".join(file.read_text() for file in files)


@pytest.fixture(scope="module")
def labels(source_dir):
    """The labels that the definitions give rules."""
    text = read_all(source_dir / "include" / "rheobase" / "Dialect" / "Spiking" / "IR", "*.td")
    found = set(re.findall(r"\* `([a-z0-9_]+_c\d+)`:", text))
    assert len(found) > 90
    return found


def test_the_table_is_up_to_date(source_dir):
    result = subprocess.run(
        [sys.executable, source_dir / "scripts" / "update_rules.py", "--check"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_definitions_mention_only_rules_that_exist(source_dir, labels):
    text = read_all(source_dir / "include" / "rheobase" / "Dialect", "*.td")
    assert set(LABEL.findall(text)) <= labels


def test_every_rule_is_enforced(source_dir, labels):
    # In a message, or in a comment beside the trait that enforces it.
    text = read_all(source_dir / "lib", "*.cpp", "*.h")
    assert sorted(labels - set(LABEL.findall(text))) == []


def test_messages_name_only_rules_that_exist(source_dir, labels):
    text = read_all(source_dir / "lib", "*.cpp", "*.h")
    used = {label for string in STRING.findall(text) for label in LABEL.findall(string)}
    assert sorted(used - labels) == []


def test_every_rule_has_a_test(source_dir, labels):
    code = read_all(source_dir / "lib", "*.cpp", "*.h")
    messages = {label for string in STRING.findall(code) for label in LABEL.findall(string)}
    tests = read_all(source_dir / "test", "*.mlir")
    errors = {label for error in re.findall(r"expected-error.*", tests) for label in LABEL.findall(error)}
    names = {label for name in re.findall(r"@(\w+)", tests) for label in LABEL.findall(name + " ")}
    names |= {re.match(r".*?_c\d+", name).group() for name in re.findall(r"@([a-z0-9_]+_c\d+_\w+)", tests)}
    missing = {label for label in labels if label not in names or (label in messages and label not in errors)}
    assert sorted(missing) == []
