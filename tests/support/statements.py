"""One valid statement of each type, with fixed keys, and many ways to break one."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256

from node import strictjson
from node.crypto.keys import SigningKey
from node.ids import Ags, CaseId, KeyId, MemberId, MessageId, TransferId
from node.strictjson import Json, JsonObject
from node.sync.bodies import (
    AckBody,
    Body,
    ClosedBody,
    DurableBody,
    EmptyBody,
    FirstContactBody,
    GrantBody,
    HelloBody,
    ImportedBody,
    Memory,
    OpenRequestBody,
    PassedOnBody,
    RecallBody,
    RejectedBody,
    ReturnAnswerBody,
    ReturnRequestBody,
    SealedComment,
    StoredBody,
    WithdrawalAnswerBody,
    WithdrawalBody,
)
from node.sync.chain import START
from node.sync.message import Claims, HeadClaim, encode_claims
from node.sync.offer import (
    BasisLine,
    Counts,
    NotIncluded,
    OfferBody,
    PacketName,
    TaggedCase,
    case_tag,
)
from node.sync.transfer import Why
from node.sync.words import (
    UNLINKED,
    Answer,
    Band,
    Basis,
    By,
    Cause,
    DocumentKind,
    Kind,
    Purpose,
    Reason,
    RejectionCode,
    ReturnAnswer,
    StatementType,
)

WEHR = MemberId("08337116-stadt-wehr")
SAECKINGEN = MemberId("08337096-stadt-bad-saeckingen")
KID = KeyId(f"{WEHR}#s1")
KEY = SigningKey.from_seed(bytes(range(32)))
TRANSFER = TransferId("00112233445566778899aabbccddeeff")
NOW = datetime(2026, 4, 20, 9, 30, tzinfo=UTC)
LATER = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)


def digest(text: str) -> bytes:
    """A SHA-256 to stand for one."""
    return sha256(text.encode()).digest()


CASES = (CaseId("0123456789abcdef" * 2), CaseId("fedcba9876543210" * 2))
TAGS = tuple(
    sorted(
        case_tag(digest("tag key"), TRANSFER, c, epoch=e)
        for c, e in zip(CASES, (1, 4), strict=True)
    )
)
PACKET = PacketName(digest("container"), 41_984)
OFFER = OfferBody(
    kind=Kind.MOVE,
    reason=Reason.MOVE,
    purpose=Purpose.RELOCATION,
    exp=LATER,
    cases=(TaggedCase(TAGS[0], 1), TaggedCase(TAGS[1], 4)),
    persons=2,
    bands=(Band.TO_15, Band.TO_49),
    not_included=NotIncluded(adults=1, minors=0),
    move_on=date(2026, 5, 1),
    ags=Ags("08337096"),
    categories=Counts(
        {"K01": 2, "K11": 31}, {DocumentKind.SCHOOL: 2, DocumentKind.RESTRICTED: 1}
    ),
    bases=tuple(
        sorted(
            (
                BasisLine(digest("consent"), Basis.CONSENT, LATER),
                BasisLine(digest("statute"), Basis.STATUTE, None, "p-1", second=True),
            ),
            key=lambda line: strictjson.encode(line.c.hex()),
        )
    ),
    named=False,
    interpreters=("fa-AF", "ti"),
    pkt=PACKET,
    kid="k7",
    kem=digest("kem"),
    suite=1,
    schema="case/1",
)
BODIES: dict[StatementType, Body] = {
    StatementType.OFFER: OFFER,
    StatementType.GRANT: GrantBody("k7", bytes(1168), NOW),
    StatementType.CLOSED: ClosedBody(MessageId.of(bytes(16))),
    StatementType.RECALL: RecallBody(Why.BASIS_GONE),
    StatementType.WITHDRAWAL: WithdrawalBody(
        Cause.BASIS_ENDED, TAGS[:1], ("K01", "K11"), LATER
    ),
    StatementType.RETURN_REQUEST: ReturnRequestBody(Reason.RETURN),
    StatementType.STORED: StoredBody(PACKET),
    StatementType.OPEN_REQUEST: OpenRequestBody("k7", ("K01", "K11"), 1),
    StatementType.IMPORTED: ImportedBody(PACKET, ("K01",), ("K11",), 2, NOW),
    StatementType.DURABLE: DurableBody("set-2026-04-21", NOW, LATER),
    StatementType.REJECTED: RejectedBody(
        By.APPROVER,
        RejectionCode.OTHER_BODY,
        ags=Ags("08337076"),
        comment=SealedComment("k3", bytes(1200)),
    ),
    StatementType.RECALLED: EmptyBody(),
    StatementType.EXPIRED: EmptyBody(),
    StatementType.WITHDRAWAL_ANSWER: WithdrawalAnswerBody(
        TAGS[:1], Answer.KEPT, passed_on=False, paragraph="p-17"
    ),
    StatementType.RETURN_ANSWER: ReturnAnswerBody(
        ReturnAnswer.DECLINED, RejectionCode.ALREADY_HERE
    ),
    StatementType.PASSED_ON: PassedOnBody(date(2026, 5, 6)),
    StatementType.FIRST_CONTACT: FirstContactBody(date(2026, 5, 6)),
    StatementType.LOST: EmptyBody(),
    StatementType.HELLO: HelloBody(
        inc=1,
        seq=7,
        card="e30.e30.AA",
        memory=Memory(1, 3, digest("theirs")),
        note="wehr.example/log/1\n2\nAAAA\n\n\u2014 wehr.example/log/1 AAAA\n",
        clock=NOW,
        since=NOW,
    ),
    StatementType.ACK: AckBody({MessageId.of(bytes(16)): "taken"}),
}


def claims_of(kind: StatementType, **changes: Json) -> Claims:
    """Valid claims of one type, with some of them replaced."""
    linked = kind not in UNLINKED
    claims = Claims(
        jti=MessageId.of(digest(kind)[:16]),
        iat=NOW,
        iss=WEHR,
        aud=SAECKINGEN,
        dir=4711,
        t=kind,
        b=BODIES[kind],
        inc=1 if linked else None,
        seq=1 if linked else None,
        prev=START if linked else None,
        got=Memory(1, 3, digest("theirs")),
        tr=TRANSFER if linked else None,
        off=digest("offer") if linked and kind is not StatementType.OFFER else None,
        entry=digest("entry") if linked else None,
        cp=HeadClaim("wehr.example/log/1", 12, digest("own head")),
        seen=None,
    )
    return replace(claims, **changes)


def payload_of(kind: StatementType) -> JsonObject:
    """The JSON of one valid statement, to be broken."""
    return strictjson.parse_object(encode_claims(claims_of(kind)))


def broken(kind: StatementType) -> Iterator[tuple[str, JsonObject]]:
    """Each claim and body member of one type missing, null, of another type, or extra."""
    valid = payload_of(kind)
    for path in _paths(valid):
        name = ".".join(map(str, path))
        if path not in _OPTIONAL:
            yield f"{name} missing", _changed(valid, path, _drop)
        for what, value in (("null", None), ("true", True), ("text", "\u00e4")):
            broken_one = _changed(valid, path, _put(value))
            if broken_one != valid and not _allowed(kind, path, value):
                yield f"{name} {what}", broken_one
    yield "claims extra", {**valid, "opt": ["x"]}
    yield "b extra", {**valid, "b": {**valid["b"], "name": "x"}}


_Path = tuple[str, ...]
_NULLABLE = {("got",), ("entry",), ("cp",), ("seen",), ("b", "memory"), ("b", "note")}
_OPTIONAL = {("b", "comment")}


def _allowed(kind: StatementType, path: _Path, value: Json) -> bool:
    """Whether this is another valid statement rather than a broken one."""
    if value is None:
        return path in _NULLABLE
    flags = {("b", "named"), ("b", "passed_on")}
    return value is True and path in flags


def _paths(valid: JsonObject) -> Iterator[_Path]:
    for name, value in valid.items():
        yield (name,)
        if isinstance(value, dict) and name != "b":
            yield from ((name, inner) for inner in value)
    yield from (("b", name) for name in valid["b"])


def _changed(
    valid: JsonObject, path: _Path, change: Callable[[JsonObject, str], None]
) -> JsonObject:
    copy = deepcopy(valid)
    place = copy
    for name in path[:-1]:
        place = place[name]
    change(place, path[-1])
    return copy


def _drop(place: JsonObject, name: str) -> None:
    del place[name]


def _put(value: Json) -> Callable[[JsonObject, str], None]:
    def put(place: JsonObject, name: str) -> None:
        place[name] = value

    return put
