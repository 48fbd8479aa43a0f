"""A node in quarantine is read, answers hello, and does nothing else (SR-R5, P14)."""

from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
import pytest_asyncio

from node.accounts.model import Scope
from node.bootstrap import build_node, own_hands
from node.config import load_settings
from node.errors import ReadingOnlyError, RejectedError, UsageError
from node.exchangelog.standing import Reason, Stand, Standing
from node.ids import TransferId
from node.sync import firstword
from node.sync.bodies import EmptyBody
from node.sync.issue import issue
from node.sync.message import Envelope
from node.sync.rows import EntryDraft
from node.sync.words import StatementType
from tests.support.office import LEADER, open_office
from tests.support.pair import (
    CLERK,
    SAECKINGEN,
    WEHR,
    found_pair,
    give_consent,
    open_case,
    running,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def enter(node, standing=Standing.QUARANTINE, since=None):
    def unit(uow):
        reason = Reason.AHEAD if standing is Standing.QUARANTINE else None
        with uow:
            at = since or node.office.clock.now()
            uow.stands.begin(Stand(standing, at, reason))
            uow.commit()

    node.store.write_sync(unit)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory):
    """Wehr with its pages; Säckingen beside it, to call Wehr as a peer."""
    folders = found_pair(tmp_path_factory.mktemp("pair"), own_hands())
    async with AsyncExitStack() as stack:
        office = await stack.enter_async_context(
            open_office(folders[WEHR], WEHR, folders=folders)
        )
        office.case = open_case(office.node)
        await stack.enter_async_context(running(office.node, worker=False))
        settings = load_settings(folders[SAECKINGEN])
        office.peer = await stack.enter_async_context(build_node(settings))
        office.word = say_something(office.peer)
        yield office


def say_something(node):
    """A statement of Säckingen to Wehr; whatever it says, it is not taken now."""

    def unit(uow):
        with uow:
            said = issue(
                uow,
                node.office,
                to=WEHR,
                kind=StatementType.LOST,
                body=EmptyBody(),
                transfer=TransferId("ab" * 16),
                off=bytes(32),
                entry=None,
            )
            uow.commit()
        return Envelope(said.jws, None)

    return node.store.write_sync(unit)


@pytest.fixture
def office(opened):
    enter(opened.node)
    yield opened
    enter(opened.node, Standing.SPEAKING)


@pytest.mark.spec("SR-R5", "P14")
async def test_no_use_case_writes(office):
    with pytest.raises(ReadingOnlyError):
        open_case(office.node)
    with pytest.raises(ReadingOnlyError):
        give_consent(office.node, office.case)


@pytest.mark.spec("SR-R5")
async def test_no_entry_gets_into_the_log_by_itself(office):
    draft = EntryDraft(
        "peer.changed",
        office.clock.now(),
        "operation:2026-02",
        {"target": "x", "digest": "00" * 32},
    )

    def unit(uow):
        with uow:
            uow.log.append(draft)
            uow.commit()

    with pytest.raises(ReadingOnlyError):
        office.node.store.write_sync(unit)


@pytest.mark.spec("LR-12")
async def test_nothing_is_signed(office):
    enter(office.node, Standing.SPEAKING)
    give_consent(office.node, office.case)
    enter(office.node)
    assert not office.node.publisher.publish()


async def test_people_still_sign_in_and_read(office):
    browser = await office.enter(CLERK)
    page = await browser.get(f"/cases/{office.case}")
    assert page.status == 200
    assert "Gerade ist nur Lesen möglich" in page.text


