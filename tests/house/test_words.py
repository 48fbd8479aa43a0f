"""The repository speaks of the product alone, and one thing has one word."""

import ast
import re
from functools import cache
from pathlib import Path

from tests.support.sources import MODULES, ROOT, name_of, nodes_of, text_of

FOLDERS = ("node", "tests", "docs", "deploy", "bench", ".ci")
ENDINGS = {".py", ".md", ".toml", ".html", ".css", ".po", ".yml", ".conf", ".service"}
THIS = Path(__file__).resolve()

# A path of somebody's machine; a reference to a tracker that nobody else can open.
MACHINE = re.compile(r"(?<![\w.])/(?:work|tmp|home|root|Users|mnt)/")
TRACKER = re.compile(r"(?:^|\s)(?:#\d{2,}|GH-\d+)\b")

# British in prose. Names of libraries and of the web keep their own spelling.
AMERICAN = re.compile(
    r"\b(?:behavior|color(?:s|ed)?|honor|favor|analyz(?:e|ed|ing)|authoriz\w+|organiz\w+"
    r"|recogniz\w+|canceled|canceling|catalog|center|license[sd]?|artifact)\b"
)
# The glossary's third column.
NOT_SAID = re.compile(r"\b(?:tenants?|audit trail|multi-tenant)\b", re.IGNORECASE)
NAMES_NOT_GIVEN = {"obj", "tmp", "foo", "bar", "stuff", "thing", "misc", "do_it"}


@cache
def texts():
    """Every text of our own, by its path."""
    paths = [*ROOT.glob("*.md"), ROOT / "pyproject.toml", ROOT / "Makefile"]
    for folder in FOLDERS:
        paths += (ROOT / folder).rglob("*")
    return {
        path: path.read_text("utf-8")
        for path in paths
        if path.is_file()
        and (path.suffix in ENDINGS or path.name in {"Makefile", "Caddyfile", "run"})
        and "vendor" not in path.parts
        and path != THIS
    }


def found(pattern, *, only=None):
    return sorted(
        f"{name_of(path)}: {match[0].strip()}"
        for path, text in texts().items()
        if only is None or path.suffix == only
        for match in pattern.finditer(text)
    )


def test_no_text_names_a_place_on_a_machine():
    # Addresses of our own pages begin like one; they stand in the pages and their tests.
    allowed = re.compile(r"(web|browser|demo)")
    assert [f for f in found(MACHINE) if not allowed.search(f)] == []


def test_no_text_points_to_a_tracker():
    assert found(TRACKER, only=".py") == []


@cache
def prose():
    """Docstrings and comments of the program, and the documents."""
    parts = {path: text for path, text in texts().items() if path.suffix == ".md"}
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for path in MODULES:
        docs = [
            ast.get_docstring(item) or ""
            for item in nodes_of(path)
            if isinstance(item, kinds)
        ]
        parts[path] = "\n".join([*docs, *re.findall(r"#[^\n]*", text_of(path))])
    return parts


def in_prose(pattern):
    return sorted(
        f"{name_of(path)}: {match[0]}"
        for path, text in prose().items()
        for match in pattern.finditer(re.sub(r"`[^`]*`", "", text))
    )


def test_prose_is_british():
    licence = re.compile(r"publiccode|LICENSE")
    assert [f for f in in_prose(AMERICAN) if not licence.search(f)] == []


def test_prose_keeps_to_the_glossary():
    glossary = "docs/glossary.md"
    assert [f for f in in_prose(NOT_SAID) if not f.startswith(glossary)] == []


def named(*kinds):
    return {
        f"{name_of(path)}: {item.name}"
        for path in MODULES
        for item in nodes_of(path)
        if isinstance(item, kinds)
    }


def test_nothing_is_called_after_nothing():
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    words = {n.split(": ")[1].strip("_").lower() for n in named(*kinds)}
    assert words & NAMES_NOT_GIVEN == set()


def test_an_acronym_in_a_class_name_has_one_capital():
    """``HttpTransport``, so that names are read word by word."""
    classes = named(ast.ClassDef)
    assert [n for n in classes if re.search(r"[A-Z]{3,}", n.split(": ")[1])] == []


def test_every_word_of_the_glossary_has_its_german():
    rows = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$",
        (ROOT / "docs" / "glossary.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert len(rows) > 40
    assert all(german.strip() for _, german, _ in rows)
