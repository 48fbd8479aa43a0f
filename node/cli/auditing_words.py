"""What the auditor's commands print: German sentences, JSON, rows for CSV.

Enters: lines, items, comparisons. Leaves: text. Must never happen here: a name of a person,
which no entry holds; another word than the pages use. Serves ``node.cli.auditing``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from node.casework.comparing import Comparison
from node.errors import UnknownNodeError
from node.exchangelog.consent import Standing
from node.exchangelog.entry import Entry
from node.exchangelog.reconcile import Class, Difference, Named, worst
from node.exchangelog.shared import Gone, Item, Shared, Side
from node.ids import MemberId, TransferId
from node.report.logview import LogLine
from node.strictjson import Json, JsonObject
from node.sync.office import Office
from node.web.classwords import class_word, fault_word, moment_word
from node.web.language import Language, Words
from node.web.logwords import role_word, sentence

_WORDS: Final = Words(Language.GERMAN)
_NONE: Final = "-"
CSV_HEAD: Final = ("transfer", "class", "since", "ours", "theirs")


# -- Lines -------------------------------------------------------------------------------


def line_json(line: LogLine) -> JsonObject:
    """One line as an object of clear codes."""
    return {
        "index": line.index,
        "at": line.at and line.at.isoformat(),
        "type": line.type and str(line.type),
        "role": line.role or None,
        "peer": line.peer and str(line.peer),
        "transfer": line.transfer and str(line.transfer),
        "outcome": line.outcome or None,
        "persons": line.persons,
    }


def line_sentence(line: LogLine, office: Office) -> str:
    """One line as the page tells it."""
    told = sentence(
        line.type,
        _WORDS,
        number=line.transfer.short if line.transfer else "",
        office=_name(office, line.peer) if line.peer else "",
        persons=line.persons,
    )
    when = _WORDS.moment(line.at) if line.at else _NONE
    who = role_word(line.role, _WORDS)
    return f"{line.index:6}  {when:18}  {told}{f' ({who})' if who else ''}"


# -- Entries -----------------------------------------------------------------------------


def item_json(item: Item) -> JsonObject:
    """One entry with its place; actors stay blinded."""
    entry = item.entry
    return {
        "index": item.index,
        "c": item.c.hex(),
        "proven_at": item.proven_at,
        "after": item.bracket.after and item.bracket.after.isoformat(),
        "before": item.bracket.before and item.bracket.before.isoformat(),
        "gone": item.gone and str(item.gone),
        "entry": None if entry is None else _entry_json(entry),
    }


def item_sentences(item: Item, office: Office) -> Iterator[str]:
    """One entry as the page tells it, then its technical part."""
    yield f"Eintrag {item.index}: {_told(item, office)}"
    yield _proof(item)
    if item.bracket.after is not None:
        yield f"Nach einer fremden Unterschrift vom {_WORDS.moment(item.bracket.after)}"
    if item.bracket.before is not None:
        yield f"Vor einer fremden Unterschrift vom {_WORDS.moment(item.bracket.before)}"
    yield f"Prüfsumme {item.c.hex()}"
    if item.entry is not None:
        for key, value in sorted(_entry_json(item.entry).items()):
            yield f"  {key}: {value}"


def trace_json(shared: Shared, found: Sequence[Difference]) -> JsonObject:
    """Both sides and the classes."""
    return {
        "transfer": str(shared.transfer),
        "verdict": str(worst(tuple(found))),
        "classes": [str(each.found) for each in found],
        "sender": _side_json(shared.sender),
        "recipient": _side_json(shared.recipient),
    }


def trace_sentences(
    shared: Shared, found: Sequence[Difference], office: Office
) -> Iterator[str]:
    """The result first, then both sides."""
    for each in found:
        yield class_word(each.found, _WORDS)
    for title, side in (
        ("Abgebende Stelle", shared.sender),
        ("Aufnehmende Stelle", shared.recipient),
    ):
        yield f"{title} ({side.log}):"
        for item in side.items:
            place = _NONE if item.index is None else str(item.index)
            yield f"  {place:>6}  {_told(item, office)} {_proof(item)}"
        if not side.items:
            yield "  noch nichts gezeigt"


# -- Comparisons -------------------------------------------------------------------------


def comparison_json(found: Comparison) -> JsonObject:
    """Every class but ``matched``, with both sides' proofs."""
    return {
        "peer": str(found.peer),
        "at": found.at.isoformat(),
        "asked": found.asked,
        "transfers": found.transfers,
        "verdict": str(worst(found.differences)),
        "counts": {str(kind): n for kind, n in sorted(_counts(found).items())},
        "findings": [
            {
                "transfer": str(each.transfer),
                "class": str(each.found),
                "since": each.since and each.since.isoformat(),
                "sender": [_named_json(n) for n in each.sender],
                "recipient": [_named_json(n) for n in each.recipient],
            }
            for each in found.differences
            if each.found is not Class.MATCHED
        ],
    }


