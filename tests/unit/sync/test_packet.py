"""A packet is what its offer said, byte for byte, or it is unreadable."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.cases.extract import Extract, Paper
from node.cases.intake import Arrival
from node.crypto.jws import sign_jws
from node.crypto.keys import SigningKey, VerifyKey
from node.errors import InputError, PacketUnreadableError, UsageError
from node.ids import CaseId, ConsentId, KeyId, RecordId
from node.strictjson import encode, parse
from node.sync.limits import DOCUMENT_BYTES, MANIFEST_BYTES, MIB, PARTS
from node.sync.manifest import (
    MANIFEST_TYPE,
    RECORDS,
    Manifest,
    Part,
    preview_digest,
)
from node.sync.offer import Counts, OfferBody
from node.sync.packet import PacketPlan, plan_packet
from node.sync.room import Room
from node.sync.unpack import OpenedPacket, read_documents, read_packet
from node.sync.words import DocumentKind, Kind, Purpose
from tests.support.casefiles import content, person, record
from tests.support.packets import (
    EXPIRES_AT,
    KEY,
    KID,
    PH,
    SIGNED_AT,
    TRANSFER,
    Papers,
    announced,
    envelope,
    extracts_of,
    key_at,
    offer_for,
    plaintext,
    plan,
)
from tests.support.people import ADA, BEN, SAECKINGEN, WEHR, record_id

FILES = {hashlib.sha256(text).digest(): text for text in (b"scan " * 40_000, b"")}


def open_file(case: CaseId, digest: bytes) -> Iterator[bytes]:
    assert case == ADA
    text = FILES[digest]
    for start in range(0, len(text), 1000):
        yield text[start : start + 1000]


def paper(number: int, text: bytes, **values: Any) -> Any:
    digest = hashlib.sha256(text).hexdigest()
    return record("document", number, digest=digest, **{"doc_kind": "school"} | values)


SCAN, EMPTY = sorted(FILES, key=lambda digest: -len(FILES[digest]))
FAMILY = (
    content(
        record("contact", 1, date="2026-01-01", persons=[ADA], note="n"),
        record("goal", 2, area="04", text="work"),
        paper(3, FILES[SCAN], media_type="application/pdf"),
        paper(4, FILES[EMPTY], doc_kind="restricted", restricted_kind="health"),
        paper(5, FILES[SCAN], media_type="Not A/Media Type"),
    ),
    content(record("language", 6, case=BEN, language="ti"), case=BEN, epoch=3),
)
PAPERS = tuple(RecordId(record_id(n)) for n in (3, 4, 5))
EXTRACTS = extracts_of(*FAMILY, documents=PAPERS)
PLAN = plan(EXTRACTS, open_file)
OFFER = offer_for(EXTRACTS)
WHOLE = plaintext(PLAN)


def portions(text: bytes, size: int = 4096) -> Iterator[bytes]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def read(
    text: bytes = WHOLE, offer: OfferBody = OFFER, size: int = 4096, **changes: Any
) -> OpenedPacket:
    return read_packet(portions(text, size), announced(offer, **changes), key_at)


def why(call: Callable[[], object]) -> str:
    with pytest.raises(PacketUnreadableError) as refused:
        call()
    assert str(refused.value) == "unreadable"
    return refused.value.reason


def sealed_as(
    manifest: Manifest | bytes,
    rest: bytes,
    *,
    key: SigningKey = KEY,
    kid: str = KID,
    typ: str = MANIFEST_TYPE,
) -> bytes:
    """A plaintext with another manifest before the same parts."""
    payload = manifest if isinstance(manifest, bytes) else manifest.encode()
    text = sign_jws(payload, key, kid, typ).encode()
    return len(text).to_bytes(4, "big") + text + rest


MANIFEST = replace(PLAN.manifest, ph=PH)
PARTS_AND_PADDING = WHOLE[4 + int.from_bytes(WHOLE[:4], "big") :]


def with_manifest(**changes: Any) -> bytes:
    return sealed_as(replace(MANIFEST, **changes), PARTS_AND_PADDING)


class TestARoundTrip:
    @pytest.mark.spec("HO-62", "HO-63")
    @pytest.mark.parametrize("size", [1, 7, 4096, 10**9])
    @pytest.mark.spec("PKT-13")
    def test_arrives_as_it_was_selected(self, size: int) -> None:
        opened = read(size=size)
        assert opened.manifest == MANIFEST
        for extract, arrival in zip(EXTRACTS, opened.arrivals, strict=True):
            assert (arrival.case, arrival.epoch) == (extract.case, extract.epoch)
            assert as_selected(arrival) == extract.parts
            assert arrival.evidence == extract.evidence
            assert not arrival.unread

    def test_gives_the_documents_in_a_second_pass(self) -> None:
        opened = read()
        documents = opened.arrivals[0].documents
        assert set(documents) == set(PAPERS)
        found = {
            n: b"".join(stream)
            for n, stream in read_documents(
                portions(WHOLE), opened.manifest, documents.values()
            )
        }
        assert found == {
            documents[PAPERS[0]]: FILES[SCAN],
            documents[PAPERS[1]]: b"",
            documents[PAPERS[2]]: FILES[SCAN],
        }

    def test_gives_wanted_documents_only_and_skips_what_is_not_read(self) -> None:
        opened = read()
        last = opened.arrivals[0].documents[PAPERS[2]]
        first = opened.arrivals[0].documents[PAPERS[0]]
        streams = read_documents(portions(WHOLE), opened.manifest, {first, last})
        numbers = []
        for number, stream in streams:
            numbers.append(number)
            if number == last:
                assert b"".join(stream) == FILES[SCAN]
            else:
                next(stream)
        assert numbers == sorted({first, last})

    @pytest.mark.spec("PKT-5")
    def test_names_documents_by_their_records_and_never_by_paths(self) -> None:
        labels = {part.label for part in MANIFEST.parts}
        assert labels == {"", *PAPERS}
        types = {part.type for part in MANIFEST.parts if part.label}
        assert types == {"application/pdf", "application/octet-stream"}

    def test_of_one_empty_case_works(self) -> None:
        alone = extracts_of(content())
        opened = read(plaintext(plan(alone), padding=0), offer_for(alone))
        assert as_selected(opened.arrivals[0]) == alone[0].parts

    @settings(max_examples=40, deadline=None)
    @given(
        st.dictionaries(
            st.sampled_from(["text", "sign", "area", "importance"]),
            st.one_of(
                st.text(st.characters(blacklist_categories=("Cs", "Cc"))),
                st.integers(-(2**53) + 1, 2**53 - 1),
                st.booleans(),
            ),
            min_size=1,
        ),
        st.integers(0, 70_000),
        st.integers(1, 70_000),
    )
    def test_keeps_every_value_whatever_the_padding(
        self, values: dict[str, Any], padding: int, size: int
    ) -> None:
        extracts = extracts_of(content(record("goal", 1, **values | {"horizon": "x"})))
        whole = plaintext(plan(extracts), padding=padding)
        opened = read(whole, offer_for(extracts), size)
        assert as_selected(opened.arrivals[0]) == extracts[0].parts


def as_selected(arrival: Arrival) -> dict[str, Any]:
    return {
        category: tuple(
            {
                "id": r.id,
                "kind": r.kind,
                "node": r.node,
                "recorded_at": r.recorded_at.isoformat(timespec="microseconds").replace(
                    "+00:00", "Z"
                ),
                "values": r.values,
                **r.beside,
            }
            for r in part
        )
        for category, part in arrival.parts.items()
    }


class TestMeasuring:
    def test_the_length_is_known_before_the_prelude(self) -> None:
        length = PLAN.measure(KID)
        for ph in (bytes(32), b"\xff" * 32, PH):
            made = b"".join(PLAN.encode(ph, length, key=KEY, kid=KID))
            assert len(made) == length

    def test_padding_is_zero_up_to_the_length_asked_for(self) -> None:
        pad = PLAN.measure(KID) + 200_000
        made = list(PLAN.encode(PH, pad, key=KEY, kid=KID))
        assert sum(map(len, made)) == pad
        assert max(map(len, made[-3:])) <= 65_536
        assert not b"".join(made)[-200_000:].strip(b"\0")

    def test_too_little_padding_is_our_mistake(self) -> None:
        with pytest.raises(UsageError):
            list(PLAN.encode(PH, PLAN.measure(KID) - 1, key=KEY, kid=KID))

    def test_another_key_id_has_its_own_length(self) -> None:
        longer = KeyId(f"{WEHR}#signing2027")
        assert PLAN.measure(longer) > PLAN.measure(KID)


class TestLimits:
    def sized(self, *lengths: int, media_type: str = "a/b") -> Extract:
        [extract] = extracts_of(content())
        papers = tuple(
            Paper(RecordId(record_id(n)), length.to_bytes(32, "big"), media_type)
            for n, length in enumerate(lengths)
        )
        return replace(extract, papers=papers)

    def zeros(self, case: CaseId, digest: bytes) -> Iterator[bytes]:
        assert case
        length = int.from_bytes(digest, "big")
        for start in range(0, length, MIB):
            yield bytes(min(MIB, length - start))

    @pytest.mark.spec("HO-65", "PKT-11")
    @pytest.mark.parametrize(
        "lengths", [(DOCUMENT_BYTES + 1,), (24 * MIB, 24 * MIB, 1)]
    )
    def test_documents_have_a_size_each_and_together(
        self, lengths: tuple[int, ...]
    ) -> None:
        with pytest.raises(InputError) as refused:
            plan_packet([self.sized(*lengths)], envelope(), Papers(self.zeros))
        assert (refused.value.field, refused.value.reason) == ("packet", "too_large")

    @pytest.mark.spec("LIM-3")
    @pytest.mark.parametrize("room", [Room(64 * MIB, MIB), Room(4 * MIB, 4 * MIB)])
    def test_what_the_recipient_does_not_take_is_not_sealed(self, room: Room) -> None:
        sized = self.sized(2 * MIB)
        assert plan_packet([sized], envelope(), Papers(self.zeros))
        with pytest.raises(InputError, match="too_large"):
            plan_packet([sized], envelope(), Papers(self.zeros), room=room)

    def test_the_largest_document_passes(self) -> None:
        assert plan_packet([self.sized(DOCUMENT_BYTES)], envelope(), Papers(self.zeros))

    def test_there_are_at_most_a_thousand_parts(self) -> None:
        with pytest.raises(InputError):
            plan_packet([self.sized(*[0] * PARTS)], envelope(), Papers(self.zeros))

    @pytest.mark.spec("PKT-3")
    def test_a_manifest_has_a_size(self) -> None:
        many = [0] * 990
        assert plan_packet([self.sized(*many)], envelope(), Papers(self.zeros))
        wordy = self.sized(*many, media_type="a/" + "b" * 100)
        with pytest.raises(InputError):
            plan_packet([wordy], envelope(), Papers(self.zeros))

    @pytest.mark.parametrize("text", ["a\rb", "a\0b", "\ud800"])
    def test_what_nobody_could_read_is_found_before_it_is_sealed(
        self, text: str
    ) -> None:
        extracts = extracts_of(content(record("goal", text=text)))
        with pytest.raises(InputError):
            plan(extracts)

    def test_a_document_that_changes_under_way_is_found(self) -> None:
        turns = iter([b"before", b"after!"])
        extracts = extracts_of(FAMILY[0], documents=PAPERS[:1])
        planned = plan(extracts, lambda _case, _digest: iter([next(turns)]))
        with pytest.raises(UsageError):
            plaintext(planned)


@pytest.mark.spec("HO-63", "HO-65")
class TestAManifestOfAnother:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"iss": SAECKINGEN}, "issuer"),
            ({"aud": WEHR}, "audience"),
            ({"tr": type(TRANSFER)("70" * 16)}, "transfer"),
            ({"exp": EXPIRES_AT + timedelta(seconds=1)}, "expiry"),
            ({"ph": bytes(32)}, "prelude"),
            ({"kem": bytes(32)}, "kem"),
            ({"kind": Kind.RETURN}, "kind"),
            ({"purpose": Purpose.REFERRAL}, "purpose"),
            ({"schema": "case/2"}, "schema"),
            ({"preview": bytes(32)}, "preview"),
            ({"iat": datetime(2025, 12, 31, tzinfo=UTC)}, "manifest-key"),
        ],
    )
    def test_does_not_verify_here(self, changes: dict[str, Any], reason: str) -> None:
        assert why(lambda: read(with_manifest(**changes))) == reason

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"ph": bytes(32)}, "prelude"),
            ({"audience": WEHR}, "audience"),
            ({"issuer": SAECKINGEN}, "issuer"),
            ({"transfer": type(TRANSFER)("70" * 16)}, "transfer"),
            ({"preview": bytes(32)}, "preview"),
            ({"offered_at": SIGNED_AT.replace(year=2027)}, "manifest-key"),
        ],
    )
    def test_does_not_fit_what_is_known(
        self, changes: dict[str, Any], reason: str
    ) -> None:
        assert why(lambda: read(**changes)) == reason

    def test_sealed_again_for_another_recipient_is_for_nobody(self) -> None:
        """The first recipient opens it and seals the same plaintext to a third."""
        assert why(lambda: read(WHOLE, ph=b"\x01" * 32)) == "prelude"

    def test_signed_by_a_key_that_had_another_owner_then_is_refused(self) -> None:
        def moved(kid: KeyId, at: datetime) -> VerifyKey:
            later = SIGNED_AT + timedelta(hours=1)
            found = key_at(kid, at)
            return found if at == later else SigningKey.from_seed(bytes(32)).public

        known = announced(OFFER, offered_at=SIGNED_AT + timedelta(hours=1))
        call = lambda: read_packet([WHOLE], known, moved)  # noqa: E731
        assert why(call) == "manifest-key"

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"key": SigningKey.from_seed(bytes(32))}, "manifest-signature"),
            ({"kid": f"{WEHR}#s2"}, "manifest-key"),
            ({"kid": f"{SAECKINGEN}#s1"}, "issuer"),
            ({"typ": "staffelstab-statement+jwt"}, "jws-typ"),
        ],
    )
    def test_signed_by_another_is_refused(
        self, changes: dict[str, Any], reason: str
    ) -> None:
        text = sealed_as(MANIFEST, PARTS_AND_PADDING, **changes)
        assert why(lambda: read(text)) == reason


@pytest.mark.spec("HO-65")
class TestContentBeyondTheOffer:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"categories": {"K99": 1}}, "categories"),
            ({"categories": {"K12": None}}, "categories"),
            ({"categories": {"K11": 2}}, "counts"),
            ({"documents": {"letter": 1}}, "counts"),
            ({"documents": {}}, "categories"),
            ({"bases": ()}, "evidence"),
            ({"kem": b"\x01" * 32}, "kem"),
            ({"exp": EXPIRES_AT - timedelta(seconds=1)}, "expiry"),
            ({"schema": "case/3"}, "schema"),
        ],
    )
    def test_is_refused(self, changes: dict[str, Any], reason: str) -> None:
        counts = OFFER.categories
        if "categories" in changes:
            merged = {**counts.records, **changes["categories"]}
            kept = {c: n for c, n in merged.items() if n}
            changes = {"categories": Counts(kept, counts.documents)}
        if "documents" in changes:
            by_kind = {DocumentKind(k): n for k, n in changes["documents"].items()}
            changes = {"categories": Counts(counts.records, by_kind)}
        assert why(lambda: read(offer=replace(OFFER, **changes))) == reason

    def test_other_persons_or_epochs_are_refused(self) -> None:
        cases = tuple(replace(case, e=case.e + 1) for case in OFFER.cases)
        assert why(lambda: read(offer=replace(OFFER, cases=cases))) == "epochs"
        alone = replace(OFFER, persons=1, cases=OFFER.cases[:1], bands=OFFER.bands[:1])
        assert why(lambda: read(offer=alone)) == "cases"

    @pytest.mark.spec("HO-36", "PKT-6")
    def test_evidence_must_be_that_of_the_offer_one_to_one(self) -> None:
        twice = (OFFER.bases[0], OFFER.bases[0])
        assert why(lambda: read(offer=replace(OFFER, bases=twice))) == "evidence"
        more = (*OFFER.bases, replace(OFFER.bases[0], c=bytes(32)))
        assert why(lambda: read(offer=replace(OFFER, bases=more))) == "evidence"

    def test_offered_counts_of_zero_mean_nothing(self) -> None:
        counts = replace(
            OFFER.categories, records={**OFFER.categories.records, "K05": 0}
        )
        assert read(offer=replace(OFFER, categories=counts))


class TestAManifestThatContradictsItself:
    def changed(self, number: int, **changes: Any) -> tuple[Part, ...]:
        return tuple(
            replace(p, **changes) if p.n == number else p for p in MANIFEST.parts
        )

    def number(self, **wanted: Any) -> int:
        return next(
            p.n
            for p in MANIFEST.parts
            if all(getattr(p, k) == v for k, v in wanted.items())
        )

    @pytest.mark.spec("HO-62", "PKT-4", "PKT-7")
    @pytest.mark.parametrize(
        ("wanted", "changes"),
        [
            ({"n": 0}, {"case": CaseId("ee" * 16)}),
            ({"n": 0}, {"cat": "K02"}),
            ({"n": 0}, {"type": "application/pdf"}),
            ({"cat": "K11"}, {"cat": "K12"}),
            ({"label": PAPERS[0]}, {"label": str(PAPERS[1])}),
            ({"label": PAPERS[0]}, {"type": RECORDS}),
            ({"label": PAPERS[0]}, {"cat": "K01"}),
            ({"type": "application/vnd.staffelstab.evidence"}, {"type": "a/b"}),
            ({"type": "application/vnd.staffelstab.evidence"}, {"cat": "K13"}),
        ],
    )
    def test_in_its_parts(
        self, wanted: dict[str, Any], changes: dict[str, Any]
    ) -> None:
        parts = self.changed(self.number(**wanted), **changes)
        assert why(lambda: read(with_manifest(parts=parts))) == "manifest.parts"

    @pytest.mark.spec("PKT-1", "PKT-4")
    def test_in_their_numbers(self) -> None:
        assert why(lambda: read(with_manifest(parts=MANIFEST.parts[1:]))) == (
            "manifest.parts"
        )

    @pytest.mark.spec("PKT-7")
    def test_in_the_labels_of_documents(self) -> None:
        number = self.number(label=PAPERS[0])
        stranger = self.changed(number, label=record_id(77))
        assert why(lambda: read(with_manifest(parts=stranger))) == "document-record"
        path = self.changed(number, label="../../etc/passwd")
        assert why(lambda: read(with_manifest(parts=path))) == "not a RecordId"

    def test_in_its_grounds(self) -> None:
        case = MANIFEST.cases[0]
        for changes in ({"part": 0}, {"part": 999}):
            bases = (replace(case.bases[0], **changes),)
            cases = (replace(case, bases=bases), *MANIFEST.cases[1:])
            assert why(lambda cases=cases: read(with_manifest(cases=cases))) == (  # type: ignore[misc]
                "manifest.parts"
            )
        other = replace(case, bases=MANIFEST.cases[1].bases)
        swapped = (other, replace(MANIFEST.cases[1], bases=case.bases))
        assert why(lambda: read(with_manifest(cases=swapped))) == "manifest.parts"

    def test_in_its_categories(self) -> None:
        case = replace(MANIFEST.cases[0], cats=(*MANIFEST.cases[0].cats, "K16"))
        cases = (case, *MANIFEST.cases[1:])
        assert why(lambda: read(with_manifest(cases=cases))) == "manifest.parts"

    @pytest.mark.spec("PKT-3")
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("v", 2),
            ("v", "1"),
            ("iss", "nobody"),
            ("exp", -1),
            ("exp", "2026"),
            ("ph", "AAAA"),
            ("ph", "A" * 42 + "="),
            ("kind", "moving"),
            ("schema", "case"),
            ("cases", []),
            ("parts", []),
            ("parts", {}),
            ("extra", 1),
            ("opt", ["extra"]),
        ],
    )
    def test_in_its_form(self, name: str, value: object) -> None:
        members = parse(MANIFEST.encode(), members=9999)
        members[name] = value
        text = sealed_as(encode(members), PARTS_AND_PADDING)
        assert why(lambda: read(text)).startswith(("manifest", "not a", "base64url"))

    @pytest.mark.parametrize("name", list(Manifest.__slots__))
    def test_by_a_missing_member(self, name: str) -> None:
        members = parse(MANIFEST.encode(), members=9999)
        del members[name]
        text = sealed_as(encode(members), PARTS_AND_PADDING)
        assert why(lambda: read(text)) == f"manifest.{name}"


@pytest.mark.spec("SR-P4")
class TestBytes:
    def test_any_changed_byte_is_noticed(self) -> None:
        # Every 997th byte, and every byte around the borders of the parts.
        borders = [4 + int.from_bytes(WHOLE[:4], "big")]
        for part in MANIFEST.parts:
            borders.append(borders[-1] + part.len)
        places = {*range(0, len(WHOLE), 19_997), 0, 1, 2, 3, 4, len(WHOLE) - 1}
        places |= {b + d for b in borders for d in (-1, 0) if b + d < len(WHOLE)}
        for place in sorted(places):
            text = bytearray(WHOLE)
            text[place] ^= 1
            assert why(lambda text=bytes(text): read(text, size=10**9))  # type: ignore[misc]

    @pytest.mark.parametrize("kept", [0, 3, 4, 100, 3000, len(WHOLE) - 101])
    def test_a_cut_plaintext_is_truncated(self, kept: int) -> None:
        assert why(lambda: read(WHOLE[:kept])) == "truncated"

    @pytest.mark.spec("PKT-2")
    def test_padding_is_zero(self) -> None:
        assert why(lambda: read(WHOLE + b"\0\0\1")) == "padding"
        assert read(WHOLE + bytes(5))

    def test_a_manifest_is_never_larger_than_its_limit(self) -> None:
        text = (MANIFEST_BYTES + 1).to_bytes(4, "big") + bytes(MANIFEST_BYTES + 1)
        assert why(lambda: read(text)) == "manifest-length"

    @pytest.mark.parametrize(
        ("manifest", "reason"),
        [
            (b"", "jws-parts"),
            (b"a.b", "jws-parts"),
            (b"\xff.a.b", "manifest-text"),
            (b"=.a.b", "base64url"),
        ],
    )
    def test_a_manifest_is_a_jws(self, manifest: bytes, reason: str) -> None:
        text = len(manifest).to_bytes(4, "big") + manifest
        assert why(lambda: read(text)) == reason

    def test_a_second_pass_over_other_bytes_fails(self) -> None:
        opened = read()
        changed = bytearray(WHOLE)
        changed[-150] ^= 1
        wanted = opened.arrivals[0].documents.values()

        def drain(text: bytes) -> None:
            for _, stream in read_documents([text], opened.manifest, wanted):
                list(stream)

        assert why(lambda: drain(bytes(changed))) == "part-digest"
        assert why(lambda: drain(WHOLE[:-150])) == "truncated"


class TestRecords:
    def with_records(self, content_of_first: bytes) -> bytes:
        """The first part replaced, under a manifest that says so."""
        first = MANIFEST.parts[0]
        changed = replace(
            first,
            len=len(content_of_first),
            sha256=hashlib.sha256(content_of_first).digest(),
        )
        manifest = replace(MANIFEST, parts=(changed, *MANIFEST.parts[1:]))
        return sealed_as(manifest, content_of_first + PARTS_AND_PADDING[first.len :])

    FRAME = {  # noqa: RUF012 - never changed, only laid over
        "id": record_id(1),
        "kind": "person",
        "node": WEHR,
        "recorded_at": "2026-01-01T00:00:00Z",
        "values": {},
    }

    def test_may_have_members_we_do_not_know(self) -> None:
        text = encode({"records": [self.FRAME | {"mood": 1}], "more": [1]})
        [arrived] = read(self.with_records(text)).arrivals[0].parts["K01"]
        assert arrived.beside == {"mood": 1}

    @pytest.mark.parametrize(
        "changes",
        [
            {"id": 5},
            {"id": "x"},
            {"kind": ""},
            {"kind": "k" * 65},
            {"kind": None},
            {"node": "nobody"},
            {"recorded_at": "2026-01-01"},
            {"recorded_at": "2026-02-30T00:00:00Z"},
            {"recorded_at": "2026-01-01T00:00:00+01:00"},
            {"values": []},
        ],
    )
    def test_have_a_frame(self, changes: dict[str, Any]) -> None:
        text = encode({"records": [self.FRAME | changes]})
        assert why(lambda: read(self.with_records(text)))

    @pytest.mark.spec("PKT-12")
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (b"[]", "json-object"),
            (b"{}", "records"),
            (b'{"records":{}}', "records"),
            (b'{"records":[1]}', "record-frame"),
            (b'{"records":[{}]}', "record-frame"),
            (b'{"records":[],"records":[]}', "json-duplicate-key"),
            (b'{"records":[1.5]}', "json-number"),
            (b"\xff", "json-encoding"),
            (b"[" * 17, "json-depth"),
            (b'{"records":[]}', "counts"),
        ],
    )
    def test_are_strict_json(self, text: bytes, reason: str) -> None:
        assert why(lambda: read(self.with_records(text))) == reason


class TestWhatWeDoNotKnow:
    @pytest.mark.spec("HO-64")
    def test_a_category_of_tomorrow_is_listed_and_not_read(self) -> None:
        case = MANIFEST.cases[1]
        number = len(MANIFEST.parts)
        added = b"not even JSON"
        digest = hashlib.sha256(added).digest()
        parts = (
            *MANIFEST.parts,
            Part(number, "K17", case.case, RECORDS, len(added), digest, ""),
            Part(number + 1, "K17", case.case, "x/y", len(added), digest, "a b"),
        )
        cases = (MANIFEST.cases[0], replace(case, cats=(*case.cats, "K17")))
        manifest = replace(MANIFEST, parts=parts, cases=cases)
        text = sealed_as(manifest, PARTS_AND_PADDING.rstrip(b"\0") + added * 2)
        counts = replace(
            OFFER.categories, records={**OFFER.categories.records, "K17": 4}
        )
        opened = read(text, replace(OFFER, categories=counts))
        assert opened.arrivals[1].unread == {"K17"}
        assert "K17" not in opened.arrivals[1].parts
        assert not opened.arrivals[1].documents

    def test_a_role_we_do_not_know_travels_and_a_strange_one_is_left_out(self) -> None:
        for role, kept in (("zz-test", "zz-test"), ("a\nb", None), ("r" * 65, None)):
            member = record("household_member", 9, role=role)
            extracts = extracts_of(content(person(), member))
            planned: PacketPlan = plan(extracts)
            assert planned.manifest.cases[0].role == kept
            assert planned.manifest.cases[0].bases[0].id == ConsentId(
                extracts[0].evidence[0].consent
            )


class TestTooMuch:
    @pytest.mark.spec("HO-65")
    @pytest.mark.parametrize("number", [0, len(MANIFEST.parts) - 2])
    def test_a_manifest_that_promises_too_much_is_not_read_on(
        self, number: int
    ) -> None:
        parts = tuple(
            replace(p, len=2**31) if p.n == number else p for p in MANIFEST.parts
        )
        assert why(lambda: read(with_manifest(parts=parts))) == "too-large"

    def test_a_preview_is_named_by_its_text(self) -> None:
        text = b'{"persons":[]}'
        digest = preview_digest(text)
        assert digest == hashlib.sha256(text).digest()
        changed = plan(EXTRACTS, open_file, preview=digest)
        assert read(plaintext(changed), preview=digest).manifest.preview == digest
        assert why(lambda: read(plaintext(changed))) == "preview"
