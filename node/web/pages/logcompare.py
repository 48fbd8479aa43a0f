"""S11 Gegenüberstellung and Stichprobe: both logs compared, and a sample drawn.

Enters: a peer; a seed and a number. Leaves: how many transfers agree, and each difference
in a sentence with both sides' places; transfers of a sample. Must never happen here: a name
of a person; a comparison that leaves no look. Implements tasks 4 and 5 of EL-18, SC-58.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web
from yarl import URL

from node.casework.comparing import Comparison, compare, memory_of, sample
from node.casework.looking import note_look
from node.crypto.checkpoint import Checkpoint
from node.errors import InputError, NodeError, NotFoundError
from node.exchangelog.reconcile import Class, Difference, Named, worst
from node.exchangelog.sample import Drawn
from node.ids import MemberId
from node.report.logaudit import PeerList
from node.web.classwords import class_look, class_word
from node.web.forms import Form
from node.web.frame import Route, page, parts_of, path_id, words_of
from node.web.language import Words, msgid
from node.web.logframe import (
    READERS,
    actor,
    csv_file,
    office_name,
    other_offices,
    sub_pages,
)
from node.web.logwords import grouped, verdict_words

_HEAD: Final = ("transfer", "class", "since", "sender", "recipient")
_SAMPLE_HEAD: Final = ("transfer", "number", "first_entry")
_SAMPLED: Final = ("count", "seed", "size")
_MOST_SHOWN: Final = 200


def routes() -> list[Route]:
    """The addresses of both pages."""
    one = "/exchangelog/reconcile/{peer}"
    return [
        Route("GET", "/exchangelog/reconcile", _choose, roles=READERS),
        Route("GET", one, _show, roles=READERS),
        Route("POST", one + "/ask", _ask, roles=READERS),
        Route("GET", one + "/list.csv", _csv, roles=READERS),
        Route("GET", "/exchangelog/sample", _sample, roles=READERS),
        Route("GET", "/exchangelog/sample.csv", _sample_csv, roles=READERS),
    ]


# ---- Comparison ------------------------------------------------------------------------


async def _choose(request: web.Request) -> web.Response:
    return await page(
        request,
        "log_compare.html",
        pages=sub_pages(request),
        offices=other_offices(request),
        found=None,
    )


async def _show(request: web.Request) -> web.Response:
    return await _compared(request, await _compare(request, None))


async def _ask(request: web.Request) -> web.Response:
    """Ask the other side for its own list; away is a sentence, not a failure."""
    parts = parts_of(request)
    peer = _peer(request)
    try:
        memory = await parts.run.read(memory_of, parts.office, peer)
        told = await parts.ask_peer(peer, memory)
    except NodeError:
        found = await _compare(request, None)
        return await _compared(request, found, is_away=True)
    return await _compared(request, await _compare(request, told))


async def _csv(request: web.Request) -> web.Response:
    found = await _compare(request, None)
    rows = (
        (d.transfer, d.found, d.since, _places(d.sender), _places(d.recipient))
        for d in found.differences
    )
    return csv_file("abgleich", _HEAD, rows)


async def _compare(request: web.Request, told: PeerList | None) -> Comparison:
    parts, by = parts_of(request), actor(request)
    found: Comparison = await parts.run.read(
        compare, parts.office, _peer(request), told, by=by
    )
    await parts.run.write(note_look, parts.office, "reconcile", by=by, is_whole=True)
    return found


async def _compared(
    request: web.Request, found: Comparison, *, is_away: bool = False
) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    counts = Counter(each.found for each in found.differences)
    odd = [d for d in found.differences if d.found is not Class.MATCHED]
    return await page(
        request,
        "log_compare.html",
        pages=sub_pages(request),
        offices=other_offices(request),
        found=found,
        is_away=is_away,
        office=office_name(parts, found.peer),
        address=f"/exchangelog/reconcile/{found.peer}",
        verdict=verdict_words(worst(found.differences), words),
        counts=[
            (class_word(kind, words), class_look(kind), counts[kind])
            for kind in Class
            if counts[kind]
        ],
        rows=[_row(each, words) for each in odd[:_MOST_SHOWN]],
        more=max(0, len(odd) - _MOST_SHOWN),
    )


def _row(each: Difference, words: Words) -> Mapping[str, object]:
    return {
        "transfer": each.transfer,
        "number": each.transfer.short,
        "word": class_word(each.found, words),
        "look": class_look(each.found),
        "since": each.since,
        "sender": _places(each.sender),
        "recipient": _places(each.recipient),
        "sums": [
            (named.log, named.index, grouped(named.c))
            for named in (*each.sender, *each.recipient)
        ],
    }


def _places(side: tuple[Named, ...]) -> str:
    return ", ".join("-" if n.index is None else str(n.index) for n in side)


def _peer(request: web.Request) -> MemberId:
    """The office in the address.

    Raises:
        NotFoundError: No other member of the directory.
    """
    peer = path_id(request, "peer", MemberId)
    if peer not in {member for member, _ in other_offices(request)}:
        raise NotFoundError("peer")
    return peer


# ---- Sample ----------------------------------------------------------------------------


async def _sample(request: web.Request) -> web.Response:
    """Draw, if somebody asked; the form keeps what was typed."""
    words = words_of(request)
    form = Form({n: (request.query[n],) for n in _SAMPLED if n in request.query})
    head: Checkpoint | None = None
    drawn: Sequence[Drawn] = ()
    if form.values:
        try:
            head, drawn = await _draw(request, form)
        except InputError as error:
            text = msgid("Please give a number from 1 to 1,000.")
            if error.field == "seed":
                text = msgid("Please choose a word or a number as the start.")
            form = form.with_errors({error.field: words.gettext(text)})
        except NotFoundError:
            text = words.gettext("No other office has cosigned this state.")
            form = form.with_errors({"size": text})
    else:
        form = form.starting({"count": "10"})
    query = {} if head is None else {**_query(form), "size": str(head.size)}
    return await page(
        request,
        "log_sample.html",
        status=422 if form.errors else 200,
        pages=sub_pages(request),
        form=form,
        head=head,
        drawn=drawn,
        again=str(URL("/exchangelog/sample").with_query(query)),
        csv=str(URL("/exchangelog/sample.csv").with_query(query)),
    )


async def _sample_csv(request: web.Request) -> web.Response:
    form = Form({n: (request.query.get(n, ""),) for n in _SAMPLED})
    try:
        _, drawn = await _draw(request, form)
    except InputError:
        raise NotFoundError("sample") from None
    rows = ((d.transfer, d.transfer.short, d.index) for d in drawn)
    return csv_file("stichprobe", _SAMPLE_HEAD, rows)


async def _draw(request: web.Request, form: Form) -> tuple[Checkpoint, Sequence[Drawn]]:
    parts, by = parts_of(request), actor(request)
    count, size = _number(form.text("count")), _number(form.text("size"))
    found: tuple[Checkpoint, Sequence[Drawn]] = await parts.run.read(
        sample, parts.office, count or 0, form.text("seed").strip(), size, by=by
    )
    await parts.run.write(note_look, parts.office, "sample", by=by, is_whole=True)
    return found


def _query(form: Form) -> dict[str, str]:
    return {name: form.text(name) for name in _SAMPLED if form.text(name)}


def _number(text: str) -> int | None:
    bare = text.strip().replace(".", "")
    is_number = bare.isascii() and bare.isdecimal() and len(bare) < 16
    return int(bare) if is_number else None
