"""The form of a contact: what can be chosen, what is missing, what it says.

Enters: what a form held, the day. Leaves: options for a template, one sentence for each
field that needs mending, the fields of an entry. Must never happen: another kind than the
form shows (FR-6). Implements screens S6, FR-6.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from node.cases.codes import code_list
from node.cases.model import Record
from node.cases.talkforms import KIND_OF
from node.report.casepage import day_of
from node.strictjson import Json
from node.web.forms import Form
from node.web.language import Words
from node.web.typed import shown_day, typed_day
from node.web.wording import GOAL_CHOICES

MINUTES: Final = (5, 10, 15, 30, 45, 60, 90)
_STEP: Final = 5
_LONGEST: Final = 480
_OLD: Final = timedelta(days=7)
_LONGEST_NOTE: Final = 4000
_USUAL_MINUTES: Final[Mapping[str, int]] = {
    **dict.fromkeys(("office", "video"), 30),
    **dict.fromkeys(("drop_in", "phone", "third_party"), 15),
    **dict.fromkeys(("email", "messenger", "no_show"), 5),
    "home_visit": 45,
    "accompaniment": 60,
    "group": 60,
    "letter": 10,
}
_LATER: Final[Mapping[str, int]] = {"week": 7, "two_weeks": 14, "month": 30}


def usual_minutes(form: str) -> int:
    """How long a contact of this form mostly takes."""
    return _USUAL_MINUTES.get(form, 15)


def options(words: Words, name: str, on: date) -> list[tuple[str, str]]:
    """The codes of a list that are offered on a day, with their labels."""
    return [
        (code.code, words.code(code.code, name)) for code in code_list(name).offered(on)
    ]


def choices(words: Words, on: date, *, main: str = "") -> dict[str, object]:
    """Everything that can be chosen; ``main`` is a topic that is offered in any case."""
    topics = options(words, "topic", on)
    return {
        "forms": options(words, "contact_form", on),
        "form_facts": {
            form: {"kind": kind, "minutes": usual_minutes(form)}
            for form, kind in KIND_OF.items()
        },
        "topics": [pair for pair in topics if "." not in pair[0] or pair[0] == main],
        "further": topics,
        "kinds": options(words, "contact_kind", on),
        "interpreters": options(words, "interpreter", on),
        "outcomes": options(words, "outcome", on),
        "services": options(words, "service", on),
        "beginners": options(words, "initiated_by", on),
        "languages": sorted(options(words, "language", on), key=lambda pair: pair[1]),
        "minutes": [(str(m), str(m)) for m in MINUTES],
        "statuses": [(code, words.code(code, "goal_status")) for code in GOAL_CHOICES],
        "reasons": options(words, "goal_reason", on),
    }


def errors_of(
    form: Form, words: Words, goals: Sequence[str], on: date
) -> dict[str, str]:
    """One sentence for each field that needs mending, in the order of the page."""
    errors: dict[str, str] = {}
    if form.text("form") not in KIND_OF:
        errors["form"] = words.gettext("Please choose how you were in contact.")
    if form.text("topic") not in code_list("topic").codes:
        errors["topic"] = words.gettext("Please choose what it was about.")
    if form.text("other_minutes").strip():
        if _minutes(form) is None:
            errors["other_minutes"] = words.gettext(
                "Please write the minutes in steps of five, up to 480."
            )
    elif _minutes(form) is None:
        errors["minutes"] = words.gettext("Please choose how long it took.")
    if len(form.text("note")) > _LONGEST_NOTE:
        errors["note"] = words.gettext(
            "Please shorten the note to at most 4,000 characters."
        )
    if any(
        form.text(f"goal-{goal}") in {"postponed", "adapted"}
        and not form.text(f"reason-{goal}")
        for goal in goals
    ):
        errors["goals"] = words.gettext(
            "Please add: why the goal is postponed or adapted."
        )
    return errors | _day_errors(form, words, on)


def _day_errors(form: Form, words: Words, on: date) -> dict[str, str]:
    errors: dict[str, str] = {}
    if form.text("follow_up") == "date":
        due = typed_day(form.text("follow_up_on"))
        if due is None or due < on:
            errors["follow_up_on"] = words.gettext(
                "Please write a day from today on, like 03.12.2026."
            )
    day = typed_day(form.text("date"))
    if day is None or day > on:
        errors["date"] = words.gettext(
            "Please write the day like 03.12.2026, today or earlier."
        )
    return errors


def values_of(form: Form) -> dict[str, Json]:
    """The fields of an entry; the form was checked. A note is among them."""
    kind, day = form.text("kind"), typed_day(form.text("date"))
    topics = [form.text("topic"), *form.all("topics")]
    values: dict[str, Json] = {
        "date": day.isoformat() if day else "",
        "minutes": _minutes(form),
        "form": form.text("form"),
        "kind": kind
        if kind in code_list("contact_kind").codes
        else KIND_OF[form.text("form")],
        "topics": list(dict.fromkeys(t for t in topics if t)),
        **{
            field: code
            for field, name in _CODES.items()
            if (code := form.text(field)) in code_list(name).codes
        },
        "others_present": form.text("others_present").strip(),
        "note": form.text("note").strip(),
    }
    return {name: value for name, value in values.items() if value not in ("", [])}


_CODES: Final = {
    "interpreter": "interpreter",
    "language": "language",
    "outcome": "outcome",
    "referred_to": "service",
    "initiated_by": "initiated_by",
}


def filled(record: Record) -> dict[str, tuple[str, ...]]:
    """An entry as the form shows it again."""
    values = record.values
    topics = values.get("topics")
    texts = (
        [t for t in topics if isinstance(t, str)] if isinstance(topics, list) else []
    )
    minutes = values.get("minutes")
    is_usual = minutes in MINUTES
    usual_kind = KIND_OF.get(record.text("form")) == record.text("kind")
    return {
        "form": (record.text("form"),),
        "kind": ("auto" if usual_kind else record.text("kind"),),
        "topic": tuple(texts[:1]),
        "topics": tuple(texts[1:]),
        "minutes": (str(minutes),) if is_usual else (),
        "other_minutes": () if is_usual or minutes is None else (str(minutes),),
        "date": (shown_day(day_of(record, "date")),),
        "interpreter": (record.text("interpreter") or "none",),
        **{
            field: (record.text(field),)
            for field in (*_CODES, "others_present", "note")
            if field != "interpreter"
        },
    }


def remarks(values: Mapping[str, Json], words: Words, on: date) -> list[str]:
    """What is worth saying of an entry, though it was saved."""
    found = []
    day = date.fromisoformat(str(values["date"]))
    if on - day > _OLD:
        found.append(
            words.gettext("The day lies %(num)s days back and is counted so.")
            % {"num": (on - day).days}
        )
    if values.get("interpreter") == "child":
        found.append(
            words.gettext("A child interpreted: please ask an adult next time.")
        )
    return found


def follow_up_of(form: Form, on: date) -> Mapping[str, Json] | None:
    """The task that the form asks for, None if it asks for none."""
    choice = form.text("follow_up")
    due = (
        typed_day(form.text("follow_up_on"))
        if choice == "date"
        else on + timedelta(days=_LATER[choice])
        if choice in _LATER
        else None
    )
    if due is None:
        return None
    text = form.text("follow_up_text").strip()
    return {
        "due": due.isoformat(),
        "source": "contact",
        **({"text": text} if text else {}),
    }


def _minutes(form: Form) -> int | None:
    """A number of the chips, or what was written instead."""
    text = form.text("other_minutes").strip() or form.text("minutes")
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        return None
    minutes = int(text)
    return minutes if minutes <= _LONGEST and minutes % _STEP == 0 else None
