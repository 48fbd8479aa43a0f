"""Documents, tasks, flags and helpers in the files of the demo.

Enters: residents and the clerk. Leaves: records, and the bytes of documents: short texts
that say they are invented. Must never happen: a document that could be taken for a real
one; a name of a helper that is not of the vocabulary. Implements the field document, 3.2
(protection, third persons) and 3.4 (follow-ups, documents).
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from node.cases.model import Record
from node.demo.records import Clerk
from node.demo.residents import STORIES, Resident
from node.demo.words import document_titles, phrases

MEDIA_TYPE: Final = "text/plain"
_FLAGS: Final = ("address_blocked", "no_announcement")
_FICTION: Final = "+493023125"
_HELPERS: Final = 8


@dataclass(frozen=True, slots=True)
class Paper:
    """A document: its record, without the digest of a sealed file, and its content."""

    record: Record
    content: bytes


def documents(residents: Sequence[Resident], clerk: Clerk) -> Iterator[Paper]:
    """Two for each adult of the stories, one for every third other adult in care."""
    chance = clerk.chance.of("documents")
    kinds = [kind for kind in document_titles() if kind != "health"]
    for resident in residents:
        if not resident.is_adult or resident.care not in "c-":
            continue
        if resident.tree in STORIES:
            for kind in ("language_certificate", "letter"):
                yield _paper(resident, kind, clerk)
        elif resident.is_present and chance.one_in(3):
            yield _paper(resident, chance.pick(kinds), clerk)
            if chance.one_in(6):
                yield _paper(resident, "health", clerk)


def _paper(resident: Resident, kind: str, clerk: Clerk) -> Paper:
    title = document_titles()[kind]
    content = (
        "DEMO - erfundenes Dokument\n\n"
        f"{title}\nfür {resident.name.latin} {resident.family_name}\n\n"
        f"Ausgestellt von einer Stelle, die es nicht gibt. {clerk.new_id()}\n"
    ).encode()
    day = min(resident.start + timedelta(days=20), resident.last_day)
    is_restricted = kind == "health"
    values = {
        "doc_kind": "restricted" if is_restricted else kind,
        "restricted_kind": kind if is_restricted else None,
        "issued_on": day.isoformat(),
        "media_type": MEDIA_TYPE,
        "bytes": len(content),
        "concerns": [str(resident.case)],
        "title": title,
        "file_name": f"{kind}.txt",
        "issuer": "Demo-Amt",
        "sha256": hashlib.sha256(content).hexdigest(),
        "original_seen": True,
        "transfer_default": "ask",
    }
    return Paper(clerk.write(resident, "document", day, values), content)


def follow_ups(residents: Sequence[Resident], clerk: Clerk) -> Iterator[Record]:
    """Open and done tasks; those of the stories are marked to be handed over."""
    chance = clerk.chance.of("follow-ups")
    for resident in residents:
        if not resident.is_adult or resident.care not in "c-":
            continue
        is_story = resident.tree in STORIES
        if not is_story and (not resident.is_present or chance.one_in(2)):
            continue
        is_done = not is_story and chance.one_in(4)
        due = resident.last_day + timedelta(days=chance.between(-10, 60))
        written = max(resident.start, due - timedelta(days=30))
        yield clerk.write(
            resident,
            "follow_up",
            min(written, resident.last_day),
            {
                "due": due.isoformat(),
                "priority": chance.pick(("normal", "normal", "high")),
                "source": "own",
                "done_on": resident.last_day.isoformat() if is_done else None,
                "hand_over": is_story,
                "text": chance.pick(phrases("follow_up"))[0],
                "assignee": str(resident.caseworker),
            },
        )


def flags_and_helpers(residents: Sequence[Resident], clerk: Clerk) -> Iterator[Record]:
    """A protection flag for two who live alone, a volunteer for some others."""
    chance = clerk.chance.of("flags and helpers")
    in_care = [
        r
        for r in residents
        if r.is_present and r.care == "c" and r.is_adult and r.tree not in STORIES
    ]
    alone = [r for r in in_care if r.role == "head"]
    for code, resident in zip(_FLAGS, chance.shuffled(alone), strict=False):
        day = resident.start + timedelta(days=30)
        yield clerk.write(
            resident,
            "protection",
            day,
            {
                "protection": code,
                "valid_from": day.isoformat(),
                "reason": "Auf Wunsch der Person.",
            },
        )
    for number, resident in enumerate(chance.shuffled(in_care)[:_HELPERS]):
        yield clerk.write(
            resident,
            "third_person",
            resident.start + timedelta(days=60),
            {
                "name": f"Demo {chance.pick(phrases('staff'))[0]}",
                "function": "Ehrenamt",
                "organisation": "Demo-Verein",
                "phone": f"{_FICTION}{900 + number}",
            },
        )
