"""S15: what a town decides itself, shown before it counts; two hands where it matters."""

import re
import secrets
from dataclasses import replace
from datetime import date, timedelta

import pytest
import pytest_asyncio

from node.accounts.model import Account, Role, Scope
from node.accounts.policy import Actor
from node.cases.townsettings import AGREE_WITHIN, Statute, Topic, TownSettings, in_force
from node.casework.settings import ask_statute, change_topic
from node.errors import ConflictError, ForbiddenError, InputError
from node.ids import AccountId, Hex128
from node.sync.schedule import erasable_from
from tests.support.browser_by_hand import Browser, words
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import APPROVER, CLERK, open_case

pytestmark = pytest.mark.asyncio(loop_scope="module")
TOKEN = re.compile(r">\s*([A-Za-z0-9_-]{43})\s*<")
SECOND_LEADER = Actor(AccountId("5ead" * 8), frozenset({Role.ADMINISTRATOR}))
OTHER = Actor(AccountId("07e4" * 8), frozenset({Role.CASEWORKER}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        office.node.store.write_sync(_add_more)
        yield office


def _add_more(uow):
    with uow:
        for actor, name in ((SECOND_LEADER, "Demo-Zweite"), (OTHER, "Demo-Kollegin")):
            uow.accounts.add(
                Account(
                    id=actor.account,
                    login=name,
                    name=name,
                    roles=actor.roles,
                    active_from=date(2020, 1, 1),
                )
            )
        uow.commit()


async def form(office, who, path):
    browser = await office.enter(who)
    page = await browser.get(path)
    assert page.status == 200
    return browser, page


async def change(office, topic, **fields):
    """Type, see before and after, save."""
    browser, page = await form(office, LEADER, f"/settings/{topic}")
    version = re.search(r'name="_version" value="(\d+)"', page.text)[1]
    fields |= {"_version": version}
    check = await browser.post(f"/settings/{topic}", page.form_token, **fields)
    if check.status != 200:
        return check
    assert "Vorher" in words(check)
    return await browser.post(f"/settings/{topic}/save", check.form_token, **fields)


# ---- Who may ---------------------------------------------------------------------------


@pytest.mark.spec("DO-39")
@pytest.mark.parametrize("who", [CLERK, APPROVER, AUDITOR])
async def test_only_the_administration_changes_settings(office, who):
    browser = await office.enter(who)
    for path in (
        "/settings", "/settings/contact", "/settings/delivery", "/settings/retention",
        "/settings/statutes", "/settings/programs", "/settings/programs/new",
    ):  # fmt: skip
        assert (await browser.get(path)).status == 403
    with pytest.raises(ForbiddenError):
        office.node.store.write_sync(
            change_topic,
            Topic.DELIVERY,
            {"delivery": "confirm"},
            seen=0,
            at=office.clock.now(),
            by=who,
        )


async def test_the_index_leads_to_every_topic(office):
    browser, index = await form(office, LEADER, "/settings")
    paths = re.findall(r'href="(/settings/[a-z-]+)"', index.text)
    assert len(paths) >= 5
    for path in paths:
        assert (await browser.get(path)).status == 200


# ---- A change, and where it counts -----------------------------------------------------


async def test_nothing_counts_before_the_check_page_was_confirmed(office):
    browser, page = await form(office, LEADER, "/settings/delivery")
    before = office.node.office.town()
    check = await browser.post(
        "/settings/delivery", page.form_token, delivery="confirm", _version="0"
    )
    assert "Die Übergabe geht von selbst" in words(check)
    assert "Eine Fachkraft bestätigt jede Übergabe" in words(check)
    assert office.node.office.town() == before


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 5000])
async def test_a_version_that_is_none_changes_nothing(office, version):
    await change(office, "delivery", delivery="confirm")
    browser, page = await form(office, LEADER, "/settings/delivery")
    answer = await browser.post(
        "/settings/delivery/save", page.form_token, delivery="auto", _version=version
    )
    assert answer.status == 409
    assert office.node.office.town().delivery == "confirm"
    await change(office, "delivery", delivery="auto")


async def test_the_way_of_handing_over_counts_from_the_next_move_on(office):
    assert office.node.office.town().delivery == "auto"
    assert (await change(office, "delivery", delivery="confirm")).status == 303
    token = office.token(Scope.RELOCATIONS_WRITE)
    body = {"cases": [open_case(office.node)], "ags": "08337096"}
    body["move_on"] = "2027-01-01"
    answer = await office.call("POST", "/api/v1/relocations", token=token, body=body)
    assert answer.status == 201
    policies = office.node.store.read_sync(
        lambda uow: {t.policy for t in uow.outbound.of_case(body["cases"][0])}
    )
    assert policies == {"confirm"}
    assert (await change(office, "delivery", delivery="auto")).status == 303


