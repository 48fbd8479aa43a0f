"""S17, the middle steps: columns to fields, values to codes, repairs agreed to.

Enters: one choice per column and per value. Leaves: the list's answers. Must never happen:
a repair that was agreed to by default; a choice that an invalid form forgets. Implements
SC-64 and chapter 7 of the field document (Map).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from aiohttp import web

from node.cases.codes import code_list
from node.cases.listfields import FIELDS, doubled
from node.cases.townchoices import UNKNOWN_CODE, Offer, Question
from node.cases.townplan import ImportPlan
from node.cases.townrow import AGS
from node.casework.listbatches import Answers, WaitingList, choose
from node.web.casework import actor
from node.web.forms import Form
from node.web.frame import Route, form_of, page, parts_of, see_other, words_of
from node.web.language import Words
from node.web.listframe import (
    CASEWORKERS,
    address,
    batch_id,
    samples,
    tried,
    waiting_list,
)
from node.web.listwords import FIELD_WORDS, OFFER_WORDS, reason_of

_PREVIEW: Final = 8
_MOST_QUESTIONS: Final = 200


def routes() -> list[Route]:
    """The addresses of both steps."""
    return [
        Route("GET", "/imports/{batch}/columns", _columns, roles=CASEWORKERS),
        Route("POST", "/imports/{batch}/columns", _take_columns, roles=CASEWORKERS),
        Route("GET", "/imports/{batch}/values", _values, roles=CASEWORKERS),
        Route("POST", "/imports/{batch}/values", _take_values, roles=CASEWORKERS),
    ]


# ---- Columns ---------------------------------------------------------------------------


async def _columns(request: web.Request) -> web.Response:
    waiting = await waiting_list(request)
    if waiting.listed is None:
        return await see_other(request, address(waiting.batch.id, "file"))
    fields = waiting.listed.fields
    form = Form().starting({f"c{place}": field for place, field in fields.items()})
    return await _columns_page(request, waiting, form)


async def _columns_page(
    request: web.Request, waiting: WaitingList, form: Form, *, status: int = 200
) -> web.Response:
    words, listed = words_of(request), waiting.listed
    assert listed is not None
    shown = samples(waiting)
    skipped = {line.line for line in listed.skipped}
    preview = [line for line in waiting.sheet.lines if line.number not in skipped]
    width = len(listed.titles)
    return await page(
        request,
        "import_columns.html",
        status=status,
        form=form,
        batch=waiting.batch,
        answers=waiting.answers,
        address=address(waiting.batch.id),
        columns=[
            {"name": f"c{place}", "title": title, "sample": shown.get(place, "")}
            for place, title in enumerate(listed.titles)
            if place not in listed.months and (title or shown.get(place))
        ],
        months=[listed.titles[place] for place in sorted(listed.months)],
        fields=[(field, words.gettext(FIELD_WORDS[field])) for field in FIELDS],
        titles=[title or words.gettext("no title") for title in listed.titles],
        preview=[
            (line.number, [*line.cells[:width], *[""] * (width - len(line.cells))])
            for line in preview[:_PREVIEW]
        ],
    )


async def _take_columns(request: web.Request) -> web.Response:
    form, words = form_of(request), words_of(request)
    waiting = await waiting_list(request)
    if waiting.listed is None:
        return await see_other(request, address(waiting.batch.id, "file"))
    fields = {
        place: form.text(f"c{place}")
        for place in range(len(waiting.listed.titles))
        if form.text(f"c{place}") in FIELD_WORDS
    }
    errors = _wrong_columns(fields, waiting.listed.titles, words)
    if errors:
        return await _columns_page(
            request, waiting, form.with_errors(errors), status=422
        )
    answers = replace(waiting.answers, fields=fields, has_fields=True, has_values=False)
    await _keep(request, waiting, answers)
    return await see_other(request, address(waiting.batch.id, "values"))


def _wrong_columns(
    fields: Mapping[int, str], titles: Sequence[str], words: Words
) -> dict[str, str]:
    twice = doubled(fields)
    wrong = {
        f"c{place}": words.gettext("“%(field)s” stands twice. Please take one column.")
        % {"field": words.gettext(FIELD_WORDS[field])}
        for place, field in fields.items()
        if field in twice
    }
    chosen = set(fields.values())
    if not chosen & {"family_name", "given_names", "full_name", "case_number"}:
        first = next(iter(range(len(titles))), 0)
        wrong[f"c{first}"] = words.gettext("Please say which column holds the name.")
    return wrong


async def _keep(request: web.Request, waiting: WaitingList, answers: Answers) -> None:
    await parts_of(request).run.write(
        choose,
        waiting.batch.id,
        answers,
        version=_version(request, waiting),
        by=actor(request),
    )


def _version(request: web.Request, waiting: WaitingList) -> int:
    """The version that the page showed; another one means somebody decided meanwhile."""
    text = form_of(request).text("_version")
    is_number = text.isascii() and text.isdigit() and len(text) < 9
    return int(text) if is_number else waiting.batch.version


# ---- Values and repairs ----------------------------------------------------------------


async def _values(request: web.Request) -> web.Response:
    found = await tried(request)
    if found is None:
        return await see_other(request, address(batch_id(request), "columns"))
    waiting, plan = found
    chosen = waiting.answers.values
    form = Form(
        {
            **{
                _name_of(question): (chosen.get(question.key, question.proposed),)
                for question in plan.questions
            },
            "accepted": tuple(sorted(waiting.answers.accepted)),
        }
    )
    return await _values_page(request, waiting, plan, form)


async def _values_page(
    request: web.Request, waiting: WaitingList, plan: ImportPlan, form: Form
) -> web.Response:
    words = words_of(request)
    lines: dict[Offer, list[int]] = {offer: [] for offer in waiting.answers.accepted}
    for line, offer, _ in plan.offers:
        lines.setdefault(offer, []).append(line)
    questions = plan.questions[:_MOST_QUESTIONS]
    return await page(
        request,
        "import_values.html",
        form=form,
        batch=waiting.batch,
        answers=waiting.answers,
        address=address(waiting.batch.id),
        offers=[
            (str(offer), words.gettext(OFFER_WORDS[offer]), _hint(offer, rows, words))
            for offer, rows in sorted(lines.items())
        ],
        groups=[
            {
                "title": words.gettext(FIELD_WORDS[field]),
                "questions": [
                    {
                        "name": _name_of(question),
                        "text": question.text or words.gettext("(nothing said)"),
                        "options": _options(request, question),
                    }
                    for question in questions
                    if question.field == field
                ],
            }
            for field in dict.fromkeys(question.field for question in questions)
        ],
        more=max(0, len(plan.questions) - _MOST_QUESTIONS),
    )


def _hint(offer: Offer, rows: Sequence[int], words: Words) -> str:
    said = reason_of(f"offer_{offer}", words)
    if not rows:
        return said
    count = words.ngettext(
        "%(num)s row, the first is row %(line)s.",
        "%(num)s rows, the first is row %(line)s.",
        len(rows),
    ) % {"num": words.number(len(rows)), "line": min(rows)}
    return f"{said} {count}"


def _options(request: web.Request, question: Question) -> list[tuple[str, str]]:
    words = words_of(request)
    if question.codes == AGS:
        places = parts_of(request).places
        return [(str(ags), name) for ags, name in places.items()]
    codes = code_list(question.codes).codes
    return [(code, words.code(code, question.codes)) for code in codes]


def _name_of(question: Question) -> str:
    """The name of a question's field: opaque, and the same each time."""
    key = "\0".join(question.key).encode()
    return "q" + hashlib.sha256(key).hexdigest()[:20]


