"""Between the pages of lists: which list, which step, how far it is.

Enters: a request. Leaves: the caller's list, its steps in words. Must never happen: a step
that is offered before what it rests on was decided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.cases.importports import BatchState
from node.cases.townlist import HARMFUL, ListError
from node.cases.townplan import ImportPlan
from node.casework.listbatches import WaitingList, look, try_batch
from node.errors import InputError
from node.ids import RecordId
from node.web.casework import actor
from node.web.frame import parts_of, path_id
from node.web.language import Words
from node.web.listwords import reason_of

CASEWORKERS: Final = frozenset({Role.CASEWORKER})
SHOWN: Final = 50
"""So many rows of a list of rows are shown; the rest stands in the error sheet."""


def batch_id(request: web.Request) -> RecordId:
    """The list in the address."""
    return path_id(request, "batch", RecordId)


async def waiting_list(request: web.Request) -> WaitingList:
    """The caller's list.

    Raises:
        NotFoundError: None, or somebody else's.
    """
    found: WaitingList = await parts_of(request).run.read(
        look, batch_id(request), by=actor(request)
    )
    return found


async def tried(request: web.Request) -> tuple[WaitingList, ImportPlan] | None:
    """The list with its trial; None if its columns are not decided yet."""
    parts = parts_of(request)
    try:
        found: tuple[WaitingList, ImportPlan] = await parts.run.read(
            try_batch, parts.office, batch_id(request), by=actor(request)
        )
    except InputError:
        return None
    return found if found[0].answers.has_fields else None


def address(number: RecordId, step: str = "") -> str:
    """Where a step of a list is."""
    return f"/imports/{number}" + (f"/{step}" if step else "")


@dataclass(frozen=True, slots=True)
class _Task:
    """A line of the task list."""

    title: str
    href: str
    status: str
    kind: str
    hint: str = ""


def tasks_of(waiting: WaitingList, words: Words) -> Sequence[_Task]:
    """The five steps; one is offered once what it rests on was decided."""
    done, open_ = words.gettext("done"), words.gettext("not begun")
    blocked = words.gettext("blocked")
    answers, number = waiting.answers, waiting.batch.id
    is_open = waiting.batch.state is BatchState.OPEN
    has_table = waiting.listed is not None
    is_decided = has_table and answers.has_fields
    ready = is_decided and answers.has_values

    def task(
        title: str, step: str, *, can: bool, is_done: bool, why: str = ""
    ) -> _Task:
        href = address(number, step) if can and is_open else ""
        if is_done:
            return _Task(title, href, done, "success")
        return _Task(title, href, open_ if can else blocked, "info" if can else "", why)

    return [
        task(
            words.gettext("File"),
            "file",
            can=True,
            is_done=has_table,
            why=reason_of(waiting.problem, words) if waiting.problem else "",
        ),
        task(
            words.gettext("Assign the columns"),
            "columns",
            can=has_table,
            is_done=is_decided,
            why="" if has_table else words.gettext("No table was found yet."),
        ),
        task(
            words.gettext("Assign the values"),
            "values",
            can=is_decided,
            is_done=ready,
            why="" if is_decided else words.gettext("The columns come first."),
        ),
        task(
            words.gettext("Trial run"),
            "trial",
            can=ready,
            is_done=not is_open,
            why="" if ready else words.gettext("The values come first."),
        ),
        task(
            words.gettext("Take over"),
            "apply",
            can=ready,
            is_done=not is_open,
            why="" if ready else words.gettext("The trial run comes first."),
        ),
    ]


def samples(waiting: WaitingList, most: int = 3) -> Mapping[int, str]:
    """Place of a column -> the first of its cells that hold something."""
    assert waiting.listed is not None
    skipped = {line.line for line in waiting.listed.skipped}
    found: dict[int, list[str]] = {}
    for line in waiting.sheet.lines:
        if line.number in skipped:
            continue
        for place, cell in enumerate(line.cells):
            shown = found.setdefault(place, [])
            if cell.strip() and len(shown) < most and cell.strip() not in shown:
                shown.append(cell.strip()[:60])
    return {place: ", ".join(cells) for place, cells in found.items()}


def cell_of(waiting: WaitingList, error: ListError) -> str:
    """What stands in the cell that an error is about."""
    assert waiting.listed is not None
    titles = waiting.listed.titles
    if error.column not in titles:
        return ""
    place = titles.index(error.column)
    cells = next((n.cells for n in waiting.sheet.lines if n.number == error.line), ())
    if place >= len(cells):
        return ""
    return HARMFUL.sub("\N{REPLACEMENT CHARACTER}", cells[place])[:60]