async def test_who_helps_stands_at_the_door_and_at_the_foot_of_every_page(office):
    answer = await change(
        office, "contact", helper="Frau Probe", phone="07762 80-0", mail=""
    )
    assert answer.status == 303
    door = await Browser(office.client).get("/login")
    assert "Frau Probe, 07762 80-0" in words(door)
    _, page = await form(office, CLERK, "/work")
    assert "Wer hilft: Frau Probe, 07762 80-0" in words(page)
    _, topic = await form(office, LEADER, "/settings/contact")
    assert "stehen für immer fest" in words(topic)
    assert "Zuletzt geändert am" in words(topic)


async def test_the_own_copy_stays_as_long_as_the_town_says_and_never_shorter(office):
    kept = {"closed_case_years": "3", "record_years": "3", "tally_years": "5"}
    answer = await change(office, "retention", handed_over_days="365", **kept)
    assert answer.status == 303
    town, now = office.node.office.town(), office.clock.now()
    assert erasable_from(now, town.handed_over) == now + timedelta(days=365)
    for days in ("89", "0", "-1", "3651", "x", "", "1e3", "٩٠"):
        answer = await change(office, "retention", handed_over_days=days, **kept)
        assert answer.status == 422
        assert "Zahl von 90 bis 3.650" in words(answer)
        assert f'value="{days}"' in answer.text
    assert office.node.office.town().handed_over_days == 365
    # Whatever a row might hold, the floor of the protocol stays (P10).
    assert erasable_from(now, timedelta(days=1)) == now + timedelta(days=90)


@pytest.mark.parametrize(
    ("topic", "fields"),
    [
        ("contact", {"mail": "kein Zeichen"}),
        ("contact", {"helper": "x" * 121}),
        ("delivery", {"delivery": "sometimes"}),
        ("delivery", {}),
    ],
)
async def test_what_cannot_be_is_refused_with_what_was_typed(office, topic, fields):
    answer = await change(office, topic, **fields)
    assert answer.status == 422
    assert "Fehler:" in answer.text
    for value in fields.values():
        assert value in answer.text or topic == "delivery"


async def test_saving_by_hand_is_checked_like_the_page(office):
    browser, page = await form(office, LEADER, "/settings/retention")
    answer = await browser.post(
        "/settings/retention/save", page.form_token, handed_over_days="1"
    )
    assert answer.status == 422


async def test_a_change_over_a_colleagues_change_is_refused_and_kept_to_copy(office):
    browser, page = await form(office, LEADER, "/settings/contact")
    seen = re.search(r'name="_version" value="(\d+)"', page.text)[1]
    await change(office, "contact", helper="Herr Schneller", phone="", mail="")
    late = await browser.post(
        "/settings/contact/save",
        page.form_token,
        helper="Frau Langsam",
        phone="",
        mail="",
        _version=seen,
    )
    assert late.status == 409
    assert "Frau Langsam" in late.text
    assert office.node.office.town().helper == "Herr Schneller"


async def test_an_unchanged_form_changes_nothing(office):
    _, page = await form(office, LEADER, "/settings/delivery")
    del page
    answer = await change(
        office, "delivery", delivery=office.node.office.town().delivery
    )
    assert (answer.status, answer.location) == (303, "/settings")


async def test_what_a_town_decided_stands_after_a_new_start(office):
    office.node.store.write_sync(
        change_topic,
        Topic.RETENTION,
        {
            "handed_over_days": "120",
            "closed_case_years": "4",
            "record_years": "6",
            "tally_years": "7",
        },
        seen=office.node.store.read_sync(
            lambda uow: getattr(uow.town.topics().get(Topic.RETENTION), "version", 0)
        ),
        at=office.clock.now(),
        by=LEADER,
    )
    # Another process of this node would read it so.
    read = office.node.store.read_sync
    town = read(lambda uow: in_force(TownSettings(), uow.town.topics(), ()))
    assert (town.handed_over_days, town.closed_case_years) == (120, 4)
    assert (town.record_years, town.tally_years) == (6, 7)


@pytest.mark.parametrize(
    ("field", "number"),
    [
        *(("record_years", n) for n in ("2", "11", "", "x")),
        *(("tally_years", n) for n in ("4", "16", "", "-5")),
    ],
)
async def test_no_record_and_no_number_goes_before_its_least_years(
    office, field, number
):
    kept = {
        "handed_over_days": "90",
        "closed_case_years": "3",
        "record_years": "3",
        "tally_years": "5",
    }
    answer = await change(office, "retention", **{**kept, field: number})
    assert answer.status == 422
    assert f'value="{number}"' in answer.text


