"""What a town decides about its node: read, changed, agreed to by a second person.

Enters: who acts, checked values, the version the page was made for. Leaves: one
transaction each. Must never happen: a statute in force on one person's word, or agreed to
by who asked; a change over one that nobody has seen. Implements screens S15, FR-21, SR-B7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from node.accounts.policy import Action, Actor, require
from node.accounts.ports import StaffUnit
from node.cases.townsettings import (
    Kept,
    Statute,
    Topic,
    Town,
    TownSettings,
    checked,
    in_force,
    values_of,
)
from node.errors import ConflictError, NotFoundError
from node.ids import Hex128


class TownUnit(StaffUnit, Protocol):
    """A unit of work with the town's settings."""

    @property
    def town(self) -> Town:
        """Topics and statutes."""
        ...


class TownBook:
    """The settings in force, in memory; read anew after each change.

    Where several processes serve one database each reads them every few seconds.
    """

    def __init__(self, defaults: TownSettings) -> None:
        """Begin with the defaults: the file's values, nothing of the town's."""
        self._defaults = defaults
        self._known = defaults

    def __call__(self) -> TownSettings:
        """What is in force."""
        return self._known

    def read(self, uow: TownUnit) -> None:
        """Read what is in force."""
        town = uow.town
        self._known = in_force(self._defaults, town.topics(), town.statutes())


@dataclass(frozen=True, slots=True)
class TopicSight:
    """One topic as its page shows it; ``changed_by`` is a name."""

    values: Mapping[str, str]
    version: int
    changed_by: str
    changed_at: datetime | None


def topic_sight(
    uow: TownUnit, topic: Topic, known: TownSettings, *, by: Actor
) -> TopicSight:
    """The values of a topic, and who changed them last."""
    require(by, Action.SETTINGS_CHANGE)
    kept = uow.town.topics().get(topic)
    if kept is None:
        return TopicSight(values_of(known, topic), 0, "", None)
    name = uow.accounts.get(kept.changed_by).name if kept.changed_by else ""
    values = {**values_of(known, topic), **kept.values}
    return TopicSight(values, kept.version, name, kept.changed_at)


def change_topic(
    uow: TownUnit,
    topic: Topic,
    typed: Mapping[str, str],
    *,
    seen: int,
    at: datetime,
    by: Actor,
) -> None:
    """Keep what was typed.

    Args:
        uow: The transaction.
        topic: Which topic.
        typed: Its fields.
        seen: The version that the page showed.
        at: Now.
        by: Who changes it.

    Raises:
        InputError: A field cannot be taken.
        ConflictError: Somebody changed it meanwhile.
    """
    require(by, Action.SETTINGS_CHANGE)
    with uow:
        uow.town.keep(topic, Kept(checked(topic, typed), seen, by.account, at))
        uow.commit()


def statutes(uow: TownUnit, *, by: Actor) -> Sequence[tuple[Statute, str, str]]:
    """Each statute with the names of who asked and who agreed."""
    require(by, Action.SETTINGS_CHANGE)
    names = {account.id: account.name for account in uow.accounts.all()}
    return [
        (
            one,
            names.get(one.asked_by, ""),
            names.get(one.agreed_by, "") if one.agreed_by else "",
        )
        for one in uow.town.statutes()
    ]


def ask_statute(uow: TownUnit, statute: Statute, *, by: Actor) -> None:
    """Propose a paragraph; it counts for nothing before a second person agrees.

    Raises:
        ConflictError: Its code waits or is in force already.
    """
    require(by, Action.SETTINGS_CHANGE)
    with uow:
        uow.town.add_statute(statute)
        uow.commit()


def agree_to_statute(
    uow: TownUnit, statute: Hex128, *, at: datetime, by: Actor
) -> None:
    """Put it in force as the second person.

    Raises:
        ForbiddenError: The one who asked, or no administrator.
        ConflictError: It waits no longer.
    """
    with uow:
        found = uow.town.statute(statute)
        asked = uow.accounts.get(found.asked_by)
        first = Actor(asked.id, asked.roles)
        require(first, Action.STATUTE_LIST, second=by)
        if not found.is_waiting(at):
            raise ConflictError("statute")
        after = replace(found, agreed_by=by.account, agreed_at=at)
        uow.town.replace_statute(found, after)
        uow.commit()


def end_statute(uow: TownUnit, statute: Hex128, *, at: datetime, by: Actor) -> None:
    """Take it out of force, or off the list before anybody agreed; one person may.

    Raises:
        NotFoundError: It has ended before.
    """
    require(by, Action.SETTINGS_CHANGE)
    with uow:
        found = uow.town.statute(statute)
        if found.ended_at is not None:
            raise NotFoundError("statute")
        uow.town.replace_statute(found, replace(found, ended_at=at))
        uow.commit()
