"""The demo's self-check: five staged stories, walked over HTTP as people would.

Enters: nothing but two freshly started processes. Leaves: one line per step, and an exit
code: 0 if every step was true, 1 at the first untruth. Must never happen: a step that
looks into a database or calls a use case; what is checked is what people can see.
Implements the field document, chapter 9 (stories), DO-46.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Final

import aiohttp

from node.clock import SystemClock
from node.demo.browser import Browser, Page
from node.demo.show import Federation, Place, free_ports, prepare, running
from node.web.language import Language, Words

WAIT_S: Final = 60.0
_PAUSE_S: Final = 0.2
_WORDS: Final = Words(Language.GERMAN)
_say = _WORDS.gettext


class Walk:
    """The people of both towns at their browsers, and what they found so far."""

    def __init__(
        self, federation: Federation, stack: AsyncExitStack, *, as_json: bool
    ) -> None:
        """Begin, with nobody signed in."""
        self.federation = federation
        self.wehr, self.saeckingen = federation.wehr, federation.saeckingen
        self.steps = 0
        self._stack = stack
        self._as_json = as_json
        self._people: dict[tuple[str, str], Browser] = {}

    def step(self, story: int, told: str, ok: object, **facts: str | int) -> None:
        """Say one step; the walk ends at the first that is not true.

        Raises:
            AssertionError: It is not true.
        """
        self.steps += 1
        line = {"story": story, "step": told, "ok": bool(ok), **facts}
        if self._as_json:
            print(json.dumps(line, ensure_ascii=False), flush=True)
        else:
            print(f"{story}. {'ok   ' if ok else 'FALSE'} {told}", flush=True)
        if not ok:
            raise AssertionError(told)

    async def at(self, place: Place, role: str) -> Browser:
        """The browser of whoever has this role there; signed in on first use."""
        key = (place.slug, role)
        if key not in self._people:
            browser = await self._stack.enter_async_context(Browser(place.web_url))
            entry = await browser.open("/login")
            await browser.submit(entry, "/login/demo", {}, words=_say(role))
            self._people[key] = browser
        return self._people[key]

    async def clerk(self, place: Place) -> Browser:
        """The caseworker there."""
        return await self.at(place, "Caseworker")

    async def approver(self, place: Place) -> Browser:
        """Who lets in there."""
        return await self.at(place, "Approver")

    async def people(self, place: Place, family: str) -> dict[str, str]:
        """The addresses of the cases of a family that the caseworker there finds."""
        clerk = await self.clerk(place)
        found = await clerk.submit(
            await clerk.open("/cases?of=all"), "/cases/search", {"text": family}
        )
        return {
            words: href
            for words, href in found.links
            if href.startswith("/cases/") and family in words
        }


async def until(
    look: Callable[[], Awaitable[Page]], holds: Callable[[Page], bool]
) -> Page:
    """Look again and again, as somebody does who waits, until it holds or time is over."""
    end = monotonic() + WAIT_S
    while True:
        page = await look()
        if holds(page) or monotonic() > end:
            return page
        await asyncio.sleep(_PAUSE_S)


def shows(*sentences: str) -> Callable[[Page], bool]:
    """Whether a page says all of these, in the language of the demo."""
    return lambda page: all(_say(sentence) in page.text for sentence in sentences)


def _body(place: Place, sentence: str) -> str:
    return _say(sentence) % {"body": place.name}


# ---- What people do --------------------------------------------------------------------


async def move(
    walk: Walk, home: Place, family: str, to: Place, *, ags: str = ""
) -> tuple[Page, str]:
    """A caseworker records that a household moves; the transfer's number comes back."""
    clerk = await walk.clerk(home)
    people = await walk.people(home, family)
    case = next(iter(people.values())).removeprefix("/cases/")
    form = await clerk.open(f"/relocations/new?case={case}")
    day = SystemClock().now().date() + timedelta(days=14)
    asked = await clerk.submit(
        form,
        "/relocations/new",
        {"place": ags or str(to.ags), "move_on": f"{day:%d.%m.%Y}"},
    )
    page = await clerk.submit(asked, "/relocations/new", {"_sure": "yes"})
    return page, page.path.split("?")[0].rsplit("/", 1)[-1]


