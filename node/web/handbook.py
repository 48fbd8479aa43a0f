"""The users' guide as the node shows it: the chapters of ``docs/handbuch``, without pictures.

Enters: the Markdown files of the package. Leaves: a title and a tree of text per chapter, and
which chapter tells about an address. Must never happen here: a link to what this node does not
serve. Implements the footer of screens chapter 2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

HELP: Final = "/help"
_FIRST: Final = "README.md"

# The first that fits tells about the page; what fits none begins at the first page.
_ABOUT: Final[Sequence[tuple[str, str]]] = (
    ("/login*", "erster-tag"),
    ("/setup/*", "erster-tag"),
    ("/work*", "arbeitsvorrat"),
    ("/notifications*", "arbeitsvorrat"),
    ("/contacts/*", "kontakt"),
    ("/cases/*/plan*", "plan"),
    ("/cases/*/consents*", "einwilligung"),
    ("/cases/*/statute*", "einwilligung"),
    ("/consents/*/withdraw", "rechte"),
    ("/consents/*", "einwilligung"),
    ("/cases/*/rights*", "rechte"),
    ("/cases/*/erasure*", "rechte"),
    ("/cases/*/archive", "rechte"),
    ("/cases/*/match*", "dubletten"),
    ("/cases/*/unmerge*", "dubletten"),
    ("/cases/*/transfers", "wegzug"),
    ("/cases/*/emergency", "konto"),
    ("/cases", "personen"),
    ("/cases/new", "personen"),
    ("/cases/*", "akte"),
    ("/relocations/*", "wegzug"),
    ("/outbox*", "wegzug"),
    ("/exports/*", "versiegelte-datei"),
    ("/inbox/sealed", "versiegelte-datei"),
    ("/inbox/*/match", "dubletten"),
    ("/inbox*", "eingang"),
    ("/reports*", "berichte"),
    ("/imports*", "listen"),
    ("/accounts/me*", "konto"),
    ("/deputies*", "konto"),
    ("/emergencies*", "konto"),
    ("/exchangelog*", "protokoll"),
    ("/accounts*", "verwaltung"),
    ("/settings*", "verwaltung"),
    ("/status*", "verwaltung"),
    ("/programs*", "verwaltung"),
    ("/directory*", "verwaltung"),
)


@dataclass(frozen=True, slots=True)
class Chapter:
    """One page of the guide: its title, and what follows as a tree of Markdown."""

    title: str
    parts: Sequence[SyntaxTreeNode]


@cache
def chapters() -> Mapping[str, Chapter]:
    """Every chapter by its name; the first page is the empty name."""
    return {
        _name(file.name): _chapter(file.read_text("utf-8"))
        for file in files("node.web").joinpath("book").iterdir()
        if file.name.endswith(".md")
    }


def help_for(path: str) -> str:
    """The address of the chapter that tells about a page."""
    about = next((name for like, name in _ABOUT if fnmatchcase(path, like)), "")
    return _address(about)


def served(target: str) -> str:
    """Where a link of a chapter leads; empty for what this node does not serve."""
    name = _name(target.partition("#")[0])
    return _address(name) if target.endswith(".md") and name in chapters() else ""


def _address(name: str) -> str:
    return f"{HELP}/{name}" if name else HELP


def _name(file: str) -> str:
    return "" if file == _FIRST else file.removesuffix(".md")


def _chapter(text: str) -> Chapter:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    title, *parts = SyntaxTreeNode(reader.parse(text)).children
    return Chapter(title.children[0].content, [p for p in parts if not _is_picture(p)])


def _is_picture(part: SyntaxTreeNode) -> bool:
    """A picture stands alone in a paragraph; who reads here has the page itself."""
    return part.type == "paragraph" and part.children[0].content.startswith("![")
