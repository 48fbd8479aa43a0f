"""The ways into accounts in SQL: passkeys, apps, recovery codes, forms that came late.

Enters: values. Leaves: the same. Must never happen: a secret in clear; a recovery code or a
challenge that is taken twice. Implements ``WayRepository`` and ``KeptForms``.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from node.accounts.changes import Ways
from node.accounts.passkey import Passkey
from node.accounts.secondfactor import Authenticator, RecoveryCode
from node.accounts.session import KeptForm
from node.errors import ErasedError
from node.ids import AccountId
from node.store.accountstables import (
    authenticator,
    kept_form,
    passkey,
    recovery_code,
    sign_in,
    used_challenge,
)
from node.store.stafftables import account
from node.store.work import Work

_CHALLENGE_LIFE: Final = timedelta(hours=1)

_KEYS: Final = (
    select(passkey)
    .where(passkey.c.account == bindparam("of"))
    .order_by(passkey.c.made_at, passkey.c.id)
)
_KEY: Final = select(passkey).where(passkey.c.id == bindparam("by")).with_for_update()
_ADD_KEY: Final = insert(passkey)
_USE_KEY: Final = update(passkey).where(passkey.c.id == bindparam("by"))
_DROP_KEY: Final = delete(passkey).where(
    passkey.c.id == bindparam("by"), passkey.c.account == bindparam("of")
)
_DROP_KEYS: Final = delete(passkey).where(passkey.c.account == bindparam("of"))

_APP: Final = (
    select(authenticator)
    .where(authenticator.c.account == bindparam("of"))
    .with_for_update()
)
_ADD_APP: Final = insert(authenticator)
_SET_APP: Final = update(authenticator).where(
    authenticator.c.account == bindparam("of")
)
_DROP_APP: Final = delete(authenticator).where(
    authenticator.c.account == bindparam("of")
)

_COUNT_CODES: Final = select(func.count()).where(
    recovery_code.c.account == bindparam("of")
)
_ADD_CODE: Final = insert(recovery_code)
_TAKE_CODE: Final = delete(recovery_code).where(
    recovery_code.c.digest == bindparam("by"),
    recovery_code.c.account == bindparam("of"),
)
_DROP_CODES: Final = delete(recovery_code).where(
    recovery_code.c.account == bindparam("of")
)
_PASSWORD: Final = select(account.c.password).where(account.c.id == bindparam("of"))
_END_PASSWORD: Final = update(account).where(account.c.id == bindparam("of"))

_USE: Final = insert(used_challenge)
_FORGET: Final = delete(used_challenge).where(used_challenge.c.at < bindparam("before"))
_SEEN: Final = select(sign_in).where(sign_in.c.account == bindparam("of"))
_ALL_SEEN: Final = select(sign_in.c.account, sign_in.c.at)
_ADD_SEEN: Final = insert(sign_in)
_SET_SEEN: Final = update(sign_in).where(sign_in.c.account == bindparam("of"))

_KEEP: Final = insert(kept_form)
_KEPT: Final = select(kept_form).where(kept_form.c.token_hash == bindparam("by"))
_DROP_KEPT: Final = delete(kept_form).where(kept_form.c.token_hash == bindparam("by"))
_DROP_OLD: Final = delete(kept_form).where(kept_form.c.until <= bindparam("at"))


def secret_place(owner: str) -> bytes:
    """Where the secret of an app opens: in its account's row."""
    return b"authenticator\0secret\0" + owner.encode("ascii")