async def offered(walk: Walk, place: Place, number: str) -> Page:
    """The approver's page of an offer, once its sealed content has come."""
    approver = await walk.approver(place)
    return await until(
        lambda: approver.open(f"/inbox/{number}"),
        _can_let_in,
    )


async def followed(walk: Walk, place: Place, number: str, sentence: str) -> Page:
    """The sender's page of a transfer, once it says this."""
    clerk = await walk.clerk(place)
    return await until(lambda: clerk.open(f"/outbox/{number}"), shows(sentence))


async def refuse_consent(walk: Walk, place: Place, case: str) -> Page:
    """The caseworker records that a person wants nothing passed on."""
    clerk = await walk.clerk(place)
    form = await clerk.open(f"/consents/new?case={case.removeprefix('/cases/')}")
    answer = {"_answer": "no", "form": "paper", "language": "de", "given_by": "self"}
    return await clerk.submit(form, "/consents/new", dict(answer))


async def withdraw(walk: Walk, place: Place, case: str) -> tuple[Page, Page]:
    """The caseworker records a withdrawal: what it announces, and the page after it."""
    clerk = await walk.clerk(place)
    consents = await clerk.open(f"{case}/consents")
    announced = await clerk.open(consents.link("/withdraw"))
    return announced, await clerk.submit(announced, "/withdraw", {"how": "spoken"})


async def let_in(walk: Walk, place: Place, number: str) -> Page:
    """The approver there lets a transfer in and gives its cases to the caseworker."""
    approver = await walk.approver(place)
    await approver.submit(await offered(walk, place, number), "/approve", {})
    opened = await until(lambda: approver.open(f"/inbox/{number}"), shows("Opened."))
    if any(form.action.endswith("/assign") for form in opened.forms):
        choices = opened.form("/assign").choices("caseworker")
        await approver.submit(opened, "/assign", {"caseworker": choices[1]})
    return opened


def _can_let_in(page: Page) -> bool:
    return any(form.action.endswith("/approve") for form in page.forms)


def _can_move(page: Page) -> bool:
    return any("/relocations/new" in href for _, href in page.links)


# ---- The stories -----------------------------------------------------------------------


async def _family_moves(walk: Walk) -> None:
    wehr, there = walk.wehr, walk.saeckingen
    family = await walk.people(wehr, "Demo-Birke")
    walk.step(1, "Wehr finds five people of the family", len(family) == 5)
    page, number = await move(walk, wehr, "Demo-Birke", there)
    walk.step(1, "the move is recorded", page.status == 200, transfer=number[:8])
    offer = await offered(walk, there, number)
    walk.step(1, "the offer waits in Bad Säckingen, sealed", shows("Sealed.")(offer))
    walk.step(1, "no name stands in the offer", "Birke" not in offer.text)
    early = await walk.people(there, "Demo-Birke")
    walk.step(1, "nobody of them is found there before the opening", not early)
    opened = await let_in(walk, there, number)
    walk.step(1, "let in, the content opened there", shows("Opened.")(opened))
    arrived = await walk.people(there, "Demo-Birke")
    walk.step(1, "five cases of the family are in Bad Säckingen", len(arrived) == 5)
    details = await (await walk.clerk(there)).open(
        next(iter(arrived.values())) + "/details"
    )
    badge = _say("taken over from %(place)s") % {"place": wehr.name}
    walk.step(1, "what came says where it came from", badge in details.text)
    done = await followed(walk, wehr, number, "Taken over.")
    walk.step(1, "Wehr reads that they were taken over", shows("Taken over.")(done))
    old = await (await walk.clerk(wehr)).open(next(iter(family.values())))
    walk.step(
        1,
        "in Wehr the case can only be read now",
        old.status == 200 and not _can_move(old),
    )


