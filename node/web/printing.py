"""Between pages and the press: a PDF as an answer, or a page that says why there is none.

Enters: a sheet. Leaves: a download, never shown inside a page (SR-U2), or words. Must never
happen: a name of a person in the file's name; a failure of the press that breaks anything
else (SC-68). Papers are German: other offices and authorities read them.
"""

from http import HTTPStatus

from aiohttp import web

from node.errors import PrinterError, UnprintableError
from node.report.sheet import GERMAN, Kind, Sheet
from node.web.download import given
from node.web.frame import WORDS, bare_frame, parts_of, render, words_of
from node.web.language import Language, Words


def german(request: web.Request) -> Words:
    """The words of papers."""
    return request.config_dict[WORDS][Language.GERMAN]


async def printed(
    request: web.Request,
    kind: Kind,
    sheet: Sheet,
    *,
    name: str,
    back: str,
    language: str = GERMAN,
) -> web.Response:
    """The sheet as a PDF to keep.

    Args:
        request: The request being answered.
        kind: What it is.
        sheet: What it says.
        name: The file's name, without a person.
        back: The page to go on from where it cannot be printed.
        language: Of the document as a whole.
    """
    try:
        pdf = await parts_of(request).printer.render(kind, language, sheet)
    except (PrinterError, UnprintableError) as error:
        return not_printed(request, error, back)
    return given(pdf, "application/pdf", name)


def not_printed(
    request: web.Request, error: PrinterError | UnprintableError, back: str
) -> web.Response:
    """Why there is no PDF, and that nothing else is broken."""
    status = HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(error, UnprintableError):
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    return render(
        request,
        "paper_failed.html",
        bare_frame(request),
        status=status,
        sentence=no_print_words(error, words_of(request)),
        back=back,
    )


def no_print_words(error: PrinterError | UnprintableError, words: Words) -> str:
    """Why it could not be printed, in one sentence."""
    if isinstance(error, UnprintableError):
        character = error.character
        if not character.isprintable():
            character = f"U+{ord(character):04X}"
        sentence = words.gettext(
            'The character "%(character)s" cannot be printed. Please replace it.'
        )
        return sentence % {"character": character}
    return words.gettext(
        "PDFs cannot be made just now. Everything else works. Please tell whoever runs"
        " this server."
    )
