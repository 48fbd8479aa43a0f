"""The shape of the house: how long a room is, what it is called, what the core may hold."""

import ast
import tomllib
from functools import cache

from tests.support.sources import MODULES, ROOT, name_of, nodes_of, text_of, tree_of

MOST_LINES = 400
# Too long when the rule came, with the length they had then. Lines only ever leave here.
STILL_TOO_LONG = {
    # One file that strangers read and run without anything of ours (exchange-log 7.2).
    "node/exchangelog/standalone/verify.py": 1220,
}
NO_ROOMS = {"utils", "helpers", "common", "base", "manager", "misc", "tools"}
# The last places that can answer, each with a reason beside it.
CATCH_ALL = {
    "node/api/gate.py",
    "node/bootstrap.py",
    "node/cli/opened.py",
    "node/federation/routes.py",
    "node/store/writer.py",
    "node/web/failures.py",
    "node/worker.py",
}
BROAD = {"Exception", "BaseException"}
LATER = "TO" + "DO"
TEXTS = {".py", ".md", ".toml", ".html", ".css", ".js", ".conf", ".yml", ".service"}


@cache
def core():
    """The modules that the contract of the import linter calls pure."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    pure = next(c for c in contracts if c["name"] == "The core is pure")
    return tuple(name.replace(".", "/") for name in pure["source_modules"])


def is_core(path):
    name = name_of(path).removesuffix(".py")
    return any(name == room or name.startswith(room + "/") for room in core())


def lines_of(path):
    return len(text_of(path).splitlines())


def test_a_module_has_at_most_400_lines():
    too_long = {
        name_of(path): lines_of(path)
        for path in MODULES
        if lines_of(path) > STILL_TOO_LONG.get(name_of(path), MOST_LINES)
    }
    assert too_long == {}


def test_a_module_that_became_short_leaves_the_list():
    for name in STILL_TOO_LONG:
        path = ROOT / name
        is_long = path.exists() and lines_of(path) > MOST_LINES
        assert is_long, f"delete the line of {name}"


def test_a_name_says_what_the_room_is():
    for path in MODULES:
        names = {*path.relative_to(ROOT).parts, path.stem}
        assert not NO_ROOMS & names, name_of(path)


def test_a_module_says_what_it_is():
    for path in MODULES:
        assert ast.get_docstring(tree_of(path)), name_of(path)


def test_a_package_holds_its_docstring_and_nothing_else():
    for path in MODULES:
        if path.name == "__init__.py":
            assert len(tree_of(path).body) == 1, name_of(path)


def test_the_core_waits_for_nothing():
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    for path in MODULES:
        if is_core(path):
            found = [node for node in nodes_of(path) if isinstance(node, waiting)]
            assert found == [], name_of(path)


def test_the_core_has_many_modules():
    assert sum(map(is_core, MODULES)) > 50


def test_a_permit_is_made_in_one_module():
    makers = {
        name_of(path)
        for path in MODULES
        for found in nodes_of(path)
        if isinstance(found, ast.Call)
        and "Permit" in {getattr(found.func, "id", ""), getattr(found.func, "attr", "")}
    }
    assert makers == {"node/cases/consent.py"}


def test_a_value_cannot_be_changed():
    """What adds up one check, one reading, one refresh or one second is the exception."""
    mutable = {
        f"{name_of(path)} {found.name}"
        for path in MODULES
        for found in nodes_of(path)
        if isinstance(found, ast.ClassDef) and not found.name.startswith("_")
        for call in found.decorator_list
        if "dataclass" in ast.unparse(call)
        and not {"frozen=True", "slots=True"} <= set(map(ast.unparse, keywords(call)))
    }
    assert mutable <= {
        "node/api/gate.py Pace",
        "node/exchangelog/contents.py Contents",
        "node/exchangelog/evidence.py Evidence",
        "node/exchangelog/finding.py Ledger",
        "node/exchangelog/heads.py Tally",
        "node/report/logview.py LogIndex",
        "node/trust/holdings.py Holdings",
        "node/web/jobs.py Jobs",
    }


def keywords(call):
    return call.keywords if isinstance(call, ast.Call) else ()


def test_everything_is_caught_only_where_nobody_else_can_answer():
    found = {
        name_of(path)
        for path in MODULES
        for handler in nodes_of(path)
        if isinstance(handler, ast.ExceptHandler)
        and (handler.type is None or ast.unparse(handler.type) in BROAD)
    }
    assert found <= CATCH_ALL


def test_nothing_is_left_for_later():
    for folder in ("node", "tests", "docs", "deploy"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in TEXTS and "vendor" not in path.parts:
                assert LATER not in path.read_text(encoding="utf-8"), name_of(path)
