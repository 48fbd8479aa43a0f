"""Lists as offices really have them: the twelve files of the field document, chapter 9.

What a library can write it writes; the old and the odd formats are put together by hand.
"""

import io
import struct
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import xlsxwriter

CP1252: Final = (
    (
        "Nachname;Vorname;Geburtsdatum;Straße;PLZ;Ort;Miete\r\n"
        "Müller;Jörg;01.05.1990;Demoweg 1;79664;Wehr;450 €\r\n"
        "Groß;Zoë;2.3.1985;Demoweg 2;79664;Wehr;380 €\r\n"
        "Özdemir;Ayşe-Ersatz;17.11.1979;Demoweg 3;79664;Wehr;510 €\r\n"
    )
    .replace("ş", "s")
    .encode("cp1252")
)
"""01: Windows-1252, semicolons, CRLF, euro signs."""

BOM_TAB: Final = (
    "\ufeffFamilienname\tVorname\tGeb.-Datum\tBemerkung\n"
    'Demo-Ahorn\tMohammed\t1.5.18\t"erste Zeile\nzweite Zeile"\n'
    'Demo-Linde\t"Samir\nKarim"\t5/2018\t"sagt ""ja"""\n'
    "Demo-Eiche\tAbel\tMai 1999\t\n"
).encode()
"""02: byte order mark, tabs despite its ending, line breaks in quotation marks."""

NAMES: Final = (
    "Nachname, Vorname;Geburtsdatum\n"
    "Demo-Birke, Farid;1.1.1990\n"
    "DEMO-LINDE Samir;00.00.1990\n"
    "Samira DEMO-LINDE;1991\n"
    "Demo-Buche\u00a0geb.\u00a0Demo-Ulme, Amina;02.02.1992\n"
    "Mohammed Ahorn;03.03.1993\n"
).encode()
"""08: two names in one column, swapped, capitals, hard blanks, a name at birth."""

DUPES: Final = (
    "Nachname;Vorname;Geburtsdatum;Familie Nr.\n"
    "Müller;Anna;01.02.1990;7\n"
    "Mueller;ANNA;1.2.1990;7\n"
    "Müller;Anna;1990;7\n"
    "Müller;Anna;01.02.1991;7\n"
).encode()
"""10: one person three times, in three spellings, and somebody of another year."""

MOJIBAKE: Final = (
    b"Nachname;Vorname;Geburtsdatum\n"
    + "MÃ¼ller;Anna;01.02.1990\n".encode()
    + "Grün;Jörg;01.02.1991\n".encode()
    + "Weiß;Zoë;01.02.1992\n".encode("cp1252")
    + b"Schwarz\x00;Max;01.02.1993\n"
    + b"Rot;Ali;01.02.1994\n"
)
"""11: a double encoding, two encodings in one file, a NUL."""

UTF16: Final = (
    "Nachname\tVorname\tGeburtsdatum\r\n"
    "Müller\tJörg\t01.05.1990\r\n"
    "Y\u0131ld\u0131z\tŞirin\t2.3.1985\r\n"
).encode("utf-16")
"""03: "Unicode text", as spreadsheets save it."""

TITLE_ROWS: Final = (
    ("Stadt Wehr",),
    ("Integrationsmanagement",),
    ("Stand: März 2021",),
    ("Person", "", "Geburts-", "Aufenthalt", ""),
    ("Nachname", "Vorname", "datum", "Status", "gültig bis"),
    ("Demo-Birke", "Farid", "01.02.1990", "AE 25 II 1. Alt", "31.12.2030"),
    ("Demo-Linde", "Samira", "1991", "Duldg.", ""),
    ("Demo-Eiche", "Abel", "3.4.1999", "irgendwas", ""),
    ("Summe", "3"),
)


def titles_xls() -> bytes:
    """04: an old workbook: three titles, two rows of headers, free codes, a sum."""
    return old_workbook("Liste", TITLE_ROWS)