@pytest.mark.spec("SR-R5")
async def test_a_page_shows_no_form_that_writes_and_none_is_taken(office):
    browser = await office.enter(CLERK)
    page = await browser.get("/cases/new")
    assert page.status == 200
    posts = page.text.count('method="post"')
    assert posts == page.text.count('action="/logout"') + page.text.count(
        'action="/cases/search"'
    )
    enter(office.node, Standing.SPEAKING)
    form = await browser.get("/cases/new")
    assert form.text.count('method="post"') > posts
    enter(office.node)
    answer = await browser.post(
        "/cases/new",
        form.form_token,
        family_name="Demo-Esche",
        given_names="Omar",
        birth_date="1991-01-01",
        counselling_start="2026-01-01",
    )
    assert answer.status in {422, 503}
    assert "Demo-Esche" in answer.text


async def test_the_status_page_says_what_to_do(office):
    page = await (await office.enter(LEADER)).get("/status")
    assert "staffelstab recover" in page.text


async def test_the_api_says_not_now(office):
    enter(office.node, Standing.SPEAKING)
    token = office.token(Scope.RELOCATIONS_WRITE)
    enter(office.node)
    move = {
        "persons": [{"family_name": "Demo-Ulme", "birth_date": "1990-05-04"}],
        "ags": "08337096",
        "move_on": "2026-12-01",
    }
    page = await office.call("POST", "/api/v1/relocations", token=token, body=move)
    assert page.status in {422, 503}, page.text


@pytest.mark.spec("P14", "LR-25", "API-2", "API-13")
async def test_a_peer_is_answered_its_hello_and_nothing_else(office):
    transport = office.peer.courier.transport
    answer = await transport.hello(WEHR)
    assert answer.said.note is None
    assert answer.waiting.statements == ()
    with pytest.raises(RejectedError, match="reading-only"):
        await transport.send_statements(WEHR, [office.word])


@pytest.mark.spec("LR-16", "LR-25")
@pytest.mark.parametrize("standing", [Standing.WAITING, Standing.QUARANTINE])
async def test_a_witness_that_does_not_speak_does_not_cosign(office, standing):
    enter(office.node, standing)
    url = f"http://127.0.0.1:{office.node.settings.peer_port}/witness/add-checkpoint"
    host = office.node.settings.peer_url.split("//")[1]
    office.peer.publisher.publish()
    note = office.peer.store.read_sync(lambda uow: uow.log.newest()).note
    async with office.client.session.post(
        url, data=f"old 0\n\n{note}".encode(), headers={"Host": host}
    ) as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "1"


@pytest.mark.spec("SR-R4", "API-13")
async def test_before_the_first_word_statements_are_put_off(office):
    enter(office.node, Standing.WAITING)
    with pytest.raises(RejectedError, match="maintenance") as caught:
        await office.peer.courier.transport.send_statements(WEHR, [office.word])
    assert caught.value.retry_after_s == 1


@pytest.mark.spec("LR-24")
async def test_two_persons_end_the_wait_and_the_log_names_them(office):
    node, ids = office.node, (CLERK.account, LEADER.account)
    enter(node, Standing.WAITING, node.office.clock.now() - timedelta(minutes=59))
    with pytest.raises(UsageError):
        node.store.write_sync(firstword.declare, node.office, by=ids[0], second=ids[1])
    enter(node, Standing.WAITING, node.office.clock.now() - timedelta(minutes=61))
    with pytest.raises(UsageError):
        node.store.write_sync(firstword.declare, node.office, by=ids[0], second=ids[0])
    before = node.store.read_sync(lambda uow: uow.log_rows.standing().size)
    node.store.write_sync(firstword.declare, node.office, by=ids[0], second=ids[1])
    after = node.store.read_sync(firstword.standing)
    assert (after.standing, after.declared) == (Standing.SPEAKING, True)
    assert node.store.read_sync(lambda uow: uow.log_rows.standing().size) == before + 1


@pytest.mark.spec("LR-24")
async def test_nobody_talks_a_node_out_of_quarantine(office):
    node = office.node
    with pytest.raises((UsageError, ReadingOnlyError)):
        node.store.write_sync(
            firstword.declare, node.office, by=CLERK.account, second=LEADER.account
        )
