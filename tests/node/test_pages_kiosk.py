"""The device in a client's hands before a real node: SC-34 to SC-41, flow C."""

import hashlib
import io
import re
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta

import pyotp
import pypdfium2
import pytest
import pytest_asyncio
import segno

from node import strictjson
from node.accounts.password import hash_password
from node.accounts.secondfactor import Authenticator
from node.cases.consenttext import GERMAN, TONGUES, shown_bytes
from node.casework import cases, ownaccount
from node.casework.consenttexts import current_texts, word_text
from node.casework.ownaccount import NewPassword
from node.casework.signing import PNG, PNG_END, SIGNATURE_BYTES
from node.errors import PrinterError
from tests.support.asking import (
    SECOND_ID,
    add_second_leader,
    answer_all,
    at,
    consents,
    hand_over,
    take_back,
    tap,
    verify,
)
from tests.support.browser_by_hand import words
from tests.support.office import LEADER, open_office
from tests.support.pair import CLERK, open_case
from tests.support.papers import (
    HAS_PANGO,
    fonts_of,
    language_of,
    pictures_in,
    text_of,
)
from tests.support.waysin import GOOD, forget_wrong_tries

pytestmark = pytest.mark.asyncio(loop_scope="module")

needs_pango = pytest.mark.skipif(not HAS_PANGO, reason="no pango on this machine")

PICTURE = b64encode(PNG + b"drawn" + PNG_END).decode()
SIGNED = f"data:image/png;base64,{PICTURE}"
ALL_YES = {f"K{n:02d}": "yes" for n in range(1, 17)}
BESIDE = "Demo-Nebenan"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        office.node.store.write_sync(add_second_leader)
        verify(office.node)
        open_case(office.node, BESIDE)
        yield office


@pytest_asyncio.fixture(loop_scope="module")
async def case(office):
    return open_case(office.node, "Demo-Ulme", health_note="Rollstuhl")


@pytest_asyncio.fixture(loop_scope="module")
async def device(office, case):
    """A browser that was just handed over."""
    office.clock.offset = timedelta()
    browser = await office.enter(CLERK)
    answer = await hand_over(browser, case)
    assert (answer.status, answer.location) == (303, "/kiosk")
    return browser


async def finish(browser, **fields):
    page = await browser.get("/consents/finish")
    return await browser.post("/consents/finish", page.form_token, **fields)


async def signed(browser, *, language=GERMAN, how="finger", said=ALL_YES):
    await answer_all(browser, said, language=language)
    await tap(browser)
    return await tap(browser, _how=how, signature=SIGNED if how == "finger" else "")


# ---- Nothing but the kiosk -------------------------------------------------------------

ELSEWHERE = (
    "/", "/work", "/cases", "/login", "/logout", "/accounts/me", "/consents/finish",
    "/outbox", "/status", "/kiosk/no-such-step", "/kiosk/K99", "/kiosk/a/b", "/nowhere",
    "/settings/consent-texts",
)  # fmt: skip


@pytest.mark.spec("SC-34")
@pytest.mark.parametrize("path", ELSEWHERE)
async def test_every_other_address_leads_back_to_the_step(device, path):
    answer = await device.get(path)
    if answer.location == "/kiosk":
        answer = await device.get("/kiosk")
    assert (answer.status, answer.location) == (303, "/kiosk/language")


@pytest.mark.spec("SC-34")
@pytest.mark.parametrize(
    "path", ["/logout", "/login", "/cases/search", "/consents/new"]
)
async def test_a_form_of_another_page_does_nothing_while_the_device_is_away(
    device, path
):
    page = await device.get("/kiosk/language")
    answer = await device.post(
        path, page.form_token, name="x", q="Demo", given_by="self"
    )
    assert (answer.status, answer.location) == (303, "/kiosk")
    assert await at(device) == "language"


@pytest.mark.spec("SC-34")
async def test_no_page_names_another_person_or_shows_a_way_out(device, case):
    steps = ["language", "about", "scope", "K01", "nothing", "return", "pause"]
    await tap(device, _language="fa")
    for _ in range(2):
        await tap(device)
    for step in steps:
        page = await device.get(f"/kiosk/{step}")
        assert page.status == 200
        for name in (BESIDE, "Demo c", "Abmelden</", "/work", "/cases"):
            assert name not in page.text, (step, name)


