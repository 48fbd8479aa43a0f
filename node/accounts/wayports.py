"""What signing in needs of the world: where the ways in, and what two people decide, lie."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from node.accounts.changes import AccountChange, Ways
from node.accounts.emergency import Emergency
from node.accounts.passkey import Passkey
from node.accounts.secondfactor import Authenticator, RecoveryCode
from node.accounts.session import KeptForm
from node.ids import AccountId, CaseId, Hex128


class WayRepository(Protocol):
    """Passkeys, second factors and recovery codes; inside one unit of work."""

    def ways(self, account: AccountId) -> Ways:
        """The ways into an account, counted."""
        ...

    def passkeys(self, account: AccountId) -> Sequence[Passkey]:
        """Its passkeys, oldest first."""
        ...

    def passkey(self, passkey: bytes) -> Passkey | None:
        """The passkey with this id, locked."""
        ...

    def add_passkey(self, passkey: Passkey) -> None:
        """Insert one. ConflictError if it is known."""
        ...

    def use_passkey(self, passkey: Passkey) -> None:
        """Keep counter and instant of its last use."""
        ...

    def end_passkey(self, account: AccountId, passkey: bytes) -> None:
        """Remove one of the account's own; absent is fine."""
        ...

    def authenticator(self, account: AccountId) -> Authenticator | None:
        """The app of an account, locked."""
        ...

    def set_authenticator(self, authenticator: Authenticator) -> None:
        """Insert or replace it."""
        ...

    def set_codes(self, account: AccountId, codes: Iterable[RecoveryCode]) -> None:
        """Keep the digests of these; all older ones end."""
        ...

    def take_code(self, account: AccountId, code: RecoveryCode) -> bool:
        """Whether this code is one of the account's, once."""
        ...

    def end_all(self, account: AccountId) -> None:
        """No way in is left: passkeys, password, app and codes are gone."""
        ...

    def end_password(self, account: AccountId) -> None:
        """Password, app and codes are gone; passkeys stay."""
        ...

    def use_challenge(self, challenge: bytes, at: datetime) -> None:
        """Note that a challenge was answered. ConflictError the second time."""
        ...

    def last_seen(self, account: AccountId) -> tuple[datetime, str] | None:
        """When somebody last signed in, and how."""
        ...

    def all_last_seen(self) -> dict[AccountId, datetime]:
        """When each account last signed in."""
        ...

    def note_sign_in(self, account: AccountId, at: datetime, way: str) -> None:
        """Somebody signed in."""
        ...


class KeptForms(Protocol):
    """Forms that came too late or wait for a proof; sealed, for half an hour."""

    def keep(self, kept: KeptForm) -> None:
        """Keep one; an older one of the same token goes, and all that are over."""
        ...

    def get(self, token_hash: bytes) -> KeptForm | None:
        """The form of this token, over or not."""
        ...

    def drop(self, token_hash: bytes) -> None:
        """Forget it; absent is fine."""
        ...


class AccountChanges(Protocol):
    """Who asked for which change, and who confirmed it."""

    def add(self, change: AccountChange) -> None:
        """A change; one that waits for the same account and kind ends."""
        ...

    def get(self, change: Hex128) -> AccountChange:
        """One change. NotFoundError if absent."""
        ...

    def since(self, at: datetime) -> Sequence[AccountChange]:
        """All changes from an instant on, newest first."""
        ...

    def confirm(self, change: Hex128, by: AccountId, at: datetime) -> None:
        """The second person said yes. ConflictError if somebody did before."""
        ...


class Emergencies(Protocol):
    """Who opened a colleague's case in an emergency."""

    def add(self, emergency: Emergency) -> None:
        """Insert one."""
        ...

    def get(self, emergency: Hex128) -> Emergency:
        """One of them. NotFoundError if absent."""
        ...

    def since(self, at: datetime) -> Sequence[Emergency]:
        """All opened from an instant on, newest first."""
        ...

    def of_case(self, case: CaseId, since: datetime) -> Sequence[Emergency]:
        """Those of one case."""
        ...

    def agree(self, emergency: Hex128, by: AccountId) -> None:
        """A second person opened what protects. ConflictError if somebody did before."""
        ...
