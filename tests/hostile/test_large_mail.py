"""A container above the usual 64 MiB through a relay, to a town that nobody can call."""

import hashlib
import secrets
from datetime import timedelta

import pytest

from node.bootstrap import Hands
from node.failpoints import NoFailpoints
from node.federation import relay
from node.federation.pace import ProblemError
from node.ids import TransferId
from node.store.files import SealedFiles
from node.sync import limits, release
from node.sync.limits import MIB
from node.sync.room import Room
from node.sync.transfer import Inbound, Outbound
from node.web.language import Language, Words
from node.web.wording import reason_words
from tests.e2e.test_relay import Towns
from tests.support.desk import keep_document, relocate
from tests.support.largeends import drawn
from tests.support.mailtowns import RELAY, found_mailed
from tests.support.office import MovingClock
from tests.support.pair import (
    AGS,
    SAECKINGEN,
    USUAL,
    WEHR,
    add_staff,
    give_consent,
    open_case,
    until,
)

SIZE = 80 * MIB
VALUES = {"doc_kind": "school", "media_type": "application/pdf", "title": "Z"}
BOTH = {WEHR: (RELAY,), SAECKINGEN: (RELAY,)}


@pytest.fixture
async def towns(tmp_path):
    clock = MovingClock()
    hands = Hands(clock, secrets.token_bytes, NoFailpoints())
    found = Towns(found_mailed(tmp_path, hands, mailboxes=BOTH, mib=(128, 100)), clock)
    yield found
    await found.stop()


def leave_with(towns: Towns, size: int):
    """Somebody leaves Wehr with one document; case, its digest, transfer."""
    for node in (towns.wehr, towns.saeckingen):
        add_staff(node)
    case = open_case(towns.wehr)
    digest = hashlib.sha256()
    document = keep_document(towns.wehr, case, drawn(size, digest.update), VALUES)
    give_consent(towns.wehr, case, USUAL | {"K13"}, frozenset({document}))
    transfer = TransferId(relocate(towns.wehr, str(AGS[SAECKINGEN]), case))
    return case, digest.hexdigest(), transfer


def digest_there(towns: Towns, case) -> str:
    def read(uow):
        (record,) = uow.cases.content(case).of("document")
        name = bytes.fromhex(record.text("digest"))
        digest = hashlib.sha256()
        for chunk in uow.cases.open_document(case, name):
            digest.update(chunk)
        return digest.hexdigest()

    return towns.saeckingen.store.read_sync(read)


class Measured(SealedFiles):
    """A shelf that knows the largest piece it was ever given."""

    largest = 0

    def keep(self, chunks):
        """Look at each piece."""

        def looked():
            for chunk in chunks:
                Measured.largest = max(Measured.largest, len(chunk))
                yield chunk

        return super().keep(looked())


@pytest.mark.spec("HO-88", "HO-91")
async def test_eighty_mebibytes_go_through_a_mailbox_part_by_part(towns, monkeypatch):
    read = []
    kept = SealedFiles.keep_sealed

    def keep_sealed(self, key, transfer, start, chunks):
        read.append(start)
        return kept(self, key, transfer, start, chunks)

    monkeypatch.setattr(SealedFiles, "keep_sealed", keep_sealed)
    await towns.start(RELAY, shelf=Measured)
    await towns.start(WEHR, SAECKINGEN)
    case, digest, transfer = leave_with(towns, SIZE)
    await until(lambda: towns.there(transfer) is Inbound.WAITING, 120)
    await towns.approved(transfer)
    await until(lambda: towns.there(transfer) is Inbound.CLOSED, 120)
    assert digest_there(towns, case) == digest
    # Nobody ever held more of it than one part, and no part came twice.
    assert Measured.largest <= limits.PART_BYTES
    assert len(read) == len(set(read)) > SIZE // limits.PART_BYTES


@pytest.mark.spec("HO-91", "API-44")
async def test_what_is_larger_than_a_mailbox_holds_is_not_sealed_for_it(
    towns, monkeypatch
):
    monkeypatch.setattr(release, "RELAY_BYTES", MIB)
    await towns.start(RELAY, WEHR, SAECKINGEN)
    case, _, transfer = leave_with(towns, 2 * MIB)

    def withheld():
        find = lambda uow: uow.outbound.get(transfer)  # noqa: E731
        return towns.wehr.store.read_sync(find).withheld

    await until(withheld, 30)
    # People see why it waits, and nothing was offered.
    assert withheld() == ((case, "too-large"),)
    assert towns.there(transfer) is None
    folder = towns.wehr.settings.folder / "files" / "packets"
    assert not [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.spec("LIM-3")
async def test_what_is_larger_than_the_sheet_says_waits_and_people_see_why(
    towns, monkeypatch
):
    monkeypatch.setattr(release, "_room_of", lambda *_: Room(MIB, MIB))
    await towns.start(RELAY, WEHR, SAECKINGEN)
    case, _, transfer = leave_with(towns, 2 * MIB)
    find = lambda uow: uow.outbound.get(transfer)  # noqa: E731
    await until(lambda: towns.wehr.store.read_sync(find).withheld, 30)
    found = towns.wehr.store.read_sync(find)
    assert (found.state, found.withheld) == (Outbound.HELD, ((case, "too-large"),))
    assert reason_words("too-large", Words(Language.GERMAN))[0].startswith(
        "Es ist mehr"
    )


@pytest.mark.spec("API-46")
async def test_an_upload_whose_last_part_came_before_a_crash_is_finished(
    towns, monkeypatch
):
    crashed = []

    async def crash(*_):
        if not crashed:
            crashed.append(True)
            raise ProblemError("maintenance", retry_after=1)
        return await finish(*_)

    finish = relay._finish
    monkeypatch.setattr(relay, "_finish", crash)
    await towns.start(RELAY, WEHR, SAECKINGEN)
    _, _, transfer = leave_with(towns, 2 * MIB)
    await until(lambda: crashed, 30)
    towns.clock.offset += timedelta(minutes=30)
    towns.wehr.worker.contact(SAECKINGEN)
    await until(lambda: towns.there(transfer) is Inbound.WAITING, 60)