class SqlWays:
    """Ways in, inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def ways(self, account: AccountId) -> Ways:
        """The ways into an account, counted."""
        place = {"of": account}
        stored, codes = (
            self._work.row(_PASSWORD, place),
            self._work.row(_COUNT_CODES, place),
        )
        return Ways(
            passkeys=len(self.passkeys(account)),
            has_password=stored is not None and stored.password is not None,
            codes=0 if codes is None else int(codes[0]),
        )

    def passkeys(self, account: AccountId) -> Sequence[Passkey]:
        """Its passkeys, oldest first."""
        return [_passkey(row) for row in self._work.rows(_KEYS, {"of": account})]

    def passkey(self, passkey: bytes) -> Passkey | None:
        """The passkey with this id, locked."""
        row = self._work.row(_KEY, {"by": passkey})
        return None if row is None else _passkey(row)

    def add_passkey(self, passkey: Passkey) -> None:
        """Insert one.

        Raises:
            ConflictError: It is known.
        """
        self._work.change(
            _ADD_KEY,
            {
                "id": passkey.id,
                "account": passkey.account,
                "label": passkey.label,
                "public_key": passkey.public_key,
                "sign_count": passkey.sign_count,
                "made_at": passkey.made_at,
                "used_at": passkey.used_at,
            },
        )

    def use_passkey(self, passkey: Passkey) -> None:
        """Keep counter and instant of its last use."""
        now = {"sign_count": passkey.sign_count, "used_at": passkey.used_at}
        self._work.change(_USE_KEY, {"by": passkey.id} | now)

    def end_passkey(self, account: AccountId, passkey: bytes) -> None:
        """Remove one of the account's own; absent is fine."""
        self._work.change(_DROP_KEY, {"by": passkey, "of": account})

    def authenticator(self, account: AccountId) -> Authenticator | None:
        """The app of an account, locked.

        Raises:
            ErasedError: The key above its secret was destroyed.
        """
        row = self._work.row(_APP, {"of": account})
        if row is None:
            return None
        secret = self._work.unseal(secret_place(account), row.secret)
        if secret is None:
            raise ErasedError("the key of a second factor was destroyed")
        return Authenticator(account, secret.decode("ascii"), row.last_step)

    def set_authenticator(self, authenticator: Authenticator) -> None:
        """Insert or replace it."""
        owner = authenticator.account
        row = {
            "secret": self._work.seal(
                secret_place(owner), authenticator.secret.encode("ascii")
            ),
            "last_step": authenticator.last_step,
        }
        if self._work.change(_SET_APP, row | {"of": owner}) == 0:
            self._work.change(_ADD_APP, row | {"account": owner})

    def set_codes(self, account: AccountId, codes: Iterable[RecoveryCode]) -> None:
        """Keep the digests of these; all older ones end."""
        self._work.change(_DROP_CODES, {"of": account})
        for code in codes:
            self._work.change(_ADD_CODE, {"digest": code.digest, "account": account})

    def take_code(self, account: AccountId, code: RecoveryCode) -> bool:
        """Whether this code is one of the account's, once."""
        place = {"by": code.digest, "of": account}
        return self._work.change(_TAKE_CODE, place) == 1

    def end_all(self, account: AccountId) -> None:
        """No way in is left: passkeys, password, app and codes are gone."""
        self._work.change(_DROP_KEYS, {"of": account})
        self.end_password(account)

    def end_password(self, account: AccountId) -> None:
        """Password, app and codes are gone; passkeys stay."""
        for statement in (_DROP_APP, _DROP_CODES):
            self._work.change(statement, {"of": account})
        gone = {"password": None, "password_at": None}
        self._work.change(_END_PASSWORD, {"of": account} | gone)

    def use_challenge(self, challenge: bytes, at: datetime) -> None:
        """Note that a challenge was answered.

        Raises:
            ConflictError: It was before.
        """
        self._work.change(_FORGET, {"before": at - _CHALLENGE_LIFE})
        self._work.change(_USE, {"digest": challenge, "at": at})

    def last_seen(self, account: AccountId) -> tuple[datetime, str] | None:
        """When somebody last signed in, and how."""
        row = self._work.row(_SEEN, {"of": account})
        return None if row is None else (row.at, row.way)

    def all_last_seen(self) -> dict[AccountId, datetime]:
        """When each account last signed in."""
        return {AccountId(row.account): row.at for row in self._work.rows(_ALL_SEEN)}

    def note_sign_in(self, account: AccountId, at: datetime, way: str) -> None:
        """Somebody signed in."""
        row = {"at": at, "way": way}
        if self._work.change(_SET_SEEN, row | {"of": account}) == 0:
            self._work.change(_ADD_SEEN, row | {"account": account})


class SqlKeptForms:
    """Forms that came late, inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def keep(self, kept: KeptForm) -> None:
        """Keep one; an older one of the same token goes, and all that are over."""
        self.drop(kept.token_hash)
        self._work.change(_DROP_OLD, {"at": self._work.now()})
        self._work.change(
            _KEEP,
            {
                "token_hash": kept.token_hash,
                "account": kept.account,
                "until": kept.until,
                "sealed": kept.sealed,
            },
        )

    def get(self, token_hash: bytes) -> KeptForm | None:
        """The form of this token, over or not."""
        row = self._work.row(_KEPT, {"by": token_hash})
        if row is None:
            return None
        return KeptForm(row.token_hash, AccountId(row.account), row.until, row.sealed)

    def drop(self, token_hash: bytes) -> None:
        """Forget it."""
        self._work.change(_DROP_KEPT, {"by": token_hash})


def _passkey(row: Row[*tuple[Any, ...]]) -> Passkey:
    return Passkey(
        id=row.id,
        account=AccountId(row.account),
        label=row.label,
        public_key=row.public_key,
        sign_count=row.sign_count,
        made_at=row.made_at,
        used_at=row.used_at,
    )
