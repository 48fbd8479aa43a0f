"""Flow F, the decision: differing fields side by side, check, merge, undo, edits since.

Enters: two cases that may be one person's, a choice per field. Leaves: one case, or both as
before. Must never happen: a field decided beforehand; a merge without its check page; an
undo that does not say what was edited since. Implements S10 (match), SC-54.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from aiohttp import web

from node.accounts.policy import Actor
from node.cases.differences import Choice, Difference
from node.cases.matchports import UNDO_DAYS, Merge
from node.casework import merging, unmerging
from node.casework.merging import Sight
from node.casework.unmerging import UndoSight
from node.errors import InputError, NotFoundError, TransitionError
from node.ids import CaseId, RecordId
from node.report.readings import PersonRow, ReadingUnit
from node.web.casework import actor, today
from node.web.forms import Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    path_id,
    see_other,
    words_of,
)
from node.web.language import msgid
from node.web.matchwords import (
    change_word,
    edit_words,
    field_label,
    field_value,
    result_words,
    united_words,
)
from node.web.pages.matching import DECIDERS, note_looks


def routes() -> list[Route]:
    """The addresses of merges."""
    pair = "/cases/{case}/match/{other}"
    return [
        Route("GET", pair, _ask, roles=DECIDERS),
        Route("POST", pair, _check, roles=DECIDERS),
        Route("POST", pair + "/merge", _unite, roles=DECIDERS),
        Route("GET", "/cases/{case}/unmerge/{merge}", _ask_undo, roles=DECIDERS),
        Route("POST", "/cases/{case}/unmerge/{merge}", _undo, roles=DECIDERS),
        Route("GET", "/cases/{case}/edits/{merge}", _edits, roles=DECIDERS),
        Route("POST", "/cases/{case}/edits/{merge}", _assign, roles=DECIDERS),
    ]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    field: str
    label: str
    here: str
    there: str
    word: str
    choices: tuple[tuple[str, str], ...]


async def _sight(request: web.Request) -> Sight:
    """Both cases; the one that came by a transfer stands on the right."""
    case, other = (path_id(request, n, CaseId) for n in ("case", "other"))
    sight: Sight = await parts_of(request).run.read(
        _look, case, other, by=actor(request), on=today(request)
    )
    await note_looks(request, [case, other])
    return sight


def _look(
    uow: ReadingUnit, case: CaseId, other: CaseId, *, by: Actor, on: date
) -> Sight:
    sight = merging.look(uow, case, other, by=by, on=on)
    if sight.here.file.came_from and not sight.there.file.came_from:
        return merging.look(uow, other, case, by=by, on=on)
    return sight


async def _ask(request: web.Request) -> web.Response:
    return await _table(request, await _sight(request), Form())


async def _table(
    request: web.Request,
    sight: Sight,
    form: Form,
    *,
    status: int = 200,
    problem: str = "",
) -> web.Response:
    words = words_of(request)
    sides = sight.here.person, sight.there.person
    return await page(
        request,
        "merge.html",
        status=status,
        form=form,
        problem=problem,
        address=request.path.removesuffix("/merge"),
        sight=sight,
        names=await _names(request, sight),
        is_own=_is_own(request, sight),
        there_word=_there_word(request, sight),
        lines=[
            Line(
                one.field,
                field_label(one.field, words),
                field_value(one.field, one.here, sides[0], words, sight.fellows),
                field_value(one.field, one.there, sides[1], words, sight.fellows),
                change_word(one.change, words),
                tuple((c, _choice_word(request, c, sight)) for c in one.choices),
            )
            for one in sight.comparison.differing
        ],
        same=[
            (field_label(name, words), field_value(name, value, sides[0], words))
            for name, value in sight.comparison.same
        ],
        united=united_words(sight.comparison.united, sight.consents, words),
    )


def _there_word(request: web.Request, sight: Sight) -> str:
    words = words_of(request)
    came = sight.there.file.came_from is not None
    return words.gettext("Taken over") if came else words.gettext("Other case")


def _choice_word(request: web.Request, choice: Choice, sight: Sight) -> str:
    words = words_of(request)
    came = sight.there.file.came_from is not None
    said = {
        Choice.HERE: msgid("here"),
        Choice.THERE: msgid("taken over") if came else msgid("other case"),
        Choice.BOTH: msgid("both"),
    }
    return words.gettext(said[choice])


async def _names(request: web.Request, sight: Sight) -> Mapping[CaseId, PersonRow]:
    cases = [sight.here.file.id, sight.there.file.id]
    return await _people(request, cases)


async def _people(request: web.Request, cases: list[CaseId]) -> dict[CaseId, PersonRow]:
    rows = await parts_of(request).run.read(lambda uow: uow.readings.people(cases))
    return {row.case: row for row in rows}


def _is_own(request: web.Request, sight: Sight) -> bool:
    me = account_of(request).actor
    return any(me.owns(c.file.caseworker) for c in (sight.here, sight.there))


def _chosen(sight: Sight, form: Form) -> dict[str, Choice]:
    """What was chosen, where it is one of the choices."""
    return {
        one.field: Choice(form.text(one.field))
        for one in sight.comparison.differing
        if form.text(one.field) in one.choices
    }


async def _check(request: web.Request) -> web.Response:
    form, words = form_of(request), words_of(request)
    sight = await _sight(request)
    chosen = _chosen(sight, form)
    missing = [d for d in sight.comparison.differing if d.field not in chosen]
    if missing:
        return await _incomplete(request, sight, form, missing)
    sides = sight.here.person, sight.there.person
    return await page(
        request,
        "merge_check.html",
        address=request.path,
        sight=sight,
        names=await _names(request, sight),
        is_own=_is_own(request, sight),
        kept={name: str(choice) for name, choice in chosen.items()},
        results=[
            (
                field_label(one.field, words),
                result_words(one, chosen[one.field], sides, words, sight.fellows),
                _choice_word(request, chosen[one.field], sight),
            )
            for one in sight.comparison.differing
        ],
        united=united_words(sight.comparison.united, sight.consents, words),
        until=today(request) + UNDO_DAYS,
    )


async def _incomplete(
    request: web.Request, sight: Sight, form: Form, missing: list[Difference]
) -> web.Response:
    words = words_of(request)
    wrong = {
        one.field: words.gettext("Please choose: %(field)s")
        % {"field": field_label(one.field, words)}
        for one in missing
    }
    return await _table(request, sight, form.with_errors(wrong), status=422)


async def _unite(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    sight = await _sight(request)
    here, there = sight.here.file.id, sight.there.file.id
    by, on = actor(request), today(request)
    staged = await parts.run.read(merging.stage_papers, here, there, by=by, on=on)
    try:
        merge: Merge = await parts.run.write(
            merging.unite,
            parts.office,
            (here, there),
            _chosen(sight, form),
            staged,
            by=by,
        )
    except (InputError, TransitionError) as error:
        await parts.run.read(merging.drop_papers, staged)
        sight = await _sight(request)
        chosen = _chosen(sight, form)
        missing = [d for d in sight.comparison.differing if d.field not in chosen]
        if isinstance(error, InputError) and missing:
            return await _incomplete(request, sight, form, missing)
        problem = words.gettext(
            "Nothing was merged: one of the cases changed meanwhile, or a handover of it"
            " is under way. Please look again."
        )
        return await _table(request, sight, form, status=409, problem=problem)
    saved = words.gettext("Merged. It can be undone until %(day)s.") % {
        "day": words.day(merge.undo_until)
    }
    return await see_other(request, f"/cases/{merge.survivor}/match", saved=saved)


# -- Undo --------------------------------------------------------------------------------


async def _undo_sight(request: web.Request) -> UndoSight:
    sight: UndoSight = await parts_of(request).run.read(
        unmerging.look_undo,
        path_id(request, "merge", RecordId),
        by=actor(request),
        on=today(request),
    )
    cases = [sight.merge.survivor, sight.merge.absorbed]
    if path_id(request, "case", CaseId) not in cases:
        raise NotFoundError("merge")
    await note_looks(request, cases)
    return sight


async def _ask_undo(request: web.Request) -> web.Response:
    sight, words = await _undo_sight(request), words_of(request)
    return await page(
        request,
        "unmerge.html",
        address=request.path,
        merge=sight.merge,
        edits=[edit_words(edit, words) for edit in sight.edits],
        names=await _people(request, [sight.merge.survivor, sight.merge.absorbed]),
    )


async def _undo(request: web.Request) -> web.Response:
    words, parts = words_of(request), parts_of(request)
    sight = await _undo_sight(request)
    try:
        merge: Merge = await parts.run.write(
            unmerging.take_apart, parts.office, sight.merge.id, by=actor(request)
        )
    except TransitionError:
        raise NotFoundError("merge") from None
    saved = words.gettext("Both cases are as they were before.")
    onward = f"edits/{merge.id}" if sight.edits else "match"
    return await see_other(request, f"/cases/{merge.survivor}/{onward}", saved=saved)


async def _edits(request: web.Request) -> web.Response:
    return await _edits_page(request, Form())


async def _edits_page(
    request: web.Request, form: Form, *, status: int = 200
) -> web.Response:
    words = words_of(request)
    merge, edits = await _parked(request)
    people = await _people(request, [merge.survivor, merge.absorbed])
    choices = [
        (case, _called(people, case, words))
        for case in (merge.survivor, merge.absorbed)
    ]
    return await page(
        request,
        "edits.html",
        status=status,
        form=form,
        address=request.path,
        merge=merge,
        edits=[
            (
                f"to_{edit.record.id}",
                edit_words(edit, words),
                [c for c in choices if edit.only in {None, c[0]}],
            )
            for edit in edits
        ],
    )


def _called(people: Mapping[CaseId, PersonRow], case: CaseId, words: Any) -> str:
    person = people.get(case)
    if person is None:
        return ""
    born = words.gettext("born %(year)s") % {"year": person.birth_year}
    return f"{person.name}, {born}" if person.birth_year else person.name


async def _parked(request: web.Request) -> tuple[Merge, tuple[Any, ...]]:
    case = path_id(request, "case", CaseId)
    found = await parts_of(request).run.read(
        unmerging.parked, case, by=actor(request), on=today(request)
    )
    wanted = path_id(request, "merge", RecordId)
    for merge, edits in found:
        if merge.id == wanted:
            await note_looks(request, [merge.survivor, merge.absorbed])
            return merge, edits
    raise NotFoundError("merge")


async def _assign(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    merge, edits = await _parked(request)
    homes = {merge.survivor, merge.absorbed}
    choices = {
        edit.record.id: CaseId(chosen)
        for edit in edits
        if (chosen := form.text(f"to_{edit.record.id}")) in homes
        and edit.only in {None, chosen}
    }
    if not choices:
        wrong = {
            f"to_{edits[0].record.id}": words.gettext(
                "Please choose a case for one entry at least."
            )
        }
        return await _edits_page(request, form.with_errors(wrong), status=422)
    over = [record for record, case in choices.items() if case == merge.absorbed]
    staged = await parts.run.read(unmerging.stage_edits, merge.id, over)
    left = await parts.run.write(
        unmerging.assign_edits,
        parts.office,
        merge.id,
        choices,
        staged,
        by=actor(request),
    )
    saved = words.ngettext(
        "%(num)s entry was assigned.", "%(num)s entries were assigned.", len(choices)
    ) % {"num": len(choices)}
    case = path_id(request, "case", CaseId)
    onward = request.path if left else f"/cases/{case}/match"
    return await see_other(request, onward, saved=saved)
