"""S15 Nachweisvorlage: the funding period, the funder's pattern, which number goes where.

Enters: days, a window, an XLSX file, a choice per number. Leaves: settings, a template with
its cells; a trial with invented numbers. Must never happen: a real number shown to somebody
who may see totals alone; a cell that holds a formula chosen; a file that is kept though it
cannot be filled. Implements screens S15, the field document, chapter 5 (state proof), DO-36.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import BodyPartReader, web

from node.accounts.model import Role
from node.cases.codes import code_list
from node.casework import reporting
from node.errors import ConflictError, InputError
from node.report.definition import LAND, definition
from node.report.snapshot import ReportSettings, Template
from node.report.workfigures import FIGURES
from node.web.casework import actor
from node.web.download import given
from node.web.failures import conflict
from node.web.filekinds import clean_name
from node.web.forms import Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    see_other,
    words_of,
)
from node.web.guard import FILE
from node.web.language import Words
from node.web.proofcells import NAME, PERIOD_FROM, PERIOD_TO, refusal_words
from node.web.prooffile import MOST_BYTES, Refusal, Shape, fill, shape_of
from node.web.sheettext import CELL, Value, column_letters, column_number
from node.web.spreadsheet_out import XLSX_TYPE
from node.web.typed import shown_day, typed_day

_ADMINISTRATORS: Final = frozenset({Role.ADMINISTRATOR})
_AT: Final = "/settings/proof"
_PORTION: Final = 64 * 1024
_MOST_ROWS: Final = 60
_MOST_COLUMNS: Final = 40
# Forms that are never a talk (FR-6).
_NO_TALK: Final = frozenset({"letter", "third_party", "no_show"})
_INVENTED: Final = 1234


def routes() -> list[Route]:
    """The addresses of the proof's settings."""
    return [
        Route("GET", _AT, _show, roles=_ADMINISTRATORS),
        Route("POST", _AT, _save, roles=_ADMINISTRATORS),
        Route("POST", _AT + "/template", _take, roles=_ADMINISTRATORS, takes_file=True),
        Route("GET", _AT + "/cells", _cells, roles=_ADMINISTRATORS),
        Route("POST", _AT + "/cells", _map, roles=_ADMINISTRATORS),
        Route("GET", _AT + "/trial", _trial, roles=_ADMINISTRATORS),
    ]


# -- The period, the window --------------------------------------------------------------


async def _show(request: web.Request) -> web.Response:
    parts = parts_of(request)
    now = await parts.run.read(reporting.settings_now, parts.clock.now())
    form = Form().starting(
        {
            "first": shown_day(now.first),
            "last": shown_day(now.last),
            "window": str(now.window_months),
        }
    )
    return await _page(request, form)


async def _page(request: web.Request, form: Form, *, status: int = 200) -> web.Response:
    template = await parts_of(request).run.read(_template)
    return await page(
        request, "settings_proof.html", status=status, form=form, pattern=template
    )


def _template(uow: reporting.ReportUnit) -> Template | None:
    return uow.reports.template()


