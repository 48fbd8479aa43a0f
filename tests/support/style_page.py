"""Every macro on one page, in German, for eyes and screenshots.

``python -m tests.support.style_page [port]`` serves it on loopback at ``/style``.
"""

import sys
from datetime import date, timedelta
from pathlib import Path

from aiohttp import web

from node.telemetry import configure_logging
from node.web.forms import Form
from node.web.frame import ENVIRONMENTS, Route, bare_frame, page, see_other
from node.web.language import Language
from tests.support.web_stage import START, Stage, make_stage

STYLE = (Path(__file__).parent / "style.html").read_text("utf-8")

FORM = Form(
    {
        "place": ("Wehr",),
        "shape": ("talk",),
        "topic": ("language", "work"),
        "responsible": ("unclear",),
        "take": ("k01",),
        "note": ("Schlüssel liegt bei der Nachbarin.\nBitte vorher anrufen.",),
    },
    {
        "place": "Zwei Orte heißen so. Bitte wählen Sie einen.",
        "day": "Bitte ergänzen: Tag des Umzugs",
    },
)

CONTEXT = {
    "checks": [
        {"ok": True, "text": "Absender bekannt: Stadt Wehr, im Verzeichnis seit 2026"},
        {
            "ok": None,
            "text": "Einwilligung: wird beim Öffnen erneut geprüft",
            "detail": "Von Wehr mit Unterschrift bestätigt, gilt bis 13.05.2027",
        },
        {"ok": False, "text": "Nicht unverändert angekommen: ein Teil fehlt"},
    ],
    "steps": [
        {"label": "Vorbereitet", "state": "done", "at": START - timedelta(days=2)},
        {
            "label": "Einwilligung geprüft",
            "state": "done",
            "at": START - timedelta(days=2),
        },
        {
            "label": "Versandt",
            "state": "current",
            "at": START,
            "text": "Bad Säckingen ist seit 14:05 nicht erreichbar. Nächster Versuch "
            "14:35. Sie müssen nichts tun.",
        },
        {"label": "Zugestellt, versiegelt", "state": "todo"},
        {"label": "Angenommen", "state": "todo"},
        {"label": "Zurückgerufen", "state": "ended"},
    ],
    "months": [date(2026, 12, 1), date(2026, 12, 1), date(2026, 11, 12)],
    "transfers": [
        ("Farid Ahmadi", "Bad Säckingen", "info", "versiegelt", 12),
        ("سمیرا نوری", "Waldshut-Tiengen", "success", "übernommen", 3),
        ("Olena Kovalenko", "Hohentengen am Hochrhein", "", "abgelehnt", 1204),
    ],
    "tasks": [
        {"title": "Wohin", "href": "#1", "status": "fertig", "kind": "success"},
        {"title": "Wer", "href": "#2", "status": "begonnen", "kind": "info"},
        {
            "title": "Einwilligung",
            "href": "#3",
            "status": "blockiert",
            "kind": "warning",
            "hint": "Es fehlt: Einwilligung von 1 Person",
        },
        {"title": "Senden", "href": "", "status": "nicht begonnen", "kind": ""},
    ],
    "two_hours": timedelta(hours=2),
}


async def _style(request: web.Request) -> web.Response:
    environment = request.app[ENVIRONMENTS[Language.GERMAN]]
    frame = bare_frame(request)
    html = environment.from_string(STYLE).render(
        frame=frame, status=200, form=FORM, **CONTEXT
    )
    return web.Response(text=html, content_type="text/html")


async def _plain(request: web.Request) -> web.Response:
    return await page(request, "404.html")


async def _save(request: web.Request) -> web.Response:
    return await see_other(request, "/work", saved="Gespräch gespeichert, 15 Minuten")


async def _break(request: web.Request) -> web.Response:
    raise RuntimeError("Ahmadi")


def stage(origin: str) -> Stage:
    paths = ("/work", "/cases", "/inbox", "/outbox", "/reports", "/contacts/new")
    return make_stage(
        [
            Route("GET", "/style", _style, is_public=True),
            Route("POST", "/style", _save),
            Route("GET", "/break", _break, is_public=True),
            *(Route("GET", path, _plain) for path in paths),
        ],
        origin=origin,
    )


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8401
    print(f"http://wehr.localhost:{port}/style")
    configure_logging(json=False)
    web.run_app(
        stage(f"http://wehr.localhost:{port}").app,
        host="127.0.0.1",
        port=port,
        print=None,
    )
