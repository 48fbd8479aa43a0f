"""Tables of the ways into an account, and of what two people decide about one.

Rules as in ``tables``. Employees' data, outside the case keys; secrets as digests, or sealed
(SR-K1) where an app needs them again.
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

from node.store.columns import Instant, digests
from node.store.stafftables import account  # noqa: F401 - the table that these name
from node.store.tables import metadata
from node.strictjson import Json


class _Passkey(TypedColumns):
    id: Named[bytes] = Column(primary_key=True)
    account: Named[str] = Column(ForeignKey("account.id"), nullable=False)
    label: Named[str]
    public_key: Named[bytes]
    sign_count: Named[int]
    made_at = Column(Instant, nullable=False)
    used_at = Column(Instant)


passkey = Table("passkey", metadata, _Passkey, Index(None, "account"))


class _Authenticator(TypedColumns):
    account: Named[str] = Column(ForeignKey("account.id"), primary_key=True)
    secret: Named[bytes]
    last_step: Named[int]


authenticator = Table("authenticator", metadata, _Authenticator)


class _RecoveryCode(TypedColumns):
    digest: Named[bytes] = Column(primary_key=True)
    account: Named[str] = Column(ForeignKey("account.id"), nullable=False)


recovery_code = Table(
    "recovery_code", metadata, _RecoveryCode, *digests("digest"), Index(None, "account")
)


class _SignIn(TypedColumns):
    account: Named[str] = Column(ForeignKey("account.id"), primary_key=True)
    at = Column(Instant, nullable=False)
    way: Named[str]


# The last one of each account.
sign_in = Table("sign_in", metadata, _SignIn)


class _UsedChallenge(TypedColumns):
    digest: Named[bytes] = Column(primary_key=True)
    at = Column(Instant, nullable=False)


# A challenge follows from the browser's cookie and the time; this says it was answered.
used_challenge = Table(
    "used_challenge", metadata, _UsedChallenge, *digests("digest"), Index(None, "at")
)


class _KeptForm(TypedColumns):
    token_hash: Named[bytes] = Column(primary_key=True)
    account: Named[str] = Column(ForeignKey("account.id"), nullable=False)
    until = Column(Instant, nullable=False)
    sealed: Named[bytes]


kept_form = Table(
    "kept_form", metadata, _KeptForm, *digests("token_hash"), Index(None, "until")
)


class _AccountChange(TypedColumns):
    id = Column(Text, primary_key=True)
    account: Named[str] = Column(ForeignKey("account.id"), nullable=False)
    kind: Named[str]
    roles: Named[Json] = Column(JSON, nullable=False)
    seen: Named[bytes]
    asked_by: Named[str] = Column(ForeignKey("account.id"), nullable=False)
    asked_at = Column(Instant, nullable=False)
    confirmed_by: Named[str | None] = Column(ForeignKey("account.id"))
    confirmed_at = Column(Instant)


account_change = Table(
    "account_change",
    metadata,
    _AccountChange,
    *digests("seen"),
    CheckConstraint("confirmed_by <> asked_by", name="two_people"),
    CheckConstraint(
        "(confirmed_by IS NULL) = (confirmed_at IS NULL)", name="confirmed"
    ),
    Index(None, "asked_at"),
)


class _Emergency(TypedColumns):
    id = Column(Text, primary_key=True)
    account: Named[str] = Column(ForeignKey("account.id"), nullable=False)
    case_id: Named[str]
    opened_at = Column(Instant, nullable=False)
    asks_second: Named[bool]
    second: Named[str | None] = Column(ForeignKey("account.id"))


emergency = Table(
    "emergency",
    metadata,
    _Emergency,
    CheckConstraint("second <> account", name="two_people"),
    Index(None, "opened_at"),
)


class _SavedView(TypedColumns):
    account: Named[str] = Column(ForeignKey("account.id"), primary_key=True)
    name = Column(Text, primary_key=True)
    query: Named[str]


# The list of people as somebody likes to see it: filters and order, never what was typed.
saved_view = Table("saved_view", metadata, _SavedView)