async def _save(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    days = [typed_day(form.text(name)) for name in ("first", "last")]
    window = form.number("window")
    errors = {
        name: words.gettext("Please write the day like 03.12.2026.")
        for name, day in zip(("first", "last"), days, strict=True)
        if day is None
    }
    if not 1 <= window <= 60:
        errors["window"] = words.gettext("Please write a number from 1 to 60.")
    first, last = days
    if errors or first is None or last is None:
        return await _page(request, form.with_errors(errors), status=422)
    try:
        await parts.run.write(
            reporting.change_settings,
            parts.office,
            ReportSettings(first, last, window),
            by=actor(request),
        )
    except InputError:
        wrong = words.gettext("The last day lies before the first.")
        again = form.with_errors({"last": wrong})
        return await _page(request, again, status=422)
    saved = words.gettext("Saved. Reports begin with these days from now on.")
    return await see_other(request, _AT, saved=saved)


# -- The template ------------------------------------------------------------------------


async def _take(request: web.Request) -> web.Response:
    parts, words, part = parts_of(request), words_of(request), request[FILE]
    name, content = clean_name(part.filename or ""), await _read(part)
    wrong = ""
    if not name or content is None:
        wrong = words.gettext("Please choose a file of at most 5 megabytes.")
    elif isinstance(await parts.run.file(shape_of, content), Refusal):
        wrong = words.gettext(
            "This is no XLSX file that can be filled. Files with a password, and xls files,"
            " must be saved as XLSX first."
        )
    if wrong or content is None:
        now = await parts.run.read(reporting.settings_now, parts.clock.now())
        form = Form().starting(
            {
                "first": shown_day(now.first),
                "last": shown_day(now.last),
                "window": str(now.window_months),
            }
        )
        return await _page(request, form.with_errors({"file": wrong}), status=422)
    template = Template(
        digest=hashlib.sha256(content).digest(),
        name=name,
        content=content,
        cells={},
        uploaded_by=account_of(request).id,
        uploaded_at=parts.clock.now(),
    )
    try:
        await parts.run.write(
            reporting.put_template, parts.office, template, by=actor(request)
        )
    except ConflictError:
        # The same file again: its cells are known already.
        saved = words.gettext("This file is here already.")
        return await see_other(request, _AT, saved=saved)
    saved = words.gettext("The file is here. Please say where each number goes.")
    return await see_other(request, _AT + "/cells", saved=saved)


async def _read(part: BodyPartReader) -> bytes | None:
    content = bytearray()
    while portion := await part.read_chunk(_PORTION):
        content += portion
        if len(content) > MOST_BYTES:
            return None
    return bytes(content)


# -- Which number goes where -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Offer:
    """What can be chosen on one sheet from one row on."""

    sheet: str
    first_row: int
    sheets: Sequence[str]
    cells: Sequence[tuple[str, str]]
    columns: Sequence[tuple[str, str]]


def _offer(shape: Shape, sheet: str, first_row: int, words: Words) -> _Offer:
    """Cells that are free, each with the text beside or above it."""
    name = sheet if sheet in shape.sheets else next(iter(shape.sheets))
    texts, formulas = shape.sheets[name], shape.formulas[name]
    letters = column_letters(min(shape.columns[name] + 1, _MOST_COLUMNS))
    cells = []
    for number in range(1, _MOST_ROWS + 1):
        for place, letter in enumerate(letters):
            cell = f"{letter}{number}"
            left = texts.get(f"{letters[place - 1]}{number}", "") if place else ""
            above = texts.get(f"{letter}{number - 1}", "")
            if cell in formulas or not (left or above or cell in texts):
                continue
            cells.append((cell, _place(cell, left or above, words)))
    columns = [
        (letter, _place(letter, _heading(texts, letter, first_row), words))
        for letter in letters
        if f"{letter}{first_row}" not in formulas
    ]
    return _Offer(name, first_row, list(shape.sheets), cells, columns)


def _place(cell: str, text: str, words: Words) -> str:
    if not text:
        return cell
    return words.gettext("%(cell)s, at: %(text)s") % {"cell": cell, "text": text[:60]}


def _heading(texts: Mapping[str, str], letter: str, first_row: int) -> str:
    """The nearest text above a column's first number."""
    above = (
        texts.get(f"{letter}{number}", "") for number in range(first_row - 1, 0, -1)
    )
    return next((text for text in above if text), "")


def _numbers(words: Words) -> list[tuple[str, str]]:
    """Everything that can go into a cell of a row, by name and label."""
    found = [(NAME, words.gettext("Name of the caseworker"))]
    for rule in definition(LAND).columns:
        label = rule.label.of(words.language)
        found.append((rule.id, label))
        if rule.by == "form" and rule.indicator in FIGURES:
            found += [
                (f"{rule.id}.{code}", f"{label}: {words.code(code, 'contact_form')}")
                for code in code_list("contact_form").codes
                if code not in _NO_TALK
            ]
    return found


def _once(words: Words) -> list[tuple[str, str]]:
    return [
        (PERIOD_FROM, words.gettext("First day of the period")),
        (PERIOD_TO, words.gettext("Last day of the period")),
    ]


def _first_row(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) < 5
    return max(1, int(text)) if is_number else 0


async def _cells(request: web.Request) -> web.Response:
    template = await parts_of(request).run.read(_template)
    if template is None:
        return await see_other(request, _AT)
    known: Mapping[str, Any] = template.cells
    sheet = request.query.get("sheet") or known.get("sheet", "")
    row = _first_row(request.query.get("first_row", "")) or known.get("first_row", 2)
    chosen = {name: cell for cell, name in known.get("cells", {}).items()}
    chosen |= {name: column for column, name in known.get("row_cells", {}).items()}
    form = Form({name: (cell,) for name, cell in chosen.items()})
    return await _cells_page(request, template, form, sheet=sheet, first_row=row)


async def _cells_page(
    request: web.Request,
    template: Template,
    form: Form,
    *,
    sheet: str,
    first_row: int,
    status: int = 200,
) -> web.Response:
    words = words_of(request)
    shape = await parts_of(request).run.file(shape_of, template.content)
    if isinstance(shape, Refusal):
        return await see_other(request, _AT)
    offer = _offer(shape, sheet, first_row, words)
    return await page(
        request,
        "settings_proof_cells.html",
        status=status,
        form=form,
        where=Form().starting({"sheet": offer.sheet, "first_row": str(first_row)}),
        pattern=template,
        offer=offer,
        sheets=[(name, name) for name in offer.sheets],
        once=_once(words),
        numbers=_numbers(words),
    )


async def _map(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    template = await parts.run.read(_template)
    if template is None or form.text("_digest") != template.digest.hex():
        return conflict(request)
    sheet, row = form.text("sheet"), _first_row(form.text("first_row"))
    cells, row_cells, errors = _chosen(form, words)
    mapped = {
        "sheet": sheet,
        "first_row": row,
        "cells": cells,
        "row_cells": row_cells,
    }
    if not errors:
        made = await parts.run.file(
            fill, template.content, sheet, _invented(mapped, words)
        )
        if isinstance(made, Refusal):
            errors = {"caseworker.name": refusal_words(made, words)}
    if errors:
        again = form.with_errors(errors)
        return await _cells_page(
            request, template, again, sheet=sheet, first_row=row or 2, status=422
        )
    changed = replace(template, cells=mapped, version=template.version + 1)
    try:
        await parts.run.write(
            reporting.put_template, parts.office, changed, by=actor(request)
        )
    except ConflictError:
        return conflict(request)
    saved = words.gettext("Saved. The proof for the Land now fills this file.")
    return await see_other(request, _AT, saved=saved)


def _chosen(
    form: Form, words: Words
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Cells and columns as chosen, and what is wrong: one place for two numbers."""
    cells: dict[str, str] = {}
    columns: dict[str, str] = {}
    errors: dict[str, str] = {}
    twice = words.gettext("Two numbers cannot go into one place.")
    for name, _ in _once(words):
        cell = form.text(name)
        if cell and (cell in cells or not CELL.fullmatch(cell)):
            errors[name] = twice
        elif cell:
            cells[cell] = name
    for name, _ in _numbers(words):
        column = form.text(name)
        if column and (column in columns or not _is_column(column)):
            errors[name] = twice
        elif column:
            columns[column] = name
    if not columns and not errors:
        errors[NAME] = words.gettext("Please choose a place for at least one number.")
    return cells, columns, errors


def _is_column(text: str) -> bool:
    is_letters = text.isascii() and text.isalpha() and text.isupper()
    return is_letters and column_number(text) <= _MOST_COLUMNS


def _invented(mapped: Mapping[str, Any], words: Words) -> dict[str, Value]:
    """Values for a trial: numbers nobody counted."""
    values: dict[str, Value] = dict.fromkeys(mapped["cells"], "01.01.2000")
    for column, name in mapped["row_cells"].items():
        is_name = name == NAME
        example = words.gettext("Example")
        values[f"{column}{mapped['first_row']}"] = example if is_name else _INVENTED
    return values


async def _trial(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    template = await parts.run.read(_template)
    if template is None or not template.cells:
        return await see_other(request, _AT)
    made = await parts.run.file(
        fill,
        template.content,
        str(template.cells["sheet"]),
        _invented(template.cells, words),
    )
    if isinstance(made, Refusal):
        return await see_other(request, _AT)
    return given(made, XLSX_TYPE, "probe.xlsx")