def dates_xlsx(*, is_1904: bool = True) -> bytes:
    """05: every form of a date, days counted from 1904, one day that does not exist."""
    target, book = _book({"date_1904": is_1904})
    sheet = book.add_worksheet("Personen")
    as_day = book.add_format({"num_format": "dd.mm.yyyy"})
    begins = date(1904, 1, 1) if is_1904 else date(1899, 12, 30)
    rows: tuple[object, ...] = (
        "1.5.18",
        "01.05.2018",
        "5/2018",
        "Mai 2018",
        "1990",
        "00.00.1990",
        datetime(1985, 3, 7),  # noqa: DTZ001 -- a cell has no zone
        (date(1985, 3, 7) - begins).days,
        "31.02.1990",
        "1.1.1990",
        1990,
    )
    _titles(sheet, "Nachname", "Vorname", "Geburtsdatum")
    for number, cell in enumerate(rows, 1):
        sheet.write_string(number, 0, f"Demo-{number:02}")
        sheet.write_string(number, 1, "Anna")
        if isinstance(cell, datetime):
            sheet.write_datetime(number, 2, cell, as_day)
        elif isinstance(cell, int):
            sheet.write_number(number, 2, cell)
        else:
            sheet.write_string(number, 2, str(cell))
    return _saved(target, book)


def zeros_xlsx() -> bytes:
    """06: AGS, postcode and phone as numbers, whose zeros are lost."""
    target, book = _book({})
    sheet = book.add_worksheet("Personen")
    _titles(sheet, "Nachname", "Vorname", "AGS", "PLZ", "Telefon")
    rows: tuple[tuple[Any, ...], ...] = (
        ("Demo-A", "Anna", 8337116, 79664, 1713920011),
        ("Demo-B", "Anna", 8337096, 1067, 7762808080),
        ("Demo-C", "Anna", 1234567, 79664, "0171 3920012"),
        ("Demo-D", "Anna", 8337116, 796, "0171 3920013"),
        ("Demo-E", "Anna", 8337116, 79664, 4917139200110),
        ("Demo-F", "Anna", 8337116, 79664, "4,9E+11"),
    )
    for number, row in enumerate(rows, 1):
        for place, cell in enumerate(row):
            if isinstance(cell, int):
                sheet.write_number(number, place, cell)
            else:
                sheet.write_string(number, place, cell)
    return _saved(target, book)


def blocks_ods() -> bytes:
    """07: households as blocks: a head, members without a surname, merged addresses."""
    return open_document(
        (
            ("Nachname", "Vorname", "Geburtsdatum", "Straße", "Ort"),
            ("Demo-Birke", "Farid", "01.02.1990", "Demoweg 1", "Wehr"),
            ("", "Samira", "03.04.1991", "", ""),
            ("", "Kind", "2018", "", ""),
            (),
            ("Familie Demo-Linde", "", "", "Demoweg 2", "Wehr"),
            ("", "Omar", "1980", "", ""),
            (),
            ("Demo-Eiche", "Abel", "1999", "Demoweg 3", "Wehr"),
        )
    )


def matrix_xlsx() -> bytes:
    """09: months as columns, initials in the cells, two sheets, hidden rows."""
    target, book = _book({})
    sheet = book.add_worksheet("2019")
    _titles(sheet, "Nachname", "Vorname", "Jan 2019", "Feb 2019", "Mrz 2019", "Summe")
    for number, (family, hidden) in enumerate((("A", 0), ("B", 1), ("C", 0)), 1):
        for place, cell in enumerate((f"Demo-{family}", "Anna", "KB", "", "KB/ML")):
            sheet.write_string(number, place, cell)
        if hidden:
            sheet.set_row(number, None, None, {"hidden": True})
    other = book.add_worksheet("2020")
    _titles(other, "Name", "Telefon")
    return _saved(target, book)


def hostile_xlsx() -> bytes:
    """12, the part that can be read: formulas, a link, commands, a macro, outside data."""
    target, book = _book({})
    sheet = book.add_worksheet("Personen")
    _titles(sheet, "Nachname", "Vorname", "Bemerkung")
    sheet.write_formula(1, 0, '=HYPERLINK("http://127.0.0.1:9/","x")', None, "Demo-A")
    sheet.write_string(1, 1, "=cmd|' /C calc'!A0")
    sheet.write_string(2, 0, "@SUM(1+1)*cmd|' /C calc'!A0")
    sheet.write_formula(2, 1, "='[other.xlsx]Sheet1'!A1", None, "Anna")
    sheet.write_string(3, 0, "'=1+1")
    sheet.write_string(3, 1, "Berta")
    return with_parts(
        _saved(target, book),
        {
            "xl/vbaProject.bin": b"\xd0\xcf\x11\xe0 a macro",
            "xl/externalLinks/externalLink1.xml": b"<externalLink/>",
        },
    )


