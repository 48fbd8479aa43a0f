"""Rights of the person before a real node: the copy, corrections, who saw or got the data."""

import asyncio
import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import date
from urllib.parse import urlencode

import pypdfium2
import pytest
import pytest_asyncio

from node.accounts.model import Reading
from node.casework import rights
from node.casework.cases import new_record
from node.errors import PrinterError
from node.ids import CaseId, RecordId
from tests.support.browser_by_hand import signed_in, words
from tests.support.desk import keep_document
from tests.support.exporting import town
from tests.support.office import add_more, before
from tests.support.pair import APPROVER, CLERK, SECOND, give_consent, open_case
from tests.support.papers import HAS_PANGO, data_in, text_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
needs_pango = pytest.mark.skipif(not HAS_PANGO, reason="no pango on this machine")
NOTE = "Termin vereinbart. Ihr Bruder Xaver Anderer ist krank."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wehr(tmp_path_factory):
    async with town(tmp_path_factory.mktemp("rights")) as there:
        there.node.store.write_sync(add_more)
        async with before(there.node) as client:
            there.client = client
            yield there


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clerk(wehr):
    return await enter(wehr, CLERK)


async def enter(wehr, actor):
    return await signed_in(wehr.client, actor)


def put(wehr, case, record, **values):
    """A record as a caseworker saved it."""
    made = new_record(wehr.node.office, case, record, values, by=CLERK.account)

    def save(uow):
        with uow:
            uow.cases.put([made])
            uow.commit()

    wehr.node.store.write_sync(save)
    return made.id


def ticked(page, field):
    """What the form proposes."""
    return re.findall(rf'name="{field}" value="([^"]+)" checked', page.text)


