"""Two towns' logs from a seed, with the truth about each transfer known beforehand.

``python -m tests.support.reconciling N SEED`` classifies N transfers and prints the time and
how many of each class were seeded and found.
"""

import hashlib
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from node.cases.days import local_day
from node.exchangelog.entry import Entry
from node.exchangelog.kinds import EntryType
from node.exchangelog.reconcile import Class, classify
from node.exchangelog.shared import Bracket, Gone, Ground, Item, Shared, Side
from node.ids import MemberId, TransferId
from node.strictjson import Json

T = EntryType
START = datetime(2026, 2, 3, 10, tzinfo=UTC)
NOW = START + timedelta(days=40)
S_LOG, R_LOG = "wehr.example/log/1", "bad-saeckingen.example/log/1"
S_ID, R_ID = "08337116-stadt-wehr", "08337096-stadt-bad-saeckingen"
MINUTE = timedelta(minutes=1)


@dataclass
class Half:
    """One log as it grows: the next place, and the entries of one transfer."""

    log: str
    next: int
    items: list[Item] = field(default_factory=list)

    def put(
        self,
        kind: EntryType,
        at: datetime,
        more: dict[str, Json],
        *,
        chained: bool = True,
    ) -> Item:
        """Write one entry."""
        c = hashlib.sha256(f"{self.log} {self.next}".encode()).digest()
        before = self.items[-1].c.hex() if self.items and chained else None
        entry = Entry(c[:16].hex(), kind, at, self.log, None, None, None, before, more)
        item = Item(
            c,
            self.next,
            entry,
            proven_at=self.next + 2,
            root=c,
            bracket=Bracket(at - MINUTE, at + MINUTE),
        )
        self.next += 1
        if chained:
            self.items.append(item)
        return item


@dataclass
class Story:
    """One transfer that goes all the way; a twist changes it in one place."""

    dice: random.Random
    number: int
    transfer: TransferId = field(init=False)
    at: datetime = field(init=False)
    scope: list[str] = field(default_factory=lambda: ["K01", "K04", "K10"])
    consent: dict[str, Json] = field(init=False)
    ours: bool = True
    complete: bool = True
    overridden: bool = False
    of_member: bool | None = True

    def __post_init__(self) -> None:
        self.transfer = TransferId(f"{self.number:032x}")
        self.at = START + timedelta(minutes=self.dice.randrange(20_000))
        self.s = Half(S_LOG, self.number * 20)
        self.r = Half(R_LOG, self.number * 20)
        self.packet = hashlib.sha256(self.transfer.encode()).hexdigest()
        digest = hashlib.sha256(b"consent" + self.transfer.encode()).hexdigest()
        self.consent = {
            "consent": digest,
            "scope": [*self.scope, "K12"],
            "recipients": ["class:responsible_at_new_place"],
            "valid_from": "2026-01-01",
            "valid_until": "2026-12-31",
            "basis": "consent",
            "register": "V-07",
        }
        self.chain = [
            self.s.put(
                T.CONSENT_RECORDED,
                self.at - timedelta(days=1),
                self.consent,
                chained=False,
            )
        ]

    def facts(self, half: Half, other: Half, **more: Json) -> dict[str, Json]:
        """What every entry of a transfer says."""
        head = {"log": other.log, "size": other.next, "root": "00" * 32}
        return {
            "transfer": str(self.transfer),
            "attempt": 1,
            "peer": R_ID if half is self.s else S_ID,
            "epoch": 1,
            "packet": self.packet,
            "statement": None,
            "peer_cp": head if other.items else None,
            "outcome": None,
            **more,
        }

    def consents(self) -> list[Json]:
        """What the sender's entries rest on."""
        named = {"c": self.consent["consent"], "at": self.chain[0].c.hex()}
        return [{**named, "head": self.chain[-1].c.hex()}]

    def do(self, kind: EntryType, **changes: Json) -> Item:
        """The next act of either side."""
        self.at += timedelta(minutes=1 + self.dice.randrange(90))
        expires = (START + timedelta(days=30)).date().isoformat()
        sent: dict[str, Json] = {"scope": self.scope, "bytes": 1, "expires": expires}
        grounds: dict[str, Json] = {"consents": self.consents()}
        more: dict[str, Json] = {}
        half, other = (self.s, self.r)
        match kind:
            case T.TRANSFER_SENT:
                more = {**sent, **grounds, "persons": 1, "basis": "consent"}
                more["register"] = "V-07"
            case T.TRANSFER_GRANTED:
                more = grounds
            case T.TRANSFER_RECEIVED:
                half, other, more = self.r, self.s, sent
            case T.TRANSFER_APPROVED:
                half, other, more = self.r, self.s, {"scope": self.scope}
            case T.TRANSFER_IMPORTED:
                half, other = self.r, self.s
                more = {"scope": self.scope, "persons": 1}
            case T.TRANSFER_REFUSED | T.TRANSFER_DROPPED | T.TRANSFER_BACKED_UP:
                half, other = self.r, self.s
        more = self.facts(half, other, **more) | changes
        return half.put(kind, self.at, more)

    def run(self, *kinds: EntryType) -> None:
        """Several acts, one after the other."""
        for kind in kinds:
            self.do(kind)

    def end(self, change: Callable[[Shared], Shared] = lambda shared: shared) -> Shared:
        """The transfer as both logs tell it."""
        return change(
            Shared(
                transfer=self.transfer,
                sender=Side(S_LOG, tuple(self.s.items), self.ours or self.complete),
                recipient=Side(
                    R_LOG, tuple(self.r.items), not self.ours or self.complete
                ),
                recipient_id=MemberId(R_ID),
                is_ours_sender=self.ours,
                grounds=(
                    Ground(
                        self.consent["consent"],
                        self.chain[0].c.hex(),
                        tuple(self.chain),
                        self.of_member,
                    ),
                )
                if self.ours
                else (),
                knows_grounds=self.ours,
                overridden=self.overridden,
            )
        )


