"""Fetching new key sheets from the members, for whoever keeps the directory.

Enters: a published folder. Leaves: sheets that are newer than the listed ones, and who did
not answer. Must never happen: a sheet passed on that its member did not sign; one dead
member keeping the others from being listed. Implements handover 11.4 (rotation), SR-F10.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tuf.api.exceptions import DownloadError, DownloadLengthMismatchError

from node.errors import NodeError
from node.federation.addresses import Network
from node.federation.fetcher import Source, make_fetcher
from node.federation.registry import Registry, check_new_sheet
from node.ids import MemberId
from node.trust.head import DEMO
from node.trust.holdings import Holdings
from node.trust.keysheet import MAX_SHEET_BYTES, KeySheet, peek_sheet
from node.trust.member import Member

PATH: Final = "staffelstab/1/keysheet"
AT_ONCE: Final = 16
TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What one member answered: a newer sheet, or a code, or neither if nothing is new."""

    member: MemberId
    sheet: str | None = None
    code: str | None = None


def fetch_sheets(folder: Path, *, allowed: tuple[Network, ...] = ()) -> Sequence[Asked]:
    """Ask every open member for its newest sheet, several at once; in order of ids.

    Args:
        folder: The published folder.
        allowed: Private networks that members may live in.

    Raises:
        ConfigError: Nothing readable is published there.
    """
    registry = Registry(folder, ())
    demo = registry.root.unrecognized_fields.get(DEMO) is True
    holdings = registry.holdings()
    wanted = [
        (seen[-1].record, sheet)
        for member, seen in sorted(holdings.records.items())
        if (sheet := holdings.sheet(member)) is not None
        and not sheet.is_pull_only
        and seen[-1].record.closed_on is None
        and member not in holdings.retired_members
    ]

    def ask(pair: tuple[Member, KeySheet]) -> Asked:
        record, listed = pair
        source = Source(listed.url, allowed=allowed, demo=demo, timeout_s=TIMEOUT_S)
        return _ask(source, record.id, listed, holdings)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(ask, wanted))


def _ask(
    source: Source, member: MemberId, listed: KeySheet, holdings: Holdings
) -> Asked:
    try:
        with closing(make_fetcher(source)) as fetcher:
            content = fetcher.download_bytes(source.base_url + PATH, MAX_SHEET_BYTES)
        text = content.decode("ascii", "replace")
        if peek_sheet(text).serial == listed.serial:
            return Asked(member)
        if check_new_sheet(text, holdings) != member:
            return Asked(member, code="other-member")
    except NodeError as error:
        return Asked(member, code=error.code)
    except DownloadLengthMismatchError:
        return Asked(member, code="too-long")
    except DownloadError:
        return Asked(member, code="unreachable")
    return Asked(member, sheet=text)
