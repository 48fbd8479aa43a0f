"""The pages 30 and 70 of the specification say what the program does."""

import re
from pathlib import Path

import pytest

from tests.support.print_spec import MARK, SPEC, blocks, files

ROOT = Path(__file__).parents[2]
PAGES = [SPEC / "30-messages.md", SPEC / "70-transfer.md"]
REQUIREMENT = re.compile(r"^- \*\*([A-Z]+-\d+)\*\*", re.MULTILINE)


@pytest.mark.spec("HO-10")
@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_what_is_printed_is_up_to_date(path):
    assert path.read_text() == files()[path], "run python -m tests.support.print_spec"


def test_every_block_stands_on_a_page():
    marked = {m[2] for page in PAGES for m in MARK.finditer(page.read_text())}
    assert marked == set(blocks())


def test_each_requirement_that_a_page_adds_has_a_test():
    tests = "".join(
        path.read_text()
        for path in (ROOT / "tests").rglob("test_*.py")
        if path != Path(__file__)
    )
    added = {
        m[1]
        for page in PAGES
        for m in REQUIREMENT.finditer(page.read_text())
        if not m[1].startswith("HO-")
    }
    assert {name for name in added if f'"{name}"' not in tests} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_requirement_has_two_numbers_or_one_number_two_texts(page):
    names = [m[1] for m in REQUIREMENT.finditer(page.read_text())]
    assert len(names) == len(set(names)) > 20


def test_no_mark_names_a_requirement_that_no_page_has():
    known = {m[1] for page in PAGES for m in REQUIREMENT.finditer(page.read_text())}
    used = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r'"((?:MSG|TRF)-\d+)"', path.read_text())
    }
    assert used <= known
