"""The consent texts under settings: one words, another vouches; recordings. SC-38, SC-39."""

from dataclasses import replace

import pytest
import pytest_asyncio

from node.cases.consenttext import GERMAN, TextState, shipped_text
from node.casework.consenttexts import current_texts, verify_text, word_text
from node.errors import ForbiddenError, InputError
from node.web.pages import consenttexts
from tests.support.asking import (
    SECOND_LEADER,
    add_second_leader,
    hand_over,
    tap,
    verify,
)
from tests.support.browser_by_hand import words
from tests.support.office import LEADER, open_office
from tests.support.pair import APPROVER, CLERK, open_case

pytestmark = pytest.mark.asyncio(loop_scope="module")
HERE = "/settings/consent-texts"
SOUND = b"OggS" + bytes(200)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        office.node.store.write_sync(add_second_leader)
        yield office


@pytest_asyncio.fixture(loop_scope="module")
async def leader(office):
    return await office.enter(LEADER)


@pytest_asyncio.fixture(loop_scope="module")
async def second(office):
    return await office.enter(SECOND_LEADER)


def texts(office):
    return office.node.store.read_sync(current_texts)


def blocks_of(text, **changed):
    return {f"b-{b.id}": changed.get(b.id, b.text) for b in text.blocks}


async def save(browser, office, language, *, author="Demo-Autorin", **changed):
    page = await browser.get(f"{HERE}/{language}")
    fields = blocks_of(texts(office).of(language), **changed)
    german = texts(office).german.digest
    return await browser.post(
        f"{HERE}/{language}", page.form_token, author=author, _german=german, **fields
    )


async def vouch(browser, office, language, *, verifier="Demo-Prüfer", digest=""):
    page = await browser.get(f"{HERE}/{language}")
    return await browser.post(
        f"{HERE}/{language}/verify",
        page.form_token,
        verifier=verifier,
        _digest=digest or texts(office).of(language).digest,
    )


@pytest.mark.spec("SC-38")
async def test_the_list_shows_every_language_and_that_nothing_is_verified_at_first(
    leader,
):
    page = await leader.get(HERE)
    assert page.text.count("Lesen und ändern") == 14
    assert "maschinell, ungeprüft" in page.text


@pytest.mark.spec("SC-38")
@pytest.mark.parametrize("actor", [CLERK, APPROVER])
async def test_the_texts_are_the_administrations_alone(office, actor):
    browser = await office.enter(actor)
    assert (await browser.get(HERE)).status == 403
    assert (await browser.get(f"{HERE}/de")).status == 403


@pytest.mark.spec("SC-38")
async def test_the_shipped_german_is_verified_by_nobody_until_somebody_worded_it(
    office, second
):
    answer = await vouch(second, office, "fr")
    assert answer.status == 422
    assert "Zuerst muss jemand den Wortlaut lesen" in words(answer)


@pytest.mark.spec("SC-38")
async def test_whoever_worded_a_text_cannot_vouch_for_it(office, leader, second):
    assert (await save(leader, office, GERMAN)).status == 303
    own = await vouch(leader, office, GERMAN)
    assert (own.status, "Ein zweites Konto" in words(own)) == (422, True)
    unnamed = await vouch(second, office, GERMAN, verifier="  ")
    assert unnamed.status == 422
    assert texts(office).state(GERMAN) is TextState.DRAFT
    assert (await vouch(second, office, GERMAN)).status == 303
    assert texts(office).state(GERMAN) is TextState.VERIFIED
    assert texts(office).german.verifier == "Demo-Prüfer"


@pytest.mark.spec("SC-38")
async def test_another_wording_than_the_one_that_was_seen_is_not_verified(
    office, leader, second
):
    await save(leader, office, "so", next="Horay u soco")
    old = shipped_text("so").digest
    assert (await vouch(second, office, "so", digest=old)).status == 409
    assert texts(office).state("so") is TextState.DRAFT


@pytest.mark.spec("SC-38")
async def test_a_changed_german_sentence_makes_a_draft_of_its_verified_translation(
    office, leader, second
):
    verify(office.node)
    await save(leader, office, "tr")
    await vouch(second, office, "tr")
    assert texts(office).state("tr") is TextState.VERIFIED
    await save(leader, office, GERMAN, next="Jetzt weiter")
    assert texts(office).state("tr") is TextState.DRAFT
    await vouch(second, office, GERMAN)
    assert texts(office).state(GERMAN) is TextState.VERIFIED
    assert texts(office).state("tr") is TextState.DRAFT
    page = await second.get(f"{HERE}/tr")
    assert "ist diese Übersetzung wieder ein Entwurf" in words(page)
    late = await vouch(second, office, "tr")
    assert (late.status, "Zuerst muss der deutsche Text" in words(late)) == (422, True)
    await save(leader, office, "tr", next="Şimdi devam")
    assert (await vouch(second, office, "tr")).status == 303
    assert texts(office).state("tr") is TextState.VERIFIED


