"""S8 Einwilligung, the client's side: one question per page, in the person's own language.

Enters: taps of somebody who holds the device. Leaves: answers, sealed in the session; a no
at once in the case. Must never happen: anything but the person's own answers on a page; a
box ticked beforehand; a no that takes more steps than a yes. Implements flow C, FR-23,
SC-34 to SC-41.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from aiohttp import web

from node.accounts.passkey import request_options
from node.cases.consenttext import TONGUES
from node.casework.consenttexts import current_texts
from node.casework.signing import PNG, PNG_END, SIGNATURE_BYTES, record_signed
from node.errors import ConflictError, NotFoundError
from node.report.readings import ReadingUnit
from node.web.answering import Spoken
from node.web.door import challenge_of, site_of
from node.web.forms import Form
from node.web.frame import (
    Route,
    bare_frame,
    form_of,
    parts_of,
    render,
    see_other,
    words_of,
)
from node.web.kiosk import (
    DOOR,
    HOLDER,
    come_back,
    drop_round,
    holder,
    keep_round,
    round_of,
)
from node.web.round import (
    CHECK,
    LANGUAGE,
    LOCK_AFTER,
    PAUSE_AFTER,
    SIGN,
    THANKS,
    Round,
)
from node.web.session import sign_out
from node.web.stepup import PURPOSE, wrong_proof

_PLAIN: Final = {
    LANGUAGE: "kiosk_language.html",
    "about": "kiosk_about.html",
    "scope": "kiosk_scope.html",
    CHECK: "kiosk_check.html",
    SIGN: "kiosk_sign.html",
}
_FORMS: Final = {"finger": "screen", "paper": "paper", "mark": "mark"}
_RETURN: Final = f"{DOOR}/return"


def routes() -> list[Route]:
    """The addresses that answer while the device is away, and no others."""
    kiosk = partial(Route, is_public=True, is_kiosk=True)
    return [
        kiosk("GET", DOOR, _enter),
        kiosk("GET", f"{DOOR}/pause", _pause),
        kiosk("GET", _RETURN, _ask_back),
        kiosk("POST", _RETURN, _take_back),
        kiosk("POST", f"{DOOR}/end", _end),
        kiosk("GET", f"{DOOR}/nothing", _ask_nothing),
        kiosk("POST", f"{DOOR}/nothing", _nothing),
        kiosk("GET", f"{DOOR}/{THANKS}", _thanks),
        kiosk("GET", f"{DOOR}/recordings/{{language}}/{{block}}", _recording),
        kiosk("GET", f"{DOOR}/{{step}}", _show),
        kiosk("POST", f"{DOOR}/{{step}}", _answer),
    ]


async def _spoken(request: web.Request, one: Round) -> Spoken:
    return Spoken(one, await parts_of(request).run.read(current_texts))


def _kiosk_page(
    request: web.Request,
    template: str,
    spoken: Spoken,
    *,
    status: int = 200,
    **more: object,
) -> web.Response:
    """A page without navigation that leads to the pause by itself, without a script."""
    response = render(
        request, template, bare_frame(request), status=status, k=spoken, **more
    )
    seconds = int(PAUSE_AFTER.total_seconds())
    response.headers["Refresh"] = f"{seconds}; url={DOOR}/pause"
    return response


async def _touch(request: web.Request) -> Round | web.Response:
    """The round, touched just now; after half an hour only staff may go on."""
    one = await round_of(request)
    if one.is_locked(parts_of(request).clock.now()):
        return await see_other(request, _RETURN)
    return await keep_round(request, one)


async def _enter(request: web.Request) -> web.Response:
    one = await _touch(request)
    if isinstance(one, web.Response):
        return one
    return await _lead(request, one)


async def _lead(request: web.Request, one: Round) -> web.Response:
    step = THANKS if one.is_over else one.step
    return await see_other(request, f"{DOOR}/{step}")


async def _show(request: web.Request) -> web.Response:
    one = await _touch(request)
    if isinstance(one, web.Response):
        return one
    step = request.match_info["step"]
    if one.is_over or not one.reaches(step):
        return await _lead(request, one)
    one = await keep_round(request, one.at(step))
    return await _step_page(request, one)


async def _step_page(request: web.Request, one: Round) -> web.Response:
    spoken = await _spoken(request, one)
    template = _PLAIN.get(one.step, "kiosk_question.html")
    questions = one.questions
    number = questions.index(one.step) + 1 if one.step in questions else 0
    words = words_of(request)
    return _kiosk_page(
        request,
        template,
        spoken,
        tongues=[(t, words.code(t.tag, "language")) for t in TONGUES.values()],
        number=number,
        total=len(questions),
        document=one.document(one.step),
    )


async def _answer(request: web.Request) -> web.Response:
    one = await _touch(request)
    if isinstance(one, web.Response):
        return one
    form, step = form_of(request), request.match_info["step"]
    if one.is_over or not one.reaches(step):
        return await _lead(request, one)
    one = one.at(step)
    if step == SIGN:
        return await _sign(request, one, form)
    if step == LANGUAGE:
        if form.text("_language") not in TONGUES:
            return await _lead(request, one)
        one = replace(one, language=form.text("_language"))
    elif step in one.questions:
        one = one.answered(form.text("_said"))
    return await _lead(request, await keep_round(request, one.onward()))


async def _sign(request: web.Request, one: Round, form: Form) -> web.Response:
    how = form.text("_how")
    picture = _picture(form.text("signature")) if how == "finger" else ""
    if how not in _FORMS or picture is None:
        # Nothing was drawn yet: the page is the same.
        return await _lead(request, await keep_round(request, one))
    over = replace(one, form=_FORMS[how], signature=picture)
    return await _lead(request, await keep_round(request, over))


def _picture(sent: str) -> str | None:
    """The drawn signature in base64, if it is a picture of a size that can be."""
    text = sent.removeprefix("data:image/png;base64,")
    try:
        raw = b64decode(text, validate=True)
    except (NotBase64, ValueError):
        return None
    is_picture = raw.startswith(PNG) and raw.endswith(PNG_END)
    return text if is_picture and len(raw) <= SIGNATURE_BYTES else None


async def _ask_nothing(request: web.Request) -> web.Response:
    one = await _touch(request)
    if isinstance(one, web.Response):
        return one
    if one.is_over:
        return await _lead(request, one)
    return _kiosk_page(request, "kiosk_nothing.html", await _spoken(request, one))


async def _nothing(request: web.Request) -> web.Response:
    """A no to everything, stored at once: nobody has to do anything more."""
    one = await _touch(request)
    if isinstance(one, web.Response):
        return one
    if not one.is_over:
        parts = parts_of(request)
        refused = replace(one, answers={}, form="screen", is_recorded=True)
        spoken = await _spoken(request, refused)
        # A double tap: it is recorded.
        with suppress(ConflictError):
            await parts.run.write(
                record_signed,
                parts.office,
                spoken.answer({}),
                language=spoken.signed.language,
                proof=None,
                by=holder(request),
            )
        one = await keep_round(request, refused)
    return await _lead(request, one)


async def _thanks(request: web.Request) -> web.Response:
    one = await _touch(request)
    if isinstance(one, web.Response):
        return one
    if not one.is_over:
        return await _lead(request, one)
    return _kiosk_page(request, "kiosk_thanks.html", await _spoken(request, one))


async def _pause(request: web.Request) -> web.Response:
    """Nothing but a way on; looking at it is no touch."""
    spoken = await _spoken(request, await round_of(request))
    response = _kiosk_page(request, "kiosk_pause.html", spoken)
    left = LOCK_AFTER - PAUSE_AFTER
    response.headers["Refresh"] = f"{int(left.total_seconds())}; url={_RETURN}"
    return response


async def _ask_back(request: web.Request) -> web.Response:
    return await _return_page(request, Form())


async def _return_page(
    request: web.Request, form: Form, *, status: int = 200
) -> web.Response:
    one = await round_of(request)
    now = parts_of(request).clock.now()
    return render(
        request,
        "kiosk_return.html",
        bare_frame(request),
        status=status,
        form=form,
        may_go_on=not one.is_locked(now),
        options=request_options(
            site_of(parts_of(request)), await challenge_of(request, PURPOSE)
        ),
    )


async def _take_back(request: web.Request) -> web.Response:
    """Staff show that they are who handed it over, as before anything that weighs."""
    form, words = form_of(request), words_of(request)
    errors = await wrong_proof(request, form, request[HOLDER])
    if errors is not None:
        wrong = errors or {
            "_proof_password": words.gettext("Please add: your password")
        }
        return await _return_page(request, Form(errors=wrong), status=422)
    one = await round_of(request)
    await come_back(request)
    if not one.is_recorded:
        return await see_other(request, "/consents/finish")
    await drop_round(request)
    saved = words.gettext("The “no” was recorded. Nothing is passed on.")
    if one.transfer:
        return await see_other(request, f"/relocations/{one.transfer}", saved=saved)
    return await see_other(request, f"/cases/{one.case}/consents", saved=saved)


async def _end(request: web.Request) -> web.Response:
    """Sign out; whoever wants in again stands before the door. The answers are gone."""
    await sign_out(request, parts_of(request).sessions)
    return await see_other(request, "/login")


async def _recording(request: web.Request) -> web.Response:
    """A spoken block, if it is of the words on the page (SC-39)."""
    spoken = await _spoken(request, await round_of(request))
    language, block = request.match_info["language"], request.match_info["block"]
    text = next((t for t in spoken.both if t.language == language), None)
    if text is None or not spoken.texts.recordings.get((language, block)):
        raise NotFoundError("recording")
    made = await parts_of(request).run.read(_made, language, block)
    if made is None:
        raise NotFoundError("recording")
    return web.Response(body=made[1], content_type=made[0])


def _made(uow: ReadingUnit, language: str, block: str) -> tuple[str, bytes] | None:
    found = uow.consent_texts.recording(language, block)
    return None if found is None else (found.media_type, found.sound)