async def _take_values(request: web.Request) -> web.Response:
    form = form_of(request)
    found = await tried(request)
    if found is None:
        return await see_other(request, address(batch_id(request), "columns"))
    waiting, plan = found
    offers = {offer for _, offer, _ in plan.offers} | waiting.answers.accepted
    accepted = frozenset(o for o in offers if str(o) in form.all("accepted"))
    values = dict(waiting.answers.values)
    for question in plan.questions:
        chosen = form.text(_name_of(question))
        offered = {code for code, _ in _options(request, question)}
        if _name_of(question) in form.values:
            values[question.key] = chosen if chosen in offered else UNKNOWN_CODE
    is_new = accepted != waiting.answers.accepted
    answers = replace(
        waiting.answers, values=values, accepted=accepted, has_values=True
    )
    await _keep(request, waiting, answers)
    number = waiting.batch.id
    if is_new and await _asks_more(request, values):
        words = words_of(request)
        saved = words.gettext("Saved. With the repairs there are further values.")
        return await see_other(request, address(number, "values"), saved=saved)
    return await see_other(request, address(number, "trial"))


async def _asks_more(
    request: web.Request, values: Mapping[tuple[str, str], str]
) -> bool:
    """Whether a repair brought up texts that nobody has looked at."""
    found = await tried(request)
    return found is not None and any(
        question.key not in values for question in found[1].questions
    )
