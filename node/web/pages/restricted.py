"""A case that is locked after a withdrawal: opened only to answer the person.

Enters: who looks. Leaves: what is stored, to read; that they looked is written down. Must
never happen: a form on this page; a look without its line in the read log. Implements the
answer "restricted" of FR-24 (Art. 18 GDPR), SR-D5.
"""

from aiohttp import web

from node.accounts.model import Reading
from node.accounts.policy import Actor
from node.cases.dictionary import DICTIONARY
from node.cases.model import CATEGORIES, CaseContent
from node.casework.cases import own_case
from node.errors import NotFoundError
from node.ids import CaseId
from node.report.casepage import standing
from node.report.readings import ReadingUnit
from node.web.caseframe import case_id
from node.web.casework import actor
from node.web.frame import Route, account_of, page, parts_of, words_of
from node.web.language import Words
from node.web.pages.cases import CASEWORKERS
from node.web.wording import fact_label, fact_value

_HIDDEN = frozenset({"consent_evidence", "responsibility"})


def routes() -> list[Route]:
    """The address of a locked case."""
    return [Route("GET", "/cases/{case}/for-the-person", _show, roles=CASEWORKERS)]


async def _show(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    case = case_id(request)
    reading = Reading(account_of(request).id, case, parts.clock.now(), "rights.export")
    content: CaseContent = await parts.run.write(_open, reading, by=actor(request))
    return await page(
        request,
        "for_the_person.html",
        case=case,
        name=content.name,
        since=content.file.restricted_on,
        sections=_sections(content, words),
    )


def _open(uow: ReadingUnit, reading: Reading, *, by: Actor) -> CaseContent:
    with uow:
        file = own_case(uow, by, CaseId(reading.case), "rights.export")
        if file.restricted_on is None:
            raise NotFoundError("case")
        uow.read_log.add(reading)
        content = uow.cases.content(file.id)
        uow.commit()
    return content


def _sections(
    content: CaseContent, words: Words
) -> list[tuple[str, list[list[tuple[str, str]]]]]:
    """Every record in words, by the subject of its first field."""
    found: dict[str, list[list[tuple[str, str]]]] = {}
    for record in standing(r for r in content.records if r.kind not in _HIDDEN):
        facts, bare, title = [], [], ""
        for name, known in DICTIONARY.get(record.kind, {}).items():
            empty = record.values.get(name) in (None, "", [], False)
            if empty or known.category not in CATEGORIES or known.names_cases:
                continue
            subject = words.code(known.category, "category")
            title = title or subject
            value = fact_value(record, name, words)
            if fact_label(name, words):
                facts.append((fact_label(name, words), value))
            else:
                bare.append(value)
        # What has no label of its own on any page stands in one line.
        facts += [(title, " · ".join(bare))] if bare else []
        if facts:
            found.setdefault(title, []).append(facts)
    return list(found.items())
