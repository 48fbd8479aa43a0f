"""The verifier that leaves the house: one file that needs nothing of ours."""

import ast
import subprocess
import sys
from importlib.resources import files

import pytest

from tests.support.sources import ROOT

PATH = ROOT / "node/exchangelog/standalone/verify.py"
SOURCE = PATH.read_text("utf-8")
TREE = ast.parse(SOURCE)
ALLOWED = {
    *("__future__", "argparse", "base64", "datetime", "hashlib", "json", "os", "re"),
    *("struct", "sys", "typing", "zlib"),
}
AFTER_3_9 = (ast.Match, ast.TryStar) if sys.version_info >= (3, 11) else ()


def imported():
    for node in ast.walk(TREE):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


@pytest.mark.spec("EL-6")
def test_it_imports_the_standard_library_and_nothing_that_talks_to_a_network():
    assert set(imported()) <= ALLOWED
    assert ALLOWED - {"__future__"} <= sys.stdlib_module_names


@pytest.mark.spec("EL-6")
def test_it_opens_files_for_reading_only():
    calls = [
        node
        for node in ast.walk(TREE)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "open"
    ]
    modes = [ast.literal_eval(call.args[1]) for call in calls]
    assert modes == ["rb", "rb"]
    written = {node.attr for node in ast.walk(TREE) if isinstance(node, ast.Attribute)}
    assert not written & {"write_bytes", "write_text", "makedirs", "system", "extract"}
    assert not {"eval", "exec", "__import__"} & {
        node.id for node in ast.walk(TREE) if isinstance(node, ast.Name)
    }


@pytest.mark.spec("EL-6")
def test_python_3_9_can_read_it():
    ast.parse(SOURCE, feature_version=(3, 9))
    assert not [node for node in ast.walk(TREE) if isinstance(node, AFTER_3_9)]
    assert "from __future__ import annotations" in SOURCE
    later = {"removeprefix_", "pairwise", "bit_count", "UTC", "file_digest"}
    names = {node.attr for node in ast.walk(TREE) if isinstance(node, ast.Attribute)}
    assert not names & later


def test_it_is_shipped_with_the_package():
    settings = (ROOT / "pyproject.toml").read_text("utf-8")
    assert '"node.exchangelog" = ["standalone/verify.py"]' in settings
    shelf = files("node.exchangelog") / "standalone" / "verify.py"
    assert shelf.read_text("utf-8") == SOURCE


def test_wrong_use_is_exit_status_3():
    for arguments in ([], ["nowhere"], ["--lang", "fr", str(PATH)], [str(PATH), "--x"]):
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(PATH), *arguments],
            capture_output=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 3


def test_what_is_no_bundle_is_incomplete_and_never_tampered():
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(PATH), str(PATH)],
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