def comparison_sentences(found: Comparison, office: Office) -> Iterator[str]:
    """The counts first, then what somebody must look at."""
    asked = "mit ihrer Liste" if found.asked else "mit dem, was sie gezeigt hat"
    name = _name(office, found.peer)
    yield f"{name}: {found.transfers} gemeinsame Übergaben, verglichen {asked}."
    for kind, count in sorted(_counts(found).items()):
        yield f"{count:6}  {class_word(kind, _WORDS)}"
    for each in found.differences:
        if each.found is not Class.MATCHED:
            yield f"{each.transfer.short}: {class_word(each.found, _WORDS)}"


def comparison_rows(found: Comparison) -> Iterable[Sequence[object]]:
    """A row per transfer and class, for CSV."""
    for each in found.differences:
        since = each.since.isoformat() if each.since else ""
        places = (
            " ".join(str(n.index) for n in side)
            for side in (each.sender, each.recipient)
        )
        yield each.transfer, each.found, since, *places


def standing_json(standing: Standing) -> JsonObject:
    """One moment."""
    return {
        "moment": str(standing.moment),
        "index": standing.item.index,
        "faults": [str(fault) for fault in standing.faults],
        "open": standing.open,
        "consents": standing.consents,
        "statutes": standing.statutes,
    }


def standing_sentences(standings: Sequence[Standing]) -> Iterator[str]:
    """Per moment, whether the consent stood."""
    if not standings:
        yield "Es wurde noch nichts gesendet, oder die Gegenseite hat es nicht gezeigt."
    for standing in standings:
        moment = moment_word(standing.moment, _WORDS)
        for fault in standing.faults:
            yield f"{moment}: {fault_word(fault, _WORDS)}"
        if not standing.faults:
            word = _("open") if standing.open else _("stood")
            yield f"{moment}: {word}"


def consent_status(standings: Sequence[Standing]) -> int:
    """0 it stood, 1 it did not, 2 not everything could be read."""
    if any(standing.faults for standing in standings):
        return 1
    return 2 if not standings or any(s.open for s in standings) else 0


def status_of(found: Iterable[Difference]) -> int:
    """The exit code of a comparison."""
    return worst(tuple(found)).exit_status


def _(word: str) -> str:
    return {
        "stood": "Die Einwilligung galt und deckte, was gesendet wurde.",
        "open": "Nur teilweise zu prüfen; den Rest hat die andere Seite.",
    }[word]


def _counts(found: Comparison) -> Counter[Class]:
    return Counter(each.found for each in found.differences)


def _named_json(named: Named) -> Json:
    return {
        "log": named.log,
        "c": named.c.hex(),
        "index": named.index,
        "head_size": named.head_size,
        "head_root": named.head_root and named.head_root.hex(),
    }


def _side_json(side: Side) -> Json:
    return {
        "log": side.log,
        "complete": side.is_complete,
        "items": [item_json(item) for item in side.items],
    }


def _entry_json(entry: Entry) -> JsonObject:
    return {
        **entry.more,
        "id": entry.id,
        "type": str(entry.type),
        "at": entry.at.isoformat(),
        "log": entry.log,
        "role": entry.role and str(entry.role),
        "actor": entry.actor,
        "second": entry.second,
        "prev": entry.prev,
    }


def _told(item: Item, office: Office) -> str:
    entry = item.entry
    if entry is None:
        return "nie gezeigt." if item.gone is Gone.UNSHOWN else sentence(None, _WORDS)
    more = entry.more
    transfer = more.get("transfer")
    told = sentence(
        entry.type,
        _WORDS,
        number=TransferId(transfer).short if transfer else "",
        office=_name(office, MemberId(more["peer"])) if more.get("peer") else "",
        persons=more.get("persons"),
    )
    return f"{_WORDS.moment(entry.at)}: {told}"


def _proof(item: Item) -> str:
    if item.proven_at is None:
        return "[kein Nachweis]"
    return f"[nachgewiesen unter Stand {item.proven_at}]"


def _name(office: Office, member: MemberId) -> str:
    try:
        return office.directory().member(member).name
    except UnknownNodeError:
        return member
