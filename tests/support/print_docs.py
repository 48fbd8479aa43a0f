"""Prints what documents say twice: ``python -m tests.support.print_docs``.

Limits, problems, types of log entries and settings come from the program; between the marks
``<!-- printed: name -->`` and ``<!-- end -->`` nothing is written by hand. It prints the
pages of ``print_spec`` as well, so that one command is enough.
"""

import inspect
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from node import ids
from node.cases.dictionary import DICTIONARY, NEVER
from node.config import Settings
from node.exchangelog.kinds import KEYS
from node.exchangelog.proof import NAMED_BY
from node.federation.problem import TABLE
from node.sync import limits
from node.sync.words import StatementType
from tests.support import print_spec
from tests.support.print_spec import MARK
from tests.support.statements import payload_of

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
KIB: Final = 1024

# What each limit bounds. A constant without a line here, or a line without a constant, fails.
MEANINGS: Final = {
    "STATEMENT_BYTES": "one statement, as a compact JWS",
    "ATTACHMENT_BYTES": "one attachment, as its shortest JSON",
    "STATEMENTS_PER_LIST": "statements in one list",
    "LIST_BYTES": "one list of statements",
    "PUT_BYTES": "a container sent in one request",
    "PART_BYTES": "one part of a resumable upload",
    "PACKET_BYTES": "a container",
    "DOCUMENT_BYTES": "one document",
    "DOCUMENTS_BYTES": "all documents of one transfer",
    "CONTENT_BYTES": "all records and evidence of one transfer",
    "JSON_BODY_BYTES": "the JSON body of a route that takes no list",
    "PACKET_HEADER_BYTES": "the clear header of a container",
    "SHARED_BYTES": "entries in one page of shared transfers, before the next page",
    "SHARED_TRANSFERS": "transfers in one page of shared transfers",
    "MANIFEST_BYTES": "the manifest, as a compact JWS",
    "PREVIEW_BYTES": "the text of a preview, padding included",
    "PARTS": "parts of one packet",
    "LABEL_CHARACTERS": "the label of a part",
    "COMMENT_BYTES": "the comment of a refusal, in UTF-8",
    "CASES_PER_TRANSFER": "cases of one transfer",
    "CONTENT_DEPTH": "nesting of a JSON part",
    "CONTENT_MEMBERS": "members and items of a JSON part",
    "MESSAGE_DEPTH": "nesting of a list of statements",
    "MESSAGE_MEMBERS": "members and items of one statement or other message",
    "BODY_DEPTH": "nesting of the body `b`, itself included",
    "CLAIM_CHARACTERS": "a text in a statement, unless said otherwise",
    "HEADER_BLOCK_BYTES": "all header fields of a request",
    "HEADER_FIELDS": "number of header fields",
    "HEADER_FIELD_BYTES": "one header field",
    "REQUEST_LINE_BYTES": "the target of a request",
    "SILENT_HEADER": "silence before a connection is closed; the node waits six times this",
    "BODY_BYTES_PER_S": "slowest body after the grace",
    "BODY_GRACE": "grace before a body is too slow",
    "ANSWER_BYTES": "an answer without statements",
    "STATEMENTS_ANSWER_BYTES": "an answer that a node reads",
    "ANSWER_TIMEOUT": "silence of a peer that answers; three times this in all",
    "CONNECTIONS_PER_PEER": "connections that a node opens to one peer",
    "CONNECTIONS": "connections that a node opens in all",
    "REQUESTS_PER_KEY_S": "requests of one verified key in a second",
    "FAILED_PER_ADDRESS_S": "failed requests of one address in a second",
    "BODIES_IN_MEMORY": "bodies held in memory at once",
    "NONCES": "nonces remembered",
    "SIGNATURE_WINDOW": "longest life of a request's signature; also how far it may lie ahead",
    "NONCE_KEPT": "how long a nonce is remembered after its signature ended",
    "OPEN_TRANSFERS_PER_PEER": "transfers of one peer that are open",
    "UPLOADS_PER_PEER": "uploads of one peer that are open",
    "UPLOAD_IDLE": "an upload without progress is dropped after",
    "QUOTA_WAIT": "wait that a peer over its quota is told",
    "ROOM_WAIT": "wait that a peer is told while there is no room",
    "ROOM_BYTES": "room that a disk keeps free",
    "ROOM_PERCENT": "hundredths of a disk that stay free",
    "UNOPENED_BYTES_PER_PEER": "bytes of one peer that nobody has opened yet",
    "RELAY_ITEM_LIFE": "how long a node asks a relay to keep an item",
    "RELAY_ITEM_LIFE_MOST": "longest time a relay keeps an item",
    "RELAY_ITEMS": "items of one sender in one mailbox",
    "RELAY_BYTES": "bytes of one sender in one mailbox",
    "RELAY_PAGE": "items in one answer of a mailbox",
    "RELAY_UPLOADS": "uploads of one sender to one mailbox at once",
    "RELAY_WAIT": "longest wait for a mailbox's answer",
    "RELAY_FIRST_WAIT": "from leaving an item at a relay until it goes again; then doubled",
    "RELAY_LONGEST_WAIT": "longest time until an unanswered item goes again",
    "OFFER_LIFE": "life of an offer",
    "ERASE_AFTER_EXPIRY": "from the end of an offer until an approved one is erased",
    "GIVE_UP_AFTER_EXPIRY": "from the end of an offer until a recall is given up",
    "NOTICE_DAYS": "days after the offer on which approvers are reminded",
    "RETENTION": "from `durable` until the sender may erase",
    "WITHDRAWAL_DUE": "time to answer a notice of withdrawal",
    "PARK_AFTER_FAILURES": "failures in a row before an item is put aside",
    "PEERS_AT_ONCE": "peers delivered to at once",
    "WITNESS_TIMEOUT": "longest wait for one witness",
    "OTHER_WITNESSES": "peers asked to cosign besides, by the pair policy",
    "OVERRIDE_AFTER": "waiting for witnesses before an override",
    "GOSSIP_KEPT": "heads of one third log kept for comparing",
    "EVIDENCE_KEPT": "forks of one log kept as evidence",
}
# Named for what the protocol foresees; nothing in this release runs into them.
RESERVED: Final = frozenset(
    {
        "ANSWER_BYTES",
        "RETENTION",
    }
)


