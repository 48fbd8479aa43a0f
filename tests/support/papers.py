"""Reading PDFs back: their text, their fonts, the data inside."""

import json
import re
from ctypes.util import find_library

import pypdfium2

from node.strictjson import JsonObject

HAS_PANGO = find_library("pangoft2-1.0") is not None
"""Without this library nothing is printed; the tests of paper are skipped by name."""


def text_of(pdf: bytes) -> str:
    """The words of all pages, blanks made one."""
    pages = pypdfium2.PdfDocument(pdf)
    said = " ".join(page.get_textpage().get_text_range() for page in pages)
    return re.sub(r"\s+", " ", said)


def fonts_of(pdf: bytes) -> set[str]:
    """What each embedded font is called, without the mark of its subset."""
    return {
        item.get_font().get_base_name().partition("+")[2]
        for page in pypdfium2.PdfDocument(pdf)
        for item in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_TEXT])
    }


def pictures_in(pdf: bytes) -> int:
    """How many pictures all pages show; the code of the number is drawn, not one."""
    return sum(
        1
        for page in pypdfium2.PdfDocument(pdf)
        for _ in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE])
    )


def language_of(pdf: bytes) -> str:
    """The language of a document as a whole."""
    document = pypdfium2.PdfDocument(pdf)
    size = pypdfium2.raw.FPDFCatalog_GetLanguage(document.raw, None, 0)
    room = (pypdfium2.raw.FPDF_WCHAR * (size // 2))()
    pypdfium2.raw.FPDFCatalog_GetLanguage(document.raw, room, size)
    return bytes(room).decode("utf-16-le").rstrip("\0")


def data_in(pdf: bytes) -> JsonObject:
    """The first file inside, as JSON."""
    inside = pypdfium2.PdfDocument(pdf).get_attachment(0)
    found: JsonObject = json.loads(bytes(inside.get_data()))
    return found