@pytest.mark.spec("SC-34")
async def test_an_unreached_step_is_not_shown(device):
    assert (await device.get("/kiosk/sign")).location == "/kiosk/language"
    assert (await device.get("/kiosk/thanks")).location == "/kiosk/language"
    page = await device.get("/kiosk/language")
    await device.post("/kiosk/sign", page.form_token, _how="mark")
    assert await at(device) == "language"


@pytest.mark.spec("SC-34")
async def test_leaving_asks_who_it_is_as_before_anything_that_weighs(office, device):
    secret = new_way_in(office)
    page = await device.get("/kiosk/return")
    now = pyotp.TOTP(secret).at(int(office.clock.now().timestamp()))
    for wrong, code in (("falsch", now), (GOOD, "000000")):
        answer = await device.post(
            "/kiosk/return",
            page.form_token,
            _proof="password",
            _proof_password=wrong,
            _proof_code=code,
        )
        assert answer.status == 422
        assert (await device.get("/work")).location == "/kiosk"
    forget_wrong_tries(office)
    before = device.cookie
    answer = await device.post(
        "/kiosk/return",
        page.form_token,
        _proof="password",
        _proof_password=GOOD,
        _proof_code=now,
    )
    assert (answer.status, answer.location) == (303, "/consents/finish")
    assert device.cookie != before
    assert (await device.get("/work")).status == 200
    assert (await device.get("/kiosk/about")).location == "/"


def new_way_in(office):
    """A password with an app for the clerk; gives the key of the app."""
    secret = pyotp.random_base32()
    phc = hash_password(GOOD, randomness=office.node.office.randomness)
    way = NewPassword(GOOD, phc, "Wehr", Authenticator(CLERK.account, secret), ())
    office.node.store.write_sync(
        ownaccount.set_password, CLERK.account, way, office.clock.now()
    )
    return secret


@pytest.mark.spec("SC-34", "SR-B2")
async def test_the_session_has_a_new_token_while_the_device_is_away(office, case):
    browser = await office.enter(CLERK)
    before = browser.cookie
    answer = await hand_over(browser, case)
    assert browser.cookie != before
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    browser.cookie = before
    assert (await browser.get("/work")).location.startswith("/login")


@pytest.mark.spec("SC-34")
async def test_no_browser_fills_in_the_password_for_whoever_holds_the_device(device):
    page = await device.get("/kiosk/return")
    assert "current-password" not in page.text


@pytest.mark.spec("SC-34")
async def test_signing_out_instead_drops_what_was_answered(device):
    page = await device.get("/kiosk/return")
    answer = await device.post("/kiosk/end", page.form_token)
    assert answer.location == "/login"
    assert (await device.get("/work")).location.startswith("/login")


async def test_the_kiosk_answers_nobody_else(office):
    browser = await office.enter(CLERK)
    assert (await browser.get("/kiosk")).location == "/"
    assert (await browser.get("/kiosk/K01")).location == "/"


# ---- Time --------------------------------------------------------------------------------


@pytest.mark.spec("SC-34", "SR-B2")
async def test_the_device_pauses_then_waits_for_staff_and_keeps_the_answers(
    office, device
):
    await tap(device, _language="ti")
    await tap(device)
    page = await device.get(f"/kiosk/{await at(device)}")
    assert page.headers["Refresh"] == "600; url=/kiosk/pause"
    office.clock.offset += timedelta(minutes=29)
    pause = await device.get("/kiosk/pause")
    assert pause.headers["Refresh"] == "1200; url=/kiosk/return"
    assert "ቀጽል" in pause.text
    assert await at(device) == "scope"
    office.clock.offset += timedelta(minutes=30)
    for path in ("/kiosk", "/kiosk/scope", "/kiosk/nothing"):
        assert (await device.get(path)).location == "/kiosk/return"
    locked = await device.get("/kiosk/return")
    assert "Zurück zu den Fragen" not in locked.text
    back = await take_back(device)
    finish_page = await device.get(back.location)
    assert "Die Person ist noch nicht fertig" in words(finish_page)
    again = await device.post("/consents/finish", finish_page.form_token)
    assert again.location == "/kiosk"
    assert await at(device) == "scope"