@pytest.mark.spec("SC-38")
async def test_a_verified_translation_is_signed_itself_and_carries_no_mark(office):
    verify(office.node)
    verify(office.node, "uk")
    browser = await office.enter(CLERK)
    await hand_over(browser, open_case(office.node, "Demo-Text"))
    await tap(browser, _language="uk")
    page = await browser.get("/kiosk/about")
    assert texts(office).of("uk").text("draft") not in page.text
    assert texts(office).german.text("draft") not in page.text


@pytest.mark.spec("SC-38")
async def test_a_translation_of_another_german_than_todays_is_not_saved(office, leader):
    page = await leader.get(f"{HERE}/fr")
    fields = blocks_of(texts(office).of("fr"))
    answer = await leader.post(
        f"{HERE}/fr", page.form_token, author="x", _german="0" * 64, **fields
    )
    assert answer.status == 409


@pytest.mark.parametrize(
    ("author", "changed"),
    [
        ("", {}),
        ("Demo", {"next": "   "}),
        ("Demo", {"next": "x" * 2001}),
        ("Demo", {"scope.until": "ohne Datum"}),
    ],
)
async def test_an_incomplete_wording_is_not_saved_and_keeps_what_was_typed(
    office, leader, author, changed
):
    before = texts(office).of("en").digest
    answer = await save(
        leader, office, "en", author=author, yes="Typed by hand", **changed
    )
    assert answer.status == 422
    assert "Typed by hand" in answer.text
    assert texts(office).of("en").digest == before


@pytest.mark.parametrize("path", [f"{HERE}/xx", f"{HERE}/DE"])
async def test_a_language_we_do_not_have_is_not_found(leader, path):
    assert (await leader.get(path)).status == 404


@pytest.mark.spec("SC-38")
async def test_the_use_cases_ask_the_table_themselves(office):
    store, node = office.node.store, office.node
    text = replace(texts(office).of("ru"), author="Demo")
    for actor in (CLERK, APPROVER):
        with pytest.raises(ForbiddenError):
            store.write_sync(word_text, node.office, text, by=actor)
    store.write_sync(word_text, node.office, text, by=LEADER)
    for actor in (CLERK, LEADER):
        with pytest.raises((ForbiddenError, InputError)):
            store.write_sync(verify_text, node.office, text, verifier="x", by=actor)
    assert texts(office).state("ru") is TextState.DRAFT


# ---- Recordings --------------------------------------------------------------------------


async def record(browser, language, block, sound):
    page = await browser.get(f"{HERE}/{language}")
    edge = "edge"
    fields = "".join(
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("_token", page.form_token), ("block", block))
    )
    head = (
        f'{fields}--{edge}\r\nContent-Disposition: form-data; name="file";'
        ' filename="a.ogg"\r\nContent-Type: audio/ogg\r\n\r\n'
    )
    return await browser.send(
        "POST",
        f"{HERE}/{language}/recording",
        headers={
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": f"multipart/form-data; boundary={edge}",
        },
        body=head.encode() + sound + f"\r\n--{edge}--\r\n".encode(),
    )


@pytest.mark.spec("SC-39")
async def test_a_control_is_there_only_where_these_words_were_recorded(office, leader):
    verify(office.node)
    browser = await office.enter(CLERK)
    await hand_over(browser, open_case(office.node, "Demo-Ton"))
    await tap(browser, _language="kmr")
    silent = await browser.get("/kiosk/about")
    assert "<audio" not in silent.text
    assert texts(office).of("kmr").text("aloud") in silent.text
    assert (await record(leader, "kmr", "about.free", SOUND)).status == 303
    page = await browser.get("/kiosk/about")
    assert page.text.count("<audio") == 1
    assert "autoplay" not in page.text
    assert "controls" in page.text
    heard = await browser.get("/kiosk/recordings/kmr/about.free")
    assert (heard.body, heard.headers["Content-Type"]) == (SOUND, "audio/ogg")
    for path in ("kmr/about.no", "ar/about.free", "kmr/nothing.at.all"):
        assert (await browser.get(f"/kiosk/recordings/{path}")).status == 404
    await save(leader, office, "kmr", **{"about.free": "Gotineke din."})
    assert "<audio" not in (await browser.get("/kiosk/about")).text


@pytest.mark.spec("SC-39")
@pytest.mark.parametrize(
    ("block", "sound"),
    [("about.free", b"<html>"), ("nothing.at.all", SOUND), ("about.free", SOUND * 10)],
    ids=["no sound", "no sentence", "too long"],
)
async def test_what_is_no_recording_of_a_sentence_is_not_taken(
    leader, monkeypatch, block, sound
):
    monkeypatch.setattr(consenttexts, "RECORDING_BYTES", 1000)
    answer = await record(leader, "so", block, sound)
    assert answer.status == 422
    assert "höchstens 2 Megabyte" in words(answer)


async def test_sentences_stand_by_the_step_at_which_a_person_meets_them(office, leader):
    german = texts(office).german
    parts = consenttexts._parts(german)
    assert sorted(b.id for part in parts.values() for b in part) == sorted(
        b.id for b in german.blocks
    )
    assert all(parts.values())
    page = await leader.get(f"{HERE}/de")
    for block in german.blocks:
        assert f">{block.id}<" not in page.text
