"""The main navigation by role, in one order for everybody.

Enters: roles and the addresses this node serves. Leaves: the entries to show. An account
with two roles sees the union. Implements screens chapter 2, navigation.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from node.accounts.model import Role
from node.web.language import msgid


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its message id, its address, and whose it is."""

    label: str
    path: str
    roles: frozenset[Role]

    def holds(self, path: str) -> bool:
        """Whether a page belongs to this entry."""
        return path == self.path or path.startswith(self.path + "/")


def _entry(label: str, path: str, *roles: Role) -> Entry:
    return Entry(label, path, frozenset(roles))


_EVERYBODY: Final = tuple(Role)
_ENTRIES: Final = (
    _entry(msgid("Worklist"), "/work", Role.CASEWORKER),
    _entry(msgid("People"), "/cases", Role.CASEWORKER),
    _entry(msgid("Incoming"), "/inbox", Role.APPROVER),
    _entry(msgid("Handovers"), "/outbox", Role.CASEWORKER, Role.APPROVER),
    _entry(msgid("Exchange log"), "/exchangelog", Role.APPROVER, Role.AUDITOR),
    _entry(msgid("Status"), "/status", Role.ADMINISTRATOR),
    _entry(msgid("Accounts"), "/accounts", Role.ADMINISTRATOR),
    _entry(msgid("Settings"), "/settings", Role.ADMINISTRATOR),
    _entry(
        msgid("Network"), "/directory", Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR
    ),
    _entry(msgid("Reports"), "/reports", *_EVERYBODY),
)

_ROLE_NAMES: Final = {
    Role.CASEWORKER: msgid("Caseworker"),
    Role.APPROVER: msgid("Approver"),
    Role.ADMINISTRATOR: msgid("Administrator"),
    Role.AUDITOR: msgid("Auditor"),
}


def entries_for(roles: AbstractSet[Role], known: AbstractSet[str]) -> list[Entry]:
    """The entries of these roles whose page exists here."""
    return [entry for entry in _ENTRIES if entry.roles & roles and entry.path in known]


def home_of(roles: AbstractSet[Role], known: AbstractSet[str]) -> str:
    """Where work begins after signing in: the first entry of the first role."""
    for role in Role:
        if role in roles:
            for entry in entries_for({role}, known):
                return entry.path
    return "/"


def role_name(role: Role) -> str:
    """The message id of a role's name."""
    return _ROLE_NAMES[role]