OFFERED = (T.TRANSFER_SENT, T.TRANSFER_RECEIVED, T.TRANSFER_DELIVERED)
WHOLE = (*OFFERED, T.TRANSFER_APPROVED, T.TRANSFER_GRANTED, T.TRANSFER_IMPORTED)
ALL = (*WHOLE, T.TRANSFER_COMPLETED)


def _changed(side: Side, kind: EntryType, **changes: object) -> Side:
    """A side with one entry's item replaced."""
    return replace(
        side,
        items=tuple(
            replace(item, **changes)  # type: ignore[arg-type]
            if item.entry is not None and item.entry.type is kind
            else item
            for item in side.items
        ),
    )


def _without(side: Side, *kinds: EntryType) -> Side:
    kept = [i for i in side.items if i.entry is None or i.entry.type not in kinds]
    before = None
    items = []
    for item in kept:
        assert item.entry is not None
        items.append(replace(item, entry=replace(item.entry, prev=before)))
        before = item.c.hex()
    return replace(side, items=tuple(items))


def _matched(story: Story) -> Shared:
    match story.dice.randrange(6):
        case 0:
            story.run(*ALL, T.TRANSFER_BACKED_UP, T.TRANSFER_SECURED)
        case 1:
            story.run(*OFFERED, T.TRANSFER_REFUSED, T.TRANSFER_RECALLED)
        case 2:
            story.run(T.TRANSFER_SENT, T.TRANSFER_RECALLED)
        case 3:
            story.run(*OFFERED, T.TRANSFER_RECALLED, T.TRANSFER_DROPPED)
        case 4:
            story.run(*OFFERED, T.TRANSFER_APPROVED)
            story.run(T.TRANSFER_DENIED, T.TRANSFER_DROPPED)
        case _:
            story.complete = False
            story.run(*ALL)
    return story.end()


def _sender_only(story: Story) -> Shared:
    story.run(*ALL)
    gone = story.dice.choice((T.TRANSFER_IMPORTED, T.TRANSFER_APPROVED))
    return story.end(lambda x: replace(x, recipient=_without(x.recipient, gone)))


def _recipient_only(story: Story) -> Shared:
    if story.dice.random() < 0.5:
        story.run(*OFFERED[:2], T.TRANSFER_APPROVED)
        return story.end(lambda x: replace(x, sender=replace(x.sender, items=())))
    story.run(*WHOLE, T.TRANSFER_RECALLED)
    return story.end(
        lambda x: replace(x, sender=_without(x.sender, T.TRANSFER_GRANTED))
    )


def _packet_differs(story: Story) -> Shared:
    story.run(*OFFERED)
    if story.dice.random() < 0.5:
        story.do(T.TRANSFER_APPROVED, packet="ff" * 32)
    else:
        story.do(T.TRANSFER_APPROVED, scope=[*story.scope, "K14"])
    story.run(T.TRANSFER_GRANTED, T.TRANSFER_IMPORTED, T.TRANSFER_COMPLETED)
    return story.end()


