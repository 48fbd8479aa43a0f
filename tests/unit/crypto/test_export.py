"""age under a passphrase: our file opens with age, and with nothing but its words."""

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from node.crypto import export
from node.crypto.export import open_under, seal_under
from node.errors import InputError, StoreError, UsageError
from tests.support.quickage import quick_age

WORDS = "apfelhaus-bernstein-delfin-gitarre-holztisch-kaktus"
CONTENT = b"Inhalt einer Akte\n" * 100


@pytest.fixture(scope="module")
def sealed():
    """One file for all tests: scrypt takes a second."""
    return seal_under(CONTENT, WORDS)


@pytest.mark.spec("HO-116")
def test_a_file_opens_with_its_words(sealed):
    assert sealed.startswith(b"age-encryption.org/v1\n-> scrypt ")
    assert open_under(sealed, WORDS) == CONTENT


@pytest.mark.spec("HO-115")
def test_neither_words_nor_content_stand_in_the_file(sealed):
    assert WORDS.encode() not in sealed
    assert CONTENT[:18] not in sealed


def test_other_words_and_a_changed_byte_get_the_same_answer():
    sealed = quick_age(CONTENT, WORDS)
    assert open_under(sealed, WORDS) == CONTENT
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for content, words in ((sealed, WORDS + "x"), (changed, WORDS), (b"no age", WORDS)):
        with pytest.raises(InputError, match="does_not_open"):
            open_under(content, words)


@pytest.mark.spec("HO-116")
def test_more_than_a_file_holds_is_not_sealed(monkeypatch):
    monkeypatch.setattr(export, "FILE_BYTES", 10)
    with pytest.raises(UsageError):
        seal_under(b"x" * 11, WORDS)


def test_nothing_is_sealed_without_words():
    with pytest.raises(UsageError):
        seal_under(CONTENT, "")


def test_a_file_larger_than_any_of_ours_is_not_opened(monkeypatch):
    monkeypatch.setattr(export, "FILE_BYTES", -1024 * 1024)
    with pytest.raises(InputError, match="too_large"):
        open_under(b"x", WORDS)


@pytest.mark.parametrize("end", ["sys.exit(1)", "print('?')", "pass"])
def test_a_process_that_dies_tells_nothing_of_the_words(tmp_path, monkeypatch, end):
    broken = tmp_path / "worker.py"
    broken.write_text(f"import sys\nsys.stdin.buffer.read()\n{end}\n")
    monkeypatch.setattr(export, "_WORKER", broken)
    with pytest.raises(StoreError) as raised:
        seal_under(CONTENT, WORDS)
    assert WORDS not in repr(raised.value)
    assert raised.value.__cause__ is None


def test_a_process_that_does_not_end_is_ended(tmp_path, monkeypatch):
    slow = tmp_path / "worker.py"
    slow.write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(export, "_WORKER", slow)
    monkeypatch.setattr(export, "_PATIENCE_S", 0.2)
    with pytest.raises(StoreError):
        seal_under(CONTENT, WORDS)


@pytest.mark.spec("HO-115")
def test_the_words_are_neither_an_argument_nor_in_the_environment(monkeypatch):
    seen = []

    def run(command, **given):
        seen.append((command, given.get("env")))
        return subprocess.CompletedProcess(command, 0, b"+x", b"")

    monkeypatch.setattr(subprocess, "run", run)
    seal_under(CONTENT, WORDS)
    ((command, environment),) = seen
    assert command[:2] == [sys.executable, "-I"]
    assert environment is None
    assert WORDS not in " ".join(command)


@pytest.mark.spec("HO-116")
@pytest.mark.skipif(shutil.which("age") is None, reason="the age tool is not here")
def test_the_age_tool_opens_our_file(tmp_path, sealed):
    file, opened = tmp_path / "fall.age", tmp_path / "fall.zip"
    file.write_bytes(sealed)
    child, terminal = pty.fork()
    if child == 0:
        os.execvp("age", ["age", "-d", "-o", str(opened), str(file)])
    asked = b""
    while b"passphrase" not in asked:
        asked += os.read(terminal, 100)
    os.write(terminal, WORDS.encode() + b"\n")
    # It waits for the line it wrote to be read.
    while _has_more(terminal):
        pass
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert Path(opened).read_bytes() == CONTENT


def _has_more(terminal):
    try:
        return bool(os.read(terminal, 100))
    except OSError:
        return False
