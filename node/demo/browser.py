"""A person at a browser without scripts: opens pages, reads them, fills in their forms.

Enters: addresses and what somebody types. Leaves: pages as a person sees them: status,
text, links, forms with what is already filled in. The self-check walks the product with
it, so that every step goes through the same doors as people do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

VOID = frozenset({"script", "style", "template"})
BREAKS = frozenset(
    {"p", "li", "div", "tr", "td", "th", "h1", "h2", "h3", "dt", "dd", "br", "label"}
)


@dataclass(frozen=True, slots=True)
class Field:
    """One control of a form: what would be sent if nobody touched it, and the choices."""

    name: str
    kind: str
    values: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a page."""

    action: str
    method: str
    kind: str
    fields: tuple[Field, ...]
    text: str = ""

    @property
    def names(self) -> frozenset[str]:
        """The names of its controls."""
        return frozenset(f.name for f in self.fields)

    def choices(self, name: str) -> tuple[str, ...]:
        """Every value that a control of this name offers."""
        return tuple(c for f in self.fields if f.name == name for c in f.choices)


@dataclass(frozen=True, slots=True)
class Page:
    """What a browser shows."""

    status: int
    path: str
    text: str
    forms: tuple[Form, ...]
    links: tuple[tuple[str, str], ...]
    body: bytes = field(default=b"", repr=False)

    def form(self, action: str, words: str = "") -> Form:
        """The first form whose action ends so and in which these words stand.

        Raises:
            AssertionError: The page has no such form.
        """
        found = [
            form
            for form in self.forms
            if urlsplit(form.action).path.endswith(action) and words in form.text
        ]
        if not found:
            actions = [f.action for f in self.forms]
            raise AssertionError(f"no form {action} on {self.path}: {actions}")
        return found[0]

    def link(self, part: str) -> str:
        """The address of the first link whose words or address hold this part.

        Raises:
            AssertionError: There is none.
        """
        for words, href in self.links:
            if part in words or part in href:
                return href
        raise AssertionError(f"no link {part} on {self.path}")


