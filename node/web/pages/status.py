"""S16 Status: one sentence, then what needs somebody, then what is in order.

Enters: findings. Leaves: sentences, each fault with its effect and what to do. Must never
happen here: a person's data; a page that fails itself because a part of the node does.
Implements S16.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.casework.health import Check, Finding, Level, look
from node.errors import NodeError, UnknownNodeError
from node.ids import MemberId
from node.web.frame import Parts, Route, account_of, page, parts_of, words_of
from node.web.language import Words, msgid

_ADMINISTRATORS: Final = frozenset({Role.ADMINISTRATOR})

_FINE: Final[Mapping[Check, str]] = {
    Check.DATABASE: msgid("The database answers."),
    Check.BACKUP: msgid("The newest verified backup was taken %(ago)s."),
    Check.LOG_SIGNED: msgid("The exchange log is signed: %(count)s entries."),
    Check.LOG_WITNESSED: msgid("Other offices have cosigned our log: %(count)s."),
    Check.DIRECTORY: msgid(
        "The directory is fresh: signed %(ago)s, %(count)s offices take part."
    ),
    Check.OWN_KEY: msgid("Our key for incoming handovers is good until %(day)s."),
    Check.PEER: msgid("%(office)s: nothing stands in the way."),
}

# Title, effect on people, what to do.
_WRONG: Final[Mapping[Check, tuple[str, str, str]]] = {
    Check.DATABASE: (
        msgid("The database does not answer"),
        msgid("Nothing can be saved or sent."),
        msgid(
            "Look at the disk and the database service, then start the program anew."
        ),
    ),
    Check.STANDING: (
        msgid("This node only reads since %(ago)s: other offices may know more of it"),
        msgid("Nothing can be saved, sent, approved or signed until it has recovered."),
        msgid(
            "Stop the program and run “staffelstab recover” on the server, two persons"
            " together. The operator's guide tells the way."
        ),
    ),
    Check.FIRST_WORD: (
        msgid("Waiting for the first answer of another office since %(ago)s"),
        msgid("Work goes on. Nothing is signed or sent before another office answers."),
        msgid(
            "Check the line to the outside. After an hour two persons may end the wait:"
            " “staffelstab log override first-word”."
        ),
    ),
    Check.BACKUP: (
        msgid("There is no verified backup of the last 26 hours. The newest: %(ago)s"),
        msgid(
            "If this server is lost, newer work is lost. Other offices keep their copies"
            " of what they handed over to you."
        ),
        msgid(
            "Run “staffelstab backup create” on the server and read its answer. Without"
            " folders for backups nothing is backed up: set them in node.toml."
        ),
    ),
    Check.LOG_SIGNED: (
        msgid("The exchange log is not signed up to its end"),
        msgid("Handovers wait until it is signed."),
        msgid("Run “staffelstab log verify” on the server and read its answer."),
    ),
    Check.LOG_WITNESSED: (
        msgid("No other office has cosigned our log since %(ago)s"),
        msgid("Checks can say less for the newest entries."),
        msgid("Look below which office cannot be reached, and call it."),
    ),
    Check.DIRECTORY: (
        msgid("The directory is old: signed %(ago)s"),
        msgid("Once it expires new handovers rest. Receiving and opening go on."),
        msgid("Check the line to the directory. Then ask its registrar."),
    ),
    Check.OWN_KEY: (
        msgid("Our key for incoming handovers is ending or missing"),
        msgid("Other offices can then send us nothing."),
        msgid("Publish a new key sheet with the registrar of the directory."),
    ),
    Check.PEER: (
        msgid("%(office)s cannot be reached, failing since %(ago)s"),
        msgid("Handovers to there wait. Nothing is lost; it is tried again by itself."),
        msgid("Call the office if it lasts longer than half a day."),
    ),
    Check.BEHIND: (
        msgid("%(office)s knows a newer directory than we can fetch"),
        msgid("A key that was taken out of use might still be trusted here."),
        msgid("Check the line to the directory. Call its registrar today."),
    ),
    Check.READMITTED: (
        msgid("%(office)s came back with new keys"),
        msgid("For 72 hours nothing is sealed to it."),
        msgid("Call the office at a number you know if you did not expect this."),
    ),
    Check.FOREIGN_SHEET: (
        msgid("The directory lists a key of ours that we did not make"),
        msgid("Somebody else might read what is sent to us."),
        msgid("Call the registrar of the directory now and have the key retired."),
    ),
    Check.QUORUM: (
        msgid("A handover has waited for witnesses since %(ago)s"),
        msgid("Nothing is lost. It leaves as soon as the witnesses have cosigned."),
        msgid("Look under “Witnesses” who is missing, and call that office."),
    ),
    Check.WITNESS_SILENT: (
        msgid("A witness has been silent since %(ago)s"),
        msgid("Handovers may have to wait for it."),
        msgid("Look under “Witnesses” who it is, and call that office."),
    ),
    Check.RECEIPT: (
        msgid("A takeover has not been confirmed since %(ago)s"),
        msgid("The case cannot be worked on here until the other office answers."),
        msgid("Call the other office; it can be that its node stands still."),
    ),
    Check.ERASURE: (
        msgid("An erasure has been running since %(ago)s"),
        msgid("What should be gone can still be opened."),
        msgid("Run “staffelstab log erasures” on the server and read its answer."),
    ),
    Check.MAIL: (
        msgid("E-mails cannot be sent since %(ago)s: %(count)s"),
        msgid("Colleagues are not told by e-mail. Everything stands on their pages."),
        msgid(
            "Check smtp_host, smtp_user and the password file in node.toml, and the"
            " addresses of the accounts. It is tried again by itself."
        ),
    ),
    Check.HOLD: (
        msgid("A hold has stood since %(ago)s without being looked at"),
        msgid("What it keeps is not erased."),
        msgid("Ask whoever ordered it whether its reason still stands."),
    ),
    Check.CLOCK: (
        msgid("A witness has another time than we do"),
        msgid("Checks can say less about when something happened."),
        msgid("Compare the clock of the server with the time of day."),
    ),
    Check.CONFLICT: (
        msgid("The log of another office has shown two histories"),
        msgid("Nothing is exchanged with it. Both proofs are kept."),
        msgid("Call the office and the registrar. Change nothing on the server."),
    ),
    Check.QUARANTINE: (
        msgid("%(office)s has shown two histories: nothing is exchanged with it"),
        msgid("Handovers to and from there rest. Both proofs are kept."),
        msgid("Call the office and the registrar. Change nothing on the server."),
    ),
}


def routes() -> list[Route]:
    """The address of the status."""
    return [Route("GET", "/status", _show, roles=_ADMINISTRATORS)]


async def _show(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    found = await _look(request)
    wrong = [finding for finding in found if finding.level is not Level.OK]
    return await page(
        request,
        "status.html",
        wrong=[
            {
                "kind": "danger" if finding.level is Level.FAULT else "warning",
                **_told(parts, finding, words),
            }
            for finding in wrong
        ],
        fine=[
            {"ok": _is_seen(finding), "text": _fine(parts, finding, words)}
            for finding in found
            if finding.level is Level.OK
        ],
        at=parts.clock.now(),
    )


async def _look(request: web.Request) -> Sequence[Finding]:
    parts, account = parts_of(request), account_of(request)
    actor = account.actor
    try:
        found: Sequence[Finding] = await parts.run.read(look, parts.office, actor)
    except NodeError:
        # Whatever cannot be asked is what must be told.
        return [Finding(Check.DATABASE, Level.FAULT)]
    return found


def _told(parts: Parts, finding: Finding, words: Words) -> Mapping[str, str]:
    title, effect, todo = _WRONG[finding.check]
    filled = _filled(parts, finding, words)
    return {
        "title": words.gettext(title) % filled,
        "effect": words.gettext(effect),
        "todo": words.gettext(todo),
    }


def _fine(parts: Parts, finding: Finding, words: Words) -> str:
    text = _FINE[finding.check]
    if not _is_seen(finding):
        text = msgid("No other office has cosigned our log yet.")
    return words.gettext(text) % _filled(parts, finding, words)


def _is_seen(finding: Finding) -> bool | None:
    """Good, or not yet to be told: before the first exchange nobody has cosigned."""
    unseen = finding.check is Check.LOG_WITNESSED and finding.count == 0
    return None if unseen else True


def _filled(parts: Parts, finding: Finding, words: Words) -> Mapping[str, str]:
    since = finding.since
    return {
        "count": words.number(finding.count),
        "office": _name(parts, finding.peer) if finding.peer else "",
        "ago": words.ago(since, parts.clock.now()) if since else "\u2013",
        "day": words.day(since) if since else "\u2013",
    }


def _name(parts: Parts, member: MemberId) -> str:
    try:
        return parts.office.directory().member(member).name
    except UnknownNodeError:
        return member
