"""Lists as somebody likes to see them again: a name, and filters with their order.

Enters: an account, a name, an address of the list of people. Leaves: the same. Must never
happen: what was searched for in a view, so only codes of filters stand in it; a view of
somebody else. Implements screens S3 (saved views).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from node.errors import InputError
from node.ids import AccountId

MOST: Final = 12
NAME_CHARACTERS: Final = 40


@dataclass(frozen=True, slots=True)
class SavedView:
    """One view; ``query`` is what follows the question mark, made by our own page."""

    account: AccountId
    name: str
    query: str

    def __post_init__(self) -> None:
        """Refuse what nobody could find again.

        Raises:
            InputError: No name, or too long a one.
        """
        if not self.name.strip():
            raise InputError("name", "missing")
        if len(self.name) > NAME_CHARACTERS:
            raise InputError("name", "too_long")


class SavedViews(Protocol):
    """Views inside one unit of work."""

    def of(self, account: AccountId) -> Sequence[SavedView]:
        """Those of one account, by name."""
        ...

    def put(self, view: SavedView) -> None:
        """Keep one, in the place of one with the same name."""
        ...

    def drop(self, account: AccountId, name: str) -> None:
        """Forget one, if it is there."""
        ...


def check_room(views: Sequence[SavedView], view: SavedView) -> None:
    """Whether one more may be kept.

    Raises:
        InputError: There are as many as a page can show.
    """
    if len({one.name for one in views} | {view.name}) > MOST:
        raise InputError("name", "too_many")
