"""S9 "body without node" before a real node: file and words apart, every step on a page."""

import re

import pytest
import pytest_asyncio

from node.casework import sealing
from node.ids import TransferId
from node.sync.transfer import Outbound
from tests.support.browser_by_hand import signed_in, words
from tests.support.exporting import code_in, town
from tests.support.office import add_more, before
from tests.support.pair import AGS, APPROVER, CLERK, SAECKINGEN, give_consent, open_case

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wehr(tmp_path_factory):
    async with town(tmp_path_factory.mktemp("pages")) as there:
        there.node.store.write_sync(add_more)
        async with before(there.node) as client:
            there.client = client
            yield there


async def enter(wehr, actor):
    return await signed_in(wehr.client, actor)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clerk(wehr):
    return await enter(wehr, CLERK)


async def post(browser, path, page="", **fields):
    shown = await browser.get(page or path)
    return await browser.post(path, shown.form_token, **fields)


async def recorded(wehr, clerk):
    """A move to a place without a node, recorded on its pages."""
    case = open_case(wehr.node)
    give_consent(wehr.node, case)
    form = {"_case": case, "place": str(AGS[SAECKINGEN]), "members": case}
    day = (wehr.clock.now().date()).strftime("%d.%m.%Y")
    page = f"/relocations/new?case={case}"
    check = await post(clerk, "/relocations/new", page, move_on=day, **form)
    assert "versiegelte Datei oder Papier" in words(check)
    done = await clerk.post(
        "/relocations/new", check.form_token, move_on=day, _sure="yes", **form
    )
    assert re.fullmatch(r"/exports/[0-9a-f]{32}", done.location)
    return TransferId(done.location.rpartition("/")[2])


async def exported(wehr, clerk):
    """Address typed in, content ticked and sent, file sealed."""
    transfer = await recorded(wehr, clerk)
    answer = await post(
        clerk,
        f"/exports/{transfer}/address",
        f"/exports/{transfer}",
        name="Stadt Bad Säckingen",
        lines="Rathausplatz 1\r\n79713 Bad Säckingen",
        ags=str(AGS[SAECKINGEN]),
    )
    assert answer.location == f"/relocations/{transfer}"
    case = wehr.outbound(transfer).members[0].case
    ticks = {"member": case, f"cat_{case}": "K11"}
    sending = await post(clerk, f"/relocations/{transfer}", **ticks)
    await clerk.post(
        f"/relocations/{transfer}", sending.form_token, _sure="yes", **ticks
    )
    await sealing.release_any(wehr.node.courier, transfer, wehr.seal)
    assert wehr.outbound(transfer).state is Outbound.EXPORTED
    return transfer


async def told(wehr, clerk):
    transfer = await exported(wehr, clerk)
    at = f"/exports/{transfer}/words"
    answer = await post(clerk, at, told_to="Frau Beispiel")
    assert answer.location == at
    return transfer


@pytest.mark.spec("SC-29", "FR-27", "DO-28")
async def test_a_move_to_a_place_without_a_node_offers_a_sealed_file_or_paper(
    wehr, clerk
):
    transfer = await recorded(wehr, clerk)
    text = words(await clerk.get(f"/exports/{transfer}"))
    assert "Dort nimmt noch niemand teil." in text
    assert "Versiegelte Datei und Telefon" in text
    assert "Auf Papier übergeben" in text
    assert (await clerk.get(f"/relocations/{transfer}")).location.startswith(
        "/exports/"
    )


@pytest.mark.spec("HO-115")
async def test_words_and_file_stand_on_no_page_together(wehr, clerk):
    transfer = await told(wehr, clerk)
    at = f"/exports/{transfer}"
    told_words = wehr.seal.words.split("-")
    shown = await clerk.get(f"{at}/words")
    assert all(word in words(shown) for word in told_words)
    assert f"{at}/file" not in shown.text
    page = await clerk.get(at)
    assert f"{at}/file" in page.text
    assert "-".join(told_words) not in page.text
    assert not all(f"<li>{word}</li>" in page.text for word in told_words)
    file = await clerk.get(f"{at}/file")
    assert (
        file.headers["Content-Disposition"] == f'attachment; filename="{transfer}.age"'
    )
    assert "-".join(told_words).encode() not in file.body
    assert "no-store" in shown.headers["Cache-Control"]


@pytest.mark.spec("HO-115")
async def test_before_a_name_is_written_no_word_is_shown(wehr, clerk):
    transfer = await exported(wehr, clerk)
    at = f"/exports/{transfer}/words"
    page = await clerk.get(at)
    assert "Wer ist am Telefon?" in words(page)
    answer = await clerk.post(at, page.form_token, told_to=" ")
    assert answer.status == 422
    assert wehr.outbound(transfer).state is Outbound.EXPORTED


