"""One town as a process of its own: a real node, and somebody who works at it.

``python -m bench.town DATA sender COUNT TALKS`` records relocations and says what became
of them; one more word, ``calm``, and one person records each when the last is stored at
the other town. ``python -m bench.town DATA recipient`` approves whatever waits.
"""

import asyncio
import json
import os
import sys
import time
from contextlib import AsyncExitStack
from datetime import date, timedelta
from pathlib import Path
from random import Random

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.bootstrap import build_node
from node.cases.consent import GivenBy
from node.cases.model import CATEGORIES, SENSITIVE, Record
from node.cases.relocation import Source
from node.casework import cases, consents
from node.casework.relocations import Move, record_relocation
from node.config import load_settings
from node.ids import AccountId, Ags
from node.serving import listen, spare_collector
from node.sync import decision
from node.sync.transfer import Inbound, Outbound
from node.telemetry import configure_logging
from node.trust.places import shipped_places

CLERK = Actor(AccountId("c" * 32), frozenset({Role.CASEWORKER}))
APPROVER = Actor(AccountId("a" * 32), frozenset({Role.APPROVER}))
COVERED = frozenset(CATEGORIES) - SENSITIVE - {"K13"}
SENDERS = 16
RESIDENTS = int(os.environ.get("BENCH_RESIDENTS", "0"))
SYLLABLES = (
    "ba",
    "de",
    "fi",
    "go",
    "hu",
    "ka",
    "le",
    "mi",
    "no",
    "pu",
    "ra",
    "se",
    "zu",
)


def say(**facts):
    print(json.dumps(facts), flush=True)


