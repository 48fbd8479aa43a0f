"""The pages that lie in an evidence bundle for people: report, list, how to check.

Enters: what was checked about the files of a bundle, their entries. Leaves: German and
English texts without a script. Must never happen: a name, a note or a case number; a
sentence that the check behind it does not carry. Implements exchange-log 7.1
(``bericht.html``, ``bericht.csv``, ``LIESMICH.txt``, ``README.txt``) and the eight
sentences of chapter 8.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from html import escape
from importlib.resources import files as resources
from typing import Final

from node import strictjson
from node.exchangelog.standalone import verify
from node.strictjson import JsonObject

_SENTENCES: Final = (
    (
        "Die Schritte sind vollständig und in der richtigen Reihenfolge.",
        ("order_violated", "duplicate", "chain_gap", "receipt_missing"),
    ),
    (
        "Jeder Eintrag steht im Protokoll seiner Stelle.",
        ("proof_bad", "body_changed", "missing"),
    ),
    (
        "Beide Protokolle wurden nur fortgesetzt, nie umgeschrieben.",
        ("fork", "checkpoint_not_extending", "continuation_unshown"),
    ),
    (
        "Die Prüfpunkte tragen die Unterschriften ihrer Protokolle.",
        ("checkpoint_signature_bad", "cosignature_bad"),
    ),
    (
        "Die Erklärungen beider Seiten sind unterschrieben und im Protokoll belegt.",
        ("statement_bad", "unproven_statement"),
    ),
    ("Beide Seiten sagen dasselbe.", ("packet_differs",)),
    (
        "Zeugen haben die Protokolle gegengezeichnet.",
        ("below_quorum", "overridden", "time_outside"),
    ),
    (
        "Eine Grundlage bestand, als gesendet und als freigegeben wurde.",
        (
            "consent_missing",
            "consent_withdrawn_before",
            "consent_expired",
            "consent_scope",
            "consent_unshown",
        ),
    ),
)
_ANSWERS: Final = {"proof": "nein", "gap": "nicht gezeigt", "note": "mit Hinweis"}

GERMAN: Final = """Beweispaket des Staffelstab-Austauschprotokolls

Was darin ist: Einträge beider Protokolle mit ihren Beweisen, unterschriebene
Prüfpunkte, die unterschriebenen Erklärungen beider Stellen, öffentliche Schlüssel.
Kein Inhalt eines Falls, kein Name einer Person.

Prüfen auf einem fremden Rechner, ohne Netz:

  python3 verify.py DATEI.nachweis.zip
  python3 verify.py DATEI.nachweis.zip --trust meine-schluessel.txt

Nehmen Sie verify.py aus einer Quelle, der Sie trauen, nicht aus dieser Datei.
Ohne eigene Schlüsselliste lautet das beste Ergebnis: in sich stimmig, die Schlüssel
sind nicht bestätigt. Die Liste hat je Zeile einen Namen und einen Fingerabdruck:

  <Mitglied, Protokoll oder Zeuge> <64 Zeichen>

Der Fingerabdruck eines Schlüssels für Erklärungen ist SHA-256 über seine 32 Byte, der
eines Protokolls oder Zeugen SHA-256 über seine Zeile in keys/ (vkey). Vergleichen Sie
ihn mit dem Blatt, das die Kommune Ihnen auf Papier gibt.

Ergebnis: 0 geprüft, 1 Veränderung bewiesen, 2 unvollständig oder Schlüssel nicht
bestätigt, 3 falscher Aufruf.