def _order_violated(story: Story) -> Shared:
    match story.dice.randrange(3):
        case 0:
            # Granted before approved, by the head that the sender had seen.
            old = {"log": R_LOG, "size": story.r.next, "root": "00" * 32}
            story.run(*OFFERED, T.TRANSFER_APPROVED)
            story.do(T.TRANSFER_GRANTED, peer_cp=old)
        case 1:
            story.run(*OFFERED, T.TRANSFER_APPROVED, T.TRANSFER_COMPLETED)
            story.run(T.TRANSFER_GRANTED, T.TRANSFER_IMPORTED)
            return story.end()
        case _:
            story.run(*WHOLE[:-1])
            _unchain(story)
    story.run(T.TRANSFER_IMPORTED, T.TRANSFER_COMPLETED)
    return story.end()


def _unchain(story: Story) -> None:
    last = story.s.items.pop()
    assert last.entry is not None
    story.s.items.append(replace(last, entry=replace(last.entry, prev="ee" * 32)))


def _receipt_missing(story: Story) -> Shared:
    if story.dice.random() < 0.5:
        story.run(T.TRANSFER_SENT)
    else:
        story.run(*WHOLE[:-1])
    return story.end()


def _consent_missing(story: Story) -> Shared:
    story.of_member = story.dice.choice((False, True))
    if story.of_member:
        # Recorded after the sending, with an older date.
        story.run(T.TRANSFER_SENT)
        late = story.s.put(T.CONSENT_RECORDED, story.at, story.consent, chained=False)
        story.chain = [replace(late, c=story.chain[0].c)]
        story.run(*ALL[1:])
        return story.end()
    story.run(*ALL)
    return story.end()


def _consent_withdrawn(story: Story) -> Shared:
    def withdraw() -> None:
        more: dict[str, Json] = {
            "consent": story.consent["consent"],
            "outcome": "withdrawn",
        }
        story.chain.append(
            story.s.put(T.CONSENT_WITHDRAWN, story.at, more, chained=False)
        )

    if story.dice.random() < 0.5:
        withdraw()
        story.run(*ALL)
    else:
        story.run(*OFFERED, T.TRANSFER_APPROVED)
        withdraw()
        story.run(T.TRANSFER_GRANTED, T.TRANSFER_IMPORTED, T.TRANSFER_COMPLETED)
    return story.end()


def _consent_expired(story: Story) -> Shared:
    edge = (story.at - timedelta(days=2)).date().isoformat()
    later = (story.at + timedelta(days=9)).date().isoformat()
    key, day = story.dice.choice((("valid_until", edge), ("valid_from", later)))
    story.consent[key] = day
    story.run(*ALL)
    return story.end()


def _consent_scope(story: Story) -> Shared:
    if story.dice.random() < 0.5:
        story.consent["scope"] = story.scope[:-1]
    else:
        story.consent["recipients"] = ["member:08337999-anderswo"]
    story.run(*ALL)
    return story.end()


def _late(story: Story) -> Shared:
    match story.dice.randrange(2):
        case 0:
            story.run(*OFFERED)
            story.at = max(story.at, START + timedelta(days=31))
            story.run(*ALL[3:])
            return story.end()
        case _:
            # A clock set back: the foreign signature below is an hour newer.
            story.run(*ALL)
            kind = story.dice.choice((T.TRANSFER_SENT, T.TRANSFER_GRANTED))
            item = next(i for i in story.s.items if i.entry and i.entry.type is kind)
            assert item.entry is not None
            wrong = Bracket(item.entry.at + timedelta(hours=1), None)
            return story.end(
                lambda x: replace(x, sender=_changed(x.sender, kind, bracket=wrong))
            )


def _duplicate(story: Story) -> Shared:
    story.run(*ALL)
    story.do(story.dice.choice((T.TRANSFER_IMPORTED, T.TRANSFER_GRANTED)))
    return story.end()


def _erased(gone: Gone) -> Callable[[Story], Shared]:
    def tell(story: Story) -> Shared:
        story.run(*ALL)
        own = story.dice.random() < 0.5

        def erase(side: Side) -> Side:
            items = (replace(i, entry=None, gone=gone) for i in side.items)
            return replace(side, items=tuple(items))

        return story.end(
            lambda x: (
                replace(x, sender=erase(x.sender))
                if own
                else replace(x, recipient=erase(x.recipient))
            )
        )

    return tell


