"""Prints what the specification says twice: ``python -m tests.support.print_spec``.

The tables of ``docs/spec/70-transfer.md``, the type list of ``30-messages.md``,
``states.json`` and the JSON Schemas of all statements come from the program; between the
marks ``<!-- printed: name -->`` and ``<!-- end -->`` nothing is written by hand (HO-10).
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from node.strictjson import Json
from node.sync import limits, words
from node.sync.exported import EXPORTED
from node.sync.machine import Machine
from node.sync.message import FORMS
from node.sync.transfer import INBOUND, OUTBOUND, Effect, Inbound, Outbound
from node.sync.words import StatementType
from tests.support import print_schemas
from tests.support.statements import payload_of
from tests.support.world import AT_RECIPIENT, AT_SENDER

SPEC = Path(__file__).parents[2] / "docs" / "spec"
MARK = re.compile(r"(<!-- printed: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rules(machine: Machine[Json, Json, Effect]) -> str:
    """The lines of one table, as a table."""
    head = "| While | On | Enters | Does | Log entry |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| {_list(rule.while_)} | {_list(rule.on)} | {rule.enters or 'same'} | "
        f"{_list(rule.does) or '-'} | {rule.logs or '-'} |\n"
        for rule in machine.rules
    )


def diagram(machine: Machine[Json, Json, Effect], start: str) -> str:
    """The lines that change the state, as a Mermaid state diagram."""
    changes: dict[tuple[str, str], list[str]] = {}
    for state, event, rule in machine.pairs():
        if rule.enters not in {None, state}:
            changes.setdefault((str(state), str(rule.enters)), []).append(str(event))
    arrows = "".join(
        f"    {a} --> {b}: {', '.join(events)}\n" for (a, b), events in changes.items()
    )
    return f"```mermaid\nstateDiagram-v2\n    [*] --> {start}\n{arrows}```\n"


def meanings() -> str:
    """Which event a statement raises where it arrives."""
    head = "| Statement | Issued by | Event there |\n|---|---|---|\n"
    from_sender = [(words.StatementType.OFFER, "OFFER or OFFER_UNFIT")]
    from_sender += [(t, str(e)) for t, e in AT_RECIPIENT.items()]
    from_recipient = [(t, str(e)) for t, e in AT_SENDER.items()]
    from_recipient += [(StatementType.LOST, "LOST, LOST_EMPTY or LOST_MOOT")]
    return (
        head
        + "".join(f"| `{t}` | sender | {e} |\n" for t, e in from_sender)
        + "".join(f"| `{t}` | recipient | {e} |\n" for t, e in from_recipient)
    )


def codes() -> str:
    """The closed lists of words."""
    lists = {
        "`kind`": words.Kind,
        "`reason`; `code` of `return-request`": words.Reason,
        "`purpose`": words.Purpose,
        "`bands`, in this order": words.Band,
        "kinds of documents in `categories.K13`": words.DocumentKind,
        "`basis`": words.Basis,
        "`by`": words.By,
        "`code` if `by` is `approver`; of `return-answer`": words.OF_PEOPLE,
        "`code` if `by` is `rule`": words.OF_RULES,
        "`cause`": words.Cause,
        "`answer` of `withdrawal-answer`": words.Answer,
        "`answer` of `return-answer`": words.ReturnAnswer,
    }
    head = "| Member | Words |\n|---|---|\n"
    return head + "".join(
        f"| {name} | {' '.join(f'`{word}`' for word in listed)} |\n"
        for name, listed in lists.items()
    )


def sizes() -> str:
    """The limits of statements."""
    listed = {
        "one statement (characters of the JWS)": limits.STATEMENT_BYTES,
        "one attachment (bytes of its shortest JSON)": limits.ATTACHMENT_BYTES,
        "statements in one list": limits.STATEMENTS_PER_LIST,
        "one list (bytes)": limits.LIST_BYTES,
        "nesting of `b`, itself included": limits.BODY_DEPTH,
        "a text, unless said otherwise (characters)": limits.CLAIM_CHARACTERS,
        "members and items of one payload": limits.MESSAGE_MEMBERS,
        "cases of one transfer": limits.CASES_PER_TRANSFER,
        "text of a comment (bytes of UTF-8)": limits.COMMENT_BYTES,
    }
    head = "| What | At most |\n|---|---|\n"
    return head + "".join(f"| {what} | {most} |\n" for what, most in listed.items())


def example() -> str:
    """One payload of an offer, with spaces for the reader."""
    text = json.dumps(payload_of(StatementType.OFFER), indent=1, sort_keys=True)
    return f"```json\n{text}\n```\n"


def states() -> str:
    """``states.json``: the tables as data."""
    data = {
        "sender": {
            "initial": str(Outbound.HELD),
            "states": _states(OUTBOUND),
            "rules": OUTBOUND.as_json(),
        },
        "recipient": {
            "initial": str(Inbound.ABSENT),
            "states": [str(state) for state in Inbound],
            "rules": INBOUND.as_json(),
        },
        "export": {
            "initial": str(Outbound.HELD),
            "states": _states(EXPORTED),
            "rules": EXPORTED.as_json(),
        },
    }
    return json.dumps({"v": 1, **data}, indent=1, ensure_ascii=False) + "\n"


def schemas() -> str:
    """``statements.schema.json``: one closed schema per type."""
    data = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Payloads of statements",
        "$defs": {str(t): form.schema for t, form in FORMS.items()},
        "oneOf": [{"$ref": f"#/$defs/{t}"} for t in FORMS],
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def blocks() -> dict[str, str]:
    """Every printed block by its name."""
    return {
        "sender": rules(OUTBOUND),
        "recipient": rules(INBOUND),
        "sender-diagram": diagram(OUTBOUND, "held"),
        "recipient-diagram": diagram(INBOUND, "absent"),
        "export": rules(EXPORTED),
        "export-diagram": diagram(EXPORTED, "held"),
        "meanings": meanings(),
        "codes": codes(),
        "sizes": sizes(),
        "offer": example(),
    }


def printed(page: str) -> str:
    """A page with all its blocks as the program says them now."""
    known = blocks()
    return MARK.sub(lambda m: f"{m[1]}{known[m[2]]}{m[3]}", page)


def files() -> dict[Path, str]:
    """Every file this program owns in whole or in part, as it should be."""
    pages = [SPEC / "30-messages.md", SPEC / "70-transfer.md"]
    whole = {
        SPEC / "states.json": states(),
        SPEC / "statements.schema.json": schemas(),
        SPEC / "documents.schema.json": print_schemas.documents(),
        SPEC / "problems.json": print_schemas.problems(),
        SPEC / "limits.json": print_schemas.bounds(),
    }
    return {page: printed(page.read_text()) for page in pages} | whole


def _states(machine: Machine[Outbound, Json, Effect]) -> list[str]:
    """The states a table leaves or enters, in the order of their list."""
    named = {s for rule in machine.rules for s in (*rule.while_, rule.enters)}
    return [str(state) for state in Outbound if state in named]


def _list(items: Iterable[object]) -> str:
    return ", ".join(str(item) for item in items)


def main() -> None:
    """Write them all."""
    for path, text in files().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
