"""The process that makes PDFs: one order in, one PDF out, again and again.

Enters: on the standard input orders as JSON, each with its length before it. Leaves: on the
standard output a letter and the PDF, or the number of the character that no shipped font
holds. Must never happen: anything fetched but the fonts and the style sheet of this
package, the QR code and the pictures of the order; a box instead of a letter; a font of the
machine inside a PDF; a key or a setting of the node in this process. The only room that
knows WeasyPrint and segno, and it imports them where it needs them. Implements SR-U4, SC-67,
SC-68, screens chapter 7.

Two checks of glyphs, because either alone misses cases: before rendering each character
must stand in the table of what our fonts hold; afterwards no font but ours is embedded.
"""

import json
import resource
import sys
import unicodedata
from base64 import b64decode
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, BinaryIO, Final

import jinja2

from node.report.sheet import FROM_THE_RIGHT, texts_of
from node.strictjson import Json
from node.web.qr import svg_of

DONE: Final = b"+"
NO_GLYPH: Final = b"g"
FAILED: Final = b"-"
LENGTH_BYTES: Final = 4
MEMORY_BYTES: Final = 512 * 1024 * 1024
"""What one process may ask for; 35 pages take 320 MB, most of it libraries."""

OUR_FAMILIES: Final = ("Noto-Sans", "Noto-Naskh-Arabic", "Noto-Sans-Ethiopic")
_WEB: Final = files("node.web")
_SCHEME: Final = "paper:"
_SHEET: Final = "paper/sheet.html"
_STYLE: Final = "templates/paper/paper.css"
# Characters that are meant to show nothing (Unicode, Default_Ignorable_Code_Point).
_IGNORABLE: Final = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x200B, 0x200F)),
    *((0x202A, 0x202E), (0x2060, 0x206F), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF)),
)
_BLANKS: Final = frozenset("\n\t")


class NoGlyphError(Exception):
    """A character of the text cannot be printed."""

    def __init__(self, character: str) -> None:
        """Remember which."""
        super().__init__("no glyph")
        self.character = character


class ForeignFontError(Exception):
    """A font of the machine found its way into the PDF."""


# -- The two checks ----------------------------------------------------------------------


