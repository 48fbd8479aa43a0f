"""S15 Einstellungen, Einwilligungstexte: which language may be signed, and why not.

Enters: a wording, the name of who checked it, a recording. Leaves: the texts that people
are asked with. Must never happen: one account wording and vouching; a recording of other
words. Implements SC-38, SC-39, screens S15.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.cases.consenttext import (
    GERMAN,
    TONGUES,
    Block,
    ConsentText,
    TextState,
    outdated,
)
from node.cases.ports import KeptText, Recording
from node.casework.consenttexts import (
    RECORDING_BYTES,
    Texts,
    current_texts,
    keep_recording,
    verify_text,
    word_text,
)
from node.errors import (
    ConflictError,
    ForbiddenError,
    InputError,
    MalformedMessageError,
    NotFoundError,
)
from node.ids import AccountId
from node.web.casework import actor, colleagues, today
from node.web.failures import conflict
from node.web.forms import Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    see_other,
    words_of,
)
from node.web.guard import FILE
from node.web.language import Words, msgid

_HERE: Final = "/settings/consent-texts"
_LEADERS: Final = frozenset({Role.ADMINISTRATOR})
_PORTION: Final = 64 * 1024
_SOUNDS: Final = {
    b"OggS": "audio/ogg",
    b"ID3": "audio/mpeg",
    b"\xff\xfb": "audio/mpeg",
}

# Where a person meets a sentence, by how its id begins; what begins otherwise is a question.
_PARTS: Final = {
    msgid("On every page"): (
        *("draft", "aloud", "listen", "next", "skip", "back", "yes", "no", "change"),
    ),
    msgid("When the person wants nothing passed on"): ("nothing",),
    msgid("What the person is told first"): ("about",),
    msgid("To whom, for what, until when"): ("scope",),
    msgid("The questions"): (),
    msgid("Check and sign"): ("check", "sign", "thanks"),
    msgid("The copy to take away"): ("copy",),
}
_QUESTIONS: Final = msgid("The questions")


def routes() -> list[Route]:
    """The addresses of the consent texts."""
    return [
        Route("GET", _HERE, _list, roles=_LEADERS),
        Route("GET", f"{_HERE}/{{language}}", _show, roles=_LEADERS),
        Route("POST", f"{_HERE}/{{language}}", _word, roles=_LEADERS),
        Route("POST", f"{_HERE}/{{language}}/verify", _verify, roles=_LEADERS),
        Route(
            "POST",
            f"{_HERE}/{{language}}/recording",
            _record,
            roles=_LEADERS,
            takes_file=True,
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Line:
    """One language in the list."""

    tag: str
    name: str
    own: str
    text: ConsentText
    is_verified: bool
    changed: int
    put_by: str


async def _list(request: web.Request) -> web.Response:
    words = words_of(request)
    texts = await parts_of(request).run.read(current_texts)
    names = await colleagues(request)
    return await page(
        request,
        "consent_texts.html",
        lines=[
            _Line(
                tag=tag,
                name=words.code(tag, "language"),
                own=tongue.name,
                text=texts.of(tag),
                is_verified=texts.state(tag) is TextState.VERIFIED,
                changed=len(outdated(texts.of(tag), texts.german)),
                put_by=_name(names, texts.kept[tag]),
            )
            for tag, tongue in TONGUES.items()
        ],
    )


def _name(names: Mapping[AccountId, str], kept: KeptText) -> str:
    return names.get(kept.put_by, "") if kept.put_by else ""


def _language(request: web.Request) -> str:
    language = request.match_info["language"]
    if language not in TONGUES:
        raise NotFoundError("language")
    return language


async def _show(request: web.Request) -> web.Response:
    texts = await parts_of(request).run.read(current_texts)
    text = texts.of(_language(request))
    values = {f"b-{block.id}": (block.text,) for block in text.blocks}
    by_machine = text.language != GERMAN and texts.kept[text.language].put_by is None
    author = "" if by_machine else text.author
    return await _text_page(request, texts, Form(values | {"author": (author,)}))


def _parts(text: ConsentText) -> dict[str, list[Block]]:
    """The sentences in the order in which a person meets them, by part."""
    parts: dict[str, list[Block]] = {title: [] for title in _PARTS}
    homes = {start: title for title, starts in _PARTS.items() for start in starts}
    for block in text.blocks:
        parts[homes.get(block.id.split(".")[0], _QUESTIONS)].append(block)
    return parts


async def _text_page(
    request: web.Request, texts: Texts, form: Form, *, status: int = 200
) -> web.Response:
    words, language = words_of(request), _language(request)
    kept = texts.kept[language]
    names = await colleagues(request)
    return await page(
        request,
        "consent_text.html",
        status=status,
        form=form,
        text=kept.text,
        german=texts.german,
        parts=_parts(texts.german),
        is_german=language == GERMAN,
        german_is_verified=texts.state(GERMAN) is TextState.VERIFIED,
        language_name=words.code(language, "language"),
        is_verified=texts.state(language) is TextState.VERIFIED,
        changed=outdated(kept.text, texts.german),
        spoken={b.id for b in kept.text.blocks if texts.is_spoken(kept.text, b.id)},
        put_by=_name(names, kept),
        is_mine=kept.put_by == account_of(request).id,
        is_worded=kept.put_by is not None,
        verified_by=names.get(kept.verified_by, "") if kept.verified_by else "",
    )


async def _word(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    texts = await parts.run.read(current_texts)
    language = _language(request)
    if form.text("_german") != texts.german.digest and language != GERMAN:
        return conflict(request)
    errors: dict[str, str] = {}
    if not form.text("author").strip():
        errors["author"] = words.gettext("Please add: who wrote or translated it.")
    text = _worded(form, texts, language, on=today(request))
    errors |= {
        f"b-{block.id}": words.gettext("Please fill in this text.")
        for block in text.blocks
        if not block.text
    }
    if not errors:
        try:
            await parts.run.write(word_text, parts.office, text, by=actor(request))
        except MalformedMessageError:
            errors["text"] = words.gettext(
                "A text is too long, or a mark in curly brackets is missing or stands in"
                " the wrong place."
            )
    if errors:
        return await _text_page(request, texts, form.with_errors(errors), status=422)
    saved = words.gettext(
        "The wording was saved. It is a draft until somebody else verifies it."
    )
    return await see_other(request, f"{_HERE}/{language}", saved=saved)


def _worded(form: Form, texts: Texts, language: str, *, on: date) -> ConsentText:
    """The text as it was typed; each block belongs to the German that stood beside it."""
    return replace(
        texts.of(language),
        author=form.text("author").strip(),
        written_on=on,
        blocks=tuple(
            Block(
                german.id,
                " ".join(form.text(f"b-{german.id}").split()),
                "" if language == GERMAN else german.digest,
            )
            for german in texts.german.blocks
        ),
    )


async def _verify(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    texts = await parts.run.read(current_texts)
    text = texts.of(_language(request))
    if form.text("_digest") != text.digest:
        return conflict(request)
    try:
        await parts.run.write(
            verify_text,
            parts.office,
            text,
            verifier=form.text("verifier"),
            by=actor(request),
        )
    except (InputError, ForbiddenError) as error:
        field, sentence = _refused(error, words)
        values = {f"b-{block.id}": block.text for block in text.blocks}
        filled = form.starting(
            values | {"author": text.author, "verifier": form.text("verifier")}
        )
        return await _text_page(
            request, texts, filled.with_errors({field: sentence}), status=422
        )
    except ConflictError:
        return conflict(request)
    saved = words.gettext("The text is marked as verified and may be signed.")
    return await see_other(request, _HERE, saved=saved)


def _refused(error: InputError | ForbiddenError, words: Words) -> tuple[str, str]:
    if isinstance(error, ForbiddenError):
        return "verifier", words.gettext(
            "A second account must verify it: not the one that saved the wording."
        )
    if error.reason == "german_first":
        return "verifier", words.gettext(
            "The German text must be verified first, and every sentence must belong to it."
        )
    if error.reason == "not_worded":
        return "verifier", words.gettext(
            "Somebody must first read and save the wording; another person verifies it."
        )
    return "verifier", words.gettext("Please add: who checked the text.")


async def _record(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    texts = await parts.run.read(current_texts)
    text = texts.of(_language(request))
    block = next((b for b in text.blocks if b.id == form.text("block")), None)
    sound = await _sound(request)
    kind = next((k for mark, k in _SOUNDS.items() if sound.startswith(mark)), "")
    if block is None or not kind or len(sound) > RECORDING_BYTES:
        wrong = words.gettext(
            "Please choose a sentence and a recording (MP3 or Ogg, at most 2 megabytes)."
        )
        values = {f"b-{b.id}": b.text for b in text.blocks} | {"author": text.author}
        shown = form.starting(values).with_errors({"file": wrong})
        return await _text_page(request, texts, shown, status=422)
    made = Recording(text.language, block.id, block.digest, kind, sound)
    await parts.run.write(keep_recording, made, by=actor(request))
    saved = words.gettext("The recording was saved.")
    return await see_other(request, f"{_HERE}/{text.language}", saved=saved)


async def _sound(request: web.Request) -> bytes:
    """The file in memory, not much longer than a recording may be."""
    part, read = request[FILE], b""
    while chunk := await part.read_chunk(_PORTION):
        read += chunk
        if len(read) > RECORDING_BYTES:
            break
    return read
