"""Walking a list through its pages, as a browser without scripts does."""

import re
import secrets
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

from tests.support.browser_by_hand import Browser, Page


@dataclass
class FormOnPage:
    """What a browser would send: hidden values, chosen options, ticks."""

    action: str
    values: list[tuple[str, str]] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    ticks: dict[str, list[str]] = field(default_factory=dict)

    def name_of(self, label: str) -> str:
        """The field with this label."""
        return next(name for name, text in self.labels.items() if text == label)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[FormOnPage] = []
        self._select = ""
        self._chosen: str | None = None
        self._label = ""
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(FormOnPage(found["action"]))
        elif not self.forms:
            return
        elif tag == "input" and found.get("type") in {"checkbox", "radio"}:
            name, value = found["name"], found["value"]
            self.forms[-1].ticks.setdefault(name, []).append(value)
            if "checked" in found:
                self.forms[-1].values.append((name, value))
        elif tag == "input" and found.get("type") != "file":
            self.forms[-1].values.append((found["name"], found.get("value", "")))
        elif tag == "select":
            self._select, self._chosen = found["name"], None
        elif tag == "option":
            self.forms[-1].options.setdefault(self._select, []).append(found["value"])
            if self._chosen is None or "selected" in found:
                self._chosen = found["value"]
        elif tag == "label":
            self._label, self._text = found.get("for", ""), ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self.forms:
            self.forms[-1].values.append((self._select, self._chosen or ""))
        if tag == "label" and self.forms and self._label:
            name = self._label.removeprefix("f-")
            self.forms[-1].labels[name] = self._text.strip()
            self._label = ""

    def handle_data(self, data: str) -> None:
        self._text += data


def form_on(page: Page, ending: str) -> FormOnPage:
    """The form whose address ends so."""
    reader = _Forms()
    reader.feed(page.text)
    return next(form for form in reader.forms if form.action.endswith(ending))


@dataclass
class Walk:
    """One caseworker and one list."""

    browser: Browser
    address: str = ""

    async def put_down(self, content: bytes, name: str = "liste.xlsx") -> Page:
        """Upload a file; its address is known if it was taken."""
        token = (await self.browser.get("/imports")).form_token
        mark = secrets.token_hex(8)
        head = (
            f'--{mark}\r\nContent-Disposition: form-data; name="_token"\r\n\r\n{token}\r\n'
            f'--{mark}\r\nContent-Disposition: form-data; name="file";'
            f' filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        ).encode()
        answer = await self.browser.send(
            "POST",
            "/imports",
            headers={
                "Sec-Fetch-Site": "same-origin",
                "Content-Type": f"multipart/form-data; boundary={mark}",
            },
            body=head + content + f"\r\n--{mark}--\r\n".encode(),
        )
        if answer.status == 303:
            self.address = answer.location
        return answer

    async def see(self, step: str = "") -> Page:
        """A step's page."""
        return await self.browser.get(self.address + (f"/{step}" if step else ""))

    async def send(self, step: str, **chosen: str | list[str]) -> Page:
        """Submit a step's form as it stands, with some choices made otherwise."""
        form = form_on(await self.see(step), f"/{step}")
        values = [(n, v) for n, v in form.values if n not in chosen]
        for name, value in chosen.items():
            several = value if isinstance(value, list) else [value]
            values += [(name, one) for one in several]
        return await self.browser.send(
            "POST",
            form.action,
            headers={
                "Sec-Fetch-Site": "same-origin",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            body=urlencode(values).encode(),
        )

    async def decide(self, *, accept: tuple[str, ...] = ()) -> Page:
        """Take what is proposed for columns and values; gives the trial's page."""
        answer = await self.send("columns")
        assert answer.status == 303, answer.text
        for _ in range(2):
            answer = await self.send("values", accepted=list(accept))
            assert answer.status == 303, answer.text
        return await self.see("trial")

    async def take_over(self, **chosen: str) -> Page:
        """Take over, wait, and give the page of the list."""
        answer = await self.send("apply", **chosen)
        assert answer.status == 303, answer.text
        while True:
            answer = await self.see("apply")
            if answer.headers.get("Refresh") is None:
                break
        if answer.status == 303:
            return await self.browser.get(answer.location)
        return answer

    async def take_back(self) -> Page:
        """Undo, and give the page of the list."""
        answer = await self.send("undo")
        assert answer.status == 303, answer.text
        return await self.browser.get(answer.location)


def numbers(page: Page) -> dict[str, str]:
    """The facts of a page: what stands beside each word."""
    found = re.findall(r"<dt[^>]*>(.*?)</dt><dd[^>]*>(.*?)</dd>", page.text, re.DOTALL)
    return {key: re.sub(r"<[^>]+>", "", value).strip() for key, value in found}
