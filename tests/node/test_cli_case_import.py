"""``staffelstab case import``: a trial without a trace, then exactly what it showed."""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from node.accounts.model import Account, Role
from node.accounts.policy import Actor
from node.bootstrap import own_hands
from node.casework.listbatches import own_lists, undo_batch
from node.cli.app import app
from node.cli.opened import open_store
from node.founding import Paths, Town, found
from node.ids import AccountId, Ags, MemberId
from node.trust.member import Contact
from node.web.language import Language, Words
from node.web.listwords import reason_of
from tests.support.uglyfiles import (
    CP1252,
    DUPES,
    NAMES,
    blocks_ods,
    titles_xls,
    zeros_xlsx,
)

GERMAN = Words(Language.GERMAN)
WORKER = AccountId("a0" * 16)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node with one caseworker and one approver."""
    folder = tmp_path_factory.mktemp("founded") / "node"
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
    found(Paths(folder), town, clock=hands.clock, randomness=hands.randomness)
    with open_store(folder) as node:
        for number, login, role in (
            (WORKER, "kim", Role.CASEWORKER),
            (AccountId("a1" * 16), "toni", Role.APPROVER),
        ):
            day = date(2018, 1, 1)
            account = Account(number, login, login, frozenset({role}), day)
            node.store.write_sync(_add, account)
    return folder


@pytest.fixture
def node(founded: Path, tmp_path: Path) -> Path:
    """A copy of the founded node."""
    return shutil.copytree(founded, tmp_path / "node")


def _add(uow, account):
    with uow:
        uow.accounts.add(account)
        uow.commit()


def run(node: Path, file: Path, *words: str, login: str = "kim") -> Result:
    return CliRunner().invoke(
        app,
        ["case", "import", str(file), "--for", login, "--data", str(node), *words],
    )


def trial(node: Path, file: Path, *words: str) -> dict:
    result = run(node, file, "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def dump(node: Path) -> list[str]:
    """The whole database as text."""
    with closing(sqlite3.connect(node / "node.db")) as connection:
        return list(connection.iterdump())


def written(tmp_path: Path, content: bytes, name: str = "liste.csv") -> Path:
    file = tmp_path / name
    file.write_bytes(content)
    return file


@pytest.mark.spec("DO-42")
def test_a_trial_leaves_the_database_as_it_was(node, tmp_path):
    before = dump(node)
    assert len(trial(node, written(tmp_path, DUPES))["new"]) == 2
    assert dump(node) == before


@pytest.mark.spec("DO-42")
def test_the_trials_number_takes_the_people_in_and_a_second_time_nobody(node, tmp_path):
    file = written(tmp_path, DUPES)
    first = trial(node, file)
    result = run(node, file, "--apply", first["digest"])
    assert result.exit_code == 0, result.output
    assert "Übernommen." in result.output
    again = trial(node, file)
    assert again["new"] == []
    assert len(again["duplicates"]) == 4
    assert all(d["known"] for d in again["duplicates"])


@pytest.mark.spec("FR-8")
def test_the_people_are_cases_of_the_caseworker_with_origin_list(node, tmp_path):
    file = written(tmp_path, CP1252)
    run(node, file, "--apply", trial(node, file)["digest"])
    with open_store(node) as opened_node:
        contents = opened_node.store.read_sync(
            lambda uow: [uow.cases.content(c) for c in uow.readings.versions()]
        )
    assert {c.person.text("family_name") for c in contents} == {
        "Müller",
        "Groß",
        "Özdemir",
    }
    assert {c.file.caseworker for c in contents} == {WORKER}
    assert {r.origin for c in contents for r in c.records} == {"list"}
    assert len({c.file.household for c in contents}) == 3


def test_one_household_of_the_list_is_one_household_here(node, tmp_path):
    file = written(tmp_path, DUPES)
    run(node, file, "--apply", trial(node, file)["digest"])
    with open_store(node) as opened_node:
        files = opened_node.store.read_sync(
            lambda uow: [uow.cases.file(c) for c in uow.readings.versions()]
        )
    assert len(files) == 2
    assert len({f.household for f in files}) == 1


def test_another_file_than_the_trials_is_not_taken_in(node, tmp_path):
    number = trial(node, written(tmp_path, DUPES))["digest"]
    before = dump(node)
    result = run(node, written(tmp_path, DUPES + b"\n"), "--apply", number)
    assert result.exit_code == 1
    assert dump(node) == before


def test_other_repairs_than_the_trials_are_not_made(node, tmp_path):
    file = written(tmp_path, NAMES)
    number = trial(node, file, "--accept", "split_name")["digest"]
    assert run(node, file, "--apply", number).exit_code == 1
    accepted = run(node, file, "--accept", "split_name", "--apply", number)
    assert accepted.exit_code == 0, accepted.output


@pytest.mark.parametrize("login", ["toni", "nobody", ""])
def test_only_a_caseworker_takes_people_in(node, tmp_path, login):
    result = run(node, written(tmp_path, DUPES), login=login)
    assert result.exit_code == 1


def test_no_name_of_the_list_is_on_the_screen(node, tmp_path):
    for content in (CP1252, DUPES, NAMES):
        file = written(tmp_path, content)
        for words in ((), ("--json",)):
            output = run(node, file, *words).output
            for name in ("Müller", "Anna", "Demo-", "Samir", "1990", "Demoweg"):
                assert name not in output


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"", "empty"), (b"A;B\n", "no_header")]
)
def test_a_file_that_is_no_list_is_one_sentence(node, tmp_path, content, sentence):
    result = run(node, written(tmp_path, content))
    assert result.exit_code == 1
    assert reason_of(sentence, GERMAN) in result.output


def test_a_missing_file_is_one_sentence(node, tmp_path):
    result = run(node, tmp_path / "nichts.csv")
    assert result.exit_code == 1
    assert reason_of("not_readable", GERMAN) in result.output


def test_an_unknown_repair_is_refused(node, tmp_path):
    assert run(node, written(tmp_path, DUPES), "--accept", "alles").exit_code == 1


@pytest.mark.spec("DO-42")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("alt.xls", titles_xls()),
        ("block.ods", blocks_ods()),
        ("zahl.xlsx", zeros_xlsx()),
    ],
)
def test_every_format_is_tried_and_taken_in(node, tmp_path, name, content):
    file = written(tmp_path, content, name)
    first = trial(node, file)
    assert first["new"]
    assert run(node, file, "--apply", first["digest"]).exit_code == 0
    assert trial(node, file)["new"] == []


@pytest.mark.spec("DO-42")
def test_what_the_command_took_in_can_be_taken_back(node, tmp_path):
    file = written(tmp_path, CP1252)
    before = dump_of_cases(node)
    run(node, file, "--apply", trial(node, file)["digest"])
    assert dump_of_cases(node) != before
    by = Actor(WORKER, frozenset({Role.CASEWORKER}))
    with open_store(node) as opened_node:
        ((batch, answers),) = opened_node.store.read_sync(partial(own_lists, by=by))
        assert answers.counts["new"] == 3
        office = SimpleNamespace(clock=opened_node.means.clock)
        opened_node.store.write_sync(partial(undo_batch, by=by), office, batch.id)
    assert dump_of_cases(node) == before


def dump_of_cases(node):
    return [
        line
        for line in dump(node)
        if line.startswith(('INSERT INTO "case_file"', 'INSERT INTO "record'))
    ]