Ohne unser Programm: checkpoints/*.txt sind C2SP-Prüfpunkte, proofs/*.tlog-proof
C2SP-Beweise, policy.txt eine C2SP-Regel für Zeugen. Der Satz zu einem Beweis ist die
Datei entries/<Index>.leaf (33 Byte): 01 und SHA-256("staffelstab/log/entry/v1", 00,
<Index>.salt, <Index>.json).
"""
ENGLISH: Final = """Evidence bundle of the Staffelstab exchange log

Inside: entries of both logs with their proofs, signed checkpoints, the signed
statements of both offices, public keys. No content of a case, no name of a person.

To check it on another machine, without a network:

  python3 verify.py FILE.nachweis.zip --lang en
  python3 verify.py FILE.nachweis.zip --lang en --trust my-keys.txt

Take verify.py from a source you trust, not from this bundle. Without a list of your
own the best result is: in itself sound, keys not confirmed. The list has one name and
one fingerprint per line:

  <member, log or witness> <64 characters>

The fingerprint of a statement key is SHA-256 over its 32 bytes, that of a log or a
witness SHA-256 over its line in keys/ (vkey). Compare it with the sheet that the
municipality hands you on paper.

Exit status: 0 verified, 1 tampering proved, 2 incomplete or keys not confirmed,
3 wrong use.

Without our program: checkpoints/*.txt are C2SP checkpoints, proofs/*.tlog-proof C2SP
proofs, policy.txt a C2SP policy. The record of a proof is entries/<index>.leaf
(33 bytes): 01 and SHA-256("staffelstab/log/entry/v1", 00, <index>.salt, <index>.json).
"""
_COLUMNS: Final = ("Seite", "Protokoll", "Index", "Zeit", "Ereignis", "Rolle")


def booklet(files: Mapping[str, bytes], check: verify.Check) -> dict[str, bytes]:
    """The files for people, and the small verifier.

    Args:
        files: The evidence as it was checked.
        check: The check over them.
    """
    rows = list(_rows(files))
    return {
        "bericht.html": _html(rows, check.as_json()).encode(),
        "bericht.csv": _csv(rows).encode(),
        "LIESMICH.txt": GERMAN.encode(),
        "README.txt": ENGLISH.encode(),
        "verify.py": verifier(),
    }


def verifier() -> bytes:
    """The small verifier as it is shipped."""
    shelf = resources("node.exchangelog") / "standalone" / "verify.py"
    return shelf.read_bytes()


def sentences(report: JsonObject) -> list[tuple[str, str]]:
    """The eight sentences with their answers, from the findings of a check."""
    weights: dict[str, str] = {f["code"]: f["weight"] for f in report["findings"]}
    answers = []
    for text, codes in _SENTENCES:
        found = {weights[code] for code in codes if code in weights}
        worst = next((w for w in ("proof", "gap", "note") if w in found), None)
        answers.append((text, _ANSWERS[worst] if worst else "ja"))
    return answers


def _rows(files: Mapping[str, bytes]) -> Iterator[tuple[str, ...]]:
    """One line per opened entry, by side and index."""
    found = []
    for name, content in files.items():
        side, _, rest = name.partition("/entries/")
        if rest.endswith(".json"):
            entry = strictjson.parse_object(content, members=2000)
            found.append((side, int(rest[: -len(".json")]), entry))
    for side, index, entry in sorted(found, key=lambda item: item[:2]):
        told = (entry["log"], str(index), entry["at"], entry["type"])
        yield (side, *told, entry["role"] or "")


def _csv(rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerows([_COLUMNS, *rows])
    return text.getvalue()


def _html(rows: list[tuple[str, ...]], report: JsonObject) -> str:
    """A page without a script and without anything from elsewhere."""
    told = "".join(
        f"<li>{escape(text)} <strong>{escape(answer)}</strong></li>"
        for text, answer in sentences(report)
    )
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    heads = "".join(f"<th>{escape(head)}</th>" for head in _COLUMNS)
    return (
        '<!doctype html><html lang="de"><meta charset="utf-8">'
        "<title>Beweispaket</title><style>body{font:1rem sans-serif;margin:2rem}"
        "td,th{padding:.2rem .6rem;text-align:left}</style>"
        "<h1>Beweispaket aus dem Austauschprotokoll</h1>"
        "<p>So lautete die Prüfung beim Herstellen. Sie gilt nur, wenn Sie sie selbst"
        " wiederholen: siehe LIESMICH.txt.</p>"
        f"<ol>{told}</ol><h2>Einträge</h2><p>Seite a: abgebende Stelle oder"
        " Herstellerin, Seite b: aufnehmende Stelle. Zeiten in UTC.</p>"
        f"<table><tr>{heads}</tr>{lines}</table></html>\n"
    )