# ---- Legal bases -----------------------------------------------------------------------


async def propose(office, code, title="§ 86c Achtes Buch"):
    browser, page = await form(office, LEADER, "/settings/statutes")
    return await browser.post(
        "/settings/statutes", page.form_token, code=code, title=title
    )


def statute_of(office, code):
    found = office.node.store.read_sync(lambda uow: uow.town.statutes())
    return next(one for one in found if one.code == code)


async def agree(office, who, code):
    browser, page = await form(office, who, "/settings/statutes")
    number = statute_of(office, code).id
    return await browser.post(f"/settings/statutes/{number}/agree", page.form_token)


@pytest.mark.spec("DO-32", "SR-B7")
async def test_the_list_ships_empty_and_one_person_alone_puts_nothing_in_force(office):
    assert office.node.office.statutes == frozenset()
    assert (await propose(office, "SGB-VIII-86c")).status == 303
    assert office.node.office.statutes == frozenset()
    answer = await agree(office, LEADER, "SGB-VIII-86c")
    assert answer.status == 403
    assert "eine andere Person" in words(answer)
    assert office.node.office.statutes == frozenset()
    assert (await agree(office, SECOND_LEADER, "SGB-VIII-86c")).status == 303
    assert office.node.office.statutes == {"SGB-VIII-86c"}


@pytest.mark.spec("DO-32")
async def test_a_second_person_must_lead_too_and_come_within_seven_days(office):
    await propose(office, "spaet")
    for who in (CLERK, APPROVER):
        token = (await form(office, who, "/accounts/me"))[1].form_token
        browser = await office.enter(who)
        token = (await browser.get("/accounts/me")).form_token
        number = statute_of(office, "spaet").id
        answer = await browser.post(f"/settings/statutes/{number}/agree", token)
        assert answer.status == 403
    office.clock.offset = AGREE_WITHIN
    answer = await agree(office, SECOND_LEADER, "spaet")
    assert answer.status == 409
    assert "spaet" not in office.node.office.statutes


async def test_the_database_itself_refuses_one_hand_for_both_acts(office):
    await propose(office, "eine-hand")
    one = statute_of(office, "eine-hand")
    both = replace(one, agreed_by=one.asked_by, agreed_at=one.asked_at)

    def cheat(uow):
        with uow:
            uow.town.replace_statute(one, both)
            uow.commit()

    with pytest.raises(Exception, match="two_people"):
        office.node.store.write_sync(cheat)


async def test_a_code_stands_once_and_ends_with_one_hand(office):
    await propose(office, "doppelt")
    assert (await propose(office, "doppelt")).status == 422
    await agree(office, SECOND_LEADER, "doppelt")
    assert (await propose(office, "doppelt")).status == 422
    number = statute_of(office, "doppelt").id
    browser, page = await form(office, LEADER, f"/settings/statutes/{number}/end")
    answer = await browser.post(f"/settings/statutes/{number}/end", page.form_token)
    assert answer.status == 303
    assert "doppelt" not in office.node.office.statutes
    again = await browser.post(f"/settings/statutes/{number}/end", page.form_token)
    assert again.status == 404
    assert (await agree(office, SECOND_LEADER, "doppelt")).status == 409


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("", "x"),
        ("§ 86c", "x"),
        ("x" * 41, "x"),
        ("-a", "x"),
        ("a", ""),
        ("a", "y" * 121),
    ],
)
async def test_a_line_that_no_offer_could_name_is_refused(office, code, title):
    answer = await propose(office, code, title)
    assert answer.status == 422
    with pytest.raises(InputError):
        Statute(Hex128("ab" * 16), code, title, LEADER.account, office.clock.now())


async def test_two_who_propose_the_same_code_at_once_make_one_line(office):
    made = [
        Statute(
            Hex128.of(secrets.token_bytes(16)),
            "zugleich",
            "x",
            who.account,
            office.clock.now(),
        )
        for who in (LEADER, SECOND_LEADER)
    ]
    office.node.store.write_sync(ask_statute, made[0], by=LEADER)
    with pytest.raises(ConflictError):
        office.node.store.write_sync(ask_statute, made[1], by=SECOND_LEADER)


# ---- Programs --------------------------------------------------------------------------


async def allow(office, *scopes, owner="", until="", label="Kalender"):
    browser, page = await form(office, LEADER, "/settings/programs/new")
    if not until:
        day = office.clock.now() + timedelta(days=30)
        until = day.strftime("%d.%m.%Y")
    fields = [("label", label), ("owner", owner), ("valid_until", until)]
    fields += [("scopes", scope) for scope in scopes]
    return await post_pairs(browser, "/settings/programs/new", page.form_token, fields)


