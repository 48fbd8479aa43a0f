"""A stage that is built once and copied for each test: two towns, their staff, one case.

Founding and filling costs seconds, copying a folder does not. The case holds a text of its
own in each kind of place (name, goal, note, document); a test looks for them in files.
"""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from node.bootstrap import Node, build_node, own_hands
from node.cases.consent import GivenBy
from node.casework import cases, consents
from node.config import load_settings
from node.ids import CaseId, MemberId, RecordId
from tests.support.desk import CLERK, keep_document
from tests.support.pair import SAECKINGEN, USUAL, WEHR, add_staff, found_pair

NAME: Final = "Kanarienvogel-Ulme"
NOTE: Final = "Kanariennotiz vom Montag"
GOAL: Final = "Kanarienziel Berufsschule"
PAPER: Final = "Kanarienbescheid in einem Dokument"
CANARIES: Final = (NAME, NOTE, GOAL, PAPER)


@dataclass(frozen=True, slots=True)
class Stage:
    """Two data folders, and who lives in the first."""

    root: Path
    case: CaseId
    consent: str

    @property
    def folders(self) -> Mapping[MemberId, Path]:
        """The data folder of each town."""
        return {WEHR: self.root / "wehr", SAECKINGEN: self.root / _OTHER}

    @property
    def published(self) -> Path:
        """The directory that both read."""
        return self.root / "directory"

    @property
    def keys(self) -> Path:
        """The keys of the directory's roles."""
        return self.root / "directory-keys"

    def copy(self, root: Path) -> "Stage":
        """The same stage in another folder; its ports stay, so one at a time is up."""
        shutil.copytree(self.root, root)
        stage = replace(self, root=root)
        for folder in stage.folders.values():
            settings = folder / "node.toml"
            text = settings.read_text("utf-8")
            settings.write_text(text.replace(str(self.root), str(root)), "utf-8")
        return stage


_OTHER: Final = "bad-saeckingen"


def build_stage(root: Path) -> Stage:
    """Found both towns and open the case in Wehr; nobody has left yet."""
    return asyncio.run(_build(root))


async def _build(root: Path) -> Stage:
    hands = own_hands()
    folders = found_pair(root, hands)
    stage = None
    for member, folder in folders.items():
        async with build_node(load_settings(folder), hands) as node:
            add_staff(node)
            if member == WEHR:
                case = open_rich_case(node)
                stage = Stage(root, case, consent_to_all(node, case))
    assert stage is not None
    assert stage.folders == folders
    return stage


def open_rich_case(node: Node, name: str = NAME, **fields: str) -> CaseId:
    """A person with a talk and its note, a goal, a document."""
    person = {"family_name": name, "given_names": "Amina", "birth_date": "1990-05-04"}
    case = node.store.write_sync(
        cases.open_case, node.office, {**person, **fields}, by=CLERK
    )
    today = node.office.clock.now().date().isoformat()
    contact = cases.Contact(
        cases=(case,),
        epochs={case: 1},
        values={"date": today, "minutes": 30, "form": "office", "kind": "talk"},
        note=NOTE,
    )
    node.store.write_sync(cases.record_contact, node.office, contact, by=CLERK)
    goal = {"text": GOAL, "area": "04", "status": "open", "target_date": today}
    record = cases.new_record(node.office, case, "goal", goal, by=CLERK.account)
    node.store.write_sync(cases.save_record, node.office, record, epoch=1, by=CLERK)
    attach(node, case, PAPER.encode() * 40)
    return case


def attach(node: Node, case: CaseId, content: bytes, *, epoch: int = 1) -> RecordId:
    """A document of the case."""
    portions = [content[i : i + 65536] for i in range(0, len(content), 65536)]
    values = {"doc_kind": "letter", "title": PAPER, "media_type": "text/plain"}
    return keep_document(node, case, portions, values, epoch=epoch)


def consent_to_all(
    node: Node,
    case: CaseId,
    categories: frozenset[str] = USUAL | {"K13"},
    *,
    days: int = 364,
    recipients: tuple[str, ...] = ("class:responsible_at_new_place",),
    epoch: int = 1,
) -> str:
    """A consent to everything that is not sensitive, and to every document."""
    content = node.store.read_sync(lambda uow: uow.cases.content(case))
    given = consents.Answer(
        case=case,
        epoch=epoch,
        given_by=GivenBy.SELF,
        recipients=recipients,
        categories=categories,
        documents=frozenset(
            d.id for d in content.of("document") if "K13" in categories
        ),
        valid_until=node.office.clock.now().date() + timedelta(days=days),
        language="de",
        form="paper",
        text_version="1",
        evidence={"note": "Unterschrift liegt vor"},
    )
    made = node.store.write_sync(consents.record_consent, node.office, given, by=CLERK)
    return str(made.id)
