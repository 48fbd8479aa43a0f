"""Households that a list shows by its layout: a head row, members without a surname below.

Enters: the rows of a list. Leaves: which rows follow which head; or the rows completed, if
a person agreed that this is what the layout means. Must never happen: a surname given to
somebody because of a layout that nobody confirmed. Implements chapter 7 of the field
document (Households).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from node.cases.townlist import ListRow, Skipped, TownList

# What is written once, beside the head of a household, holds for all of it.
_SHARED: Final = ("street", "number", "postcode", "town", "ags", "housing", "move_in")
_CAPTION: Final = re.compile(r"(?:familie|fam\.|haushalt) (.+)", re.IGNORECASE)


def heads_of(listed: TownList) -> Mapping[int, ListRow]:
    """Line of a member -> the row of its head; empty if the list has no such layout."""
    fields = listed.fields.values()
    if "household" in fields or not {"family_name", "given_names"} <= {*fields}:
        return {}
    breaks = {skipped.line for skipped in listed.skipped}
    found: dict[int, ListRow] = {}
    head: ListRow | None = None
    before = 0
    for row in listed.rows:
        if any(before < line < row.line for line in breaks):
            head = None
        before = row.line
        if row.text("family_name"):
            head = row
        elif head is not None and row.text("given_names"):
            found[row.line] = head
    return found


def in_households(listed: TownList) -> TownList:
    """The list with every member under the surname, household and address of its head."""
    heads = heads_of(listed)
    leading = {head.line for head in heads.values()}
    rows: list[ListRow] = []
    captions: list[Skipped] = []
    for row in listed.rows:
        head = heads.get(row.line, row)
        if row.line in leading and is_caption(row):
            captions.append(Skipped(row.line, "caption"))
        elif row.line in heads or row.line in leading:
            rows.append(_member(row, head))
        else:
            rows.append(row)
    skipped = sorted((*listed.skipped, *captions), key=lambda s: s.line)
    return replace(listed, rows=tuple(rows), skipped=tuple(skipped))


def is_caption(row: ListRow) -> bool:
    """Whether a row names a family and nobody of it."""
    named = _CAPTION.fullmatch(row.text("family_name")) is not None
    return named and not row.text("given_names")


def _member(row: ListRow, head: ListRow) -> ListRow:
    family = head.text("family_name")
    caption = _CAPTION.fullmatch(family)
    shared: Sequence[str] = [f for f in _SHARED if f in head.cells]
    cells = {
        **{field: head.cells[field] for field in shared},
        "family_name": (caption[1] if caption and is_caption(head) else family,),
        **row.cells,
        "household": (f"line {head.line}",),
    }
    return replace(row, cells=cells)
