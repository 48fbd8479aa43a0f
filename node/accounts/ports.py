"""What accounts need of the world: where they, their tokens and their readings are kept."""

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from node.accounts.looking import LookSession
from node.accounts.model import Account, ApiToken, Deputyship, Reading
from node.accounts.reveal import RevealWish
from node.accounts.session import StoredSession
from node.accounts.wayports import (
    AccountChanges,
    Emergencies,
    KeptForms,
    WayRepository,
)
from node.ids import AccountId, CaseId, Hex128


class AccountRepository(Protocol):
    """Accounts and what opens them; every call happens inside one unit of work."""

    def add(self, account: Account) -> None:
        """Insert one. ConflictError if the login is taken."""
        ...

    def get(self, account: AccountId) -> Account:
        """One account, locked. NotFoundError if absent."""
        ...

    def is_secrecy_bound(self, account: AccountId) -> bool:
        """Whether this caseworker is bound by § 203 StGB; False if absent (FR-22)."""
        ...

    def by_login(self, login: str) -> Account | None:
        """The account with this login, letters folded."""
        ...

    def all(self) -> Sequence[Account]:
        """Every account, ordered by login."""
        ...

    def replace(self, account: Account) -> None:
        """Write the account with the same id anew. NotFoundError if absent."""
        ...

    def password(self, account: AccountId) -> str | None:
        """The PHC text, None before one was set."""
        ...

    def set_password(self, account: AccountId, phc: str, at: datetime) -> None:
        """Keep a new PHC text."""
        ...

    def deputyships(self) -> Sequence[Deputyship]:
        """Every deputyship, past ones too, ordered by first day."""
        ...

    def add_deputyship(self, deputyship: Deputyship) -> None:
        """Insert, or replace the one of the same two people and first day."""
        ...

    def end_deputyship(self, deputyship: Deputyship) -> None:
        """Remove one; absent is fine."""
        ...

    def invite(self, digest: bytes, account: AccountId, until: datetime) -> None:
        """Keep a set-up link; older ones of the account end."""
        ...

    def take_invitation(self, digest: bytes, at: datetime) -> AccountId | None:
        """Whose set-up link this is, once; None if used, over or never made."""
        ...

    def keep_code(self, digest: bytes, account: AccountId, until: datetime) -> None:
        """Keep a one-time code for the command line; older ones of the account end."""
        ...

    def take_code(self, digest: bytes, at: datetime) -> AccountId | None:
        """Whose one-time code this is, once; None if used, over or never made."""
        ...

    def add_token(self, token: ApiToken) -> None:
        """Keep an API token."""
        ...

    def token(self, digest: bytes) -> ApiToken | None:
        """The API token with this digest, over or not."""
        ...

    def tokens(self) -> Sequence[ApiToken]:
        """All API tokens, ordered by label."""
        ...

    def end_token(self, digest: bytes) -> None:
        """Remove an API token; absent is fine."""
        ...

    def failures(self, subject: bytes) -> Sequence[datetime]:
        """Failed tries of an account or address, oldest first."""
        ...

    def add_failure(self, subject: bytes, at: datetime) -> None:
        """One more failed try; those that left the window of 15 minutes go."""
        ...

    def clear_failures(self, subject: bytes) -> None:
        """A good log-in."""
        ...


class SessionRepository(Protocol):
    """Sessions of browsers, by the hash of their token (SR-B2)."""

    def load(self, token_hash: bytes) -> StoredSession | None:
        """The session, alive or not."""
        ...

    def add(self, stored: StoredSession) -> None:
        """Insert a session that has just begun."""
        ...

    def update(self, stored: StoredSession) -> None:
        """Replace what changed, if the session still exists."""
        ...

    def delete(self, token_hash: bytes) -> None:
        """Forget the session; absent is fine."""
        ...

    def delete_others(self, account: AccountId, but: bytes = b"") -> None:
        """End all sessions of an account but one; with the default, all of them."""
        ...

    def delete_dead(self, at: datetime) -> int:
        """Remove sessions that idled or lived too long; gives their number."""
        ...

    def of(self, account: AccountId) -> Sequence[StoredSession]:
        """All sessions of an account, newest first."""
        ...


class StaffUnit(Protocol):
    """One transaction over accounts and sessions."""

    @property
    def accounts(self) -> AccountRepository:
        """Accounts and what opens them."""
        ...

    @property
    def sessions(self) -> SessionRepository:
        """Browsers that are signed in."""
        ...

    @property
    def ways(self) -> WayRepository:
        """Passkeys, second factors, recovery codes."""
        ...

    @property
    def kept_forms(self) -> KeptForms:
        """Forms that came too late."""
        ...

    @property
    def changes(self) -> AccountChanges:
        """What waits for a second person."""
        ...

    @property
    def emergencies(self) -> Emergencies:
        """Emergency accesses."""
        ...

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Undo everything that was not committed."""
        ...

    def commit(self) -> None:
        """Make all of it durable together."""
        ...


class ReadLog(Protocol):
    """Who opened which case (SR-D5)."""

    def add(self, reading: Reading) -> None:
        """One more line."""
        ...

    def of_case(self, case: CaseId) -> Sequence[Reading]:
        """All lines about one case, oldest first."""
        ...

    def since(self, at: datetime) -> Sequence[Reading]:
        """All lines from this instant on, oldest first."""
        ...

    def looks_of(self, account: AccountId, since: datetime | None) -> Sequence[Reading]:
        """Its looks into the exchange log after an instant, oldest first."""
        ...

    def line(self, line: str) -> Reading:
        """One line by its id. NotFoundError if absent."""
        ...

    def lookers(self) -> Sequence[AccountId]:
        """Every account that ever looked into the exchange log."""
        ...

    def add_session(self, session: LookSession) -> None:
        """A session of looks that an entry of the log now names."""
        ...

    def sessions(self) -> Sequence[LookSession]:
        """All of them, oldest first."""
        ...

    def remove_before(self, at: datetime) -> int:
        """End lines older than their two years; gives their number."""
        ...


class Reveals(Protocol):
    """Who asked to uncover what, and who confirmed it (log.reveal)."""

    def add(self, wish: RevealWish) -> None:
        """A wish; its reason is kept sealed."""
        ...

    def get(self, wish: Hex128) -> RevealWish:
        """One wish. NotFoundError if absent."""
        ...

    def since(self, at: datetime) -> Sequence[RevealWish]:
        """All wishes from an instant on, newest first."""
        ...

    def confirm(self, wish: Hex128, by: AccountId, at: datetime) -> None:
        """The second person said yes. ConflictError if somebody did before."""
        ...