def limit_rows() -> str:
    """Every number an outsider can push against."""
    head = "| Name | At most | What | Holds |\n|---|---|---|---|\n"
    return head + "".join(
        f"| `{name}` | {amount(name, value)} | {MEANINGS[name]} "
        f"| {'reserved' if name in RESERVED else 'yes'} |\n"
        for name, value in constants().items()
    )


def constants() -> dict[str, Any]:
    """The constants of ``node.sync.limits`` in their order, but for the units."""
    return {
        name: value
        for name, value in vars(limits).items()
        if name.isupper() and name not in {"KIB", "MIB"}
    }


def amount(name: str, value: Any) -> str:
    """A value with its unit."""
    match value:
        case timedelta():
            seconds = int(value.total_seconds())
            return f"{seconds // 86400} d" if seconds % 86400 == 0 else f"{seconds} s"
        case tuple():
            return ", ".join(map(str, value))
        case int() if name.endswith(("_BYTES", "BYTES_PER_PEER")):
            for size, unit in ((KIB * KIB, "MiB"), (KIB, "KiB")):
                if value % size == 0:
                    return f"{value // size} {unit}"
            return f"{value} B"
        case int() if name == "BODY_BYTES_PER_S":
            return f"{value // KIB} KiB/s"
        case _:
            return f"{value:,}".replace(",", " ") if value > 9999 else str(value)


def problems() -> str:
    """The codes of problem documents."""
    head = "| Code | Status | Retry | Title |\n|---|---|---|---|\n"
    return head + "".join(
        f"| `{code}` | {status} | {'yes' if retry else 'no'} | {title} |\n"
        for code, (status, retry, title) in TABLE.items()
    )


def entries() -> str:
    """The types of log entries with their keys."""
    head = (
        "| Type | Class | Keys beyond the common ones | Named by |\n|---|---|---|---|\n"
    )
    facts = KEYS[next(t for t in KEYS if t == "transfer.denied")]
    rows = []
    for kind, keys in KEYS.items():
        own = list(keys)
        if set(facts) <= set(own):
            own = ["**T**", *(k for k in own if k not in facts)]
        listed = " ".join(k if k.startswith("*") else f"`{k}`" for k in own)
        named = ", ".join(f"`{t}`" for t, types in NAMED_BY.items() if kind in types)
        rows.append(f"| `{kind}` | {kind.retention} | {listed} | {named or '-'} |\n")
    return head + "".join(rows)


def facts() -> str:
    """The keys that T stands for."""
    keys = KEYS[next(t for t in KEYS if t == "transfer.denied")]
    return "**T** = " + " ".join(f"`{key}`" for key in keys) + "\n"


def dictionary() -> str:
    """Which field of which kind of record travels in which category."""
    head = "| Kind | Category | Fields |\n|---|---|---|\n"
    rows = []
    for kind, fields in DICTIONARY.items():
        travelling: dict[str, list[str]] = {}
        for name, field in fields.items():
            if field.category not in (None, NEVER):
                listed = f"`{name}:{field.codes}`" if field.codes else f"`{name}`"
                travelling.setdefault(str(field.category), []).append(listed)
        rows += [
            f"| `{kind}` | {category} | {' '.join(names)} |\n"
            for category, names in sorted(travelling.items())
        ]
    return head + "".join(rows)


