"""Two cases of one person in one office, with something of everything, and their merge."""

from collections.abc import Mapping
from typing import Any, Final

from node.accounts.policy import Actor
from node.bootstrap import Node
from node.cases.differences import Choice, compare
from node.cases.matchports import Merge
from node.cases.model import CaseContent, Record
from node.casework import cases, merging
from node.casework.unmerging import Matching
from node.ids import CaseId
from tests.support.desk import keep_document
from tests.support.pair import CLERK, give_consent, open_case

MOHAMMED: Final = {
    "given_names": "Mohammed",
    "birth_date": "1994-03-07",
    "phones": ["+49 170 5550111"],
    "birth_place": "Aleppo",
    "counselling_start": "2025-05-14",
}
MUHAMAD: Final = {
    "given_names": "Muhamad",
    "birth_date": "1994-07-03",
    "phones": ["+49 170 5550122"],
    "gender": "m",
    "counselling_start": "2026-01-10",
}


def content_of(node: Node, case: CaseId) -> CaseContent:
    """The case, opened."""
    return node.store.read_sync(lambda uow: uow.cases.content(case))


def add(node: Node, case: CaseId, kind: str, **values: Any) -> Record:
    """A record, saved as the caseworker."""
    made = cases.new_record(node.office, case, kind, values, by=CLERK.account)
    save(node, made)
    return made


def save(node: Node, record: Record) -> None:
    """A record, new or changed, saved as the caseworker."""
    epoch = content_of(node, record.case).file.epoch
    node.store.write_sync(cases.save_record, node.office, record, epoch=epoch, by=CLERK)


def open_twins(node: Node, name: str = "Demo-Ahorn") -> tuple[CaseId, CaseId]:
    """One person twice: each case has a talk, a plan, a document, a consent."""
    found = []
    for number, person in enumerate((MOHAMMED, MUHAMAD)):
        case = open_case(node, name, **person)
        add(node, case, "plan", status="in_force", start=f"2026-0{number + 2}-01")
        add(node, case, "language", language="ar", lang_kind="mother_tongue")
        keep_document(
            node,
            case,
            [b"paper %d" % number],
            {"title": f"Brief {number}", "doc_kind": "letter"},
        )
        give_consent(node, case)
        found.append(case)
    return found[0], found[1]


def compare_all(node: Node) -> None:
    """What the worker does after an import and once an hour."""
    Matching(node.store, node.office, node.identities)()


def choices_of(
    node: Node,
    here: CaseId,
    there: CaseId,
    default: Choice = Choice.HERE,
    **chosen: Choice,
) -> Mapping[str, Choice]:
    """A choice for every field that differs."""
    found = compare(content_of(node, here), content_of(node, there)).differing
    return {one.field: chosen.get(one.field, default) for one in found}


def unite(
    node: Node,
    here: CaseId,
    there: CaseId,
    choices: Mapping[str, Choice] | None = None,
    *,
    by: Actor = CLERK,
) -> Merge:
    """Unite two cases as the pages do."""
    on = node.office.clock.now().date()
    staged = node.store.read_sync(merging.stage_papers, here, there, by=by, on=on)
    return node.store.write_sync(
        merging.unite,
        node.office,
        (here, there),
        choices if choices is not None else choices_of(node, here, there),
        staged,
        by=by,
    )


def state_of(node: Node, case: CaseId) -> Any:
    """Everything a case says, without counters that only ever grow."""

    def read(uow: Any) -> Any:
        content = uow.cases.content(case)
        consents = uow.consents.of_case(case)
        papers = {
            r.id: b"".join(
                uow.cases.open_document(case, bytes.fromhex(r.text("digest")))
            )
            for r in content.of("document")
            if r.text("digest")
        }
        file = content.file
        return (
            {
                record.id: (
                    record.kind,
                    dict(record.values),
                    record.origin,
                    record.recorded_at,
                    record.recorded_by,
                )
                for record in content.records
            },
            (file.epoch, file.baton, file.household, file.caseworker, file.opened_on),
            (file.responsible_from, file.responsible_until, file.came_from),
            {consent.id: consent.evidence for consent in consents},
            papers,
        )

    return node.store.read_sync(read)
