"""What the pages of the exchange log have in common: sub-pages, names, files, who looks.

Enters: a request. Leaves: links to the sub-pages that exist here, names of offices, CSV
files. Must never happen here: a link to a page that is not served; a cell that a
spreadsheet runs. Implements screens S11 (order of the sub-pages) and the CSV of EL-18.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from aiohttp import hdrs, web

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.errors import UnknownNodeError
from node.ids import MemberId, TransferId
from node.report.csvtable import csv_bytes
from node.web.frame import KNOWN_PATHS, Parts, account_of, parts_of, words_of
from node.web.language import msgid

READERS: Final = frozenset({Role.AUDITOR, Role.APPROVER})
AUDITORS: Final = frozenset({Role.AUDITOR})
_SUB_PAGES: Final = (
    (msgid("Overview and events"), "/exchangelog", READERS),
    (msgid("Who looked"), "/exchangelog/access", AUDITORS),
    (msgid("Comparison"), "/exchangelog/reconcile", READERS),
    (msgid("Erasures and holds"), "/exchangelog/erasures", READERS),
    (msgid("Witnesses"), "/exchangelog/witnesses", READERS),
    (msgid("Sample"), "/exchangelog/sample", READERS),
    (msgid("Uncovered numbers"), "/exchangelog/reveals", READERS),
    (msgid("Command line"), "/exchangelog/code", READERS),
)


def sub_pages(request: web.Request) -> list[tuple[str, str]]:
    """The sub-pages that exist here and are for this account, in their order."""
    known, roles = request.config_dict[KNOWN_PATHS], account_of(request).roles
    words = words_of(request)
    return [
        (words.gettext(label), path)
        for label, path, whose in _SUB_PAGES
        if path in known and whose & roles
    ]


def actor(request: web.Request) -> Actor:
    """Who looks."""
    return account_of(request).actor


def office_name(parts: Parts, member: MemberId) -> str:
    """An office's name by the directory, else its id."""
    try:
        return parts.office.directory().member(member).name
    except UnknownNodeError:
        return member


def other_offices(request: web.Request) -> list[tuple[MemberId, str]]:
    """Every other member of the directory, by name."""
    parts = parts_of(request)
    members = parts.office.directory().members()
    found = [(m.id, m.name) for m in members if m.id != parts.office.member]
    return sorted(found, key=lambda each: each[1].casefold())


def short(transfer: TransferId | None) -> str:
    """The number people say, or nothing."""
    return transfer.short if transfer else ""


def csv_file(
    name: str, head: Sequence[str], rows: Iterable[Sequence[object]]
) -> web.Response:
    """A table to take along."""
    return web.Response(
        body=csv_bytes(head, rows),
        content_type="text/csv",
        charset="utf-8",
        headers={hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}.csv"'},
    )