@pytest.mark.spec("SR-B2")
async def test_a_handed_over_device_ends_after_eight_hours_like_any_session(
    office, device
):
    office.clock.offset += timedelta(hours=7, minutes=59)
    assert (await device.get("/kiosk")).location == "/kiosk/return"
    office.clock.offset += timedelta(minutes=2)
    assert (await device.get("/kiosk")).location == "/"
    office.clock.offset = timedelta()


# ---- Language ----------------------------------------------------------------------------


@pytest.mark.spec("SC-35", "SC-38")
@pytest.mark.parametrize("tag", list(TONGUES))
async def test_each_language_shows_its_own_text_first_and_the_german_beside(
    office, device, tag
):
    tongue, texts = TONGUES[tag], office.node.store.read_sync(current_texts)
    choice = await device.get("/kiosk/language")
    assert f'lang="{tag}" dir="{tongue.direction}">{tongue.name}<' in choice.text
    await tap(device, _language=tag)
    page = (await device.get("/kiosk/about")).text
    assert (
        f'<html lang="{tag}" dir="{tongue.direction}" data-kern-theme="light">' in page
    )
    own, german = (t.text("about.free") for t in (texts.of(tag), texts.german))
    shown = page.replace("&#39;", "'")
    assert shown.index(own) <= shown.index(german)
    assert ("rtl.css" in page) == (tongue.direction == "rtl")
    marked = texts.german.text("draft") in page and texts.of(tag).text("draft") in page
    assert marked == (tag != GERMAN)


@pytest.mark.spec("SC-38")
async def test_a_language_we_do_not_have_is_not_taken(device):
    assert await tap(device, _language="xx") == "language"


# ---- Questions ----------------------------------------------------------------------------


@pytest.mark.spec("SC-36")
async def test_yes_and_no_are_alike_and_nothing_is_chosen(device):
    await tap(device, _language="prs")
    for _ in range(2):
        await tap(device)
    for said in ("", "yes"):
        if said:
            await tap(device, _said=said)
        page = (await device.get("/kiosk/K01")).text
        buttons = re.findall(r'<button[^>]*name="_said" value="(?:yes|no)"[^>]*>', page)
        alike = {re.sub(r'value="\w+"', "", button) for button in buttons}
        assert (len(buttons), len(alike)) == (2, 1)
        assert not re.search(r"\bchecked\b|aria-(pressed|current)", page)


@pytest.mark.spec("SC-36", "SC-41", "FR-23")
@pytest.mark.parametrize("taps", range(7))
async def test_passing_nothing_on_ends_in_two_taps_from_each_page(
    office, device, case, taps
):
    for _ in range(taps):
        await tap(device, _language="uk", _said="yes")
    step = await at(device)
    page = await device.get(f"/kiosk/{step}")
    assert 'href="/kiosk/nothing"' in page.text
    confirm = await device.get("/kiosk/nothing")
    answer = await device.post("/kiosk/nothing", confirm.form_token)
    assert answer.location == "/kiosk/thanks"
    found = consents(office, case)
    assert [(c.categories, c.declined_on is not None) for c in found] == [
        (frozenset(), True)
    ]
    assert found[0].language == ("uk" if taps else GERMAN)
    # Sent twice, it is one no.
    await device.post("/kiosk/nothing", confirm.form_token)
    assert len(consents(office, case)) == 1
    back = await take_back(device)
    page = await device.get(back.location)
    assert "Das Nein ist festgehalten." in words(page)
    assert "vor weniger als 90 Tagen" in words(page)


@pytest.mark.spec("SC-37")
async def test_only_categories_with_content_are_asked_sensitive_ones_last(
    office, device
):
    seen, step = [], await at(device)
    while step != "check":
        seen.append(step)
        step = await tap(device, _language="de", _said="yes")
    asked = [s for s in seen if re.fullmatch("K[0-9]{2}", s)]
    assert asked == ["K01", "K11", "K09", "K12"]
    page = await device.get("/kiosk/K09")
    assert "besonders geschützt" in words(page)
    assert "K12" not in page.text.replace("/kiosk/K12", "")


@pytest.mark.spec("SC-37")
async def test_what_nobody_answered_is_stored_as_no(office, device, case):
    await signed(device, said={"K01": "yes"})
    await take_back(device)
    await finish(device)
    stored = consents(office, case)[0]
    assert stored.categories == {"K01"}
    assert not stored.announce_by_name
    assert not stored.contact_back


