"""The auditor's commands beside two running nodes: what they say, and what they leave."""

import pytest
import pytest_asyncio

from node.crypto.checkpoint import open_checkpoint
from node.crypto.merkle import verify_consistency
from node.exchangelog.kinds import EntryType
from node.exchangelog.tlogproof import TlogProof
from tests.support.audited import audited, said_in
from tests.support.pair import APPROVER, SAECKINGEN, WEHR

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def towns(tmp_path_factory):
    async with audited(tmp_path_factory.mktemp("audited")) as both:
        yield both


def viewed(town):
    lines = town.node.store.read_sync(lambda uow: uow.log_view.lines(0))
    return sum(line.type is EntryType.AUDIT_VIEWED for line in lines)


@pytest.mark.spec("EL-7")
@pytest.mark.parametrize("asked", [(), ("--ask",)])
async def test_two_honest_towns_agree_from_either_side(towns, asked):
    for town, peer in ((towns.wehr, SAECKINGEN), (towns.saeckingen, WEHR)):
        told = await town.told("reconcile", peer, *asked)
        assert (told["verdict"], told["findings"]) == ("verified", []), str(told)
        assert told["counts"] == {"matched": 1}
        assert told["asked"] is bool(asked)


@pytest.mark.spec("EL-8")
async def test_the_consent_stood_at_both_moments(towns):
    told = await towns.wehr.told("consent", towns.transfer.short)
    assert [m["moment"] for m in told["moments"]] == ["sent", "granted"]
    assert all(m["faults"] == [] and m["open"] is False for m in told["moments"])


async def test_the_recipient_cannot_judge_the_consents_of_the_other_log(towns):
    result = await towns.saeckingen.command("consent", towns.transfer)
    assert result.exit_code == 2, result.output
    assert "Nur teilweise zu prüfen" in result.output


@pytest.mark.spec("EL-18")
async def test_a_trace_shows_both_sides_with_their_proofs(towns):
    told = await towns.wehr.told("trace", towns.transfer)
    assert told["classes"] == ["matched"]
    sent, imported = told["sender"]["items"], told["recipient"]["items"]
    assert {"transfer.sent", "transfer.granted", "transfer.completed"} <= {
        i["entry"]["type"] for i in sent
    }
    assert "transfer.imported" in {i["entry"]["type"] for i in imported}
    assert all(i["proven_at"] for i in (*sent, *imported))


@pytest.mark.spec("EL-18", "SC-58", "REC-20")
@pytest.mark.parametrize(
    "verb",
    [
        ("list",),
        ("list", "--csv"),
        ("list", "--type", "transfer.", "--peer", SAECKINGEN, "--from", "2020-01-01"),
        ("trace", "{transfer}"),
        ("consent", "{transfer}"),
        ("show", "2"),
        ("reconcile", SAECKINGEN),
        ("sample", "--n", "3", "--seed", "Wehr 2026"),
    ],
    ids=lambda verb: " ".join(verb)[:30],
)
async def test_a_verb_that_shows_entries_leaves_one_itself_and_no_name(towns, verb):
    words = [w.format(transfer=towns.transfer) for w in verb]
    count = viewed(towns.wehr)
    result = await towns.wehr.command(*words)
    assert result.exit_code == 0, result.output
    assert viewed(towns.wehr) == count + 1
    assert said_in(result.output) == []


@pytest.mark.spec("REC-20")
@pytest.mark.parametrize(
    "verb",
    [("list",), ("show", "1"), ("reconcile", SAECKINGEN), ("sample", "--seed", "x")],
)
async def test_without_a_good_code_nothing_is_shown(towns, verb):
    count, code = viewed(towns.wehr), await towns.wehr.code()
    for wrong in ("x", "2222-2222-2222-2222", code):
        result = await towns.wehr.command(*verb, "--code", wrong, coded=False)
        assert result.exit_code == (0 if wrong == code else 3), result.output
        assert wrong == code or "übernommen" not in result.output
    again = await towns.wehr.command(*verb, "--code", code, coded=False)
    assert again.exit_code == 3
    assert viewed(towns.wehr) == count + 1


@pytest.mark.parametrize(
    ("verb", "status"),
    [
        (("list", "--from", "gestern"), 3),
        (("show", "99999"), 3),
        (("trace", "ZZZZ-ZZZ"), 3),
        (("trace", ""), 3),
        (("consent", "0" * 32), 3),
        (("reconcile", "08337999-nirgends"), 2),
        (("reconcile", "Wehr"), 3),
        (("sample", "--seed", ""), 3),
        (("sample", "--seed", "x", "--size", "99999"), 3),
    ],
)
async def test_what_does_not_exist_is_said_and_not_shown(towns, verb, status):
    result = await towns.wehr.command(*verb)
    assert result.exit_code == status, result.output
    assert result.stdout == ""


@pytest.mark.spec("EL-10")
async def test_a_proof_is_the_public_file_and_verifies(towns):
    result = await towns.wehr.command("prove", "2", coded=False)
    proof = TlogProof.parse(result.stdout)
    key = towns.wehr.node.office.directory().log_key(WEHR)
    assert open_checkpoint(proof.note, key) == proof.head()
    shown = await towns.wehr.told("show", "2")
    proof.check(b"\x01" + bytes.fromhex(shown["c"]))
    assert (await towns.wehr.command("prove", "99999", coded=False)).exit_code == 3


async def test_growth_is_proven_between_two_sizes(towns):
    told = await towns.wehr.told("consistency", "1", "3", coded=False)
    path = tuple(bytes.fromhex(step) for step in told["path"])

    def root(uow):
        return uow.log_rows._tree.root(1), uow.log_rows._tree.root(3)

    old, new = towns.wehr.node.store.read_sync(root)
    verify_consistency(1, 3, old, new, path)
    for wrong in (("3", "1"), ("1", "99999")):
        result = await towns.wehr.command("consistency", *wrong, coded=False)
        assert result.exit_code == 3


@pytest.mark.spec("EL-18", "REC-18")
async def test_a_sample_repeats_from_its_seed_and_its_head(towns):
    first = await towns.wehr.told("sample", "--seed", "a", "--n", "5")
    again = await towns.wehr.told(
        "sample", "--seed", "a", "--n", "5", "--size", str(first["size"])
    )
    assert first == again
    assert [t["transfer"] for t in first["transfers"]] == [str(towns.transfer)]


@pytest.mark.spec("EL-7", "REC-9", "REC-10")
async def test_a_peer_is_shown_what_concerns_it_and_nothing_else(towns):
    from node.federation.shared import shared_page
    from node.ids import TransferId

    zero = TransferId("0" * 32)
    store = towns.wehr.node.store
    page = store.read_sync(shared_page, SAECKINGEN, zero, 0)
    assert [row["transfer"] for row in page["transfers"]] == [str(towns.transfer)]
    other = store.read_sync(shared_page, WEHR, zero, 0)
    assert other["transfers"] == []


async def test_an_approver_may_use_the_commands_as_well(towns):
    code = await towns.wehr.code(APPROVER)
    result = await towns.wehr.command("list", "--code", code, coded=False)
    assert result.exit_code == 0
