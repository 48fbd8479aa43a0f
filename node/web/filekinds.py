"""Which files are taken, told by their first bytes and their ending together.

Enters: a file's name and bytes. Leaves: its media type, or nothing. Must never happen: a
format with macros; a name that holds a path or letters that turn the reading direction.
Implements SR-U1, SR-U3. Nothing is parsed, converted or shown.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

SUFFIXES: Final = {
    "pdf": "application/pdf",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "odt": "application/vnd.oasis.opendocument.text",
    "txt": "text/plain",
}
DOWNLOAD_TYPES: Final = frozenset(SUFFIXES.values())
_MAGIC: Final = {
    "application/pdf": (b"%PDF-",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/tiff": (b"II*\x00", b"MM\x00*"),
    SUFFIXES["docx"]: (b"PK\x03\x04",),
    SUFFIXES["odt"]: (b"PK\x03\x04",),
}
_ODT_MARK: Final = b"mimetypeapplication/vnd.oasis.opendocument.text"
_DOCX_MARK: Final = b"word/document.xml"
# Names inside the archive stand in it as they are.
_MACROS: Final = (b"vbaProject.bin", b"Basic/script-lc.xml", b"Scripts/")
_NAME_LENGTH: Final = 255
_SEPARATORS: Final = re.compile(r"[/\\:]+")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def kind_of(name: str, portions: Sequence[bytes]) -> str | None:
    """The media type of a file whose ending and bytes agree, None for everything else."""
    media_type = SUFFIXES.get(name.rpartition(".")[2].lower(), "")
    content = b"".join(portions)
    is_kind = _is_text if media_type == "text/plain" else _has_marks
    return media_type if media_type and is_kind(content, media_type) else None


def _has_marks(content: bytes, media_type: str) -> bool:
    """Whether the bytes begin as this kind does, and hold no macros."""
    if not content.startswith(_MAGIC[media_type]):
        return False
    if media_type == SUFFIXES["docx"] and _DOCX_MARK not in content:
        return False
    if media_type == SUFFIXES["odt"] and _ODT_MARK not in content[:120]:
        return False
    is_archive = content.startswith(b"PK")
    return not (is_archive and any(mark in content for mark in _MACROS))


def clean_name(name: str) -> str:
    """A file's name as a label: no control or direction characters, no path."""
    plain = "".join(c for c in name if unicodedata.category(c) not in _INVISIBLE)
    return _SEPARATORS.sub("_", plain).strip()[-_NAME_LENGTH:]


def _is_text(content: bytes, _: str) -> bool:
    if not content or b"\x00" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
