"""Tables of what a town decides itself, of its programs, and of its notices by mail.

Rules as in ``tables``. Nothing here names a person whom the office advises.
"""

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Named,
    Table,
    Text,
    TypedColumns,
    text,
)

from node.store.columns import Day, Instant, digests
from node.store.tables import metadata
from node.strictjson import Json


class _TownSetting(TypedColumns):
    topic = Column(Text, primary_key=True)
    fields: Named[Json] = Column(JSON, nullable=False)
    version: Named[int]
    changed_by: Named[str | None] = Column(ForeignKey("account.id"))
    changed_at = Column(Instant, nullable=False)


town_setting = Table("town_setting", metadata, _TownSetting)


class _Statute(TypedColumns):
    id = Column(Text, primary_key=True)
    code: Named[str]
    title: Named[str]
    asked_by: Named[str] = Column(ForeignKey("account.id"), nullable=False)
    asked_at = Column(Instant, nullable=False)
    agreed_by: Named[str | None] = Column(ForeignKey("account.id"))
    agreed_at = Column(Instant)
    ended_at = Column(Instant)


statute = Table(
    "statute",
    metadata,
    _Statute,
    CheckConstraint("agreed_by <> asked_by", name="two_people"),
    CheckConstraint("(agreed_by IS NULL) = (agreed_at IS NULL)", name="agreed"),
)


class _ApiGrant(TypedColumns):
    id = Column(Text, primary_key=True)
    label: Named[str]
    scopes: Named[Json] = Column(JSON, nullable=False)
    owner: Named[str] = Column(ForeignKey("account.id"), nullable=False)
    created_by: Named[str] = Column(ForeignKey("account.id"), nullable=False)
    created_at = Column(Instant, nullable=False)
    valid_until = Column(Instant, nullable=False)


# A program that an administrator allowed; its caseworker has not fetched the token yet.
api_grant = Table("api_grant", metadata, _ApiGrant)


class _ApiRepeat(TypedColumns):
    caller: Named[bytes] = Column(primary_key=True)
    key: Named[str] = Column(primary_key=True)
    request: Named[bytes]
    answer: Named[str]
    at = Column(Instant, nullable=False)


# What a program sent and what became of it: the same again gives the same answer.
api_repeat = Table(
    "api_repeat", metadata, _ApiRepeat, *digests("caller", "request"), Index(None, "at")
)


class _Notice(TypedColumns):
    account: Named[str] = Column(ForeignKey("account.id"), primary_key=True)
    kind: Named[str] = Column(primary_key=True)
    day = Column(Day, primary_key=True)
    made_at = Column(Instant, nullable=False)
    next_try_at = Column(Instant)
    claims: Named[int]
    failures: Named[int]
    sent_at = Column(Instant)


# One mail; the key is the rule: at most one a day and kind. Without ``next_try_at`` it
# is sent or given up.
notice = Table(
    "notice",
    metadata,
    _Notice,
    CheckConstraint("claims >= 0 AND failures >= 0", name="counts"),
    Index(None, "next_try_at"),
)


class _NoticeChoice(TypedColumns):
    account: Named[str] = Column(ForeignKey("account.id"), primary_key=True)
    wanted: Named[bool]


# Who does not want mails, or wants them again; without a row they are wanted.
notice_choice = Table("notice_choice", metadata, _NoticeChoice)


class _PeerSuspension(TypedColumns):
    id = Column(Text, primary_key=True)
    peer: Named[str]
    reason: Named[str]
    begun_at = Column(Instant, nullable=False)
    begun_by: Named[str | None] = Column(ForeignKey("account.id"))
    ended_at = Column(Instant)
    ended_by: Named[str | None] = Column(ForeignKey("account.id"))


# Members with whom nothing new is exchanged; one that stands for each at most.
peer_suspension = Table(
    "peer_suspension",
    metadata,
    _PeerSuspension,
    CheckConstraint("reason <> ''", name="reason"),
    Index(
        "uq_peer_suspended",
        "peer",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)
