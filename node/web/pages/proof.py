"""S9 Nachweis als PDF: what happened with a handover, for the file and for third parties.

Enters: the number of a transfer. Leaves: a PDF of what the tracking page says, each line
resting on a fact. Must never happen: names of persons for somebody whose cases they are
not; a step without its fact (SC-42). Implements screens S9, SC-67.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.ids import TransferId
from node.report.readings import PersonRow, TransferRow
from node.report.sheet import Block, Facts, Heading, Kind, Lines, Sheet, Table, Text
from node.report.track import track_of
from node.sync.transfer import OutboundTransfer
from node.web.afterwords import Said, story_of
from node.web.casework import people_of, recipient_name
from node.web.frame import Route, parts_of, path_id
from node.web.language import Words
from node.web.pages.outbox import later_of, row_of, visible
from node.web.printing import german, printed
from node.web.trackwords import lead_of, steps_of

_READERS: Final = frozenset({Role.CASEWORKER, Role.APPROVER})
_GROUP: Final = 4


def routes() -> list[Route]:
    """The address of the proof."""
    return [Route("GET", "/outbox/{transfer}/proof.pdf", _proof, roles=_READERS)]


async def _proof(request: web.Request) -> web.Response:
    parts, words = parts_of(request), german(request)
    row = await parts.run.read(row_of, path_id(request, "transfer", TransferId))
    own = await visible(request, row, await people_of(request))
    transfer = row.transfer
    after, _ = await parts.run.read(later_of, transfer)
    body = recipient_name(parts, transfer)
    story = story_of(after, body, parts, words, is_ours=True)
    return await printed(
        request,
        Kind.PROOF,
        Sheet(
            title=words.gettext("Proof of handover %(number)s")
            % {"number": transfer.id.short},
            number=transfer.id.short,
            blocks=(
                *_what(row, own, body, parts.settings.body, words),
                *_way(row, body, words),
                *_later_words(story, words),
                *_technical(transfer, words),
            ),
        ),
        name=f"{transfer.id.short}.pdf",
        back=f"/outbox/{transfer.id}",
    )


def _what(
    row: TransferRow, own: Sequence[PersonRow], body: str, here: str, words: Words
) -> Iterator[Block]:
    transfer = row.transfer
    yield Text(" ".join(lead_of(row, body, words)))
    codes = sorted({code for m in transfer.members for code in m.categories})
    total = len(transfer.members)
    who = words.ngettext("%(num)s person", "%(num)s persons", total) % {"num": total}
    names = ", ".join(person.name for person in own)
    adults, minors = transfer.not_included
    documents = sum(len(member.documents) for member in transfer.members)
    yield Facts(
        (
            (words.gettext("From"), here),
            (words.gettext("To"), f"{body} ({transfer.body or transfer.ags})"),
            (words.gettext("Move on"), words.day(transfer.move_on)),
            (words.gettext("Who"), f"{who}: {names}" if names else who),
            (words.gettext("Not included"), _absent(adults, minors, words)),
            (
                words.gettext("Content"),
                ", ".join(words.code(code, "category") for code in codes),
            ),
            (
                words.gettext("Documents"),
                words.number(documents) if documents else "",
            ),
        )
    )


def _absent(adults: int, minors: int, words: Words) -> str:
    said = []
    if adults:
        said.append(words.ngettext("%(num)s adult", "%(num)s adults", adults))
    if minors:
        said.append(words.ngettext("%(num)s minor", "%(num)s minors", minors))
    counts = [count for count in (adults, minors) if count]
    return ", ".join(
        text % {"num": count} for text, count in zip(said, counts, strict=True)
    )


def _way(row: TransferRow, body: str, words: Words) -> Iterator[Block]:
    """The steps that happened; one that is waited for is no proof."""
    done = [
        (words.moment(at), str(step["label"]))
        for step in steps_of(track_of(row), row, body, words)
        if isinstance(at := step.get("at"), datetime)
    ]
    yield Heading(words.gettext("The way"))
    yield Table(
        words.gettext("What happened when"),
        (words.gettext("When"), words.gettext("What")),
        done,
    )


def _later_words(story: Sequence[Said], words: Words) -> Iterator[Block]:
    if story:
        yield Heading(words.gettext("What came later"))
        yield Lines([f"{words.day(said.at)}: {said.text}" for said in story])


def _technical(transfer: OutboundTransfer, words: Words) -> Iterator[Block]:
    yield Heading(words.gettext("Technical details"))
    yield Facts(
        (
            (words.gettext("Full number"), str(transfer.id)),
            (
                words.gettext("Checksum of what was sent"),
                _groups(transfer.packet_digest),
            ),
            (
                words.gettext("Checksum of the newest log entry"),
                _groups(transfer.last_entry),
            ),
        )
    )
    yield Text(
        words.gettext(
            "This paper says what is stored at the office that handed over. Whoever wants"
            " to check it without trusting that office asks for the evidence file of this"
            " number."
        ),
        is_small=True,
    )


def _groups(digest: bytes | None) -> str:
    """A checksum as people compare it: in groups of four."""
    text = digest.hex() if digest else ""
    return " ".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))