def bomb_xlsx() -> bytes:
    """12, the part that must not be unpacked: 300 MiB of nothing."""
    return with_parts(hostile_xlsx(), {"xl/media/image1.png": bytes(300 * 1024 * 1024)})


def empty_rows_xlsx() -> bytes:
    """12, the part that must not be counted: a million empty formatted rows."""
    target, book = _book({"constant_memory": True})
    sheet = book.add_worksheet("Personen")
    bold = book.add_format({"bold": True})
    _titles(sheet, "Nachname", "Vorname")
    sheet.write_string(1, 0, "Demo-A")
    sheet.write_string(1, 1, "Anna")
    for number in range(2, 1_000_000):
        sheet.set_row(number, 20, bold)
    return _saved(target, book)


def sealed_xlsx() -> bytes:
    """What a spreadsheet protected by a password looks like from outside."""
    return container("EncryptedPackage", bytes(5000))


def doctype_xlsx() -> bytes:
    """A workbook whose XML brings entities along that would expand."""
    target = io.BytesIO()
    evil = (
        b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "aaaaaaaaaa">'
        b'<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><workbook>&b;</workbook>'
    )
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", evil)
    return target.getvalue()


def many_people(count: int) -> bytes:
    """A long list, as XLSX."""
    target, book = _book({})
    sheet = book.add_worksheet("Personen")
    _titles(
        sheet, "Nachname", "Vorname", "Geburtsdatum", "Familie Nr.", "Straße", "PLZ",
        "Ort", "Status", "Sprache",
    )  # fmt: skip
    for n in range(1, count + 1):
        row = (
            f"Demo-{n:05}", f"Anna{n % 97}", f"{n % 28 + 1}.{n % 12 + 1}.{1950 + n % 60}",
            str(n // 3), f"Demoweg {n}", "79664", "Wehr", "Duldung", "Arabisch",
        )  # fmt: skip
        for place, cell in enumerate(row):
            sheet.write_string(n, place, cell)
    return _saved(target, book)


def table_xlsx(*rows: Sequence[str], behind_hidden: bool = False) -> bytes:
    """Texts as a workbook of one sheet; or behind a hidden one."""
    target, book = _book({})
    secret = book.add_worksheet("Alt") if behind_hidden else None
    sheet = book.add_worksheet("Neu")
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            sheet.write_string(number, place, cell)
    if secret is not None:
        _titles(secret, "Nachname", "Vorname")
        sheet.activate()
        sheet.set_first_sheet()
        secret.hide()
    return _saved(target, book)


def _book(options: dict[str, object]) -> tuple[io.BytesIO, Any]:
    target = io.BytesIO()
    return target, xlsxwriter.Workbook(target, {"in_memory": True} | options)


def _saved(target: io.BytesIO, book: Any) -> bytes:
    book.close()
    return target.getvalue()


def _titles(sheet: Any, *titles: str) -> None:
    for place, title in enumerate(titles):
        sheet.write_string(0, place, title)


def with_parts(file: bytes, parts: dict[str, bytes]) -> bytes:
    """A packed file with further entries."""
    target = io.BytesIO(file)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return target.getvalue()


def open_document(rows: Sequence[Sequence[str]], *, hidden: int = 0) -> bytes:
    """An ODS of texts; empty cells count as merged, the first rows may be hidden."""
    seen = {True: ' table:visibility="collapse"', False: ""}
    cells = "".join(
        f"<table:table-row{seen[number < hidden]}>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p>'
            "</table:table-cell>"
            if cell
            else "<table:covered-table-cell/>"
            for cell in row
        )
        + "</table:table-row>"
        for number, row in enumerate(rows)
    )
    office = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content'
        f' xmlns:office="{office}:office:1.0" xmlns:table="{office}:table:1.0"'
        f' xmlns:text="{office}:text:1.0" office:version="1.2"><office:body>'
        f'<office:spreadsheet><table:table table:name="Haushalte">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        kind = "application/vnd.oasis.opendocument.spreadsheet"
        packed.writestr("mimetype", kind, zipfile.ZIP_STORED)
        packed.writestr("content.xml", content)
        packed.writestr(
            "META-INF/manifest.xml",
            '<?xml version="1.0"?><manifest:manifest'
            f' xmlns:manifest="{office}:manifest:1.0"><manifest:file-entry'
            f' manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
        )
    return target.getvalue()