@pytest.mark.spec("SC-37")
async def test_an_answer_that_is_neither_yes_nor_no_is_no_answer(office, device, case):
    await signed(device, said={"K01": "yes", "K11": "YES", "K12": "perhaps"})
    await take_back(device)
    await finish(device)
    assert consents(office, case)[0].categories == {"K01"}


@pytest.mark.spec("SC-37")
async def test_without_the_minimum_nothing_more_is_asked_and_nothing_is_signed(device):
    await tap(device, _language="de")
    for _ in range(2):
        await tap(device)
    assert await tap(device, _said="no") == "check"
    page = await device.get("/kiosk/check")
    assert "Darum geben wir nichts weiter." in words(page)
    assert (await device.get("/kiosk/sign")).location == "/kiosk/check"


async def test_an_answer_can_be_changed_from_the_check_page(device):
    await answer_all(device, ALL_YES)
    page = await device.get("/kiosk/K11")
    answer = await device.post("/kiosk/K11", page.form_token, _said="no")
    assert answer.location == "/kiosk/check"
    lines = words(await device.get("/kiosk/check"))
    assert "Nein Eine Liste unserer Treffen" in lines


# ---- Signing ------------------------------------------------------------------------------


@pytest.mark.spec("SC-40", "SC-38")
async def test_a_finger_signs_the_german_text_with_the_draft_as_a_reading_aid(
    office, device, case
):
    assert await signed(device, language="prs") == "thanks"
    assert (await device.get("/kiosk/K01")).location == "/kiosk/thanks"
    back = await take_back(device)
    assert back.location == "/consents/finish"
    unnamed = await finish(device)
    assert (unnamed.status, "wer gedolmetscht hat" in words(unnamed)) == (422, True)
    assert consents(office, case) == []
    saved = await finish(device, interpreter="Demo-Dolmetscherin")
    consent = consents(office, case)[0]
    assert saved.location == f"/consents/{consent.id}"
    texts = office.node.store.read_sync(current_texts)
    assert consent.text_version == texts.german.version
    assert (consent.language, consent.form) == ("prs", "screen")
    evidence = strictjson.parse_object(consent.evidence)
    assert evidence["evidence_reading_aid"] == texts.of("prs").version
    assert evidence["evidence_interpreter"] == "Demo-Dolmetscherin"
    record, chunks = office.node.store.read_sync(
        lambda uow: cases.open_document(uow, CLERK, case, evidence["evidence_document"])
    )
    assert b"".join(chunks) == PNG + b"drawn" + PNG_END
    assert record.text("doc_kind") == "consent"
    assert record.text("sha256") == evidence["evidence_sha256"]


@pytest.mark.spec("SC-40", "SC-38")
async def test_the_digest_is_that_of_every_word_that_was_shown(office, device, case):
    await signed(device, language="ar")
    await take_back(device)
    await finish(device, interpreter="Demo")
    consent = consents(office, case)[0]
    texts = office.node.store.read_sync(current_texts)
    evidence = strictjson.parse_object(consent.evidence)
    values = {"body": "", "date": f"{consent.valid_until:%d.%m.%Y}"}
    both = (texts.of("ar"), texts.german)
    for asked, is_it in ((tuple(evidence["evidence_asked"]), True), ((), False)):
        digest = hashlib.sha256(shown_bytes(both, asked, values)).hexdigest()
        assert (digest == evidence["evidence_shown"]) is is_it


@pytest.mark.spec("SC-40")
@pytest.mark.parametrize(
    "sent",
    [
        "",
        "x",
        "data:image/png;base64,AAAA",
        SIGNED[:-4],
        b64encode(b"GIF89a").decode(),
        b64encode(PNG + bytes(SIGNATURE_BYTES) + PNG_END).decode(),
    ],
)
async def test_a_signature_that_is_no_picture_does_not_sign(device, sent):
    await answer_all(device, ALL_YES)
    await tap(device)
    assert await tap(device, _how="finger", signature=sent) == "sign"


