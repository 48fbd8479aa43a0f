"""The papers inside a sealed export: the letter with the case, and the receipt.

Enters: who writes to whom, the permitted extracts. Leaves: a sheet for the press, the same
as one page of German HTML without a script and anything from elsewhere, and a text. Must
never happen: text of a case that becomes markup; a value that the extract does not hold.
Implements chapter 13 (``brief.pdf``, ``quittung.txt``), FR-26.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final

from node.cases.codes import label
from node.cases.extract import Extract
from node.errors import UsageError
from node.report.fieldwords import FIELDS, KINDS, day, place, texts
from node.report.sheet import (
    Address,
    Block,
    Facts,
    Heading,
    Lines,
    NewPage,
    Sheet,
    Text,
)
from node.strictjson import JsonObject


@dataclass(frozen=True, slots=True)
class Letter:
    """Who writes to whom about what."""

    sender: str
    body: str
    lines: tuple[str, ...]
    number: str
    on: date
    move_on: date


_STYLE: Final = (
    "@page{margin:20mm}body{font:11pt/1.45 'Fira Sans',sans-serif;max-width:46rem;"
    "margin:2rem auto;padding:0 1rem;color:#171a2b}address{font-style:normal;margin:2rem 0}"
    "h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid #bbb}"
    "h3{font-size:1rem;margin:1.2rem 0 .2rem}dl{display:grid;"
    "grid-template-columns:14rem 1fr;gap:.1rem 1rem;margin:0 0 .8rem}dt{color:#555}"
    "dd{margin:0}hr.page{break-before:page;border:0}"
)
_TASKS: Final = (
    (
        "Rufen Sie uns unter der Ihnen bekannten Nummer an und lesen Sie uns den Code"
        " aus quittung.txt vor. Erst dann sind Sie zuständig."
    ),
    (
        "Legen Sie die Akte bei sich ab und bestätigen Sie uns das schriftlich. Erst"
        " danach löschen wir unsere Kopie."
    ),
    "Löschen Sie die Datei, wenn Sie nicht zuständig sind, und sagen Sie uns Bescheid.",
)
_UNREADABLE: Final = frozenset(
    {"sha256", "digest", "bytes", "media_type", "plan", "plan_version", "household"}
    | {"member", "split_from", "document", "touched", "concerns", "counted", "isced"}
    | {"goal", "guardians"}
)
"""Numbers of the program; they stand in ``teile/`` for a program."""


def letter_sheet(
    letter: Letter, extracts: Iterable[Extract], files: Mapping[str, str]
) -> Sheet:
    """The letter, and behind it each case in words on a page of its own.

    Args:
        letter: Who writes to whom.
        extracts: What was permitted.
        files: Where the file of a document lies in the archive, by its record.
    """
    return Sheet(
        title="Übergabe einer Fallakte des Integrationsmanagements",
        number=letter.number[:8],
        blocks=(
            Address((letter.body, *letter.lines)),
            Text(f"{letter.sender}, {day(letter.on)} · Übergabe {letter.number[:8]}"),
            Text(
                f"Zum {day(letter.move_on)} ziehen die unten genannten Personen in Ihren"
                " Bereich. Sie haben eingewilligt, dass wir Ihnen die folgenden Angaben"
                " übergeben, oder es gibt dafür eine andere Grundlage; sie liegt in"
                " teile/ bei. Andere Angaben wurden nicht übermittelt."
            ),
            Heading("Bitte tun Sie jetzt dreierlei"),
            Lines(_TASKS, is_numbered=True),
            Text("Widerruft eine Person ihre Einwilligung, schreiben wir Ihnen."),
            *(block for extract in extracts for block in _case(extract, files)),
        ),
    )


def letter_page(sheet: Sheet) -> bytes:
    """The same as one page of HTML, where no paper can be made."""
    body = "".join(_markup(block) for block in sheet.blocks)
    return (
        '<!doctype html><html lang="de"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(sheet.title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(sheet.title)}</h1>{body}</body></html>\n"
    ).encode()


def receipt(letter: Letter, code: str) -> bytes:
    """The text with the receipt code, which only who opened the file can read."""
    return (
        "QUITTUNG\r\n\r\n"
        f"Übergabe {letter.number[:8]} von {letter.sender}\r\n\r\n"
        f"Code:  {code[:4]} {code[4:]}\r\n\r\n"
        "Bitte lesen Sie diesen Code am Telefon vor. Damit bestätigen Sie, dass Sie die\r\n"
        "Datei öffnen konnten. Ab dann ist Ihre Stelle zuständig.\r\n"
    ).encode()


def _case(extract: Extract, files: Mapping[str, str]) -> Iterator[Block]:
    yield NewPage()
    for category, records in sorted(extract.parts.items()):
        shown = [block for record in records for block in _record(record, files)]
        if shown:
            yield Heading(label("category", category))
            yield from shown


def _record(record: JsonObject, files: Mapping[str, str]) -> Iterator[Block]:
    kind, values = str(record["kind"]), record["values"]
    assert isinstance(values, dict)
    shown = sorted(values.keys() - _UNREADABLE, key=place)
    if kind == "contact":
        # Here ``persons`` are numbers of cases; of a flat they are how many live there.
        shown = [name for name in shown if name != "persons"]
    facts = [
        (FIELDS.get(name, name), ", ".join(texts(kind, name, values[name])))
        for name in shown
    ]
    facts = [(name, text) for name, text in facts if text]
    file = files.get(str(record.get("id", "")))
    if file:
        facts.append(("Datei", file))
    if facts:
        yield Heading(KINDS.get(kind, kind), 3)
        yield Facts(tuple(facts))


def _markup(block: Block) -> str:
    """A block of the letter as HTML; a text never becomes markup."""
    match block:
        case Heading():
            return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
        case Text():
            return f"<p>{escape(block.text)}</p>"
        case Address():
            return f"<address>{'<br>'.join(map(escape, block.lines))}</address>"
        case Lines():
            items = "".join(f"<li>{escape(line)}</li>" for line in block.lines)
            return f"<ol>{items}</ol>"
        case Facts():
            rows = "".join(
                f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>"
                for name, text in block.pairs
            )
            return f"<dl>{rows}</dl>"
        case NewPage():
            return '<hr class="page">'
        case _:
            raise UsageError("a letter has no such block")
