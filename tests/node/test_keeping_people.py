"""Holds and early erasures by page and by command: who may, two people, words."""

import json
import re
from datetime import timedelta

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from node.casework import keeping
from node.casework.eraser import Eraser
from node.casework.keeping import Reason
from node.cli.log import app
from node.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from node.exchangelog.entry import GroupName
from node.exchangelog.keeping import Basis, HoldBasis, Terms
from node.exchangelog.kinds import EntryType
from tests.support.erasures import denied, number
from tests.support.office import AUDITOR, LEADER, OpenOffice, open_office
from tests.support.pair import APPROVER, CLERK
from tests.support.transfers import inbound

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGE = "/exchangelog/erasures"
TAGS = re.compile(r"<[^>]+>")
ORDER = Reason("order", "5K12/26")
_numbers = iter(range(1000, 2000))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as opened:
        yield opened


def told(page) -> str:
    return re.sub(r"\s+", " ", TAGS.sub(" ", page.text))


def fresh(office: OpenOffice) -> GroupName:
    """A transfer with two entries in the log."""
    transfer = number(next(_numbers) << 64 | next(_numbers))

    def act(uow):
        with uow:
            at = office.clock.now()
            first = uow.log.append(denied(transfer, at, None))
            uow.log.append(denied(transfer, at, first))
            uow.commit()

    office.node.store.write_sync(act)
    return GroupName.of_transfer(transfer)


def short(group: GroupName) -> str:
    return number(int(group.partition(":")[2], 16)).short


def do(office: OpenOffice, use_case, *args, **kwargs):
    return office.node.store.write_sync(use_case, office.node.office, *args, **kwargs)


def kept(office: OpenOffice):
    return office.node.store.read_sync(keeping.kept, office.clock.now())


def kinds(office: OpenOffice) -> list[str]:
    lines = office.node.store.read_sync(lambda uow: uow.log_view.lines(0))
    return [line.type for line in lines if line.type]


# ---- Use cases -------------------------------------------------------------------------


@pytest.mark.spec("LR-37", "LOG-35")
async def test_a_hold_is_an_entry_and_so_is_its_end(office):
    group = fresh(office)
    before = kinds(office).count(EntryType.HOLD_SET)
    hold = do(office, keeping.set_hold, group, Reason("court", "AZ-1"), by=APPROVER)
    assert kinds(office).count(EntryType.HOLD_SET) == before + 1
    found = next(h for h in kept(office).holds if h.id == hold)
    assert (found.basis, found.reference, found.is_open) == (
        HoldBasis.COURT,
        "AZ-1",
        True,
    )
    assert found.transfer is not None
    do(office, keeping.release_hold, hold, by=APPROVER)
    found = next(h for h in kept(office).holds if h.id == hold)
    assert found.released_at is not None
    with pytest.raises(NotFoundError):
        do(office, keeping.release_hold, hold, by=APPROVER)


@pytest.mark.parametrize("by", [CLERK, LEADER, AUDITOR])
async def test_only_an_approver_holds_what_is_not_their_own(office, by):
    with pytest.raises(ForbiddenError):
        do(office, keeping.set_hold, fresh(office), Reason("court"), by=by)


async def test_a_hold_needs_entries_a_reason_and_is_set_once(office):
    group = fresh(office)
    absent = GroupName.of_transfer(number(7))
    with pytest.raises(NotFoundError):
        do(office, keeping.set_hold, absent, Reason("court"), by=APPROVER)
    with pytest.raises(InputError, match="basis"):
        do(office, keeping.set_hold, group, Reason("because"), by=APPROVER)
    wrong = Reason("court", "mit Leerzeichen")
    with pytest.raises(InputError, match="reference"):
        do(office, keeping.set_hold, group, wrong, by=APPROVER)
    do(office, keeping.set_hold, group, Reason("court"), by=APPROVER)
    with pytest.raises(ConflictError):
        do(office, keeping.set_hold, group, Reason("court"), by=APPROVER)


