"""Which number goes into which cell of the funder's template.

Enters: what an administrator chose, the view of the proof. Leaves: values by cell. Must
never happen: a number that the Land must not see; a cell twice. Implements the field
document, chapter 5 (proof): ``sheet``, ``first_row``, ``cells``, ``row_cells``.
"""

from collections.abc import Mapping
from typing import Any, Final

from node.report.tables import TOTAL
from node.web.language import Words
from node.web.prooffile import Refusal
from node.web.reportview import Shown
from node.web.sheettext import Value

PERIOD_FROM: Final = "period.from"
PERIOD_TO: Final = "period.to"
NAME: Final = "caseworker.name"


def proof_values(
    cells: Mapping[str, Any], seen: Shown, words: Words
) -> tuple[str, dict[str, Value]]:
    """The sheet, and its values by cell: one row per caseworker from the first row on."""
    days = seen.table.frame
    once: dict[str, Value] = {
        PERIOD_FROM: words.day(days.first),
        PERIOD_TO: words.day(days.last),
    }
    values: dict[str, Value] = {}
    for cell, name in cells["cells"].items():
        values[cell] = once[name] if name in once else _value(seen, TOTAL, name)
    rows = [row for row in seen.table.rows if row != TOTAL] or [TOTAL]
    for number, row in enumerate(rows, cells["first_row"]):
        for column, name in cells["row_cells"].items():
            is_name = name == NAME
            values[f"{column}{number}"] = (
                seen.row_name(row) if is_name else _value(seen, row, name)
            )
    return cells["sheet"], values


def _value(seen: Shown, row: str, name: str) -> Value:
    """A whole number as one, everything else as a text; what nobody counted is 0."""
    column = next((c for c in seen.table.columns if c.id == name), None)
    if column is None:
        return 0
    value = seen.value(row, column)
    if value is None:
        return ""
    return value if isinstance(value, int) else seen.text(row, column)


def refusal_words(refusal: Refusal, words: Words) -> str:
    """Why a template cannot be filled, by sheet and cell."""
    sentence = {
        "sheet": words.gettext('The sheet "%(sheet)s" is missing in the file.'),
        "formula": words.gettext(
            'Cell %(cell)s on the sheet "%(sheet)s" holds a formula. It is not overwritten.'
        ),
        "cell": words.gettext(
            'Cell %(cell)s on the sheet "%(sheet)s" cannot be filled.'
        ),
        "text": words.gettext(
            'Cell %(cell)s on the sheet "%(sheet)s" holds a text already.'
        ),
    }.get(refusal.why, words.gettext("The file cannot be filled."))
    return sentence % {"sheet": refusal.sheet, "cell": refusal.cell}
