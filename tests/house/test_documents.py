"""What the documents say of the program is so."""

import re

import pytest

from node.federation.relay import Counter
from node.federation.routes import Desk, make_peer_app
from node.sync import limits
from tests.support.print_docs import (
    DOCS,
    MEANINGS,
    PAGES,
    RESERVED,
    blocks,
    constants,
    files,
)
from tests.support.print_spec import MARK
from tests.support.sources import MODULES, ROOT, name_of, text_of

SPEC = sorted((DOCS / "spec").glob("*.md"))
TEXTS = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
REQUIREMENT = re.compile(r"^- \*\*([A-Z]+-[A-Z]?\d+)\*\*", re.MULTILINE)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_what_is_printed_is_up_to_date(path):
    expected = files()[path]
    assert path.read_text("utf-8") == expected, "run make docs"


def test_every_block_stands_on_a_page():
    marked = {m[2] for page in PAGES for m in MARK.finditer(page.read_text("utf-8"))}
    assert marked == set(blocks())


def test_every_limit_has_a_meaning():
    assert set(MEANINGS) == set(constants())
    assert set(MEANINGS) >= RESERVED


def test_limits_that_stand_twice_are_equal():
    from node.crypto import container, seal

    assert container._MAX_HEADER_BYTES == limits.PACKET_HEADER_BYTES
    assert container.MAX_PREVIEW_BYTES == limits.PREVIEW_BYTES
    assert seal.MAX_COMMENT_BYTES == limits.COMMENT_BYTES


def test_the_listed_endpoints_are_the_ones_a_node_serves():
    page = (DOCS / "spec" / "90-federation-api.md").read_text("utf-8")
    listed = set(re.findall(r"^\| `([A-Z]+) (/\S+)` \|", page, re.MULTILINE))
    desk = Desk(
        office=None,
        run=None,
        files=None,
        contact=lambda peer: None,
        started_at=None,
        public_url="https://wehr.example",
        mirror=None,
        relay=Counter(files=None),
    )
    served = {
        (route.method, route.resource.canonical)
        for route in make_peer_app(desk).router.routes()
        if route.method != "HEAD"
    }
    assert listed == served


@pytest.mark.parametrize("page", SPEC, ids=name_of)
def test_no_page_gives_a_number_twice(page):
    names = REQUIREMENT.findall(page.read_text("utf-8"))
    assert len(names) == len(set(names))


@pytest.mark.parametrize("page", SPEC, ids=name_of)
def test_a_page_of_the_specification_says_how_its_words_are_meant(page):
    text = page.read_text("utf-8")
    if REQUIREMENT.search(text):
        assert "BCP 14" in text


@pytest.mark.parametrize("page", SPEC, ids=name_of)
def test_a_number_that_a_page_adds_is_its_own(page):
    """MSG-1 cannot mean one thing here and another there."""
    text = page.read_text("utf-8")
    own = {
        n for n in REQUIREMENT.findall(text) if not n.startswith(("HO-", "LR-", "SR-"))
    }
    for other in SPEC:
        if other != page:
            assert not own & set(REQUIREMENT.findall(other.read_text("utf-8")))


def test_every_link_leads_somewhere():
    broken = [
        f"{name_of(path)}: {target}"
        for path in TEXTS
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_every_file_that_a_document_names_exists():
    """Rooms in CONTRIBUTING stand in their table: a bare name lies beside the one before."""
    broken = [
        f"{name_of(path)}: {named}"
        for path in TEXTS
        for named in re.findall(r"`(tests/[\w./]+)`", path.read_text("utf-8"))
        if not (ROOT / named).exists()
    ]
    table = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("Rooms of the")[2]
    for cell in re.findall(r"(?<=\|)[^|\n]+", table.partition("\n\nImports")[0]):
        folder = ROOT / "node"
        for named in re.findall(r"`([\w/]+(?:\.py)?/?)`", cell):
            place = (ROOT / "node" if "/" in named else folder) / named
            folder = place.parent
            if not place.exists():
                broken.append(f"CONTRIBUTING.md: {named}")
    assert broken == []


CITED = re.compile(
    r"\b((?:HO|LR|FR|DO|EL|SC|AS|MSG|TRF|SEAL|PKT|LOG|API|LIM)-\d+|SR-[A-Z]\d+)\b"
)


def numbers_in(cell):
    """``HO-76, HO-77``, ``DO-1 to DO-3``: every number that is meant."""
    for first, last in re.findall(
        r"([A-Z]+-[A-Z]?\d+)(?: to ([A-Z]+-[A-Z]?\d+))?", cell
    ):
        prefix, low = re.fullmatch(r"(.*?)(\d+)", first).groups()
        high = re.search(r"\d+$", last or first)[0]
        yield from (f"{prefix}{n}" for n in range(int(low), int(high) + 1))


def test_every_number_that_the_program_cites_is_explained():
    explained = {
        n for page in SPEC for n in REQUIREMENT.findall(page.read_text("utf-8"))
    }
    index = (DOCS / "requirements.md").read_text("utf-8")
    for cell in re.findall(r"^\| ([^|]+) \|", index, re.MULTILINE):
        explained |= set(numbers_in(cell))
    cited = {number for path in MODULES for number in CITED.findall(text_of(path))}
    assert len(cited) > 200
    assert sorted(cited - explained) == []
