"""S16 before a real node: in order, each planted fault with its words, and who may look."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from node.casework.health import KEY_ENDS_WITHIN, Check, Level, look
from node.errors import ForbiddenError
from node.report.backups import BackupRow, Kind
from node.web.pages.status import _FINE, _WRONG
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import APPROVER, CLERK, SAECKINGEN

pytestmark = pytest.mark.asyncio(loop_scope="module")
TAGS = re.compile(r"<[^>]+>")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        office.node.publisher.publish()
        keep_backup(office)
        yield office


def keep_backup(office, *, hours=1, verified=True):
    """A row of a backup, as the duty writes it."""
    at = office.clock.now() - timedelta(hours=hours)
    row = BackupRow(f"set-{hours}", Kind.CONTENT, "/x", bytes(32), (), at)
    row = replace(row, verified_at=at if verified else None)
    change(office, lambda uow: uow.backups.add(row))


def levels(office):
    found = office.node.store.read_sync(look, office.node.office, LEADER)
    return {finding.check: finding.level for finding in found}


async def page_of(office):
    page = await (await office.enter(LEADER)).get("/status")
    assert page.status == 200
    return re.sub(r"\s+", " ", TAGS.sub(" ", page.text))


def change(office, act):
    def unit(uow):
        with uow:
            act(uow)
            uow.commit()

    office.node.store.write_sync(unit)


async def test_a_healthy_node_says_so_in_one_sentence(tmp_path):
    # One of its own: the other tests leave their faults in the office they share.
    async with open_office(tmp_path) as office:
        office.node.publisher.publish()
        keep_backup(office)
        said = await page_of(office)
        assert "Alles in Ordnung." in said
        assert "Was tun?" not in said
        assert set(levels(office).values()) == {Level.OK}


@pytest.mark.spec("SC-62", "SC-66")
async def test_an_old_directory_and_an_ending_key_are_told_with_what_to_do(office):
    office.clock.offset = timedelta(days=90) - KEY_ENDS_WITHIN + timedelta(days=1)
    assert levels(office)[Check.DIRECTORY] is Level.FAULT
    assert levels(office)[Check.OWN_KEY] is not Level.OK
    said = await page_of(office)
    assert "Das Verzeichnis ist alt" in said
    assert "ruhen neue Übergaben" in said
    assert "Was tun? Die Leitung zum Verzeichnis prüfen." in said


@pytest.mark.spec("SC-62")
async def test_a_peer_that_cannot_be_reached_is_named(office):
    now = office.clock.now()
    change(
        office,
        lambda uow: uow.outbox.failed(
            SAECKINGEN, at=now - timedelta(hours=1), next_at=now, code="unreachable"
        ),
    )
    assert "Bad-Saeckingen ist nicht erreichbar" in await page_of(office)
    assert levels(office)[Check.PEER] is Level.WARNING
    change(office, lambda uow: uow.outbox.succeeded(SAECKINGEN, now))
    assert "Bad-Saeckingen: nichts steht im Weg." in await page_of(office)


@pytest.mark.spec("SC-62")
async def test_two_histories_of_a_peer_are_a_fault(office):
    change(office, lambda uow: uow.chains.quarantine(SAECKINGEN, "fork", "proof"))
    said = await page_of(office)
    assert "zwei Verläufe gezeigt" in said
    assert "1 Sache braucht Sie." in said


@pytest.mark.spec("SR-R2")
async def test_a_day_without_a_verified_backup_is_a_fault(tmp_path):
    async with open_office(tmp_path) as office:
        office.node.publisher.publish()
        assert levels(office)[Check.BACKUP] is Level.FAULT
        keep_backup(office, hours=27)
        assert levels(office)[Check.BACKUP] is Level.FAULT
        keep_backup(office, hours=2, verified=False)
        assert levels(office)[Check.BACKUP] is Level.FAULT
        said = await page_of(office)
        assert "Seit mehr als 26 Stunden gibt es keine geprüfte Sicherung." in said
        assert "Was tun? Auf dem Server „staffelstab backup create“" in said
        keep_backup(office, hours=25)
        assert levels(office)[Check.BACKUP] is Level.OK


@pytest.mark.parametrize("actor", [CLERK, APPROVER, AUDITOR])
@pytest.mark.spec("SR-B8")
async def test_other_roles_see_no_status(office, actor):
    assert (await (await office.enter(actor)).get("/status")).status == 403
    with pytest.raises(ForbiddenError):
        office.node.store.read_sync(look, office.node.office, actor)


async def test_every_check_has_words_for_good_and_for_bad():
    assert set(_WRONG) == set(Check)
    only_bad = {Check.QUARANTINE, Check.QUORUM, Check.WITNESS_SILENT}
    only_bad |= {Check.BEHIND, Check.READMITTED, Check.FOREIGN_SHEET}
    only_bad |= {Check.CONFLICT, Check.CLOCK, Check.STANDING, Check.FIRST_WORD}
    only_bad |= {Check.RECEIPT, Check.ERASURE, Check.HOLD, Check.MAIL}
    assert set(_FINE) == set(Check) - only_bad