async def main() -> None:
    data, role = Path(sys.argv[1]), sys.argv[2]
    async with build_node(load_settings(data)) as node, AsyncExitStack() as stack:
        ready = []
        if role == "sender":
            ready = await prepare(node, int(sys.argv[3]), int(sys.argv[4]))
        await listen(node, stack)
        spare_collector()
        worker = asyncio.get_running_loop().create_task(node.worker.run())
        say(ready=True)
        if role == "sender":
            await send(node, ready, calm="calm" in sys.argv)
        else:
            await receive(node)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def word() -> None:
    """Wait for the next word of the measuring process."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def prepare(node, count: int, talks: int):
    """Cases with so many talks, and a consent that covers all of it.

    Before them come those of people who stay.
    """
    for number in range(RESIDENTS):
        await node.store.write(add_case, node.office, count + number, 1)
    made = [
        await node.store.write(add_case, node.office, number, talks)
        for number in range(count)
    ]
    await asyncio.to_thread(node.publisher.publish)
    return made


def add_case(uow, office, number: int, talks: int):
    # Different people, as in a town: were all of one name and birth date, comparing each
    # with each would be measured, and not a handover.
    chance = Random(number)
    person = {
        "family_name": "Demo-" + "".join(chance.choices(SYLLABLES, k=3)).title(),
        "given_names": "".join(chance.choices(SYLLABLES, k=2)).title(),
        "birth_date": str(date(1950, 1, 1) + timedelta(chance.randrange(20_000))),
        "counselling_start": office.clock.now().date().isoformat(),
    }
    return _case_and_consent(uow, office, person, talks)


def _case_and_consent(uow, office, person, talks):
    now = office.clock.now()
    case = cases.CaseId(cases.new_id(office, now))
    today = now.date()
    with uow:
        uow.cases.open_new(
            cases.CaseFile(
                id=case,
                epoch=1,
                baton=cases.Baton.ACTIVE,
                version=1,
                opened_on=today,
                caseworker=CLERK.account,
                responsible_from=today,
            )
        )
        records: list[Record] = [
            cases.new_record(office, case, "person", person, by=CLERK.account)
        ]
        for talk in range(talks):
            values = {
                "date": (today - timedelta(days=talk)).isoformat(),
                "minutes": 30,
                "form": "office",
                "kind": "talk",
                "topics": ["04.1"],
                "persons": [str(case)],
                "note": f"Gespräch {talk}: "
                + "Bewerbung besprochen, Termin vereinbart. " * 4,
            }
            records.append(
                cases.new_record(office, case, "contact", values, by=CLERK.account)
            )
        uow.cases.put(records)
        answer = consents.Answer(
            case=case,
            epoch=1,
            given_by=GivenBy.SELF,
            recipients=("class:responsible_at_new_place",),
            categories=COVERED,
            valid_until=today + timedelta(days=300),
            language="de",
            form="paper",
            text_version="1",
            evidence={"note": "Unterschrift"},
        )
        consent = consents.make_consent(
            office, answer, now=now, until=answer.valid_until, by=CLERK.account
        )
        entry = consents.log_recorded(uow, office, consent, by=CLERK.account)
        uow.consents.put(consents.replace(consent, entry=entry))
        uow.commit()
    return case


async def send(node, ready, *, calm: bool) -> None:
    """Record a relocation per case, as fast as sixteen people can, and follow them."""
    await word()
    started, cpu = node.office.clock.now(), time.process_time()
    waiting = iter(ready)

    async def sender():
        for case in waiting:
            await node.store.write(
                record_relocation,
                node.office,
                Move((case,), Ags("08337096"), date(2026, 12, 1), Source.REGISTER),
                by=CLERK,
                places=shipped_places(),
            )
            while calm and await node.store.read(is_underway):
                await asyncio.sleep(0.002)

    await asyncio.gather(*(sender() for _ in range(1 if calm else SENDERS)))
    say(recorded=(node.office.clock.now() - started).total_seconds())
    while await node.store.read(count_closed) < len(ready):
        await asyncio.sleep(0.1)
    cpu = time.process_time() - cpu
    closed = await node.store.read(all_closed)
    say(
        closed=len(closed),
        sent=[str(m.case) for t in closed for m in t.members],
        # Looked up now and then, but the transfers know the instant themselves.
        seconds=(max(t.facts["closed"] for t in closed) - started).total_seconds(),
        cpu=cpu,
        stored=spread(t.facts["delivered"] - t.created_at for t in closed),
        whole=spread(t.facts["closed"] - t.created_at for t in closed),
    )


def spread(spans):
    values = sorted(span.total_seconds() for span in spans)
    return {
        p: round(1000 * values[min(len(values) - 1, int(len(values) * p / 100))], 1)
        for p in (50, 95, 99)
    }


def is_underway(uow):
    with uow:
        return bool(list(uow.outbound.in_states([Outbound.HELD, Outbound.QUEUED])))


def count_closed(uow):
    with uow:
        return len(uow.outbound.in_states([Outbound.CLOSED]))


def all_closed(uow):
    with uow:
        closed = uow.outbound.in_states([Outbound.CLOSED])
        return [uow.outbound.get(transfer) for transfer in closed]


async def receive(node) -> None:
    """Approve what waits until told to end, then say what arrived."""
    await word()
    cpu = time.process_time()
    approving = asyncio.get_running_loop().create_task(approve_all(node))
    await word()
    approving.cancel()
    cpu = time.process_time() - cpu
    say(cpu=cpu, **await node.store.read(all_arrived))


async def approve_all(node) -> None:
    """Approvers who say yes to everything at once; only a benchmark has them."""
    while True:
        waiting = await node.store.read(all_waiting)
        await asyncio.gather(
            *(
                node.store.write(decision.approve, node.office, transfer, by=APPROVER)
                for transfer in waiting
            )
        )
        await asyncio.sleep(0.1)


def all_waiting(uow):
    with uow:
        return list(uow.inbound.in_states([Inbound.WAITING]))


def all_arrived(uow):
    """Cases that are here now, and how many transfers were imported: one for each."""
    with uow:
        over = [Inbound.IMPORTED, Inbound.CLOSED, Inbound.DURABLE]
        return {
            "cases": [str(case) for case in uow.readings.versions()],
            "imports": len(uow.inbound.in_states(over)),
        }


if __name__ == "__main__":
    configure_logging()
    asyncio.run(main())
