"""Witness policies on their way: published by a registrar, read by a node, in force."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.cli.directory import app
from node.errors import InputError, MalformedMessageError
from node.federation.registrar import set_policy
from node.federation.repository import Repository
from tests.support.federation import Federation, found
from tests.support.town import make_town
from tests.unit.exchangelog.test_policy import KEYS, LINES

FIRST = (LINES + "group kreis 2 W1 W2 W3\nquorum kreis\n").encode()
SECOND = (LINES + "quorum W4\n").encode()
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    made = found(tmp_path_factory.mktemp("founded"))
    made.admit(make_town())
    return made


@pytest.fixture
def federation(founded: Federation, tmp_path: Path) -> Federation:
    return founded.copy(tmp_path)


def put(federation: Federation, prefix: str, content: bytes) -> None:
    set_policy(
        federation.folder,
        [federation.keys],
        prefix=prefix,
        content=content,
        at=federation.at,
    )


@pytest.mark.spec("LR-20")
def test_the_longest_prefix_wins(federation):
    put(federation, "08", FIRST)
    directory = federation.refresh()
    assert directory.policy_for("08337116", federation.at) == ("08", FIRST)
    put(federation, "08337", SECOND)
    directory = federation.refresh(directory)
    assert directory.policy_for("08337116", federation.at) == ("08337", SECOND)
    assert directory.policy_for("08336001", federation.at) == ("08", FIRST)
    assert directory.policy_for("09162000", federation.at) == ("", b"")


@pytest.mark.spec("LR-21")
def test_the_policy_before_counts_for_seven_days(federation):
    directory = federation.refresh()
    start = federation.at
    put(federation, "08337", FIRST)
    directory = replace(federation, at=start + DAY).refresh(directory)
    for days, accepted in ((1, (FIRST, b"")), (7, (FIRST, b"")), (9, (FIRST,))):
        assert directory.policies_for("08337116", start + days * DAY) == accepted
    put(federation, "08337", b"")
    directory = replace(federation, at=start + 10 * DAY).refresh(directory)
    assert directory.policies_for("08337116", start + 10 * DAY) == (b"", FIRST)
    assert directory.policies_for("08337116", start + 20 * DAY) == (b"",)


@pytest.mark.spec("WIT-6")
def test_what_the_first_refresh_brought_replaced_nothing(federation):
    put(federation, "08337", FIRST)
    directory = federation.refresh()
    assert directory.policies_for("08337116", federation.at) == (FIRST,)


def test_a_kept_directory_still_knows_its_policies(federation):
    put(federation, "08337", FIRST)
    directory = federation.refresh()
    again = type(directory).decode(directory.files)
    assert again.policy_for("08337116", federation.at) == ("08337", FIRST)


@pytest.mark.spec("WIT-5")
def test_a_broken_policy_is_a_fault_and_the_last_good_one_stays(
    federation, monkeypatch
):
    put(federation, "08337", FIRST)
    directory = federation.refresh()
    before = Repository.put

    def spoil(self, role, path, content):
        before(self, role, path, b"quorum nobody\n" if "policy/" in path else content)

    monkeypatch.setattr(Repository, "put", spoil)
    put(federation, "08337", SECOND)
    directory = federation.refresh(directory)
    assert [fault.path for fault in directory.faults] == ["policy/08337"]
    assert directory.policy_for("08337116", federation.at) == ("08337", FIRST)


@pytest.mark.parametrize(
    ("prefix", "content", "error"),
    [
        ("", FIRST, InputError),
        ("0", FIRST, InputError),
        ("083371161", FIRST, InputError),
        ("08x", FIRST, InputError),
        ("../08", FIRST, InputError),
        ("09", FIRST, InputError),
        ("08336", FIRST, InputError),
        ("08337", b"", InputError),
        ("08337", b"quorum nobody\n", MalformedMessageError),
    ],
)
def test_a_policy_that_cannot_be_is_not_published(federation, prefix, content, error):
    before = federation.snapshot_of_files()
    with pytest.raises(error):
        put(federation, prefix, content)
    assert federation.snapshot_of_files() == before


@pytest.mark.spec("WIT-5")
def test_the_command_publishes_and_withdraws(federation, tmp_path):
    file = tmp_path / "policy.txt"
    file.write_bytes(FIRST)
    common = [str(federation.folder), "08337"]
    keys = ["--keys", str(federation.keys)]
    said = CliRunner().invoke(app, ["policy", *common, str(file), *keys])
    assert (said.exit_code, len(KEYS)) == (0, 6)
    assert "6 Zeugen" in said.output
    assert "mindestens 2" in said.output
    assert CliRunner().invoke(app, ["policy", *common, *keys]).exit_code == 1
    said = CliRunner().invoke(app, ["policy", *common, "--withdraw", *keys])
    assert said.exit_code == 0
    assert federation.refresh().policy_for("08337116", federation.at) == ("", b"")