async def test_the_code_hands_the_case_over_and_a_letter_of_two_starts_the_time(
    wehr, clerk
):
    transfer = await told(wehr, clerk)
    at = f"/exports/{transfer}"
    code = code_in((await clerk.get(f"{at}/file")).body, wehr.seal.words)
    wrong = await post(clerk, f"{at}/code", at, code="WWWW WWWW")
    assert wrong.status == 422
    assert "Das ist ein anderer Code." in words(wrong)
    assert (await post(clerk, f"{at}/code", at, code=code)).status == 303

    assert wehr.outbound(transfer).state is Outbound.CLOSED
    await post(clerk, f"{at}/claim", at, what="filed")
    assert "Bitte lassen Sie jemanden aus der Freigabe" in words(await clerk.get(at))
    approver = await enter(wehr, APPROVER)
    page = await approver.get(at)
    assert "Demo-Ulme" not in page.text
    await approver.post(f"{at}/confirm", page.form_token, what="filed")
    assert wehr.outbound(transfer).state is Outbound.DURABLE


@pytest.mark.spec("TRF-43")
async def test_who_claims_cannot_confirm(wehr, clerk):
    transfer = await told(wehr, clerk)
    at = f"/exports/{transfer}"
    await post(clerk, f"{at}/claim", at, what="not_opened")
    page = await clerk.get(at)
    assert f"{at}/confirm" not in page.text
    token = (await clerk.get(f"{at}/words")).text
    answer = await clerk.post(
        f"{at}/confirm",
        re.search(r'name="_token" value="(\w+)"', page.text + token)[1],
        what="not_opened",
    )
    assert answer.status == 403
    assert wehr.outbound(transfer).state is Outbound.TOLD


@pytest.mark.spec("HO-118")
async def test_paper_ends_it_on_its_page(wehr, clerk):
    transfer = await recorded(wehr, clerk)
    at = f"/exports/{transfer}"
    assert (await post(clerk, f"{at}/paper", at)).location == at
    assert "auf Papier übergeben" in words(await clerk.get(at))
    assert wehr.outbound(transfer).state is Outbound.CANCELLED


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "wie die Stelle heißt"),
        ("lines", " ", "die Anschrift"),
        ("ags", "7", "acht Ziffern"),
        ("ags", "08111000", "in einem anderen Kreis"),
        ("lines", "a\nb\nc\nd\ne", "Höchstens vier Zeilen"),
    ],
)
async def test_an_address_that_is_not_whole_is_asked_for_again(
    wehr, clerk, field, value, sentence
):
    transfer = await recorded(wehr, clerk)
    given = {"name": "Stadt", "lines": "Platz 1", "ags": str(AGS[SAECKINGEN])}
    at = f"/exports/{transfer}"
    answer = await post(clerk, f"{at}/address", at, **(given | {field: value}))
    assert answer.status == 422
    assert sentence in words(answer)


@pytest.mark.spec("TRF-44")
async def test_a_withdrawal_after_the_words_shows_a_letter_and_asks_for_the_answer(
    wehr, clerk
):
    from tests.support import desk

    transfer = await told(wehr, clerk)
    at = f"/exports/{transfer}"
    assert (await clerk.get(f"{at}/letter")).status == 404
    desk.withdraw(wehr.node, wehr.outbound(transfer).members[0].basis)
    page = await clerk.get(at)
    assert "Eine Einwilligung wurde widerrufen" in words(page)
    assert f"{at}/words" not in page.text
    letter = words(await clerk.get(f"{at}/letter"))
    assert "Rathausplatz 1" in letter
    assert "Demo-Ulme" in letter
    await post(clerk, f"{at}/answer", at, answer="erased")
    assert "Die Antwort wurde am" in words(await clerk.get(at))


@pytest.mark.spec("SR-B9")
async def test_others_see_neither_words_nor_file(wehr, clerk):
    transfer = await told(wehr, clerk)
    approver = await enter(wehr, APPROVER)
    for path in ("words", "file", "letter"):
        answer = await approver.get(f"/exports/{transfer}/{path}")
        assert answer.status in {403, 404}


async def test_a_sealed_file_is_taken_in_by_approvers_only(wehr, clerk):
    approver = await enter(wehr, APPROVER)
    assert (await clerk.get("/inbox/sealed")).status == 403
    page = await approver.get("/inbox/sealed")
    assert "Die sechs Wörter" in words(page)
    assert "Versiegelte Datei übernehmen" in words(await approver.get("/inbox"))


async def test_the_list_of_handovers_shows_it_with_its_state(wehr, clerk):
    await exported(wehr, clerk)
    assert "versiegelte Datei liegt bereit" in words(await clerk.get("/outbox"))