async def _one_refuses(walk: Walk) -> None:
    wehr, there = walk.wehr, walk.saeckingen
    family = await walk.people(wehr, "Demo-Steinweichsel")
    walk.step(2, "Wehr finds three adults of one family", len(family) == 3)
    khaled = next(href for name, href in family.items() if name.startswith("Khaled"))
    answer = await refuse_consent(walk, wehr, khaled)
    walk.step(
        2, "one of them says no, and it is recorded", answer.path.startswith(khaled)
    )
    _, number = await move(walk, wehr, "Demo-Steinweichsel", there)
    offer = await offered(walk, there, number)
    left_out = _WORDS.ngettext("%(count)s adult", "%(count)s adults", 1) % {"count": 1}
    walk.step(
        2, "the offer says that one adult is not included", left_out in offer.text
    )
    walk.step(2, "and does not say who", "Khaled" not in offer.text)
    await let_in(walk, there, number)
    arrived = await walk.people(there, "Demo-Steinweichsel")
    walk.step(
        2,
        "two of them arrive, he does not",
        len(arrived) == 2 and "Khaled" not in "".join(arrived),
    )
    case = await (await walk.clerk(wehr)).open(khaled)
    walk.step(2, "his case stays in Wehr, open for work", _can_move(case))


async def _withdrawn(walk: Walk) -> None:
    wehr, there = walk.wehr, walk.saeckingen
    (case,) = (await walk.people(wehr, "Demo-Eiche")).values()
    _, number = await move(walk, wehr, "Demo-Eiche", there)
    offer = await offered(walk, there, number)
    walk.step(3, "the sealed content is already there", shows("Sealed.")(offer))
    told, after = await withdraw(walk, wehr, case)
    stops = _body(
        there,
        "The handover to %(body)s is stopped. The content stays unreadable there for ever.",
    )
    walk.step(3, "the page says beforehand what a withdrawal stops", stops in told.text)
    walk.step(3, "the withdrawal is recorded", after.status == 200)
    approver = await walk.approver(there)
    late = await until(lambda: approver.open(f"/inbox/{number}"), shows("Called back."))
    walk.step(
        3, "the approver reads that it was called back", shows("Called back.")(late)
    )
    walk.step(
        3,
        "nothing can be let in any more",
        not _can_let_in(late),
    )
    walk.step(
        3,
        "nobody of it is in Bad Säckingen",
        not await walk.people(there, "Demo-Eiche"),
    )
    own = await (await walk.clerk(wehr)).open(case)
    walk.step(3, "the case is open for work in Wehr", _can_move(own))


async def _not_responsible(walk: Walk) -> None:
    wehr, there = walk.wehr, walk.saeckingen
    _, number = await move(walk, wehr, "Demo-Buche", there)
    offer = await offered(walk, there, number)
    approver = await walk.approver(there)
    comment = "Die Wohnung liegt in Murg, bitte dort anfragen."
    no = await approver.submit(
        offer, "/refuse", {"code": "not_responsible", "comment": comment}
    )
    walk.step(
        4,
        "Bad Säckingen refuses with a reason",
        no.status == 200 and not _can_let_in(no),
    )
    told = await followed(walk, wehr, number, "Refused.")
    walk.step(4, "Wehr reads the reason and the sealed comment", comment in told.text)
    people = await walk.people(wehr, "Demo-Buche")
    case = await (await walk.clerk(wehr)).open(next(iter(people.values())))
    walk.step(4, "the case is open for work in Wehr again", _can_move(case))
    walk.step(
        4,
        "nobody of it is in Bad Säckingen",
        not await walk.people(there, "Demo-Buche"),
    )


