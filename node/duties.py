"""What a node does by itself, as the worker is handed it.

Enters: nothing. Leaves: the form of the hand-over between bootstrap and worker. Must never
happen: a duty that the worker builds for itself.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from node.casework import sealing
from node.casework.settings import TownUnit
from node.crypto.checkpoint import Checkpoint
from node.ids import MemberId
from node.sync.courier import Courier

LEASE: Final = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Duties:
    """What the worker is given; jobs without a loop of their own run in a thread.

    Attributes:
        courier: Sends, and knows office, store and files.
        begin: Judges the mark and sets the node's standing anew.
        publish: Signs a checkpoint of what is committed; says whether there is a new one.
        refresh_directory: Fetches the directory and does what is due with our keys.
        sweep: Removes files that no row names.
        erase_sources: Erases what was handed over.
        offer_closed: Asks to offer closed cases to the archive whose years are over.
        end_records: Erases consents, records and counted lines whose years are over.
        erase_entries: Erases log entries whose time is over.
        turn_week: Turns the week keys.
        match: Finds who is here twice, and ends merges that cannot be undone any more.
        holder: Which process this is, for the lease.
        shared: Other processes serve the same database.
        back_up: Makes and verifies the backup of the day.
        send_notices: Sends mails that are due.
        fetch_mail: Fetches letters from relays.
        directory_every_s: How often the directory is fetched.
        lease: How long ``recover`` keeps away from a node that died.
        mark: The log signer's memory outside the database.
        read_town: Reads settings that another process may have changed.
        print_letter: Prints the letter of a sealed export.
        count_ahead: Counts one report, so that nobody waits for the first look at it; None
            where many towns share a process, because it takes memory.
    """

    courier: Courier
    begin: Callable[[], None]
    publish: Callable[[], bool]
    refresh_directory: Callable[[], None]
    sweep: Callable[[], None]
    erase_sources: Callable[[], None]
    offer_closed: Callable[[], object]
    end_records: Callable[[], None]
    erase_entries: Callable[[], None]
    turn_week: Callable[[], object]
    match: Callable[[], None]
    holder: str
    shared: bool
    back_up: Callable[[], None] | None = None
    send_notices: Callable[[], None] | None = None
    fetch_mail: Callable[[Callable[[MemberId], None]], Awaitable[None]] | None = None
    directory_every_s: float = 900.0
    lease: timedelta = LEASE
    mark: Callable[[], Checkpoint | None] = lambda: None
    read_town: Callable[[TownUnit], None] = lambda _uow: None
    print_letter: sealing.PrintLetter = sealing.no_paper
    count_ahead: Callable[[str], object] | None = None
