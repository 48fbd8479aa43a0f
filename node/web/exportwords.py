"""What pages need to know about one sealed export before they show it.

Enters: a request and a transfer. Leaves: the export beside it, whether it may leave, what
is wrong with a code. Must never happen here: the passphrase, which only its own page reads.
"""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from node.casework.exports import ANSWERED, PAPER
from node.errors import NotFoundError
from node.ids import TransferId
from node.report.readings import ReadingUnit, TransferRow
from node.sync import exportend
from node.sync.exportports import Export
from node.sync.office import Office
from node.sync.onward import WITHDRAWN
from node.sync.transfer import Outbound, OutboundTransfer
from node.web.frame import parts_of


@dataclass(frozen=True, slots=True)
class ExportView:
    """One export as its page shows it."""

    row: TransferRow
    export: Export | None
    may_leave: bool

    @property
    def transfer(self) -> OutboundTransfer:
        """The transfer."""
        return self.row.transfer

    @property
    def has_file(self) -> bool:
        """Whether a file lies here that may be fetched."""
        return self.transfer.state in {Outbound.EXPORTED, Outbound.TOLD}

    @property
    def withdrawn_at(self) -> datetime | None:
        """Since when the body must be told by letter."""
        return self.transfer.facts.get(WITHDRAWN)

    @property
    def answered_at(self) -> datetime | None:
        """When its answer was written down."""
        return self.transfer.facts.get(ANSWERED)

    @property
    def on_paper(self) -> bool:
        """Whether the file went on paper."""
        return PAPER in self.transfer.facts


async def export_view(request: web.Request, transfer: TransferId) -> ExportView:
    """One export with what is beside it.

    Raises:
        NotFoundError: No such transfer, or one to a node.
    """
    parts = parts_of(request)
    return await parts.run.read(_view, parts.office, transfer)


def _view(uow: ReadingUnit, office: Office, transfer: TransferId) -> ExportView:
    row = uow.readings.transfer(transfer)
    if row.transfer.body is None:
        raise NotFoundError("export")
    try:
        export = uow.exports.get(transfer)
    except NotFoundError:
        export = None
    leaves = row.transfer.state is not Outbound.EXPORTED or exportend.may_leave(
        uow, office, row.transfer
    )
    return ExportView(row, export, leaves)


async def has_address(request: web.Request, transfer: OutboundTransfer) -> bool:
    """Whether somebody said to which body the sealed file goes."""
    return (await export_view(request, transfer.id)).export is not None
