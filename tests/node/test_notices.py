"""Mails before a real mail server: who hears of what, when, and that it says nothing else."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from node.accounts.notices import GIVEN_UP_AFTER, Notice, NoticeKind
from node.bootstrap import own_hands
from node.casework.cases import new_record, save_record
from node.casework.health import Check, look
from node.casework.notices import Choice, choose, next_letter, plan, went
from node.config import Settings
from node.errors import ConfigError, InputError
from node.ids import AccountId
from node.noticemail import MailDoor, Notifier
from node.report.backups import BERLIN
from node.web.noticewords import TEXTS
from tests.support.federation import certificate
from tests.support.mailsink import mail_sink
from tests.support.offers import offer_of_two, put_offer
from tests.support.office import LEADER, open_office
from tests.support.pair import APPROVER, CLERK, SAECKINGEN, found_pair, open_case

TAGS = re.compile(r"<[^>]+>")
CLERK_MAIL, APPROVER_MAIL = "fachkraft@stadt.example", "freigabe@stadt.example"
LEADER_MAIL = "verwaltung@stadt.example"


@pytest.fixture
async def office(tmp_path):
    async with open_office(tmp_path, SAECKINGEN) as office:
        # A Tuesday, ten in the morning, whatever day the test runs on.
        now = datetime.now(UTC).astimezone(BERLIN)
        then = now.replace(hour=10, minute=0) + timedelta(days=(1 - now.weekday()) % 7)
        office.clock.offset = then - now
        yield office


@pytest.fixture
async def sink(tmp_path):
    async with mail_sink(certificate(tmp_path)) as sink:
        yield sink


def notifier(office, sink, tmp_path, **changes):
    door = MailDoor(
        host="127.0.0.1",
        port=sink.port,
        is_tls_at_once=sink.at_once,
        sender="staffelstab@stadt.example",
        authorities=str(tmp_path / "127.0.0.1.pem"),
    )
    node = office.node
    return Notifier(node.store, node.office, replace(door, **changes), node.settings)


def wants(office, who, email, *, wanted=True):
    office.node.store.write_sync(choose, who.account, Choice(email, wanted))


def follow_up(office, due):
    case = open_case(office.node, "Demo-Geheim")
    node = office.node
    made = new_record(node.office, case, "follow_up", {"due": due}, by=CLERK.account)
    node.store.write_sync(save_record, node.office, made, epoch=1, by=CLERK)
    return case


def told(sink):
    return [(m["To"], m["Subject"].partition(": ")[2]) for m in sink.mails]


def rows(office):
    return office.node.store.read_sync(
        lambda uow: uow.notices.failing(office.clock.now() - timedelta(days=30))
    )


async def run(job):
    await asyncio.to_thread(job)


# ---- Who hears of what -----------------------------------------------------------------


@pytest.mark.spec("DO-47", "SC-53")
async def test_a_mail_is_one_sentence_and_a_link_and_names_nobody(
    office, sink, tmp_path
):
    case = follow_up(office, office.clock.now().date().isoformat())
    number = put_offer(office.node)
    wants(office, CLERK, CLERK_MAIL)
    wants(office, APPROVER, APPROVER_MAIL)
    await run(notifier(office, sink, tmp_path))
    assert told(sink) == [
        (CLERK_MAIL, "Ihr Arbeitsvorrat"),
        (APPROVER_MAIL, "Eingang: zu entscheiden"),
    ] or told(sink) == [
        (APPROVER_MAIL, "Eingang: zu entscheiden"),
        (CLERK_MAIL, "Ihr Arbeitsvorrat"),
    ]
    origin = office.node.settings.web_url
    for mail in sink.mails:
        sentence, blank, link = mail.get_content().strip().splitlines()
        assert (sentence.count("."), blank) == (1, "")
        assert link in {f"{origin}/work", f"{origin}/inbox"}
    said = b"".join(sink.kept)
    for value in (
        "Demo-Geheim",
        "Amina",
        case,
        str(number),
        number.short,
        "Stadt Wehr",
    ):
        assert value.encode() not in said


def test_no_text_of_a_mail_can_hold_a_value():
    assert set(TEXTS) == set(NoticeKind)
    for subject, sentence, path in TEXTS.values():
        assert "%" not in subject + sentence + path
        assert "{" not in subject + sentence + path


async def test_one_mail_a_day_and_kind_and_the_next_day_again(office, sink, tmp_path):
    follow_up(office, "2020-01-01")
    wants(office, CLERK, CLERK_MAIL)
    job = notifier(office, sink, tmp_path)
    for _ in range(3):
        await run(job)
        office.clock.offset += timedelta(hours=2)
    assert len(sink.mails) == 1
    office.clock.offset += timedelta(days=1)
    await run(job)
    assert len(sink.mails) == 2
    assert len({m["Message-ID"] for m in sink.mails}) == 2


@pytest.mark.parametrize(
    ("later", "expected"),
    [(timedelta(hours=-4), 0), (timedelta(0), 1), (timedelta(days=4), 0)],
    ids=["before seven", "at ten", "on a Saturday"],
)
async def test_the_mails_of_the_day_wait_for_a_working_morning(office, later, expected):
    follow_up(office, "2020-01-01")
    wants(office, CLERK, CLERK_MAIL)
    office.clock.offset += later
    node = office.node
    assert node.store.write_sync(plan, node.office) == expected


async def test_an_empty_day_sends_nothing(office, sink, tmp_path):
    open_case(office.node)
    follow_up(office, "2099-01-01")
    wants(office, CLERK, CLERK_MAIL)
    wants(office, APPROVER, APPROVER_MAIL)
    await run(notifier(office, sink, tmp_path))
    assert sink.mails == []


@pytest.mark.spec("SC-53", "FR-31")
async def test_an_offer_is_told_when_it_comes_on_day_3_and_9_and_before_its_end(office):
    put_offer(office.node)
    wants(office, APPROVER, APPROVER_MAIL)
    store, at_work = office.node.store, office.node.office
    days = {}
    for day in range(15):
        store.write_sync(plan, at_work)
        while (letter := store.write_sync(next_letter, office.clock.now())) is not None:
            days.setdefault(letter.notice.says, []).append(day)
            store.write_sync(went, letter.notice, office.clock.now(), sent=True)
        office.clock.offset += timedelta(days=1)
    # Tuesday, Friday; day 9 is a Thursday; the end comes within 24 hours on day 13.
    assert days[NoticeKind.OFFERS] == [0, 3, 9]
    assert days[NoticeKind.DECISION][0] in {12, 13}


async def test_a_decision_due_within_24_hours_is_told_at_once_also_at_night(office):
    end = office.clock.now().replace(microsecond=0) + timedelta(days=2, hours=-5)
    put_offer(office.node, offer_of_two(office.node, exp=end))
    wants(office, APPROVER, APPROVER_MAIL)
    node = office.node
    # The mail of the day about a new offer; then silence until a day before its end.
    assert node.store.write_sync(plan, node.office) == 1
    office.clock.offset += timedelta(hours=18)
    assert node.store.write_sync(plan, node.office) == 0
    office.clock.offset += timedelta(hours=2)
    assert office.clock.now().astimezone(BERLIN).hour < 7
    assert node.store.write_sync(plan, node.office) == 1


async def test_an_alarm_is_told_at_once_to_the_administration_alone(
    office, sink, tmp_path
):
    for who, mail in ((LEADER, LEADER_MAIL), (CLERK, CLERK_MAIL)):
        wants(office, who, mail)
    office.clock.offset += timedelta(hours=-5)
    await run(notifier(office, sink, tmp_path))
    # There is no backup yet.
    assert {m["To"] for m in sink.mails} == {LEADER_MAIL}
    assert all("/status" in m.get_content() for m in sink.mails)
    before = len(sink.mails)
    await run(notifier(office, sink, tmp_path))
    assert len(sink.mails) == before


async def test_who_left_does_not_want_it_or_has_no_address_gets_none(office):
    follow_up(office, "2020-01-01")
    node = office.node
    assert node.store.write_sync(plan, node.office) == 0
    wants(office, CLERK, CLERK_MAIL, wanted=False)
    assert node.store.write_sync(plan, node.office) == 0
    wants(office, CLERK, CLERK_MAIL)
    assert node.store.write_sync(plan, node.office) == 1

    def leave(uow):
        with uow:
            gone = replace(
                uow.accounts.get(CLERK.account),
                active_until=office.clock.now().date() - timedelta(days=2),
            )
            uow.accounts.replace(gone)
            uow.commit()

    node.store.write_sync(leave)
    # What lies in the outbox already does not go either.
    assert node.store.write_sync(next_letter, office.clock.now()) is None


# ---- The outbox ------------------------------------------------------------------------


async def test_a_crash_after_sending_repeats_a_mail_once_and_never_again(
    office, sink, tmp_path
):
    follow_up(office, "2020-01-01")
    wants(office, CLERK, CLERK_MAIL)
    job, store = notifier(office, sink, tmp_path), office.node.store
    store.write_sync(plan, office.node.office)
    for _ in range(4):
        letter = store.write_sync(next_letter, office.clock.now())
        if letter is not None:
            # Sent, and the process dies before it is noted.
            await run(lambda letter=letter: job._send(letter))
        office.clock.offset += timedelta(minutes=11)
    assert len(sink.mails) == 2
    assert len({m["Message-ID"] for m in sink.mails}) == 1


async def test_a_crash_before_sending_loses_nothing(office, sink, tmp_path):
    follow_up(office, "2020-01-01")
    wants(office, CLERK, CLERK_MAIL)
    store = office.node.store
    store.write_sync(plan, office.node.office)
    assert store.write_sync(next_letter, office.clock.now()) is not None
    await run(notifier(office, sink, tmp_path))
    assert sink.mails == []
    office.clock.offset += timedelta(minutes=11)
    await run(notifier(office, sink, tmp_path))
    assert len(sink.mails) == 1


@pytest.mark.spec("SC-62")
async def test_a_server_that_refuses_is_told_on_the_status_page_and_tried_again(
    office, sink, tmp_path
):
    follow_up(office, "2020-01-01")
    wants(office, CLERK, CLERK_MAIL)
    sink.answer = b"451 later, fachkraft"
    job = notifier(office, sink, tmp_path)
    await run(job)
    assert [row.failures for row in rows(office)] == [1]
    found = office.node.store.read_sync(look, office.node.office, LEADER)
    assert Check.MAIL in {finding.check for finding in found}
    page = await (await office.enter(LEADER)).get("/status")
    said = re.sub(r"\s+", " ", TAGS.sub(" ", page.text))
    assert "E-Mails können nicht versendet werden" in said
    assert "Was tun? Prüfen Sie smtp_host" in said
    assert "fachkraft" not in page.text
    # No alarm by mail about mails; not before its time.
    await run(job)
    assert [row.failures for row in rows(office)] == [1]
    sink.answer = b"250 taken"
    office.clock.offset += timedelta(minutes=6)
    await run(job)
    assert told(sink) == [(CLERK_MAIL, "Ihr Arbeitsvorrat")]
    found = office.node.store.read_sync(look, office.node.office, LEADER)
    assert Check.MAIL not in {finding.check for finding in found}


def test_a_mail_of_yesterday_is_given_up_for_the_one_of_today():
    made = datetime(2026, 12, 1, 7, tzinfo=UTC)
    notice = Notice(
        AccountId("ab" * 16), "worklist", made.date(), made, made, failures=9
    )
    assert notice.next_after_failure(made) is not None
    assert notice.next_after_failure(made + GIVEN_UP_AFTER) is None


# ---- The mail server -------------------------------------------------------------------


@pytest.mark.spec("SR-F10")
@pytest.mark.parametrize("case", ["stranger", "no tls", "other name"])
async def test_without_verified_tls_nothing_leaves_not_even_the_password(
    office, sink, tmp_path, case
):
    follow_up(office, "2020-01-01")
    wants(office, CLERK, CLERK_MAIL)
    changes = {"user": "node", "password": "geheim"}
    if case == "stranger":
        changes["authorities"] = ""
    if case == "no tls":
        sink.offers_tls = False
    if case == "other name":
        changes["host"] = "localhost"
    await run(notifier(office, sink, tmp_path, **changes))
    assert sink.mails == []
    assert sink.logins == []
    assert not any(b"MAIL" in line or b"AUTH" in line for line in sink.clear)
    assert [row.failures for row in rows(office)] == [1]


async def test_tls_from_the_first_byte_and_a_password_work(office, tmp_path):
    follow_up(office, "2020-01-01")
    wants(office, CLERK, CLERK_MAIL)
    async with mail_sink(certificate(tmp_path), at_once=True) as sink:
        job = notifier(office, sink, tmp_path, user="node", password="geheim")
        await run(job)
        assert (len(sink.mails), sink.logins) == (1, [("node", "geheim")])


@pytest.mark.spec("SR-D3")
@pytest.mark.parametrize("wrong", ["missing", "open", "empty", "no sender"])
def test_a_password_comes_from_a_file_of_its_owner_alone(tmp_path, wrong):
    secret = tmp_path / "smtp.password"
    if wrong != "missing":
        secret.write_text("" if wrong == "empty" else "geheim\n")
        secret.chmod(0o644 if wrong == "open" else 0o600)
    settings = Settings(
        folder=tmp_path,
        member=SAECKINGEN,
        name="Stadt Bad Säckingen",
        ags="08337096",
        web_url="http://127.0.0.1:1",
        peer_url="http://127.0.0.1:2",
        smtp_host="mail.example",
        smtp_user="node",
        smtp_from="" if wrong == "no sender" else "node@stadt.example",
        smtp_password_file=str(secret),
    )
    with pytest.raises(ConfigError) as caught:
        MailDoor.load(settings)
    assert "geheim" not in str(caught.value)


async def test_a_node_with_a_mail_server_in_its_settings_sends_by_itself(
    sink, tmp_path
):
    folders = found_pair(tmp_path / "pair", own_hands())
    secret = tmp_path / "smtp.password"
    secret.write_text("geheim")
    secret.chmod(0o600)
    with (folders[SAECKINGEN] / "node.toml").open("a") as file:
        file.write(
            f'smtp_host = "127.0.0.1"\nsmtp_port = {sink.port}\nsmtp_user = "node"\n'
            f'smtp_password_file = "{secret}"\nsmtp_from = "node@stadt.example"\n'
            f'smtp_authorities = "{tmp_path / "127.0.0.1.pem"}"\n'
        )
    async with open_office(tmp_path, SAECKINGEN, folders=folders) as office:
        wants(office, LEADER, LEADER_MAIL)
        work = asyncio.create_task(office.node.worker.run())
        try:
            async with asyncio.timeout(20):
                while not sink.mails:
                    await asyncio.sleep(0.05)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        assert sink.mails[0]["To"] == LEADER_MAIL
        assert sink.logins[0] == ("node", "geheim")


# ---- The own choice --------------------------------------------------------------------


async def test_everybody_chooses_for_themselves_on_a_page(office):
    browser = await office.enter(CLERK)
    page = await browser.get("/notifications")
    assert "Diese Stelle versendet noch keine E-Mails." in page.text
    answer = await browser.post(
        "/notifications", page.form_token, email=CLERK_MAIL, wanted="yes"
    )
    assert answer.status == 303
    assert CLERK_MAIL in (await browser.get("/notifications")).text
    wants_it = office.node.store.read_sync(
        lambda uow: (
            uow.accounts.get(CLERK.account).email,
            uow.notices.wanted(CLERK.account),
        )
    )
    assert wants_it == (CLERK_MAIL, True)


@pytest.mark.parametrize(
    ("email", "wanted", "sentence"),
    [
        ("", "yes", "Bitte ergänzen: Ihre dienstliche E-Mail-Adresse"),
        ("Demo", "yes", "wie name@stadt.example"),
        ("a@b@stadt.example", "no", "wie name@stadt.example"),
        ("a@stadt.example, b@stadt.example", "yes", "wie name@stadt.example"),
        (CLERK_MAIL, "", "Bitte wählen Sie, ob Sie E-Mails möchten."),
    ],
)
async def test_a_choice_that_cannot_be_is_refused_with_what_was_typed(
    office, email, wanted, sentence
):
    browser = await office.enter(CLERK)
    token = (await browser.get("/notifications")).form_token
    answer = await browser.post("/notifications", token, email=email, wanted=wanted)
    assert answer.status == 422
    assert sentence in answer.text
    assert email in answer.text


async def test_a_line_break_in_an_address_is_refused(office):
    for email in ("a@stadt.example\nBcc: b@x.example", "a@stadt.example\r\n"):
        with pytest.raises(InputError):
            office.node.store.write_sync(
                choose, CLERK.account, Choice(email + "x", wanted=True)
            )