@pytest.mark.spec("LR-37")
async def test_what_the_register_calls_destroyed_cannot_be_held(office):
    group = fresh(office)
    people = {"first": APPROVER, "second": LEADER}
    erasure = do(office, keeping.erase_early, group, ORDER, **people)

    def registered(uow):
        with uow:
            uow.keeping.move(erasure, "intent", "registered")
            uow.commit()

    office.node.store.write_sync(registered)
    with pytest.raises(InputError, match="too_late"):
        do(office, keeping.set_hold, group, Reason("court"), by=APPROVER)


@pytest.mark.spec("LR-38", "LOG-33")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (APPROVER, APPROVER),
        (APPROVER, CLERK),
        (APPROVER, AUDITOR),
        (LEADER, LEADER),
        (CLERK, LEADER),
        (AUDITOR, APPROVER),
    ],
)
async def test_nobody_erases_early_without_the_right_second_person(
    office, first, second
):
    group = fresh(office)
    with pytest.raises(ForbiddenError):
        do(office, keeping.erase_early, group, ORDER, first=first, second=second)
    assert not any(e.reference == group for e in kept(office).erasures)


@pytest.mark.parametrize(
    ("group", "reason", "error"),
    [
        (None, Reason("order"), InputError),
        (None, Reason("order", "mit Leerzeichen"), InputError),
        (None, Reason("retention", "AZ"), InputError),
        (None, Reason("restored", "AZ"), InputError),
        (GroupName("audit:2026-02"), ORDER, InputError),
        (GroupName("permanent:2026-02"), ORDER, InputError),
        (GroupName(f"transfer:{'0' * 31}5"), ORDER, NotFoundError),
    ],
)
async def test_an_order_needs_a_ground_a_reference_and_entries(
    office, group, reason, error
):
    people = {"first": APPROVER, "second": LEADER}
    with pytest.raises(error):
        do(office, keeping.erase_early, group or fresh(office), reason, **people)


async def test_a_handover_under_way_is_not_erased(office):
    coming = inbound(77)
    office.node.store.write_sync(_add_inbound, coming)
    group = GroupName.of_transfer(coming.id)
    people = {"first": APPROVER, "second": LEADER}
    with pytest.raises(InputError, match="under_way"):
        do(office, keeping.erase_early, group, ORDER, **people)


def _add_inbound(uow, coming):
    with uow:
        uow.inbound.add(coming)
        uow.log.append(denied(coming.id, coming.offered_at, None))
        uow.commit()


async def test_an_order_lapses_after_seven_days(office):
    group = fresh(office)
    order = do(office, keeping.order_erasure, group, ORDER, by=APPROVER)
    with pytest.raises(ConflictError):
        do(office, keeping.order_erasure, group, ORDER, by=APPROVER)
    office.clock.offset += timedelta(days=7)
    try:
        assert order.id not in [o.id for o in kept(office).orders]
        with pytest.raises(NotFoundError):
            do(office, keeping.confirm_erasure, order.id, by=LEADER)
        do(office, keeping.order_erasure, group, ORDER, by=APPROVER)
    finally:
        office.clock.offset -= timedelta(days=7)


@pytest.mark.spec("EL-4")
async def test_a_confirmed_order_erases_and_names_both_people(office):
    group = fresh(office)
    order = do(office, keeping.order_erasure, group, ORDER, by=APPROVER)
    with pytest.raises(ForbiddenError):
        do(office, keeping.confirm_erasure, order.id, by=APPROVER)
    erasure = do(office, keeping.confirm_erasure, order.id, by=LEADER)
    office.clock.offset += timedelta(hours=25)
    try:
        Eraser(office.node.store, office.node.office, Terms()).advance()
    finally:
        office.clock.offset -= timedelta(hours=25)
    found = next(e for e in kept(office).erasures if e.id == erasure)
    assert (found.basis, found.entries) == (Basis.ORDER, 2)
    assert (found.ordered_by, found.second) == (APPROVER.account, LEADER.account)
    assert found.done_at is not None


