"""A share of the tamper campaign, and proof that the campaign itself can fail (EL-1)."""

import os
import random
import shutil

import pytest

from node.exchangelog.finding import Verdict
from tests.support import tampering
from tests.support.attacker import ANYTHING, Attacker, expect
from tests.support.tampering import KINDS, attack, examine, judge
from tests.support.townlog import build, template

SEED = int(os.environ.get("TAMPER_SEED", "1"))
SIZE, TAIL = 1500, 40


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    return build(folder / "log", template(folder), seed=SEED, size=SIZE, tail=TAIL)


@pytest.mark.spec("EL-1", "LOG-41", "LOG-44")
@pytest.mark.parametrize("kind", KINDS)
def test_attacks_of_every_kind_are_found_named_and_placed(town, tmp_path, kind):
    _, why = attack(town, tmp_path / "copy", kind, SEED * 1000)
    assert why is None


@pytest.mark.spec("EL-1")
@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 600])
def test_no_clean_log_is_accused(tmp_path, size):
    log = build(
        tmp_path / "log", template(tmp_path), seed=size, size=size, tail=size % 3
    )
    for with_mark in (True, False):
        report = examine(log, log.folder, with_mark=with_mark)
        assert judge(report, None) is None
        assert report.verdict is Verdict.VERIFIED


def test_the_campaign_tells_a_miss_a_wrong_name_and_a_wrong_place(town, tmp_path):
    clean = examine(town, town.folder, with_mark=True)
    assert "missed" in judge(clean, expect("leaf_changed", at=3))
    assert "missed" in judge(clean, ANYTHING)
    assert judge(clean, None) is None
    assert "expected" in judge("mark", expect("leaf_changed", at=3))
    shutil.copytree(town.folder, tmp_path / "copy")
    attacker = Attacker(town, tmp_path / "copy", random.Random(1))
    attacker.sql("DELETE FROM log_body WHERE idx = 7")
    attacker.close()
    found = examine(town, tmp_path / "copy", with_mark=False)
    assert judge(found, expect("missing", at=7)) is None
    assert "expected" in judge(found, expect("missing", at=8))
    assert "expected" in judge(found, expect("leaf_missing", at=7))
    assert "false alarm" in judge(found, None)


def test_a_campaign_with_a_miss_ends_with_a_status_that_says_so(monkeypatch, capsys):
    def missing(job):
        return tampering.Tally(wrong=[f"seed {job.seed}: missed"])

    class Alone:
        def __init__(self, _):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def imap_unordered(self, _, todo):
            return map(missing, todo)

    class Context:
        Pool = Alone

    monkeypatch.setattr(tampering, "get_context", lambda _: Context)
    monkeypatch.setattr("sys.argv", ["tampering", "--attacks", "100", "--clean", "1"])
    assert tampering.main() == 1
    assert "missed" in capsys.readouterr().out


@pytest.mark.spec("EL-1")
def test_one_seed_gives_one_log(tmp_path):
    empty = template(tmp_path)
    one = build(tmp_path / "one", empty, seed=9, size=300)
    other = build(tmp_path / "other", empty, seed=9, size=300)
    assert one.note == other.note