async def post_pairs(browser, path, token, pairs):
    from urllib.parse import urlencode

    return await browser.send(
        "POST",
        path,
        headers={
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        body=urlencode([("_token", token), *pairs]).encode(),
    )


@pytest.mark.spec("SR-B11")
async def test_a_token_of_the_town_is_shown_once_and_kept_as_a_digest(office):
    answer = await allow(office, "relocations:write", label="Meldewesen")
    token = TOKEN.search(answer.text)[1]
    _, listed = await form(office, LEADER, "/settings/programs")
    assert "Meldewesen" in words(listed)
    assert token not in listed.text
    used = await office.call("GET", "/api/v1/relocations/" + "0" * 32, token=token)
    assert used.status == 404


@pytest.mark.spec("SR-B11", "DO-39", "DO-40")
async def test_a_token_of_a_caseload_is_shown_to_its_caseworker_alone(office):
    answer = await allow(office, "cases:read", owner=CLERK.account, label="Kalender-1")
    assert answer.status == 303
    assert TOKEN.search(answer.text) is None
    _, listed = await form(office, LEADER, "/settings/programs")
    assert "nicht abgeholt" in words(listed)
    _, work = await form(office, CLERK, "/work")
    assert "Ein Programm möchte mit Ihren Fällen arbeiten" in words(work)
    browser, own = await form(office, CLERK, "/programs")
    fetch = re.search(r'action="(/programs/[0-9a-f]{32}/fetch)"', own.text)[1]
    # Neither the leader nor a colleague can fetch it.
    for who, expected in ((LEADER, 403), (OTHER, 404)):
        stranger = await office.enter(who)
        token = (await stranger.get("/accounts/me")).form_token
        assert (await stranger.post(fetch, token)).status == expected
    shown = await browser.post(fetch, own.form_token)
    token = TOKEN.search(shown.text)[1]
    assert (await office.call("GET", "/api/v1/cases", token=token)).status == 200
    assert (await browser.post(fetch, own.form_token)).status == 404
    assert token not in (await browser.get("/programs")).text


@pytest.mark.spec("SR-B11")
async def test_who_ends_an_access_has_the_program_out_at_once(office):
    for who, where in ((LEADER, "/settings/programs"), (CLERK, "/programs")):
        token = office.token_for(CLERK, Scope.CASES_READ)
        assert (await office.call("GET", "/api/v1/cases", token=token)).status == 200
        browser, listed = await form(office, who, where)
        ends = re.findall(rf'href="({where}/[0-9a-f]+/end)"', listed.text)
        for end in ends:
            page = await browser.get(end)
            assert (await browser.post(end, page.form_token)).status == 303
        answer = await office.call("GET", "/api/v1/cases", token=token)
        assert answer.status == 401
        assert (await browser.get(ends[0])).status == 404


async def test_a_colleague_neither_sees_nor_ends_an_access(office):
    office.token_for(CLERK, Scope.CASES_READ)
    _, listed = await form(office, CLERK, "/programs")
    end = re.search(r'href="(/programs/[0-9a-f]+/end)"', listed.text)[1]
    browser, own = await form(office, OTHER, "/programs")
    assert "Kein Programm arbeitet mit Ihren Fällen." in words(own)
    assert (await browser.get(end)).status == 404
    token = (await browser.get("/accounts/me")).form_token
    assert (await browser.post(end, token)).status == 404


@pytest.mark.parametrize(
    ("scopes", "changes", "sentence"),
    [
        ((), {}, "Bitte kreuzen Sie an"),
        (("admin:all",), {}, "Bitte kreuzen Sie an"),
        (("cases:read",), {}, "Bitte wählen Sie die Fachkraft."),
        (("cases:read",), {"owner": "x"}, "Bitte wählen Sie die Fachkraft."),
        (
            ("cases:read",),
            {"owner": str(APPROVER.account)},
            "Bitte wählen Sie die Fach",
        ),
        (("cases:read", "reports:read"), {}, "entweder für die ganze Stelle"),
        (("reports:read",), {"label": " "}, "Bitte ergänzen: Name des Programms"),
        (("reports:read",), {"label": "x" * 101}, "auf 100 Zeichen"),
        (("reports:read",), {"until": "01.01.2020"}, "höchstens ein Jahr"),
        (("reports:read",), {"until": "31.12.2999"}, "höchstens ein Jahr"),
        (("reports:read",), {"until": "morgen"}, "höchstens ein Jahr"),
    ],
)
async def test_an_access_that_must_not_be_is_refused(office, scopes, changes, sentence):
    answer = await allow(office, *scopes, **changes)
    assert answer.status == 422
    assert sentence in words(answer)
