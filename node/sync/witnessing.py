"""Asking witnesses to cosign our newest head: the recipient, the policy's, a few more.

Enters: our newest signed checkpoint. Leaves: cosignatures beside it, and what each witness
remembers of us. Must never happen: a witness that is slow, wrong or hostile holding up
another one or a packet; a size above our own believed without our signature (LR-19); a
cosignature kept that was not verified. Implements LR-22, LR-23 and EL-12.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from node.crypto.checkpoint import Checkpoint, NoteKey, signature_lines
from node.errors import (
    DeliveryError,
    MalformedMessageError,
    NodeError,
    PeerError,
    TrustError,
    UnreachableError,
)
from node.exchangelog.policy import Policy
from node.exchangelog.witness import (
    AddCheckpoint,
    SignedHead,
    ask,
    encode_add_checkpoint,
    read_cosignatures,
    read_size,
)
from node.ids import MemberId
from node.sync import quorum
from node.sync.courier import Courier, WitnessAddress
from node.sync.firstword import is_speaking
from node.sync.limits import OTHER_WITNESSES, WITNESS_TIMEOUT
from node.sync.office import Office
from node.sync.peerkeys import witness_key_of
from node.sync.ports import UnitOfWork
from node.sync.rows import Wake
from node.trust.mailboxes import is_pull_only

_HARMLESS = (DeliveryError, TrustError, PeerError)


@dataclass(frozen=True, slots=True)
class Party:
    """One address that is asked once, for the cosignatures of all its keys."""

    at: MemberId | WitnessAddress
    keys: tuple[NoteKey, ...]

    @property
    def name(self) -> str:
        """Under which name we remember what it remembers of us."""
        return self.at.url if isinstance(self.at, WitnessAddress) else str(self.at)


def parties(
    office: Office, policy: Policy | None, more: Mapping[MemberId, NoteKey]
) -> tuple[Party, ...]:
    """Everybody to ask: these members, and the witnesses of a policy, but never ourselves.

    A witness that is neither a member nor has an address cannot be asked.
    """
    directory = office.directory()
    members = {
        member.witness.newest.key.raw: member.id
        for member in (directory.members() if policy else ())
        if not directory.is_retired(member.id)
    }
    wanted: dict[MemberId | WitnessAddress, list[NoteKey]] = {
        member: [key] for member, key in more.items()
    }
    for witness in policy.witnesses if policy else ():
        raw = witness.key.key.raw
        at: MemberId | WitnessAddress | None = members.get(raw)
        if at is None and witness.url:
            at = WitnessAddress(witness.url)
        if at is None or raw == office.keyring.witness.public.raw:
            continue
        keys = wanted.setdefault(at, [])
        if all(known.key.raw != raw for known in keys):
            keys.append(witness.key)
    wanted.pop(office.member, None)
    return tuple(Party(at, tuple(keys)) for at, keys in wanted.items())


async def collect(courier: Courier, recipient: MemberId) -> None:
    """Ask the recipient and all witnesses of our policy, side by side.

    Raises:
        DeliveryError, TrustError, PeerError: The recipient could not be asked; that is a
            failed attempt. What others do wrong is not: the packet then waits (LR-22).
    """
    office = courier.office
    policy = quorum.policy_of(office, office.member)
    keys = await courier.run.read(_keys_of, office, (recipient,))
    asked = parties(office, policy, keys)
    # By the pair policy a few others are asked besides, and nobody waits for them.
    outcomes = await asyncio.gather(
        *(_ask_quietly(courier, party, then=policy is None) for party in asked)
    )
    for party, error in zip(asked, outcomes, strict=True):
        if error is not None and party.at == recipient:
            raise error


async def ask_others(courier: Courier) -> None:
    """The heartbeat, and what follows a cosigned packet by the pair policy (LR-23).

    The witnesses of our policy, or up to three peers met last, cosign the newest head once
    more. Nobody waits for it, and no entry is written.
    """
    office = courier.office
    policy = quorum.policy_of(office, office.member)
    met = () if policy else await courier.run.read(_met_last, office)
    keys = await courier.run.read(_keys_of, office, met)
    await asyncio.gather(
        *(_ask_quietly(courier, party) for party in parties(office, policy, keys))
    )


async def _ask_quietly(
    courier: Courier, party: Party, *, then: bool = False
) -> NodeError | None:
    """Ask one; what it does wrong is given back instead of raised."""
    try:
        await _ask(courier, party, then=then)
    except _HARMLESS as error:
        return error
    return None


async def _ask(courier: Courier, party: Party, *, then: bool) -> None:
    """C2SP add-checkpoint; a 409 tells the size it remembers, and is answered once.

    ``then`` wakes ``ask_others`` once the cosignature is kept.
    """
    for _ in range(2):
        asked = await courier.run.read(_head_to_show, party)
        if asked is None:
            return
        try:
            async with asyncio.timeout(WITNESS_TIMEOUT.total_seconds()):
                status, answer = await courier.transport.add_checkpoint(
                    party.at, encode_add_checkpoint(asked)
                )
        except TimeoutError:
            raise UnreachableError("witness too slow") from None
        if status == HTTPStatus.OK:
            await courier.run.write(
                _keep_cosignatures,
                courier.office,
                party,
                asked.note,
                answer=answer,
                then=then,
            )
            return
        await courier.run.write(_correct_size, party, answer)


def _head_to_show(uow: UnitOfWork, party: Party) -> AddCheckpoint | None:
    with uow:
        newest = uow.log.newest()
        if newest is None or not is_speaking(uow):
            return None
        head = Checkpoint(newest.origin, newest.size, newest.root)
        old = min(uow.heads.shown(party.name), head.size)
        return ask(SignedHead(head, newest.note), old, uow.log.tree())


def _keep_cosignatures(
    uow: UnitOfWork,
    office: Office,
    party: Party,
    note: str,
    *,
    answer: bytes,
    then: bool,
) -> None:
    """Verify the lines of a witness and keep them beside our checkpoint."""
    signed = read_cosignatures(answer, note, party.keys)
    size = Checkpoint.parse_body(signed[: signed.index("\n\n") + 1]).size
    names = {key.name for key in party.keys}
    lines = {
        name: line
        for line in signature_lines(signed)
        for name in names & set(line.split(" "))
    }
    with uow:
        if not lines:
            raise MalformedMessageError("cosignatures")
        uow.log.add_cosignatures(size, lines, office.clock.now())
        uow.heads.set_shown(party.name, size)
        if then:
            uow.wake(Wake.WITNESS, "")
        uow.commit()


def _correct_size(uow: UnitOfWork, party: Party, answer: bytes) -> None:
    """The witness remembers another size of our log than we thought."""
    with uow:
        newest = uow.log.newest()
        size = read_size(answer, newest.size if newest else 0)
        if size is None:
            raise MalformedMessageError("witness-size")
        uow.heads.set_shown(party.name, size)
        uow.commit()


def _keys_of(
    uow: UnitOfWork, office: Office, members: tuple[MemberId, ...]
) -> dict[MemberId, NoteKey]:
    """The keys under which these members cosign now; a recovered one has another."""
    with uow:
        return {member: witness_key_of(uow, office, member) for member in members}


def _met_last(uow: UnitOfWork, office: Office) -> tuple[MemberId, ...]:
    """Up to three peers that answered last and are still listed."""
    with uow:
        met = uow.outbox.met_last(OTHER_WITNESSES * 2)
    directory = office.directory()
    listed = {member.id for member in directory.members()}
    fine = [
        peer
        for peer in met
        if peer in listed
        and not directory.is_retired(peer)
        and not is_pull_only(directory, peer)
    ]
    return tuple(fine[:OTHER_WITNESSES])