async def test_what_waits_too_long_is_an_alarm(office):
    people = {"first": APPROVER, "second": LEADER}
    erasure = do(office, keeping.erase_early, fresh(office), ORDER, **people)
    hold = do(office, keeping.set_hold, fresh(office), Reason("claim"), by=APPROVER)
    assert erasure not in [e.id for e in kept(office).overdue]
    office.clock.offset += timedelta(days=366)
    try:
        late = kept(office)
        assert erasure in [e.id for e in late.overdue]
        assert hold in [h.id for h in late.unreviewed]
    finally:
        office.clock.offset -= timedelta(days=366)


# ---- Pages -----------------------------------------------------------------------------


@pytest.mark.spec("SC-58")
async def test_four_eyes_erase_by_page(office):
    group = fresh(office)
    first = await office.enter(APPROVER)
    page = await first.get(PAGE)
    assert page.status == 200
    answer = await first.post(
        f"{PAGE}/orders",
        page.form_token,
        order_number=short(group),
        order_basis="order",
        reference="5K12/26",
    )
    assert answer.status == 303, told(answer)
    page = await first.get(PAGE)
    assert "Angeordnet, eine zweite Person ist nötig" in told(page)
    assert "Jemand anderes muss bestätigen." in told(page)
    order = next(o for o in kept(office).orders if o.group == group)
    confirm = f"{PAGE}/orders/{order.id.hex()}/confirm"
    refused = await first.post(confirm, page.form_token)
    assert refused.status == 403
    second = await office.enter(LEADER)
    page = await second.get(PAGE)
    assert confirm in page.text
    assert "Sperre setzen" not in told(page)
    assert (await second.post(confirm, page.form_token)).status == 303
    page = await second.get(PAGE)
    words = told(page)
    assert "Von Gericht oder Behörde angeordnet, Aktenzeichen 5K12/26." in words
    assert "Zwei Personen haben es entschieden." in words
    assert "wartet auf einen Zeugen" in words


async def test_a_hold_is_set_and_lifted_by_page(office):
    group = fresh(office)
    browser = await office.enter(APPROVER)
    page = await browser.get(PAGE)
    answer = await browser.post(
        f"{PAGE}/holds", page.form_token, number=short(group), basis="complaint"
    )
    assert answer.status == 303, told(answer)
    page = await browser.get(PAGE)
    assert "Eine Beschwerde wird geprüft." in told(page)
    hold = next(h for h in kept(office).holds if h.basis is HoldBasis.COMPLAINT)
    path = f"{PAGE}/holds/{hold.id.hex()}/release"
    assert path in page.text
    assert (await browser.post(path, page.form_token)).status == 303
    assert "aufgehoben" in told(await browser.get(PAGE))


@pytest.mark.parametrize(
    ("path", "fields", "sentence"),
    [
        ("holds", {"number": "", "basis": "court"}, "kennt keine solche Übergabe"),
        ("holds", {"number": "2222-222"}, "kennt keine solche Übergabe"),
        ("holds", {"number": "?", "basis": ""}, "Bitte wählen Sie einen Grund"),
        (
            "orders",
            {"order_number": "?", "order_basis": "order", "reference": " "},
            "Bitte ergänzen: das Aktenzeichen",
        ),
        (
            "orders",
            {"order_number": "?", "order_basis": "order", "reference": "a b"},
            "ohne Leerzeichen",
        ),
        (
            "orders",
            {"order_number": "?", "order_basis": "retention", "reference": "a"},
            "Bitte wählen Sie einen Grund",
        ),
    ],
)
async def test_a_form_that_lacks_something_says_so(office, path, fields, sentence):
    group = fresh(office)
    sent = {key: short(group) if v == "?" else v for key, v in fields.items()}
    browser = await office.enter(APPROVER)
    page = await browser.get(PAGE)
    answer = await browser.post(f"{PAGE}/{path}", page.form_token, **sent)
    assert answer.status == 422
    assert sentence in told(answer)