async def copy_of(browser, case, *, black=None, give="pdf", document=()):
    """Prepare, tick, wait, save; ``black`` None takes what is proposed."""
    here = f"/cases/{case}/rights/copy"
    page = await browser.get(here)
    version = re.search(r'name="_version" value="(\d+)"', page.text)[1]
    marked = ticked(page, "black") if black is None else black
    fields = [
        *(("_token", page.form_token), ("_version", version), ("give", give)),
        *(("black", one) for one in marked),
        *(("document", one) for one in document),
    ]
    begun = await browser.send(
        "POST",
        here,
        headers={
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        body=urlencode(fields).encode(),
    )
    assert begun.status == 303, words(begun)
    for _ in range(200):
        waiting = await browser.get(begun.location)
        if "Refresh" not in waiting.headers:
            break
        await asyncio.sleep(0.05)
    assert "Die Auskunft ist fertig" in words(waiting), words(waiting)
    return await browser.get(f"{begun.location}/file")


# -- The copy ----------------------------------------------------------------------------


@needs_pango
@pytest.mark.spec("DO-34")
async def test_the_copy_is_a_pdf_to_read_with_the_same_data_inside(wehr, clerk):
    case = open_case(wehr.node, "Demo-Ahorn", birth_place="Qamischli")
    give_consent(wehr.node, case)
    file = await copy_of(clerk, case)
    assert file.headers["Content-Type"] == "application/pdf"
    assert re.search(
        r'attachment; filename="auskunft-\d{4}-\d\d-\d\d\.pdf"',
        file.headers["Content-Disposition"],
    )
    text, data = text_of(file.body), data_in(file.body)
    for part in (
        *("Demo-Ahorn", "Qamischli", "Bewerbung besprochen", "Ihre Einwilligungen"),
        *("Niemand außerhalb unserer Stelle.", "Wer hat Ihre Daten gesehen?"),
        *("Aufsichtsbehörde", "hat sie geöffnet, um der Person zu antworten"),
    ):
        assert part in text, part
    assert data["records"][0]["values"]["birth_place"] == "Qamischli"
    assert len(data["consents"]) == 1
    assert data["looks"]
    assert pypdfium2.PdfDocument(file.body).get_metadata_value("Title") == (
        "Auskunft über gespeicherte Daten"
    )


@needs_pango
@pytest.mark.spec("DO-34")
async def test_a_sentence_that_names_somebody_of_the_household_is_proposed_to_be_black(
    wehr, clerk
):
    case = open_case(wehr.node, "Demo-Birke")
    other = open_case(wehr.node, "Anderer", given_names="Xaver")
    put(
        wehr,
        case,
        "contact",
        date="2026-11-03",
        kind="talk",
        form="office",
        persons=[case],
        note=NOTE,
    )
    put(wehr, case, "household_member", household="h" * 32, member=other)
    page = await clerk.get(f"/cases/{case}/rights/copy")
    assert "Schwärzen: Ihr Bruder Xaver Anderer ist krank." in words(page)
    (proposed,) = ticked(page, "black")
    assert proposed.endswith(".note.1")
    file = await copy_of(clerk, case)
    for place in (text_of(file.body), json.dumps(data_in(file.body))):
        assert "Xaver" not in place
        assert "krank" not in place
        assert other not in place
    assert "Termin vereinbart. [geschwärzt]" in text_of(file.body)


@needs_pango
@pytest.mark.spec("DO-34")
async def test_what_is_not_ticked_stays_and_what_is_ticked_goes(wehr, clerk):
    case = open_case(wehr.node, "Demo-Esche")
    page = await clerk.get(f"/cases/{case}/rights/copy")
    (note,) = re.findall(r'name="black" value="([^"]+\.note\.0)"', page.text)
    assert "Bewerbung" in text_of((await copy_of(clerk, case, black=[])).body)
    assert "Bewerbung" not in text_of((await copy_of(clerk, case, black=[note])).body)


@pytest.mark.spec("DO-34", "SC-11")
async def test_a_case_that_changed_since_it_was_looked_at_is_not_copied(wehr, clerk):
    case = open_case(wehr.node, "Demo-Erle")
    here = f"/cases/{case}/rights/copy"
    page = await clerk.get(here)
    version = re.search(r'name="_version" value="(\d+)"', page.text)[1]
    put(wehr, case, "third_person", name="Neue Nachbarin")
    answer = await clerk.post(here, page.form_token, _version=version, give="pdf")
    assert answer.status == 409


@pytest.mark.spec("DO-34")
async def test_the_files_to_take_along_hold_data_and_the_ticked_documents(wehr, clerk):
    case = open_case(wehr.node, "Demo-Linde")
    kept = [
        keep_document(
            wehr.node,
            CaseId(case),
            [content],
            {"doc_kind": "certificate", "title": "Zeugnis", "media_type": kind},
        )
        for content, kind in ((b"%PDF-1", "application/pdf"), (b"zwei", "text/plain"))
    ]
    file = await copy_of(clerk, case, give="files", document=[kept[0]])
    assert file.headers["Content-Type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(file.body))
    assert set(archive.namelist()) == {"daten.json", f"dokumente/{kept[0]}.pdf"}
    assert archive.read(f"dokumente/{kept[0]}.pdf") == b"%PDF-1"
    data = json.loads(archive.read("daten.json"))
    assert {r["kind"] for r in data["records"]} == {"person", "contact", "document"}


@pytest.mark.spec("SR-D5")
async def test_preparing_a_copy_is_a_look_that_is_written_down(wehr, clerk):
    case = open_case(wehr.node, "Demo-Tanne")
    await clerk.get(f"/cases/{case}/rights/copy")
    looks = wehr.node.store.read_sync(lambda uow: uow.read_log.of_case(case))
    assert [look.action for look in looks] == ["rights.export"]


@pytest.mark.spec("SR-B9")
@pytest.mark.parametrize("page", ["rights", "access", "rights/copy"])
async def test_a_colleagues_case_and_none_look_the_same(wehr, page):
    case = open_case(wehr.node, "Demo-Fremd")
    other = await enter(wehr, SECOND)
    foreign = await other.get(f"/cases/{case}/{page}")
    absent = await other.get(f"/cases/{'0' * 32}/{page}")
    assert (foreign.status, absent.status) in {(404, 404), (403, 403)}
    assert "Demo-Fremd" not in foreign.text


async def test_a_file_that_another_account_began_is_not_there(wehr, clerk):
    case = open_case(wehr.node, "Demo-Ulme")
    here = f"/cases/{case}/rights/copy"
    page = await clerk.get(here)
    version = re.search(r'name="_version" value="(\d+)"', page.text)[1]
    begun = await clerk.post(here, page.form_token, _version=version, give="files")
    assert begun.status == 303
    elsewhere = open_case(wehr.node, "Demo-Ulme")
    job = begun.location.rpartition("/")[2]
    for address in (
        f"/cases/{elsewhere}/rights/copy/{job}/file",
        f"/cases/{case}/rights/copy/{'0' * 32}/file",
    ):
        assert (await clerk.get(address)).status == 404
    approver = await enter(wehr, APPROVER)
    assert (await approver.get(f"{begun.location}/file")).status in {403, 404}


@needs_pango
@pytest.mark.spec("SC-67", "SC-68")
async def test_a_character_that_cannot_be_printed_is_named_and_the_files_still_work(
    wehr, clerk
):
    case = open_case(wehr.node, "Demo-漢")
    here = f"/cases/{case}/rights/copy"
    page = await clerk.get(here)
    version = re.search(r'name="_version" value="(\d+)"', page.text)[1]
    begun = await clerk.post(here, page.form_token, _version=version, give="pdf")
    for _ in range(200):
        waiting = await clerk.get(begun.location)
        if "Refresh" not in waiting.headers:
            break
        await asyncio.sleep(0.05)
    assert waiting.status == 422
    assert re.search("Das Zeichen .漢. kann nicht gedruckt werden", words(waiting))
    archive = zipfile.ZipFile(
        io.BytesIO((await copy_of(clerk, case, give="files")).body)
    )
    assert "漢" in archive.read("daten.json").decode()


async def test_a_locked_case_can_be_copied_and_nothing_else(wehr, clerk):
    case = open_case(wehr.node, "Demo-Zypresse")

    def lock(uow):
        with uow:
            file = uow.cases.file(case)
            uow.cases.replace(file, replace(file, restricted_on=date(2026, 11, 1)))
            uow.commit()

    wehr.node.store.write_sync(lock)
    assert "gesperrt" in words(await clerk.get(f"/cases/{case}/rights")).lower()
    here = f"/cases/{case}/rights/copy"
    assert here in (await clerk.get(f"/cases/{case}/for-the-person")).text
    archive = zipfile.ZipFile(
        io.BytesIO((await copy_of(clerk, case, give="files")).body)
    )
    data = json.loads(archive.read("daten.json"))
    assert data["case"]["restricted_on"] == "2026-11-01"


# -- Who saw, who got --------------------------------------------------------------------


async def test_who_saw_is_said_by_day_and_an_emergency_with_its_reason(wehr, clerk):
    case = open_case(wehr.node, "Demo-Kiefer")

    def look(uow):
        with uow:
            uow.read_log.add(
                Reading(
                    SECOND.account,
                    case,
                    wehr.clock.now(),
                    "break_glass",
                    "Anruf der Klinik",
                )
            )
            uow.commit()

    wehr.node.store.write_sync(look)
    await clerk.get(f"/cases/{case}")
    await clerk.get(f"/cases/{case}")
    text = words(await clerk.get(f"/cases/{case}/access"))
    assert "hat sie im Notfall geöffnet: Anruf der Klinik" in text
    assert "hat die Akte geöffnet (3-mal)" in text
    assert "Niemand außerhalb dieser Stelle." in text


# -- Correction --------------------------------------------------------------------------


@needs_pango
@pytest.mark.spec("SC-10")
async def test_a_request_is_recorded_and_decided_with_a_reason(wehr, clerk):
    case = open_case(wehr.node, "Demo-Eibe")
    here = f"/cases/{case}/rights"
    page = await clerk.get(here)
    empty = await clerk.post(f"{here}/corrections", page.form_token, _epoch="1")
    assert empty.status == 422
    await clerk.post(
        f"{here}/corrections", page.form_token, _epoch="1", text="Ich heiße Eibl"
    )
    page = await clerk.get(here)
    assert "Ich heiße Eibl" in words(page)
    assert "Antwort bis" in words(page)
    at = re.search(rf'href="({here}/corrections/[0-9a-f]+)"', page.text)[1]
    form = await clerk.get(at)
    for fields in ({"decision": "declined"}, {"reason": "Ausweis"}, {}):
        answer = await clerk.post(at, form.form_token, _epoch="1", **fields)
        assert answer.status == 422
        assert all(text in answer.text for text in fields.values())
    done = await clerk.post(
        at, form.form_token, _epoch="1", decision="declined", reason="Ausweis sagt Eibe"
    )
    assert done.location == here
    assert "nicht berichtigt" in words(await clerk.get(here))
    assert "Ausweis sagt Eibe" in words(await clerk.get(here))
    again = await clerk.post(
        at, form.form_token, _epoch="1", decision="corrected", reason="doch"
    )
    assert again.status == 409
    copy = text_of((await copy_of(clerk, case, black=[])).body)
    assert "Ich heiße Eibl" in copy
    assert "Ausweis sagt Eibe" in copy


async def test_a_request_in_a_case_that_moved_is_kept_for_whoever_typed_it(wehr, clerk):
    case = open_case(wehr.node, "Demo-Weide")
    here = f"/cases/{case}/rights"
    page = await clerk.get(here)
    answer = await clerk.post(
        f"{here}/corrections", page.form_token, _epoch="7", text="Name falsch"
    )
    assert answer.status == 409
    assert "Name falsch" in answer.text


async def test_only_a_request_can_be_decided(wehr):
    case = open_case(wehr.node, "Demo-Buche")
    other = put(wehr, case, "side_note", date="2026-11-03", text="Notiz")
    for number in (other, RecordId("0" * 32)):
        with pytest.raises(rights.NotFoundError):
            wehr.node.store.write_sync(
                rights.decide_correction,
                wehr.node.office,
                case,
                number,
                rights.Verdict("corrected", "ja"),
                epoch=1,
                by=CLERK,
            )


# -- Proof and press ---------------------------------------------------------------------


@needs_pango
@pytest.mark.spec("SC-67", "SC-68", "SC-42")
async def test_the_proof_of_a_handover_says_what_happened_and_nothing_that_did_not(
    wehr, clerk
):
    case = open_case(wehr.node, "Demo-Zeder")
    give_consent(wehr.node, case)
    transfer = wehr.held(case)
    file = await clerk.get(f"/outbox/{transfer}/proof.pdf")
    assert file.headers["Content-Type"] == "application/pdf"
    assert (
        file.headers["Content-Disposition"]
        == f'attachment; filename="{transfer.short}.pdf"'
    )
    text = text_of(file.body)
    assert f"Nachweis der Übergabe {transfer.short}" in text
    assert "Demo-Zeder" in text
    assert "Vorbereitet" in text
    assert "Zugestellt" not in text
    approver = await enter(wehr, APPROVER)
    seen = text_of((await approver.get(f"/outbox/{transfer}/proof.pdf")).body)
    assert "1 Person" in seen
    assert "Demo-Zeder" not in seen


@needs_pango
@pytest.mark.spec("SC-67", "FR-27")
async def test_a_sealed_file_has_its_proof_too(wehr, clerk):
    transfer = await wehr.sealed()
    at = f"/outbox/{transfer}/proof.pdf"
    assert at in (await clerk.get(f"/exports/{transfer}")).text
    text = text_of((await clerk.get(at)).body)
    assert "Versiegelt." in text
    assert "Bad Säckingen" in text
    assert "Übernommen" not in text


@pytest.mark.spec("SC-68")
async def test_without_a_press_the_page_says_so_and_everything_else_works(
    wehr, clerk, monkeypatch
):
    async def fail(*_):
        raise PrinterError("no press")

    monkeypatch.setattr(type(wehr.node.press), "render", fail)
    case = open_case(wehr.node, "Demo-Lärche")
    give_consent(wehr.node, case)
    transfer = wehr.held(case)
    answer = await clerk.get(f"/outbox/{transfer}/proof.pdf")
    assert answer.status == 503
    assert "PDFs können gerade nicht erstellt werden." in words(answer)
    assert (await copy_of(clerk, case, give="files")).status == 200
