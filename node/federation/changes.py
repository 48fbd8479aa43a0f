"""What registrars change after the admission: new Kreise, new keys, new homes, ends.

Enters: decisions of registrars, requests of members, keys, the instant. Leaves: a published
change, or drafts that wait for more holders (``rounds``). Must never happen: a place with
two bodies or none on a day in between; a key listed that its owner did not ask for; a
member that comes back with a key seen before. Implements handover 11.1, 11.4; HO-96, HO-97.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from node.errors import InputError, KeyRetiredError
from node.federation.delegations import Tools
from node.federation.founding import SHEETS_LIFE, YEAR
from node.federation.registrar import REQUEST_LIFE
from node.federation.registry import Registry
from node.ids import Ags, MemberId
from node.trust.admission import AdmissionRequest
from node.trust.holdings import DirectoryFile, FileKind, Holdings
from node.trust.keysheet import open_sheet
from node.trust.member import Member, NoteKeys, Served
from node.trust.renewal import (
    check_record,
    check_sheet,
    record_path,
    sheet_path,
)
from node.trust.rotation import RotationRequest


def rotate(tools: Tools, request: RotationRequest) -> tuple[Member, bool]:
    """List a member's new key beside the old one, which ends 90 days later.

    Returns:
        The new record, and whether it is published.

    Raises:
        InputError: No such member, or the request is too old or from the future.
        SignatureError: Old and new key did not both sign.
        KeyRetiredError: A key that signed is retired: then ``recover`` is the way.
        RollbackError: The new key or its name was seen before (HO-97).
        ConfigError: Too few keys at hand.
    """
    registry = tools.open()
    holdings = registry.holdings()
    record = _record(holdings, request.id)
    _check_age(request.made_at, tools.at)
    request.check(record, tools.at)
    retired = {holdings.named.get(signer) for signer in request.signers}
    if retired & holdings.retired_keys or record.id in holdings.retired_members:
        raise KeyRetiredError("a retired key asks for nothing")
    after = request.applied(record, tools.at)
    return after, _list(registry, holdings, [after], tools.at)


def recover(tools: Tools, request: AdmissionRequest) -> tuple[Member, bool]:
    """Admit a member again under its id, with new keys only (lost or stolen keys).

    Peers show a banner and seal nothing to it for 72 hours after they first saw it.

    Returns:
        The new record, and whether it is published.

    Raises:
        InputError: No such member, other places than before, or an old request.
        RollbackError: One of the keys was seen before: then nothing was lost (HO-97).
        SignatureError: The key sheet does not hold.
        ConfigError: Too few keys at hand.
    """
    registry = tools.open()
    holdings = registry.holdings()
    record = _record(holdings, request.id)
    _check_age(request.made_at, tools.at)
    today = tools.at.date()
    now_served = {place.ags for place in record.serves if place.covers(today)}
    if set(request.ags) != now_served:
        raise InputError("ags", "other-places")
    fresh = request.record(today, exp=tools.at + YEAR)
    known = {key.raw for _, _, key in record.public_keys()}
    keys = {(key.raw, purpose) for purpose, _, key in fresh.public_keys()}
    # A log may go on under its old key, if that was not lost with the others.
    if any(raw in known and purpose in {"sig", "sheet"} for raw, purpose in keys):
        raise InputError("key", "seen-before")
    after = replace(
        fresh,
        serial=record.serial + 1,
        admitted_on=record.admitted_on,
        readmitted_on=today,
        serves=record.serves,
    )
    former = holdings.sheet(record.id)
    sheet = open_sheet(request.key_sheet, after)
    if former is not None and sheet.serial <= former.serial:
        raise InputError("sheet", "not-newer")
    old_kems = set(former.kem) if former else set()
    if any(e.key in {old.key for old in old_kems} for e in sheet.kem):
        raise InputError("key", "seen-before")
    check_record(holdings, after)
    check_sheet(holdings, sheet)
    done = _list(
        registry, holdings, [after], tools.at, sheets={after.id: request.key_sheet}
    )
    return after, done


def move(
    tools: Tools, ags: Ags, *, to: MemberId, on: date
) -> tuple[tuple[Member, Member], bool]:
    """Another body answers for a place from one day on; transfers under way end as begun.

    Returns:
        Both new records, and whether they are published.

    Raises:
        InputError: Nobody answers for the place that day, the other body may not (HO-96)
            or does already, or the day lies before the present period.
        ConfigError: Too few keys at hand.
    """
    registry = tools.open()
    holdings = registry.holdings()
    new = _record(holdings, to)
    if not ags.startswith(new.id.scope):
        raise InputError("ags", "outside-scope")
    if on < tools.at.date():
        raise InputError("on", "past")
    serving = [(s, m) for s, m in holdings.serving.get(ags, ()) if s.covers(on)]
    if len(serving) != 1:
        raise InputError("ags", "nobody-answers")
    place, owner = serving[0]
    if owner == to:
        raise InputError("ags", "taken")
    if place.since >= on:
        raise InputError("on", "before-present-period")
    old = _record(holdings, owner)
    left = replace(
        old,
        serial=old.serial + 1,
        serves=tuple(replace(s, until=on) if s == place else s for s in old.serves),
    )
    taken = replace(
        new,
        serial=new.serial + 1,
        serves=(*new.serves, Served(ags, on, place.until)),
    )
    return (left, taken), _list(registry, holdings, [left, taken], tools.at)


def close(
    tools: Tools, member: MemberId, *, on: date, successor: MemberId | None
) -> tuple[Member, bool]:
    """A body ends on a day; what is routed to it goes to its successor from then on.

    Returns:
        The new record, and whether it is published.

    Raises:
        InputError: No such member or successor, or the successor is the body itself,
            closed, or would lead back.
        ConfigError: Too few keys at hand.
    """
    registry = tools.open()
    holdings = registry.holdings()
    record = _record(holdings, member)
    if record.closed_on is not None:
        raise InputError("member", "already-closed")
    following = successor
    while following is not None:
        if following == member:
            raise InputError("successor", "leads-back")
        following = _record(holdings, following).successor
    if successor is not None and not _record(holdings, successor).is_open(on):
        raise InputError("successor", "closed")
    after = replace(record, serial=record.serial + 1, closed_on=on, successor=successor)
    return after, _list(registry, holdings, [after], tools.at)


def drop_retired(tools: Tools, member: MemberId) -> tuple[Member, bool]:
    """List a body without its keys of the deny list, so that new nodes take its record.

    Returns:
        The new record, and whether it is published.

    Raises:
        InputError: No such member, nothing to drop, or nothing would be left: then the
            body must come back with new keys (``recover``).
        ConfigError: Too few keys at hand.
    """
    registry = tools.open()
    holdings = registry.holdings()
    record = _record(holdings, member)
    denied = holdings.retired_keys
    log = tuple(e for e in record.log.keys if e.key.key.raw not in denied)
    witness = tuple(e for e in record.witness.keys if e.key.key.raw not in denied)
    after = replace(
        record,
        serial=record.serial + 1,
        sig=tuple(e for e in record.sig if e.key.raw not in denied),
        sheet=tuple(e for e in record.sheet if e.key.raw not in denied),
        log=NoteKeys(record.log.name, log),
        witness=NoteKeys(record.witness.name, witness),
    )
    if replace(after, serial=record.serial) == record:
        raise InputError("member", "nothing-retired")
    if not (after.sig and after.sheet and log and witness):
        raise InputError("member", "needs-recovery")
    return after, _list(registry, holdings, [after], tools.at)


def _record(holdings: Holdings, member: MemberId) -> Member:
    record = holdings.record(member)
    if record is None:
        raise InputError("member", "unknown")
    return record


def _check_age(made_at: datetime, at: datetime) -> None:
    if not at - REQUEST_LIFE <= made_at <= at:
        raise InputError("request", "too-old-or-early")


def _list(
    registry: Registry,
    holdings: Holdings,
    records: Iterable[Member],
    at: datetime,
    *,
    sheets: dict[MemberId, str] | None = None,
) -> bool:
    """Check the new records, list them with the indexes they touch, sign, publish."""
    touched: dict[str, list[Member]] = {}
    for record in records:
        former = _record(holdings, record.id)
        Member.parse(record.encode())
        check_record(holdings, record)
        content = record.encode()
        file = DirectoryFile(FileKind.RECORD, record.id, record.serial, content, at)
        holdings.add_record(record, file)
        places = {*former.serves, *record.serves}
        for kreis in {record.id.scope[:5], *(p.ags.kreis for p in places)}:
            touched.setdefault(kreis, []).append(record)
    for kreis, changed in sorted(touched.items()):
        role = registry.load(kreis)
        for record in changed:
            if record.id.scope[:5] == kreis:
                registry.put(role, record_path(record.id), record.encode())
        registry.put_routes(role, kreis, holdings)
        registry.sign(kreis, role, registry.land_of(kreis), expires=at + YEAR)
    for member, text in (sheets or {}).items():
        name = f"{member.scope[:5]}-keys"
        part = registry.load(name)
        registry.put(part, sheet_path(member), text.encode("ascii"))
        above = registry.land_of(member.scope[:5])
        registry.sign(name, part, above, expires=at + SHEETS_LIFE)
    return registry.publish(at)