class Browser:
    """One person's browser, signed in at most once."""

    def __init__(self, origin: str) -> None:
        """Open an empty browser for one town.

        Hosts below ``localhost`` are this machine; the connection goes to 127.0.0.1.
        """
        self._origin = URL(origin)
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(
                unsafe=True, treat_as_secure_origin=[self._local("/")]
            ),
            headers={"Host": self._origin.authority},
        )

    def _local(self, path: str) -> URL:
        return URL(urljoin(f"http://127.0.0.1:{self._origin.port}/", path))

    async def __aenter__(self) -> Self:
        """Use it."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self._session.close()

    async def open(self, path: str) -> Page:
        """Follow an address, redirects included."""
        return await self._go("GET", path, None)

    async def submit(
        self,
        page: Page,
        action: str,
        values: Mapping[str, str | list[str]],
        *,
        words: str = "",
    ) -> Page:
        """Fill in a form of a page and send it; what nobody touches stays as it is.

        A list sets all values of a name; an empty list unticks it.
        """
        form = page.form(action, words)
        sent: list[tuple[str, str]] = []
        for control in form.fields:
            if control.name not in values:
                sent += [(control.name, value) for value in control.values]
        for name, value in values.items():
            listed = value if isinstance(value, list) else [value]
            sent += [(name, one) for one in listed]
        target = urljoin(page.path, form.action or page.path)
        if form.kind == "multipart/form-data":
            body: aiohttp.FormData | None = aiohttp.FormData(default_to_multipart=True)
        else:
            body = aiohttp.FormData()
        assert body is not None
        for name, one in sent:
            body.add_field(name, one)
        if form.method == "get":
            query = URL(target).with_query(sent)
            return await self._go("GET", str(query), None)
        return await self._go("POST", target, body)

    async def upload(
        self,
        page: Page,
        action: str,
        values: Mapping[str, str],
        file: tuple[str, str, bytes],
    ) -> Page:
        """Send a form with a file: control, file name, content."""
        form = page.form(action)
        body = aiohttp.FormData(default_to_multipart=True)
        name, file_name, content = file
        for control in form.fields:
            if control.name not in values and control.name != name:
                for one in control.values:
                    body.add_field(control.name, one)
        for key, one in values.items():
            body.add_field(key, one)
        body.add_field(
            name, content, filename=file_name, content_type="application/octet-stream"
        )
        return await self._go(
            "POST", urljoin(page.path, form.action or page.path), body
        )

    async def _go(self, method: str, path: str, body: aiohttp.FormData | None) -> Page:
        headers = {}
        if method == "POST":
            headers = {
                "Origin": str(self._origin.origin()),
                "Sec-Fetch-Site": "same-origin",
            }
        for _ in range(5):
            async with self._session.request(
                method,
                self._local(path),
                data=body,
                headers=headers,
                allow_redirects=False,
            ) as response:
                content = await response.read()
                where = response.headers.get("Location")
                if where is None or response.status not in {302, 303}:
                    return read(response.status, path, content)
                path = URL(urljoin(path, where)).path_qs
                method, body, headers = "GET", None, {}
        raise AssertionError("redirects without end")


def read(status: int, path: str, content: bytes) -> Page:
    """What a page shows and offers."""
    reader = _Reader()
    reader.feed(content.decode("utf-8", "replace"))
    lines = (" ".join(line.split()) for line in "".join(reader.words).splitlines())
    text = "\n".join(line for line in lines if line)
    return Page(status, path, text, tuple(reader.forms), tuple(reader.links), content)


class _Reader(HTMLParser):
    """Collects words, links and forms."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.forms: list[Form] = []
        self._hidden = 0
        self._form: Form | None = None
        self._form_start = 0
        self._link: tuple[str, int] | None = None
        self._select: Field | None = None
        self._area: tuple[str, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in VOID:
            self._hidden += 1
        if tag in BREAKS:
            self.words.append("\n")
        if tag == "a" and "href" in given:
            self._link = (given["href"], len(self.words))
        elif tag == "form":
            self._form = Form(
                given.get("action", ""),
                given.get("method", "get").lower(),
                given.get("enctype", ""),
                (),
            )
            self._form_start = len(self.words)
        elif tag in {"input", "button"} and given.get("name"):
            self._control(tag, given)
        elif tag == "select":
            self._select = Field(given.get("name", ""), "select")
        elif tag == "option" and self._select is not None:
            value = given.get("value", "")
            chosen = (value,) if "selected" in given else self._select.values
            self._select = replace(
                self._select, values=chosen, choices=(*self._select.choices, value)
            )
        elif tag == "textarea":
            self._area = (given.get("name", ""), len(self.words))

    def _control(self, tag: str, given: dict[str, str]) -> None:
        kind = given.get("type", "submit" if tag == "button" else "text")
        value = given.get("value", "on" if kind == "checkbox" else "")
        if kind in {"checkbox", "radio"}:
            kept = (value,) if "checked" in given else ()
            self._add(Field(given["name"], kind, kept, (value,)))
        elif kind in {"submit", "file"}:
            self._add(Field(given["name"], kind, (), (value,)))
        else:
            self._add(Field(given["name"], kind, (value,)))

    def _add(self, control: Field) -> None:
        if self._form is not None and control.name:
            self._form = replace(self._form, fields=(*self._form.fields, control))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            self._hidden -= 1
        if tag in BREAKS:
            self.words.append("\n")
        if tag == "a" and self._link is not None:
            href, start = self._link
            self.links.append((" ".join("".join(self.words[start:]).split()), href))
            self._link = None
        elif tag == "form" and self._form is not None:
            text = " ".join("".join(self.words[self._form_start :]).split())
            self.forms.append(replace(self._form, text=text))
            self._form = None
        elif tag == "select" and self._select is not None:
            first = self._select.choices[:1]
            kept = self._select.values or first
            self._add(replace(self._select, values=kept))
            self._select = None
        elif tag == "textarea" and self._area is not None:
            name, start = self._area
            self._add(Field(name, "textarea", ("".join(self.words[start:]),)))
            self._area = None

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)
