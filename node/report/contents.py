"""How much a case holds in each category, before anybody decides what travels.

Enters: a case opened in memory. Leaves: counts by category, documents one by one. Must
never happen: a count taken for a permission; only the gate permits. Implements flow B,
step "Was".
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from node.cases.dictionary import health_records, needed_for_document, partition
from node.cases.model import CaseContent
from node.ids import RecordId
from node.report.casepage import standing


@dataclass(frozen=True, slots=True)
class Paper:
    """A document as it can be ticked; ``needs`` are categories that must come along."""

    id: RecordId
    kind: str
    title: str
    needs: frozenset[str]


def counts(content: CaseContent) -> Mapping[str, int]:
    """Records per category; a record with fields of several counts in each."""
    records = standing(content.records)
    health = health_records(records)
    found: Counter[str] = Counter()
    for record in records:
        found.update(partition(record.kind, record.values, health).keys())
    return found


def papers(content: CaseContent) -> tuple[Paper, ...]:
    """The documents of a case, oldest first."""
    return tuple(
        Paper(
            id=record.id,
            kind=record.text("restricted_kind") or record.text("doc_kind"),
            title=record.text("title") or record.text("file_name"),
            needs=needed_for_document(record.values),
        )
        for record in standing(content.of("document"))
    )
