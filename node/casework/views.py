"""Views of the list of people: kept and forgotten by whose they are.

Enters: who acts, a name, filters. Leaves: the view. Must never happen: more than a page can
show; a view of somebody else. Implements screens S3 (saved views).
"""

from collections.abc import Sequence
from typing import Protocol

from node.accounts.policy import Action, Actor, require
from node.accounts.views import SavedView, SavedViews, check_room
from node.sync.ports import UnitOfWork


class ViewUnit(UnitOfWork, Protocol):
    """A unit of work with views."""

    views: SavedViews


def views_of(uow: ViewUnit, *, by: Actor) -> Sequence[SavedView]:
    """The own ones, by name."""
    return uow.views.of(by.account) if by.account else ()


def keep_view(uow: ViewUnit, name: str, query: str, *, by: Actor) -> None:
    """Keep one, in the place of one with the same name.

    Raises:
        ForbiddenError: No caseworker.
        InputError: No name, too long a one, or too many views.
    """
    require(by, Action.CASE_FIND)
    assert by.account is not None
    view = SavedView(by.account, name.strip(), query)
    with uow:
        check_room(uow.views.of(by.account), view)
        uow.views.put(view)
        uow.commit()


def drop_view(uow: ViewUnit, name: str, *, by: Actor) -> None:
    """Forget an own one.

    Raises:
        ForbiddenError: No caseworker.
    """
    require(by, Action.CASE_FIND)
    assert by.account is not None
    with uow:
        uow.views.drop(by.account, name)
        uow.commit()
