"""Which files are taken, told by their first bytes and their ending together.

Enters: a file's name and bytes. Leaves: its media type, or nothing. Must never happen: a
format with macros; a name that holds a path or letters that turn the reading direction.
Implements SR-U1, SR-U3. Nothing is parsed, converted or shown.
"""

import codecs
import re
import unicodedata
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
_HEAD_BYTES: Final = 120
_LONGEST_MARK: Final = max(map(len, (_DOCX_MARK, *_MACROS)))
_NAME_LENGTH: Final = 255
_SEPARATORS: Final = re.compile(r"[/\\:]+")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class KindWatch:
    """Looks at a file as it passes by, without keeping it."""

    def __init__(self, name: str) -> None:
        """Expect the kind that the name's ending says."""
        self._type = SUFFIXES.get(name.rpartition(".")[2].lower(), "")
        self._head = b""
        self._tail = b""
        self._has_docx_mark = False
        self._has_macros = False
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True

    def feed(self, portion: bytes) -> None:
        """The next bytes of the file."""
        if len(self._head) < _HEAD_BYTES:
            self._head += portion[: _HEAD_BYTES - len(self._head)]
        if self._type == "text/plain":
            self._read_text(portion)
            return
        # A mark may lie across two portions.
        seen = self._tail + portion
        self._has_docx_mark = self._has_docx_mark or _DOCX_MARK in seen
        self._has_macros = self._has_macros or any(mark in seen for mark in _MACROS)
        self._tail = seen[-_LONGEST_MARK:]

    @property
    def kind(self) -> str | None:
        """The media type, if ending and bytes agree; once all bytes have passed."""
        is_kind = self._is_text_file if self._type == "text/plain" else self._has_marks
        return self._type if self._type and is_kind() else None

    def _read_text(self, portion: bytes) -> None:
        try:
            self._decoder.decode(portion)
        except UnicodeDecodeError:
            self._is_text = False
        self._is_text = self._is_text and b"\x00" not in portion

    def _is_text_file(self) -> bool:
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return self._is_text and bool(self._head)

    def _has_marks(self) -> bool:
        """Whether the bytes begin as this kind does, and hold no macros."""
        if not self._head.startswith(_MAGIC[self._type]):
            return False
        if self._type == SUFFIXES["docx"] and not self._has_docx_mark:
            return False
        if self._type == SUFFIXES["odt"] and _ODT_MARK not in self._head:
            return False
        return not (self._head.startswith(b"PK") and self._has_macros)


def clean_name(name: str) -> str:
    """A file's name as a label: no control or direction characters, no path."""
    plain = "".join(c for c in name if unicodedata.category(c) not in _INVISIBLE)
    return _SEPARATORS.sub("_", plain).strip()[-_NAME_LENGTH:]