@pytest.mark.spec("SC-40")
async def test_paper_is_printed_with_a_code_signed_and_scanned_later(
    office, device, case
):
    await signed(device, language="ti", how="paper")
    await take_back(device)
    sheet = await device.get("/consents/finish/paper")
    texts = office.node.store.read_sync(current_texts)
    for said in (texts.german, texts.of("ti")):
        assert said.text("sign.text") in sheet.text
    assert '<svg class="qr"' in sheet.text
    assert "style=" not in sheet.text
    early = await finish(device, interpreter="Demo")
    assert (early.status, "unterschriebene Papier" in words(early)) == (422, True)
    await finish(device, interpreter="Demo", paper_signed="yes")
    consent = consents(office, case)[0]
    assert consent.form == "paper"
    assert str(consent.id) in sheet.text
    page = await device.get(f"/consents/{consent.id}")
    assert "Noch keine Datei." in words(page)
    wrong = await upload(device, page, consent, b"MZ", "scan.exe")
    assert wrong.status == 422
    good = await upload(device, page, consent, b"%PDF-1.7 scan", "scan.pdf")
    assert good.status == 303
    assert "Scan der unterschriebenen" in words(
        await device.get(f"/consents/{consent.id}")
    )


async def upload(browser, page, consent, content, name):
    edge = "edge"
    body = (
        f'--{edge}\r\nContent-Disposition: form-data; name="_token"\r\n\r\n'
        f"{page.form_token}\r\n--{edge}\r\nContent-Disposition: form-data;"
        f' name="file"; filename="{name}"\r\nContent-Type: application/pdf\r\n\r\n'
    ).encode()
    return await browser.send(
        "POST",
        f"/consents/{consent.id}/scan",
        headers={
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": f"multipart/form-data; boundary={edge}",
        },
        body=body + content + f"\r\n--{edge}--\r\n".encode(),
    )


@pytest.mark.spec("SC-40")
async def test_a_mark_needs_a_witness_and_keeps_what_was_witnessed(
    office, device, case
):
    await signed(device, how="mark")
    await take_back(device)
    alone = await finish(device)
    assert (alone.status, consents(office, case)) == (422, [])
    await finish(device, witness="Demo-Zeugin")
    consent = consents(office, case)[0]
    evidence = strictjson.parse_object(consent.evidence)
    assert consent.form == "mark"
    _, chunks = office.node.store.read_sync(
        lambda uow: cases.open_document(uow, CLERK, case, evidence["evidence_document"])
    )
    record = b"".join(chunks).decode()
    assert "Demo-Zeugin" in record
    assert "Gesundheit: ja" in record


@pytest.mark.spec("SC-40")
async def test_the_copy_has_both_languages_all_answers_and_how_to_withdraw(
    office, device, case
):
    await signed(device, language="tr", said={"K01": "yes", "K11": "yes"})
    await take_back(device)
    await finish(device, interpreter="Demo")
    consent = consents(office, case)[0]
    copy = await device.get(f"/consents/{consent.id}/copy")
    texts = office.node.store.read_sync(current_texts)
    for block in (
        "copy.withdraw",
        "scope.complaint",
        "K01",
        "K09",
        "sign.self",
        "draft",
    ):
        for text in (texts.german, texts.of("tr")):
            assert text.text(block) in copy.text, block
    assert copy.text.count(">Evet<") == 2
    assert "Demo-Ulme" in copy.text
    assert BESIDE not in copy.text


def drawn():
    """A picture as the device sends it."""
    made = io.BytesIO()
    segno.make("x").save(made, kind="png")
    return f"data:image/png;base64,{b64encode(made.getvalue()).decode()}"


