"""What a member types: join in three steps, look, refresh from a stick, ask the doctor."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from node.bootstrap import own_hands
from node.cli.app import app
from node.federation.registrar import Retirement, retire
from node.trust.fingerprint import words_of
from tests.support.pair import SAECKINGEN, WEHR, found_pair

runner = CliRunner()


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("membership")
    return folder, found_pair(folder, own_hands())


@pytest.fixture
def town(founded, tmp_path):
    """Wehr's data folder before it has joined, with its directory beside it."""
    folder, folders = founded
    shutil.copytree(folder, tmp_path / "all")
    data = tmp_path / "all" / folders[WEHR].name
    settings = data / "node.toml"
    text = settings.read_text().replace(str(folder), str(tmp_path / "all"))
    settings.write_text(text)
    (data / "root.json").unlink()
    return data


def run(*words):
    return runner.invoke(app, [str(word) for word in words])


def joined(town):
    root = town.parent / "directory" / "root.json"
    words = words_of(root.read_bytes())
    done = run("directory", "join", root, "--fingerprint", words, "--data", town)
    assert done.exit_code == 0, done.output
    return done


def test_joining_takes_three_steps(town):
    first = run("directory", "join", "--data", town)
    assert [line[:2] for line in first.output.splitlines() if line[0].isdigit()] == [
        "1.",
        "2.",
        "3.",
    ]
    assert "2 Kommunen" in joined(town).output


def test_a_root_with_other_words_is_not_taken(town):
    root = town.parent / "directory" / "root.json"
    words = " ".join(reversed(words_of(root.read_bytes()).split()))
    told = run("directory", "join", root, "--fingerprint", words, "--data", town)
    assert told.exit_code == 1
    assert not (town / "root.json").exists()


def test_nobody_joins_without_a_yes(town):
    root = town.parent / "directory" / "root.json"
    told = runner.invoke(
        app, ["directory", "join", str(root), "--data", str(town)], input="n\n"
    )
    assert told.exit_code == 1
    assert not (town / "root.json").exists()


def test_a_root_is_never_replaced(town):
    joined(town)
    other = town / "other.json"
    other.write_bytes((town / "root.json").read_bytes() + b" ")
    words = words_of(other.read_bytes())
    told = run("directory", "join", other, "--fingerprint", words, "--data", town)
    assert told.exit_code == 1


def test_a_healthy_node_has_nothing_to_do(town):
    joined(town)
    told = run("directory", "doctor", "--data", town)
    assert told.exit_code == 0, told.output
    assert all(line.startswith("gut") for line in told.output.splitlines())


def test_the_doctor_before_joining_says_what_to_do(town):
    told = run("directory", "doctor", "--data", town)
    assert told.exit_code == 1
    assert "directory join" in told.output


def test_the_doctor_speaks_json_and_raises_the_alarm_for_a_retired_key(town):
    joined(town)
    folder = town.parent / "directory"
    retire(
        folder,
        [town.parent / "directory-keys"],
        target=Retirement(WEHR, "s1", "stolen"),
        at=own_hands().clock.now(),
    )
    assert run("directory", "refresh", "--data", town).exit_code == 0
    told = run("directory", "doctor", "--json", "--data", town)
    assert told.exit_code == 1
    levels = {one["check"]: one["level"] for one in json.loads(told.output)}
    assert levels["retired"] == "alarm"
    assert levels["sealing_key"] == "fault"
    assert levels["sign_key"] == "ok"


def test_the_directory_travels_on_a_stick(town):
    joined(town)
    stick = town.parent / "stick"
    assert run("directory", "export", stick, "--data", town).exit_code == 0
    assert {p.name for p in stick.iterdir()} == {"metadata", "targets", "root.json"}
    shutil.rmtree(town.parent / "directory")
    assert run("directory", "refresh", "--data", town).exit_code == 1
    told = run("directory", "refresh", "--from", stick, "--data", town)
    assert told.exit_code == 0, told.output
    assert run("directory", "export", stick, "--data", town).exit_code == 1


def test_the_node_shows_what_it_has_verified(town):
    joined(town)
    told = run("directory", "show", "--json", "--data", town)
    members = [one["id"] for one in json.loads(told.output)["members"]]
    assert members == sorted([WEHR, SAECKINGEN])


def test_a_rotation_is_asked_for_with_twelve_words(town):
    joined(town)
    told = run("keys", "rotate", "--data", town)
    assert told.exit_code == 0, told.output
    assert (town / "outgoing" / "rotation-sig.json").exists()
    shown = json.loads(run("keys", "show", "--json", "--data", town).output)
    assert (shown["sig"], shown["waiting"]) == ("s1", {"sig": "s2"})
    secret = (town / "keys" / "master.key").read_bytes().hex()
    assert secret not in told.output


@pytest.mark.parametrize("use", ["kem", "log", "nonsense"])
def test_other_uses_are_refused(town, use):
    joined(town)
    assert run("keys", "rotate", "--use", use, "--data", town).exit_code == 1
