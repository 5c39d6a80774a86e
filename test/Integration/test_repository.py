"""Rules that hold for every file of the repository."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import re
import subprocess

LICENSE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
# Folders outside the repository that a file must not depend on.
FOREIGN = re.compile(r"(?<![\w.])/work/|(?<![\w.-])(?:\.\./)+shared/|/root/|/home/\w+/")
SOURCES = (".cpp", ".h", ".td", ".py", ".sh")


def tracked_files(source_dir):
    """The files of the repository: those that git knows, or would if added."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=source_dir, text=True, capture_output=True, check=True).stdout
    files = [source_dir / name for name in listing.splitlines()]
    files = [file for file in files if file.is_file()]
    assert len(files) > 50
    return files


def read_text(file):
    """The file's text; None of a binary file."""
    try:
        return file.read_text()
    except UnicodeDecodeError:
        return None


def test_sources_have_a_license_header(source_dir):
    missing = [
        str(file.relative_to(source_dir)) for file in tracked_files(source_dir)
        if file.suffix in SOURCES and LICENSE not in "\n".join(read_text(file).splitlines()[:25])
    ]
    assert not missing


def test_no_path_of_one_machine(source_dir):
    found = []
    for file in tracked_files(source_dir):
        if file.name == "test_repository.py":
            continue
        for number, line in enumerate((read_text(file) or "").splitlines(), 1):
            if FOREIGN.search(line):
                found.append(f"{file.relative_to(source_dir)}:{number}: {line.strip()}")
    assert not found


def test_classes_of_headers_have_names_of_their_own(source_dir):
    """Two classes of one name and namespace are one for the linker, which takes
    the members of either for both."""
    files = [file for file in tracked_files(source_dir) if file.suffix == ".h" and file.parts[-2] != "examples"]
    places = {}
    for file in files:
        namespaces = []
        for line in (read_text(file) or "").splitlines():
            if opened := re.match(r"(?:inline )?namespace ([\w:]+) \{$", line):
                namespaces += opened[1].split("::")
            elif closed := re.match(r"\} // namespace ([\w:]+)$", line):
                del namespaces[-len(closed[1].split("::")):]
            elif defined := re.match(r"(?:struct|class) (\w+)(?: final)?(?: :[^:].*)?(?: \{.*)?$", line):
                name = "::".join([*namespaces, defined[1]])
                places.setdefault(name, []).append(str(file.relative_to(source_dir)))
    assert len(places) > 50
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
