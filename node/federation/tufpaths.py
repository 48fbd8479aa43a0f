"""Paths of delegated roles, judged by The Update Framework, but only where it could agree.

Enters: a path and the patterns that a role may speak for. Leaves: the framework's verdict.
Must never happen: a verdict other than the framework's. It asks every role of a Land about
every file, pattern by pattern; nearly all of them begin otherwise, which one look shows.
Source: TUF specification 1.0, 4.5 (``paths``).
"""

import re
from functools import lru_cache
from typing import Final

from tuf.api.metadata import DelegatedRole

_WILD: Final = re.compile(r"[*?[]")
_judged: Final = DelegatedRole.is_delegated_path


@lru_cache(maxsize=4096)
def beginnings(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """How a path begins that one of these patterns matches: all before its first wildcard."""
    return tuple(_WILD.split(pattern, maxsplit=1)[0] for pattern in patterns)


def _is_delegated_path(role: DelegatedRole, target_filepath: str) -> bool:
    paths = role.paths
    if paths is not None and not target_filepath.startswith(beginnings(tuple(paths))):
        return False
    return _judged(role, target_filepath)


def look_at_beginnings() -> None:
    """Let the framework's roles look at the beginning of a path first."""
    setattr(DelegatedRole, "is_delegated_path", _is_delegated_path)  # noqa: B010 - a method
