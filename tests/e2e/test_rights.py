"""Rights of a person whose case moved, on the pages of two real nodes."""

import asyncio
import re
from contextlib import asynccontextmanager

import pytest

from node.ids import TransferId
from tests.support.browser_by_hand import signed_in, words
from tests.support.handed import hand_over, let_in, tasks
from tests.support.pair import (
    CLERK,
)
from tests.support.papers import HAS_PANGO, data_in, text_of
from tests.support.towns import two_desks


@asynccontextmanager
async def two_clerks(folder):
    async with two_desks(folder) as (wehr, saeckingen, there, here):
        yield (
            wehr,
            saeckingen,
            await signed_in(there, CLERK),
            await signed_in(here, CLERK),
        )


def content(node, case):
    return node.store.read_sync(lambda uow: uow.cases.content(case))


async def copy_of(browser, case):
    """The PDF and the data inside it."""
    at = f"/cases/{case}/rights/copy"
    page = await browser.get(at)
    version = re.search(r'name="_version" value="(\d+)"', page.text)[1]
    begun = await browser.post(at, page.form_token, _version=version, give="pdf")
    for _ in range(200):
        if "Refresh" not in (await browser.get(begun.location)).headers:
            break
        await asyncio.sleep(0.05)
    file = await browser.get(f"{begun.location}/file")
    return file.body, data_in(file.body)


@pytest.mark.spec("DO-35")
async def test_a_request_after_the_handover_reaches_the_holder_who_decides(tmp_path):
    async with two_clerks(tmp_path) as (wehr, saeckingen, clerk, desk):
        handed = await hand_over(wehr, saeckingen)
        at = f"/cases/{handed.case}/rights"
        earlier = content(wehr, handed.case).records
        page = await clerk.get(at)
        assert "Der Antrag geht dorthin; Ihre Kopie ändert sich nicht." in words(page)
        sent = await clerk.post(
            f"{at}/corrections", page.form_token, text="Geburtsort ist Aleppo"
        )
        assert sent.location.startswith("/outbox/")
        await let_in(wehr, saeckingen, TransferId(sent.location.split("/")[2]))
        assert "added.correction" in tasks(saeckingen)

        # DO-35: the copy here holds the request and nothing else that is new.
        after = content(wehr, handed.case).records
        assert [r for r in after if r.kind != "correction"] == list(earlier)
        assert "gesandt" in words(await clerk.get(at))

        theirs = await desk.get(at)
        assert "Geburtsort ist Aleppo" in words(theirs)
        request = re.search(rf'href="({at}/corrections/[0-9a-f]+)"', theirs.text)[1]
        form = await desk.get(request)
        done = await desk.post(
            request,
            form.form_token,
            _epoch=re.search(r'name="_epoch" value="(\d+)"', form.text)[1],
            decision="corrected",
            reason="Urkunde lag vor",
        )
        assert done.location == at
        assert "berichtigt" in words(await desk.get(at))
        assert "added.correction" not in tasks(saeckingen)
        # What was decided there is not this office's to decide.
        assert f"{at}/corrections/" not in (await clerk.get(at)).text.replace(
            f'action="{at}/corrections"', ""
        )


@pytest.mark.skipif(not HAS_PANGO, reason="no pango on this machine")
@pytest.mark.spec("DO-34", "SC-42")
async def test_both_ends_tell_the_person_where_the_data_went_and_came_from(tmp_path):
    async with two_clerks(tmp_path) as (wehr, saeckingen, clerk, desk):
        handed = await hand_over(wehr, saeckingen)
        pdf, data = await copy_of(clerk, handed.case)
        (got,) = data["recipients"]
        assert "ckingen" in got["office"]
        assert got["ground"].startswith("Einwilligung vom ")
        assert data["case"]["state"] == "handed_over"
        text = text_of(pdf)
        assert "Wer hat Ihre Daten bekommen?" in text
        assert "Niemand außerhalb" not in text
        _, theirs = await copy_of(desk, handed.case)
        assert theirs["recipients"] == []
        assert theirs["case"]["came_from"]
        assert any("kam von" in sentence for sentence in theirs["exchange"])
        proof = await clerk.get(f"/outbox/{handed.transfer}/proof.pdf")
        assert "Übernommen" in text_of(proof.body)
        assert "Schlüssel herausgegeben" in text_of(proof.body)
        seen = words(await clerk.get(f"/cases/{handed.case}/access"))
        assert got["office"] in seen
