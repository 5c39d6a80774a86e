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
