"""EL-6 and SC-57 over two real nodes: bundles that strangers check, and what breaks them."""

import io
import json
import random
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from node.casework import exporting
from node.errors import (
    ForbiddenError,
    InputError,
    MalformedMessageError,
    NotFoundError,
)
from node.exchangelog.bundle import MOST_LEAVES, pack_files, read_files
from node.exchangelog.kinds import EntryType
from node.exchangelog.standalone import verify
from node.ids import TransferId
from node.report.booklet import sentences, verifier
from node.report.bundlecheck import NodeJudge, check_bundle
from node.sync.rows import EntryDraft
from tests.node.evidence_stage import (
    bundle_of,
    handed_over,
    resealed,
    trust_of,
)
from tests.support.browser_by_hand import Browser
from tests.support.office import AUDITOR, LEADER, before
from tests.support.pair import APPROVER, CLERK

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOR_PEOPLE = {"bericht.html", "bericht.csv", "LIESMICH.txt", "README.txt", "verify.py"}
# Runs a program and forbids it, by an audit hook, connections, writing and other programs.
CLOSED = """
import runpy, sys
def hook(event, args):
    if event.startswith(("socket.", "subprocess.", "os.exec", "os.remove", "os.mkdir")):
        raise RuntimeError(event)
    if event == "open" and args[1] is not None and set(str(args[1])) & set("wax+"):
        raise RuntimeError(event)
sys.addaudithook(hook)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Stage:
    """Both bundles of one handover, and the auditor's own list."""

    def __init__(self, wehr, saeckingen, transfer):
        self.wehr, self.saeckingen, self.transfer = wehr, saeckingen, transfer
        self.trust = trust_of(wehr)
        self.ours = bundle_of(wehr, transfer).raw
        self.theirs = bundle_of(saeckingen, transfer).raw


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory):
    async with handed_over(tmp_path_factory.mktemp("pair")) as towns:
        yield Stage(*towns)


class Stopped:
    """A clock that stands."""

    def now(self):
        return datetime(2026, 12, 1, 12, tzinfo=UTC)


def codes(check):
    return {code for code, _ in check.findings}


def run(folder, bundle, *options, trust=None):
    """The verifier that lies in the bundle, alone on a machine without network."""
    (folder / "verify.py").write_bytes(read_files(bundle)["verify.py"])
    (folder / "x.nachweis.zip").write_bytes(bundle)
    more = []
    if trust is not None:
        lines = "".join(f"{name} {found}\n" for name, found in sorted(trust))
        (folder / "trust.txt").write_text("# own list\n\n" + lines)
        more = ["--trust", "trust.txt"]
    return subprocess.run(
        [
            *(sys.executable, "-I", "-S", "-c", CLOSED),
            *("verify.py", "x.nachweis.zip", *more, *options),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"LANG": "C.UTF-8", "PYTHONUTF8": "1"},
    )


# -- It verifies, elsewhere ---------------------------------------------------------------


@pytest.mark.spec("EL-6", "LR-34", "SC-57")
async def test_both_bundles_verify_alone_without_network_with_an_own_list(
    stage, tmp_path
):
    for bundle in (stage.ours, stage.theirs):
        done = run(tmp_path, bundle, trust=stage.trust)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Geprüft: unversehrt, die Schlüssel sind bestätigt." in done.stdout


@pytest.mark.spec("LR-34", "SC-57")
async def test_without_an_own_list_the_keys_are_not_confirmed(stage, tmp_path):
    done = run(tmp_path, stage.ours, "--lang", "en")
    assert done.returncode == 2
    assert "In itself sound, keys not confirmed." in done.stdout
    report = json.loads(run(tmp_path, stage.ours, "--json").stdout)
    shown = {(key["name"], key["fingerprint"]) for key in report["keys"]}
    assert shown <= stage.trust
    assert {key["kind"] for key in report["keys"]} == {"statement", "log", "witness"}


