"""Tables of accounts, what opens them, their sessions, and who looked at which case.

Rules as in ``tables``. Employees' data, outside the case keys; secrets as digests only.
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
)

from node.store.columns import Day, Instant, digests
from node.store.tables import metadata
from node.strictjson import Json


class _Account(TypedColumns):
    id = Column(Text, primary_key=True)
    login: Named[str]
    folded: Named[str] = Column(unique=True, nullable=False)
    name: Named[str]
    email: Named[str]
    roles: Named[Json] = Column(JSON, nullable=False)
    secrecy_bound: Named[bool]
    language: Named[str]
    theme: Named[str]
    single_keys: Named[bool]
    active_from = Column(Day, nullable=False)
    active_until = Column(Day)
    password: Named[str | None]
    password_at = Column(Instant)


account = Table("account", metadata, _Account)


class _Deputyship(TypedColumns):
    owner: Named[str] = Column(ForeignKey("account.id"), primary_key=True)
    deputy: Named[str] = Column(ForeignKey("account.id"), primary_key=True)
    first_day = Column(Day, primary_key=True)
    last_day = Column(Day, nullable=False)


deputyship = Table(
    "deputyship",
    metadata,
    _Deputyship,
    CheckConstraint("owner <> deputy", name="two_people"),
    CheckConstraint("first_day <= last_day", name="order"),
)


class _Invitation(TypedColumns):
    digest: Named[bytes] = Column(primary_key=True)
    account: Named[str] = Column(ForeignKey("account.id"), nullable=False)
    until = Column(Instant, nullable=False)


invitation = Table("invitation", metadata, _Invitation, *digests("digest"))


class _AuditorCode(TypedColumns):
    account: Named[str] = Column(ForeignKey("account.id"), primary_key=True)
    digest: Named[bytes] = Column(unique=True, nullable=False)
    until = Column(Instant, nullable=False)


# One per account: a new code ends the one before.
auditor_code = Table("auditor_code", metadata, _AuditorCode, *digests("digest"))


class _ApiToken(TypedColumns):
    digest: Named[bytes] = Column(primary_key=True)
    label: Named[str]
    scopes: Named[Json] = Column(JSON, nullable=False)
    created_by: Named[str | None] = Column(ForeignKey("account.id"))
    valid_until = Column(Instant, nullable=False)
    owner: Named[str | None] = Column(ForeignKey("account.id"))


api_token = Table("api_token", metadata, _ApiToken, *digests("digest"))


class _LoginFailure(TypedColumns):
    subject: Named[bytes] = Column(primary_key=True)
    at = Column(Instant, primary_key=True)


# ``subject`` is the digest of a login or an address, known or not.
login_failure = Table("login_failure", metadata, _LoginFailure, *digests("subject"))


class _Session(TypedColumns):
    token_hash: Named[bytes] = Column(primary_key=True)
    account: Named[str] = Column(ForeignKey("account.id"), nullable=False)
    began_at = Column(Instant, nullable=False)
    seen_at = Column(Instant, nullable=False)
    proved_at = Column(Instant)
    sealed_values: Named[bytes]
    handed_over: Named[bool]


session = Table(
    "session", metadata, _Session, *digests("token_hash"), Index(None, "account")
)


class _AccessLog(TypedColumns):
    id = Column(Text, primary_key=True)
    account: Named[str]
    case_id: Named[str]
    at = Column(Instant, nullable=False)
    action: Named[str]
    reason: Named[bytes | None]


access_log = Table(
    "access_log",
    metadata,
    _AccessLog,
    Index(None, "case_id", "at"),
    Index(None, "account", "at"),
)


class _LookSession(TypedColumns):
    entry: Named[bytes] = Column(primary_key=True)
    account: Named[str]
    first_at = Column(Instant, nullable=False)
    last_at = Column(Instant, nullable=False)


# Which looks into the exchange log an entry ``audit.viewed`` names.
look_session = Table(
    "look_session", metadata, _LookSession, *digests("entry"), Index(None, "account")
)


class _Reveal(TypedColumns):
    id = Column(Text, primary_key=True)
    subject: Named[str]
    reason: Named[bytes]
    asked_by: Named[str] = Column(ForeignKey("account.id"), nullable=False)
    asked_at = Column(Instant, nullable=False)
    confirmed_by: Named[str | None] = Column(ForeignKey("account.id"))
    confirmed_at = Column(Instant)


reveal = Table(
    "log_reveal",
    metadata,
    _Reveal,
    CheckConstraint("confirmed_by <> asked_by", name="two_people"),
    CheckConstraint(
        "(confirmed_by IS NULL) = (confirmed_at IS NULL)", name="confirmed"
    ),
    Index(None, "asked_at"),
)