@needs_pango
@pytest.mark.spec("SC-40", "SC-67")
@pytest.mark.parametrize("language", ["ar", "ti", "de"])
async def test_the_copy_is_a_pdf_in_the_own_language_with_the_signature(
    office, device, case, language
):
    await answer_all(device, {"K01": "yes", "K09": "no"}, language=language)
    await tap(device)
    await tap(device, _how="finger", signature=drawn())
    await take_back(device)
    await finish(device, interpreter="Demo-Dolmetscherin")
    consent = consents(office, case)[0]
    file = f"/consents/{consent.id}/copy.pdf"
    assert f'href="{file}"' in (await device.get(file.removesuffix(".pdf"))).text
    answer = await device.get(file)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "Ulme" not in answer.headers["Content-Disposition"]
    pdf = answer.body
    assert pypdfium2.PdfDocument(pdf).is_tagged()
    assert (language_of(pdf), pictures_in(pdf)) == (language, 1)
    own = {"ar": "Noto-Naskh-Arabic", "ti": "Noto-Sans-Ethiopic", "de": "Noto-Sans"}
    assert own[language] in fonts_of(pdf)
    said, texts = text_of(pdf), office.node.store.read_sync(current_texts)
    listed = [texts.german] + ([texts.of("ti")] if language == "ti" else [])
    for block in ("copy.withdraw", "scope.new", "scope.complaint", "sign.self"):
        for text in listed:
            assert text.text(block) in said, block
    assert f"Ja: {texts.german.text('K01')}" in said
    assert f"Nein: {texts.german.text('K09')}" in said
    assert (texts.german.text("draft") in said) == (language != GERMAN)
    assert "Demo-Ulme" in said
    assert BESIDE not in said
    assert f"Dokument {consent.id}" in said


@needs_pango
@pytest.mark.spec("SC-40")
async def test_a_copy_without_a_signature_or_of_a_no_is_printed_without_one(
    office, device, case
):
    await signed(device, how="mark")
    await take_back(device)
    await finish(device, witness="Demo-Zeugin")
    consent = consents(office, case)[0]
    pdf = (await device.get(f"/consents/{consent.id}/copy.pdf")).body
    assert pictures_in(pdf) == 0
    assert "Demo-Zeugin" in text_of(pdf)
    other = open_case(office.node, "Demo-Nein")
    browser = await office.enter(CLERK)
    await hand_over(browser, other)
    page = await browser.get("/kiosk/nothing")
    await browser.post("/kiosk/nothing", page.form_token)
    await take_back(browser)
    no = consents(office, other)[0]
    said = text_of((await browser.get(f"/consents/{no.id}/copy.pdf")).body)
    texts = office.node.store.read_sync(current_texts)
    assert texts.german.text("check.none") in said
    assert texts.german.text("scope.new") not in said


@needs_pango
@pytest.mark.spec("SC-63")
async def test_the_pdf_of_a_withdrawn_consent_says_so(office, device, case):
    await signed(device)
    await take_back(device)
    await finish(device)
    consent = consents(office, case)[0]
    form = f"/consents/{consent.id}/withdraw"
    page = await device.get(form)
    await device.post(form, page.form_token, how="spoken", who="self")
    pdf = (await device.get(f"/consents/{consent.id}/copy.pdf")).body
    assert "Widerrufen am" in text_of(pdf)


@pytest.mark.spec("SC-68")
async def test_without_a_press_there_is_no_pdf_and_the_copy_is_still_there(
    office, device, case, monkeypatch
):
    async def fail(*_):
        raise PrinterError("no press")

    await signed(device)
    await take_back(device)
    await finish(device)
    monkeypatch.setattr(type(office.node.press), "render", fail)
    at_copy = f"/consents/{consents(office, case)[0].id}/copy"
    answer = await device.get(f"{at_copy}.pdf")
    assert answer.status == 503
    assert "PDFs können gerade nicht erstellt werden." in words(answer)
    assert (await device.get(at_copy)).status == 200


@pytest.mark.spec("SR-B9", "SC-40")
async def test_a_colleagues_consent_is_no_pdf(office, device, case):
    await signed(device)
    await take_back(device)
    await finish(device)
    consent = consents(office, case)[0]
    give_to_another(office, case)
    for path in ("copy", "copy.pdf"):
        assert (await device.get(f"/consents/{consent.id}/{path}")).status == 404


def give_to_another(office, case):
    def go(uow):
        with uow:
            file = uow.cases.file(case)
            uow.cases.replace(file, replace(file, caseworker=SECOND_ID))
            uow.commit()

    office.node.store.write_sync(go)


@pytest.mark.spec("SC-40")
async def test_the_evidence_is_never_offered_to_be_passed_on(office, device, case):
    await signed(device)
    await take_back(device)
    await finish(device)
    page = await device.get(f"/consents/device?case={case}")
    assert "Unterschrift zur Einwilligung" not in words(page)


