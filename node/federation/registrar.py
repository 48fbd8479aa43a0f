"""Keeping a directory: admit a body, list a sheet, retire a key, publish.

Enters: admission requests, key sheets, decisions of registrars, keys, the instant.
Leaves: a published folder. Must never happen: a body listed whose keys did not sign its
request, whose places are not on the official list or belong to somebody else, or whose
keys were seen elsewhere; a role signed with fewer keys than it needs. Implements handover
11.2 and 11.4, HO-96, HO-97, HO-106.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from tuf.api.metadata import Role, Root, Snapshot, Targets, Timestamp

from node.crypto.jws import peek_kid
from node.errors import InputError
from node.exchangelog.policy import Policy, parse_policy
from node.federation.founding import SHEETS_LIFE, YEAR
from node.federation.registry import Registry, check_new_sheet, children
from node.ids import Ags, KeyId, MemberId
from node.trust.admission import AdmissionRequest
from node.trust.head import REVOKER
from node.trust.holdings import DirectoryFile, FileKind, Holdings
from node.trust.keysheet import open_sheet
from node.trust.member import Member
from node.trust.renewal import (
    REVOCATIONS_PATH,
    check_record,
    check_sheet,
    policy_path,
    record_path,
    sheet_path,
)
from node.trust.revocations import RetiredKey, RetiredMember

_PREFIX: Final = re.compile(r"[0-9]{2,8}", re.ASCII)
REQUEST_LIFE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Retirement:
    """What goes on the deny list.

    Attributes:
        member: Whose.
        kid: The key's name, ``log`` or ``witness``; None strikes off the whole body.
        why: A code, like ``stolen``.
    """

    member: MemberId
    kid: str | None
    why: str


def admit(
    folder: Path,
    keys: Sequence[Path],
    *,
    request: AdmissionRequest,
    places: Mapping[Ags, str],
    at: datetime,
    rounds: bool = False,
) -> Member:
    """List a body: its record, its first key sheet, the index of its Kreis.

    The caller has compared the twelve words and the places by telephone (11.4).

    Args:
        folder: The published folder.
        keys: Folders that together hold enough keys of the Kreis, of its list of
            sheets, of snapshot and timestamp.
        request: The checked request.
        places: The official list.
        at: Now.
        rounds: Whether a role that lacks signatures may wait for more holders.

    Raises:
        InputError: A place is unknown or taken; the id, the origin of the log or the name
            of the witness is taken; the id is outside this directory; the request is too
            old or from the future.
        RollbackError: A key was seen under another member or purpose (HO-97).
        KeyRetiredError: A key is on the deny list.
        SignatureError: The key sheet or a key is bad.
        ConfigError: Not enough keys at hand.
    """
    (record,) = admit_all(
        folder, keys, requests=[request], places=places, at=at, rounds=rounds
    )
    return record


def admit_all(
    folder: Path,
    keys: Sequence[Path],
    *,
    requests: Sequence[AdmissionRequest],
    places: Mapping[Ags, str],
    at: datetime,
    rounds: bool = False,
) -> list[Member]:
    """``admit`` for several bodies at once: all of them or none, each role signed once.

    Raises:
        NodeError: As ``admit``, for the first request that cannot be taken.
    """
    office = Registry(folder, keys, rounds=rounds)
    holdings = office.holdings()
    taken: dict[str, list[tuple[Member, str]]] = {}
    lands: dict[str, Targets] = {}
    for request in requests:
        kreis = request.id.scope[:5]
        if kreis not in lands:
            lands[kreis] = office.land_of(kreis)
        _check_request(request, holdings, places=places, at=at)
        record = request.record(at.date(), exp=at + YEAR)
        _take(holdings, record, request.key_sheet, at)
        taken.setdefault(kreis, []).append((record, request.key_sheet))
    for kreis, admitted in taken.items():
        role, sheets = office.load(kreis), office.load(f"{kreis}-keys")
        for record, sheet in admitted:
            office.put(role, record_path(record.id), record.encode())
            office.put(sheets, sheet_path(record.id), sheet.encode("ascii"))
        served = {place.ags.kreis for record, _ in admitted for place in record.serves}
        for touched in sorted(served):
            office.put_routes(role, touched, holdings)
        office.sign(kreis, role, lands[kreis], expires=at + YEAR)
        name = f"{kreis}-keys"
        office.sign(name, sheets, lands[kreis], expires=at + SHEETS_LIFE)
    office.publish(at)
    return [record for admitted in taken.values() for record, _ in admitted]


def _take(holdings: Holdings, record: Member, text: str, at: datetime) -> None:
    """Check a record and its first sheet, and count both as listed from now on."""
    check_record(holdings, record)
    content = record.encode()
    file = DirectoryFile(FileKind.RECORD, record.id, record.serial, content, at)
    holdings.add_record(record, file)
    sheet = open_sheet(text, record)
    check_sheet(holdings, sheet)
    body = text.encode("ascii")
    file = DirectoryFile(FileKind.SHEET, record.id, sheet.serial, body, at)
    holdings.add_sheet(sheet, file, signer=KeyId(peek_kid(text)))


def publish(
    folder: Path, keys: Sequence[Path], *, at: datetime, sheets: Sequence[str] = ()
) -> None:
    """Sign snapshot and timestamp again, and list new key sheets of members.

    A list of sheets that is half way to its end is signed again too.

    Raises:
        InputError: A sheet of nobody, or one that is not newer than the listed one.
        SignatureError: A sheet that no sheet key of its member signed (HO-98).
        RollbackError: A sealing key was seen under another member (HO-97).
        ConfigError: Not enough keys at hand.
    """
    office = Registry(folder, keys)
    holdings = office.holdings()
    news: dict[str, dict[MemberId, str]] = {}
    for text in sheets:
        member = check_new_sheet(text, holdings)
        news.setdefault(member.scope[:5], {})[member] = text
    for kreis in office.kreise():
        role, fresh = office.load(f"{kreis}-keys"), news.pop(kreis, {})
        for member, text in fresh.items():
            office.put(role, sheet_path(member), text.encode("ascii"))
        if fresh or role.expires < at + SHEETS_LIFE / 2:
            land = office.land_of(kreis)
            office.sign(f"{kreis}-keys", role, land, expires=at + SHEETS_LIFE)
    if news:
        raise InputError("sheet", "other-directory")
    office.publish(at)


def set_policy(
    folder: Path, keys: Sequence[Path], *, prefix: str, content: bytes, at: datetime
) -> Policy | None:
    """Publish the witness policy of an AGS prefix; empty content withdraws it.

    A prefix of five digits and more is the Kreis's to sign, a shorter one the Land's.

    Returns:
        The policy, None if it was withdrawn.

    Raises:
        InputError: Not 2 to 8 digits, or a Kreis or Land that this directory lacks; or
            nothing to withdraw.
        MalformedMessageError: Not a policy in the sense of C2SP tlog-policy.
        ConfigError: Not enough keys at hand.
    """
    if _PREFIX.fullmatch(prefix) is None:
        raise InputError("prefix", "form")
    policy = parse_policy(content) if content else None
    office = Registry(folder, keys)
    is_kreis = len(prefix) >= len("08337")
    name = prefix[:5] if is_kreis else prefix[:2]
    if not is_kreis and name not in office.lands():
        raise InputError("prefix", "other-directory")
    delegator = office.land_of(name) if is_kreis else office.targets
    role, path = office.load(name), policy_path(prefix)
    if policy is not None:
        office.put(role, path, content)
    elif role.targets.pop(path, None) is None:
        raise InputError("prefix", "no-policy")
    office.sign(name, role, delegator, expires=at + YEAR)
    office.publish(at)
    return policy


def retire(
    folder: Path,
    keys: Sequence[Path],
    *,
    target: Retirement,
    at: datetime,
    rounds: bool = False,
) -> bool:
    """Put a key or a member on the deny list, for ever (HO-106).

    Returns:
        Whether it is published; False if more revokers must sign.

    Raises:
        InputError: Nobody and nothing of that name, or on the list already.
        ConfigError: Not enough keys of the revoker at hand.
    """
    office = Registry(folder, keys, rounds=rounds)
    holdings = office.holdings()
    old = holdings.revocations
    new = replace(old, serial=old.serial + 1)
    record = holdings.record(target.member)
    if record is None:
        raise InputError("member", "unknown")
    if target.kid is None:
        if record.id in holdings.retired_members:
            raise InputError("member", "already-retired")
        entry = RetiredMember(record.id, at, target.why)
        new = replace(new, members=(*old.members, entry))
    else:
        pk = _key_named(target.kid, record, holdings)
        if pk in holdings.retired_keys:
            raise InputError("key", "already-retired")
        new = replace(new, keys=(*old.keys, RetiredKey(record.id, target.kid, pk, at)))
    role = office.load(REVOKER)
    office.put(role, REVOCATIONS_PATH, new.encode())
    office.sign(REVOKER, role, office.targets, expires=at + YEAR)
    return office.publish(at)


@dataclass(frozen=True, slots=True)
class RoleState:
    """What ``show`` tells about a role."""

    role: str
    version: int
    threshold: int
    keys: int
    expires_at: datetime


def show(folder: Path) -> tuple[list[RoleState], list[Member]]:
    """The roles and the members of a published folder; needs no keys.

    Raises:
        ConfigError: Nothing readable is published there.
    """
    office = Registry(folder, ())
    top: dict[str, Root | Targets | Snapshot | Timestamp] = {
        Root.type: office.root,
        Targets.type: office.targets,
        Snapshot.type: office.repository.load(Snapshot.type, Snapshot),
        Timestamp.type: office.repository.load(Timestamp.type, Timestamp),
    }
    states = [_state(name, office.root.roles[name], part) for name, part in top.items()]
    for delegator in (office.targets, *(office.load(land) for land in office.lands())):
        states.extend(
            _state(role.name, role, office.load(role.name))
            for role in children(delegator).values()
        )
    records = office.holdings().records
    return states, [seen[-1].record for _, seen in sorted(records.items())]


def _state(
    name: str, role: Role, part: Root | Targets | Snapshot | Timestamp
) -> RoleState:
    return RoleState(name, part.version, role.threshold, len(role.keyids), part.expires)


def _check_request(
    request: AdmissionRequest,
    holdings: Holdings,
    *,
    places: Mapping[Ags, str],
    at: datetime,
) -> None:
    if not at - REQUEST_LIFE <= request.made_at <= at:
        raise InputError("request", "too-old-or-early")
    if request.id in holdings.records:
        raise InputError("id", "taken")
    for field, key in (("log", request.log), ("witness", request.witness)):
        # Whoever finds a log by its origin must find one, for ever (HO-97).
        if key.name in holdings.spoken:
            raise InputError(field, "taken")
    for ags in request.ags:
        if ags not in places:
            raise InputError("ags", "not-on-the-official-list")
        taken = (served for served, _ in holdings.serving.get(ags, ()))
        if any(served.until is None or served.until > at.date() for served in taken):
            raise InputError("ags", "taken")


def _key_named(kid: str, record: Member, holdings: Holdings) -> bytes:
    """The key of that name as the deny list knows it."""
    notes = {"log": record.log.newest, "witness": record.witness.newest}
    if kid in notes:
        return notes[kid].key.raw
    for key_id, pk in holdings.named.items():
        if (key_id.member, key_id.name) == (record.id, kid):
            return pk
    raise InputError("key", "unknown")