def _inconsistent(story: Story) -> Shared:
    story.run(*ALL)
    kind = story.dice.choice((T.TRANSFER_RECEIVED, T.TRANSFER_IMPORTED))
    change: dict[str, object] = {"proven_at": None}
    if story.dice.random() < 0.5:
        change = {"index": story.r.items[1].index}
    return story.end(
        lambda x: replace(x, recipient=_changed(x.recipient, kind, **change))
    )


def _below_quorum(story: Story) -> Shared:
    story.run(*ALL)
    kind, change = T.TRANSFER_SENT, {"is_witnessed": False}
    return story.end(lambda x: replace(x, sender=_changed(x.sender, kind, **change)))


def _overridden(story: Story) -> Shared:
    story.overridden = story.dice.random() < 0.5
    story.do(T.TRANSFER_SENT)
    outcome = None if story.overridden else "overridden"
    story.do(T.TRANSFER_RECEIVED, outcome=outcome)
    story.run(*ALL[2:])
    return story.end()


def _open(story: Story) -> Shared:
    story.at = NOW - timedelta(hours=12)
    far = (NOW + timedelta(days=14)).date().isoformat()
    steps = story.dice.randrange(1, 5)
    for kind in WHOLE[:steps]:
        dated = kind in {T.TRANSFER_SENT, T.TRANSFER_RECEIVED}
        story.do(kind, **({"expires": far} if dated else {}))
    return story.end()


SEEDED: dict[Class, Callable[[Story], Shared]] = {
    Class.MATCHED: _matched,
    Class.SENDER_ONLY: _sender_only,
    Class.RECIPIENT_ONLY: _recipient_only,
    Class.PACKET_DIFFERS: _packet_differs,
    Class.ORDER_VIOLATED: _order_violated,
    Class.RECEIPT_MISSING: _receipt_missing,
    Class.CONSENT_MISSING: _consent_missing,
    Class.CONSENT_WITHDRAWN_BEFORE: _consent_withdrawn,
    Class.CONSENT_EXPIRED: _consent_expired,
    Class.CONSENT_SCOPE: _consent_scope,
    Class.LATE: _late,
    Class.DUPLICATE: _duplicate,
    Class.ERASED_LAWFUL: _erased(Gone.LAWFUL),
    Class.ERASED_UNLAWFUL: _erased(Gone.UNLAWFUL),
    Class.PEER_LOG_INCONSISTENT: _inconsistent,
    Class.BELOW_QUORUM: _below_quorum,
    Class.OVERRIDDEN: _overridden,
    Class.OPEN: _open,
}
REMARKS = frozenset({Class.BELOW_QUORUM, Class.OVERRIDDEN})


def generate(
    count: int, seed: int, *, odd: float = 0.3
) -> Iterator[tuple[Class, Shared]]:
    """Transfers with the class that was seeded; most of them agree."""
    dice = random.Random(seed)
    kinds = [kind for kind in Class if kind is not Class.MATCHED]
    for number in range(count):
        wanted = dice.choice(kinds) if dice.random() < odd else Class.MATCHED
        story = Story(dice, number, ours=True)
        yield wanted, SEEDED[wanted](story)


def found_in(shared: Shared) -> frozenset[Class]:
    """The classes of one transfer; a remark stands beside ``matched``."""
    found = {each.found for each in classify(shared, NOW, local_day)}
    return frozenset(found - {Class.MATCHED} if found & REMARKS else found)


def main() -> None:
    """Print time, recall and precision."""
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    truth: Counter[Class] = Counter()
    hit: Counter[Class] = Counter()
    named: Counter[Class] = Counter()
    seconds = 0.0
    for wanted, shared in generate(count, seed):
        began = time.perf_counter()
        found = found_in(shared)
        seconds += time.perf_counter() - began
        truth[wanted] += 1
        hit[wanted] += wanted in found
        named.update(found)
    print(f"transfers {count}, seed {seed}, {seconds:.1f} s, {count / seconds:.0f}/s")
    for kind in Class:
        recall = hit[kind] / truth[kind] if truth[kind] else 1.0
        precision = hit[kind] / named[kind] if named[kind] else 1.0
        print(
            f"{kind:26} seeded {truth[kind]:6} found {named[kind]:6} "
            f"recall {recall:.4f} precision {precision:.4f}"
        )
    sys.exit(int(hit != named or hit != truth))


if __name__ == "__main__":
    main()
