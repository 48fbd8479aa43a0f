"""Logs without personal data: structlog with a list of allowed fields.

Anything not on the list is dropped, not masked (SR-D1). An event is a fixed text; values
travel in fields: ids, codes, counts, durations.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

ALLOWED: Final = frozenset(
    {
        "event", "level", "timestamp", "logger",
        "member", "peer", "transfer", "code", "state", "count", "size", "seconds",
        "status", "route", "method", "trace", "version", "address", "folder", "kind",
        "point", "attempt", "next_attempt_s", "exception",
    }
)  # fmt: skip


def configure_logging(*, json: bool = True, level: int = logging.INFO) -> None:
    """Send log lines to standard error, as JSON or for a person's eyes."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _name_exception,
            _drop_unlisted,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    for name in ("aiohttp", "asyncio", "alembic", "tuf"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _name_exception(
    _: Any, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Foreign exceptions quote data: keep the class and the place, not the text (SR-D2)."""
    info = event.pop("exc_info", None)
    if isinstance(info, BaseException):
        place = info.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = (
            f"{place.tb_frame.f_code.co_qualname}:{place.tb_lineno}" if place else "?"
        )
        event["exception"] = f"{type(info).__name__} at {where}"
    return event


def _drop_unlisted(
    _: Any, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {key: value for key, value in event.items() if key in ALLOWED}