def settings() -> str:
    """Every setting: name, form, default, meaning."""
    meanings = setting_meanings()
    head = "| Setting | Form | Default | Meaning |\n|---|---|---|---|\n"
    return head + "".join(
        f"| `{name}` | {form_of(field)} | {default_of(field)} | {meanings[name]} |\n"
        for name, field in Settings.model_fields.items()
        if name != "folder"
    )


def setting_meanings() -> dict[str, str]:
    """What the docstring of ``Settings`` says of each attribute."""
    text = inspect.cleandoc(Settings.__doc__ or "").split("Attributes:\n", 1)[1]
    found: dict[str, str] = {}
    for line in re.split(r"\n(?=    [a-z])", "\n" + text.rstrip())[1:]:
        names, meaning = line.strip().split(": ", 1)
        for name in names.split(", "):
            found[name] = " ".join(meaning.split()).replace("``", "`")
    return found


def form_of(field: FieldInfo) -> str:
    """The form of a setting in TOML."""
    kind = field.annotation
    if get_origin(kind) is Literal:
        return " or ".join(f"`{word}`" for word in get_args(kind))
    if get_origin(kind) is tuple:
        return "list of texts"
    words: dict[object, str] = {str: "text", int: "number", bool: "`true` or `false`"}
    return words[kind]


def default_of(field: FieldInfo) -> str:
    """What holds if the file does not say."""
    if field.is_required():
        return "must be set"
    match field.default:
        case bool():
            return f"`{str(field.default).lower()}`"
        case "" | ():
            return "empty"
        case str():
            return f'`"{field.default}"`'
        case _:
            return f"`{field.default}`"


def identifiers() -> str:
    """Every form of ``node.ids`` that travels, with an example that fits it."""
    rows = (
        ("place (AGS)", ids.Ags, "08337116", "eight digits, the Land's first"),
        ("member", ids.MemberId, "08337116-stadt-wehr", "AGS prefix and a name"),
        ("key", ids.KeyId, "08337116-stadt-wehr#s1", "member and the key's name there"),
        ("transfer", ids.TransferId, "00112233445566778899aabbccddeeff", "128 bits"),
        ("case", ids.CaseId, "0199f0a1b2c37d4e8f90a1b2c3d4e5f6", "128 bits, for life"),
        ("record", ids.RecordId, "0199f0a1b2c47d4e8f90a1b2c3d4e5f6", "128 bits"),
        ("consent", ids.ConsentId, "ffeeddccbbaa99887766554433221100", "128 bits"),
        ("message (`jti`)", ids.MessageId, "ABEiM0RVZneImaq7zN3u_w", "128 bits"),
    )
    lines = []
    for name, form, example, what in rows:
        pattern = form.pattern.pattern.replace("|", r"\|")
        lines.append(f"| {name} | `{pattern}` | `{form(example)}` | {what} |")
    return "| Name | Form | Example | |\n|---|---|---|---|\n" + "\n".join(lines) + "\n"


def header() -> str:
    """The header of the first container of the vectors."""
    vectors = json.loads((ROOT / "tests/vectors/packet.json").read_text("utf-8"))
    first = next(iter(vectors["bases"].values()))
    return f"```json\n{first['header']}\n```\n"


def stored() -> str:
    """The payload of a receipt, with spaces for the reader."""
    payload = payload_of(StatementType.STORED)
    return f"```json\n{json.dumps(payload, indent=1, sort_keys=True)}\n```\n"


def blocks() -> dict[str, str]:
    """Every printed block by its name."""
    return {
        "limits": limit_rows(),
        "dictionary": dictionary(),
        "problems": problems(),
        "entries": entries(),
        "facts": facts(),
        "settings": settings(),
        "identifiers": identifiers(),
        "header": header(),
        "stored": stored(),
    }


PAGES: Final = (
    DOCS / "spec" / "10-identifiers.md",
    DOCS / "spec" / "60-receipts.md",
    DOCS / "spec" / "50-packet.md",
    DOCS / "spec" / "80-exchange-log.md",
    DOCS / "spec" / "90-federation-api.md",
    DOCS / "spec" / "95-limits.md",
    DOCS / "operating" / "settings.md",
)


def printed(page: str) -> str:
    """A page with all its blocks as the program says them now."""
    known = blocks()
    return MARK.sub(lambda m: f"{m[1]}{known[m[2]]}{m[3]}", page)


def files() -> dict[Path, str]:
    """Every page this program owns in part, as it should be."""
    return {page: printed(page.read_text("utf-8")) for page in PAGES}


def main() -> None:
    """Write them all, and the pages of ``print_spec``."""
    print_spec.main()
    for path, text in files().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
