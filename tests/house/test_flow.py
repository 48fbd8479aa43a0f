"""Every file and every name on the page of the main flow exists."""

import ast
import re
from functools import cache

from tests.support.sources import ROOT, tree_of

PAGE = (ROOT / "docs" / "flow.md").read_text("utf-8")
# A file is a link whose text is its path; the names in code after it are in that file.
PLACE = re.compile(r"\[`(node/[a-z_/]+\.py)`\]\(\.\./([a-z_/]+\.py)\)|`([A-Za-z_.]+)`")


@cache
def names_in(path):
    """Top-level names of a module, and ``Class.method``."""
    found = set()
    for item in tree_of(ROOT / path).body:
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(item.name)
        if isinstance(item, ast.ClassDef):
            methods = (ast.FunctionDef, ast.AsyncFunctionDef)
            found |= {
                f"{item.name}.{m.name}" for m in item.body if isinstance(m, methods)
            }
        if isinstance(item, ast.AnnAssign):
            found.add(ast.unparse(item.target))
        if isinstance(item, ast.Assign):
            found |= {ast.unparse(target) for target in item.targets}
    return found


def places():
    """Each (file, name) that the page says; the second cell of a row is the room."""
    for line in PAGE.splitlines():
        cells = line.split(" | ")
        path = None
        for match in PLACE.finditer(cells[1] if len(cells) > 1 else line):
            if match[1]:
                assert match[1] == match[2], f"link of {match[1]}"
                path = match[1]
                yield path, None
            elif path is not None:
                yield path, match[3]


def test_every_file_exists():
    paths = {path for path, _ in places()}
    assert len(paths) > 35
    assert [path for path in sorted(paths) if not (ROOT / path).is_file()] == []


def test_every_name_stands_in_its_file():
    found = [(path, name) for path, name in places() if name is not None]
    assert len(found) > 60
    assert [place for place in found if place[1] not in names_in(place[0])] == []