# ---- The old format, by hand; sources: [MS-XLS] 2.1, [MS-CFB] 2 ------------------------


def old_workbook(
    name: str, rows: Sequence[Sequence[str]], *, is_1904: bool = False
) -> bytes:
    """A workbook of 1997 with one sheet of texts."""

    def part(kind: int, content: bytes = b"") -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    def begin(kind: int) -> bytes:
        return part(0x809, struct.pack("<HHHHII", 0x600, kind, 0x0DBB, 1997, 0, 0x606))

    def text(words: str) -> bytes:
        return b"\x01" + words.encode("utf-16-le")

    head = begin(5) + part(0x42, struct.pack("<H", 1200))
    head += part(0x22, struct.pack("<H", is_1904))
    sheet_name = struct.pack("<B", len(name)) + text(name)
    end = part(0x0A)
    at = len(head) + 4 + 6 + len(sheet_name) + len(end)
    head += part(0x85, struct.pack("<IBB", at, 0, 0) + sheet_name) + end
    width = max(map(len, rows))
    body = begin(0x10)
    body += part(0x200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            if cell:
                label = struct.pack("<HHHH", number, place, 0, len(cell)) + text(cell)
                body += part(0x204, label)
    return container("Workbook", head + body + end)


def container(name: str, stream: bytes) -> bytes:
    """A compound file with one stream."""
    size, free, last = 512, 0xFFFFFFFF, 0xFFFFFFFE
    # Streams below 4,096 bytes would stand elsewhere.
    stream = stream.ljust(4096, b"\0")
    count = -(-len(stream) // size)
    chain = [0xFFFFFFFD, last, *range(3, 2 + count), last]
    fat = struct.pack(f"<{size // 4}I", *chain, *[free] * (size // 4 - len(chain)))

    def entry(title: str, kind: int, child: int, start: int, length: int) -> bytes:
        spelt = (title + "\0").encode("utf-16-le") if title else b""
        return (
            spelt.ljust(64, b"\0")
            + struct.pack("<HBB", len(spelt), kind, 1)
            + struct.pack("<III", free, free, child)
            + bytes(16 + 4 + 16)
            + struct.pack("<IQ", start, length)
        )

    folder = entry("Root Entry", 5, 1, last, 0)
    folder += entry(name, 2, free, 2, len(stream)) + 2 * entry("", 0, free, 0, 0)
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, last, 0, last, 0)
    head += struct.pack("<109I", 0, *[free] * 108)
    return head + fat + folder + stream.ljust(count * size, b"\0")


# ---- The binary format of 2007, by hand; source: [MS-XLSB] 2.1.4, 2.4 ------------------


def binary_workbook(name: str, rows: Sequence[Sequence[str]]) -> bytes:
    """A binary workbook with one sheet of texts."""

    def part(kind: int, content: bytes = b"") -> bytes:
        spelt = bytes([kind & 0x7F | 0x80, kind >> 7]) if kind > 0x7F else bytes([kind])
        length = len(content)
        size = bytes([length & 0x7F | 0x80, length >> 7]) if length > 0x7F else b""
        return spelt + (size or bytes([length])) + content

    def wide(words: str) -> bytes:
        return struct.pack("<I", len(words)) + words.encode("utf-16-le")

    bundle = struct.pack("<II", 0, 1) + wide("rId1") + wide(name)
    workbook = part(0x83) + part(0x8F) + part(0x9C, bundle) + part(0x90) + part(0x84)
    width = max(map(len, rows))
    size = struct.pack("<IIII", 0, len(rows) - 1, 0, width - 1)
    sheet = part(0x81) + part(0x94, size) + part(0x91)
    for number, row in enumerate(rows):
        sheet += part(0x00, struct.pack("<I", number) + bytes(21))
        for place, cell in enumerate(row):
            sheet += part(0x06, struct.pack("<II", place, 0) + wide(cell))
    sheet += part(0x92) + part(0x82)
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = (
        '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org'
        f'/package/2006/relationships"><Relationship Id="rId1" Type="{kinds}/worksheet"'
        ' Target="worksheets/sheet1.bin"/></Relationships>'
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.bin", workbook)
        packed.writestr("xl/_rels/workbook.bin.rels", relations)
        packed.writestr("xl/worksheets/sheet1.bin", sheet)
    return target.getvalue()