async def _comes_back(walk: Walk) -> None:
    wehr, there = walk.wehr, walk.saeckingen
    before = await walk.people(there, "Demo-Ahorn")
    walk.step(5, "somebody who once left Wehr is in Bad Säckingen", len(before) == 1)
    _, number = await move(walk, there, "Demo-Ahorn", wehr)
    opened = await let_in(walk, wehr, number)
    walk.step(5, "Wehr lets the person in again", shows("Opened.")(opened))
    address = next(iter(before.values()))
    back = await (await walk.clerk(wehr)).open(address)
    walk.step(5, "the old case in Wehr is open for work again", _can_move(back))
    done = await followed(walk, there, number, "Taken over.")
    walk.step(
        5, "Bad Säckingen reads that it was taken over", shows("Taken over.")(done)
    )
    gone = await (await walk.clerk(there)).open(address)
    walk.step(
        5,
        "there the case can only be read now",
        gone.status == 200 and not _can_move(gone),
    )
    await _was_here_twice(walk, number, address)


async def _was_here_twice(walk: Walk, number: str, address: str) -> None:
    """The desk had opened a second case: compared, merged, taken apart again."""
    wehr = walk.wehr
    approver, clerk = await walk.approver(wehr), await walk.clerk(wehr)
    reasons = ("strong", "day and month of birth swapped")
    seen = await until(lambda: approver.open(f"/inbox/{number}/match"), shows(*reasons))
    walk.step(5, "Wehr reads why it may be somebody who is here", shows(*reasons)(seen))
    match = await clerk.open(f"{address}/match")
    (twin,) = (
        name for name in match.form("/match").names if name.startswith("decision_")
    )
    silent = await clerk.submit(match, "/match", {})
    walk.step(5, "no answer is chosen beforehand", silent.status == 422)
    table = await clerk.submit(match, "/match", {twin: "same"})
    other = twin.removeprefix("decision_")
    fields = [
        name for name in table.form(f"/match/{other}").names if not name.startswith("_")
    ]
    walk.step(5, "only what differs is asked for", "birth_date" in fields)
    chosen = dict.fromkeys(fields, "there")
    check = await clerk.submit(table, f"/match/{other}", dict(chosen))
    done = await clerk.submit(check, "/merge", {})
    walk.step(
        5,
        "both cases are one",
        _say("Merged. It can be undone until %(day)s.").split("%")[0] in done.text,
    )
    walk.step(5, "the number with the longer chain stayed", address in done.path)
    one = await walk.people(wehr, "Demo-Ahorn")
    walk.step(5, "one case is found under the name", len(one) == 1)
    asked = await clerk.open(done.link("/unmerge/"))
    apart = await clerk.submit(asked, "/unmerge/" + asked.path.rsplit("/", 1)[-1], {})
    walk.step(
        5,
        "undone, both are as before",
        shows("Both cases are as they were before.")(apart),
    )
    two = await walk.people(wehr, "Demo-Ahorn")
    walk.step(5, "two cases are found again", len(two) == 2)


STORIES: Final = (
    _family_moves,
    _one_refuses,
    _withdrawn,
    _not_responsible,
    _comes_back,
)


async def check(data: Path | None, *, as_json: bool, seed: int) -> int:
    """Walk all stories against two fresh processes.

    Returns:
        0 if every step was true, 1 if one was not.
    """
    with ExitStack() as folders:
        folder = data or Path(folders.enter_context(tempfile.TemporaryDirectory()))
        federation = await prepare(folder / "towns", ports=free_ports(4), seed=seed)
        async with running(federation), AsyncExitStack() as stack:
            walk = Walk(federation, stack, as_json=as_json)
            try:
                for story in STORIES:
                    await story(walk)
            except (AssertionError, aiohttp.ClientError, StopIteration) as error:
                print(f"untrue after {walk.steps} steps: {error}", file=sys.stderr)
                return 1
    return 0