async def test_one_round_is_one_consent_however_often_it_is_sent(office, device, case):
    await signed(device)
    await take_back(device)
    page = await device.get("/consents/finish")
    first = await device.post("/consents/finish", page.form_token)
    second = await device.post("/consents/finish", page.form_token)
    assert (first.status, second.status) == (303, 404)
    assert len(consents(office, case)) == 1


@pytest.mark.spec("SC-38")
async def test_a_text_that_changed_meanwhile_is_not_signed(office, device, case):
    await signed(device)
    await take_back(device)
    reword(office.node, "thanks.text", "Sie bekommen gleich eine Kopie.")
    try:
        answer = await finish(device)
        assert (answer.status, consents(office, case)) == (422, [])
        assert "während die Person geantwortet hat" in words(answer)
        browser = await office.enter(CLERK)
        page = await browser.get(f"/consents/device?case={case}")
        assert "noch nicht geprüft" in words(page)
        assert (await hand_over(browser, case)).status == 422
    finally:
        reword(office.node, "thanks.text", "Sie bekommen eine Kopie.")
        verify(office.node)


def reword(node, block, text):
    german = node.store.read_sync(current_texts).german
    blocks = tuple(replace(b, text=text) if b.id == block else b for b in german.blocks)
    changed = replace(german, blocks=blocks)
    node.store.write_sync(word_text, node.office, changed, by=LEADER)


# ---- Taking it back ---------------------------------------------------------------------


@pytest.mark.spec("SC-63", "FR-24")
async def test_a_withdrawal_is_one_form_without_a_password_and_its_copy_says_so(
    office, device, case
):
    await signed(device, language="so")
    await take_back(device)
    await finish(device, interpreter="Demo")
    consent = consents(office, case)[0]
    listed = await device.get(f"/cases/{case}/consents")
    form = f"/consents/{consent.id}/withdraw"
    assert f'href="{form}"' in listed.text
    page = await device.get(form)
    assert "password" not in page.text
    answer = await device.post(form, page.form_token, how="spoken", who="self")
    assert answer.location == f"/consents/{consent.id}"
    assert "Widerrufen durch die Person selbst" in words(
        await device.get(answer.location)
    )
    copy = await device.get(f"/consents/{consent.id}/copy")
    assert "Widerrufen am" in copy.text


@pytest.mark.spec("SC-63")
@pytest.mark.parametrize("who", ["", "somebody", "both_guardians"])
async def test_nobody_has_to_say_who_withdrew(office, device, case, who):
    await signed(device)
    await take_back(device)
    await finish(device)
    consent = consents(office, case)[0]
    form = f"/consents/{consent.id}/withdraw"
    page = await device.get(form)
    answer = await device.post(form, page.form_token, how="written", who=who)
    assert answer.status == 303
    withdrawn = consents(office, case)[0]
    assert (withdrawn.withdrawn_how, withdrawn.withdrawn_by) == ("written", None)


# ---- Preparing ----------------------------------------------------------------------------


@pytest.mark.spec("DO-14")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("valid_until", ""),
        ("valid_until", "01.01.2020"),
        ("valid_until", "01.01.2090"),
        ("recipient", "member:nobody"),
        ("given_by", "guardian"),
    ],
)
async def test_a_device_is_not_handed_over_for_less_than_a_whole_round(
    office, case, field, value
):
    browser = await office.enter(CLERK)
    answer = await hand_over(browser, case, **{field: value})
    assert answer.status == 422
    assert (await browser.get("/work")).status == 200


@pytest.mark.spec("FR-12")
async def test_guardians_sign_in_their_capacity_and_from_sixteen_the_minor_answers_too(
    office,
):
    born = office.clock.now().year - 17
    case = open_case(office.node, "Demo-Kind", birth_date=f"{born}-01-01")
    browser = await office.enter(CLERK)
    page = await browser.get(f"/consents/device?case={case}")
    assert "antwortet auch die jugendliche Person" in words(page)
    for given_by, block in (
        ("appointed_guardian", "als Vormund"),
        ("self", "mich selbst"),
    ):
        await hand_over(browser, case, given_by=given_by)
        await answer_all(browser, ALL_YES)
        await tap(browser)
        assert block in words(await browser.get("/kiosk/sign"))
        await tap(browser, _how="finger", signature=SIGNED)
        await take_back(browser)
        await finish(browser)
    assert {c.given_by for c in consents(office, case)} == {
        "appointed_guardian",
        "self",
    }
