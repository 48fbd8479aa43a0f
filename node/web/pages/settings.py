"""S15 Einstellungen: an index of topics, and three of them; each change is shown first.

Enters: what an administrator types. Leaves: a page with before and after, then the change.
Must never happen here: a value kept that nobody saw beside the one before; a change over
one that a colleague made meanwhile. Implements screens S15.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.cases.townsettings import BOUNDS, Topic, checked
from node.casework.settings import TopicSight, change_topic, topic_sight
from node.errors import InputError, NotFoundError
from node.web.casework import actor
from node.web.forms import Form
from node.web.frame import (
    KNOWN_PATHS,
    Route,
    form_of,
    page,
    parts_of,
    see_other,
    words_of,
)
from node.web.language import Words, msgid
from node.web.settingstopics import topics_for

ADMINISTRATORS: Final = frozenset({Role.ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class _Line:
    """One field: its name on the screen, a hint, and its choices if it has some."""

    label: str
    hint: str = ""
    choices: Mapping[str, tuple[str, str]] | None = None


_LABELS: Final[Mapping[Topic, str]] = {
    Topic.CONTACT: msgid("Office and contact"),
    Topic.DELIVERY: msgid("Handing over"),
    Topic.RETENTION: msgid("How long data is kept"),
}
_LINES: Final[Mapping[Topic, Mapping[str, _Line]]] = {
    Topic.CONTACT: {
        "helper": _Line(
            msgid("Who helps"), msgid("For example: Mrs Example, IT department")
        ),
        "phone": _Line(msgid("Telephone of the helper")),
        "mail": _Line(msgid("E-mail of the helper")),
    },
    Topic.DELIVERY: {
        "delivery": _Line(
            msgid("When a move is recorded and every consent covers it"),
            choices={
                "auto": (
                    msgid("The handover goes by itself"),
                    msgid("It can be called back until the key is handed over."),
                ),
                "confirm": (
                    msgid("A caseworker confirms each handover"),
                    msgid("Nothing leaves before somebody has sent it."),
                ),
            },
        )
    },
    Topic.RETENTION: {
        "handed_over_days": _Line(
            msgid("Days until your copy is deleted after a handover"),
            msgid(
                "From %(fewest)s to %(most)s days, once the other office has a backup."
            ),
        ),
        "closed_case_years": _Line(
            msgid("Years that a closed case is kept"),
            msgid(
                "From %(fewest)s to %(most)s, after the end of the year in which something"
                " was last done. Then the archive is asked."
            ),
        ),
        "record_years": _Line(
            msgid("Years that consents and records of handovers are kept"),
            msgid(
                "From %(fewest)s to %(most)s, after the end of the year in which something"
                " was last done for the person."
            ),
        ),
        "tally_years": _Line(
            msgid("Years that nameless numbers for reports are kept"),
            msgid(
                "From %(fewest)s to %(most)s, after the end of the funding period that is"
                " set under Reports. Frozen reports stay."
            ),
        ),
    },
}
_BOUNDS: Final = msgid("Please write a number from %(fewest)s to %(most)s.")
_WRONG: Final[Mapping[tuple[str, str], str]] = {
    ("mail", "form"): msgid("Please write the address like name@town.example."),
    ("delivery", "missing"): msgid("Please choose how handovers go."),
    ("handed_over_days", "bounds"): _BOUNDS,
    ("closed_case_years", "bounds"): _BOUNDS,
    ("record_years", "bounds"): _BOUNDS,
    ("tally_years", "bounds"): _BOUNDS,
}
_TOO_LONG: Final = msgid("Please shorten this to 120 letters.")
_FIXED: Final[Mapping[Topic, str]] = {
    Topic.CONTACT: msgid(
        "The name of the office, its AGS and its name in the directory are fixed for"
        " ever. Other offices know you by them."
    ),
    Topic.DELIVERY: msgid(
        "Fixed for all offices: an offer waits 14 days for its decision. Protected"
        " persons and sensitive data always need a second person."
    ),
    Topic.RETENTION: msgid(
        "Fixed: nothing is deleted before the other office has a verified backup. How"
        " long the exchange log is kept stands in the file node.toml on the server."
    ),
}


def routes() -> list[Route]:
    """The addresses of the index and of the three topics."""
    found = [Route("GET", "/settings", _index, roles=ADMINISTRATORS)]
    for topic in Topic:
        at = f"/settings/{topic}"
        found += [
            Route("GET", at, _show, roles=ADMINISTRATORS),
            Route("POST", at, _check, roles=ADMINISTRATORS),
            Route("POST", f"{at}/save", _save, roles=ADMINISTRATORS),
        ]
    return found


async def _index(request: web.Request) -> web.Response:
    topics = topics_for(request.config_dict[KNOWN_PATHS])
    return await page(request, "settings.html", topics=topics)


async def _show(request: web.Request) -> web.Response:
    topic = _topic(request)
    sight = await _sight(request, topic)
    return await _topic_page(request, topic, Form().starting(sight.values), sight)


async def _check(request: web.Request) -> web.Response:
    """Before and after, side by side; nothing is kept yet."""
    topic, form, words = _topic(request), form_of(request), words_of(request)
    sight = await _sight(request, topic)
    try:
        values = checked(topic, _typed(form, topic))
    except InputError as error:
        return await _wrong(request, topic, form, error)
    changes = [
        (words.gettext(line.label), _said(line, sight.values[name], words), after)
        for name, line in _LINES[topic].items()
        if (after := _said(line, values[name], words))
        != _said(line, sight.values[name], words)
    ]
    if not changes:
        saved = words.gettext("Nothing was changed.")
        return await see_other(request, "/settings", saved=saved)
    return await page(
        request,
        "settings_check.html",
        topic=topic,
        label=words.gettext(_LABELS[topic]),
        changes=changes,
        kept={**values, "_version": form.text("_version")},
    )


async def _save(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    topic = _topic(request)
    try:
        await parts.run.write(
            change_topic,
            topic,
            _typed(form, topic),
            seen=form.number("_version"),
            at=parts.clock.now(),
            by=actor(request),
        )
    except InputError as error:
        return await _wrong(request, topic, form, error)
    await parts.run.read(parts.read_town)
    saved = words.gettext("“%(topic)s” is changed. It counts from now on.")
    label = words.gettext(_LABELS[topic])
    return await see_other(request, "/settings", saved=saved % {"topic": label})


async def _wrong(
    request: web.Request, topic: Topic, form: Form, error: InputError
) -> web.Response:
    words = words_of(request)
    text = _WRONG.get((error.field, error.reason), _TOO_LONG)
    errors = {error.field: words.gettext(text) % _bounds(error.field, words)}
    sight = await _sight(request, topic)
    return await _topic_page(request, topic, form.with_errors(errors), sight)


async def _topic_page(
    request: web.Request, topic: Topic, form: Form, sight: TopicSight
) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    member = parts.office.member
    fixed = (
        [
            (words.gettext("Name of the office"), parts.settings.body),
            (words.gettext("Name in the directory"), str(member)),
        ]
        if topic is Topic.CONTACT
        else []
    )
    return await page(
        request,
        "settings_topic.html",
        status=422 if form.errors else 200,
        topic=topic,
        label=words.gettext(_LABELS[topic]),
        form=form,
        lines=[_shown(name, line, words) for name, line in _LINES[topic].items()],
        fixed=fixed,
        fixed_note=words.gettext(_FIXED[topic]),
        sight=sight,
    )


def _shown(name: str, line: _Line, words: Words) -> Mapping[str, object]:
    choices = [
        (value, words.gettext(text), words.gettext(hint))
        for value, (text, hint) in (line.choices or {}).items()
    ]
    hint = words.gettext(line.hint) % _bounds(name, words) if line.hint else ""
    label = words.gettext(line.label)
    return {"name": name, "label": label, "hint": hint, "choices": choices}


def _said(line: _Line, value: str, words: Words) -> str:
    """A value as people read it."""
    if line.choices is not None:
        return words.gettext(line.choices[value][0]) if value in line.choices else ""
    return value or words.gettext("(nothing)")


def _bounds(name: str, words: Words) -> Mapping[str, str]:
    if name not in BOUNDS:
        return {}
    fewest, most = BOUNDS[name]
    return {"fewest": words.number(fewest), "most": words.number(most)}


def _typed(form: Form, topic: Topic) -> dict[str, str]:
    return {name: form.text(name) for name in _LINES[topic]}


def _topic(request: web.Request) -> Topic:
    try:
        return Topic(request.path.split("/")[2])
    except ValueError:
        raise NotFoundError("topic") from None


async def _sight(request: web.Request, topic: Topic) -> TopicSight:
    parts = parts_of(request)
    return await parts.run.read(
        topic_sight, topic, parts.office.town(), by=actor(request)
    )