@cache
def _spans() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First and last code points of what the shipped fonts hold."""
    source = _WEB.joinpath("paperfonts/coverage.json").read_bytes()
    spans = json.loads(source)
    return tuple(first for first, _ in spans), tuple(last for _, last in spans)


def is_covered(character: str) -> bool:
    """Whether a shipped font draws this character, or it is meant to show nothing."""
    if character in _BLANKS:
        return True
    point = ord(character)
    if any(first <= point <= last for first, last in _IGNORABLE):
        return True
    if unicodedata.category(character) == "Cc":
        return False
    firsts, lasts = _spans()
    at = bisect_right(firsts, point) - 1
    return at >= 0 and point <= lasts[at]


def check_texts(texts: Iterable[str]) -> None:
    """The check before rendering.

    Raises:
        NoGlyphError: The first character that cannot be printed.
    """
    for character in dict.fromkeys(c for text in texts for c in text):
        if not is_covered(character):
            raise NoGlyphError(character)


def check_fonts(names: Iterable[str]) -> None:
    """The check after rendering.

    Args:
        names: What each embedded font is called (``BaseFont``), like ``ABCDEF+Noto-Sans``.

    Raises:
        ForeignFontError: One is not of ours.
    """
    for name in names:
        plain = name.lstrip("/").partition("+")[2].removesuffix("-Bold")
        if plain not in OUR_FAMILIES:
            raise ForeignFontError(plain)


# -- One document ------------------------------------------------------------------------


def way_of(text: str) -> str:
    """Which way a text runs: as its first letter does."""
    for character in text:
        turn = unicodedata.bidirectional(character)
        if turn in {"L", "R", "AL"}:
            return "ltr" if turn == "L" else "rtl"
    return "ltr"


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("node.web", "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["way"] = way_of
    return environment


@cache
def _fonts() -> Any:
    from weasyprint.text.fonts import FontConfiguration  # noqa: PLC0415

    # One object for every style sheet and the rendering: with another one, WeasyPrint
    # drops the @font-face rules without a word.
    return FontConfiguration()


def _fetcher(pictures: Mapping[str, tuple[bytes, str]]) -> Any:
    from weasyprint.urls import (  # noqa: PLC0415
        FatalURLFetchingError,
        URLFetcher,
        URLFetcherResponse,
    )

    class OurFetcher(URLFetcher):  # type: ignore[misc]
        """Gives what this package holds, and stops the rendering for all else."""

        def fetch(self, url: str, headers: object = None) -> Any:  # noqa: ARG002
            name = url.removeprefix(_SCHEME)
            if url.startswith(_SCHEME) and name in pictures:
                content, kind = pictures[name]
                return URLFetcherResponse(url, content, {"Content-Type": kind})
            if url.startswith(_SCHEME) and ".." not in name and name.endswith(".ttf"):
                font = _WEB.joinpath("paperfonts", name)
                return URLFetcherResponse(
                    url, font.read_bytes(), {"Content-Type": "font/ttf"}
                )
            # Ordinary exceptions are swallowed and the page goes on without the thing.
            raise FatalURLFetchingError("outside address")

    return OurFetcher()


def make_pdf(order: Mapping[str, Any]) -> bytes:
    """Render one document.

    Args:
        order: As ``Press`` wrote it: ``kind``, ``language``, ``title``, ``number``,
            ``blocks``, ``body``, ``made``, ``made_at``, ``is_demo``, ``attached``.

    Raises:
        NoGlyphError: A character cannot be printed.
        ForeignFontError: A font of the machine was used.
    """
    shown: dict[str, Json] = {k: v for k, v in order.items() if k != "attached"}
    check_texts(texts_of(shown))
    page = (
        _templates()
        .get_template(_SHEET)
        .render(
            sheet=shown,
            direction="rtl" if order["language"] in FROM_THE_RIGHT else "ltr",
            from_the_right=FROM_THE_RIGHT,
        )
    )
    return render_page(page, order)


def _pictures(order: Mapping[str, Any]) -> Mapping[str, tuple[bytes, str]]:
    """What a page may show, by name: the code of the number, pictures by their block."""
    return {
        "qr": (svg_of(order["number"]), "image/svg+xml"),
        **{
            f"picture-{place}": (b64decode(block["content"]), "image/png")
            for place, block in enumerate(order["blocks"])
            if block["block"] == "picture"
        },
    }


def render_page(page: str, order: Mapping[str, Any]) -> bytes:
    """The HTML of a document as PDF, with the check of its fonts."""
    from weasyprint import CSS, HTML, Attachment  # noqa: PLC0415

    fetcher, fonts = _fetcher(_pictures(order)), _fonts()
    style = CSS(
        string=_WEB.joinpath(_STYLE).read_text(encoding="utf-8"),
        url_fetcher=fetcher,
        font_config=fonts,
    )
    attached = order["attached"]
    at = datetime.fromisoformat(order["made_at"])
    papers = (
        [
            Attachment(
                string=b64decode(attached["content"]),
                name=attached["name"],
                description=attached["about"],
                created=at,
                modified=at,
                relationship="Data",
                url_fetcher=fetcher,
            )
        ]
        if attached
        else []
    )
    document = HTML(string=page, url_fetcher=fetcher).render(
        font_config=fonts, stylesheets=[style]
    )

    def finish(_: object, pdf: Any) -> None:
        embedded = [
            bytes(found["BaseFont"]).decode("ascii", "replace")
            for found in pdf.objects
            if isinstance(found, dict) and "BaseFont" in found
        ]
        check_fonts(embedded)

    made: bytes = document.write_pdf(
        finisher=finish,
        pdf_variant="pdf/a-3a" if papers else "pdf/ua-1",
        pdf_tags=True,
        pdf_identifier=order["number"].encode(),
        attachments=papers,
    )
    return made


# -- The process -------------------------------------------------------------------------


def serve(orders: BinaryIO, answers: BinaryIO) -> None:
    """Take orders until there are no more."""
    while len(head := orders.read(LENGTH_BYTES)) == LENGTH_BYTES:
        order = json.loads(orders.read(int.from_bytes(head, "big")))
        try:
            answer, content = DONE, make_pdf(order)
        except NoGlyphError as error:
            answer, content = NO_GLYPH, f"{ord(error.character):04X}".encode()
        except (ForeignFontError, OSError, ValueError, MemoryError) as error:
            answer, content = FAILED, type(error).__name__.encode()
        answers.write(answer + len(content).to_bytes(LENGTH_BYTES, "big") + content)
        answers.flush()


def main() -> None:
    """Serve the one process that started this one; nothing it prints gets in between."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    orders, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    serve(orders, answers)


if __name__ == "__main__":
    main()
