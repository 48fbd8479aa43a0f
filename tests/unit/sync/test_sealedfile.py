"""What a reader of sealed exports believes, and everything it refuses with one answer."""

import io
import json
import zipfile
from base64 import urlsafe_b64decode
from datetime import UTC, date, datetime

import pytest

from node.cases.extract import Evidence, Extract, Paper
from node.crypto.jws import sign_jws
from node.errors import KeyRetiredError, PacketUnreadableError, UnknownKeyError
from node.ids import Ags, CaseId, ConsentId, RecordId, TransferId
from node.sync.manifest import MANIFEST_TYPE
from node.sync.packet import lay_out
from node.sync.sealedfile import Heading, pack, read_sealed, sign_manifest
from node.sync.words import Purpose
from tests.support.packets import Papers
from tests.support.town import make_town

TOWN = make_town()
RING = TOWN.keyring
AT = datetime(2026, 12, 1, 8, tzinfo=UTC)
CASE, PAPER = CaseId("c" * 32), RecordId("d" * 32)


def record(number, kind, **values):
    return {
        "id": number,
        "kind": kind,
        "node": TOWN.id,
        "recorded_at": "2026-11-30T08:00:00Z",
        "values": values,
    }


def layout(content=b"%PDF-1.7 Zeugnis"):
    extract = Extract(
        CASE,
        3,
        None,
        {
            "K01": (record("e" * 32, "person", family_name="Ulme"),),
            "K13": (record(PAPER, "document", doc_kind="school"),),
        },
        (Paper(PAPER, bytes(32), "application/pdf"),),
        (Evidence(ConsentId("a" * 32), b"{}", bytes(16)),),
    )
    return lay_out([extract], Papers(lambda _case, _digest: iter((content,))), {})


def heading(**changes):
    given = {
        "issuer": TOWN.id,
        "body": Ags("08337096"),
        "transfer": TransferId("b" * 32),
        "at": AT,
        "purpose": Purpose("relocation"),
        "move_on": date(2026, 12, 9),
        "ags": Ags("08337096"),
    }
    return Heading(**{**given, **changes})


def archive(**changes):
    laid = layout()
    text = sign_manifest(heading(**changes), laid, RING.sign, RING.key_id)
    return pack(text, AT, laid, {"brief.html": b"<p>", "quittung.txt": b"Code"})


def key_at(kid, at):
    if kid != RING.key_id or at != AT:
        raise UnknownKeyError("not listed")
    return RING.sign.public


def entries(raw):
    with zipfile.ZipFile(io.BytesIO(raw)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def packed(files, how=zipfile.ZIP_STORED):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", how) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return target.getvalue()


def refused(raw, reason, key=key_at):
    with pytest.raises(PacketUnreadableError) as raised:
        read_sealed(raw, key)
    assert reason in raised.value.reason


def test_a_file_reads_as_what_was_put_in():
    found = read_sealed(archive(), key_at)
    assert found.manifest.body == Ags("08337096")
    (arrival,) = found.arrivals
    assert (arrival.case, arrival.epoch) == (CASE, 3)
    assert found.documents[arrival.documents[PAPER]] == b"%PDF-1.7 Zeugnis"


@pytest.mark.spec("TRF-45")
def test_what_only_a_container_has_is_absent():
    manifest = json.loads(entries(archive())["case.json"])["manifest"]
    header, payload, _ = manifest.split(".")
    told = json.loads(_decoded(payload))
    assert json.loads(_decoded(header))["typ"] == "staffelstab-export+jwt"
    assert told["aud"] == "export:08337096"
    assert {"ph", "kem", "exp", "preview"}.isdisjoint(told)


def _decoded(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_names_from_outside_never_become_names_of_entries():
    names = set(entries(archive()))
    assert names == {
        *("brief.html", "quittung.txt", "case.json"),
        *("teile/000.json", "teile/001.json", "teile/002.json", "dokumente/003.pdf"),
    }


@pytest.mark.spec("TRF-46")
@pytest.mark.parametrize(
    "name", ["teile/000.json", "teile/002.json", "dokumente/003.pdf"]
)
def test_a_changed_part_is_refused(name):
    files = entries(archive())
    refused(packed({**files, name: files[name] + b" "}), "part-digest")


@pytest.mark.spec("TRF-46")
def test_a_missing_part_and_a_missing_manifest_are_refused():
    for name in ("case.json", "teile/001.json"):
        files = entries(archive())
        del files[name]
        refused(packed(files), "archive")


@pytest.mark.spec("TRF-46")
def test_a_compressed_entry_is_refused():
    refused(packed(entries(archive()), zipfile.ZIP_DEFLATED), "archive-entry")


@pytest.mark.spec("TRF-46")
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        for name, content in entries(archive()).items():
            made.writestr(name, content)
        made.writestr("case.json", b"{}")
    refused(target.getvalue(), "archive-entry")


@pytest.mark.spec("TRF-46")
def test_more_entries_than_a_manifest_can_list_are_refused():
    many = {f"x{n}": b"" for n in range(1100)}
    refused(packed({**entries(archive()), **many}), "too-large")


@pytest.mark.parametrize("raw", [b"", b"PK", b"no archive at all" * 10])
def test_what_is_no_archive_is_refused(raw):
    refused(raw, "archive")


@pytest.mark.spec("HO-117")
def test_a_key_that_the_directory_does_not_list_is_refused():
    other = make_town("08337096-stadt-bad-saeckingen").keyring
    laid = layout()
    text = sign_manifest(heading(), laid, other.sign, other.key_id)
    refused(pack(text, AT, laid, {}), "manifest-key")


@pytest.mark.spec("HO-117")
def test_a_retired_key_is_refused():
    def retired(_kid, _at):
        raise KeyRetiredError("retired")

    refused(archive(), "manifest-key", retired)


@pytest.mark.spec("HO-117")
def test_a_signature_of_another_key_under_this_name_is_refused():
    other = make_town("08337096-stadt-bad-saeckingen").keyring
    laid = layout()
    text = sign_manifest(heading(), laid, other.sign, RING.key_id)
    refused(pack(text, AT, laid, {}), "manifest-signature")


def test_a_manifest_in_the_name_of_another_member_is_refused():
    refused(archive(issuer=make_town("08337096-stadt-bad-saeckingen").id), "issuer")


@pytest.mark.spec("TRF-46")
def test_another_instant_beside_the_manifest_is_refused():
    files = entries(archive())
    case_file = json.loads(files["case.json"])
    case_file["at"] += 1
    files["case.json"] = json.dumps(case_file).encode()
    refused(packed(files), "manifest-time", lambda _kid, _at: RING.sign.public)


def test_a_manifest_of_a_packet_is_none_of_an_export():
    files = entries(archive())
    text = sign_jws(b"{}", RING.sign, RING.key_id, MANIFEST_TYPE)
    content = {"v": 1, "at": int(AT.timestamp()), "manifest": text}
    files["case.json"] = json.dumps(content).encode()
    refused(packed(files), "jws-typ")


@pytest.mark.parametrize(
    "case_file", [b"[]", b"{}", b'{"manifest":1,"at":1}', b'{"manifest":"x","at":1}']
)
def test_a_case_file_of_another_form_is_refused(case_file):
    refused(packed({**entries(archive()), "case.json": case_file}), "")


def test_an_instant_beyond_all_years_is_refused():
    case_file = json.dumps({"v": 1, "at": 10**18, "manifest": "a.b.c"}).encode()
    refused(packed({**entries(archive()), "case.json": case_file}), "")
