"""The persons of a transfer that is held: what could travel, what stands against it.

Enters: a transfer and a forecast of the gate. Leaves: what the page shows per person, and
what was ticked of it. Must never happen: something ticked that is not covered; something
sensitive ticked by itself. Implements flow B, steps "Was" and "Einwilligung"; SC-31, SC-32.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from aiohttp import web

from node.cases.consent import Wish
from node.cases.model import SENSITIVE
from node.casework.relocations import CONFIRMED, forecast
from node.ids import CaseId, RecordId
from node.report.contents import Paper, counts, papers
from node.report.readings import PersonRow
from node.sync.permission import recipient_of
from node.sync.transfer import OutboundTransfer
from node.web.casework import actor, people_of
from node.web.forms import Form
from node.web.frame import parts_of, words_of
from node.web.language import Words
from node.web.wording import reason_words


@dataclass(frozen=True, slots=True)
class Traveller:
    """One person of the transfer, what could travel, and what stands against it."""

    person: PersonRow
    reason: tuple[str, str] | None
    can_ask: bool
    everyday: Sequence[tuple[str, str]]
    sensitive: Sequence[tuple[str, str]]
    documents: Sequence[Paper]
    papers: Sequence[tuple[str, str]]
    needs_second: bool
    until: date | None

    @property
    def is_covered(self) -> bool:
        """Whether anything of this person may leave."""
        return self.reason is None


async def travellers_of(
    request: web.Request, transfer: OutboundTransfer
) -> list[Traveller]:
    """The persons as the gate would see them now, in the order of the transfer."""
    parts, words = parts_of(request), words_of(request)
    wishes = None
    if transfer.policy == CONFIRMED:
        wishes = {m.case: Wish(m.categories, m.documents) for m in transfer.members}
    seen = await parts.run.read(
        forecast,
        parts.office,
        [member.case for member in transfer.members],
        recipient_of(parts.office, transfer),
        wishes=wishes,
        by=actor(request),
    )
    people = await people_of(request)
    found = []
    for person in people.among([member.case for member in transfer.members]):
        coverage, content = seen.coverage[person.case], seen.contents[person.case]
        held = counts(content)
        documents = [p for p in papers(content) if p.id in coverage.documents]
        covered = [
            (code, _category(code, held, words)) for code in sorted(coverage.covered)
        ]
        found.append(
            Traveller(
                person=person,
                reason=reason_words(coverage.reason, words)
                if coverage.reason
                else None,
                can_ask=coverage.reason not in {None, "declined", "protection"},
                everyday=[pair for pair in covered if pair[0] not in SENSITIVE],
                sensitive=[pair for pair in covered if pair[0] in SENSITIVE],
                documents=documents,
                papers=[
                    (p.id, p.title or words.code(p.kind, "doc_kind")) for p in documents
                ],
                needs_second=coverage.needs_second,
                until=coverage.until.date() if coverage.until else None,
            )
        )
    return found


def _category(code: str, held: Mapping[str, int], words: Words) -> str:
    label = words.code(code, "category")
    count = held.get(code, 0)
    entries = words.ngettext("%(num)s entry", "%(num)s entries", count) % {
        "num": words.number(count)
    }
    return f"{label} ({entries})" if count else label


def ticked(transfer: OutboundTransfer, travellers: Sequence[Traveller]) -> Form:
    """The form as it is first shown: nothing sensitive, and what was ticked before."""
    values: dict[str, tuple[str, ...]] = {
        "member": tuple(t.person.case for t in travellers if t.is_covered)
    }
    for traveller in travellers:
        case = traveller.person.case
        before = next(m for m in transfer.members if m.case == case)
        if before.categories:
            values[f"cat_{case}"] = tuple(before.categories)
            values[f"doc_{case}"] = tuple(before.documents)
        else:
            values[f"cat_{case}"] = tuple(code for code, _ in traveller.everyday)
            values[f"doc_{case}"] = tuple(p.id for p in traveller.documents)
    return Form(values)


def scope_of(
    form: Form, travellers: Sequence[Traveller]
) -> dict[CaseId, tuple[frozenset[str], frozenset[RecordId]]]:
    """What was ticked of what is covered; the minimum always goes along."""
    scope = {}
    for traveller in travellers:
        case = traveller.person.case
        if not traveller.is_covered or case not in form.all("member"):
            continue
        offered = {code for code, _ in (*traveller.everyday, *traveller.sensitive)}
        categories = frozenset({"K01"} | offered & set(form.all(f"cat_{case}")))
        ticked = set(form.all(f"doc_{case}"))
        documents = frozenset(
            paper.id
            for paper in traveller.documents
            if paper.id in ticked and "K13" in categories and paper.needs <= categories
        )
        scope[case] = (categories, documents)
    return scope
