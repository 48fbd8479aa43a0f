"""Mailboxes: who fetches from a relay, who keeps it, and which key a letter is sealed to.

Enters: the directory and instants. Leaves: answers, or one error of the directory. Must
never happen: a relay that no record vouches for; a letter that waits because the metadata
is old, since receipts and recalls go on without it (handover 11.3). Implements 10.5.
"""

from datetime import datetime

from node.errors import KeyRetiredError, UnknownKeyError, UnknownNodeError
from node.ids import KeyId, MemberId
from node.trust.directory import SHEET_WAIT, Directory
from node.trust.keysheet import KemKey


def is_pull_only(directory: Directory, member: MemberId) -> bool:
    """Whether a member can be written to through its relays only."""
    sheet = directory.holdings.sheet(member)
    return sheet is not None and sheet.is_pull_only


def relay_at(directory: Directory, url: str) -> MemberId:
    """The member that keeps the mailboxes at an address: its own sheet names it.

    Raises:
        UnknownNodeError: Nobody's address, or that of two: never a guess.
        KeyRetiredError: The body is retired.
    """
    found = [
        member.id
        for member in directory.members()
        if (sheet := directory.holdings.sheet(member.id)) is not None
        and sheet.url.rstrip("/") == url.rstrip("/")
    ]
    if len(found) != 1:
        raise UnknownNodeError("no relay of that address")
    if directory.is_retired(found[0]):
        raise KeyRetiredError("relay retired")
    return found[0]


def keeps_for(directory: Directory, url: str, member: MemberId) -> bool:
    """Whether a member's sheet names the relay at this address."""
    sheet = directory.holdings.sheet(member)
    return (
        sheet is not None
        and not directory.is_retired(member)
        and url.rstrip("/") in {relay.rstrip("/") for relay in sheet.relays}
    )


def letter_key(directory: Directory, member: MemberId, at: datetime) -> KemKey:
    """The key to seal a letter to: of the sheet in force, as long as it can be opened.

    A letter holds statements and never a container, so an old directory does not stop it.

    Raises:
        UnknownKeyError: No key that can still be opened there.
    """
    seen = directory.holdings.sheets.get(member, ())
    in_force = [
        one.sheet
        for place, one in enumerate(seen)
        if not place or one.first_seen_at + SHEET_WAIT <= at
    ]
    usable = []
    for entry in in_force[-1].kem if in_force else ():
        try:
            listed = directory.kem_key(KeyId(f"{member}#{entry.kid}"))
        except KeyRetiredError:
            continue
        if listed.nbf <= at < listed.open_until:
            usable.append(listed)
    if not usable:
        raise UnknownKeyError("no key for letters")
    return max(usable, key=lambda entry: entry.nbf)
