"""What the documentation says is true: generated parts are up to date, and the
code of its pages is run.

Comments before a code block say what it is:
  <!-- file: NAME -->          it is this file
  <!-- run with: OPTIONS -->   more options for its calls of snn-train: shorter
  <!-- prints: TEXT -->        what its output contains
  <!-- not run: REASON -->
Blocks of `sh` are run where the files of the page are, one after the other.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import os
import re
import shutil
import subprocess
import sys

import pytest

from conftest import cached, run


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def annotated_blocks(text):
    """(notes, language, content) of each code block."""
    found = re.findall(r"((?:^<!-- [^\n]* -->\n)*)^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert 2 * len(found) == len(re.findall("^```", text, flags=re.MULTILINE))
    return [(dict(re.findall(r"<!-- ([\w ]+): (.*) -->", notes)), language, content) for notes, language, content in found]


def normalized(text):
    return " ".join(text.split())


def test_generated_documents_are_up_to_date(source_dir):
    run(sys.executable, source_dir / "scripts" / "update_docs.py", "--check")


def test_examples_of_operations_are_tested(source_dir):
    tests = normalized((source_dir / "test" / "Dialect" / "Spiking" / "examples.mlir").read_text())
    examples = blocks((source_dir / "docs" / "Dialect.md").read_text(), "mlir")
    assert len(examples) > 4
    for example in examples:
        assert normalized(example) in tests, f"not in examples.mlir:\n{example}"


def test_round_trips_cover_every_operation_and_attribute(source_dir):
    reference = (source_dir / "docs" / "Dialect.md").read_text()
    tests = (source_dir / "test" / "Dialect" / "Spiking" / "ops.mlir").read_text()
    operations = re.split(r"^### `spiking\.(\w+)` \(::rheobase::spiking::\w+Op\)$", reference, flags=re.MULTILINE)[1:]
    assert len(operations) > 2 * 40
    missing = []
    for name, text in zip(operations[::2], operations[1::2]):
        lines = [line for line in tests.splitlines() if re.search(rf"spiking\.{name}\b", line) and "CHECK" not in line]
        if not lines:
            missing.append(name)
        text = text.split("\n### ")[0].split("\n## ")[0]
        table = re.findall(r"<tr><td><code>(\w+)</code></td>", text)
        for attribute in table:
            # A scan's direction and a kernel's implementation are written without their names.
            if attribute not in ("direction", "implementation") and \
                    not any(re.search(rf"\b{attribute} = ", line) for line in lines):
                missing.append(f"{name}: {attribute}")
    assert missing == []


def test_round_trips_cover_every_surrogate_and_enumeration(source_dir):
    definitions = source_dir / "include" / "rheobase" / "Dialect" / "Spiking" / "IR"
    tests = (source_dir / "test" / "Dialect" / "Spiking" / "ops.mlir").read_text()
    surrogates = re.findall(r': Spiking_Surrogate(?:Alpha)?<"\w+", "(\w+)"',
                            (definitions / "SpikingSurrogates.td").read_text())
    assert len(surrogates) > 20
    missing = [name for name in surrogates if f"#spiking.{name}" not in tests]
    enumerations = (definitions / "SpikingEnums.td").read_text()
    mnemonics = dict(re.findall(r'Spiking_EnumAttr<Spiking_(\w+), "(\w+)">', enumerations))
    for name, text in re.findall(r"def Spiking_(\w+) : Spiking_I32Enum<(.*?)\]>;", enumerations, flags=re.DOTALL):
        if name not in mnemonics or name == "Direction":
            continue
        default = f"{name}::"
        for case in re.findall(r'I32EnumAttrCase<"\w+", \d+, "(\w+)">', text):
            attribute = f"#spiking.{mnemonics[name]}<{case}>"
            if attribute not in tests and not is_default(definitions, default, text, case):
                missing.append(attribute)
    assert missing == []


def is_default(definitions, prefix, enumeration, case):
    """Whether a case is what an attribute has when it is not written."""
    symbol = re.search(rf'I32EnumAttrCase<"(\w+)", \d+, "{case}">', enumeration).group(1)
    return any(f"::rheobase::spiking::{prefix}{symbol}\"" in file.read_text() for file in definitions.glob("*.td"))


@pytest.mark.parametrize("page", ["README.md", "docs/NewNeuron.md", "docs/Training.md"])
def test_pages_do_what_they_say(page, source_dir, build_dir, tmp_path):
    (tmp_path / "examples").symlink_to(source_dir / "examples")
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "python3").symlink_to(sys.executable)
    path = f"{build_dir / 'bin'}:{bin}:{os.environ['PATH']}"
    ran = 0
    for notes, language, content in annotated_blocks((source_dir / page).read_text()):
        if "not run" in notes:
            continue
        if "file" in notes:
            (tmp_path / notes["file"]).write_text(content)
            continue
        assert language == "sh", f"neither a file nor commands:\n{content}"
        script = re.sub(r"^snn-train \S+", rf"\g<0> {notes.get('run with', '')}", content, flags=re.MULTILINE)
        output = run("bash", "-euc", script, cwd=tmp_path, env={**os.environ, "PATH": path})
        assert notes.get("prints", "") in output
        ran += 1
    assert ran


def test_options_of_the_pages_exist(source_dir, tool):
    """Also those that no command of a page uses."""
    text = (source_dir / "docs" / "Training.md").read_text()
    options = re.findall(r"^  (--[\w-]+)", tool("snn-train", "--help").stdout, flags=re.MULTILINE)
    mentioned = {option for option in re.findall(r"(?<![\w-])--[a-z][\w-]+", text)
                 if not re.search(rf"snn-compile .*{option}|<!-- .*{option}", text)}
    assert len(mentioned) > 8
    assert mentioned <= set(options)


REGISTRATION = """
#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
extern "C" __attribute__((visibility("default"))) mlir::PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "NewPass", "1",
          [] { mlir::registerPass([] { return rheobase::spiking::createRemoveDetachPass(); }); }};
}
"""


@pytest.fixture(scope="module")
def new_pass(source_dir, build_dir, tmp_path_factory):
    """A copy of the tree in which new_pass.py has run, and a function that
    builds the pass as a plugin and runs its test."""
    root = tmp_path_factory.mktemp("tree")
    shutil.copytree(source_dir / "include", root / "include")
    for folder in ("lib", "test"):
        (root / folder / "Dialect/Spiking/Transforms").mkdir(parents=True)
    command = re.search(r"^scripts/new_pass\.py (\S+) \"(.*)\"$", (source_dir / "docs" / "NewPass.md").read_text(),
                        flags=re.MULTILINE)
    output = run(sys.executable, source_dir / "scripts" / "new_pass.py", *command.groups(), "--root", root)

    def check():
        transforms = root / "include/rheobase/Dialect/Spiking/Transforms"
        llvm = cached(build_dir, "MLIR_DIR").removesuffix("/lib/cmake/mlir")
        run(f"{llvm}/bin/mlir-tblgen", transforms / "Passes.td", "-gen-pass-decls", "-name", "Spiking",
            "-I", root / "include", "-I", f"{llvm}/include", "-o", transforms / "Passes.h.inc")
        registration = root / "Registration.cpp"
        registration.write_text(REGISTRATION)
        plugin = root / "NewPass.so"
        run(cached(build_dir, "CMAKE_CXX_COMPILER"), "-shared", "-fPIC", "-std=c++17", "-fno-exceptions", "-Wall", "-Werror",
            "-Wno-unused-parameter", "-fvisibility-inlines-hidden", "-I", root / "include", "-I", build_dir / "include",
            "-isystem", f"{llvm}/include", registration, root / "lib/Dialect/Spiking/Transforms/RemoveDetach.cpp",
            "-o", plugin)
        test = root / "test/Dialect/Spiking/Transforms/remove-detach.mlir"
        options = re.search(r"// RUN: snn-opt %s (.*) \| FileCheck %s", test.read_text()).group(1).split()
        result = run(build_dir / "bin/snn-opt", test, f"--load-pass-plugin={plugin}", *options)
        run(f"{llvm}/bin/FileCheck", test, input=result)

    return root, output, check


def test_new_pass_writes_three_files(new_pass):
    root, output, _ = new_pass
    assert output.split() == [
        "include/rheobase/Dialect/Spiking/Transforms/Passes.td", "lib/Dialect/Spiking/Transforms/RemoveDetach.cpp",
        "test/Dialect/Spiking/Transforms/remove-detach.mlir"
    ]
    for file in output.split():
        assert (root / file).is_file()


def test_new_pass_refuses(source_dir, new_pass):
    root = new_pass[0]
    for arguments, message in ((["spiking-remove-detach", "again"], "is there already"),
                               (["RemoveDetach", "x"], "expected an option such as")):
        result = subprocess.run([sys.executable, source_dir / "scripts" / "new_pass.py", *arguments, "--root", root],
                                text=True, capture_output=True)
        assert result.returncode != 0 and message in result.stderr


def test_new_pass_builds_as_written(new_pass):
    new_pass[2]()


def test_new_pass_of_the_documentation(source_dir, new_pass):
    root, _, check = new_pass
    page = annotated_blocks((source_dir / "docs" / "NewPass.md").read_text())
    files = [(notes["file"], content.rstrip("\n")) for notes, _, content in page if "file" in notes]
    assert len(files) == 3
    for name, content in files:
        if name.endswith(".td"):
            # The entry replaces the one that the script wrote.
            old = (root / name).read_text()
            start = old.index("def RemoveDetachPass")
            content = old[:start] + content + "\n\n" + old[old.rindex("#endif"):]
        (root / name).write_text(content + "\n")
    check()