@pytest.mark.spec("LR-34", "EVD-11")
async def test_a_list_that_lacks_one_key_confirms_nothing(stage):
    check = check_bundle(stage.theirs, stage.trust)
    needed = {pair for pair, kind in check.used.items() if kind == "statement"}
    assert len(needed) == 2
    for pair in needed:
        found = check_bundle(stage.theirs, stage.trust - {pair})
        assert found.verdict == "unconfirmed"


@pytest.mark.spec("LR-34", "EVD-10")
async def test_a_key_card_speaks_for_log_and_witness_of_a_confirmed_node(stage):
    signers = frozenset(p for p in stage.trust if "/" not in p[0])
    found = check_bundle(stage.ours, signers)
    unconfirmed = [where for code, where in found.findings if code == "key_unconfirmed"]
    assert unconfirmed == [stage.saeckingen.office.log_origin]


@pytest.mark.spec("EL-6")
async def test_the_bundle_is_small(stage):
    assert len(bundle_of(stage.wehr, stage.transfer).raw) <= 64 * 1024


@pytest.mark.spec("EL-6", "EVD-1")
async def test_any_zip_tool_lists_it_and_the_verifier_inside_is_the_shipped_one(stage):
    with zipfile.ZipFile(io.BytesIO(stage.ours)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        dates = {info.date_time for info in archive.infolist()}
    assert names[:2] == ["manifest.json", "manifest.jws"]
    assert names[2:] == sorted(names[2:])
    assert dates == {(1980, 1, 1, 0, 0, 0)}
    assert read_files(stage.ours)["verify.py"] == verifier()


@pytest.mark.spec("EVD-3")
async def test_the_same_moment_gives_the_same_bytes(stage):
    office = replace(stage.wehr.office, clock=Stopped())
    first, second = (
        stage.wehr.store.read_sync(
            exporting.make_bundle, office, stage.transfer, AUDITOR
        )
        for _ in range(2)
    )
    assert first == second


@pytest.mark.spec("EL-3", "SC-57", "SC-58", "EVD-4")
async def test_no_personal_value_is_in_it(stage):
    for bundle in (stage.ours, stage.theirs):
        for name, content in read_files(bundle).items():
            for value in (b"Demo-Ulme", b"Amina", b"1990-05-04", b"Bewerbung"):
                assert value not in content, name


async def test_the_report_inside_answers_eight_sentences(stage):
    told = read_files(stage.ours)["bericht.html"].decode()
    assert told.count("<strong>ja</strong>") == 8
    assert "<script" not in told
    check = check_bundle(resealed(stage.ours, {"a/entries/2.salt": bytes(32)}))
    answers = [answer for _, answer in sentences(check.as_json())]
    assert answers[1] == "nein"


@pytest.mark.spec("EL-8")
async def test_only_the_senders_bundle_shows_where_the_consent_stands(stage):
    assert "consent_unshown" not in codes(check_bundle(stage.ours))
    assert "consent_unshown" in codes(check_bundle(stage.theirs))


@pytest.mark.spec("LR-20", "LR-21")
async def test_without_the_recipients_cosignature_the_witnesses_are_not_shown(stage):
    assert "pair_only" in codes(check_bundle(stage.ours))
    files = read_files(stage.ours)
    stripped = {
        name: content.decode().replace(line, "").encode()
        for name, content in files.items()
        if name.startswith(("a/checkpoints", "a/proofs"))
        for line in [cosignature(content.decode())]
        if line
    }
    assert stripped
    changed = resealed(stage.ours, stripped, stage.wehr.office.keyring)
    found = check_bundle(changed, stage.trust)
    assert "below_quorum" in codes(found)
    assert found.verdict == "verified"


def cosignature(text):
    lines = text.splitlines(keepends=True)
    return next((line for line in lines if "/witness/" in line), "")


# -- Any changed byte fails ---------------------------------------------------------------


def changed_bytes(files, seed, each):
    chance = random.Random(seed)
    for name, content in files.items():
        for place in chance.sample(range(len(content)), min(each, len(content))):
            other = bytearray(content)
            other[place] ^= 1 << chance.randrange(8)
            yield name, bytes(other)


@pytest.mark.spec("EL-6", "EVD-1")
async def test_any_changed_byte_of_any_file_is_named(stage):
    for bundle in (stage.ours, stage.theirs):
        files = read_files(bundle)
        for name, content in changed_bytes(files, seed=1, each=4):
            check = verify.Check(
                files | {name: content}, NodeJudge(), stage.trust
            ).run()
            wrong = {where for code, where in check.findings if where != ""}
            assert check.verdict in {"tampered", "incomplete"}, name
            if name.startswith("manifest."):
                assert wrong & {"manifest.json", "manifest.jws"}, name
            else:
                assert check.verdict == "tampered"
                assert ("bundle_changed", name) in check.findings


@pytest.mark.spec("EL-6", "EL-17")
async def test_a_changed_byte_fails_even_if_the_exporter_signs_the_list_anew(stage):
    keyring = stage.wehr.office.keyring
    files = read_files(stage.ours)
    for name, content in changed_bytes(files, seed=2, each=5):
        if name in FOR_PEOPLE or name.startswith("manifest."):
            continue
        raw = resealed(stage.ours, {name: content}, keyring)
        check = check_bundle(raw, stage.trust)
        assert check.verdict in {"tampered", "incomplete"}, name


@pytest.mark.spec("EL-17", "SR-P5")
async def test_a_changed_byte_of_the_archive_itself_fails_or_changes_nothing(stage):
    chance = random.Random(3)
    files = read_files(stage.ours)
    for _ in range(300):
        other = bytearray(stage.ours)
        other[chance.randrange(len(other))] ^= 1 << chance.randrange(8)
        try:
            found = read_files(bytes(other))
        except MalformedMessageError:
            continue
        assert found == files


@pytest.mark.spec("EL-6")
@pytest.mark.parametrize(
    ("gone", "code"),
    [
        (("a/entries/4.json", "a/entries/4.salt"), "chain_gap"),
        (("a/entries/4.salt",), "body_changed"),
        (("a/entries/4.leaf",), "proof_bad"),
        (("a/proofs/4.tlog-proof",), "missing"),
        (("statements/1.jws",), "receipt_missing"),
        (("b/entries/3.leaf", "b/proofs/3.tlog-proof"), "unproven_statement"),
        (("a/consistency/3-5.txt",), "continuation_unshown"),
        (("keys/a.json",), "file_bad"),
        (("policy.txt",), "file_bad"),
    ],
)
async def test_what_the_exporter_leaves_out_is_missed(stage, gone, code):
    keyring = stage.wehr.office.keyring
    raw = resealed(stage.ours, dict.fromkeys(gone), keyring)
    check = check_bundle(raw, stage.trust)
    assert code in codes(check)
    assert check.verdict in {"tampered", "incomplete"}


@pytest.mark.spec("EL-6")
async def test_a_bundle_signed_by_somebody_else_is_not_confirmed(stage):
    files = read_files(stage.ours)
    keyring = stage.saeckingen.office.keyring
    check = check_bundle(resealed(stage.ours, {}, keyring), stage.trust)
    assert ("manifest_bad", "manifest.jws") in check.findings
    swapped = {"keys/a.json": files["keys/b.json"]}
    check = check_bundle(resealed(stage.ours, swapped, keyring), stage.trust)
    assert check.verdict == "tampered"


async def test_two_entries_swapped_stand_in_no_log(stage):
    files = read_files(stage.ours)
    swap = {
        f"a/entries/{x}.{kind}": files[f"a/entries/{y}.{kind}"]
        for x, y in ((4, 5), (5, 4))
        for kind in ("json", "salt", "leaf")
    }
    raw = resealed(stage.ours, swap, stage.wehr.office.keyring)
    assert "proof_bad" in codes(check_bundle(raw, stage.trust))


# -- Both programs agree ------------------------------------------------------------------


@pytest.mark.spec("LR-36")
async def test_both_programs_find_the_same_in_changed_bundles(stage):
    keyring = stage.wehr.office.keyring
    files = read_files(stage.ours)
    tried = [({}, None)]
    tried += [({n: c}, keyring) for n, c in changed_bytes(files, seed=4, each=1)]
    for changes, signer in tried:
        if set(changes) & FOR_PEOPLE:
            continue
        listing = any(name.startswith("manifest.") for name in changes)
        raw = resealed(stage.ours, changes, None if listing else signer)
        small = verify.check_bundle(raw, stage.trust).as_json("de")
        ours = check_bundle(raw, stage.trust).as_json("de")
        assert small == ours, changes.keys()


# -- Ranges and joined bundles ------------------------------------------------------------


@pytest.mark.spec("EL-9")
async def test_each_entry_of_a_range_is_opened(stage):
    made = bundle_of(stage.wehr, range(1, 5)).raw
    check = check_bundle(made, stage.trust)
    assert (check.verdict, check.counts["opened"]) == ("verified", 4)
    gone = dict.fromkeys(("a/entries/3.json", "a/entries/3.salt"))
    raw = resealed(made, gone, stage.wehr.office.keyring)
    check = check_bundle(raw, stage.trust)
    assert ("missing", "a/entries/3") in check.findings
    assert check.verdict == "incomplete"


@pytest.mark.spec("LR-41", "EL-9", "EVD-9")
async def test_a_range_with_erased_entries_needs_their_ground_in_the_log(tmp_path):
    async with handed_over(tmp_path) as (wehr, _, _):
        trust = trust_of(wehr)
        path = next(tmp_path.glob("wehr/**/*.db"))
        erase_bodies(path, [1, 2])
        without = check_bundle(bundle_of(wehr, range(5)).raw, trust)
        assert {w for c, w in without.findings if c == "missing"} == {
            "a/entries/1",
            "a/entries/2",
        }
        wehr.store.write_sync(note_erasure, [[1, 3]])
        wehr.publisher.publish()
        made = bundle_of(wehr, range(5)).raw
        check = check_bundle(made, trust)
        assert check.verdict == "verified"
        assert (check.counts["opened"], check.counts["erased"]) == (4, 2)
        assert [n for n in read_files(made) if n.startswith("erasures/")]
        wrong = {name: b"{}" for name in read_files(made) if "erasures/" in name}
        found = check_bundle(resealed(made, wrong, wehr.office.keyring), trust)
        assert "body_changed" in codes(found)


def erase_bodies(path, places):
    """What step 5 of an erasure leaves: rows that explain, and no bodies."""
    with closing(sqlite3.connect(path)) as database, database:
        for index in places:
            database.execute("INSERT INTO log_erased VALUES (?, ?)", (index, bytes(16)))
            database.execute("DELETE FROM log_body WHERE idx = ?", (index,))


def note_erasure(uow, ranges):
    with uow:
        uow.log.append(
            EntryDraft(
                type=EntryType.LOG_ERASURE,
                at=datetime.now(UTC),
                group=f"permanent:{datetime.now(UTC):%Y-%m}",
                fields={"basis": "retention", "order_ref": None, "ranges": ranges},
                role="operator",
            )
        )
        uow.commit()


@pytest.mark.spec("EVD-9")
async def test_a_range_beyond_the_log_or_too_long_is_refused(stage):
    for asked in (range(0), range(3, 900), range(MOST_LEAVES + 1), range(5, 2)):
        with pytest.raises(InputError):
            bundle_of(stage.wehr, asked)


@pytest.mark.spec("EL-7")
async def test_joined_bundles_show_both_logs_whole(stage):
    for node, other in (
        (stage.wehr, stage.theirs),
        (stage.saeckingen, stage.ours),
    ):
        joined = bundle_of(node, stage.transfer, other).raw
        check = check_bundle(joined, stage.trust)
        assert check.verdict == "verified", check.findings
        assert "consent_unshown" not in codes(check)
        sides = json.loads(read_files(joined)["manifest.json"])["sides"]
        assert sides["a"]["whole"] is sides["b"]["whole"] is True


async def test_a_bundle_that_is_not_the_other_sides_is_not_joined(stage):
    keyring = stage.saeckingen.office.keyring
    broken = resealed(stage.theirs, {"b/entries/2.salt": bytes(32)}, keyring)
    for other in (stage.ours, broken, b"", bundle_of(stage.saeckingen, range(2)).raw):
        with pytest.raises(InputError):
            bundle_of(stage.wehr, stage.transfer, other)


# -- Strict reading -----------------------------------------------------------------------


def two_of_one_name(files):
    raw = pack_files({"aa": b"1", "ab": b"2"})
    return raw.replace(b"ab", b"aa")


def bomb(files):
    return pack_files({"a": bytes(50_000_000)})


def many(files):
    return pack_files({f"f{i}": b"" for i in range(1001)})


def outside(files):
    return pack_files({"aaa": b""}).replace(b"aaa", b"../")


def appended(files):
    return pack_files(files) + b"x"


def prepended(files):
    return b"x" + pack_files(files)


def other_tool(files):
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return found.getvalue()


@pytest.mark.spec("SR-P5", "EL-17", "EVD-2")
@pytest.mark.parametrize(
    "make", [two_of_one_name, bomb, many, outside, appended, prepended, other_tool]
)
async def test_another_archive_is_refused_before_anything_in_it_is_believed(
    stage, make
):
    raw = make(read_files(stage.ours))
    check = verify.check_bundle(raw, stage.trust)
    assert check.findings == [("bundle_damaged", "zip")]
    assert check.verdict == "incomplete"
    assert codes(check_bundle(raw)) == {"bundle_damaged"}


async def test_a_file_that_nobody_listed_is_named(stage):
    raw = resealed(stage.ours, {"a/entries/9.leaf": bytes(33)})
    assert ("bundle_changed", "a/entries/9.leaf") in check_bundle(raw).findings


# -- Who may, and the trace ---------------------------------------------------------------


def exported(node):
    lines = node.store.read_sync(lambda uow: uow.log_view.lines(0))
    return sum(line.type is EntryType.AUDIT_EXPORTED for line in lines)


@pytest.mark.spec("SC-57")
async def test_the_page_says_what_it_is_and_hands_out_the_file(stage):
    async with before(stage.wehr) as client:
        browser = Browser(client)
        door = await browser.get("/login")
        await browser.post("/login/demo", door.form_token, account=str(AUDITOR.account))
        address = f"/exchangelog/{stage.transfer}"
        page = await browser.get(address)
        assert "Beweispaket herunterladen" in page.text
        count = exported(stage.wehr)
        page = await browser.get(f"{address}/evidence")
        assert "python3 verify.py" in page.text
        assert exported(stage.wehr) == count
        done = await browser.post(f"{address}/evidence", page.form_token)
        assert done.status == 200
        assert done.headers["Content-Type"] == "application/zip"
        name = done.headers["Content-Disposition"]
        assert name.endswith('.nachweis.zip"')
        assert check_bundle(done.body, stage.trust).verdict == "verified"
        assert exported(stage.wehr) == count + 1


@pytest.mark.parametrize("actor", [CLERK, LEADER])
@pytest.mark.spec("SR-B8")
async def test_other_roles_get_no_evidence(stage, actor):
    async with before(stage.wehr) as client:
        browser = Browser(client)
        door = await browser.get("/login")
        await browser.post("/login/demo", door.form_token, account=str(actor.account))
        page = await browser.get(f"/exchangelog/{stage.transfer}/evidence")
        assert page.status in {403, 404}
    with pytest.raises(ForbiddenError):
        stage.wehr.store.read_sync(
            exporting.make_bundle, stage.wehr.office, stage.transfer, actor
        )
    with pytest.raises(ForbiddenError):
        stage.wehr.store.write_sync(
            exporting.note_export, stage.wehr.office, bytes(32), actor
        )


async def test_a_transfer_that_never_was_has_no_evidence(stage):
    with pytest.raises(NotFoundError):
        bundle_of(stage.wehr, TransferId("0" * 32))


async def test_an_approver_may_export_as_well(stage):
    made = stage.wehr.store.read_sync(
        exporting.make_bundle, stage.wehr.office, stage.transfer, APPROVER
    )
    assert check_bundle(made.raw, stage.trust).verdict == "verified"
