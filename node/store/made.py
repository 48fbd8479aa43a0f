"""A repository that its unit of work makes when somebody first asks for it.

Enters: how to make one. Leaves: one per unit. Must never happen: one for two units. A unit
has some sixty repositories, and making all of them took a twentieth of a handover.
"""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar, overload

from node.store.work import Work

T = TypeVar("T")


class _Unit(Protocol):
    _work: Work


class Made(Generic[T]):
    """An attribute that is made once per unit; then it stands in the unit itself."""

    def __init__(self, make: Callable[[Work], T]) -> None:
        """Remember how."""
        self._make = make
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn what it is called."""
        self._name = name

    @overload
    def __get__(self, unit: None, owner: type) -> "Made[T]": ...
    @overload
    def __get__(self, unit: _Unit, owner: type) -> T: ...

    def __get__(self, unit: _Unit | None, owner: type) -> "Made[T] | T":
        """Make it; from now on it hides this attribute."""
        if unit is None:
            return self
        found = unit.__dict__[self._name] = self._make(unit._work)  # noqa: SLF001 - lent by its unit
        return found
