"""Making evidence: a bundle of one transfer or of a range of the log, and its trace.

Enters: who asks, for which transfer or range. Leaves: a bundle, and the line
``audit.exported`` in the log. Must never happen: a bundle handed out without that line, or
to somebody without the right. Implements exchange-log 7.1, EL-6, flow G step 3.
"""

from dataclasses import replace

from node.accounts.policy import Actor, require
from node.casework.auditing import role_of
from node.casework.gathering import of_range, of_transfer
from node.casework.joining import join
from node.exchangelog.bundle import Bundle, layout, pack, read_files
from node.exchangelog.entry import GroupName
from node.exchangelog.kinds import EntryClass, EntryType
from node.ids import TransferId
from node.report.booklet import booklet
from node.report.bundlecheck import check_files
from node.report.evidence import EvidenceUnit
from node.sync.office import Office
from node.sync.ports import UnitOfWork
from node.sync.rows import EntryDraft, Wake


def make_bundle(
    uow: EvidenceUnit,
    office: Office,
    query: TransferId | range,
    by: Actor,
    other: bytes | None = None,
) -> Bundle:
    """Gather, check and pack the evidence; a reading unit.

    The caller commits ``note_export`` before it hands the bundle to anybody.

    Args:
        uow: A reading unit.
        office: Keys, clock, directory.
        query: A transfer, or indexes of our log.
        by: Who asks.
        other: The other side's own bundle of the same transfer, to be joined.

    Raises:
        NotFoundError: Our log holds nothing of it.
        InputError: A range that is empty, too long or beyond the log; a bundle of the
            other side that is not sound or about something else.
        ConflictError: The newest entries are not signed yet; try again in a minute.
    """
    require(by, "evidence.export")
    if isinstance(query, range):
        evidence = of_range(uow, office, query)
    else:
        evidence = of_transfer(uow, office, query)
    if other is not None:
        evidence = join(evidence, other)
    # Checked with an empty booklet first: the report inside says what the check found.
    bare = read_files(pack(evidence, office.keyring).raw)
    more = booklet(layout(evidence), check_files(bare))
    return pack(replace(evidence, more=dict(evidence.more) | more), office.keyring)


def note_export(uow: UnitOfWork, office: Office, digest: bytes, by: Actor) -> None:
    """Write down that a bundle was made: its identity, and who made it.

    Args:
        uow: The transaction.
        office: The clock.
        digest: The bundle's identity.
        by: Who asked for it.
    """
    require(by, "evidence.export")
    now = office.clock.now()
    with uow:
        uow.log.append(
            EntryDraft(
                type=EntryType.AUDIT_EXPORTED,
                at=now,
                group=GroupName.of_month(EntryClass.AUDIT, now),
                fields={"digest": digest.hex()},
                role=role_of(by.roles),
                actor=by.account,
            )
        )
        uow.wake(Wake.PUBLISH, "")
        uow.commit()
