"""Lists as offices really have them: the CSV files of the field document, chapter 9."""

from typing import Final

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
