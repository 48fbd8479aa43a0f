"""Recording an answer that was given on paper or aloud: what was signed, and in which form."""

from datetime import date, timedelta

import pytest
import pytest_asyncio

from node.cases.consenttext import GERMAN
from node.casework.consenttexts import current_texts
from tests.support.asking import add_second_leader, consents, verify
from tests.support.office import open_office
from tests.support.pair import CLERK, open_case

pytestmark = pytest.mark.asyncio(loop_scope="module")
HERE = "/consents/new"
YES = {
    "given_by": "self",
    "recipient": "class:responsible_at_new_place",
    "K01": "yes",
    "form": "paper",
    "language": GERMAN,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare(tmp_path_factory):
    """A town where nobody verified any text yet."""
    async with open_office(tmp_path_factory.mktemp("bare")) as office:
        yield office


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        office.node.store.write_sync(add_second_leader)
        verify(office.node)
        yield office


async def say(office, case, **said):
    browser = await office.enter(CLERK)
    page = await browser.get(f"{HERE}?case={case}")
    form = {
        "_case": str(case),
        "_epoch": str(
            office.node.store.read_sync(lambda uow: uow.cases.file(case)).epoch
        ),
        "valid_until": f"{date.today() + timedelta(days=90):%d.%m.%Y}",  # noqa: DTZ011
    }
    return await browser.post(HERE, page.form_token, **{**form, **said})


@pytest.mark.spec("SC-38")
async def test_a_yes_names_the_very_text_that_was_signed(office):
    case = open_case(office.node)
    assert (await say(office, case, **YES)).status == 303
    (consent,) = consents(office, case)
    german = office.node.store.read_sync(current_texts).german
    assert consent.text_version == german.version
    assert consent.form == "paper"


@pytest.mark.spec("SC-38")
async def test_no_yes_is_recorded_while_nobody_verified_the_german_text(bare):
    case = open_case(bare.node)
    page = await say(bare, case, **YES)
    assert page.status == 422
    assert "hat den deutschen Einwilligungstext geprüft" in page.text
    assert consents(bare, case) == []


@pytest.mark.spec("SC-38")
@pytest.mark.parametrize("language", ["ar", "es"])
async def test_a_yes_in_a_language_without_a_verified_text_needs_an_interpreter(
    office, language
):
    case = open_case(office.node)
    page = await say(office, case, **{**YES, "language": language})
    assert page.status == 422
    assert "wer gedolmetscht hat" in page.text
    assert consents(office, case) == []
    spoken = {**YES, "language": language, "interpreter": "Demo-Dolmetscherin"}
    assert (await say(office, case, **spoken)).status == 303
    (consent,) = consents(office, case)
    assert consent.language == language
    assert consent.text_version.startswith("de:")


@pytest.mark.spec("SC-38")
async def test_a_yes_is_never_spoken_and_never_signed_on_a_screen_that_nobody_saw(
    office,
):
    case = open_case(office.node)
    for form in ("oral", "screen", "telepathy", ""):
        assert (await say(office, case, **{**YES, "form": form})).status == 422
    assert consents(office, case) == []


@pytest.mark.spec("SC-36", "SC-41")
async def test_a_spoken_no_is_recorded_without_text_or_interpreter(bare):
    case = open_case(bare.node)
    no = {"given_by": "self", "form": "oral", "language": "ar", "_answer": "no"}
    assert (await say(bare, case, **no)).status == 303
    (consent,) = consents(bare, case)
    assert consent.declined_on is not None
    assert not consent.categories
