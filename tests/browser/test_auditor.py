"""The auditor's tasks, each in at most three steps: by keyboard alone, and by command.

A step is one thing a person does: follow a link, press a button, fill one field. The table
``TASKS`` is the list of chapter 1 of the exchange log's design; a new row is a new task.
"""

import re
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.support.audited import audited, said_in
from tests.support.chromium import NEEDED, axe
from tests.support.pair import SAECKINGEN

MOST_STEPS, MOST_TABS = 3, 120

pytestmark = [
    *NEEDED,
    pytest.mark.asyncio(loop_scope="module"),
]


@dataclass(frozen=True)
class Press:
    """Go to a link or button by its words, and press Enter."""

    words: str


@dataclass(frozen=True)
class Fill:
    """Go to a field by its label, and type."""

    label: str
    text: str


@dataclass(frozen=True)
class Task:
    """One task: steps on the page, what is seen then; the command, and its exit code."""

    name: str
    steps: tuple
    sees: str
    command: tuple
    coded: bool = True
    status: int = 0


TASKS = [
    Task(
        "1 list a period",
        (Fill("Von Tag", "01.01.2020"), Press("Anzeigen")),
        "Einträge, neueste zuerst",
        ("list", "--from", "2020-01-01"),
    ),
    Task(
        "2 filter by town and outcome",
        (Fill("Andere Stelle", "Bad-Saeckingen"), Press("Anzeigen")),
        "wurde von Bad-Saeckingen übernommen",
        ("list", "--peer", SAECKINGEN, "--type", "transfer.completed"),
    ),
    Task(
        "3 follow one transfer over both nodes",
        (Press("{short}"),),
        "Einträge von Bad-Saeckingen",
        ("trace", "{transfer}"),
    ),
    Task(
        "4 compare both sides",
        (
            Press("Abgleich"),
            Press("Bad-Saeckingen"),
            Press("Die andere Seite nach ihrer Liste fragen"),
        ),
        "ganze Liste gezeigt",
        ("reconcile", SAECKINGEN, "--ask"),
    ),
    Task(
        "5 nothing is missing",
        (Press("Ganzes Protokoll prüfen"),),
        "Es wurde nichts Auffälliges gefunden.",
        ("verify",),
        coded=False,
    ),
    Task(
        "6 consent stood when it was sent",
        (Press("{short}"),),
        "Beim Senden galt die Einwilligung",
        ("consent", "{transfer}"),
    ),
    Task(
        "7 who looked",
        (Press("Einsichten"),),
        "Liste des Protokolls",
        ("list", "--type", "audit."),
    ),
    Task(
        "8 what was erased, and why",
        (Press("Löschungen und Sperren"),),
        "Dann wird ihr Schlüssel",
        ("erasures",),
        coded=False,
    ),
    Task(
        "9 hand a sealed proof to a third party",
        (Press("{short}"), Press("Beweispaket herunterladen")),
        "So prüfen Sie es anderswo",
        ("bundle", "{transfer}", "--to", "{folder}/nachweis.zip"),
    ),
    Task(
        "10 be alarmed",
        (),
        "keine Auffälligkeit",
        ("status",),
        coded=False,
    ),
    Task(
        "a sample that repeats",
        (Press("Stichprobe"), Fill("Ihr Wort oder Ihre Zahl", "Wehr"), Press("Ziehen")),
        "gezogen",
        ("sample", "--seed", "Wehr"),
    ),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def towns(tmp_path_factory):
    async with audited(tmp_path_factory.mktemp("audited")) as both:
        yield both


FOCUSED = """() => { const e = document.activeElement;
  const label = e.labels && e.labels[0];
  return ((label || e).innerText || '').trim().replace(/\\s+/g, ' '); }"""


async def go_to(page, words):
    """Tab until the element of these words has the focus."""
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        if await page.evaluate(FOCUSED) == words:
            return
    raise AssertionError(f"no way by keyboard to {words}")


async def take(page, step, towns):
    match step:
        case Press(words):
            await go_to(page, told(words, towns))
            async with page.expect_navigation():
                await page.keyboard.press("Enter")
        case Fill(label, text):
            await go_to(page, label)
            await page.keyboard.type(text)


async def enter(page, towns):
    origin = towns.wehr.node.settings.web_url
    await page.goto(origin + "/login")
    await page.get_by_role("button", name="Anmelden als Demo-Prüfung").click()
    await page.wait_for_url(origin + "/exchangelog")


def told(text, towns):
    return text.format(
        short=towns.transfer.short, transfer=towns.transfer, folder=towns.wehr.folder
    )


async def test_no_task_takes_more_than_three_steps():
    assert all(len(task.steps) <= MOST_STEPS for task in TASKS)


@pytest.mark.spec("EL-18")
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
async def test_a_task_is_done_by_keyboard_and_axe_finds_nothing(chromium, towns, task):
    context = await chromium.new_context()
    page = await context.new_page()
    await enter(page, towns)
    for step in task.steps:
        await take(page, step, towns)
    assert task.sees in re.sub(r"\s+", " ", await page.inner_text("main"))
    assert said_in(await page.content()) == []
    found = await axe(page)
    assert found == []
    await context.close()


@pytest.mark.spec("EL-18")
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
async def test_a_task_is_done_by_one_command(towns, task):
    words = [told(word, towns) for word in task.command]
    result = await towns.wehr.command(*words, coded=task.coded)
    assert result.exit_code == task.status, result.output


NARROW = [
    "/exchangelog",
    "/exchangelog/{transfer}",
    "/exchangelog/access",
    f"/exchangelog/reconcile/{SAECKINGEN}",
    "/exchangelog/sample?count=5&seed=Wehr",
    "/exchangelog/code",
    "/exchangelog/erasures",
    "/exchangelog/witnesses",
    "/exchangelog/reveals",
    "/exchangelog/reveals/transfer/{transfer}",
]


@pytest.mark.spec("SC-3", "SC-2")
async def test_every_page_fits_the_narrowest_screen(chromium, towns):
    context = await chromium.new_context(viewport={"width": 320, "height": 700})
    page = await context.new_page()
    await enter(page, towns)
    origin = towns.wehr.node.settings.web_url
    for path in NARROW:
        await page.goto(origin + told(path, towns))
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path
        found = await axe(page)
        assert found == [], path
    await context.close()
