"""Every MUST has a number, every number a test, and every mark names a number."""

import ast
import re
from functools import cache
from pathlib import Path

from tests.house.test_documents import DOCS, numbers_in

ROOT = Path(__file__).parents[2]
PAGES = sorted((DOCS / "spec").glob("*.md"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
REQUIREMENT = re.compile(
    r"^- \*\*([A-Z]+-[A-Z]?\d+)\*\*(.*?)(?=^- |^\s*$|^[|#<`])", re.MULTILINE | re.DOTALL
)
HOW_THE_WORDS_ARE_MEANT = re.compile(r"The key words.*?RFC 8174\)", re.DOTALL)

# What cannot be shown by a test here, and why. Whoever adds a line argues it in review.
UNTESTED = {
    "OVR-1": "there is one protocol, one suite and one schema to choose from",
    "VER-3": "binds those who write the next version",
}


def requirements():
    """Number and text of every requirement of the specification."""
    found = {}
    for page in PAGES:
        for number, text in REQUIREMENT.findall(page.read_text("utf-8")):
            found.setdefault(number, []).append(text)
    return found


@cache
def marks():
    """Every number that a test proves, with the files of these tests."""
    found = {}
    for path in TESTS:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and ast.unparse(node.func) == "pytest.mark.spec"
            ):
                assert node.args, f"{path.name}: a mark without a number"
                for argument in node.args:
                    assert isinstance(argument, ast.Constant), path.name
                    found.setdefault(argument.value, set()).add(path)
    return found


def explained():
    """Numbers that docs/requirements.md explains."""
    index = (DOCS / "requirements.md").read_text("utf-8")
    found = set()
    for cell in re.findall(r"^\| ([^|]+) \|", index, re.MULTILINE):
        found |= set(numbers_in(cell))
        for letter, low, high in re.findall(r"\b([PI])(\d+)(?: to [PI](\d+))?", cell):
            found |= {f"{letter}{n}" for n in range(int(low), int(high or low) + 1)}
    return found


def test_every_must_has_a_number():
    bare = []
    for page in PAGES:
        text = HOW_THE_WORDS_ARE_MEANT.sub("", page.read_text("utf-8"))
        bare += [
            f"{page.name}: {line}"
            for line in REQUIREMENT.sub("", text).splitlines()
            if re.search(r"\b(MUST|SHOULD)\b", line) and "BCP 14" not in line
        ]
    assert bare == []


def test_every_must_has_a_test():
    musts = {
        number
        for number, texts in requirements().items()
        if any("MUST" in text for text in texts)
    }
    assert len(musts) > 250
    untested = musts - set(marks()) - set(UNTESTED)
    assert sorted(untested) == [], "write a test, and mark it with the number"


def test_every_mark_names_a_requirement():
    known = set(requirements()) | explained()
    assert sorted(set(marks()) - known) == []


def test_what_is_excused_needs_it_and_stays_short():
    assert set(UNTESTED) <= set(requirements())
    assert not set(UNTESTED) & set(marks())
    assert len(UNTESTED) <= 5


def test_a_test_outside_the_pages_is_not_enough():
    """A number that only tests/house marks says that a document is there, not that it is so."""
    only_here = {
        number
        for number, paths in marks().items()
        if all(path.parent.name == "house" for path in paths)
        and number in requirements()
    }
    assert only_here <= {"HO-10"}
