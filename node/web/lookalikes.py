"""Who looks like somebody: asked before a case is opened, and right after it.

Enters: what was typed of a person, or a new case. Leaves: persons who may be meant; pairs
that wait for somebody. Must never happen: a second case for somebody who is here without a
word about it; a case opened meanwhile that is not compared (DO-44).
"""

from typing import Final

from aiohttp import web

from node.cases.matching import Band, Identity, find_pairs
from node.casework.matching import everybody, note_pairs, pairs_with
from node.ids import CaseId
from node.report.identities import Changed
from node.report.people import People
from node.report.readings import PersonRow
from node.web.frame import parts_of

_TYPED: Final = CaseId("0" * 32)
"""Stands for the person of whom there is no case yet."""


async def lookalikes(
    request: web.Request,
    people: People,
    *,
    name: str,
    birth: str,
    fictitious: bool,
    phone: str,
) -> list[PersonRow]:
    """Who may be meant by what was typed, the likeliest first; also who moved away."""
    parts = parts_of(request)
    known = dict(await parts.run.read(everybody, parts.identities))
    for row in people.all():
        if row.case not in known:
            known[row.case] = _of_row(row)
    typed = Identity(_TYPED, (name,), birth, fictitious, frozenset({phone} - {""}))
    pairs = find_pairs([*known.values(), typed], [_TYPED])
    strong = [pair.beside(_TYPED) for pair in pairs if pair.band is Band.STRONG]
    others = [pair.beside(_TYPED) for pair in pairs if pair.band is not Band.STRONG]
    return people.among([*strong, *others])


def _of_row(row: PersonRow) -> Identity:
    names = (row.name, *row.other_names, *(text for _, text in row.scripts))
    return Identity(row.case, names, row.birth, row.birth_fictitious)


async def compare_now(request: web.Request, case: CaseId) -> None:
    """Compare a case that was just opened with everybody; nobody waits for the worker."""
    parts = parts_of(request)
    pairs = pairs_with([case], await parts.run.read(everybody, parts.identities))
    if pairs:
        since = Changed(frozenset({case}), frozenset())
        await parts.run.write(note_pairs, parts.office, since, pairs)