async def test_an_auditor_reads_and_changes_nothing(office):
    browser = await office.enter(AUDITOR)
    page = await browser.get(PAGE)
    assert page.status == 200
    assert "Löschungen und Sperren" in told(page)
    for word in ("Sperre setzen", "Sperre aufheben", "Bestätigen und löschen"):
        assert word not in told(page)
    for path in ("holds", "orders", f"orders/{'00' * 16}/confirm"):
        assert (await browser.post(f"{PAGE}/{path}", page.form_token)).status == 403


async def test_a_caseworker_does_not_come_here(office):
    browser = await office.enter(CLERK)
    assert (await browser.get(PAGE)).status == 403


# ---- Commands --------------------------------------------------------------------------


def run(office: OpenOffice, *words: str):
    folder = str(office.node.settings.folder)
    return CliRunner().invoke(app, [*words, "--data", folder])


def login(office: OpenOffice, actor) -> str:
    account = office.node.store.read_sync(lambda uow: uow.accounts.get(actor.account))
    return account.login


async def test_holds_by_command(office):
    group = fresh(office)
    transfer = group.partition(":")[2]
    by = ("--by", login(office, APPROVER))
    made = run(office, "hold", "set", transfer, "--basis", "audit", *by, "--json")
    assert made.exit_code == 0, made.output
    hold = json.loads(made.stdout)["id"]
    listed = run(office, "holds", "--json")
    found = json.loads(listed.stdout)["holds"]
    assert [h["open"] for h in found if h["id"] == hold] == [True]
    refused = run(
        office,
        "erase",
        transfer,
        "--order",
        "X",
        *by,
        "--second",
        login(office, LEADER),
    )
    assert refused.exit_code == 3
    assert "held" in refused.output
    assert run(office, "hold", "release", hold, *by).exit_code == 0
    assert run(office, "hold", "release", hold, *by).exit_code == 3
    assert hold in run(office, "holds").output


async def test_an_erasure_by_command_needs_two_people(office):
    group = fresh(office)
    words = ("erase", group.partition(":")[2], "--order", "AZ-9", "--json")
    first, second = login(office, APPROVER), login(office, LEADER)
    alone = run(office, *words, "--by", first, "--second", first)
    assert alone.exit_code == 3
    unknown = run(office, *words, "--by", first, "--second", "niemand")
    assert unknown.exit_code == 3
    both = run(office, *words, "--by", first, "--second", second)
    assert both.exit_code == 0, both.output
    assert json.loads(both.stdout)["state"] == "intent"
    listed = json.loads(run(office, "erasures", "--json").stdout)
    mine = [e for e in listed["erasures"] if e["order"] == "AZ-9"]
    assert [(e["basis"], e["state"], e["two_people"]) for e in mine] == [
        ("order", "intent", True)
    ]
    assert "Aktenzeichen" not in run(office, "erasures").output
    assert "order AZ-9" in run(office, "erasures").output


@pytest.mark.parametrize(
    "words",
    [
        ("erase",),
        ("erase", "zz"),
        ("erase", "00" * 16, "--consents", "00" * 16),
        ("erase", "--consents", "zz"),
    ],
)
async def test_an_erasure_without_a_clear_group_is_wrong_use(office, words):
    people = ("--by", login(office, APPROVER), "--second", login(office, LEADER))
    assert run(office, *words, "--order", "X", *people).exit_code == 3


@pytest.mark.spec("LR-38")
async def test_erase_now_says_first_that_old_backups_become_useless(office):
    people = ("--by", login(office, APPROVER), "--second", login(office, LEADER))
    alone = ("--by", login(office, APPROVER), "--second", login(office, APPROVER))
    assert run(office, "erase", "--now", "--yes", *alone).exit_code == 3
    folder = str(office.node.settings.folder)
    words = ["erase", "--now", *people, "--data", folder]
    asked = CliRunner().invoke(app, words, input="n\n")
    assert "KEINE ältere Inhaltssicherung" in asked.output
    assert asked.exit_code == 3
    without = run(office, "erase", "--now", "--yes", *people)
    assert without.exit_code == 3
    assert "backup" in without.output
    weeks = json.loads(run(office, "erasures", "--json").stdout)["week_key"]
    # Without a place for backups nothing is begun either.
    assert weeks["waiting"] is None
