"""``staffelstab log bundle``, ``check`` and ``fingerprints`` over a real node's folder."""

import json
import secrets
import subprocess
import sys

import pyrage
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from node.accounts.code import AuditorCode
from node.casework.auditorcode import issue_code
from node.cli.app import app
from node.exchangelog.bundle import read_files
from node.exchangelog.kinds import EntryType
from tests.node.evidence_stage import handed_over, resealed
from tests.support.office import AUDITOR

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Desk:
    """A folder beside the running node, and what was typed there."""

    def __init__(self, node, data, transfer, folder):
        self.node, self.data, self.transfer = node, data, transfer
        self.folder = folder

    def type(self, *words):
        return CliRunner().invoke(app, ["log", *map(str, words)])

    def code(self):
        code = AuditorCode.of(secrets.token_bytes(10))
        now = self.node.office.clock.now()
        self.node.store.write_sync(issue_code, code, now, by=AUDITOR)
        return code

    def bundle(self, name, *words, code=""):
        to = self.folder / name
        place = ("--data", self.data, "--code", code or self.code(), "--to", to)
        return to, self.type("bundle", *words, *place)

    def trust(self):
        path = self.folder / "trust.txt"
        path.write_text(self.type("fingerprints", "--data", self.data).output)
        return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    async with handed_over(folder) as (wehr, _, transfer):
        yield Desk(wehr, folder / "wehr", transfer, tmp_path_factory.mktemp("out"))


def exported(desk):
    lines = desk.node.store.read_sync(lambda uow: uow.log_view.lines(0))
    return sum(line.type is EntryType.AUDIT_EXPORTED for line in lines)


@pytest.mark.spec("EL-6", "EL-18", "EVD-5")
async def test_a_bundle_by_command_leaves_its_line_and_checks_the_same_twice(desk):
    count = exported(desk)
    path, done = desk.bundle("one.zip", desk.transfer, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["bytes"] == path.stat().st_size
    assert exported(desk) == count + 1
    trust = desk.trust()
    ours = desk.type("check", path, "--trust", trust, "--json")
    assert ours.exit_code == 0, ours.output
    (desk.folder / "verify.py").write_bytes(read_files(path.read_bytes())["verify.py"])
    small = subprocess.run(
        [
            *(sys.executable, "-I", "-S", desk.folder / "verify.py", path),
            *("--trust", trust, "--json", "--lang", "de"),
        ],
        capture_output=True,
        check=False,
        timeout=60,
        env={"PYTHONUTF8": "1"},
    )
    assert small.returncode == 0
    assert json.loads(small.stdout) == json.loads(ours.output)


@pytest.mark.spec("LR-34")
async def test_exit_codes_of_check(desk):
    path, _ = desk.bundle("two.zip", desk.transfer)
    changed = desk.folder / "changed.zip"
    changed.write_bytes(resealed(path.read_bytes(), {"a/entries/2.salt": bytes(32)}))
    broken = desk.folder / "broken.zip"
    broken.write_bytes(path.read_bytes()[:-1])
    no_list = desk.folder / "no-list.txt"
    no_list.write_text("one word\n")
    assert desk.type("check", path).exit_code == 2
    assert desk.type("check", changed).exit_code == 1
    assert desk.type("check", broken).exit_code == 2
    assert desk.type("check", desk.folder / "nothing").exit_code == 3
    assert desk.type("check", path, "--trust", no_list).exit_code == 3


async def test_a_range_and_a_bundle_for_one_reader(desk):
    path, done = desk.bundle("range.zip", "--range", 0, 3)
    assert done.exit_code == 0, done.output
    assert json.loads(read_files(path.read_bytes())["manifest.json"])["kind"] == "range"
    reader = pyrage.x25519.Identity.generate()
    path, done = desk.bundle("r.age", "--range", 0, 3, "--age", reader.to_public())
    assert done.exit_code == 0, done.output
    assert b"manifest" not in path.read_bytes()
    opened = pyrage.decrypt(path.read_bytes(), [reader])
    assert "manifest.json" in read_files(opened)
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(path.read_bytes(), [pyrage.x25519.Identity.generate()])


@pytest.mark.spec("SR-B8")
@pytest.mark.parametrize("code", ["nobody", "2222-2222-2222-2222", "Demo-Prüfung"])
async def test_who_has_no_code_gets_nothing(desk, code):
    count = exported(desk)
    path, done = desk.bundle("none.zip", desk.transfer, code=code)
    assert done.exit_code == 3
    assert not path.exists()
    assert exported(desk) == count


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("ab" * 16, "--range", 0, 3),
        ("ab" * 16,),
        ("not-a-number",),
        ("--range", 3, 3),
        ("--range", 0, 3, "--age", "age1nobody"),
        ("--range", 0, 3, "--with", "/nowhere"),
    ],
)
async def test_wrong_use_writes_neither_file_nor_line(desk, words):
    count = exported(desk)
    path, done = desk.bundle("wrong.zip", *words)
    assert done.exit_code == 3, done.output
    assert not path.exists()
    assert exported(desk) == count


async def test_a_file_that_is_there_is_not_overwritten(desk):
    path, _ = desk.bundle("there.zip", "--range", 0, 2)
    before, count = path.read_bytes(), exported(desk)
    _, done = desk.bundle("there.zip", "--range", 0, 3)
    assert done.exit_code == 3
    assert path.read_bytes() == before
    assert exported(desk) == count


@pytest.mark.spec("EL-1")
async def test_the_log_is_held_against_the_heads_of_a_bundle_that_lies_elsewhere(desk):
    kept, made = desk.bundle("elsewhere.zip", desk.transfer)
    assert made.exit_code == 0
    verify = ("verify", "--data", desk.data, "--json", "--against")
    assert json.loads(desk.type(*verify, kept).stdout)["verdict"] == "verified"
    for number, spoil in enumerate(
        (
            lambda note: note.replace(b"\n", b"\n1", 1),
            lambda note: note[:-6] + b"AAAA=\n",
            lambda note: b"other.example/log/1" + note[note.index(b"\n") :],
        )
    ):
        files = read_files(kept.read_bytes())
        notes = {
            n: spoil(c) for n, c in files.items() if n.startswith("a/checkpoints/")
        }
        gone = {n: None for n in files if n.startswith("b/")}
        path = desk.folder / f"spoiled{number}.zip"
        path.write_bytes(resealed(kept.read_bytes(), notes | gone))
        assert desk.type(*verify, path).exit_code == 3
