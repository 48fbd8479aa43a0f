"""``staffelstab log``: verdicts as sentences, JSON and exit codes."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.bootstrap import own_hands
from node.cli.log import app, find_alarms
from node.cli.opened import open_store
from node.crypto.checkpoint import Checkpoint, sign_checkpoint
from node.crypto.merkle import Frontier
from node.failpoints import NoFailpoints
from node.founding import Paths, Town, found
from node.ids import Ags, MemberId
from node.store.logrows import Standing, Witnessed
from node.store.mark import Mark, read_mark, write_mark
from node.store.publisher import Publisher
from node.trust.member import Contact
from tests.support.exchangelog import START, digest

ORIGIN = "wehr.example/log/1"


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A node with one signed entry."""
    folder = tmp_path / "node"
    hands = own_hands()
    town = Town(
        member=MemberId("08337116-stadt-wehr"),
        name="Stadt Wehr",
        ags=(Ags("08337116"),),
        contact=Contact("Amt", "07762 80 80", "amt@wehr.example"),
        web_url="https://wehr.example",
        peer_url="https://wehr.example:8443",
        web_port=8080,
        peer_port=8443,
        directory="",
    )
    paths = Paths(folder)
    found(paths, town, clock=hands.clock, randomness=hands.randomness)
    with open_store(folder) as opened:
        publisher = Publisher(
            opened.store, opened.means, paths.mark, failpoints=NoFailpoints()
        )
        publisher.publish()
    return folder


def run(*words: str):
    return CliRunner().invoke(app, list(words))


def test_a_sound_log_is_verified_and_exits_with_0(node):
    result = run("verify", "--data", str(node))
    assert result.exit_code == 0, result.output
    assert "in Ordnung" in result.output


def test_verify_speaks_json(node):
    result = run("verify", "--json", "--data", str(node))
    report = json.loads(result.stdout)
    assert (report["verdict"], report["origin"], report["size"]) == (
        "verified",
        ORIGIN,
        1,
    )


@pytest.mark.spec("EL-1", "EL-5")
def test_a_head_from_outside_that_the_log_lacks_exits_with_1(node, tmp_path):
    with open_store(node) as opened:
        key = opened.keyring.log
    note = tmp_path / "theirs.txt"
    note.write_text(sign_checkpoint(Checkpoint(ORIGIN, 9, digest("nine")), key))
    result = run("verify", "--against", str(note), "--data", str(node))
    assert result.exit_code == 1
    assert "tail_cut" in result.output
    assert "verändert" in result.output


@pytest.mark.parametrize("content", [b"hello", b"\xff"])
def test_something_else_than_a_checkpoint_of_ours_is_no_proof(node, tmp_path, content):
    note = tmp_path / "theirs.txt"
    note.write_bytes(content)
    result = run("verify", "--against", str(note), "--data", str(node))
    assert result.exit_code == 3
    assert run("verify", "--against", "absent", "--data", str(node)).exit_code == 3


@pytest.mark.spec("LR-11")
def test_without_its_mark_a_log_is_not_called_sound(node):
    Paths(node).mark.unlink()
    assert run("verify", "--data", str(node)).exit_code == 2
    status = run("status", "--json", "--data", str(node))
    assert status.exit_code == 4
    assert json.loads(status.stdout)["alarms"] == ["no_mark"]


@pytest.mark.spec("LR-11")
def test_a_mark_ahead_of_the_log_is_a_cut_tail(node):
    path = Paths(node).mark
    mark = read_mark(path)
    write_mark(path, Mark(ORIGIN, 1, mark.frontier.append(digest("next"))))
    result = run("verify", "--json", "--data", str(node))
    assert result.exit_code == 1
    assert json.loads(result.stdout)["findings"][0]["code"] == "tail_cut"
    assert "kleiner als sein Merkstein" in run("status", "--data", str(node)).output


def test_a_folder_without_node_exits_with_3(tmp_path):
    assert run("verify", "--data", str(tmp_path)).exit_code == 3
    assert run("status", "--data", str(tmp_path)).exit_code == 3


def test_status_tells_size_signature_and_mark(node):
    result = run("status", "--data", str(node))
    assert result.exit_code == 0
    assert "Einträge: 1" in result.output
    assert "Merkstein: 1" in result.output
    broken = Paths(node).mark
    broken.write_bytes(b"half")
    assert "Merkstein: fehlt" in run("status", "--data", str(node)).output


MARK = Mark(ORIGIN, 1, Frontier().extend(digest(str(i)) for i in range(5)))
SEEN = (Witnessed("b.example/witness/1", 5, START),)
OWN = "wehr.example/witness/1"


@pytest.mark.parametrize(
    ("size", "signed", "witnessed", "later", "alarms"),
    [
        (5, 5, (), 0, ()),
        (5, 5, SEEN, 1, ()),
        (5, 5, SEEN, 25, ("not_witnessed_24h",)),
        (5, 5, (Witnessed(OWN, 5, START),), 25, ()),
        (6, 5, (), 0, ()),
        (6, 5, (), 1, ("unsigned",)),
        (4, 4, (), 0, ("behind_mark",)),
        (7, 7, (), 0, ("mark_behind",)),
    ],
)
@pytest.mark.spec("EL-16")
def test_an_alarm_is_raised_when_a_person_must_look(
    size, signed, witnessed, later, alarms
):
    standing = Standing(ORIGIN, size, signed, START, witnessed)
    at = START + timedelta(hours=later)
    assert find_alarms(standing, MARK, own=OWN, at=at) == alarms


def test_a_log_never_signed_alarms_at_once():
    standing = Standing(ORIGIN, 1, 0, None, ())
    mark = Mark(ORIGIN, 1, Frontier())
    assert find_alarms(standing, mark, own=OWN, at=START) == ("unsigned",)
    assert find_alarms(standing, None, own=OWN, at=START) == ("no_mark", "unsigned")
